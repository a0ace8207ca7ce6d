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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded


@verifies("registry/token/refresh-token-is-issued-only-on-request")
def test_refresh_token_is_not_given_unasked(token_response: Exchange) -> None:
    """Purpose: what lives without an end is not given to those who did not ask.
    Method: 1. ask for a token without offline_token
            2. expect no refresh_token
    """
    if token_response.ok:
        expect_no_refresh_token(token_response)


@verifies("registry/token/refresh-token-is-issued-only-on-request")
@pytest.mark.parametrize("told", [case("false", "false")])
def test_refresh_token_is_not_given_when_declined(bearer: Registry, told: str) -> None:
    """Purpose: what lives without an end is not given to those who say that they want none.
    Method: 1. ask for a token with offline_token=false
            2. expect no refresh_token
    """
    reply = ask(bearer, "pusher", offline_token=told)
    if reply.ok:
        expect_no_refresh_token(reply)


@pytest.fixture
def puller_refresh_token(bearer: Registry, once: Once) -> str:
    """A refresh token of a login that may only pull."""
    return once("refresh token", lambda: refresh_token_of(bearer, "puller"))


@pytest.fixture
def puller_refresh_response(bearer: Registry, guarded: StoredImage, puller_refresh_token: str, once: Once) -> Exchange:
    """The response to a refresh token of a pull-only login, for a token to pull and push."""
    scope = bearer.scope(guarded.repository.name, "pull,push")

    return once("refreshed", lambda: refreshed(bearer, puller_refresh_token, bearer.door.service, scope))


@verifies("registry/token/refresh-token-gets-tokens")
def test_refresh_token(puller_refresh_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token, where it is offered, gets tokens for the same login.
    Method: 1. ask for a refresh token with a login that may only pull; exchange it for a token to pull and push
            2. expect 200, and to pull with the token
    """
    expect_status(puller_refresh_response, 200)
    expect_status(pull(guarded, token_in(puller_refresh_response)), 200, "with a token of a refresh token")


@verifies("registry/token/refresh-token-grants-no-more")
def test_refresh_token_grants_no_more(puller_refresh_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token gets what the login may do, and no more.
    Method: 1. ask for a refresh token with a login that may only pull; exchange it for a token to pull and push
            2. where a token comes, expect it not to push
    """
    if token := token_in(puller_refresh_response):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/invalid-refresh-token-is-refused")
@pytest.mark.parametrize("what", [case(each, each) for each in ("altered", "access-token", "not-ascii")])
def test_altered_refresh_token(
    bearer: Registry, puller_refresh_token: str, token_response: Exchange, what: str
) -> None:
    """Purpose: only what the token endpoint gave as a refresh token is one.
    Method: 1. ask for a refresh token; exchange it, with one letter altered, or one more that is not ASCII, for a
               token; exchange an access token
            2. expect a refusal (400, 401 or 403), and no token
    """
    given = puller_refresh_token
    shown = {"altered": altered(given, "letter"), "access-token": token_in(token_response), "not-ascii": f"{given}ß"}[
        what
    ]
    scope = bearer.scope(bearer.described.repository, "pull")
    reply = refreshed(bearer, shown, bearer.door.service, scope)

    expect_status(reply, {400, 401, 403}, f"for what is no refresh token ({what})")


@verifies("registry/token/refresh-token-is-for-its-service")
def test_refresh_token_of_another_service(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token that was given for one service gets nothing for another.
    Method: 1. ask for a refresh token; exchange it for a token of another service
            2. expect a refusal (400 or 401), and no token
    """
    given, scope = refresh_token_of(bearer, "pusher"), bearer.scope(guarded.repository.name, "pull")
    reply = refreshed(bearer, given, "another-service", scope)

    expect_status(reply, {400, 401, 403}, "for another service")


@verifies("registry/token/is-not-cached")
@pytest.mark.parametrize("directive", [case("form", "no-store")])
def test_token_of_a_form_is_not_cached(puller_refresh_response: Exchange, directive: str) -> None:
    """Purpose: no cache on the way keeps a token for others, whichever way it was asked for.
    Method: 1. POST a refresh token for a token
            2. where one comes, expect Cache-Control with no-store
    """
    if token_in(puller_refresh_response):
        expect_directive(puller_refresh_response, "Cache-Control", directive)


@verifies("registry/token/refresh-token-is-no-access-token")
def test_refresh_token_at_the_registry(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token cannot be used as an access token.
    Method: 1. ask for a refresh token; pull with it as if it were an access token
            2. expect 401
    """
    reply = pull(guarded, refresh_token_of(bearer, "pusher"))

    expect_status(reply, 401, "for a refresh token")


@verifies("registry/token/refresh-token-gets-further-tokens")
def test_refresh_token_gets_further_tokens(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token is for more tokens than one, or brings the next with each.
    Method: 1. ask for a refresh token, and with it, offline, for a token of no scope by a form: expect 200; not asked
               where one of a scope is refused as well, as where it is not offered
            2. ask again, with the refresh token that came with that, if one did: expect 200, to pull with the token,
               and of one that is a JWT the sub of that which the login gets itself; an opaque one is to push as well
    """
    scope, service = bearer.scope(guarded.repository.name, "pull,push"), bearer.door.service
    given = refresh_token_of(bearer, "pusher")
    reply = refreshed(bearer, given, service, offline=True)
    if not reply.ok and not refreshed(bearer, given, service, scope).ok:
        raise NotApplicable(f"the token endpoint takes no refresh token in a form ({reply.status})")
    expect_status(reply, 200, "without a scope, as the next time with one")
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


@verifies("registry/token/account-is-who-logs-in")
@pytest.mark.parametrize("by", [case("refresh-token", "refresh_token")])
def test_account_is_the_owner_of_the_refresh_token(bearer: Registry, guarded: StoredImage, by: str) -> None:
    """Purpose: an account name in the request does not change whose rights a refresh token has.
    Method: 1. exchange the refresh token of a login that may only pull for a token to push, with one that may push in
               username and account
            2. where a token comes, expect it not to push
    """
    named = bearer.account("pusher").username
    form = {"grant_type": by, by: refresh_token_of(bearer, "puller"), "service": bearer.door.service}
    form |= {"scope": bearer.scope(guarded.repository.name, "pull,push"), "username": named, "account": named}
    token = token_in(requested_by_form(bearer, form, "REGISTRY_NAMED_TOKEN"))

    if token:
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")
