"""The provisioned data of the reference: two organizations with their credentials and buckets.

Names are fixed, secrets are new in every process. ``acme`` is the organization under test, ``globex`` the other one,
whose resources must stay inaccessible.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

ORGANIZATION = "acme"
OTHER_ORGANIZATION = "globex"
RESERVED = " +/=%&$'\"\\"
"""Characters permitted in a secret (RFC 6749 appendix A.2) that are special in URLs, forms, JSON and shells."""
WORDS = "conformance-password-registry"
"""Words that occur in secrets, and in names of repositories, variables and the suite."""
SURFACE_LIMIT = (20, 1.0)
"""Requests in seconds that each surface permits for the credential in the role limited."""
SCOPES = ("organization:read", "member:read", "project:read", "project:write")


def new_secret() -> str:
    """Return a URL-safe secret of 256 bits."""
    return secrets.token_urlsafe(32)


@dataclass
class Client:
    """An OAuth client ("credential"). ``lifetime_s`` is that of its tokens; ``expired``: the client itself expired.

    ``reads_only``: its role in the organization is Viewer, whatever its scopes.
    ``deletes``: its role permits deletions in addition to other changes.
    ``denied_by_policy`` are the routes of the API that the service policy refuses.
    ``limit`` is (requests, seconds) on the token endpoint, ``api_limit`` on the APIs; None without a limit.
    """

    client_id: str
    organization: str
    scopes: tuple[str, ...]
    secret: str = field(default_factory=new_secret)
    lifetime_s: int = 3600
    revoked: bool = False
    expired: bool = False
    limit: tuple[int, float] | None = None
    api_limit: tuple[int, float] | None = None
    reads_only: bool = False
    deletes: bool = True
    denied_by_policy: frozenset[str] = frozenset()


@dataclass
class Account:
    """A registry login: ``rights`` maps an organization to the permitted actions on its repositories."""

    username: str
    rights: dict[str, frozenset[str]]
    password: str = field(default_factory=new_secret)
    in_force: bool = True
    limit: tuple[int, float] | None = None


@dataclass
class AccessKey:
    """An S3 access key for all buckets of one organization."""

    access_key: str
    organization: str
    secret_key: str = field(default_factory=new_secret)
    in_force: bool = True
    limit: tuple[int, float] | None = None


def _clients() -> list[Client]:
    return [
        Client("ct-full", ORGANIZATION, SCOPES),
        Client("ct-narrow", ORGANIZATION, ("organization:read",)),
        Client("ct-outsider", ORGANIZATION, SCOPES),
        Client("ct-foreign", OTHER_ORGANIZATION, SCOPES),
        Client("ct-revoked", ORGANIZATION, SCOPES, revoked=True),
        Client("ct-expired", ORGANIZATION, SCOPES, expired=True),
        Client("ct-revocable", ORGANIZATION, SCOPES),
        Client("ct-short", ORGANIZATION, SCOPES, lifetime_s=1),
        Client("ct-limited", ORGANIZATION, ("organization:read",), limit=(10, 1.0), api_limit=SURFACE_LIMIT),
        Client("ct-viewer", ORGANIZATION, SCOPES, reads_only=True),
        Client("ct-contributor", ORGANIZATION, SCOPES, deletes=False),
        Client("ct-restricted", ORGANIZATION, SCOPES, denied_by_policy=frozenset({"members"})),
    ]


def _accounts() -> list[Account]:
    everything = frozenset({"pull", "push", "delete"})
    return [
        Account("ct-push", {ORGANIZATION: everything}),
        Account("ct-pull", {ORGANIZATION: frozenset({"pull"})}),
        Account("ct-foreign", {OTHER_ORGANIZATION: everything}),
        Account("ct-push-revoked", {ORGANIZATION: everything}, in_force=False),
        Account("ct-push-expired", {ORGANIZATION: everything}, in_force=False),
        Account("ct-pull-revocable", {ORGANIZATION: frozenset({"pull"})}),
        Account("ct-pull-limited", {ORGANIZATION: frozenset({"pull"})}, limit=SURFACE_LIMIT),
    ]


@dataclass
class Seeds:
    """All provisioned data, made once a process and shared by the surfaces."""

    clients: list[Client] = field(default_factory=_clients)
    accounts: list[Account] = field(default_factory=_accounts)
    access_keys: list[AccessKey] = field(
        default_factory=lambda: [
            AccessKey("CTACMEKEY0001", ORGANIZATION),
            AccessKey("CTGLOBEXKEY01", OTHER_ORGANIZATION),
            AccessKey("CTACMEREVOCABLE01", ORGANIZATION),
            AccessKey("CTACMELIMITED001", ORGANIZATION, limit=SURFACE_LIMIT),
        ]
    )
    buckets: dict[str, str] = field(
        default_factory=lambda: {
            "conformance-a": ORGANIZATION,
            "conformance-b": ORGANIZATION,
            "globex-archive": OTHER_ORGANIZATION,
        }
    )
    public_url: dict[str, str] = field(default_factory=dict)

    def put_reserved_characters_in_secrets(self) -> None:
        """Add those characters and words to every secret; call it before the secrets are used."""
        for client in self.clients:
            client.secret = _with_reserved(client.secret)
        for account in self.accounts:
            account.password = _with_reserved(account.password)
        for key in self.access_keys:
            key.secret_key = _with_reserved(key.secret_key)


def _with_reserved(secret: str) -> str:
    return f"{secret[:8]}{RESERVED}{WORDS}{secret[8:]}"
