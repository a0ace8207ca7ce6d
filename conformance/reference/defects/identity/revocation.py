"""Defects of revocation: "immediate: every token issued with that credential becomes invalid"."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Holder = Callable[[Claims], Client | None]
CallerOf = Callable[[Request], Caller]
KEPT_S = 1.6


def whoever_held(original: Callable[..., Any], claims: Claims) -> Client | None:
    """The client that a token was issued to, whatever has become of it."""
    return surface_of(original).clients.get(str(claims.get("client_id")))


class WarmTokensOutliveRevocation(Defect):
    """Credentials: revocation is immediate, also for a token that a cache has seen."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        client, key = original(claims), str(claims.get("jti"))
        if client is None and self.seen.get(key, 0) > time.monotonic() - 60:
            return whoever_held(original, claims)
        if client is not None:
            self.seen[key] = time.monotonic()
        return client


class ColdTokensOutliveRevocation(Defect):
    """Credentials: revocation is immediate, also for a token that was never used before."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def __init__(self) -> None:
        self.used: set[str] = set()

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        client, key = original(claims), str(claims.get("jti"))
        if client is None and key not in self.used:
            return whoever_held(original, claims)
        self.used.add(key)
        return client


class RevocationTakesSeconds(Defect):
    """Credentials: revocation is immediate, not some seconds later."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def __init__(self) -> None:
        self.first_refused: dict[str, float] = {}

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        client = original(claims)
        if client is not None:
            return client
        since = self.first_refused.setdefault(str(claims.get("client_id")), time.monotonic())
        return whoever_held(original, claims) if time.monotonic() - since < 4 else None


class RevokedTokensKeepWorking(Defect):
    """Credentials: every token issued with a revoked credential becomes invalid."""

    surface = "identity"
    noticed_by = (
        "authorization/revocation/every-token-becomes-invalid",
        "authorization/revocation/no-token-survives-a-race",
    )

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        return whoever_held(original, claims)


class RevocationMissedByOneInstance(Defect):
    """Credentials: revocation is immediate at every instance."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def __init__(self) -> None:
        self.turn = 0

    def holder(self, original: Holder, claims: Claims) -> Client | None:
        self.turn += 1
        return original(claims) or (whoever_held(original, claims) if self.turn % 4 == 0 else None)


class RevocationMissedByOneApi(Defect):
    """Credentials: revocation is immediate at every API."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def caller(self, original: CallerOf, request: Request) -> Caller:
        try:
            return original(request)
        except Refused:
            surface = surface_of(original)
            claims = surface.read_access_token(surface.bearer_token(request))
            client = whoever_held(original, claims) if claims and request.raw_path.endswith("/members") else None
            if claims is None or client is None:
                raise
            return Caller(client, surface.scopes_in(claims), claims)


class RevokedTokensStillRead(Defect):
    """Credentials: a revoked credential reads no more than it writes: nothing."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def caller(self, original: CallerOf, request: Request) -> Caller:
        try:
            return original(request)
        except Refused:
            surface = surface_of(original)
            claims = surface.read_access_token(surface.bearer_token(request))
            client = whoever_held(original, claims) if claims and request.method in ("GET", "HEAD") else None
            if claims is None or client is None:
                raise
            return Caller(client, surface.scopes_in(claims), claims)


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


class RevocationLimitedToTokens(Defect):
    """Credentials: a revoked credential gets no new token that works."""

    surface = "identity"
    noticed_by = ("authorization/revocation/no-new-token",)

    def credential_is_revoked(self, original: Callable[[Client], bool], client: Client) -> bool:
        surface = surface_of(original)
        return original(client) and client.client_id in surface.revoked_at_start


class TokenEndpointLearnsLate(Defect):
    """Credentials: revocation is immediate; the token endpoint keeps whom it served for seconds, the APIs do not."""

    surface = "identity"
    noticed_by = ("authorization/revocation/no-new-token",)

    def __init__(self) -> None:
        self.asks = False
        self.served: dict[str, float] = {}

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.asks = True
        return original(request)

    def credential_is_revoked(self, original: Callable[[Client], bool], client: Client) -> bool:
        asks, self.asks, now = self.asks, False, surface_of(original).monotonic()
        if asks and not original(client):
            self.served[client.client_id] = now
        return original(client) and not (asks and now - self.served.get(client.client_id, -KEPT_S) < KEPT_S)


class RoleRemembered(Defect):
    """Organization Settings: a role change takes effect at once; here a role that was looked up is kept."""

    surface = "identity"
    noticed_by = ("authorization/permissions/role-change-is-immediate",)
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


class LostRoleRemembered(RoleRemembered):
    """Organization Settings: the same of a role that is given back."""

    kept = False


class LostRoleCreatesStill(RoleRemembered):
    """Organization Settings: the same where one route alone looks a role up once, that of creations."""

    still = "POST"

    def role_permits(self, original: Callable[[Caller, str], bool], caller: Caller, method: str) -> bool:
        permits, client_id = original(caller, method), caller.client.client_id
        if permits and method != "GET":
            self.permitted[client_id] = True
        return permits or (method == self.still and self.permitted.get(client_id, False))


class LostRoleDeletesStill(LostRoleCreatesStill):
    """Organization Settings: the same where it is the route of deletions."""

    still = "DELETE"
