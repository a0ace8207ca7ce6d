"""Defects of the registry's token endpoint in what it refuses, does not understand, or gives beside the token."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_registry_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Access, Asked, RegistryTokens
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account

Document = dict[str, Any]


def failed(surface: RegistryTokens) -> Refused:
    """What the endpoint answers that has failed over a request."""
    return Refused(surface.oauth_error(500, "server_error", "failed"))


class RefusedLoginIsGivenAToken(Defect):
    """Docker token authentication: who is refused is given no token, in the body of the refusal neither."""

    surface = "identity"
    noticed_by = (
        "registry/login/wrong-login-is-refused#password-and-more",
        "registry/login/wrong-login-is-refused#unknown-user",
        "registry/login/wrong-login-is-refused#wrong-password",
        "registry/login/wrong-password-in-a-form-is-refused#empty",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status in (400, 401):
            status, headers = answer.status, answer.headers.get("WWW-Authenticate")
            answer = Answer.json(status, {"error": "invalid_client", "token": secrets.token_urlsafe(32)})
            if headers:
                answer.headers["WWW-Authenticate"] = headers
        return answer


class WrongPasswordToldBack(Defect):
    """OWASP API8: an error does not expose what it was given to keep, such as a password that is nearly right."""

    surface = "identity"
    noticed_by = ("registry/token/is-not-told-back#password", "registry/token/is-not-told-back#password-in-a-form")

    def password_matches(self, original: Any, expected: str, given: str) -> bool:
        if not original(expected, given):
            refusal = surface_of(original).login_refused()
            raise Refused(edited(refusal, lambda told: told.update(error_description=given)))
        return True


class MoreThanMayBeHadIsNothing(Defect):
    """Docker token authentication: who asks for more than they may gets what they may, and not nothing."""

    surface = "identity"
    noticed_by = ("registry/token/subset-is-no-error#pull-only", "registry/token/subset-is-no-error#unknown-action")

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        surface = surface_of(original)
        whole = [each for each in asked if {*each.actions} <= surface.permitted_actions(account, each)]
        granted: Access = original(account, whole)
        return granted


class SubsetWithoutAToken(Defect):
    """Docker token authentication: where nothing of what was asked for may be had, there is a token all the same."""

    surface = "identity"
    noticed_by = ("registry/token/subset-is-no-error#no-rights",)

    def registry_token_document(self, original: Any, *given: Any) -> Document:
        document: Document = original(*given)
        account, asked = given[0], given[-1]
        lacks = asked and not surface_of(original).granted_access(account, asked)
        return {name: value for name, value in document.items() if "token" not in name} if lacks else document


class _WordFails(Defect):
    """Fails over a scope in which this stands."""

    word: ClassVar[str] = ""

    def parse_scope(self, original: Any, word: str) -> Asked | None:
        if self.word in word:
            raise failed(surface_of(original))
        scope: Asked | None = original(word)
        return scope


class AsteriskOfActionsFails(_WordFails):
    """API Reference, Error Handling: who asks for every action is understood or refused; that is no failure."""

    surface = "identity"
    noticed_by = ("registry/token/asterisk-grants-no-more", "registry/token/asterisk-grants-no-more#in-a-name")
    word = ":*"


class ClassOfAResourceFails(_WordFails):
    """Docker token scopes: a type may have a class, ``repository(plugin)``, over which nothing fails."""

    surface = "identity"
    noticed_by = ("registry/token/class-grants-no-more",)
    word = "("


class DotsInAScopeFail(_WordFails):
    """API Reference, Error Handling: a name with dots in it is none, and no failure."""

    surface = "identity"
    noticed_by = ("registry/token/other-spelling-grants-nothing#dots",)
    word = "/../"


class AnonymousRequestFails(Defect):
    """API Reference, Error Handling: who asks without a login is told so, or gets a token of nothing."""

    surface = "identity"
    noticed_by = ("registry/token/anonymous-opens-nothing",)

    def basic_account(self, original: Any, request: Request) -> Account | None:
        account: Account | None = original(request)
        if account is None:
            raise failed(surface_of(original))
        return account


class LifetimeToldInText(Defect):
    """Docker token authentication: expires_in is a number of seconds."""

    surface = "identity"
    noticed_by = ("registry/token/lives-as-long-as-it-says",)

    def registry_token_document(self, original: Any, *given: Any) -> Document:
        document: Document = original(*given)
        return document | {"expires_in": f"{document['expires_in']} s"}


class FormWithoutItsScope(Defect):
    """Docker's OAuth2: the answer to a form states "the scope granted", whether that is what was asked for or not."""

    surface = "identity"
    noticed_by = ("registry/token/form-states-its-scope",)

    def posted_answer(self, original: Any, account: Account, form: dict[str, str], asked: list[Asked]) -> Document:
        return {name: value for name, value in original(account, form, asked).items() if name != "scope"}


class RefreshTokenForWhoIsNamed(Defect):
    """Docker's OAuth 2.0 form: a refresh token is for the login that was given it, whoever is named beside it."""

    surface = "identity"
    noticed_by = ("registry/token/account-is-who-logs-in#refresh-token",)

    def granting_account(self, original: Any, form: dict[str, str]) -> Account | None:
        account: Account | None = original(form)
        return surface_of(original).accounts.get(form.get("username", ""), account) if account else None


class LoginsAtOnceAreOne(Defect):
    """Docker token authentication: a token is for who logs in, and not for who logged in meanwhile."""

    surface = "identity"
    noticed_by = ("registry/token/account-is-who-logs-in#at-once",)

    def __init__(self) -> None:
        self.newest: Request | None = None

    async def registry_token(self, original: Any, request: Request) -> Answer:
        if "authorization" in request.headers:
            self.newest = request
            await asyncio.sleep(0.01)
            request = replace(request, headers=self.newest.headers)
        answer: Answer = await original(request)
        return answer
