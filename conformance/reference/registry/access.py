"""Access control of the registry by the Docker token flow.

Sources: distribution's "Token Authentication Specification", "Token Scope Documentation" and "Token
Authentication Implementation" (JWT); RFC 6750 section 3 for the error of a challenge.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import jwt

from conformance.reference.http import Request
from conformance.reference.registry import grammar
from conformance.reference.registry.base import Base
from conformance.reference.registry.errors import Refusal
from conformance.reference.seeds import Account

SERVICE = "nextepoch-reference"
ISSUER = "nextepoch-reference"
ACTIONS: dict[str, tuple[str, ...]] = {
    "GET": ("pull",),
    "HEAD": ("pull",),
    "POST": ("pull", "push"),
    "PATCH": ("pull", "push"),
    "PUT": ("pull", "push"),
    "DELETE": ("delete",),
}
REMEMBERED_TOKENS = 4096


@dataclass(frozen=True)
class Access:
    """A scope: actions on one resource."""

    kind: str
    name: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


@dataclass(frozen=True)
class Caller:
    """The subject of a token, and its grants: (type, name, action)."""

    subject: str
    grants: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)


class AccessControl(Base):
    """Authenticates by bearer token, compares required with granted access, and challenges."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.remembered: dict[str, dict[str, Any]] = {}

    def reset(self) -> None:
        super().reset()
        self.remembered.clear()

    def accesses_wanted(self, kind: str, name: str, request: Request) -> list[Access]:
        """Return the scopes that a request to a kind of endpoint needs."""
        if kind == "support":
            return []
        if kind == "catalog":
            return [Access("registry", "catalog", ("*",))]
        return [Access("repository", name, self.actions_wanted(request.method)), *self.mount_access(kind, request)]

    def actions_wanted(self, method: str) -> tuple[str, ...]:
        return ACTIONS[method]

    def mount_access(self, kind: str, request: Request) -> list[Access]:
        """Return the pull access to the source of a mount, for the challenge."""
        source = request.parameter("from") if kind == "uploads" and request.parameter("mount") else None
        return [Access("repository", source, ("pull",))] if source and grammar.is_name(source) else []

    def authorize(self, kind: str, name: str, request: Request) -> Caller:
        """Return the caller if all required access is granted; else Refusal with a challenge.

        The pull access to the source of a mount is optional: without it the response opens an upload.
        """
        wanted = self.accesses_wanted(kind, name, request)
        caller = self.authenticate(request, wanted)
        if caller is None:
            raise self.unauthorized(wanted, None)
        account = self.account(caller.subject)
        if wait := self.windows.retry_after(caller.subject, self.limit_of(account)):
            raise Refusal("TOOMANYREQUESTS", headers=[("Retry-After", str(wait))])
        if not all(self.permits(caller, access) for access in wanted[:1]):
            raise self.insufficient(wanted)
        return caller

    def authenticate(self, request: Request, wanted: list[Access]) -> Caller | None:
        """Return the caller of the token, None without a token; Refusal ``invalid_token`` for an invalid one."""
        token = self.bearer_token(request)
        if token is None:
            return None
        try:
            claims = self.claims_of(token)
        except jwt.InvalidTokenError:
            raise self.unauthorized(wanted, "invalid_token") from None
        return Caller(str(claims.get("sub", "")), self.grants_of(claims))

    def bearer_token(self, request: Request) -> str | None:
        """Return the token of the Authorization header; the scheme is case-insensitive (RFC 9110 section 11.1)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None

    def claims_of(self, token: str) -> dict[str, Any]:
        """Return the verified claims; jwt.InvalidTokenError for another issuer, audience or time."""
        claims = self.remembered.get(token)
        if claims is None or claims["exp"] <= time.time():
            claims = self.key.verify(token, SERVICE, ISSUER)
            if len(self.remembered) >= REMEMBERED_TOKENS:
                self.remembered.clear()
            self.remembered[token] = claims
        return claims

    def grants_of(self, claims: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
        entries = [entry for entry in claims.get("access") or [] if isinstance(entry, dict)]
        return frozenset(
            (str(entry.get("type")), str(entry.get("name")), str(action))
            for entry in entries
            for action in entry.get("actions") or []
        )

    def permits(self, caller: Caller, access: Access) -> bool:
        """Return whether every action of the access is granted, by name or by ``*``."""
        return all(
            not caller.grants.isdisjoint({(access.kind, access.name, action), (access.kind, access.name, "*")})
            for action in access.actions
        )

    def insufficient(self, wanted: list[Access]) -> Refusal:
        """Return the refusal of a valid token that grants too little, whether or not the repository exists."""
        return self.unauthorized(wanted, "insufficient_scope")

    def unauthorized(self, wanted: list[Access], error: str | None) -> Refusal:
        """Return 401 with a challenge and the code UNAUTHORIZED."""
        detail = [{"type": each.kind, "name": each.name, "actions": list(each.actions)} for each in wanted]
        headers = [("WWW-Authenticate", value) for value in self.challenges(wanted, error)]
        return Refusal("UNAUTHORIZED", detail or None, headers=headers)

    def challenges(self, wanted: list[Access], error: str | None) -> list[str]:
        """Return the values of WWW-Authenticate, one a header."""
        parameters = self.challenge_parameters(wanted, error)
        return ["Bearer " + ",".join(f'{name}="{value}"' for name, value in parameters)]

    def challenge_parameters(self, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        """Return realm, service, the required scope, if any, and the error if a token was sent."""
        parameters = [("realm", self.realm()), ("service", SERVICE)]
        if wanted:
            parameters.append(("scope", self.challenged_scope(wanted)))
        if error:
            parameters.append(("error", error))
        return parameters

    def challenged_scope(self, wanted: list[Access]) -> str:
        return " ".join(str(access) for access in wanted)

    def realm(self) -> str:
        """Return the URL of the identity surface's token endpoint."""
        return self.seeds.public_url.get("identity", "") + "/registry/token"

    def account(self, username: str) -> Account | None:
        return next((each for each in self.seeds.accounts if each.username == username), None)

    def limit_of(self, account: Account | None) -> tuple[int, float] | None:
        return account.limit if account else None

    def may_see(self, caller: Caller, name: str) -> bool:
        """Return whether a repository is listed for a caller: the account may pull from its organization."""
        account = self.account(caller.subject)
        organization = organization_of(name)
        return account is not None and "pull" in account.rights.get(organization, frozenset())


def organization_of(name: str) -> str:
    """Return the organization of ``orgs/{org-slug}/{app-slug}``; "" for a name of another form."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "orgs" else ""
