"""Every response of the run is judged: none contains another organization's data, and each 401 has a challenge."""

from __future__ import annotations

from functools import partial

import pytest

from conformance.clients.concurrency import at_once
from conformance.evidence.recorder import Recorder
from conformance.oracles.documents import shows
from conformance.oracles.tenant_leaks import expect_no_sighting
from conformance.oracles.whole_run import expect_none
from conformance.sandbox.other_tenant import ForeignThings
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.finding import Inconclusive, Proof


@verifies("authorization/isolation/nothing-foreign-in-any-answer")
@concludes()
def test_nothing_foreign_in_any_answer(platform: Platform, theirs: ForeignThings, recorder: Recorder) -> None:
    """Purpose: nothing that another organization stored reaches anybody else, in whatever corner of an answer.

    Method: 1. see that the role foreign reads a canary: a text that stands in its things and nowhere else
            2. as full and without a token, ask for everything that is declared, well and badly, here and there, and
               for tokens in vain
            3. expect no canary in a header field or body of these answers, and of all others that the run was given
               before, to other credentials, by any surface
    """
    shown = [theirs.seen(foreign.path) for _, foreign in theirs.declared()]
    if not any(shows(each, canary) for each in shown for canary in theirs.canaries):
        raise Inconclusive(
            "the role foreign reads no canary", "canaries in [targets.X.foreign] that stand in what it reads"
        )
    for token in (platform.oauth.token("full"), None):
        sweep(platform, theirs, token)
    platform.oauth.request_token(client_secret="cf-not-the-secret")
    platform.oauth.request_token(scope="cf:unknown")
    expect_no_sighting(recorder)


def sweep(platform: Platform, theirs: ForeignThings, token: str | None) -> None:
    """Asks for everything that is declared, well and badly, here and in the other organization."""
    operations = platform.operations("read", "create", "read-item", "update")
    for operation in operations:
        if operation.kind == "create":
            platform.remember(operation.resource, str(platform.slug_of(operation)))
    there = [(platform.operation(resource, "read"), foreign.path) for resource, foreign in theirs.declared()]
    for operation, path in [*((each, each.path) for each in operations), *there]:
        send = partial(platform.send, operation, token)
        at_once([
            partial(send, path=path),
            partial(send, path=path, method="OPTIONS"),
            partial(send, [("If-Match", '"cf"'), ("If-None-Match", "*")], path=path),
            partial(send, path=f"{path}?limit=cf"),
            partial(send, path=f"{path}/{platform.names.new()}"),
            partial(send, path=path, document={"cf": 1}),
        ])  # fmt: skip


@verifies("authorization/bearer/401-carries-a-bearer-challenge")
@concludes()
@pytest.mark.parametrize("value", [case("of-the-whole-run", "Bearer cf cf")])
def test_no_401_without_a_challenge(platform: Platform, recorder: Recorder, value: str) -> None:
    """Purpose: a client is told how to authenticate, whatever was wrong with its token, or with the field for it.

    Method: 1. read a declared resource with two words for a token
            2. where that is 401, and in every other 401 that the run was given before by a declared resource, expect
               WWW-Authenticate
    """
    platform.http.get(platform.operations("read")[0].path, [("Authorization", value)])
    challenge = Proof(fields_match=(("WWW-Authenticate", "[A-Za-z]"),))
    expect_none(recorder, recorder.watch.bare, "401 with WWW-Authenticate", "none", challenge)
