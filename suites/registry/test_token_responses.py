"""Responses of the token endpoint, to GET and to a form (Docker Registry token authentication and its OAuth2 form)."""

from __future__ import annotations

import base64
import datetime
import re

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import (
    ask,
    claims_of,
    granted_by_password,
    is_opaque,
    pull,
    requested_by_form,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import expect_directive, expect_media_type, now_nearest
from conformance.oracles.oauth import expect_json_object, expect_lifetime, expect_no_refresh_token
from conformance.oracles.proofs import claims_differ, has_member, without_member
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared, Proof
from conformance.vocabulary.values import basic_login
from conformance.vocabulary.wording import worded

LEAST_LIFETIME_S = 60
CLOCKS_S = 60


@verifies("registry/token/response-has-a-token")
def test_answer_has_a_token(token_response: Exchange) -> None:
    """Purpose: clients of either age find the token.
    Method: 1. ask for a token
            2. expect 200 in JSON with token or access_token; where both are there, equal ones (an empty one is none)
    """
    expect_status(token_response, 200)
    document = expect_json_object(token_response)

    if not token_in(token_response):
        proof = Proof(token_response.id, matches='"(access_)?token" *: *"[^"]')
        raise NonConformance("token or access_token", ", ".join(document), token_response, proof=proof)
    if len({str(document[name]) for name in ("token", "access_token") if document.get(name)}) > 1:
        raise NonConformance("token and access_token to be equal", "two different ones", token_response)


@verifies("registry/token/lifetime-is-at-least-60-seconds")
def test_token_lives_a_minute(token_response: Exchange) -> None:
    """Purpose: a token is good for as long as older clients take it to be.
    Method: 1. ask for a token
            2. expect expires_in, where it is there, to be a number of at least 60
    """
    expect_lifetime(token_response, LEAST_LIFETIME_S)


@verifies("registry/token/issued-at-is-a-time")
def test_issued_at(token_response: Exchange) -> None:
    """Purpose: a client knows from when the token lives.
    Method: 1. ask for a token
            2. expect issued_at, where it is there, to be a time as RFC 3339 writes it, with its zone; not to come, and
               expires_in (60 s where it is not told) behind it not to be over, by the clock that the target tells
               or by ours, a minute aside
    """
    document = expect_json_object(token_response)
    told, lifetime = document.get("issued_at"), document.get("expires_in", LEAST_LIFETIME_S)
    if told is None:
        return
    try:
        time = datetime.datetime.fromisoformat(told.upper())
    except (AttributeError, ValueError):
        time = datetime.datetime.min

    if time.tzinfo is None:
        raise NonConformance(
            "issued_at in RFC 3339", worded(told), token_response, proof=without_member(token_response, "issued_at")
        )
    age = now_nearest(time.timestamp(), token_response) - time.timestamp()
    if isinstance(lifetime, int | float) and not -CLOCKS_S <= age <= lifetime + CLOCKS_S:
        raise NonConformance(
            f"issued_at within the last {lifetime} s",
            f"issued_at {told}, {age:.0f} s before the answer",
            token_response,
        )


@verifies("registry/token/is-not-cached")
def test_token_is_not_cached(token_response: Exchange) -> None:
    """Purpose: no cache on the way keeps a token for others.
    Method: 1. ask for a token
            2. expect Cache-Control with no-store
    """
    expect_directive(token_response, "Cache-Control", "no-store")


@verifies("registry/token/subject-is-the-user")
def test_subject_is_who_logs_in(bearer: Registry) -> None:
    """Purpose: the registry knows, and writes into its logs, who has a token.
    Method: 1. ask for a token with the logins of two users; where they are JWTs, read sub
            2. expect two subjects, each with a name
    """
    if bearer.account("pusher").username == bearer.account("puller").username:
        raise NotApplicable("both logins are of one user")
    replies = {role: ask(bearer, role) for role in ("pusher", "puller")}
    subjects = {role: claims_of(token_in(reply)).get("sub") for role, reply in replies.items()}

    if len(set(subjects.values())) < len(subjects) or not all(subjects.values()):
        proof = claims_differ("sub", *replies.values()) if all(subjects.values()) else None
        raise NonConformance("sub of each login's own", worded(subjects), *replies.values(), proof=proof)


@verifies("registry/token/anonymous-token-has-no-subject")
def test_anonymous_has_no_subject(bearer: Registry) -> None:
    """Purpose: a token that anybody gets is nobody's, whichever login was named beside the request.
    Method: 1. ask for a token without a login, with the name of one beside it
            2. where a token comes that is a JWT, expect no sub, or an empty one
    """
    reply = bearer.door.ask_token([], account=bearer.account("pusher").username)
    if not token_in(reply):
        raise NotApplicable(f"nobody gets a token without a login ({reply.status})")
    subject = claims_of(token_in(reply)).get("sub")

    if subject:
        proof = Proof(reply.id, inside="claims", lacks='"sub" *: *"[^"]')
        raise NonConformance("an empty sub", f"sub {worded(subject)}", reply, proof=proof)


@pytest.fixture
def form_response(bearer: Registry, guarded: StoredImage, once: Once) -> Exchange:
    """The response to a form of a pull-only login that requests a token to pull and push."""
    account, scope = bearer.account("puller"), bearer.scope(guarded.repository.name, "pull,push")
    reply = once("by form", lambda: granted_by_password(bearer, account.username, account.password, scope))
    if not reply.ok:
        raise NotApplicable(f"the token endpoint takes no username and password in a form ({reply.status})")
    return reply


def granted_actions(token: str, guarded: StoredImage) -> set[str] | None:
    """Return the actions of a token; of an opaque token those that work; None where it names none."""
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
    """Purpose: a client learns what its token opens, and does not try what it does not.
    Method: 1. ask by a form for a token to pull and push with a login that may only pull
            2. where a token comes, expect scope, which of pull and push names none that the token has not; an opaque
               one is tried
    """
    told = expect_json_object(form_response).get("scope")
    if not isinstance(told, str):
        proof = has_member(form_response, "scope", '"')
        raise NonConformance("scope", f"scope {worded(told)}" if told else "none", form_response, proof=proof)
    granted = granted_actions(token_in(form_response), guarded)
    named = {"pull", "push"} & set(re.split("[ :,]", told))
    if granted is not None and not named <= granted:
        right, without = ", ".join(sorted(granted)) or "nothing", without_member(form_response, "scope")
        raise NonConformance(f"a scope of {right}", f"scope {worded(told)}", form_response, proof=without)


@verifies("registry/token/form-response-has-access-token")
def test_form_gives_an_access_token(form_response: Exchange) -> None:
    """Purpose: what is asked for as OAuth 2.0 asks is told as OAuth 2.0 tells it.
    Method: 1. ask for a token by a form
            2. expect access_token, and token to be the same where one is told
    """
    document = expect_json_object(form_response)
    token = document.get("access_token")

    if not token or (document.get("token") or token) != token:
        proof = None if token else has_member(form_response, "access_token", '"[^"]')
        raise NonConformance("access_token, and token equal to it", ", ".join(document), form_response, proof=proof)


@verifies("registry/token/lifetime-is-at-least-60-seconds")
@pytest.mark.parametrize("least", [case("form", LEAST_LIFETIME_S)])
def test_token_of_a_form_lives_a_minute(form_response: Exchange, least: int) -> None:
    """Purpose: a token that was asked for by a form is good for as long as older clients take it to be, too.
    Method: 1. ask for a token by a form
            2. expect expires_in, where it is there, to be a number of at least 60
    """
    expect_lifetime(form_response, least)


@verifies("registry/token/form-response-is-json")
def test_token_of_a_form_is_json(form_response: Exchange) -> None:
    """Purpose: an OAuth 2.0 client can parse the response.
    Method: 1. ask for a token by a form
            2. expect Content-Type: application/json
    """
    expect_media_type(form_response, "application/json")


@verifies("registry/token/form-issues-no-unrequested-refresh-token")
def test_form_gives_no_refresh_token_unasked(form_response: Exchange) -> None:
    """Purpose: what lives without an end is not given to those who did not ask.
    Method: 1. ask for a token by a form without access_type=offline
            2. expect no refresh_token
    """
    expect_no_refresh_token(form_response)


@verifies("registry/token/password-form-grants-no-more")
def test_password_grants_no_more(form_response: Exchange, guarded: StoredImage) -> None:
    """Purpose: a password in a form gets what the login may do, and no more.
    Method: 1. ask by a form for a token to pull and push with a login that may only pull
            2. where a token comes, expect it not to push
    """
    if token := token_in(form_response):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/malformed-request-is-no-server-error")
@pytest.mark.parametrize("login", [case("no-colon", b"nocolon"), case("not-utf8", b"\xff:\xfe")])
def test_malformed_login_at_the_token_endpoint(bearer: Registry, login: bytes) -> None:
    """Purpose: an unreadable login never causes a server error at the token endpoint.
    Method: 1. ask for a token under Basic credentials without a colon, and of bytes that are no UTF-8
            2. expect no 5xx
    """
    reply = bearer.door.ask_token([], f"Basic {base64.b64encode(login).decode()}")
    expect_no_server_error(reply, "for a login that cannot be read")


@verifies("registry/token/malformed-request-is-no-server-error")
@pytest.mark.parametrize("grant_type", [case("unknown-grant", "cf-unknown")])
def test_unknown_grant_at_the_token_endpoint(bearer: Registry, grant_type: str) -> None:
    """Purpose: a form with an unknown grant causes no server error.
    Method: 1. POST a form of an unknown grant_type to the token endpoint
            2. expect no 5xx
    """
    reply = requested_by_form(bearer, {"grant_type": grant_type, "service": bearer.door.service}, "REGISTRY_CF_TOKEN")
    expect_no_server_error(reply, "for an unknown grant")


@verifies("registry/token/malformed-request-is-no-server-error")
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
    """Purpose: a query without a service, or one that cannot be decoded, causes no server error.
    Method: 1. GET the token endpoint without a login, and without service in its query, or with escapes that stand for
               nothing
            2. expect no 5xx
    """
    separator = "&" if "?" in bearer.door.realm else "?"
    expect_no_server_error(bearer.http.send("GET", f"{bearer.door.realm}{separator}{query}"), "for such a query")


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


@verifies("registry/token/credentials-are-not-echoed")
@pytest.mark.parametrize("by", [case("password", "query"), case("password-in-a-form", "form")])
def test_password_is_not_echoed(bearer: Registry, names: Names, by: str) -> None:
    """Purpose: a wrong password is not echoed: it is often one letter away from the right one.
    Method: 1. ask for a token with a password that is none, and by a form of grant_type=password
            2. expect the password nowhere in the answer
    """
    username, password = bearer.account("pusher").username, names.new("password")
    if by == "query":
        reply = bearer.door.ask_token([], basic_login(username, password))
    else:
        reply = granted_by_password(bearer, username, password)

    expect_not_repeated(reply, [password], "the password")
