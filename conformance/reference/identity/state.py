"""The state of the identity surface in memory, and responses that its parts share."""

from __future__ import annotations

import secrets
import time
from collections import Counter, deque
from typing import ClassVar

from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Organization, provisioned_organizations
from conformance.reference.keys import SigningKey
from conformance.reference.rate_limit import Windows
from conformance.reference.seeds import Account, Client, Seeds
from conformance.reference.surface import Surface


class Refused(Exception):
    """Ends the handling of a request with this response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class IdentityState(Surface):
    """Credentials, accounts, organizations, windows of the rate limit, refresh tokens of the registry."""

    name: ClassVar[str] = "identity"

    def __init__(self, seeds: Seeds, key: SigningKey) -> None:
        self.seeds, self.key = seeds, key
        self.clients: dict[str, Client] = {client.client_id: client for client in seeds.clients}
        self.accounts: dict[str, Account] = {account.username: account for account in seeds.accounts}
        self.revoked_at_start = frozenset(client.client_id for client in seeds.clients if client.revoked)
        self.ended_at_start = frozenset(each.username for each in seeds.accounts if not each.in_force)
        self.reads_only_at_start = frozenset(client.client_id for client in seeds.clients if client.reads_only)
        self.decoy = secrets.token_urlsafe(32)
        self.reset()

    def reset(self) -> None:
        """Reset credentials and projects to the provisioned ones."""
        for client in self.clients.values():
            client.revoked = client.client_id in self.revoked_at_start
            client.reads_only = client.client_id in self.reads_only_at_start
        for account in self.accounts.values():
            account.in_force = account.username not in self.ended_at_start
        self.organizations: dict[str, Organization] = provisioned_organizations(self.seeds)
        self.revocations: Counter[str] = Counter()
        self.windows: dict[str, deque[float]] = {}
        self.api_windows = Windows()
        self.refresh_tokens: dict[str, tuple[str, str]] = {}

    def contents(self) -> list[str]:
        return [f"{each.slug}/{slug}" for each in self.organizations.values() for slug in each.projects]

    def revoke(self, client_id: str) -> None:
        """Revoke a credential and, permanently, its tokens; KeyError for an unknown one."""
        self.clients[client_id].revoked = True
        self.revocations[client_id] += 1

    def restore(self, client_id: str) -> None:
        """Restore a revoked credential, without its earlier tokens; KeyError for an unknown one."""
        self.clients[client_id].revoked = False

    def revoke_login(self, username: str) -> None:
        """Revoke a registry login; KeyError for an unknown one."""
        self.accounts[username].in_force = False

    def restore_login(self, username: str) -> None:
        """Restore a revoked registry login; KeyError for an unknown one."""
        self.accounts[username].in_force = True

    def promote(self, client_id: str) -> None:
        """Give a credential a role that permits changes; KeyError for an unknown one."""
        self.clients[client_id].reads_only = False

    def demote(self, client_id: str) -> None:
        """Give a credential the role Viewer; KeyError for an unknown one."""
        self.clients[client_id].reads_only = True

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def finish(self, request: Request, answer: Answer) -> Answer:
        """Add the fields of every response, and remove the body for HEAD (RFC 9110 section 9.3.2)."""
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["X-Request-Id"] = secrets.token_hex(16)
        if request.method == "HEAD" and answer.status not in (204, 304):
            answer.headers["Content-Length"] = str(len(answer.body))
            answer.body = b""
        return answer

    def oauth_error(self, status: int, error: str, description: str) -> Answer:
        """Return an error of RFC 6749 section 5.2, which must not be stored."""
        return self.not_stored(Answer.json(status, {"error": error, "error_description": description}))

    def not_stored(self, answer: Answer) -> Answer:
        """Forbid storing of responses with tokens or errors about them (RFC 6749 section 5.1)."""
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Pragma"] = "no-cache"
        return answer

    def oauth_method_refused(self, allowed: str) -> Answer:
        """Return 405 with the allowed methods (RFC 9110 section 15.5.6)."""
        answer = self.oauth_error(405, "invalid_request", "method not allowed")
        answer.headers["Allow"] = allowed
        return answer
