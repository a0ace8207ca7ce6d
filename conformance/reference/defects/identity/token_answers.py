"""Defects in what the token endpoint answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_token_request
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import Client

Document = dict[str, Any]
Documents = Callable[[str, Client, tuple[str, ...]], Document]


class TokenMayBeStored(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Cache-Control: no-store."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-store",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200:
            answer.headers["Cache-Control"] = "private, max-age=3600"
        return answer


class TokenErrorMayBeStored(Defect):
    """RFC 6749 section 5.2: an error of the token endpoint carries Cache-Control: no-store."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/refusal-is-not-stored#unknown-grant-type",
        "oauth/errors/refusal-is-not-stored#unknown-scope",
        "oauth/errors/refusal-is-not-stored#wrong-secret",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status >= 400:
            del answer.headers["Cache-Control"]
            del answer.headers["Pragma"]
        return answer


class PragmaMissing(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Pragma: no-cache."""

    surface = "identity"
    noticed_by = ("oauth/answer/pragma-no-cache",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request):
            del answer.headers["Pragma"]
        return answer


class TokenSetsCookie(Defect):
    """Server-to-server calls carry no session: a token answer sets no cookie."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-cookie",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request):
            answer.headers["Set-Cookie"] = "session=b0a1c2; Path=/"
        return answer


class ExpiresInIsText(Defect):
    """RFC 6749 section 5.1 and appendix A.14: expires_in is a JSON number."""

    surface = "identity"
    noticed_by = ("oauth/answer/lifetime-is-in-seconds",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return original(token, client, scopes) | {"expires_in": str(client.lifetime_s)}


class ExpiresInMilliseconds(Defect):
    """RFC 6749 section 5.1: expires_in is in seconds."""

    surface = "identity"
    noticed_by = ("oauth/answer/lifetime-is-short", "oauth/jwt/lifetime-is-as-stated")

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return original(token, client, scopes) | {"expires_in": client.lifetime_s * 1000}


class ExpiresInMissing(Defect):
    """RFC 6749 section 5.1: expires_in is RECOMMENDED."""

    surface = "identity"
    noticed_by = ("oauth/answer/lifetime-is-stated",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        document = original(token, client, scopes)
        del document["expires_in"]
        return document


class RefreshTokenIssued(Defect):
    """RFC 6749 section 4.4.3: a refresh token SHOULD NOT be included."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-refresh-token",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return original(token, client, scopes) | {"refresh_token": "0ZtVnL1yqkWbSg6yT0cQbQ"}


class GrantedScopeNotStated(Defect):
    """RFC 6749 sections 3.3 and 5.1: a scope that is not the one asked for is stated."""

    surface = "identity"
    noticed_by = ("authorization/matrix/stated-scope-is-enforced#narrow",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        document = original(token, client, scopes)
        del document["scope"]
        return document


class ScopeStatedAsArray(Defect):
    """RFC 6749 section 5.1: scope is a string of space-delimited values."""

    surface = "identity"
    noticed_by = ("oauth/scope/asked-is-granted",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return original(token, client, scopes) | {"scope": list(scopes)}


class TokenAnswerWrapped(Defect):
    """RFC 6749 section 5.1: the parameters are at the top level of the JSON object."""

    surface = "identity"
    noticed_by = ("oauth/token/response-contains-a-token", "oauth/answer/json-with-token-and-type")

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return {"data": original(token, client, scopes)}


class SecretEchoedWithToken(Defect):
    """Credentials: the client secret is shown once, at creation."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-secret-repeated",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return original(token, client, scopes) | {"client_id": client.client_id, "client_secret": client.secret}


class TokenIssuedWith201(Defect):
    """RFC 6749 section 5.1: a token is issued with status 200."""

    surface = "identity"
    noticed_by = ("oauth/token/issued-for-valid-credentials",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200:
            answer.status = 201
        return answer


class TokenErrorUnregistered(Defect):
    """RFC 6749 section 5.2: error is one of the six codes."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/code-is-registered#no-client",
        "oauth/errors/code-is-registered#no-grant-type",
        "oauth/errors/code-is-registered#non-ascii-grant-type",
        "oauth/errors/code-is-registered#odd-client",
        "oauth/errors/code-is-registered#quotes-in-grant-type",
        "oauth/errors/code-is-registered#unknown-client",
        "oauth/errors/code-is-registered#unknown-grant-type",
        "oauth/errors/code-is-registered#wrong-secret",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_token_request(request) or answer.status not in (400, 401):
            return answer
        return edited(answer, lambda document: document.update(error="auth_failure"))


class TokenErrorWith200(Defect):
    """RFC 6749 section 5.2: a refusal never comes with status 200."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/refusal-is-a-json-error-document#bad-percent",
        "oauth/errors/refusal-is-a-json-error-document#byte-order-mark",
        "oauth/errors/refusal-is-a-json-error-document#empty-body",
        "oauth/errors/refusal-is-a-json-error-document#invalid-utf8",
        "oauth/errors/refusal-is-a-json-error-document#json",
        "oauth/errors/refusal-is-a-json-error-document#no-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#only-separators",
        "oauth/errors/refusal-is-a-json-error-document#raw-bytes",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 400:
            answer.status = 200
        return answer


class TokenErrorEchoesRequest(Defect):
    """OWASP API8: an error never repeats the client secret."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/wrong-secret-is-not-repeated",
        "oauth/errors/secret-is-not-repeated#as-json",
        "oauth/errors/secret-is-not-repeated#no-grant-type",
        "oauth/errors/secret-is-not-repeated#secret-twice",
        "oauth/errors/secret-is-not-repeated#unknown-client",
        "oauth/errors/secret-is-not-repeated#unknown-grant-type",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_token_request(request) or answer.status not in (400, 401):
            return answer
        sent = request.body.decode("ascii", "replace").replace("\ufffd", "?")
        return edited(answer, lambda document: document.update(error_description=f"cannot handle {sent[:2000]}"))
