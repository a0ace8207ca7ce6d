"""Repositories of a run, cleared at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.inventory import Inventory
from conformance.sandbox.ledger import Ledger, Leftover
from conformance.sandbox.names import Names
from conformance.sandbox.registry_cleanup import clear

Restore = Callable[[StoredImage], StoredImage]
"""Notes an image that must be pushed again after a failed check."""


@dataclass(frozen=True)
class Repositories:
    """Makes repositories; pushes to them are noted in the ledger beforehand, and removed at the end.

    If a registry requires that a repository exists before a push, the hook ``make_repository`` creates it.
    """

    registry: Registry
    deletes: bool
    names: Names
    ledger: Ledger
    operator: Operator

    def new(self, hint: str) -> Repository:
        """Return a new repository whose name begins with that of the described one."""
        # A longer app slug: the contract names no deeper paths (orgs/{org-slug}/{app-slug}).
        return self.at(f"{self.registry.described.repository}-{self.names.new(hint)}")

    def at(self, name: str) -> Repository:
        """Return the repository of a name, which must begin with the name of one of the run's."""
        return self._noted(name, self.registry, self.deletes)

    def foreign(self, base: str, hint: str) -> Repository:
        """Return a new repository of another organization, accessed with its login."""
        return self._noted(f"{base}-{self.names.new(hint)}", self.registry.as_role("foreign"), deletes=True)

    def _noted(self, name: str, registry: Registry, deletes: bool) -> Repository:
        if self.operator.has("make_repository"):
            self.ledger.intends("made", repository=name)
            self.operator.make_repository(name)
        repository = Repository(registry, name, Inventory(partial(self.ledger.intends, repository=name)))
        self.ledger.created(f"repository {name}", lambda: self._removed(repository, deletes))
        return repository

    def _removed(self, repository: Repository, deletes: bool) -> list[Leftover]:
        leftovers = clear(repository, deletes)
        if not self.operator.has("remove_repository"):
            return leftovers
        self.operator.remove_repository(repository.name)
        return []
