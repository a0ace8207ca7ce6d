"""Defects of registry token scopes.

They break these promises:

- Images of another organization are inaccessible.
- Outsiders cannot learn which repositories exist.
- A registry token grants the intersection of what was requested and what the login may do.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import REPOSITORY, Access, Asked, RegistryTokens
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account
from conformance.reference.support.identity import surface_of
from tests.defects.support.identity import EVERYTHING, owner_of

Granted = Callable[[Account | None, list[Asked]], Access]
Permitted = Callable[[Account | None, Asked], frozenset[str]]


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
        "registry/rights/images-of-another-organization-are-inaccessible#blob",
        "registry/rights/images-of-another-organization-are-inaccessible#blob-head",
        "registry/rights/images-of-another-organization-are-inaccessible#manifest",
        "registry/rights/images-of-another-organization-are-inaccessible#manifest-by-digest",
        "registry/rights/images-of-another-organization-are-inaccessible#manifest-head",
        "registry/rights/images-of-another-organization-are-inaccessible#tags",
        "registry/rights/other-organization-cannot-push#mount",
        "registry/rights/other-organization-cannot-push#upload",
        "registry/rights/other-organization-cannot-push#upload-at-once",
    )

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        if account is None or not REPOSITORY.fullmatch(scope.name):
            return original(account, scope)
        return frozenset[str]().union(*account.rights.values())


class OrganizationAfterTheLastWord(Defect):
    """Docker token authentication: rights on orgs/acme are none on orgs/another/orgs/acme, which begins otherwise."""

    surface = "identity"
    noticed_by = ("registry/rights/similar-organization-is-denied#has-an-app-so",)

    def permitted_actions(self, original: Any, account: Account | None, scope: Asked) -> frozenset[str]:
        name = f"orgs/{scope.name.rpartition('orgs/')[2]}"
        actions: frozenset[str] = original(account, Asked(scope.kind, name, scope.actions))
        return actions


class OrganizationMatchedByItsEnd(Defect):
    """Docker token authentication: rights on orgs/acme are none on orgs/not-acme."""

    surface = "identity"
    noticed_by = ("registry/rights/similar-organization-is-denied#ends-so",)

    def permitted_actions(self, original: Any, account: Account | None, scope: Asked) -> frozenset[str]:
        rights = account.rights if account and scope.kind == "repository" else {}
        slug = scope.name.removeprefix("orgs/").partition("/")[0]
        own: frozenset[str] = original(account, scope)
        return own.union(*(actions for each, actions in rights.items() if slug.endswith(each)))


class AbsentRepositoryGetsNoToken(Defect):
    """API Reference, Error Handling: no answer to a token request tells which repositories another has."""

    surface = "identity"
    noticed_by = ("registry/rights/private-and-absent-are-indistinguishable#token-other-organization",)

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


class AccountBelieved(Defect):
    """Docker token authentication: a token has the access of who logs in, whatever ``account`` says."""

    surface = "identity"
    noticed_by = ("registry/token/account-is-who-logs-in", "registry/token/anonymous-token-grants-nothing")

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        account = original(request)
        return surface_of(original).accounts.get(request.parameter("account") or "", account)


class ClientIdFails(Defect):
    """Docker token authentication: client_id says which client asks, and is no failure."""

    surface = "identity"
    noticed_by = ("registry/token/actions-may-be-split-over-scopes#split",)
    crashes = (ValueError,)

    def asked_scopes(self, original: Callable[..., list[Asked]], pairs: list[tuple[str, str]]) -> list[Asked]:
        told = dict(pairs)
        if "client_id" in told and "grant_type" not in told:
            raise ValueError("nobody knows client_id")
        return original(pairs)


class ActionsReadInOneOrder(Defect):
    """Docker token scopes: actions are a list, in any order."""

    surface = "identity"
    noticed_by = ("registry/token/actions-may-be-split-over-scopes#reversed",)

    def granted_access(self, original: Granted, account: Account | None, asked: list[Asked]) -> Access:
        return original(account, [each for each in asked if each.actions[:2] != ("push", "pull")])


def token_endpoint_error(surface: RegistryTokens) -> Refused:
    """What the endpoint answers that has failed over a request."""
    return Refused(surface.oauth_error(500, "server_error", "failed"))


class AnonymousRequestFails(Defect):
    """API Reference, Error Handling: who asks without a login is told so, or gets a token of nothing."""

    surface = "identity"
    noticed_by = ("registry/token/anonymous-token-grants-nothing",)

    def basic_account(self, original: Any, request: Request) -> Account | None:
        account: Account | None = original(request)
        if account is None:
            raise token_endpoint_error(surface_of(original))
        return account


class _WordFails(Defect):
    """Fails over a scope in which this stands."""

    word: ClassVar[str] = ""

    def parse_scope(self, original: Any, word: str) -> Asked | None:
        if self.word in word:
            raise token_endpoint_error(surface_of(original))
        scope: Asked | None = original(word)
        return scope


class AsteriskOfActionsFails(_WordFails):
    """API Reference, Error Handling: who asks for every action is understood or refused; that is no failure."""

    surface = "identity"
    noticed_by = (
        "registry/token/unusual-scope-grants-no-more#action-wildcard",
        "registry/token/unusual-scope-grants-no-more#name-wildcard",
    )
    word = ":*"


class AsteriskIsEveryName(Defect):
    """Docker token authentication: of what an asterisk stands for, that is granted on which one has rights."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#name-wildcard",)

    def __init__(self) -> None:
        self.known: set[str] = set()

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        granted: Access = original(account, asked)
        self.known |= {each.name for each in asked if each.kind == "repository"}
        begins = tuple(each.name[:-1] for each in asked if each.name.endswith("*") and account)
        meant = sorted(each for each in self.known if begins and each.startswith(begins))
        return [*granted, *({"type": "repository", "name": each, "actions": ["pull"]} for each in meant)]


class AsteriskGrantsEveryAction(Defect):
    """Docker token authentication: who asks for ``*`` gets the actions of the account, and no more."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#action-wildcard",)

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        permitted = original(account, scope)
        return EVERYTHING if permitted and "*" in scope.actions else permitted


class ClassOfAResourceFails(_WordFails):
    """Docker token scopes: a type may have a class, ``repository(plugin)``, over which nothing fails."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#resource-class",)
    word = "("


class ClassOfAResourceGrantsIt(Defect):
    """Docker token scopes: ``repository(plugin)`` is another type of resource, and no way to ``repository``."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#resource-class",)

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        granted: Access = original(account, asked)
        classed = [scope for scope in asked if account and scope.kind.startswith("repository(")]
        return [
            *granted,
            *({"type": "repository", "name": scope.name, "actions": list(scope.actions)} for scope in classed),
        ]


class RightsOfTheLastScopeCountForAll(Defect):
    """Docker token authentication: each scope is granted by the rights on its own repository."""

    surface = "identity"
    noticed_by = (
        "registry/token/each-scope-has-its-own-rights#ours-first",
        "registry/token/each-scope-has-its-own-rights#ours-last",
    )

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        last = original(account, asked[-1:])
        actions = last[0]["actions"] if last else []
        return [{"type": scope.kind, "name": scope.name, "actions": actions} for scope in asked if actions]


class TokenIsALogin(Defect):
    """Docker token scopes: a token opens what it was asked for, and gets none that opens more."""

    surface = "identity"
    noticed_by = ("registry/token/grants-only-the-requested-scope#nor-gets-another",)

    def basic_account(self, original: Any, request: Request) -> Account | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = owner_of(original, token) if scheme.lower() == "bearer" else None
        account: Account | None = shown or original(request)
        return account


class EmptyScopeFails(Defect):
    """API Reference, Error Handling: an empty scope is not the platform's fault."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#nothing",)
    crashes = (IndexError,)

    def asked_scopes(self, original: Any, pairs: list[tuple[str, str]]) -> list[Asked]:
        if ("scope", "") in pairs:
            raise IndexError
        return list(original(pairs))


class DotsInAScopeFail(_WordFails):
    """API Reference, Error Handling: a name with dots in it is none, and no failure."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#dot-segments",)
    word = "/../"


class NameInTheTokenResolved(Defect):
    """Docker token authentication: the name in the token is that which rights were looked up for, dots and all."""

    surface = "identity"
    noticed_by = ("registry/token/unusual-scope-grants-no-more#dot-segments",)

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        begun = {scope.name: "/".join([*scope.name.split("/")[:2], "app"]) for scope in asked}
        access: Access = original(account, [Asked(each.kind, begun[each.name], each.actions) for each in asked])
        names = [posixpath.normpath(scope.name) for scope in asked]
        return [each | {"name": name} for each, name in zip(access, names, strict=False)]


class RepositoryNameNormalised(Defect):
    """Docker token authentication: the name in the token is the name that rights were looked up for."""

    surface = "identity"
    noticed_by = (
        "registry/token/other-spelling-grants-no-action#capital",
        "registry/token/other-spelling-grants-no-action#slash-first",
    )

    def permitted_actions(self, original: Permitted, account: Account | None, scope: Asked) -> frozenset[str]:
        return original(account, Asked(scope.kind, scope.name.lower().strip("/"), scope.actions))


class PasswordGetsWhatIsAsked(Defect):
    """Docker token authentication: a password in a form gets what the account may do, and no more."""

    surface = "identity"
    noticed_by = ("registry/token/password-form-grants-no-more",)

    def posted_answer(
        self, original: Callable[..., dict[str, Any]], account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        everything = replace(account, rights=dict.fromkeys(account.rights, EVERYTHING))
        return original(everything if form["grant_type"] == "password" else account, form, asked)


class PushImpliesDelete(Defect):
    """Docker token authentication: delete is a right of its own."""

    surface = "identity"
    noticed_by = (
        "registry/token/push-token-cannot-delete#delete-blob",
        "registry/token/push-token-cannot-delete#delete-tag",
    )

    def granted_access(self, original: Granted, account: Account | None, asked: list[Asked]) -> Access:
        access = original(account, asked)
        return [
            each | {"actions": [*each["actions"], *(["delete"] if "push" in each["actions"] else [])]}
            for each in access
        ]


class FirstRegistryScopeOnly(Defect):
    """Docker token authentication: scope may be repeated, and every one counts."""

    surface = "identity"
    noticed_by = (
        "registry/token/several-scopes#a-dozen",
        "registry/token/several-scopes#repeated",
        "registry/token/several-scopes#that-change",
    )

    def asked_scopes(
        self, original: Callable[[list[tuple[str, str]]], list[Asked]], pairs: list[tuple[str, str]]
    ) -> list[Asked]:
        first = next(((name, value) for name, value in pairs if name == "scope"), None)
        return original([first] if first else [])


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

    def registry_token_document(self, original: Any, *given: Any) -> dict[str, Any]:
        document: dict[str, Any] = original(*given)
        account, asked = given[0], given[-1]
        lacks = asked and not surface_of(original).granted_access(account, asked)
        return {name: value for name, value in document.items() if "token" not in name} if lacks else document


class SubsetIsAnError(Defect):
    """Docker token authentication: less than was asked for is no error, the token carries the intersection."""

    surface = "identity"
    noticed_by = ("registry/token/subset-is-no-error#no-rights",)

    def granted_access(self, original: Granted, account: Account | None, asked: list[Asked]) -> Access:
        access = original(account, asked)
        if account and sum(len(each["actions"]) for each in access) < sum(len(scope.actions) for scope in asked):
            raise Refused(surface_of(original).oauth_error(403, "access_denied", "access denied"))
        return access


class ScopeRequired(Defect):
    """API Reference, Docker Registry: docker login, which asks for no scope, is let in."""

    surface = "identity"
    noticed_by = ("registry/token/without-scope-grants-nothing",)

    def asked_scopes(self, original: Any, pairs: list[tuple[str, str]]) -> list[Asked]:
        asked: list[Asked] = original(pairs)
        if not asked:
            raise Refused(surface_of(original).oauth_error(400, "invalid_scope", "scope is missing"))
        return asked
