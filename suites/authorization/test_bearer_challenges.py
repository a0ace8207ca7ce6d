"""The challenge of a 401 or 403 response names what the request lacks (RFC 6750, section 3)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_challenge, expect_challenge_error, expect_well_formed_bearer
from conformance.oracles.status import NOT_OFFERED, expect_status
from conformance.oracles.whole_run import expect_none
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable


def refused(platform: Platform, once: Once, who: str) -> list[tuple[Operation, Exchange]]:
    """Send each declared operation without a token, with an unknown one, or with one that lacks its scope."""

    def send(operation: Operation) -> Exchange:
        token = platform.oauth.token_without(str(operation.scope)) if who == "lacking-scope" else None
        return platform.send(operation, "cf-unknown-token" if who == "unknown-token" else token)

    operations = [each for each in platform.operations(*KINDS) if each.scope or who != "lacking-scope"]
    return once(("refused", who), lambda: [(each, send(each)) for each in operations])


@verifies("authorization/bearer/401-carries-a-bearer-challenge")
@pytest.mark.parametrize("who", ["no-token", "unknown-token"])
def test_401_carries_a_bearer_challenge(platform: Platform, once: Once, who: str) -> None:
    """Purpose: the challenge tells a client how to authenticate.

    Method: 1. perform each declared operation without a token, and with an unknown one
            2. where the status is 401, expect a WWW-Authenticate challenge of scheme Bearer with a parameter
    """
    for _, reply in refused(platform, once, who):
        if reply.status == 401 and not expect_challenge(reply, "Bearer").parameters:
            seen = f"WWW-Authenticate: {reply.headers.get('www-authenticate')}"
            raise NonConformance("a Bearer challenge with a parameter", seen, reply)


@verifies("authorization/bearer/401-carries-a-bearer-challenge#of-the-whole-run")
@concludes()
def test_no_401_without_a_challenge(platform: Platform, recorder: Recorder) -> None:
    """Purpose: the challenge tells a client how to authenticate, whatever was wrong with its token.

    Method: 1. read a declared resource with two words as the token
            2. expect WWW-Authenticate in this 401 and in every other 401 of the declared resources in the run
    """
    reply = platform.http.get(platform.operations("read")[0].path, [("Authorization", "Bearer cf cf")])
    expect_none(recorder, recorder.passive_checks.bare, "401 with WWW-Authenticate", "none")
    if reply.ok:
        raise NotApplicable("a malformed token is accepted; another check reports that")


@verifies("authorization/bearer/challenge-is-well-formed")
@pytest.mark.parametrize("who", ["no-token", "unknown-token", "lacking-scope"])
def test_challenge_is_well_formed(platform: Platform, once: Once, who: str) -> None:
    """Purpose: a client must be able to parse the challenge.

    Method: 1. perform each declared operation without a token, with an unknown one, and with one that lacks the scope
            2. expect a well-formed list of challenges, and each Bearer attribute at most once and in its characters
    """
    for _, reply in refused(platform, once, who):
        expect_well_formed_bearer(reply)


@verifies("authorization/bearer/no-token-names-no-error")
def test_no_token_names_no_error(platform: Platform, once: Once) -> None:
    """Purpose: a client that sent no token made no error.

    Method: 1. read each declared resource without a token; 2. expect no parameter error in a Bearer challenge
    """
    for operation, reply in refused(platform, once, "no-token"):
        errors = [each for each in challenges(reply) if each.scheme == "bearer" and "error" in each.parameters]
        if errors and operation.kind == "read":
            raise NonConformance("a challenge without error", str(reply.headers.get("www-authenticate")), reply)


@pytest.mark.parametrize(
    ("who", "code", "kinds"),
    [
        row("authorization/bearer/bad-token-is-invalid-token", "unknown-token", "invalid_token", ("read",)),
        row("authorization/bearer/lacking-scope-is-insufficient-scope", "lacking-scope", "insufficient_scope", KINDS),
    ],
)
def test_challenge_names_the_error(platform: Platform, once: Once, who: str, code: str, kinds: tuple[str, ...]) -> None:
    """Purpose: a client learns whether it needs a new token or another scope.

    Method: 1. read each declared resource with an unknown token, perform each operation with one without its scope
            2. expect a challenge with error="invalid_token", and with error="insufficient_scope"
    """
    for operation, reply in refused(platform, once, who):
        if operation.kind in kinds:
            expect_challenge_error(reply, code)


@verifies("authorization/bearer/challenge-names-the-missing-scope")
def test_challenge_names_the_missing_scope(platform: Platform, once: Once) -> None:
    """Purpose: a client requests the scope that the challenge names.

    Method: 1. perform each declared operation with every scope except the one that it needs, and without a token
            2. where the challenge names scopes, expect the needed one among them
    """
    scopes = platform.oauth.credential("full").scopes
    operations = [each for each in platform.operations(*KINDS) if each.scope and {*scopes} - {each.scope}]
    lacking = [
        (each, platform.send(each, platform.oauth.token("full", *(name for name in scopes if name != each.scope))))
        for each in operations
    ]
    for operation, reply in [*lacking, *refused(platform, once, "no-token")]:
        named = {name for each in challenges(reply) for name in each.parameters.get("scope", "").split()}
        if operation.scope and named and operation.scope not in named:
            expected = f"no scope, or {operation.scope} among those named"
            raise NonConformance(expected, f"scope {' '.join(sorted(named))}", reply)


@verifies("authorization/bearer/401-comes-first")
@pytest.mark.parametrize("mistake", ["absent", "body", "media-type"])
def test_401_comes_first(platform: Platform, mistake: str) -> None:
    """Purpose: a client without a token must not learn which paths and bodies are valid.

    Method: 1. without a token read an absent path; update with a malformed body, or another media type; 2. expect 401
    """
    for operation in platform.operations("read-item" if mistake == "absent" else "update"):
        reply = {
            "absent": lambda each: platform.send(each, None, path=platform.absent_path(each.resource)),
            "body": lambda each: platform.request(each.method, each.path, [each.type_field], b"{"),
            "media-type": lambda each: platform.request(each.method, each.path, [("Content-Type", "text/plain")], b"x"),
        }[mistake](operation)
        expect_status(reply, 401, f"without a token, whatever else is wrong ({operation.resource.name}: {mistake})")


@verifies("authorization/bearer/401-comes-first#method")
def test_undeclared_methods_show_no_items(platform: Platform) -> None:
    """Purpose: a client without a token must not learn which items exist by an unsupported method.

    Method: 1. without a token send an undeclared method to an item and to an absent one
            2. expect 401, or the same status for both: 404, 405 or 501
    """
    for operation in platform.operations("read-item"):
        resource = operation.resource
        declared = {change.method for change in (resource.update, resource.delete) if change}
        method = next(each for each in ("PUT", "PATCH", "POST") if each not in declared)
        existing = platform.send(operation, None, method=method)
        expect_status(existing, {401, 404, *NOT_OFFERED}, "without a token, by a method that is not declared")
        absent = platform.send(operation, None, method=method, path=platform.absent_path(resource))
        if absent.status != existing.status:
            seen = f"{absent.status} for an absent one"
            raise NonConformance(f"{existing.status}, as for an item", seen, existing, absent)
