"""Responses of the token endpoint, to GET and to a form (Docker Registry token authentication and its OAuth2 form)."""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Callable
from functools import partial

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import ask, claims_of, granted_by_password, is_opaque, pull, requested_by_form
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import expect_directive, expect_media_type, now_nearest
from conformance.oracles.oauth import expect_json_object, expect_lifetime, expect_no_refresh_token
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.values import basic_login
from conformance.vocabulary.wording import worded

LEAST_LIFETIME_S = 60
CLOCKS_S = 60
LIVES_A_MINUTE = partial(expect_lifetime, least_s=LEAST_LIFETIME_S)


@verifies("registry/token/response-has-a-token")
def test_answer_has_a_token(token_response: Exchange) -> None:
    """Purpose: older and newer clients find the token.
    Method: 1. request a token; 2. expect 200 in JSON with token or access_token, and if both exist, the same value
    """
    expect_status(token_response, 200)
    document = expect_json_object(token_response)

    if not token_in(token_response):
        raise NonConformance("token or access_token", ", ".join(document), token_response)
    if len({str(document[name]) for name in ("token", "access_token") if document.get(name)}) > 1:
        raise NonConformance("the same value in token and access_token", "two different values", token_response)


@pytest.mark.parametrize(
    ("response", "expect"),
    [
        row("registry/token/lifetime-is-at-least-60-seconds", "token_response", LIVES_A_MINUTE),
        row("registry/token/lifetime-is-at-least-60-seconds#form", "form_response", LIVES_A_MINUTE),
        row(
            "registry/token/is-not-cached",
            *("token_response", lambda reply: expect_directive(reply, "Cache-Control", "no-store")),
        ),
        row(
            "registry/token/form-response-is-json",
            *("form_response", lambda reply: expect_media_type(reply, "application/json")),
        ),
        row("registry/token/form-issues-no-unrequested-refresh-token", "form_response", expect_no_refresh_token),
    ],
)
def test_token_response_is_sound(
    request: pytest.FixtureRequest, response: str, expect: Callable[[Exchange], None]
) -> None:
    """Purpose: a token is valid for as long as older clients assume, and no cache and no client stores too much.
    Method: 1. request a token by GET, and by a form without access_type=offline
            2. expect expires_in, if present, of at least 60, Cache-Control: no-store, JSON, and no refresh_token
    """
    expect(request.getfixturevalue(response))


@verifies("registry/token/issued-at-is-a-time")
def test_issued_at(token_response: Exchange) -> None:
    """Purpose: a client knows from when the token is valid.
    Method: 1. request a token; 2. expect issued_at, if present, to be an RFC 3339 time with a time zone
            3. expect it between now and expires_in ago (60 s if absent), within a minute, by our clock or the target's
    """
    document = expect_json_object(token_response)
    seen, lifetime = document.get("issued_at"), document.get("expires_in", LEAST_LIFETIME_S)
    if seen is None:
        return
    try:
        time = datetime.datetime.fromisoformat(seen.upper())
    except (AttributeError, ValueError):
        time = datetime.datetime.min

    if time.tzinfo is None:
        raise NonConformance("issued_at in RFC 3339", worded(seen), token_response)
    age = now_nearest(time.timestamp(), token_response) - time.timestamp()
    if isinstance(lifetime, int | float) and not -CLOCKS_S <= age <= lifetime + CLOCKS_S:
        raise NonConformance(
            f"issued_at within the last {lifetime} s",
            f"issued_at {seen}, {age:.0f} s before the response",
            token_response,
        )


@verifies("registry/token/subject-is-the-user")
def test_subject_is_who_logs_in(bearer: Registry) -> None:
    """Purpose: the registry knows, and logs, which user has a token.
    Method: 1. request a token with the logins of two users; 2. expect a different sub in each, if they are JWTs
    """
    if bearer.account("pusher").username == bearer.account("puller").username:
        raise NotApplicable("both logins are of one user")
    replies = {role: ask(bearer, role) for role in ("pusher", "puller")}
    subjects = {role: claims_of(token_in(reply)).get("sub") for role, reply in replies.items()}

    if len(set(subjects.values())) < len(subjects) or not all(subjects.values()):
        raise NonConformance("a different sub for each login", worded(subjects), *replies.values())


@verifies("registry/token/anonymous-token-has-no-subject")
def test_anonymous_has_no_subject(bearer: Registry) -> None:
    """Purpose: a token that was issued without a login names no user.
    Method: 1. request a token without a login, with a user's name in account
            2. expect no sub, or an empty one, in the token, if a JWT is issued
    """
    reply = bearer.auth.request_token([], account=bearer.account("pusher").username)
    if not token_in(reply):
        raise NotApplicable(f"the token endpoint issues no token without a login ({reply.status})")
    subject = claims_of(token_in(reply)).get("sub")

    if subject:
        raise NonConformance("an empty sub", f"sub {worded(subject)}", reply)


@pytest.fixture
def form_response(bearer: Registry, guarded: StoredImage, once: Once) -> Exchange:
    """The response to a form that requests a token to pull and push with a pull-only login."""
    account, scope = bearer.account("puller"), bearer.scope(guarded.repository.name, "pull,push")
    reply = once("by form", lambda: granted_by_password(bearer, account.username, account.password, scope))
    if not reply.ok:
        raise NotApplicable(f"the token endpoint accepts no username and password in a form ({reply.status})")
    return reply


def granted_actions(token: str, guarded: StoredImage) -> set[str] | None:
    """Return the actions of a token; of an opaque token the actions that work; None if it names none."""
    if is_opaque(token):
        pushed = guarded.repository.presenting(f"Bearer {token}").post_upload()
        return {"pull", "push"} if pushed.ok else {"pull"}
    access = claims_of(token).get("access")
    if not isinstance(access, list):
        return None
    entries = [each.get("actions") for each in access if isinstance(each, dict)]
    return {str(action) for actions in entries if isinstance(actions, list) for action in actions}


@verifies("registry/token/form-response-states-its-scope")
def test_form_states_its_scope(form_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a client learns what its token permits.
    Method: 1. request a token to pull and push by a form with a pull-only login
            2. expect scope in the response, with those of pull and push that the token has (if opaque, it is tried)
    """
    seen = expect_json_object(form_response).get("scope")
    if not isinstance(seen, str):
        raise NonConformance("scope", f"scope {worded(seen)}" if seen else "none", form_response)
    granted = granted_actions(token_in(form_response), guarded)
    named = {"pull", "push"} & set(re.split("[ :,]", seen))
    if granted is not None and not named <= granted:
        right = ", ".join(sorted(granted)) or "nothing"
        raise NonConformance(f"a scope of {right}", f"scope {worded(seen)}", form_response)


@verifies("registry/token/form-response-has-access-token")
def test_form_gives_an_access_token(form_response: Exchange) -> None:
    """Purpose: an OAuth 2.0 client finds its token in the documented member.
    Method: 1. request a token by a form; 2. expect access_token, and the same value in token, if present
    """
    document = expect_json_object(form_response)
    token = document.get("access_token")

    if not token or (document.get("token") or token) != token:
        raise NonConformance("a token member equal to access_token", ", ".join(document), form_response)


@verifies("registry/token/password-form-grants-no-more")
def test_password_grants_no_more(form_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a password in a form grants only what the login may do.
    Method: 1. request a token to pull and push by a form, with a pull-only login; 2. expect no token that can push
    """
    if token := token_in(form_response):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


def without_a_login(query: str) -> Callable[[Registry], Exchange]:
    """Return a GET of the token endpoint with this query."""
    return lambda registry: registry.http.send(
        "GET", f"{registry.auth.realm}{'&' if '?' in registry.auth.realm else '?'}{query}"
    )


def with_basic(login: bytes) -> Callable[[Registry], Exchange]:
    """Return a request for a token with these Basic credentials."""
    return lambda registry: registry.auth.request_token([], f"Basic {base64.b64encode(login).decode()}")


def unknown_grant(registry: Registry) -> Exchange:
    """POST a form with an unknown grant_type."""
    form = {"grant_type": "cf-unknown", "service": registry.auth.service}
    return requested_by_form(registry, form, "REGISTRY_CF_TOKEN")


@verifies("registry/token/malformed-request-is-no-server-error")
@pytest.mark.parametrize(
    "send",
    [
        case("no-colon", with_basic(b"nocolon")),
        case("not-utf8", with_basic(b"\xff:\xfe")),
        case("unknown-grant", unknown_grant),
        case("no-service", without_a_login("scope=repository:x:pull")),
        case("nothing", without_a_login("")),
        case("no-escape", without_a_login("service=a&service=%zz&scope=%")),
        case("no-utf8", without_a_login("service=%ff%fe&scope=repository:%c0%80:pull")),
    ],
)
def test_malformed_request_at_the_token_endpoint(bearer: Registry, send: Callable[[Registry], Exchange]) -> None:
    """Purpose: a malformed request causes no server error at the token endpoint.
    Method: 1. request a token with Basic credentials without a colon or not in UTF-8, with an unknown grant_type,
               without service, and with invalid percent-encoding
            2. expect no 5xx
    """
    expect_no_server_error(send(bearer), "for a malformed request")


@verifies("registry/login/ended-login-opens-nothing")
@pytest.mark.parametrize("role", [case("revoked-in-a-form", "revoked"), case("expired-in-a-form", "expired")])
def test_ended_login_in_a_form(bearer: Registry, stored: StoredImage, role: str) -> None:
    """Purpose: a revoked or expired login gets no valid token by a form either.
    Method: 1. request a token to pull by a form with a revoked login, and with an expired one
            2. expect that a token, if issued, cannot pull
    """
    if role not in bearer.described.credentials:
        reason = f"the target file names no login under [targets.X.registry.credentials.{role}]"
        raise NotDeclared(reason, f"registry.credentials.{role}")
    account, scope = bearer.account(role), bearer.scope(stored.repository.name, "pull")
    reply = granted_by_password(bearer, account.username, account.password, scope)

    if token := token_in(reply):
        expect_status(pull(stored, token), {401, 403, 404}, f"for a login in the role {role}")


@verifies("registry/token/credentials-are-not-echoed")
@pytest.mark.parametrize("by", [case("password", "query"), case("password-in-a-form", "form")])
def test_password_is_not_echoed(bearer: Registry, names: Names, by: str) -> None:
    """Purpose: a wrong password is not echoed: it is often one letter away from the right one.
    Method: 1. request a token with a wrong password, by Basic and by a form; 2. expect no password in the response
    """
    username, password = bearer.account("pusher").username, names.new("password")
    if by == "query":
        reply = bearer.auth.request_token([], basic_login(username, password))
    else:
        reply = granted_by_password(bearer, username, password)

    expect_not_repeated(reply, [password], "the password")
