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
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Access, Asked
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account
from conformance.reference.support.identity import edited, is_registry_token_request, surface_of
from tests.defects.rows import row
from tests.defects.support.identity import EVERYTHING, owner_of

Claims = Callable[[Account | None, str, Access], dict[str, Any]]
Document = dict[str, Any]
Posted = Callable[[Account, dict[str, str], list[Asked]], dict[str, Any]]

ROWS = (
    row(
        "wrong-password-accepted",
        "Docker token authentication: a wrong password gets no token.",
        "registry/login/wrong-login-is-refused#empty-password",
        "registry/login/wrong-login-is-refused#password-in-capitals",
        "registry/login/wrong-login-is-refused#password-of-another",
        "interoperability/registry/login-with-a-wrong-password-fails",
        password_matches=lambda original, expected, given: True,
    ),
    row(
        "registry-refresh-token-dead",
        "Docker token authentication: a refresh token gets access tokens for the same subject.",
        "registry/token/refresh-token-gets-tokens",
        granting_account=lambda original, form: original({**form, "refresh_token": ""}),
    ),
)


class RefusedLoginWithoutChallenge(Defect):
    """RFC 9110 section 15.5.2: 401 has a WWW-Authenticate, that of the token endpoint, too."""

    surface = "identity"
    noticed_by = ("registry/login/refused-login-is-challenged",)

    def login_refused(self, original: Callable[[], Answer]) -> Answer:
        answer = original()
        del answer.headers["WWW-Authenticate"]
        return answer


class RegistryTokenNotYetValid(Defect):
    """Docker token authentication: a token can be used when it is issued."""

    surface = "identity"
    noticed_by = ("registry/support/is-answered-200",)

    def registry_claims(
        self, original: Claims, account: Account | None, service: str, access: Access
    ) -> dict[str, Any]:
        claims = original(account, service, access)
        return claims | {"nbf": claims["nbf"] + 250}


class LoginSchemeComparedWithCase(Defect):
    """RFC 9110 section 11.1: the name of an authentication scheme is case-insensitive, that of a login as well."""

    surface = "identity"
    noticed_by = ("registry/login/scheme-is-case-insensitive",)

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        if not request.headers.get("authorization", "Basic ").startswith("Basic "):
            raise Refused(surface_of(original).login_refused())
        return original(request)


class RegistryUserNamed(Defect):
    """OWASP API2: an unknown user and a wrong password are answered alike."""

    surface = "identity"
    noticed_by = ("registry/login/unknown-user-is-not-revealed",)

    def account_of(
        self, original: Callable[[str, str], Account | None], username: str, password: str
    ) -> Account | None:
        surface = surface_of(original)
        if username not in surface.accounts:
            raise Refused(surface.oauth_error(401, "invalid_client", "no such user"))
        return original(username, password)


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


class AccessTokenIsARefreshToken(Defect):
    """API Reference, Error Handling: what was not given as a refresh token is an invalid one."""

    surface = "identity"
    noticed_by = ("registry/token/invalid-refresh-token-is-refused#access-token",)

    def granting_account(self, original: Any, form: dict[str, str]) -> Account | None:
        account: Account | None = original(form) or owner_of(original, form.get("refresh_token", ""))
        return account


class RefreshTokenComparedInPart(Defect):
    """Docker token authentication: what gets a token is the refresh token that was given, every letter of it."""

    surface = "identity"
    noticed_by = (
        "registry/token/invalid-refresh-token-is-refused#altered",
        "registry/token/invalid-refresh-token-is-refused#not-ascii",
    )

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        given = form.get("refresh_token", "")
        alike = (each for each in surface_of(original).refresh_tokens if given and each[:16] == given[:16])
        return original({**form, "refresh_token": next(alike, given)})


class LongerLifeTold(Defect):
    """Docker token authentication: a token stays good for as long as expires_in says."""

    surface = "identity"
    noticed_by = ("registry/token/exp-matches-expires-in",)

    def registry_token_document(
        self, original: Callable[..., dict[str, Any]], account: Account | None, service: str, asked: list[Asked]
    ) -> dict[str, Any]:
        return original(account, service, asked) | {"expires_in": 86400}


class LifetimeToldInText(Defect):
    """Docker token authentication: expires_in is a number of seconds."""

    surface = "identity"
    noticed_by = ("registry/token/exp-matches-expires-in",)

    def registry_token_document(self, original: Any, *given: Any) -> Document:
        document: Document = original(*given)
        return document | {"expires_in": f"{document['expires_in']} s"}


class AnonymousTokenHasASubject(Defect):
    """Docker token implementation: ``sub`` is empty where the client did not authenticate."""

    surface = "identity"
    noticed_by = ("registry/token/anonymous-token-has-no-subject",)

    def registry_claims(
        self, original: Claims, account: Account | None, service: str, access: Access
    ) -> dict[str, Any]:
        return original(account, service, access) | ({} if account else {"sub": "ct-push"})


class FormWithoutAccessToken(Defect):
    """Docker token authentication by OAuth2: the token is called access_token, as OAuth 2.0 calls it."""

    surface = "identity"
    noticed_by = ("registry/token/form-response-has-access-token",)

    def posted_answer(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        return {name: value for name, value in original(*given).items() if name != "access_token"}


class FormGetsRefreshTokenUnasked(Defect):
    """Docker token authentication by OAuth2: a refresh token is given only where access_type=offline asks for it."""

    surface = "identity"
    noticed_by = ("registry/token/form-issues-no-unrequested-refresh-token",)

    def posted_answer(
        self, original: Posted, account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        return original(account, form | {"access_type": "offline"}, asked)


class FormWithoutItsScope(Defect):
    """Docker's OAuth2: the answer to a form states "the scope granted", whether that is what was asked for or not."""

    surface = "identity"
    noticed_by = ("registry/token/form-response-states-its-scope",)

    def posted_answer(self, original: Any, account: Account, form: dict[str, str], asked: list[Asked]) -> Document:
        return {name: value for name, value in original(account, form, asked).items() if name != "scope"}


class FormStatesScopeAsAsked(Defect):
    """Docker token authentication by OAuth2: the scope that is stated is that of the token, and not what was asked."""

    surface = "identity"
    noticed_by = ("registry/token/form-response-states-its-scope",)

    def posted_answer(
        self, original: Posted, account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        return original(account, form, asked) | {"scope": form.get("scope", "")}


class RegistryTokensDiffer(Defect):
    """Docker token authentication: where both are sent, token and access_token are equal."""

    surface = "identity"
    noticed_by = ("registry/token/response-has-a-token",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(access_token=document["token"][::-1]))
        return answer


class RegistryTokenMissing(Defect):
    """Docker token authentication: the answer has token or access_token."""

    surface = "identity"
    noticed_by = ("registry/token/response-has-a-token",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: (document.pop("token"), document.pop("access_token")))
        return answer


def _two_hours_on(document: dict[str, Any]) -> None:
    issued = datetime.datetime.fromisoformat(document["issued_at"]) + datetime.timedelta(hours=2)
    document["issued_at"] = issued.isoformat().replace("+00:00", "Z")


class IssuedAtOfAnotherZone(Defect):
    """Docker token authentication: issued_at is in UTC, and not the server's local time called so."""

    surface = "identity"
    noticed_by = ("registry/token/issued-at-is-a-time",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, _two_hours_on)
        return answer


class RegistryLifetimeTooShort(Defect):
    """Docker token authentication: a token lives for at least 60 seconds."""

    surface = "identity"
    noticed_by = (
        "registry/token/lifetime-is-at-least-60-seconds",
        "registry/token/lifetime-is-at-least-60-seconds#form",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(expires_in=30))
        return answer


class RegistryTokenOfOneSubject(Defect):
    """Docker token implementation: ``sub`` is who asked for the token, and not the service that gave it."""

    surface = "identity"
    noticed_by = ("registry/token/subject-is-the-user",)

    def registry_claims(
        self, original: Claims, account: Account | None, service: str, access: Access
    ) -> dict[str, Any]:
        return original(account, service, access) | ({"sub": "token-service"} if account else {})


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


class RefreshTokenGoodForOne(Defect):
    """Docker token authentication: a refresh token gets additional tokens, and not one alone."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-gets-further-tokens",)

    def __init__(self) -> None:
        self.used: set[str] = set()

    def granting_account(self, original: Any, form: dict[str, str]) -> Account | None:
        token = form.get("refresh_token", "")
        if token in self.used:
            return None
        self.used |= {token} - {""}
        account: Account | None = original(form)
        return account


class RefreshTokenGetsWhatIsAsked(Defect):
    """Docker token authentication: a refresh token gets what the account may do, and no more."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-grants-no-more",)

    def posted_answer(
        self, original: Callable[..., dict[str, Any]], account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        return original(replace(account, rights=dict.fromkeys(account.rights, EVERYTHING)), form, asked)


class RefreshTokenOfAnyService(Defect):
    """Docker token authentication: a refresh token is for the service that it was issued for."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-is-for-its-service",)

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        surface = surface_of(original)
        kept = surface.refresh_tokens.get(form.get("refresh_token", ""))
        return surface.accounts[kept[0]] if kept else original(form)
