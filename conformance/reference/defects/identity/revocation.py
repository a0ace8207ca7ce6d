"""Defects of revocation: "immediate: every token issued with that credential becomes invalid"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.identity.bearer import Caller
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Holder = Callable[[Claims], Client | None]


def whoever_held(original: Callable[..., Any], claims: Claims) -> Client | None:
    """The client that a token was issued to, whatever has become of it."""
    return surface_of(original).clients.get(str(claims.get("client_id")))


class ColdTokensOutliveRevocation(Defect):
    """Credentials: revocation is immediate, also for a token that was never used before."""

    surface = "identity"
    noticed_by = (
        "authorization/revocation/every-token-becomes-invalid#in-use",
        "authorization/revocation/every-token-becomes-invalid#unused",
    )

    def __init__(self) -> None:
        self.used: set[str] = set()

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        client, key = original(claims), str(claims.get("jti"))
        if client is None and key not in self.used:
            return whoever_held(original, claims)
        self.used.add(key)
        return client


class RevokedTokensKeepWorking(Defect):
    """Credentials: every token issued with a revoked credential becomes invalid."""

    surface = "identity"
    noticed_by = ("authorization/revocation/no-token-survives-a-race",)

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        return whoever_held(original, claims)


class RestoredCredentialRevivesTokens(Defect):
    """Credentials: tokens of a revoked credential are invalid for good, though it be made active again."""

    surface = "identity"
    noticed_by = ("authorization/revocation/restoring-revives-no-token",)

    def issued_since_revocation(
        self, original: Callable[[Client, Claims], bool], client: Client, claims: Claims
    ) -> bool:
        return True


class RevocationHitsNeighbours(Defect):
    """Credentials: revoking one credential leaves the others of the organization alone."""

    surface = "identity"
    noticed_by = ("authorization/revocation/others-are-unharmed",)

    def credential_is_revoked(self, original: Callable[[Client], bool], client: Client) -> bool:
        surface = surface_of(original)
        neighbours = [each for each in surface.seeds.clients if each.organization == client.organization]
        return original(client) or any(surface.revocations[each.client_id] and each.revoked for each in neighbours)


class _RoleRemembered(Defect):
    """Organization Settings: a role change takes effect at once; here a role that was looked up is kept."""

    surface = "identity"
    kept = True

    def __init__(self) -> None:
        self.permitted: dict[str, bool] = {}

    def role_permits(self, original: Callable[[Caller, str], bool], caller: Caller, method: str) -> bool:
        permits = original(caller, method)
        if method == "GET":
            return permits
        known = self.permitted.get(caller.client.client_id)
        if known is not self.kept:
            self.permitted[caller.client.client_id] = permits
        return self.permitted[caller.client.client_id]


class LostRoleRemembered(_RoleRemembered):
    """Organization Settings: the same of a role that is given back."""

    noticed_by = ("authorization/permissions/role-change-is-immediate",)

    kept = False


class LostRoleCreatesStill(_RoleRemembered):
    """Organization Settings: the same where one route alone looks a role up once, that of creations."""

    noticed_by = ("authorization/permissions/role-change-is-immediate",)

    still = "POST"

    def role_permits(self, original: Callable[[Caller, str], bool], caller: Caller, method: str) -> bool:
        permits, client_id = original(caller, method), caller.client.client_id
        if permits and method != "GET":
            self.permitted[client_id] = True
        return permits or (method == self.still and self.permitted.get(client_id, False))
