"""Altered, forged, expired and refresh tokens, and tokens for another service (Docker Registry tokens)."""

from __future__ import annotations

import time
from collections.abc import Callable

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
    is_opaque,
    pull,
    refresh_token_of,
    refreshed,
    requested_by_form,
    token_for,
)
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import clock_of, expect_directive
from conformance.oracles.oauth import expect_json_object, expect_no_refresh_token
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import worded

NOWHERE = f"sha256:{'0' * 64}"
ANOTHER = "another-service"
TRIED_AFTER_S = 3.0
"""How old a token is at least when it is tried again; by then a lifetime in the wrong unit has ended."""


def expect_opens_nothing(token: str, guarded: StoredImage) -> None:
    """Expect that a token for another service cannot pull, push or delete, unless its audience is this registry."""
    repository, layer = guarded.repository, guarded.image.blobs[-1].digest
    if repository.registry.auth.service in audiences_of(token):
        raise NotApplicable("the token endpoint issues only tokens for this registry, whatever service is named")
    if token:
        expect_denied(pull(guarded, token), "for a token for another service")
        theirs = repository.presenting(f"Bearer {token}")
        for reply in (theirs.tags(), theirs.head_blob(layer), theirs.post_upload()):
            expect_denied(reply, "for a token for another service")
        expect_denied(theirs.delete_manifest(NOWHERE), "for a token for another service", NOT_OFFERED)


@pytest.mark.parametrize(
    "by_form",
    [
        row("registry/token/other-audience-is-refused", False),
        row("registry/token/other-audience-is-refused#by-form", True),
    ],
)
def test_other_audience(bearer: Registry, guarded: StoredImage, by_form: bool) -> None:
    """Purpose: a token for another service is invalid here, however it was requested.
    Method: 1. request a token for another service by GET, and by a form of grant_type=password
            2. expect a refusal, or that it cannot pull, push or delete, unless its audience is this registry
    """
    account, scope = bearer.account("pusher"), bearer.scope(guarded.repository.name)
    if by_form:
        reply = granted_by_password(bearer, account.username, account.password, scope, service=ANOTHER)
    else:
        reply = ask(bearer, "pusher", scope, service=ANOTHER)

    expect_opens_nothing(token_in(reply), guarded)


ALTERATIONS = {
    "truncated": "truncated",
    "one-letter": "letter",
    "and-more": "more",
    "letters-in-other-case": "swapped",
    **{each: each for each in ("no-signature", "alg-none", "longer-life", "other-subject", "more-rights")},
}
FORGERIES = ("own-key", "own-key-by-its-name", "own-key-in-its-chain", "own-certificate", "public-key")


@verifies("registry/token/altered-is-refused")
@pytest.mark.parametrize(
    ("change", "how"),
    [case(name, altered, how) for name, how in ALTERATIONS.items()] + [case(each, forged, each) for each in FORGERIES],
)
def test_altered_token(good: str, guarded: StoredImage, change: Callable[[str, str], str], how: str) -> None:
    """Purpose: only a token that the token endpoint signed is valid, even if it contains the key that verifies it.
    Method: 1. pull with a token: expect 200 (the control)
            2. pull with the altered token: expect 401; also with its claims signed by another key: with that key in
               jwk, with the issuer's kid or x5c, with a certificate in x5c, with the issuer's public key as a secret
    """
    expect_status(pull(guarded, change(good, how)), 401, "for an altered token")


@verifies("registry/token/expired-is-refused")
def test_expired_token(bearer: Registry, once: Once) -> None:
    """Purpose: an expired token opens nothing.
    Method: 1. GET /v2/, or a tag list, with a new token: expect it to be valid (the control)
            2. with the expired token of the target file, list tags, POST an upload, PUT a manifest and DELETE one:
               expect 401; 400 or 405 if manifests cannot be deleted
            3. also GET /v2/ and a blob and HEAD a manifest, if these require a login: expect 401
    A JWT must have expired five minutes ago, since clocks may differ by a few (RFC 7519 section 4.1.4), and have the
    issuer, audience and key of the new token, or it could be refused for another reason.
    """
    kept, name = bearer.described.expired_token, bearer.described.repository
    if kept is None:
        raise NotDeclared("the target file names no expired_token under [targets.X.registry]", "registry.expired_token")
    fresh = token_for(bearer, "pusher", bearer.scope(name, "pull"))
    new = bearer.presenting(f"Bearer {fresh}")
    if new.support().status != 200 and new.repository(name).tags().status not in (200, 404):
        raise Inconclusive("a new token is refused as well", "a login that works, in role pusher")
    expired = kept.reveal()
    if not has_ended(expired, fresh):
        reason = "the expired_token may be valid, or refused for another reason"
        raise Inconclusive(reason, "a JWT that expired five minutes ago")

    registry, anonymous = bearer.presenting(f"Bearer {expired}"), bearer.as_role(None)
    if once("support", anonymous.support).status == 401:
        expect_status(registry.support(), 401, "for an expired token")
    old, nobody = registry.repository(name), anonymous.repository(name)
    expect_status(old.tags(), 401, "for an expired token")
    if nobody.head_manifest(NOWHERE).status == 401:
        expect_status(old.head_manifest(NOWHERE), 401, "to HEAD, for an expired token")
    if nobody.get_blob(NOWHERE).status == 401:
        expect_status(old.get_blob(NOWHERE), 401, "for a blob, and a token that has expired")
    expect_status(old.post_upload(), 401, "for an upload, and a token that has expired")
    expect_status(old.put_manifest(NOWHERE, b"{}", OCI_MANIFEST), 401, "to PUT, for an expired token")
    expect_status(old.delete_manifest(NOWHERE), {401, *NOT_OFFERED}, "to DELETE, for an expired token")


@verifies("registry/token/is-accepted-until-expires-in")
@concludes()
def test_token_is_accepted_until_expires_in(bearer: Registry, token_response: Exchange, recorder: Recorder) -> None:
    """Purpose: a client that reuses a token for its stated lifetime is not refused during a push.
    Method: 1. request a token early in the run; list tags with it 3 s later or more, before expires_in (60 s if absent)
            2. expect no 401, unless a new token gets one as well
    """
    name, stated = bearer.described.repository, expect_json_object(token_response).get("expires_in", 60)
    token, started = token_in(token_response), token_response.started
    if not token or not isinstance(stated, int | float) or stated < 2 * TRIED_AFTER_S:
        raise NotApplicable(f"no token that states more than {2 * TRIED_AFTER_S} s")
    if time.time() - started > stated - TRIED_AFTER_S:
        token, started = token_for(bearer, "pusher", bearer.scope(name, "pull")), time.time()
    recorder.pause(started + TRIED_AFTER_S - time.time())
    age = time.time() - started
    reply = bearer.presenting(f"Bearer {token}").repository(name).tags()

    if reply.status == 401:
        new = bearer.presenting(f"Bearer {token_for(bearer, 'pusher', bearer.scope(name, 'pull'))}")
        if (control := new.repository(name).tags()).status != 401:
            seen = f"401 after {age:.0f} s, and {control.status} with a new token"
            raise NonConformance(f"a token that is accepted for {stated} s", seen, reply, control)


@verifies("registry/token/exp-matches-expires-in")
def test_token_lives_as_long_as_it_says(token_response: Exchange) -> None:
    """Purpose: a token is valid as long as the response states.
    Method: 1. request a token with expires_in; read exp, if it is a JWT
            2. expect exp at most expires_in from now, and at least that from iat, within a minute
    """
    claims, found = claims_of(token_in(token_response)), expect_json_object(token_response).get("expires_in")
    ends, issued = claims.get("exp"), claims.get("iat")
    if found is None:
        raise NotApplicable("the response has no expires_in, which is optional")
    if not isinstance(found, int | float) or not isinstance(ends, int | float):
        raise NonConformance("exp and expires_in, two numbers", f"{worded(ends)} and {worded(found)}", token_response)
    now = max(token_response.started, clock_of(token_response))
    since = min(issued, token_response.started) if isinstance(issued, int | float) else 0
    if not since + found - 60 <= ends <= now + found + 60:
        seen = f"exp {ends}, where it is {token_response.started:.0f} now"
        raise NonConformance(f"exp {found} s from now", seen, token_response)


@pytest.mark.parametrize(
    "query",
    [
        row("registry/token/refresh-token-is-issued-only-on-request", {}),
        row("registry/token/refresh-token-is-issued-only-on-request#false", {"offline_token": "false"}),
    ],
)
def test_refresh_token_is_issued_only_on_request(bearer: Registry, query: dict[str, str]) -> None:
    """Purpose: a client that requests no refresh token gets none, since it does not expire.
    Method: 1. request a token without offline_token, and with offline_token=false; 2. expect no refresh_token
    """
    reply = ask(bearer, "pusher", bearer.scope(bearer.described.repository, "pull"), **query)
    if reply.ok:
        expect_no_refresh_token(reply)


@pytest.fixture
def puller_refresh_token(bearer: Registry, once: Once) -> str:
    """A refresh token of a pull-only login."""
    return once("refresh token", lambda: refresh_token_of(bearer, "puller"))


@pytest.fixture
def puller_refresh_response(bearer: Registry, guarded: StoredImage, puller_refresh_token: str, once: Once) -> Exchange:
    """The response to a refresh token of a pull-only login that requests a token to pull and push."""
    scope = bearer.scope(guarded.repository.name, "pull,push")

    return once("refreshed", lambda: refreshed(bearer, puller_refresh_token, bearer.auth.service, scope))


@verifies("registry/token/refresh-token-gets-tokens")
def test_refresh_token(puller_refresh_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token gets access tokens for the same login.
    Method: 1. get a refresh token with a pull-only login; exchange it; 2. expect 200, and a token that pulls
    """
    expect_status(puller_refresh_response, 200)
    expect_status(pull(guarded, token_in(puller_refresh_response)), 200, "with a token of a refresh token")


@verifies("registry/token/refresh-token-grants-no-more")
def test_refresh_token_grants_no_more(puller_refresh_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token grants only what the login may do.
    Method: 1. get a refresh token with a pull-only login; exchange it for a token to pull and push
            2. expect that a token, if issued, cannot push
    """
    if token := token_in(puller_refresh_response):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/invalid-refresh-token-is-refused")
@pytest.mark.parametrize("name", ["altered", "access-token", "not-ascii"])
def test_altered_refresh_token(
    bearer: Registry, puller_refresh_token: str, token_response: Exchange, name: str
) -> None:
    """Purpose: only a token that the token endpoint issued as a refresh token is one.
    Method: 1. exchange a refresh token with one letter altered, one with a letter that is not ASCII, an access token
            2. expect 400, 401 or 403
    """
    sent = puller_refresh_token
    invalid = {"altered": altered(sent, "letter"), "access-token": token_in(token_response), "not-ascii": f"{sent}ß"}
    scope = bearer.scope(bearer.described.repository, "pull")
    reply = refreshed(bearer, invalid[name], bearer.auth.service, scope)

    expect_status(reply, {400, 401, 403}, f"for an invalid refresh token ({name})")


@verifies("registry/token/refresh-token-is-for-its-service")
def test_refresh_token_of_another_service(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token for one service gets no token for another.
    Method: 1. exchange a refresh token for a token of another service; 2. expect 400, 401 or 403
    """
    sent, scope = refresh_token_of(bearer, "pusher"), bearer.scope(guarded.repository.name, "pull")
    reply = refreshed(bearer, sent, "another-service", scope)

    expect_status(reply, {400, 401, 403}, "for another service")


@verifies("registry/token/is-not-cached#form")
def test_token_of_a_form_is_not_cached(puller_refresh_response: Exchange) -> None:
    """Purpose: no cache stores a token for other users, however it was requested.
    Method: 1. POST a refresh token; 2. expect Cache-Control: no-store with the token, if issued
    """
    if token_in(puller_refresh_response):
        expect_directive(puller_refresh_response, "Cache-Control", "no-store")


@verifies("registry/token/refresh-token-is-no-access-token")
def test_refresh_token_at_the_registry(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token cannot be used as an access token.
    Method: 1. pull with a refresh token as the bearer token; 2. expect 401
    """
    reply = pull(guarded, refresh_token_of(bearer, "pusher"))

    expect_status(reply, 401, "for a refresh token")


@verifies("registry/token/refresh-token-gets-further-tokens")
def test_refresh_token_gets_further_tokens(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token can be used more than once, or each use returns the next one.
    Method: 1. exchange a refresh token, offline and without a scope: expect 200 (if forms with a scope get it)
            2. exchange the newest refresh token: expect 200, and that the token pulls
            3. expect the sub of the login's own token in a JWT, or that an opaque token pushes
    """
    scope, service = bearer.scope(guarded.repository.name, "pull,push"), bearer.auth.service
    sent = refresh_token_of(bearer, "pusher")
    reply = refreshed(bearer, sent, service, offline=True)
    if not reply.ok and not refreshed(bearer, sent, service, scope).ok:
        raise NotApplicable(f"the token endpoint accepts no refresh token in a form ({reply.status})")
    expect_status(reply, 200, "without a scope")
    following = reply.member("refresh_token")

    again = refreshed(bearer, following if isinstance(following, str) else sent, service, scope)
    expect_status(again, 200)
    expect_status(pull(guarded, token_in(again)), 200, "with a further token")
    own = token_for(bearer, "pusher", scope)
    if is_opaque(own):
        pushing = guarded.repository.presenting(f"Bearer {token_in(again)}")
        expect_success(pushing.post_upload(), "with a further token of a login that may push")
        return
    subjects = [claims_of(each).get("sub") for each in (own, token_in(again))]
    if subjects[0] != subjects[1]:
        raise NonConformance(f"sub {worded(subjects[0])}", f"sub {worded(subjects[1])}", again)


@verifies("registry/token/account-is-who-logs-in#refresh-token")
def test_account_is_the_owner_of_the_refresh_token(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: an account name in the request does not change whose rights a refresh token has.
    Method: 1. exchange a pull-only login's refresh token for one to push, the pusher's name as username and account
            2. expect that a token, if issued, cannot push
    """
    by = "refresh_token"
    named = bearer.account("pusher").username
    form = {"grant_type": by, by: refresh_token_of(bearer, "puller"), "service": bearer.auth.service}
    form |= {"scope": bearer.scope(guarded.repository.name, "pull,push"), "username": named, "account": named}
    token = token_in(requested_by_form(bearer, form, "REGISTRY_NAMED_TOKEN"))

    if token:
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")
