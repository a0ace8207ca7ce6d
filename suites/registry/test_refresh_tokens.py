"""Refresh tokens: when they are issued, and what they grant (Docker Registry token authentication)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import (
    altered,
    ask,
    claims_of,
    is_opaque,
    pull,
    refresh_token_of,
    refreshed,
    requested_by_form,
    token_for,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_directive
from conformance.oracles.oauth import expect_no_refresh_token
from conformance.oracles.proofs import claims_say, literal
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded


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

    return once("refreshed", lambda: refreshed(bearer, puller_refresh_token, bearer.door.service, scope))


@verifies("registry/token/refresh-token-gets-tokens")
def test_refresh_token(puller_refresh_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token gets access tokens for the same login.
    Method: 1. get a refresh token with a pull-only login; exchange it for a token to pull and push
            2. expect 200, and that the token pulls
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
@pytest.mark.parametrize("what", [case(each, each) for each in ("altered", "access-token", "not-ascii")])
def test_altered_refresh_token(
    bearer: Registry, puller_refresh_token: str, token_response: Exchange, what: str
) -> None:
    """Purpose: only a token that the token endpoint issued as a refresh token is one.
    Method: 1. exchange a refresh token with one letter altered, one with a letter that is not ASCII, an access token
            2. expect 400, 401 or 403
    """
    given = puller_refresh_token
    invalid = {"altered": altered(given, "letter"), "access-token": token_in(token_response), "not-ascii": f"{given}ß"}
    scope = bearer.scope(bearer.described.repository, "pull")
    reply = refreshed(bearer, invalid[what], bearer.door.service, scope)

    expect_status(reply, {400, 401, 403}, f"for an invalid refresh token ({what})")


@verifies("registry/token/refresh-token-is-for-its-service")
def test_refresh_token_of_another_service(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token for one service gets no token for another.
    Method: 1. exchange a refresh token for a token of another service; 2. expect 400, 401 or 403
    """
    given, scope = refresh_token_of(bearer, "pusher"), bearer.scope(guarded.repository.name, "pull")
    reply = refreshed(bearer, given, "another-service", scope)

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
    Method: 1. exchange a refresh token, offline and without a scope: expect 200; not applicable if forms with a scope
               are refused as well
            2. exchange the newest refresh token: expect 200, and that the token pulls
            3. expect the sub of the login's own token in a JWT, or that an opaque token pushes
    """
    scope, service = bearer.scope(guarded.repository.name, "pull,push"), bearer.door.service
    given = refresh_token_of(bearer, "pusher")
    reply = refreshed(bearer, given, service, offline=True)
    if not reply.ok and not refreshed(bearer, given, service, scope).ok:
        raise NotApplicable(f"the token endpoint accepts no refresh token in a form ({reply.status})")
    expect_status(reply, 200, "without a scope")
    following = reply.member("refresh_token")

    again = refreshed(bearer, following if isinstance(following, str) else given, service, scope)
    expect_status(again, 200)
    expect_status(pull(guarded, token_in(again)), 200, "with a further token")
    own = token_for(bearer, "pusher", scope)
    if is_opaque(own):
        pushing = guarded.repository.presenting(f"Bearer {token_in(again)}")
        expect_success(pushing.post_upload(), "with a further token of a login that may push")
        return
    subjects = [claims_of(each).get("sub") for each in (own, token_in(again))]
    if subjects[0] != subjects[1]:
        proof = claims_say(again, "sub", f'"{literal(str(subjects[0]))}"')
        raise NonConformance(f"sub {worded(subjects[0])}", f"sub {worded(subjects[1])}", again, proof=proof)


@verifies("registry/token/account-is-who-logs-in#refresh-token")
def test_account_is_the_owner_of_the_refresh_token(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: an account name in the request does not change whose rights a refresh token has.
    Method: 1. exchange the refresh token of a pull-only login for a token to push, with the pusher's name in username
               and account
            2. expect that a token, if issued, cannot push
    """
    by = "refresh_token"
    named = bearer.account("pusher").username
    form = {"grant_type": by, by: refresh_token_of(bearer, "puller"), "service": bearer.door.service}
    form |= {"scope": bearer.scope(guarded.repository.name, "pull,push"), "username": named, "account": named}
    token = token_in(requested_by_form(bearer, form, "REGISTRY_NAMED_TOKEN"))

    if token:
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")
