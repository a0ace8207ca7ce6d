"""Defects of registry tokens.

They break these promises:

- The registry challenges for a login as `docker login` expects.
- Nothing is accessible without a valid login.
- Only a token signed for this registry is accepted.
- Token responses have the documented fields.
- Refresh tokens are issued only on request and never widen access.
"""

from __future__ import annotations

import datetime
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Access, RequestedScope
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Account
from conformance.reference.support.identity import edited, is_registry_token_request, surface_of
from tests.defects.support.identity import EVERYTHING, owner_of

Document = dict[str, Any]

ROWS = (
    row(
        "wrong-password-accepted",
        "Docker token authentication: a wrong password gets a token.",
        "registry/login/wrong-login-is-refused#empty-password,password-in-capitals,password-of-another",
        "interoperability/registry/login-with-a-wrong-password-fails",
        password_matches=lambda original, expected, given: True,
    ),
    row(
        "registry-refresh-token-dead",
        "Docker token authentication: a refresh token gets no access token.",
        "registry/token/refresh-token-gets-tokens",
        granting_account=lambda original, form: original({**form, "refresh_token": ""}),
    ),
)


@defect("registry/login/refused-login-is-challenged")
def refused_login_without_challenge(login_refused: Any) -> Answer:
    """RFC 9110 section 15.5.2: the 401 of the token endpoint has no WWW-Authenticate."""
    answer = login_refused()
    del answer.headers["WWW-Authenticate"]
    return answer


@defect("registry/support/is-answered-200")
def registry_token_not_yet_valid(
    registry_claims: Any, account: Account | None, service: str, access: Access
) -> dict[str, Any]:
    """Docker token authentication: a token is not valid yet when it is issued."""
    claims = registry_claims(account, service, access)
    return claims | {"nbf": claims["nbf"] + 250}


@defect("registry/login/scheme-is-case-insensitive")
def login_scheme_compared_with_case(basic_account: Any, request: Request) -> Account | None:
    """RFC 9110 section 11.1: the scheme of a login is compared with case."""
    if not request.headers.get("authorization", "Basic ").startswith("Basic "):
        raise Refused(surface_of(basic_account).login_refused())
    return basic_account(request)


@defect("registry/login/unknown-user-is-not-revealed")
def registry_user_named(account_of: Any, username: str, password: str) -> Account | None:
    """OWASP API2: an unknown user and a wrong password get different errors."""
    surface = surface_of(account_of)
    if username not in surface.accounts:
        raise Refused(surface.oauth_error(401, "invalid_client", "no such user"))
    return account_of(username, password)


@defect(
    "registry/login/wrong-login-is-refused#password-and-more,unknown-user,wrong-password",
    "registry/login/wrong-password-in-a-form-is-refused#empty",
)
def refused_login_is_given_a_token(request: Request, answer: Answer) -> Answer:
    """Docker token authentication: the body of a refusal contains a token."""
    if is_registry_token_request(request) and answer.status in (400, 401):
        status, headers = answer.status, answer.headers.get("WWW-Authenticate")
        answer = Answer.json(status, {"error": "invalid_client", "token": secrets.token_urlsafe(32)})
        if headers:
            answer.headers["WWW-Authenticate"] = headers
    return answer


@defect("registry/login/wrong-password-in-a-form-is-refused#empty,other")
def client_id_of_a_form_believed(granting_account: Any, form: dict[str, str]) -> Account | None:
    """Docker OAuth2 token flow: a client_id in a form is accepted as a login."""
    return surface_of(granting_account).accounts.get(form.get("client_id", "")) or granting_account(form)


@defect("registry/token/invalid-refresh-token-is-refused#access-token")
def access_token_is_a_refresh_token(granting_account: Any, form: dict[str, str]) -> Account | None:
    """API Reference, Error Handling: an access token is accepted as a refresh token."""
    return granting_account(form) or owner_of(granting_account, form.get("refresh_token", ""))


@defect("registry/token/invalid-refresh-token-is-refused#altered,not-ascii")
def refresh_token_compared_in_part(granting_account: Any, form: dict[str, str]) -> Account | None:
    """Docker token authentication: only the beginning of a refresh token is compared."""
    given = form.get("refresh_token", "")
    alike = (each for each in surface_of(granting_account).refresh_tokens if given and each[:16] == given[:16])
    return granting_account({**form, "refresh_token": next(alike, given)})


@defect("registry/token/exp-matches-expires-in")
def lifetime_overstated(
    registry_token_document: Any, account: Account | None, service: str, requested: list[RequestedScope]
) -> dict[str, Any]:
    """Docker token authentication: a token expires before expires_in."""
    return registry_token_document(account, service, requested) | {"expires_in": 86400}


@defect("registry/token/exp-matches-expires-in")
def lifetime_reported_as_text(registry_token_document: Any, *given: Any) -> Document:
    """Docker token authentication: expires_in is a text instead of a number."""
    document: Document = registry_token_document(*given)
    return document | {"expires_in": f"{document['expires_in']} s"}


@defect("registry/token/anonymous-token-has-no-subject")
def anonymous_token_has_a_subject(
    registry_claims: Any, account: Account | None, service: str, access: Access
) -> dict[str, Any]:
    """Docker token implementation: the token of an unauthenticated client has a subject."""
    return registry_claims(account, service, access) | ({} if account else {"sub": "ct-push"})


@defect("registry/token/form-response-has-access-token")
def form_without_access_token(posted_answer: Any, *given: Any) -> dict[str, Any]:
    """Docker token authentication by OAuth2: the response to a form has no access_token."""
    return {name: value for name, value in posted_answer(*given).items() if name != "access_token"}


@defect("registry/token/form-issues-no-unrequested-refresh-token")
def form_gets_refresh_token_unrequested(
    posted_answer: Any, account: Account, form: dict[str, str], requested: list[RequestedScope]
) -> dict[str, Any]:
    """Docker token authentication by OAuth2: a form without access_type=offline gets a refresh token."""
    return posted_answer(account, form | {"access_type": "offline"}, requested)


@defect("registry/token/form-response-states-its-scope")
def form_without_its_scope(
    posted_answer: Any, account: Account, form: dict[str, str], requested: list[RequestedScope]
) -> Document:
    """Docker's OAuth2: the response to a form does not state the granted scope."""
    return {name: value for name, value in posted_answer(account, form, requested).items() if name != "scope"}


@defect("registry/token/form-response-states-its-scope")
def form_states_scope_as_requested(
    posted_answer: Any, account: Account, form: dict[str, str], requested: list[RequestedScope]
) -> dict[str, Any]:
    """Docker token authentication by OAuth2: the response to a form states the requested scope, not the granted one."""
    return posted_answer(account, form, requested) | {"scope": form.get("scope", "")}


@defect("registry/token/response-has-a-token")
def registry_tokens_differ(request: Request, answer: Answer) -> Answer:
    """Docker token authentication: token and access_token differ."""
    if is_registry_token_request(request) and answer.status == 200:
        return edited(answer, lambda document: document.update(access_token=document["token"][::-1]))
    return answer


@defect("registry/token/response-has-a-token")
def registry_token_missing(request: Request, answer: Answer) -> Answer:
    """Docker token authentication: the response has neither token nor access_token."""
    if is_registry_token_request(request) and answer.status == 200:
        return edited(answer, lambda document: (document.pop("token"), document.pop("access_token")))
    return answer


def _two_hours_on(document: dict[str, Any]) -> None:
    issued = datetime.datetime.fromisoformat(document["issued_at"]) + datetime.timedelta(hours=2)
    document["issued_at"] = issued.isoformat().replace("+00:00", "Z")


@defect("registry/token/issued-at-is-a-time")
def issued_at_of_another_zone(request: Request, answer: Answer) -> Answer:
    """Docker token authentication: issued_at is local time marked as UTC."""
    if is_registry_token_request(request) and answer.status == 200:
        return edited(answer, _two_hours_on)
    return answer


@defect("registry/token/lifetime-is-at-least-60-seconds", "registry/token/lifetime-is-at-least-60-seconds#form")
def registry_lifetime_too_short(request: Request, answer: Answer) -> Answer:
    """Docker token authentication: a token lives for less than 60 seconds."""
    if is_registry_token_request(request) and answer.status == 200:
        return edited(answer, lambda document: document.update(expires_in=30))
    return answer


@defect("registry/token/subject-is-the-user")
def registry_token_of_one_subject(
    registry_claims: Any, account: Account | None, service: str, access: Access
) -> dict[str, Any]:
    """Docker token implementation: ``sub`` is the service instead of the account."""
    return registry_claims(account, service, access) | ({"sub": "token-service"} if account else {})


@defect("registry/token/refresh-token-gets-further-tokens", state=list)
def refresh_token_of_whoever_was_first(
    first: list[Account], granting_account: Any, form: dict[str, str]
) -> Account | None:
    """Docker token authentication: a refresh token gets access tokens of another account."""
    account = granting_account(form)
    first.extend([] if first else [each for each in surface_of(granting_account).accounts.values() if each != account])
    return first[0] if account and form["grant_type"] == "refresh_token" else account


@defect("registry/token/refresh-token-gets-further-tokens", state=itertools.count)
def refresh_token_unknown_to_one_of_two(
    uses: Iterator[int], granting_account: Any, form: dict[str, str]
) -> Account | None:
    """Docker token authentication: a refresh token is unknown to one of two instances."""
    unknown = form.get("grant_type") == "refresh_token" and next(uses) % 2 == 0
    return None if unknown else granting_account(form)


@defect("registry/token/refresh-token-gets-further-tokens", state=set)
def refresh_token_good_for_one(used: set[str], granting_account: Any, form: dict[str, str]) -> Account | None:
    """Docker token authentication: a refresh token works only once."""
    token = form.get("refresh_token", "")
    if token in used:
        return None
    used |= {token} - {""}
    return granting_account(form)


@defect("registry/token/refresh-token-grants-no-more")
def refresh_token_gets_what_is_requested(
    posted_answer: Any, account: Account, form: dict[str, str], requested: list[RequestedScope]
) -> dict[str, Any]:
    """Docker token authentication: a refresh token gets every requested action."""
    return posted_answer(replace(account, rights=dict.fromkeys(account.rights, EVERYTHING)), form, requested)


@defect("registry/token/refresh-token-is-for-its-service")
def refresh_token_of_any_service(granting_account: Any, form: dict[str, str]) -> Account | None:
    """Docker token authentication: a refresh token works for another service."""
    surface = surface_of(granting_account)
    record = surface.refresh_tokens.get(form.get("refresh_token", ""))
    return surface.accounts[record[0]] if record else granting_account(form)
