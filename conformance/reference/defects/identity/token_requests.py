"""Defects in how a token request is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.datastructures import Headers

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused

Pairs = list[tuple[str, str]]
Token = Callable[[Request], Awaitable[Answer]]
KNOWN = frozenset({"grant_type", "client_id", "client_secret", "scope", "resource", "audience"})


def as_form(request: Request, body: bytes) -> Request:
    """The same request as a POST of this form."""
    kept = [(name, value) for name, value in request.headers.items() if name != "content-type"]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
    headers = Headers(raw=[*raw, (b"content-type", b"application/x-www-form-urlencoded")])
    return dataclasses.replace(request, method="POST", body=body, query_string="", headers=headers)


class TokenByGet(Defect):
    """RFC 6749 section 3.2: the client MUST use POST; a GET with the parameters in its query gets no token."""

    surface = "identity"
    noticed_by = ("oauth/token/only-post-issues-tokens#get", "oauth/token/only-post-issues-tokens#get-by-basic")

    async def token(self, original: Token, request: Request) -> Answer:
        if request.method == "GET":
            return await original(as_form(request, request.query_string.encode("latin-1")))
        return await original(request)


class TokenAllowMissing(Defect):
    """RFC 9110 section 15.5.6: a 405 carries Allow."""

    surface = "identity"
    noticed_by = (
        "oauth/token/refused-method-names-post#delete",
        "oauth/token/refused-method-names-post#get",
        "oauth/token/refused-method-names-post#put",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 405:
            del answer.headers["Allow"]
        return answer


class TokenRequestAsJson(Defect):
    """RFC 6749 section 4.4.2: the parameters are form-encoded; a JSON body is no token request."""

    surface = "identity"
    noticed_by = ("oauth/token/other-encodings-are-refused#json",)

    async def token(self, original: Token, request: Request) -> Answer:
        if request.headers.get("content-type", "").startswith("application/json"):
            try:
                return await original(as_form(request, urlencode(json.loads(request.body)).encode()))
            except (ValueError, TypeError):
                pass
        return await original(request)


class TokenContentTypeIgnored(Defect):
    """RFC 6749 section 4.4.2: the request is application/x-www-form-urlencoded; text/plain is not."""

    surface = "identity"
    noticed_by = (
        "oauth/token/other-encodings-are-refused#form-as-json",
        "oauth/token/other-encodings-are-refused#none",
        "oauth/token/other-encodings-are-refused#text",
    )

    def is_form(self, original: Callable[[Request], bool], request: Request) -> bool:
        return True


class TokenContentTypeComparedWithCase(Defect):
    """RFC 9110 section 8.3.1: type and subtype are case-insensitive."""

    surface = "identity"
    noticed_by = ("oauth/token/media-type-is-compared-without-case#upper-case",)

    def is_form(self, original: Callable[[Request], bool], request: Request) -> bool:
        return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


class TokenCharsetParameterRefused(Defect):
    """RFC 9110 section 8.3.1: a media type may carry parameters; charset=UTF-8 is the same form."""

    surface = "identity"
    noticed_by = (
        "oauth/token/media-type-is-compared-without-case#blank-before",
        "oauth/token/media-type-is-compared-without-case#charset",
        "oauth/token/media-type-is-compared-without-case#quoted-charset",
    )

    def is_form(self, original: Callable[[Request], bool], request: Request) -> bool:
        return request.headers.get("content-type", "").lower() == "application/x-www-form-urlencoded"


class UnknownParameterRefused(Defect):
    """RFC 6749 section 3.2: the authorization server MUST ignore unrecognized request parameters."""

    surface = "identity"
    noticed_by = (
        "oauth/token/unknown-parameters-are-ignored#beside-basic",
        "oauth/token/unknown-parameters-are-ignored#bracketed",
        "oauth/token/unknown-parameters-are-ignored#code",
        "oauth/token/unknown-parameters-are-ignored#of-every-object",
        "oauth/token/unknown-parameters-are-ignored#plain",
        "oauth/token/unknown-parameters-are-ignored#unicode",
    )

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        if not {name for name, _ in pairs} <= KNOWN:
            raise Refused(surface_of(original).oauth_error(400, "invalid_request", "unknown parameter"))
        return original(pairs)


class EmptyParameterNotOmitted(Defect):
    """RFC 6749 section 3.2: parameters sent without a value MUST be treated as if they were omitted."""

    surface = "identity"
    noticed_by = (
        "oauth/token/empty-parameters-count-as-omitted#client-id-beside-basic",
        "oauth/token/empty-parameters-count-as-omitted#client-secret-beside-basic",
        "oauth/token/empty-parameters-count-as-omitted#scope",
    )

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        return pairs


class DuplicateGrantTypeAccepted(Defect):
    """RFC 6749 section 3.2: parameters MUST NOT be included more than once (grant_type)."""

    surface = "identity"
    noticed_by = (
        "oauth/token/repeated-parameter-is-invalid-request#grant-type",
        "oauth/token/repeated-credentials-issue-nothing#grant-type-wrong-first",
    )

    def may_repeat(self, original: Callable[[str], bool], name: str) -> bool:
        return name == "grant_type" or original(name)


class LastDuplicateCredentialWins(Defect):
    """RFC 6749 section 3.2: parameters MUST NOT be included more than once (credentials, the last one counts)."""

    surface = "identity"
    noticed_by = (
        "oauth/token/repeated-credentials-issue-nothing#client-id-wrong-first",
        "oauth/token/repeated-credentials-issue-nothing#client-secret-wrong-first",
    )

    def may_repeat(self, original: Callable[[str], bool], name: str) -> bool:
        return name in ("client_id", "client_secret") or original(name)


class FirstDuplicateCredentialWins(LastDuplicateCredentialWins):
    """RFC 6749 section 3.2: parameters MUST NOT be included more than once (credentials, the first one counts)."""

    noticed_by = (
        "oauth/token/repeated-credentials-issue-nothing#client-id-wrong-last",
        "oauth/token/repeated-credentials-issue-nothing#client-secret-wrong-last",
    )

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        return original(pairs[::-1])


class DuplicateScopesUnited(Defect):
    """RFC 6749 section 3.2: scope MUST NOT be included more than once, and two never add up to a wider one."""

    surface = "identity"
    noticed_by = ("oauth/token/repeated-scope-never-adds-up",)

    def may_repeat(self, original: Callable[[str], bool], name: str) -> bool:
        return name == "scope" or original(name)

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        scopes = [value for name, value in pairs if name == "scope" and value]
        rest = [(name, value) for name, value in pairs if name != "scope"]
        return original([*rest, ("scope", " ".join(scopes))])


class MissingGrantTypeAccepted(Defect):
    """RFC 6749 section 4.4.2: grant_type is REQUIRED."""

    surface = "identity"
    noticed_by = ("oauth/errors/missing-grant-type-is-refused", "oauth/errors/missing-grant-type-is-invalid-request")

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        return [("grant_type", "client_credentials"), *original(pairs)]


class UnknownGrantCrashes(Defect):
    """RFC 6749 section 5.2: an unknown grant is 400 unsupported_grant_type, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/unknown-grant-type-is-unsupported#blank-behind",
        "oauth/errors/unknown-grant-type-is-unsupported#upper-case",
        "oauth/errors/other-grants-issue-nothing#authorization-code",
        "oauth/errors/other-grants-issue-nothing#device-code",
        "oauth/errors/other-grants-issue-nothing#jwt-bearer",
        "oauth/errors/other-grants-issue-nothing#password",
        "oauth/errors/other-grants-issue-nothing#refresh-token",
        "oauth/errors/other-grants-issue-nothing#token-exchange",
    )
    crashes = (KeyError,)

    def offers_grant(self, original: Callable[[str], bool], grant_type: str) -> bool:
        return {"client_credentials": True}[grant_type]


class UnknownGrantIsInvalidGrant(Defect):
    """RFC 6749 section 5.2: the code of an unknown grant is unsupported_grant_type."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/unknown-grant-type-is-unsupported#blank-behind",
        "oauth/errors/unknown-grant-type-is-unsupported#cut",
        "oauth/errors/unknown-grant-type-is-unsupported#hyphen",
        "oauth/errors/unknown-grant-type-is-unsupported#inherited",
        "oauth/errors/unknown-grant-type-is-unsupported#longer",
        "oauth/errors/unknown-grant-type-is-unsupported#nul",
        "oauth/errors/unknown-grant-type-is-unsupported#unknown",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b"unsupported_grant_type" in answer.body:
            return edited(answer, lambda document: document.update(error="invalid_grant"))
        return answer


class LargeTokenRequestCrashes(Defect):
    """The contract's table of errors: a request that is too large is the caller's error, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/token/large-body-is-no-server-error#100-kb",)

    def intercept(self, request: Request) -> Answer | None:
        too_large = is_token_request(request) and len(request.body) > 64 * 1024
        return Answer(502, b"<html><h1>502 Bad Gateway</h1></html>") if too_large else None


class TokenTrailingQueryRefused(Defect):
    """RFC 6749 section 3.2: the token endpoint URL may include a query component."""

    surface = "identity"
    noticed_by = ("oauth/token/query-breaks-nothing",)

    def intercept(self, request: Request) -> Answer | None:
        crashes = is_token_request(request) and bool(request.query_string)
        return Answer.json(500, {"error": "server_error"}) if crashes else None
