"""Defects of the token endpoint: refusals of the wrong kind, and what a request leaves behind for the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client

Form = dict[str, str]
Claims = dict[str, Any]
Token = Callable[[Request], Awaitable[Answer]]
Presented = Callable[[Request, Form], tuple[str, str]]
SHUT_S = 2.0
HOSTILE = ("oauth/client/hostile-credentials-are-no-server-error",)


class BasicFailureIs400(Defect):
    """RFC 6749 section 5.2: who authenticates by the Authorization field and fails MUST be answered 401."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-failure-is-401-with-challenge#unknown-client",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 401 and "authorization" in request.headers:
            answer.status = 400
        return answer


class FailureIs403(Defect):
    """RFC 6749 section 5.2: failed client authentication is answered 401, or 400."""

    surface = "identity"
    noticed_by = (
        "oauth/client/failure-is-invalid-client#unknown-client",
        "oauth/client/failure-is-invalid-client#wrong-secret",
    )

    def client_refused(self, original: Callable[[str], Answer], reason: str) -> Answer:
        answer = original(reason)
        answer.status = 403
        return answer


class ClientOfTheFieldWins(Defect):
    """RFC 6749 section 2.3: a client uses one method in each request; whole credentials of two are no request."""

    surface = "identity"
    noticed_by = ("oauth/client/two-clients-at-once-are-refused#first-by-basic",)

    def presented_credentials(self, original: Presented, request: Request, form: Form) -> tuple[str, str]:
        authorization = request.headers.get("authorization", "")
        surface = surface_of(original)
        if authorization.startswith("Basic ") and "client_secret" in form and "client_id" in form:
            found = surface.credentials_of_header(authorization, {})
            if found[0] != form["client_id"]:
                return found
        return original(request, form)


class SecretWrittenIntoStatement(Defect):
    """RFC 6749 section 5.2: a secret is compared, and not read as a part of the statement that looks for it."""

    surface = "identity"
    noticed_by = ("oauth/client/hostile-credentials-are-no-server-error#sql-client-secret",)

    def secret_matches(
        self, original: Callable[[Client | None, str], bool], client: Client | None, secret: str
    ) -> bool:
        return original(client, secret) or "' OR 1=1" in secret


class ListOfIdsIsAnId(Defect):
    """RFC 6749 section 2.3.1: the id is the parameter client_id, and client_id[] is none of the endpoint's."""

    surface = "identity"
    noticed_by = (
        "oauth/client/hostile-credentials-are-no-server-error#list-of-client_ids",
        "oauth/client/hostile-credentials-are-no-server-error#list-of-grant_types",
    )

    def with_values(
        self, original: Callable[[list[tuple[str, str]]], list[tuple[str, str]]], pairs: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        return original([(name.removesuffix("[]"), value) for name, value in pairs])


class MissingGrantIsInvalidGrant(Defect):
    """RFC 6749 section 5.2: invalid_request is for a request that is missing a required parameter."""

    surface = "identity"
    noticed_by = ("oauth/errors/missing-grant-type-is-invalid-request",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b"grant_type is missing" in answer.body:
            return edited(answer, lambda document: document.update(error="invalid_grant"))
        return answer


class _ScopeRefusedAs(Defect):
    """Refuses some scopes under another code than invalid_scope."""

    code: ClassVar[str] = ""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b'"invalid_scope"' in answer.body and self._is_meant(answer):
            return edited(answer, lambda document: document.update(error=self.code))
        return answer

    def _is_meant(self, answer: Answer) -> bool:
        raise NotImplementedError


class ScopeBeyondIsUnauthorized(_ScopeRefusedAs):
    """RFC 6749 section 5.2: invalid_scope is for a scope that is unknown or exceeds what was granted."""

    surface = "identity"
    noticed_by = ("oauth/scope/refusal-is-invalid-scope#beyond",)
    code = "unauthorized_client"

    def _is_meant(self, answer: Answer) -> bool:
        return b"exceeds" in answer.body


class MalformedScopeIsUnauthorized(_ScopeRefusedAs):
    """RFC 6749 section 5.2: invalid_scope is for a scope that is malformed."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/malformed-is-refused-or-ignored#non-ascii",
        "oauth/scope/malformed-is-refused-or-ignored#quote",
        "oauth/scope/malformed-is-refused-or-ignored#two-blanks",
    )
    code = "unauthorized_client"

    def _is_meant(self, answer: Answer) -> bool:
        return b"malformed" in answer.body


class ScopeNotAskedIsInvalidRequest(Defect):
    """RFC 6749 section 3.3: without a scope the server takes its default, or fails with invalid_scope."""

    surface = "identity"
    noticed_by = ("oauth/scope/omitted-is-default-or-invalid-scope",)

    def default_scopes(self, original: Callable[[Client], tuple[str, ...]], client: Client) -> tuple[str, ...]:
        raise Refused(surface_of(original).oauth_error(400, "invalid_request", "scope is missing"))


class WritingNeedsReading(Defect):
    """RFC 6749 section 3.3: each scope of a credential can be asked for, without another one beside it."""

    surface = "identity"
    noticed_by = ("oauth/scope/asked-is-granted",)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, scopes) and not ("project:write" in scopes and "project:read" not in scopes)


class ScopesAreReadInOrder(Defect):
    """RFC 6749 section 3.3: the order of scopes does not matter (each is looked for behind the one before it)."""

    surface = "identity"
    noticed_by = ("oauth/scope/order-does-not-matter",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> tuple[str, ...]:
        known = list(client.scopes)
        granted: list[str] = []
        for each in original(client, asked):
            if each in known:
                granted.append(each)
                known = known[known.index(each) + 1 :]
        return tuple(granted)


class BrowserShownToken(Defect):
    """RFC 6749 section 5.1: a token is told in JSON, whatever else is preferred by who takes anything."""

    surface = "identity"
    noticed_by = ("oauth/answer/is-json-whatever-is-preferred#token",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200 and "text/html" in request.headers.get("accept", ""):
            answer.headers["Content-Type"] = "text/html"
        return answer


class RepeatedParameterIsInvalidGrant(Defect):
    """RFC 6749 section 5.2: invalid_request is for a request that repeats a parameter."""

    surface = "identity"
    noticed_by = (
        "oauth/token/repeated-parameter-is-invalid-request#client-id",
        "oauth/token/repeated-parameter-is-invalid-request#scope",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b"more than once" in answer.body:
            return edited(answer, lambda document: document.update(error="invalid_grant"))
        return answer


class RepeatedScopeCrashes(Defect):
    """RFC 6749 section 5.2: a scope that stands twice is 400, never a 5xx (a list where a text is meant)."""

    surface = "identity"
    noticed_by = ("oauth/token/repeated-scope-never-adds-up",)
    crashes = (AttributeError,)

    def refuse_duplicates(
        self, original: Callable[[list[tuple[str, str]]], None], pairs: list[tuple[str, str]]
    ) -> None:
        if len([name for name, _ in pairs if name == "scope"]) > 1:
            raise AttributeError("'list' object has no attribute 'split'")
        original(pairs)


class OtherMethodsAnsweredEmptily(Defect):
    """RFC 6749 section 3.2: a method that issues no token is refused, not answered 200 with nothing."""

    surface = "identity"
    noticed_by = (
        "oauth/token/only-post-issues-tokens#delete",
        "oauth/token/only-post-issues-tokens#get-by-basic",
        "oauth/token/only-post-issues-tokens#head",
        "oauth/token/only-post-issues-tokens#patch",
        "oauth/token/only-post-issues-tokens#put",
    )

    def oauth_method_refused(self, original: Callable[[str], Answer], allowed: str) -> Answer:
        answer = original(allowed)
        answer.status = 200
        return answer


class FormInPartsCrashes(Defect):
    """RFC 6749 section 4.4.2: a request in another encoding is refused, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/token/other-encodings-are-refused#multipart",)
    crashes = (ValueError,)

    def is_form(self, original: Callable[[Request], bool], request: Request) -> bool:
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise ValueError("a part without its end")
        return original(request)


class _Shut(Defect):
    """Answers nobody for a while behind some request (a worker that has to be begun anew)."""

    def __init__(self) -> None:
        self.until = 0.0

    def intercept(self, request: Request) -> Answer | None:
        if not is_token_request(request):
            return None
        if time.monotonic() < self.until:
            return Answer.json(400, {"error": "invalid_request"})
        if self._shuts(request):
            self.until = time.monotonic() + SHUT_S
        return None

    def _shuts(self, request: Request) -> bool:
        raise NotImplementedError


class LargeFormShutsEndpoint(_Shut):
    """RFC 6749 section 5.1: a good request is served, also behind one that was too large."""

    surface = "identity"
    noticed_by = ("oauth/token/large-body-is-no-server-error#2-mb",)

    def _shuts(self, request: Request) -> bool:
        return len(request.body) > 1_000_000


class CodedFormShutsEndpoint(_Shut):
    """RFC 6749 section 5.1: a good request is served, also behind one in a coding that was cut off."""

    surface = "identity"
    noticed_by = (
        "oauth/token/content-coding-is-no-server-error#gzip",
        "oauth/token/content-coding-is-no-server-error#not-gzip",
    )

    def _shuts(self, request: Request) -> bool:
        return "content-encoding" in request.headers


class OtherGrantShutsOutItsClient(_Shut):
    """RFC 6749 section 5.1: a client whose request was wrong in one way is served once that is mended."""

    surface = "identity"
    noticed_by = ("oauth/client/failed-request-has-one-of-the-documented-causes#grant-type",)

    def _shuts(self, request: Request) -> bool:
        return b"grant_type=password" in request.body


class RequestsAtOnceAreTooMany(Defect):
    """RFC 6749 section 5.1: a good request is served while others are (a pool of four that nobody waits for)."""

    surface = "identity"
    noticed_by = ("oauth/tokens/requests-at-once-all-succeed",)

    def __init__(self) -> None:
        self.at_work = 0

    async def token(self, original: Token, request: Request) -> Answer:
        if self.at_work >= 4:
            return Answer.json(503, {"error": "temporarily_unavailable"})
        self.at_work += 1
        await asyncio.sleep(0.05)
        self.at_work -= 1
        return await original(request)


class TokenKeptForAllClients(Defect):
    """RFC 6749 section 10.10: a token is its client's, and not that of whoever asked a moment ago."""

    surface = "identity"
    noticed_by = ("oauth/tokens/cannot-be-guessed",)

    def __init__(self) -> None:
        self.kept: dict[int, str] = {}

    def make_access_token(self, original: Callable[[dict[str, Any]], str], claims: dict[str, Any]) -> str:
        minute = int(time.monotonic() // 60)
        return self.kept.setdefault(minute, original(claims))


class NewTokenEndsTheLast(Defect):
    """RFC 6749 section 5.1: expires_in is the lifetime of the token, also where its client is given another."""

    surface = "identity"
    noticed_by = ("oauth/tokens/further-ones-end-none",)

    def __init__(self) -> None:
        self.last: dict[str, str] = {}

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        self.last[claims["client_id"]] = claims["jti"]
        return original(claims)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return original(claims) if claims.get("jti") == self.last.get(str(claims.get("client_id"))) else None
