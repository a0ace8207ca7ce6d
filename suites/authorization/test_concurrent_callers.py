"""Concurrent requests are each decided by their own credential and token."""

from __future__ import annotations

import itertools
from functools import partial

from conformance.clients.concurrency import at_once
from conformance.oracles.oauth import expect_nothing_beyond
from conformance.oracles.status import expect_status
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import Inconclusive

ROUNDS, EACH = 2, 4
# Which refusal it is, is a promise of other checks.
ANSWERS = {"full": range(200, 300), "narrow": range(400, 500), "foreign": range(400, 500)}
ROLES = [role for _ in range(EACH) for role in ANSWERS]


def beyond_narrow(platform: Platform) -> Operation:
    """A declared read whose scope full has and narrow lacks."""
    own = platform.oauth.credential("narrow").scopes
    for operation in platform.shut("read"):
        if (
            operation.scope
            and operation.scope not in own
            and operation.scope in platform.oauth.credential("full").scopes
        ):
            return operation
    raise Inconclusive("no declared read needs a scope that narrow lacks", "a resource whose scope is full's alone")


@verifies("authorization/at-once/tokens-are-their-askers")
def test_tokens_are_their_askers(platform: Platform) -> None:
    """Purpose: who asks at the same moment as others gets a token of its own credential.

    Method: 1. ask for tokens at once as full, narrow and foreign, four times each; twice over
            2. expect no token to state a scope beyond the credential that asked
            3. use each at a resource whose scope narrow lacks: 2xx for full, a refusal for narrow and foreign
    """
    operation = beyond_narrow(platform)
    for _ in range(ROUNDS):
        replies = at_once([partial(platform.oauth.request_token, role) for role in ROLES])
        for role, reply in zip(ROLES, replies, strict=True):
            token = platform.oauth.taken(reply, role)
            expect_nothing_beyond(reply, platform.oauth.credential(role).scopes)
            expect_status(platform.send(operation, token), ANSWERS[role], f"for {operation} as {role}")


@verifies("authorization/at-once/callers-are-kept-apart")
def test_callers_are_kept_apart(platform: Platform) -> None:
    """Purpose: a request is decided on by its own token, whoever else calls at the same moment.

    Method: 1. read a resource whose scope narrow lacks at once as full, narrow, foreign and without a token, four
               times each; twice over
            2. expect 2xx for full, a refusal for the others
    """
    operation = beyond_narrow(platform)
    answers = ANSWERS | {None: range(400, 500)}
    tokens = {role: platform.oauth.token(role) if role else None for role in answers}
    callers = list(itertools.chain.from_iterable([list(answers)] * EACH))
    for _ in range(ROUNDS):
        replies = at_once([partial(platform.send, operation, tokens[role]) for role in callers])
        for role, reply in zip(callers, replies, strict=True):
            expect_status(reply, answers[role], f"for {operation} as {role or 'nobody'}")
