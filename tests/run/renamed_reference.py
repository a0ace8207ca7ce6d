"""Serve the reference under other names than the usual ones, which a target may have chosen as well.

Scopes in capitals without a colon, secrets of digits, buckets named like folders of a server.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

from conformance.reference import configuration, deployment
from conformance.reference.identity import organization_api
from conformance.reference.seeds import Seeds
from conformance.reference.service import main

SCOPES = {
    "organization:read": "READ", "member:read": "MEMBERS", "project:read": "PROJECTS", "project:write": "WRITE",
}  # fmt: skip
BUCKETS = {"conformance-a": "home", "conformance-b": "usr"}


def digits() -> str:
    """A secret of some 200 bits in digits."""
    return "".join(secrets.choice("0123456789") for _ in range(60))


def renamed(text: str) -> str:
    """A text with the other names of scopes."""
    for name, other in SCOPES.items():
        text = text.replace(name, other)
    return text


class RenamedSeeds(Seeds):
    """The provisioned clients, accounts and buckets under other names."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        for client in self.clients:
            client.scopes, client.secret = tuple(map(renamed, client.scopes)), digits()
        for account in self.accounts:
            account.password = digits()
        self.buckets = {BUCKETS.get(name, name): owner for name, owner in self.buckets.items()}


def rename() -> None:
    """Have the next reference use those names."""
    deployment.Seeds = RenamedSeeds  # type: ignore[attr-defined]
    configuration.RESOURCES = renamed(configuration.RESOURCES)
    for methods in organization_api.SCOPES.values():
        methods.update({method: renamed(scope) for method, scope in methods.items()})


if __name__ == "__main__":
    rename()
    sys.exit(main())
