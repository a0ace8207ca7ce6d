"""Concurrent requests are each decided by their own credential and token."""

from __future__ import annotations

from functools import partial

from conformance.clients.concurrency import at_once
from conformance.oracles.oauth import expect_nothing_beyond
from conformance.oracles.status import expect_status
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import Inconclusive

ROUNDS, REPEATS = 2, 4
EXPECTED = {"full": range(200, 300), "narrow": range(400, 500), "foreign": range(400, 500), None: range(400, 500)}
"""The statuses for each role, and without a token."""


def read_closed_to_narrow(platform: Platform) -> Operation:
    """Return a declared read whose scope full has and narrow lacks."""
    narrow, full = (platform.oauth.credential(role).scopes for role in ("narrow", "full"))
    for operation in platform.shut("read"):
        if operation.scope and operation.scope not in narrow and operation.scope in full:
            return operation
    raise Inconclusive("no declared read needs a scope that narrow lacks", "a resource whose scope only full has")


@verifies("authorization/concurrency/token-belongs-to-its-client")
def test_token_belongs_to_its_client(platform: Platform) -> None:
    """Purpose: concurrent token requests must not get each other's tokens.

    Method: 1. request tokens concurrently as full, narrow and foreign, four times each; twice
            2. expect no token with a scope beyond its credential's
            3. use each at a resource whose scope narrow lacks: expect 2xx for full, 4xx for narrow and foreign
    """
    operation, roles = read_closed_to_narrow(platform), [role for role in EXPECTED if role] * REPEATS
    for _ in range(ROUNDS):
        replies = at_once([partial(platform.oauth.request_token, role) for role in roles])
        for role, reply in zip(roles, replies, strict=True):
            token = platform.oauth.learned_token(reply, role)
            expect_nothing_beyond(reply, platform.oauth.credential(role).scopes)
            expect_status(platform.send(operation, token), EXPECTED[role], f"for {operation} as {role}")


@verifies("authorization/concurrency/request-is-decided-by-its-token")
def test_request_is_decided_by_its_token(platform: Platform) -> None:
    """Purpose: concurrent requests must not be decided by each other's tokens.

    Method: 1. read a resource whose scope narrow lacks, concurrently as full, narrow, foreign and without a token
            2. expect 2xx for full, 4xx for the others
    """
    operation, callers = read_closed_to_narrow(platform), list(EXPECTED) * REPEATS
    tokens = {role: platform.oauth.token(role) if role else None for role in EXPECTED}
    for _ in range(ROUNDS):
        replies = at_once([partial(platform.send, operation, tokens[role]) for role in callers])
        for role, reply in zip(callers, replies, strict=True):
            expect_status(reply, EXPECTED[role], f"for {operation} as {role or 'an unauthenticated client'}")
