"""Defects of the registry's token endpoint where it is asked by a form, and where it refuses a login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.registry_tokens import EVERYTHING
from conformance.reference.defects.identity.support import is_registry_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Asked
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account


class EndedLoginGetsTokens(Defect):
    """Credentials & Webhooks: a credential that was revoked gets no token, nor one that has expired."""

    surface = "identity"
    noticed_by = (
        "registry/login/ended-login-opens-nothing#expired",
        "registry/login/ended-login-opens-nothing#expired-in-a-form",
        "registry/login/ended-login-opens-nothing#revoked",
        "registry/login/ended-login-opens-nothing#revoked-in-a-form",
    )

    def in_force(self, original: Callable[[Account | None], bool], account: Account | None) -> bool:
        return account is not None


class AbsentRepositoryGetsNoToken(Defect):
    """API Reference, Error Handling: no answer to a token request tells which repositories another has."""

    surface = "identity"
    noticed_by = ("registry/rights/private-and-absent-are-not-told-apart#token-other-organization",)

    def __init__(self) -> None:
        self.pushed: set[str] = set()

    def granted_access(
        self, original: Callable[..., list[dict[str, Any]]], account: Account | None, asked: list[Asked]
    ) -> list[dict[str, Any]]:
        access = original(account, asked)
        self.pushed |= {each["name"] for each in access if "push" in each["actions"]}
        granted = {each["name"] for each in access}
        if account and any(each.name not in self.pushed | granted for each in asked if each.kind == "repository"):
            raise Refused(Answer.json(404, {"error": "no such repository"}))
        return access


class LoginSchemeComparedWithCase(Defect):
    """RFC 9110 section 11.1: the name of an authentication scheme is case-insensitive, that of a login as well."""

    surface = "identity"
    noticed_by = ("registry/login/scheme-is-compared-without-case",)

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        if not request.headers.get("authorization", "Basic ").startswith("Basic "):
            raise Refused(surface_of(original).login_refused())
        return original(request)


class LongerLifeTold(Defect):
    """Docker token authentication: a token stays good for as long as expires_in says."""

    surface = "identity"
    noticed_by = ("registry/token/lives-as-long-as-it-says",)

    def registry_token_document(
        self, original: Callable[..., dict[str, Any]], account: Account | None, service: str, asked: list[Asked]
    ) -> dict[str, Any]:
        return original(account, service, asked) | {"expires_in": 86400}


class PasswordGetsWhatIsAsked(Defect):
    """Docker token authentication: a password in a form gets what the account may do, and no more."""

    surface = "identity"
    noticed_by = ("registry/token/password-grants-no-more",)

    def posted_answer(
        self, original: Callable[..., dict[str, Any]], account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        everything = replace(account, rights=dict.fromkeys(account.rights, EVERYTHING))
        return original(everything if form["grant_type"] == "password" else account, form, asked)


class TokenOfAFormMayBeStored(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Cache-Control: no-store, that to a form, too."""

    surface = "identity"
    noticed_by = ("registry/token/of-a-form-is-not-cached",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and request.method == "POST":
            answer.headers["Cache-Control"] = "private, max-age=300"
        return answer


class RefusedLoginWithoutChallenge(Defect):
    """RFC 9110 section 15.5.2: 401 has a WWW-Authenticate, that of the token endpoint, too."""

    surface = "identity"
    noticed_by = ("registry/login/refused-login-is-challenged",)

    def login_refused(self, original: Callable[[], Answer]) -> Answer:
        answer = original()
        del answer.headers["WWW-Authenticate"]
        return answer


class RefreshTokenComparedInPart(Defect):
    """Docker token authentication: what gets a token is the refresh token that was given, every letter of it."""

    surface = "identity"
    noticed_by = (
        "registry/token/altered-refresh-token-gets-nothing#altered",
        "registry/token/altered-refresh-token-gets-nothing#not-ascii",
    )

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        given = form.get("refresh_token", "")
        alike = (each for each in surface_of(original).refresh_tokens if given and each[:16] == given[:16])
        return original({**form, "refresh_token": next(alike, given)})


class ClientIdOfAFormBelieved(Defect):
    """Docker OAuth2 token flow: the client_id "does not need to be registered", and so lets nobody in."""

    surface = "identity"
    noticed_by = (
        "registry/login/wrong-password-in-a-form-is-refused#empty",
        "registry/login/wrong-password-in-a-form-is-refused#other",
    )

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        return surface_of(original).accounts.get(form.get("client_id", "")) or original(form)


class TokenOfAFormTypedAsText(Defect):
    """RFC 6749 section 5.1: a token comes as application/json, and not as what a framework takes it for."""

    surface = "identity"
    noticed_by = ("registry/token/of-a-form-is-json",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and request.method == "POST" and answer.status == 200:
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
        return answer


class FormWithoutAccessToken(Defect):
    """Docker token authentication by OAuth2: the token is called access_token, as OAuth 2.0 calls it."""

    surface = "identity"
    noticed_by = ("registry/token/form-gives-an-access-token",)

    def posted_answer(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        return {name: value for name, value in original(*given).items() if name != "access_token"}


class RefreshTokenOfWhoeverWasFirst(Defect):
    """Docker token authentication: a refresh token gets access tokens for the same subject, its own."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-gets-further-tokens",)

    def __init__(self) -> None:
        self.first: list[Account] = []

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        account = original(form)
        self.first = self.first or [each for each in surface_of(original).accounts.values() if each != account]
        return self.first[0] if account and form["grant_type"] == "refresh_token" else account


class RefreshTokenUnknownToOneOfTwo(Defect):
    """Docker token authentication: a refresh token gets tokens, whichever instance is asked."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-gets-further-tokens",)

    def __init__(self) -> None:
        self.asked = 0

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        self.asked += form.get("grant_type") == "refresh_token"
        return None if self.asked % 2 and form.get("grant_type") == "refresh_token" else original(form)


class ClientIdFails(Defect):
    """Docker token authentication: client_id says which client asks, and is no failure."""

    surface = "identity"
    noticed_by = ("registry/token/actions-add-up#split",)
    crashes = (ValueError,)

    def asked_scopes(self, original: Callable[..., list[Asked]], pairs: list[tuple[str, str]]) -> list[Asked]:
        told = dict(pairs)
        if "client_id" in told and "grant_type" not in told:
            raise ValueError("nobody knows client_id")
        return original(pairs)
