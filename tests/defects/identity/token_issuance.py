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
from tests.defects.support.identity import LONG_PAUSE_S, LimitShared, _Shut

ROWS = (
    row(
        "token-answer-wrapped",
        "RFC 6749 section 5.1: the parameters are at the top level of the JSON object.",
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
    """API Reference, Authentication: client_id and client_secret in the form are enough."""
    if "client_secret" in form and "authorization" not in request.headers:
        raise Refused(surface_of(presented_credentials).client_refused("no credentials"))
    return presented_credentials(request, form)


class OtherGrantShutsOutItsClient(_Shut):
    """RFC 6749 section 5.1: a client whose request was wrong in one way is served once that is mended."""

    noticed_by = ("oauth/client/failed-request-has-one-of-the-documented-causes#grant-type",)

    def _shuts(self, request: Request) -> bool:
        return b"grant_type=password" in request.body


@defect("oauth/endpoints/identity-serves-tokens")
def good_token_is401(request: Request) -> Answer | None:
    """API Reference, Authentication: the token is sent in the Authorization header, and opens what it may."""
    refused = is_api_request(request) and request.raw_path.endswith("/members")
    return Answer.json(401, {"error": {"code": "unauthorized", "message": "No."}}) if refused else None


@defect("oauth/token/chunked-body-is-read")
async def chunked_token_request_refused(token: Any, request: Request) -> Answer:
    """RFC 9112 section 7.1: a recipient must be able to parse the chunked transfer coding."""
    if "chunked" in request.headers.get("transfer-encoding", ""):
        return surface_of(token).oauth_error(400, "invalid_request", "the body has no length")
    return await token(request)


@defect("oauth/token/chunked-body-is-read")
async def chunked_token_request_answered_empty(token: Any, request: Request) -> Answer:
    """RFC 6749 section 5.1: a successful answer to a form in chunks carries a token, as to any other."""
    return Answer(200) if "transfer-encoding" in request.headers else await token(request)


@defect("oauth/token/issued-for-valid-credentials")
def token_issued_with201(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token is issued with status 200."""
    if is_token_request(request) and answer.status == 200:
        answer.status = 201
    return answer


@defect("oauth/token/media-type-is-compared-without-case#upper-case")
def token_content_type_compared_with_case(is_form: Any, request: Request) -> bool:
    """RFC 9110 section 8.3.1: type and subtype are case-insensitive."""
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


@defect("oauth/token/media-type-is-compared-without-case#blank-before,charset,quoted-charset")
def token_charset_parameter_refused(is_form: Any, request: Request) -> bool:
    """RFC 9110 section 8.3.1: a media type may carry parameters; charset=UTF-8 is the same form."""
    return request.headers.get("content-type", "").lower() == "application/x-www-form-urlencoded"


@defect("oauth/token/query-component-is-tolerated")
def token_trailing_query_refused(request: Request) -> Answer | None:
    """RFC 6749 section 3.2: the token endpoint URL may include a query component."""
    crashes = is_token_request(request) and bool(request.query_string)
    return Answer.json(500, {"error": "server_error"}) if crashes else None


@defect("oauth/token/query-component-is-tolerated")
async def query_answered_without_token(token: Any, request: Request) -> Answer:
    """RFC 6749 section 5.1: a successful answer at an address with a query carries a token, as at any other."""
    return Answer.json(200, {}) if request.query_string else await token(request)


@defect("oauth/response/is-json-for-any-accept#token-or-xml")
def token_in_xml_where_accepted(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token comes in JSON, also to who can read XML."""
    if is_token_request(request) and answer.status == 200 and "xml" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "application/xml"
        answer.body = b"<OAuth2AccessToken><token_type>Bearer</token_type></OAuth2AccessToken>"
        del answer.headers["Content-Length"]
    return answer


@defect("oauth/response/is-json-for-any-accept#token")
def browser_shown_token(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: a token is told in JSON, whatever else is preferred by who takes anything."""
    if is_token_request(request) and answer.status == 200 and "text/html" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "text/html"
    return answer


@defect("oauth/response/is-json-for-any-accept#refusal")
def page_for_browsers(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: a refusal is in JSON, whatever a client's library prefers by default."""
    if is_token_request(request) and answer.status >= 400 and "text/html" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "text/html"
        answer.body = b"<h1>Unauthorized</h1>"
    return answer


@defect("oauth/response/scope-is-well-formed")
def scope_stated_with_two_blanks(token_document: Any, *given: Any) -> dict[str, Any]:
    """RFC 6749 section 3.3: scopes are delimited by a blank each."""
    document = token_document(*given)
    return {**document, "scope": document["scope"].replace(" ", "  ")}


@defect("oauth/tokens/cannot-be-guessed", state=dict)
def token_cached_for_all_clients(kept: dict[int, str], make_access_token: Any, claims: dict[str, Any]) -> str:
    """RFC 6749 section 10.10: a token is its client's, and not that of whoever asked a moment ago."""
    minute = int(time.monotonic() // 60)
    return kept.setdefault(minute, make_access_token(claims))


class TokensOf128Bits(Defect):
    """RFC 6749 section 10.10: tokens are guessed with a probability of 2^-160 at most, where that can be."""

    noticed_by = ("oauth/tokens/have-room-for-160-bits",)
    issued: dict[str, Any] = {}

    def make_access_token(self, original: Any, claims: Any) -> str:
        token = f"nx_{secrets.token_urlsafe(16)}"
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Any, token: str) -> Any:
        return self.issued.get(token)


class StatedScopesAreOfWhoCameLast(Defect):
    """RFC 6749 section 5.1: the scope that an answer states is that of its own token, whoever asks at that moment."""

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
    """OWASP API4: one credential's haste is not the trouble of another organization's."""

    noticed_by = ("errors/429/other-organizations-are-served",)

    def _shared_by(self, client: Client) -> str:
        return "all"


@defect("oauth/tokens/concurrent-requests-succeed", state=dict)
def tokens_repeat_within_a_second(
    last: dict[tuple[str, str, int], str], make_access_token: Any, claims: dict[str, Any]
) -> str:
    """RFC 9068 section 2.2: jti makes every token another one."""
    return last.setdefault((claims["client_id"], claims["scope"], claims["iat"]), make_access_token(claims))


class ConcurrentRequestsAreTooMany(Defect):
    """RFC 6749 section 5.1: a good request is served while others are (a pool of four that nobody waits for)."""

    noticed_by = ("oauth/tokens/concurrent-requests-succeed",)
    at_work = 0

    async def token(self, original: Any, request: Request) -> Answer:
        if self.at_work >= 4:
            return Answer.json(503, {"error": "temporarily_unavailable"})
        self.at_work += 1
        await asyncio.sleep(0.05)
        self.at_work -= 1
        return await original(request)


@defect("oauth/scope/documented-scope-is-granted", "oauth/token/documented-url-serves-tokens")
def documented_scope_unknown(within_credential: Any, client: Any, scopes: tuple[str, ...]) -> bool:
    """API Reference, Authentication: the documented request names the scope organization:read."""
    return scopes != ("organization:read",) and within_credential(client, scopes)
