"""Defects of secrecy.

They break these promises:

- Tokens and client secrets are never cached, logged or echoed.
- Registry tokens are never cached, logged or echoed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Project
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client
from conformance.reference.support.identity import (
    edited,
    is_api_request,
    is_registry_token_request,
    is_token_request,
    surface_of,
)
from tests.defects.support.identity import secret_of


class AbsenceMayBeShared(Defect):
    """RFC 9111 section 3.5: what is not there for one caller is not for a shared cache to be gone for its owner."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-are-not-shared",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.headers["Cache-Control"] = "public, max-age=300"
        return answer


class AnswersMustBeRevalidatedWhenStale(Defect):
    """RFC 9111 section 3.5: must-revalidate lets a shared cache keep what a token opens and give it out while fresh."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-are-not-shared",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200:
            answer.headers["Cache-Control"] = "max-age=60, must-revalidate"
        return answer


class MembersShowSecrets(Defect):
    """Credentials: the client secret is shown once, at creation, and in no list."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-show-no-secret",)

    async def get_members(self, original: Callable[[Call], Any], call: Call) -> Answer:
        surface = surface_of(original)
        told = [{**each, "secret": surface.clients[each["id"]].secret} for each in call.organization.members]
        return surface.listing(call.request, told)


class SecretShownAgain(Defect):
    """Credentials: the client secret is shown once, at creation; here whoever reads the thing has it as well."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-show-no-secret#of-a-created-credential",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(client_secret=secret_of(project)))


class TokenSetsCookie(Defect):
    """Server-to-server calls carry no session: a token answer sets no cookie."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-cookie",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request):
            answer.headers["Set-Cookie"] = "session=b0a1c2; Path=/"
        return answer


class RefreshTokenIssued(Defect):
    """RFC 6749 section 4.4.3: a refresh token SHOULD NOT be included."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-refresh-token",)

    def token_document(
        self,
        original: Callable[[str, Client, tuple[str, ...]], dict[str, Any]],
        token: str,
        client: Client,
        scopes: tuple[str, ...],
    ) -> dict[str, Any]:
        return original(token, client, scopes) | {"refresh_token": "0ZtVnL1yqkWbSg6yT0cQbQ"}


class TokenByBasicMayBeStored(Defect):
    """RFC 6749 section 5.1: no token is stored, however its client has proved itself."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-store",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200 and "authorization" in request.headers:
            answer.headers["Cache-Control"] = "private"
        return answer


class TokenMayBeStored(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Cache-Control: no-store."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-store",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200:
            answer.headers["Cache-Control"] = "private, max-age=3600"
        return answer


class PragmaMissing(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Pragma: no-cache."""

    surface = "identity"
    noticed_by = ("oauth/answer/pragma-no-cache",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request):
            del answer.headers["Pragma"]
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


class RefusedAddressIsQuoted(Defect):
    """OWASP API8: an error never repeats the client secret, though it be the address that is wrong."""

    surface = "identity"
    noticed_by = ("oauth/answer/secret-is-not-repeated#by-get",)

    def oauth_method_refused(self, original: Callable[[str], Answer], allowed: str) -> Answer:
        return edited(original(allowed), lambda document: document.update(error_description=f"not {self.asked}"))

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        self.asked = f"{request.method} {request.raw_path}?{request.query_string}"
        return await original(request)


class BasicFieldEchoed(Defect):
    """OWASP API8: an error never repeats the client secret, in base64 neither."""

    surface = "identity"
    noticed_by = ("oauth/errors/wrong-secret-is-not-repeated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        sent = request.headers.get("authorization", "")
        if answer.status != 401 or not sent.startswith("Basic "):
            return answer
        return edited(answer, lambda document: document.update(error_description=f"cannot accept {sent}"))


class TokenErrorEchoesRequest(Defect):
    """OWASP API8: an error never repeats the client secret."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/wrong-secret-is-not-repeated",
        "oauth/answer/secret-is-not-repeated#as-json",
        "oauth/answer/secret-is-not-repeated#no-grant-type",
        "oauth/answer/secret-is-not-repeated#secret-twice",
        "oauth/answer/secret-is-not-repeated#unknown-client",
        "oauth/answer/secret-is-not-repeated#unknown-grant-type",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_token_request(request) or answer.status not in (400, 401):
            return answer
        sent = request.body.decode("ascii", "replace").replace("\ufffd", "?")
        return edited(answer, lambda document: document.update(error_description=f"cannot handle {sent[:2000]}"))


class WrongPasswordToldBack(Defect):
    """OWASP API8: an error does not expose what it was given to keep, such as a password that is nearly right."""

    surface = "identity"
    noticed_by = ("registry/token/is-not-told-back#password", "registry/token/is-not-told-back#password-in-a-form")

    def password_matches(self, original: Any, expected: str, given: str) -> bool:
        if not original(expected, given):
            refusal = surface_of(original).login_refused()
            raise Refused(edited(refusal, lambda told: told.update(error_description=given)))
        return True


class TokenOfAFormTypedAsText(Defect):
    """RFC 6749 section 5.1: a token comes as application/json, and not as what a framework takes it for."""

    surface = "identity"
    noticed_by = ("registry/token/form-response-is-json",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and request.method == "POST" and answer.status == 200:
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
        return answer


class TokenOfAFormMayBeStored(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Cache-Control: no-store, that to a form, too."""

    surface = "identity"
    noticed_by = ("registry/token/is-not-cached#form",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and request.method == "POST":
            answer.headers["Cache-Control"] = "private, max-age=300"
        return answer
