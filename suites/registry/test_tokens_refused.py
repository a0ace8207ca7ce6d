"""Tokens that open nothing: altered, forged, expired, for another service (Docker Registry token authentication)."""

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
    granted_by_password,
    has_ended,
    pull,
    require_login,
    token_for,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared, Proof
from conformance.vocabulary.values import another_like, basic_login

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
    """Purpose: nor is one that was asked for by a form.

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


@verifies("registry/token/other-spelling-grants-nothing")
@pytest.mark.parametrize("role", [case("dots", "foreign")])
def test_name_that_leads_elsewhere(bearer: Registry, guarded: StoredImage, role: str) -> None:
    """Purpose: rights on one name are no rights on what its dots lead to.

    Method: 1. with another organization's login, ask to pull from a name that begins with a repository of its own and
               leads to ours by "/../": expect 200 or 400, or 401 or 403 of one that refuses whom it grants nothing
            2. where a token comes, expect it not to pull ours
    """
    own, ours = bearer.described.foreign_repository or "x", guarded.repository.name
    reply = ask(bearer, role, bearer.scope(f"{own}/{'../' * (own.count('/') + 1)}{ours}", "pull"))
    require_login(bearer, role, reply)

    expect_status(reply, {200, 400, 401, 403}, "for a name with dots in it")
    if token_in(reply):
        expect_denied(pull(guarded, token_in(reply)), "for another organization's login")


@verifies("registry/token/is-for-what-was-asked")
@pytest.mark.parametrize("asked", [case("nor-gets-another", "pull,push")])
def test_token_gets_no_other(bearer: Registry, good: str, guarded: StoredImage, asked: str) -> None:
    """Purpose: a token is no login: who is given one to pull cannot have it exchanged for one that opens more.

    Method: 1. ask for a token to pull with a login that may push
            2. show it to the token endpoint in place of the login, and ask to pull and push
            3. where a token comes, expect it not to push
    """
    reply = bearer.door.ask_token([bearer.scope(guarded.repository.name, asked)], f"Bearer {good}")

    if token := token_in(reply):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/is-not-told-back")
@pytest.mark.parametrize("by", [case("password", "query"), case("password-in-a-form", "form")])
def test_password_is_not_told_back(bearer: Registry, names: Names, by: str) -> None:
    """Purpose: nor does it carry a password on, which is often but a letter from the right one.

    Method: 1. ask for a token with a password that is none, and by a form of grant_type=password
            2. expect the password nowhere in the answer
    """
    username, password = bearer.account("pusher").username, names.new("password")
    if by == "query":
        reply = bearer.door.ask_token([], basic_login(username, password))
    else:
        reply = granted_by_password(bearer, username, password)

    expect_not_repeated(reply, [password], "the password")


@verifies("registry/rights/private-and-absent-are-not-told-apart")
@pytest.mark.parametrize("role", [case("token-other-organization", "foreign")])
def test_token_endpoint_tells_nothing(bearer: Registry, guarded: StoredImage, role: str) -> None:
    """Purpose: nor does a stranger learn from the token endpoint which repositories there are.

    Method: 1. with another organization's login, ask for a token to pull from a repository that exists, and from one
               that never did
            2. expect the same status
    """
    existing = guarded.repository.name
    there, not_there = (ask(bearer, role, bearer.scope(each, "pull")) for each in (existing, another_like(existing)))

    of_both = there.id, not_there.id, "token"
    if there.status != not_there.status:
        told, proof = f"{there.status}, {not_there.status} for what never existed", Proof(alike_in=(of_both,))
        raise NonConformance("one answer of the token endpoint to both", told, there, not_there, proof=proof)
