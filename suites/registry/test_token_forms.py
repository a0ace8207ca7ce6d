"""Tokens that are asked for by a form (Docker Registry v2 authentication using OAuth2), and requests that are none."""

from __future__ import annotations

import base64
import re

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import (
    claims_of,
    granted_by_password,
    is_opaque,
    pull,
    refresh_token_of,
    refreshed,
    requested_by_form,
    token_for,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type
from conformance.oracles.oauth import expect_json_object, expect_lifetime, expect_no_refresh_token
from conformance.oracles.proofs import claims_say, has_member, literal, without_member
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import worded


@pytest.fixture
def by_form(bearer: Registry, guarded: StoredImage, once: Once) -> Exchange:
    """The answer to a login that may only pull and asks by a form for a token to pull and push."""
    account, scope = bearer.account("puller"), bearer.scope(guarded.repository.name, "pull,push")
    reply = once("by form", lambda: granted_by_password(bearer, account.username, account.password, scope))
    if not reply.ok:
        raise NotApplicable(f"the token endpoint takes no username and password in a form ({reply.status})")
    return reply


LEAST_LIFETIME_S = 60


def granted_actions(token: str, guarded: StoredImage) -> set[str] | None:
    """The actions of a token: where it is opaque, those that it is good for; None where it says none."""
    if is_opaque(token):
        pushed = guarded.repository.presenting(f"Bearer {token}").post_upload()
        return {"pull", "push"} if pushed.ok else {"pull"}
    access = claims_of(token).get("access")
    if not isinstance(access, list):
        return None
    entries = [each.get("actions") for each in access if isinstance(each, dict)]
    return {str(action) for actions in entries if isinstance(actions, list) for action in actions}


@verifies("registry/token/form-states-its-scope")
def test_form_states_its_scope(by_form: Exchange, guarded: StoredImage) -> None:
    """Purpose: a client learns what its token opens, and does not try what it does not.

    Method: 1. ask by a form for a token to pull and push with a login that may only pull
            2. where a token comes, expect scope, which of pull and push names none that the token has not; an opaque
               one is tried
    """
    told = expect_json_object(by_form).get("scope")
    if not isinstance(told, str):
        proof = has_member(by_form, "scope", '"')
        raise NonConformance("scope", f"scope {worded(told)}" if told else "none", by_form, proof=proof)
    granted = granted_actions(token_in(by_form), guarded)
    named = {"pull", "push"} & set(re.split("[ :,]", told))
    if granted is not None and not named <= granted:
        right, without = ", ".join(sorted(granted)) or "nothing", without_member(by_form, "scope")
        raise NonConformance(f"a scope of {right}", f"scope {worded(told)}", by_form, proof=without)


@verifies("registry/token/form-gives-an-access-token")
def test_form_gives_an_access_token(by_form: Exchange) -> None:
    """Purpose: what is asked for as OAuth 2.0 asks is told as OAuth 2.0 tells it.

    Method: 1. ask for a token by a form
            2. expect access_token, and token to be the same where one is told
    """
    document = expect_json_object(by_form)
    token = document.get("access_token")

    if not token or (document.get("token") or token) != token:
        proof = None if token else has_member(by_form, "access_token", '"[^"]')
        raise NonConformance("access_token, and token equal to it", ", ".join(document), by_form, proof=proof)


@verifies("registry/token/lives-a-minute")
@pytest.mark.parametrize("least", [case("form", LEAST_LIFETIME_S)])
def test_token_of_a_form_lives_a_minute(by_form: Exchange, least: int) -> None:
    """Purpose: a token that was asked for by a form is good for as long as older clients take it to be, too.

    Method: 1. ask for a token by a form
            2. expect expires_in, where it is there, to be a number of at least 60
    """
    expect_lifetime(by_form, least)


@verifies("registry/token/of-a-form-is-json")
def test_token_of_a_form_is_json(by_form: Exchange) -> None:
    """Purpose: a client of OAuth 2.0 reads the answer, and does not take it for text.

    Method: 1. ask for a token by a form
            2. expect Content-Type: application/json
    """
    expect_media_type(by_form, "application/json")


@verifies("registry/token/form-gives-no-refresh-token-unasked")
def test_form_gives_no_refresh_token_unasked(by_form: Exchange) -> None:
    """Purpose: what lives without an end is not given to those who did not ask.

    Method: 1. ask for a token by a form without access_type=offline
            2. expect no refresh_token
    """
    expect_no_refresh_token(by_form)


@verifies("registry/token/password-grants-no-more")
def test_password_grants_no_more(by_form: Exchange, guarded: StoredImage) -> None:
    """Purpose: a password in a form gets what the login may do, and no more.

    Method: 1. ask by a form for a token to pull and push with a login that may only pull
            2. where a token comes, expect it not to push
    """
    if token := token_in(by_form):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/malformed-request-is-a-callers-fault")
@pytest.mark.parametrize("login", [case("no-colon", b"nocolon"), case("not-utf8", b"\xff:\xfe")])
def test_malformed_login_at_the_token_endpoint(bearer: Registry, login: bytes) -> None:
    """Purpose: a login that cannot be read is never the platform's fault, where tokens are asked for neither.

    Method: 1. ask for a token under Basic credentials without a colon, and of bytes that are no UTF-8
            2. expect no 5xx
    """
    reply = bearer.door.ask_token([], f"Basic {base64.b64encode(login).decode()}")
    expect_no_server_error(reply, "for a login that cannot be read")


@verifies("registry/token/malformed-request-is-a-callers-fault")
@pytest.mark.parametrize("grant_type", [case("unknown-grant", "cf-unknown")])
def test_unknown_grant_at_the_token_endpoint(bearer: Registry, grant_type: str) -> None:
    """Purpose: nor is a form by a grant that nobody knows.

    Method: 1. POST a form of an unknown grant_type to the token endpoint
            2. expect no 5xx
    """
    reply = requested_by_form(bearer, {"grant_type": grant_type, "service": bearer.door.service}, "REGISTRY_CF_TOKEN")
    expect_no_server_error(reply, "for an unknown grant")


@verifies("registry/token/refresh-token-is-none-here")
def test_refresh_token_at_the_registry(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token gets tokens, and is none.

    Method: 1. ask for a refresh token; pull with it as if it were an access token
            2. expect 401
    """
    reply = pull(guarded, refresh_token_of(bearer, "pusher"))

    expect_status(reply, 401, "for a refresh token")


@verifies("registry/token/malformed-request-is-a-callers-fault")
@pytest.mark.parametrize(
    "query",
    [
        case("no-service", "scope=repository:x:pull"),
        case("nothing", ""),
        case("no-escape", "service=a&service=%zz&scope=%"),
        case("no-utf8", "service=%ff%fe&scope=repository:%c0%80:pull"),
    ],
)
def test_query_that_means_nothing(bearer: Registry, query: str) -> None:
    """Purpose: nor is a query that does not name the service, or cannot be read.

    Method: 1. GET the token endpoint without a login, and without service in its query, or with escapes that stand for
               nothing
            2. expect no 5xx
    """
    separator = "&" if "?" in bearer.door.realm else "?"
    expect_no_server_error(bearer.http.send("GET", f"{bearer.door.realm}{separator}{query}"), "for such a query")


@verifies("registry/token/refresh-token-gets-further-tokens")
def test_refresh_token_again(bearer: Registry, guarded: StoredImage) -> None:
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


@verifies("registry/login/ended-login-opens-nothing")
@pytest.mark.parametrize("role", [case("revoked-in-a-form", "revoked"), case("expired-in-a-form", "expired")])
def test_ended_login_in_a_form(bearer: Registry, stored: StoredImage, role: str) -> None:
    """Purpose: a login that was taken away is not let in by the other way to a token, either.

    Method: 1. ask by a form for a token to pull, with the login in the role revoked, or expired
            2. where a token comes, expect it not to pull
    """
    if role not in bearer.described.credentials:
        raise NotDeclared(
            f"the target file names no login under [targets.X.registry.credentials.{role}]",
            f"registry.credentials.{role}",
        )
    account, scope = bearer.account(role), bearer.scope(stored.repository.name, "pull")
    reply = granted_by_password(bearer, account.username, account.password, scope)

    if token := token_in(reply):
        expect_status(pull(stored, token), {401, 403, 404}, f"for a login in the role {role}", or_refused=reply)
