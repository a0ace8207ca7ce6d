"""Defects of how the registry's token endpoint reads scopes and passwords, and of whom and what time it names."""

from __future__ import annotations

import datetime
import posixpath
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.registry_tokens import Claims, Granted
from conformance.reference.defects.identity.support import edited, is_registry_token_request
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Access, Asked
from conformance.reference.identity.wire import basic_pair, scheme_and_rest
from conformance.reference.seeds import Account

Form = dict[str, str]
Posted = Callable[[Account, Form, list[Asked]], dict[str, Any]]


class ActionsReadInOneOrder(Defect):
    """Docker token scopes: actions are a list, in any order."""

    surface = "identity"
    noticed_by = ("registry/token/actions-add-up#reversed",)

    def granted_access(self, original: Granted, account: Account | None, asked: list[Asked]) -> Access:
        return original(account, [each for each in asked if each.actions[:2] != ("push", "pull")])


class RegistryTokenOfOneSubject(Defect):
    """Docker token implementation: ``sub`` is who asked for the token, and not the service that gave it."""

    surface = "identity"
    noticed_by = ("registry/token/subject-is-who-logs-in",)

    def registry_claims(
        self, original: Claims, account: Account | None, service: str, access: Access
    ) -> dict[str, Any]:
        return original(account, service, access) | ({"sub": "token-service"} if account else {})


class AnonymousTokenHasASubject(Defect):
    """Docker token implementation: ``sub`` is empty where the client did not authenticate."""

    surface = "identity"
    noticed_by = ("registry/token/anonymous-has-no-subject",)

    def registry_claims(
        self, original: Claims, account: Account | None, service: str, access: Access
    ) -> dict[str, Any]:
        return original(account, service, access) | ({} if account else {"sub": "ct-push"})


class IssuedAtOfAnotherZone(Defect):
    """Docker token authentication: issued_at is in UTC, and not the server's local time called so."""

    surface = "identity"
    noticed_by = ("registry/token/issued-at-is-a-time",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, _two_hours_on)
        return answer


def _two_hours_on(document: dict[str, Any]) -> None:
    issued = datetime.datetime.fromisoformat(document["issued_at"]) + datetime.timedelta(hours=2)
    document["issued_at"] = issued.isoformat().replace("+00:00", "Z")


class FormGetsRefreshTokenUnasked(Defect):
    """Docker token authentication by OAuth2: a refresh token is given only where access_type=offline asks for it."""

    surface = "identity"
    noticed_by = ("registry/token/form-gives-no-refresh-token-unasked",)

    def posted_answer(
        self, original: Posted, account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        return original(account, form | {"access_type": "offline"}, asked)


class FormStatesScopeAsAsked(Defect):
    """Docker token authentication by OAuth2: the scope that is stated is that of the token, and not what was asked."""

    surface = "identity"
    noticed_by = ("registry/token/form-states-its-scope",)

    def posted_answer(
        self, original: Posted, account: Account, form: dict[str, str], asked: list[Asked]
    ) -> dict[str, Any]:
        return original(account, form, asked) | {"scope": form.get("scope", "")}


class MalformedLoginFails(Defect):
    """API Reference, Error Handling: Basic credentials without a colon are the caller's fault, for a token as well."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-request-is-a-callers-fault#no-colon",)
    crashes = (ValueError,)

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        for value in request.headers.getlist("authorization"):
            scheme, rest = scheme_and_rest(value)
            if scheme == "basic":
                basic_pair(rest)
        return original(request)


class UnknownGrantOfAFormFails(Defect):
    """API Reference, Error Handling: a grant that nobody knows is the caller's fault."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-request-is-a-callers-fault#unknown-grant",)

    def token_by_post(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        return Answer.json(500, {"error": "KeyError"}) if b"unsupported_grant_type" in answer.body else answer


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


class ClassOfAResourceGrantsIt(Defect):
    """Docker token scopes: ``repository(plugin)`` is another type of resource, and no way to ``repository``."""

    surface = "identity"
    noticed_by = ("registry/token/class-grants-no-more",)

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        granted: Access = original(account, asked)
        classed = [scope for scope in asked if account and scope.kind.startswith("repository(")]
        return [
            *granted,
            *({"type": "repository", "name": scope.name, "actions": list(scope.actions)} for scope in classed),
        ]


class EmptyScopeFails(Defect):
    """API Reference, Error Handling: an empty scope is not the platform's fault."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-scope-is-a-callers-fault#nothing",)
    crashes = (IndexError,)

    def asked_scopes(self, original: Any, pairs: list[tuple[str, str]]) -> list[Asked]:
        if ("scope", "") in pairs:
            raise IndexError
        return list(original(pairs))


class MissingServiceFails(Defect):
    """API Reference, Error Handling: a query without a service is not the platform's fault."""

    surface = "identity"
    noticed_by = (
        "registry/token/malformed-request-is-a-callers-fault#no-service",
        "registry/token/malformed-request-is-a-callers-fault#nothing",
    )
    crashes = (KeyError,)

    def service(self, original: Any, pairs: list[tuple[str, str]]) -> str:
        named = dict(pairs)["service"]
        return str(original([*(each for each in pairs if each[0] != "service"), ("service", named)]))


class UnreadableQueryFails(Defect):
    """API Reference, Error Handling: a query with escapes that stand for nothing is not the platform's fault."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-request-is-a-callers-fault#no-utf8",)
    crashes = (UnicodeDecodeError,)

    def token_by_get(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        for part in request.query_string.split("&"):
            unquote_to_bytes(part).decode()
        return original(request)


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


class OrganizationMatchedByItsEnd(Defect):
    """Docker token authentication: rights on orgs/acme are none on orgs/not-acme."""

    surface = "identity"
    noticed_by = ("registry/rights/similar-organization-is-another#ends-so",)

    def permitted_actions(self, original: Any, account: Account | None, scope: Asked) -> frozenset[str]:
        rights = account.rights if account and scope.kind == "repository" else {}
        slug = scope.name.removeprefix("orgs/").partition("/")[0]
        own: frozenset[str] = original(account, scope)
        return own.union(*(actions for each, actions in rights.items() if slug.endswith(each)))


class AsteriskIsEveryName(Defect):
    """Docker token authentication: of what an asterisk stands for, that is granted on which one has rights."""

    surface = "identity"
    noticed_by = ("registry/token/asterisk-grants-no-more#in-a-name",)

    def __init__(self) -> None:
        self.known: set[str] = set()

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        granted: Access = original(account, asked)
        self.known |= {each.name for each in asked if each.kind == "repository"}
        begins = tuple(each.name[:-1] for each in asked if each.name.endswith("*") and account)
        meant = sorted(each for each in self.known if begins and each.startswith(begins))
        return [*granted, *({"type": "repository", "name": each, "actions": ["pull"]} for each in meant)]


class NameInTheTokenResolved(Defect):
    """Docker token authentication: the name in the token is that which rights were looked up for, dots and all."""

    surface = "identity"
    noticed_by = ("registry/token/other-spelling-grants-nothing#dots",)

    def granted_access(self, original: Any, account: Account | None, asked: list[Asked]) -> Access:
        begun = {scope.name: "/".join([*scope.name.split("/")[:2], "app"]) for scope in asked}
        access: Access = original(account, [Asked(each.kind, begun[each.name], each.actions) for each in asked])
        names = [posixpath.normpath(scope.name) for scope in asked]
        return [each | {"name": name} for each, name in zip(access, names, strict=False)]
