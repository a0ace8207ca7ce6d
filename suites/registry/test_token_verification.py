"""Altered, forged and expired tokens, and tokens for another service, are refused (Docker Registry tokens)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.forged_tokens import forged
from conformance.clients.registry.images import OCI_MANIFEST
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import NOT_OFFERED
from conformance.clients.registry.tokens import (
    altered,
    ask,
    audiences_of,
    claims_of,
    granted_by_password,
    has_ended,
    pull,
    token_for,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import clock_of
from conformance.oracles.oauth import expect_json_object
from conformance.oracles.proofs import ends_as_told
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import worded

NOWHERE = f"sha256:{'0' * 64}"
ANOTHER = "another-service"


def expect_opens_nothing(token: str, guarded: StoredImage) -> None:
    """A token for another service pulls, pushes and deletes nothing; one that says that it is for this one may."""
    repository, layer = guarded.repository, guarded.image.blobs[-1].digest
    if repository.registry.door.service in audiences_of(token):
        raise NotApplicable("the token endpoint has tokens for this registry alone, whatever service is named")
    if token:
        expect_denied(pull(guarded, token), "for a token of another service")
        theirs = repository.presenting(f"Bearer {token}")
        for reply in (theirs.tags(), theirs.head_blob(layer), theirs.post_upload()):
            expect_denied(reply, "for a token of another service")
        expect_denied(theirs.delete_manifest(NOWHERE), "for a token of another service", NOT_OFFERED)


@verifies("registry/token/other-audience-is-refused")
def test_other_audience(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token for another service is none here.
    Method: 1. ask for a token for another service
            2. expect to be refused one, or not to pull, push or delete with it; not asked of one that
               says that it is for this one
    """
    scope = bearer.scope(guarded.repository.name)

    expect_opens_nothing(token_in(ask(bearer, "pusher", scope, service=ANOTHER)), guarded)


@verifies("registry/token/other-audience-is-refused")
@pytest.mark.parametrize("by", [case("by-form", "form")])
def test_other_audience_by_form(bearer: Registry, guarded: StoredImage, by: str) -> None:
    """Purpose: a token for another service that was requested by a form is refused, too.
    Method: 1. ask for a token for another service, by a form of grant_type=password
            2. expect the same
    """
    account, scope = bearer.account("pusher"), bearer.scope(guarded.repository.name)
    reply = granted_by_password(bearer, account.username, account.password, scope, service=ANOTHER)

    expect_opens_nothing(token_in(reply), guarded)


@verifies("registry/token/altered-is-refused")
@pytest.mark.parametrize(
    "how",
    [
        case("truncated", "truncated"),
        case("one-letter", "letter"),
        case("and-more", "more"),
        case("letters-in-other-case", "swapped"),
        case("no-signature", "no-signature"),
        case("alg-none", "alg-none"),
        case("longer-life", "longer-life"),
        case("other-subject", "other-subject"),
        case("more-rights", "more-rights"),
    ],
)
def test_altered_token(good: str, guarded: StoredImage, how: str) -> None:
    """Purpose: only what the token endpoint signed is a token.
    Method: 1. ask for a token; pull with it: expect 200 (the control)
            2. pull with the token altered: expect 401
    """
    expect_status(pull(guarded, altered(good, how)), 401, "for an altered token")


@verifies("registry/token/altered-is-refused")
@pytest.mark.parametrize(
    "how",
    [
        case(name, name)
        for name in ("own-key", "own-key-by-its-name", "own-key-in-its-chain", "own-certificate", "public-key")
    ],
)
def test_forged_token(good: str, guarded: StoredImage, how: str) -> None:
    """Purpose: what somebody else has signed well is no token, though it brings the key along that it was signed with.
    Method: 1. ask for a token; pull with it: expect 200 (the control)
            2. pull with a token of its claims by a key in jwk, alone, with the kid of the issuer's or with its x5c, by
               one whose certificate is in x5c, and by the issuer's public key as a secret: expect 401
    """
    expect_status(pull(guarded, forged(good, how)), 401, "for a forged token")


@verifies("registry/token/expired-is-refused")
def test_expired_token(bearer: Registry, once: Once) -> None:
    """Purpose: a token whose time is over opens nothing.
    Method: 1. ask for a token, GET /v2/ with it, and where that takes no token with a scope, a list of tags: expect it
               to be good (the control)
            2. GET a list of tags with the token of the target file that has expired: expect 401; and so to GET of /v2/
               and of a blob and to HEAD of a manifest that are not there, where these ask who shows nothing for a login
            3. POST an upload, PUT a manifest and DELETE one that is not there with it: expect 401, or that manifests
               are not deleted (400 or 405)

    Of a token that is a JWT, exp must be five minutes ago, since clocks may be forgiven to differ by a few (RFC 7519
    section 4.1.4); and its issuer, audience and key those of the new one, or it could be refused for another reason.
    """
    kept, name = bearer.described.expired_token, bearer.described.repository
    if kept is None:
        raise NotDeclared("the target file names no expired_token under [targets.X.registry]", "registry.expired_token")
    fresh = token_for(bearer, "pusher", bearer.scope(name, "pull"))
    new = bearer.presenting(f"Bearer {fresh}")
    if new.support().status != 200 and new.repository(name).tags().status not in (200, 404):
        raise Inconclusive("a new token is no good either", "a login that works, in role pusher")
    expired = kept.reveal()
    if not has_ended(expired, fresh):
        raise Inconclusive("the expired token may be good, or bad for another reason", "a JWT of five minutes ago")

    registry, stranger = bearer.presenting(f"Bearer {expired}"), bearer.as_role(None)
    if once("support", stranger.support).status == 401:
        expect_status(registry.support(), 401, "for a token that has expired")
    old, nobody = registry.repository(name), stranger.repository(name)
    expect_status(old.tags(), 401, "for a token that has expired")
    if nobody.head_manifest(NOWHERE).status == 401:
        expect_status(old.head_manifest(NOWHERE), 401, "to HEAD, for a token that has expired")
    if nobody.get_blob(NOWHERE).status == 401:
        expect_status(old.get_blob(NOWHERE), 401, "for a blob, and a token that has expired")
    expect_status(old.post_upload(), 401, "for an upload, and a token that has expired")
    expect_status(old.put_manifest(NOWHERE, b"{}", OCI_MANIFEST), 401, "to PUT, for a token that has expired")
    expect_status(old.delete_manifest(NOWHERE), {401, *NOT_OFFERED}, "to DELETE, for a token that has expired")


@verifies("registry/token/exp-matches-expires-in")
def test_token_lives_as_long_as_it_says(token_response: Exchange) -> None:
    """Purpose: a token is no good after the time that was told, and good until then.
    Method: 1. ask for a token; where it is a JWT, read its exp
            2. expect exp to be no later than expires_in from now, by our clock or the one that the target tells, and no
               earlier than that from its iat, give or take a minute; not asked where that is not told
    """
    claims, told = claims_of(token_in(token_response)), expect_json_object(token_response).get("expires_in")
    ends, issued = claims.get("exp"), claims.get("iat")
    if told is None:
        raise NotApplicable("the answer tells no expires_in, as it need not")
    if not isinstance(told, int | float) or not isinstance(ends, int | float):
        raise NonConformance("exp and expires_in, two numbers", f"{worded(ends)} and {worded(told)}", token_response)
    now = max(token_response.started, clock_of(token_response))
    since = min(issued, token_response.started) if isinstance(issued, int | float) else 0
    if not since + told - 60 <= ends <= now + told + 60:
        seen, proof = (
            f"exp {ends}, where it is {token_response.started:.0f} now",
            ends_as_told(token_response, 60, ends > since + told),
        )
        raise NonConformance(f"exp in {told} s", seen, token_response, proof=proof)
