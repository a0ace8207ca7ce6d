"""Defects of token issuance.

They break these promises:

- The documented token request returns an access token.
- A token response has the standard JSON form (RFC 6749 section 5.1).
- Access tokens are unpredictable.
- Concurrent token requests all succeed and never mix clients.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Client
from conformance.reference.support.identity import edited, is_api_request, is_token_request, surface_of
from tests.defects.support.common import FourAtATime
from tests.defects.support.identity import LONG_PAUSE_S, LimitShared, _ShutsEndpoint

ROWS = (
    row(
        "token-answer-wrapped",
        "RFC 6749 section 5.1: the token response is wrapped in a member.",
        "oauth/token/response-contains-a-token",
        "oauth/response/json-with-token-and-type",
        token_document=lambda original, token, client, scopes: {"data": original(token, client, scopes)},
    ),
)


@defect(
    "oauth/token/response-contains-a-token",
    "oauth/token/issued-for-valid-credentials",
    "interoperability/identity/curl-token-request",
)
def body_credentials_refused(presented_credentials: Any, request: Request, form: dict[str, str]) -> tuple[str, str]:
    """API Reference, Authentication: client_id and client_secret in the form are refused."""
    if "client_secret" in form and "authorization" not in request.headers:
        raise Refused(surface_of(presented_credentials).client_refused("no credentials"))
    return presented_credentials(request, form)


class OtherGrantShutsOutItsClient(_ShutsEndpoint):
    """RFC 6749 section 5.1: a request for the password grant makes the endpoint refuse later requests."""

    noticed_by = ("oauth/client/failed-request-has-one-of-the-documented-causes#grant-type",)

    def _shuts(self, request: Request) -> bool:
        return b"grant_type=password" in request.body


@defect("oauth/endpoints/identity-serves-tokens")
def good_token_is401(request: Request) -> Answer | None:
    """API Reference, Authentication: a valid token is answered 401 for the members of its organization."""
    refused = is_api_request(request) and request.raw_path.endswith("/members")
    return Answer.json(401, {"error": {"code": "unauthorized", "message": "No."}}) if refused else None


@defect("oauth/token/chunked-body-is-read")
async def chunked_token_request_refused(token: Any, request: Request) -> Answer:
    """RFC 9112 section 7.1: a chunked token request is refused."""
    if "chunked" in request.headers.get("transfer-encoding", ""):
        return surface_of(token).oauth_error(400, "invalid_request", "the body has no length")
    return await token(request)


@defect("oauth/token/chunked-body-is-read")
async def chunked_token_request_answered_empty(token: Any, request: Request) -> Answer:
    """RFC 6749 section 5.1: a chunked token request is answered 200 without a token."""
    return Answer(200) if "transfer-encoding" in request.headers else await token(request)


@defect("oauth/token/issued-for-valid-credentials")
def token_issued_with201(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token is issued with 201 instead of 200."""
    if is_token_request(request) and answer.status == 200:
        answer.status = 201
    return answer


@defect("oauth/token/media-type-is-compared-without-case#upper-case")
def token_content_type_compared_with_case(is_form: Any, request: Request) -> bool:
    """RFC 9110 section 8.3.1: the media type of a token request is compared with case."""
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


@defect("oauth/token/media-type-is-compared-without-case#blank-before,charset,quoted-charset")
def token_charset_parameter_refused(is_form: Any, request: Request) -> bool:
    """RFC 9110 section 8.3.1: a charset parameter on the media type is refused."""
    return request.headers.get("content-type", "").lower() == "application/x-www-form-urlencoded"


@defect("oauth/token/query-component-is-tolerated")
def token_trailing_query_refused(request: Request) -> Answer | None:
    """RFC 6749 section 3.2: a token endpoint URL with a query is answered 500."""
    crashes = is_token_request(request) and bool(request.query_string)
    return Answer.json(500, {"error": "server_error"}) if crashes else None


@defect("oauth/token/query-component-is-tolerated")
async def query_answered_without_token(token: Any, request: Request) -> Answer:
    """RFC 6749 section 5.1: a token endpoint URL with a query is answered 200 without a token."""
    return Answer.json(200, {}) if request.query_string else await token(request)


@defect("oauth/response/is-json-for-any-accept#token-or-xml")
def token_in_xml_where_accepted(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token is returned in XML if the client accepts it."""
    if is_token_request(request) and answer.status == 200 and "xml" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "application/xml"
        answer.body = b"<OAuth2AccessToken><token_type>Bearer</token_type></OAuth2AccessToken>"
        del answer.headers["Content-Length"]
    return answer


@defect("oauth/response/is-json-for-any-accept#token")
def browser_shown_token(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token response is called text/html if the client accepts it."""
    if is_token_request(request) and answer.status == 200 and "text/html" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "text/html"
    return answer


@defect("oauth/response/is-json-for-any-accept#refusal")
def page_for_browsers(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: an error is returned in HTML if the client accepts it."""
    if is_token_request(request) and answer.status >= 400 and "text/html" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "text/html"
        answer.body = b"<h1>Unauthorized</h1>"
    return answer


@defect("oauth/response/scope-is-well-formed")
def scope_stated_with_two_blanks(token_document: Any, *given: Any) -> dict[str, Any]:
    """RFC 6749 section 3.3: the stated scopes are separated by two blanks."""
    document = token_document(*given)
    return {**document, "scope": document["scope"].replace(" ", "  ")}


@defect("oauth/tokens/cannot-be-guessed", state=dict)
def token_cached_for_all_clients(cached: dict[int, str], make_access_token: Any, claims: dict[str, Any]) -> str:
    """RFC 6749 section 10.10: a cached token is returned to other clients."""
    minute = int(time.monotonic() // 60)
    return cached.setdefault(minute, make_access_token(claims))


class TokensOf128Bits(Defect):
    """RFC 6749 section 10.10: a token has only 128 random bits, although 160 are required where possible."""

    noticed_by = ("oauth/tokens/have-room-for-160-bits",)
    issued: dict[str, Any] = {}

    def make_access_token(self, original: Any, claims: Any) -> str:
        token = f"nx_{secrets.token_urlsafe(16)}"
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Any, token: str) -> Any:
        return self.issued.get(token)


class StatedScopesAreOfWhoCameLast(Defect):
    """RFC 6749 section 5.1: the stated scope is that of a concurrent request."""

    noticed_by = ("authorization/concurrency/token-belongs-to-its-client",)
    last: tuple[str, ...] = ()

    def granted_scopes(self, original: Any, client: Client, requested: str | None) -> tuple[str, ...]:
        self.last = original(client, requested)
        return self.last

    async def token(self, original: Any, request: Request) -> Answer:
        answer = await original(request)
        await asyncio.sleep(LONG_PAUSE_S)
        if answer.status != 200:
            return answer
        return edited(answer, lambda document: document.update(scope=" ".join(self.last)))


class LimitSharedByAll(LimitShared, Defect):
    """OWASP API4: a client above its limit makes other organizations wait as well."""

    noticed_by = ("errors/429/other-organizations-are-served",)

    def _shared_by(self, client: Client) -> str:
        return "all"


@defect("oauth/tokens/concurrent-requests-succeed", state=dict)
def tokens_repeat_within_a_second(
    last: dict[tuple[str, str, int], str], make_access_token: Any, claims: dict[str, Any]
) -> str:
    """RFC 9068 section 2.2: two tokens issued within a second are equal."""
    return last.setdefault((claims["client_id"], claims["scope"], claims["iat"]), make_access_token(claims))


@defect("oauth/tokens/concurrent-requests-succeed", state=FourAtATime)
async def concurrent_requests_are_too_many(four: FourAtATime, token: Any, request: Request) -> Answer:
    """RFC 6749 section 5.1: the fifth concurrent request is refused."""
    return await four.handle(token, request, "temporarily_unavailable")


@defect("oauth/scope/documented-scope-is-granted", "oauth/token/documented-url-serves-tokens")
def documented_scope_unknown(within_credential: Any, client: Any, scopes: tuple[str, ...]) -> bool:
    """API Reference, Authentication: the documented scope organization:read is unknown."""
    return scopes != ("organization:read",) and within_credential(client, scopes)
