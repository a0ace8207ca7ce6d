"""A 401 or 403 response says what the request lacks (RFC 6750, section 3)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import (
    expect_challenge,
    expect_error_told,
    expect_well_formed_bearer,
)
from conformance.oracles.proofs import field_lacks, field_matches, field_says_no
from conformance.oracles.status import expect_status
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance


def refused(platform: Platform, once: Once, who: str) -> list[tuple[Operation, Exchange]]:
    """What each declared operation is answered to no token, to an unknown one, or to one that lacks its scope."""

    def ask(operation: Operation) -> Exchange:
        token = platform.oauth.token_without(str(operation.scope)) if who == "lacking-scope" else None
        return platform.send(operation, "cf-unknown-token" if who == "unknown-token" else token)

    asked = [each for each in platform.operations(*KINDS) if each.scope or who != "lacking-scope"]
    return once(("refused", who), lambda: [(each, ask(each)) for each in asked])


@verifies("authorization/bearer/401-carries-a-bearer-challenge")
@pytest.mark.parametrize("who", [case("no-token", "no-token"), case("unknown-token", "unknown-token")])
def test_401_carries_a_bearer_challenge(platform: Platform, once: Once, who: str) -> None:
    """Purpose: a client is told how to authenticate.

    Method: 1. perform each declared operation without a token, and with an unknown one
            2. where the answer is 401, expect a WWW-Authenticate challenge of scheme Bearer with a parameter
    """
    for _, reply in refused(platform, once, who):
        if reply.status == 401 and not expect_challenge(reply, "Bearer").parameters:
            told = f"WWW-Authenticate: {reply.headers.get('www-authenticate')}"
            proof = field_matches(reply, "WWW-Authenticate", "Bearer +[a-z]+ *=")
            raise NonConformance("a Bearer challenge with a parameter", told, reply, proof=proof)


@verifies("authorization/bearer/challenge-is-well-formed")
@pytest.mark.parametrize("who", [case(name, name) for name in ("no-token", "unknown-token", "lacking-scope")])
def test_challenge_is_well_formed(platform: Platform, once: Once, who: str) -> None:
    """Purpose: a client can read what the challenge says without a guess.

    Method: 1. perform each declared operation without a token, with an unknown one, with one that lacks the scope
            2. expect each attribute of each Bearer challenge once at most, and in its own characters; and of the field
               to be schemes and parameters with commas between them, each text closed
    """
    for _, reply in refused(platform, once, who):
        expect_well_formed_bearer(reply)


@verifies("authorization/bearer/no-token-names-no-error")
def test_no_token_names_no_error(platform: Platform, once: Once) -> None:
    """Purpose: who sent no token made no error yet.

    Method: 1. read each declared resource without a token
            2. expect no parameter error in a Bearer challenge; those of other schemes have words of their own
    """
    for reply in [reply for operation, reply in refused(platform, once, "no-token") if operation.kind == "read"]:
        if any("error" in each.parameters for each in challenges(reply) if each.scheme == "bearer"):
            told = reply.headers.get("www-authenticate")
            proof = field_says_no(reply, "WWW-Authenticate", "bearer .*error *=")
            raise NonConformance("a challenge without error", f"{told}", reply, proof=proof)


@verifies("authorization/bearer/bad-token-is-invalid-token")
def test_bad_token_is_invalid_token(platform: Platform, once: Once) -> None:
    """Purpose: a client learns that it needs a new token.

    Method: 1. read each declared resource with an unknown token
            2. expect a challenge with error="invalid_token"
    """
    for operation, reply in refused(platform, once, "unknown-token"):
        if operation.kind == "read":
            expect_error_told(reply, "invalid_token")


@verifies("authorization/bearer/lacking-scope-is-insufficient-scope")
def test_lacking_scope_is_insufficient_scope(platform: Platform, once: Once) -> None:
    """Purpose: a client learns that it needs another scope.

    Method: 1. perform each declared operation with a token that lacks its scope
            2. expect a challenge with error="insufficient_scope"
    """
    for _, reply in refused(platform, once, "lacking-scope"):
        expect_error_told(reply, "insufficient_scope")


@verifies("authorization/bearer/named-scope-is-one-that-lacks")
def test_named_scope_is_one_that_lacks(platform: Platform, once: Once) -> None:
    """Purpose: a client that is told which scope it needs is told the truth.

    Method: 1. perform each declared operation with a token of every scope but the one that it needs, and without one
            2. where the challenge names scopes, expect the needed one among them
    """
    scopes = platform.oauth.credential("full").scopes
    needing = [each for each in platform.operations(*KINDS) if each.scope and {*scopes} - {each.scope}]
    lacking = [
        (each, platform.send(each, platform.oauth.token("full", *(name for name in scopes if name != each.scope))))
        for each in needing
    ]
    for operation, reply in [*lacking, *refused(platform, once, "no-token")]:
        named = {name for each in challenges(reply) for name in each.parameters.get("scope", "").split()}
        if operation.scope and named and operation.scope not in named:
            proof = field_lacks(reply, "WWW-Authenticate", reply.headers.get("www-authenticate") or "")
            wanted = f"no scope, or {operation.scope} among those named"
            raise NonConformance(wanted, f"scope {' '.join(sorted(named))}", reply, proof=proof)


@verifies("authorization/bearer/401-comes-first")
@pytest.mark.parametrize("what", [case("absent", "absent"), case("body", "body"), case("media-type", "media-type")])
def test_401_comes_first(platform: Platform, what: str) -> None:
    """Purpose: without a token nobody learns which paths and bodies there are.

    Method: 1. send a request without a token that is wrong in one more way: the read of an absent path, an update of
               another body or type
            2. expect 401
    """
    for operation in platform.operations("read-item" if what == "absent" else "update"):
        reply = {
            "absent": lambda each: platform.send(each, None, path=platform.absent_path(each.resource)),
            "body": lambda each: platform.request(each.method, each.path, [each.type_field], b"{"),
            "media-type": lambda each: platform.request(each.method, each.path, [("Content-Type", "text/plain")], b"x"),
        }[what](operation)
        expect_status(reply, 401, f"without a token, whatever else is wrong ({operation.resource.name}: {what})")
