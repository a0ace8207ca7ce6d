"""Defects of secrecy.

They break these promises:

- Tokens and client secrets are never cached, logged or echoed.
- Registry tokens are never cached, logged or echoed.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect
from conformance.reference.seeds import Client
from conformance.reference.support.identity import (
    edited,
    is_api_request,
    is_registry_token_request,
    is_token_request,
    surface_of,
)
from tests.defects.support.identity import secret_of


@defect("authorization/bearer/shared-caches-store-no-response")
def absence_may_be_shared(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 3.5: a 404 may be stored by shared caches, so its owner gets 404 as well."""
    if answer.status == 404:
        answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@defect("authorization/bearer/shared-caches-store-no-response")
def answers_must_be_revalidated_when_stale(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 3.5: must-revalidate lets shared caches store responses to a token."""
    if is_api_request(request) and answer.status == 200:
        answer.headers["Cache-Control"] = "max-age=60, must-revalidate"
    return answer


@defect("authorization/bearer/responses-show-no-secret")
async def members_show_secrets(get_members: Any, call: Call) -> Answer:
    """Credentials: the list of members contains client secrets."""
    surface = surface_of(get_members)
    members = [{**each, "secret": surface.clients[each["id"]].secret} for each in call.organization.members]
    return surface.listing(call.request, members)


@defect("authorization/bearer/responses-show-no-secret#of-a-created-credential")
def secret_shown_again(shown: Any, project: Project, status: int = 200) -> Answer:
    """Credentials: the client secret is shown at each read, not only at creation."""
    return edited(shown(project, status), lambda document: document.update(client_secret=secret_of(project)))


@defect("oauth/response/no-cookie")
def token_sets_cookie(request: Request, answer: Answer) -> Answer:
    """Server-to-server calls carry no session: a token response sets a cookie."""
    if is_token_request(request):
        answer.headers["Set-Cookie"] = "session=b0a1c2; Path=/"
    return answer


@defect("oauth/response/no-refresh-token")
def refresh_token_issued(token_document: Any, token: str, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
    """RFC 6749 section 4.4.3: a client credentials grant returns a refresh token."""
    return token_document(token, client, scopes) | {"refresh_token": "0ZtVnL1yqkWbSg6yT0cQbQ"}


@defect("oauth/response/no-store")
def token_by_basic_may_be_stored(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token response to Basic has no Cache-Control: no-store."""
    if is_token_request(request) and answer.status == 200 and "authorization" in request.headers:
        answer.headers["Cache-Control"] = "private"
    return answer


@defect("oauth/response/no-store")
def token_may_be_stored(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token response has no Cache-Control: no-store."""
    if is_token_request(request) and answer.status == 200:
        answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


@defect("oauth/response/pragma-no-cache")
def pragma_missing(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token response has no Pragma: no-cache."""
    if is_token_request(request):
        del answer.headers["Pragma"]
    return answer


@defect("oauth/errors/refusal-is-not-stored#unknown-grant-type,unknown-scope,wrong-secret")
def token_error_may_be_stored(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: a token error has no Cache-Control: no-store."""
    if is_token_request(request) and answer.status >= 400:
        del answer.headers["Cache-Control"]
        del answer.headers["Pragma"]
    return answer


class RefusedAddressIsQuoted(Defect):
    """OWASP API8: an error for a wrong method repeats the query, and with it the client secret."""

    noticed_by = ("oauth/response/secret-is-not-repeated#by-get",)

    def oauth_method_refused(self, original: Any, allowed: str) -> Answer:
        return edited(original(allowed), lambda document: document.update(error_description=f"not {self.asked}"))

    async def token(self, original: Any, request: Request) -> Answer:
        self.asked = f"{request.method} {request.raw_path}?{request.query_string}"
        return await original(request)


@defect("oauth/errors/wrong-secret-is-not-repeated")
def basic_field_echoed(request: Request, answer: Answer) -> Answer:
    """OWASP API8: an error repeats the Basic credentials in base64."""
    sent = request.headers.get("authorization", "")
    if answer.status != 401 or not sent.startswith("Basic "):
        return answer
    return edited(answer, lambda document: document.update(error_description=f"cannot accept {sent}"))


@defect(
    "oauth/errors/wrong-secret-is-not-repeated",
    "oauth/response/secret-is-not-repeated#as-json,no-grant-type,secret-twice,unknown-client,unknown-grant-type",
)
def token_error_echoes_request(request: Request, answer: Answer) -> Answer:
    """OWASP API8: an error repeats the client secret."""
    if not is_token_request(request) or answer.status not in (400, 401):
        return answer
    sent = request.body.decode("ascii", "replace").replace("\ufffd", "?")
    return edited(answer, lambda document: document.update(error_description=f"cannot handle {sent[:2000]}"))


@defect("registry/token/credentials-are-not-echoed#password,password-in-a-form")
def wrong_password_echoed(password_matches: Any, expected: str, given: str) -> bool:
    """OWASP API8: an error repeats a wrong password."""
    if not password_matches(expected, given):
        refusal = surface_of(password_matches).login_refused()
        raise Refused(edited(refusal, lambda document: document.update(error_description=given)))
    return True


@defect("registry/token/form-response-is-json")
def token_of_a_form_typed_as_text(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: the token response to a form is called text instead of application/json."""
    if is_registry_token_request(request) and request.method == "POST" and answer.status == 200:
        answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    return answer
