"""What a caller is told about its token (RFC 6750 section 3), and in which order."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

import pytest

from conformance.clients.oauth.client import bearer
from conformance.clients.registry.challenges import challenges
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import (
    expect_challenge,
    expect_error_told,
    expect_no_origin_let_in,
    expect_not_shared,
    expect_well_formed_bearer,
)
from conformance.oracles.proofs import field_lacks, field_matches, field_says_no
from conformance.oracles.status import NOT_OFFERED, expect_status, observed
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof


def reads(platform: Platform) -> list[tuple[Operation, str]]:
    """Each declared read with a token that opens it; Inconclusive where it does not."""
    found = [(each, platform.oauth.token("full")) for each in platform.operations("read")]
    control = platform.send(*found[0])
    if not control.ok:
        raise Inconclusive(
            f"{found[0][0]} is answered {control.status} to a good token", "a resource that full may read"
        )
    return found


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


@verifies("authorization/bearer/head-is-offered")
def test_head_is_offered(platform: Platform) -> None:
    """Purpose: whoever asks whether a resource is there, or how long it is, need not take it along.

    Method: 1. send HEAD to each declared resource with the good token
            2. expect neither 405 nor 501
    """
    for operation, token in [each for each in reads(platform) if each[0].method == "GET"]:
        reply = platform.send(operation, token, method="HEAD")
        if reply.status in NOT_OFFERED:
            raise NonConformance(
                "HEAD where there is GET", observed(reply), reply, proof=Proof(reply.id, statuses=(200,))
            )


@verifies("authorization/bearer/head-is-as-get")
def test_head_is_as_get(platform: Platform) -> None:
    """Purpose: HEAD tells what GET tells, without content.

    Method: 1. send GET and HEAD to each declared resource, and to an item of each, with the good token
            2. where there is HEAD, expect one status, no body, and the Content-Type of GET where HEAD states one
            3. where HEAD states a Content-Length or ETag, expect that of GET, if that has the same one again: another
               one counts if it is there four times; another length of what has that very ETag counts at once
    """
    token = reads(platform)[0][1]
    for operation in platform.operations("read", "read-item"):
        if operation.method == "GET":
            ask = partial(_head_between_two, platform, operation, token)
            got, head, again = ask()
            if head.status in NOT_OFFERED:
                continue
            if got.status != head.status or head.media_type not in ("", got.media_type) or head.body:
                wanted = f"{got.status} {got.media_type} without content"
                proof = Proof(head.id, statuses=(got.status,), same_if_any=(("content-type", got.id, head.id),))
                told = observed(head) if head.body else f"{head.status} {head.media_type} without content"
                raise NonConformance(wanted, told, got, head, proof=proof)
            for name in ("Content-Length", "ETag"):
                differ = partial(_fields_differ, name)
                of_one_version = _is_one_version(got, head, again)
                if differ(got, head, again) and (of_one_version or all(differ(*ask()) for _ in range(3))):
                    expected, told = (f"{name}: {each.headers.get(name)}" for each in (got, head))
                    proof = Proof(same_if_any=((name.lower(), got.id, head.id),))
                    raise NonConformance(expected, told, got, head, proof=proof)


def _head_between_two(platform: Platform, operation: Operation, token: str) -> list[Exchange]:
    return [platform.send(operation, token, method=method) for method in ("GET", "HEAD", "GET")]


def _is_one_version(*replies: Exchange) -> bool:
    """Whether one strong entity tag says that all are of the very same bytes (RFC 9110 section 8.8.1)."""
    tags = {each.headers.get("etag") or "" for each in replies}
    return len(tags) == 1 and tags.pop().startswith('"')


def _fields_differ(name: str, before: Exchange, head: Exchange, after: Exchange) -> bool:
    """Whether HEAD states another value of a field than GET does before and after."""
    values = [(each.headers.get(name) or "").removeprefix("W/") for each in (before, head, after)]
    return values[0] == values[2] != "" and values[1] not in ("", values[0])


@verifies("authorization/bearer/answers-are-not-shared")
def test_answers_are_not_shared(platform: Platform) -> None:
    """Purpose: what one token opens is not handed to others by a shared cache.

    Method: 1. read each declared resource with the good token, and with one that lacks its scope; one without a token,
               and one thing that does not exist
            2. expect no Cache-Control by which a shared cache would hand on what was shown, or refused
    """
    for number, (operation, token) in enumerate(reads(platform)):
        lacking = [platform.oauth.token_without(operation.scope)] if operation.scope else []
        for each in (token, *lacking, *([None] if number == 0 else [])):
            expect_not_shared(platform.send(operation, each))
    for resource in [each for each in platform.resources if each.item or each.absent][:1]:
        expect_not_shared(platform.http.get(platform.absent_path(resource), [bearer(platform.oauth.token("full"))]))


@verifies("authorization/bearer/no-strange-origin-is-let-in")
@pytest.mark.parametrize(
    "origin",
    [
        case("unknown", "https://cf-unknown.example"),
        case("null", "null"),
        case("ends-like-ours", "https://cf-{host}"),
        case("begins-like-ours", "https://{host}.cf-unknown.example"),
    ],
)
def test_no_strange_origin_is_let_in(platform: Platform, origin: str) -> None:
    """Purpose: no web page that a member happens to open reads the organization's APIs in that member's name.

    Method: 1. read a declared resource with the good token, under an Origin that nobody knows, under null, and
               under one that ends or begins like the API's own host
            2. expect no answer that names that origin and permits credentials
    """
    operation = platform.operations("read")[0]
    asked = origin.replace("{host}", str(urlsplit(platform.http.base_url).hostname))
    expect_no_origin_let_in(platform.as_role("full", operation, [("Origin", asked)]), asked)
