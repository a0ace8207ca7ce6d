"""Defects of the registry's token endpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_registry_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import REPOSITORY, Access, Asked
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account

Permitted = Callable[[Account | None, Asked], frozenset[str]]
Claims = Callable[[Account | None, str, Access], dict[str, Any]]
Granted = Callable[[Account | None, list[Asked]], Access]
Pairs = list[tuple[str, str]]
EVERYTHING = frozenset({"pull", "push", "delete"})


class SubsetIsAnError(Defect):
    """Docker token authentication: less than was asked for is no error, the token carries the intersection."""

    surface = "identity"
    noticed_by = ("registry/token/subset-is-no-error#no-rights",)

    def granted_access(self, original: Granted, account: Account | None, asked: list[Asked]) -> Access:
        access = original(account, asked)
        if account and sum(len(each["actions"]) for each in access) < sum(len(scope.actions) for scope in asked):
            raise Refused(surface_of(original).oauth_error(403, "access_denied", "access denied"))
        return access


class RightsOnEveryOrganization(Defect):
    """Docker token authentication: rights on one organization's repositories are none on another's."""

    surface = "identity"
    noticed_by = (
        "registry/rights/other-organization-cannot-pull#blob",
        "registry/rights/other-organization-cannot-pull#blob-head",
        "registry/rights/other-organization-cannot-pull#manifest",
        "registry/rights/other-organization-cannot-pull#manifest-by-digest",
        "registry/rights/other-organization-cannot-pull#manifest-coded",
        "registry/rights/other-organization-cannot-pull#manifest-head",
        "registry/rights/other-organization-cannot-pull#manifest-head-by-digest",
        "registry/rights/other-organization-cannot-pull#manifest-known",
        "registry/rights/other-organization-cannot-pull#manifest-of-dockers-type",
        "registry/rights/other-organization-cannot-pull#tags",
        "registry/rights/other-organization-cannot-pull#tags-in-pages",
        "registry/rights/other-organizations-images-are-closed#blob",
        "registry/rights/other-organizations-images-are-closed#blob-head",
        "registry/rights/other-organizations-images-are-closed#manifest",
        "registry/rights/other-organizations-images-are-closed#manifest-by-digest",
        "registry/rights/other-organizations-images-are-closed#manifest-head",
        "registry/rights/other-organizations-images-are-closed#tags",
        "registry/rights/other-organization-cannot-push#mount",
        "registry/rights/other-organization-cannot-push#upload",
        "registry/rights/other-organization-cannot-push#upload-at-once",
    )

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        if account is None or not REPOSITORY.fullmatch(scope.name):
            return original(account, scope)
        return frozenset[str]().union(*account.rights.values())


class OrganizationMatchedByPrefix(Defect):
    """Docker token authentication: rights on orgs/acme are none on orgs/acme-evil."""

    surface = "identity"
    noticed_by = (
        "registry/rights/similar-organization-is-another#below",
        "registry/rights/similar-organization-is-another#longer",
        "registry/rights/similar-organization-is-another#without-dash",
    )

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        rights = account.rights if account and scope.kind == "repository" else {}
        matching = [actions for slug, actions in rights.items() if scope.name.startswith(f"orgs/{slug}")]
        return original(account, scope).union(*matching)


class RepositoryNameNormalised(Defect):
    """Docker token authentication: the name in the token is the name that rights were looked up for."""

    surface = "identity"
    noticed_by = (
        "registry/token/other-spelling-grants-nothing#capital",
        "registry/token/other-spelling-grants-nothing#slash-first",
    )

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        return original(account, Asked(scope.kind, scope.name.lower().strip("/"), scope.actions))


class PushImpliesDelete(Defect):
    """Docker token authentication: delete is a right of its own."""

    surface = "identity"
    noticed_by = ("registry/token/push-does-not-delete#delete-blob", "registry/token/push-does-not-delete#delete-tag")

    def granted_access(self, original: Granted, account: Account | None, asked: list[Asked]) -> Access:
        access = original(account, asked)
        return [
            each | {"actions": [*each["actions"], *(["delete"] if "push" in each["actions"] else [])]}
            for each in access
        ]


class WrongPasswordAccepted(Defect):
    """Docker token authentication: a wrong password gets no token."""

    surface = "identity"
    noticed_by = (
        "registry/login/wrong-login-is-refused#empty-password",
        "registry/login/wrong-login-is-refused#password-in-capitals",
        "registry/login/wrong-login-is-refused#password-of-another",
        "interoperability/registry/login-with-a-wrong-password-fails",
    )

    def password_matches(self, original: Callable[[str, str], bool], expected: str, given: str) -> bool:
        return True


class RegistryUserNamed(Defect):
    """OWASP API2: an unknown user and a wrong password are answered alike."""

    surface = "identity"
    noticed_by = ("registry/login/unknown-user-is-not-told",)

    def account_of(
        self, original: Callable[[str, str], Account | None], username: str, password: str
    ) -> Account | None:
        surface = surface_of(original)
        if username not in surface.accounts:
            raise Refused(surface.oauth_error(401, "invalid_client", "no such user"))
        return original(username, password)


class FirstRegistryScopeOnly(Defect):
    """Docker token authentication: scope may be repeated, and every one counts."""

    surface = "identity"
    noticed_by = (
        "registry/token/several-scopes#a-dozen",
        "registry/token/several-scopes#repeated",
        "registry/token/several-scopes#that-change",
    )

    def asked_scopes(self, original: Callable[[Pairs], list[Asked]], pairs: Pairs) -> list[Asked]:
        first = next(((name, value) for name, value in pairs if name == "scope"), None)
        return original([first] if first else [])


class RegistryTokenNotYetValid(Defect):
    """Docker token authentication: a token can be used when it is issued."""

    surface = "identity"
    noticed_by = ("registry/support/is-answered-200",)

    def registry_claims(
        self, original: Claims, account: Account | None, service: str, access: Access
    ) -> dict[str, Any]:
        claims = original(account, service, access)
        return claims | {"nbf": claims["nbf"] + 250}


class RegistryLifetimeTooShort(Defect):
    """Docker token authentication: a token lives for at least 60 seconds."""

    surface = "identity"
    noticed_by = ("registry/token/lives-a-minute", "registry/token/lives-a-minute#form")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(expires_in=30))
        return answer


class RegistryTokensDiffer(Defect):
    """Docker token authentication: where both are sent, token and access_token are equal."""

    surface = "identity"
    noticed_by = ("registry/token/has-a-token",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(access_token=document["token"][::-1]))
        return answer


class RegistryTokenMissing(Defect):
    """Docker token authentication: the answer has token or access_token."""

    surface = "identity"
    noticed_by = ("registry/token/has-a-token",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: (document.pop("token"), document.pop("access_token")))
        return answer


class IssuedAtIsANumber(Defect):
    """Docker token authentication: issued_at is a time in RFC 3339."""

    surface = "identity"
    noticed_by = ("registry/token/issued-at-is-a-time",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(issued_at=1_700_000_000))
        return answer


class RegistryRefreshTokenUnasked(Defect):
    """Docker token authentication: a refresh token is given only where offline_token=true asks for it."""

    surface = "identity"
    noticed_by = (
        "registry/token/refresh-token-is-only-given-when-asked",
        "registry/token/refresh-token-is-only-given-when-asked#false",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.setdefault("refresh_token", "kas9Da81Dfa8"))
        return answer


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


class RegistryTokenMayBeStored(Defect):
    """RFC 6749 section 5.1: an answer with a token carries Cache-Control: no-store."""

    surface = "identity"
    noticed_by = ("registry/token/is-not-cached",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request):
            answer.headers["Cache-Control"] = "public, max-age=300"
            del answer.headers["Pragma"]
        return answer


class RegistryRefreshTokenDead(Defect):
    """Docker token authentication: a refresh token gets access tokens for the same subject."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-gets-tokens",)

    def granting_account(
        self, original: Callable[[dict[str, str]], Account | None], form: dict[str, str]
    ) -> Account | None:
        return original({**form, "refresh_token": ""})


class AsteriskGrantsEveryAction(Defect):
    """Docker token authentication: who asks for ``*`` gets the actions of the account, and no more."""

    surface = "identity"
    noticed_by = ("registry/token/asterisk-grants-no-more",)

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        permitted = original(account, scope)
        return EVERYTHING if permitted and "*" in scope.actions else permitted


class RefreshTokenGetsWhatIsAsked(Defect):
    """Docker token authentication: a refresh token gets what the account may do, and no more."""

    surface = "identity"
    noticed_by = ("registry/token/refresh-token-grants-no-more",)

    def posted_answer(
        self, original: Callable[..., dict[str, Any]], account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        return original(replace(account, rights=dict.fromkeys(account.rights, EVERYTHING)), form, asked)


class AccountBelieved(Defect):
    """Docker token authentication: a token has the access of who logs in, whatever ``account`` says."""

    surface = "identity"
    noticed_by = ("registry/token/account-is-who-logs-in", "registry/token/anonymous-opens-nothing")

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        account = original(request)
        return surface_of(original).accounts.get(request.parameter("account") or "", account)
