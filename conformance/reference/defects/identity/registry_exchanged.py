"""Defects of the registry's token endpoint that takes one thing for another: a token for a login, or for another's."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Request
from conformance.reference.identity.registry_tokens import Asked
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account
from conformance.vocabulary.values import part_of_jwt


def owner_of(original: Any, token: str) -> Account | None:
    """The account that a token was given to."""
    named = (part_of_jwt(token, 1) or {}).get("sub")
    account: Account | None = surface_of(original).accounts.get(str(named))
    return account


class TokenIsALogin(Defect):
    """Docker token scopes: a token opens what it was asked for, and gets none that opens more."""

    surface = "identity"
    noticed_by = ("registry/token/is-for-what-was-asked#nor-gets-another",)

    def basic_account(self, original: Any, request: Request) -> Account | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = owner_of(original, token) if scheme.lower() == "bearer" else None
        account: Account | None = shown or original(request)
        return account


class AccessTokenIsARefreshToken(Defect):
    """API Reference, Error Handling: what was not given as a refresh token is an invalid one."""

    surface = "identity"
    noticed_by = ("registry/token/altered-refresh-token-gets-nothing#access-token",)

    def granting_account(self, original: Any, form: dict[str, str]) -> Account | None:
        account: Account | None = original(form) or owner_of(original, form.get("refresh_token", ""))
        return account


class OrganizationAfterTheLastWord(Defect):
    """Docker token authentication: rights on orgs/acme are none on orgs/another/orgs/acme, which begins otherwise."""

    surface = "identity"
    noticed_by = ("registry/rights/similar-organization-is-another#has-an-app-so",)

    def permitted_actions(self, original: Any, account: Account | None, scope: Asked) -> frozenset[str]:
        name = f"orgs/{scope.name.rpartition('orgs/')[2]}"
        actions: frozenset[str] = original(account, Asked(scope.kind, name, scope.actions))
        return actions


class ScopeRequired(Defect):
    """API Reference, Docker Registry: docker login, which asks for no scope, is let in."""

    surface = "identity"
    noticed_by = ("registry/token/without-scope-opens-nothing",)

    def asked_scopes(self, original: Any, pairs: list[tuple[str, str]]) -> list[Asked]:
        asked: list[Asked] = original(pairs)
        if not asked:
            raise Refused(surface_of(original).oauth_error(400, "invalid_scope", "scope is missing"))
        return asked
