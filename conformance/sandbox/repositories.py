"""Repositories of a run's own, cleared at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.inventory import Inventory
from conformance.sandbox.ledger import Ledger, Left
from conformance.sandbox.names import Names
from conformance.sandbox.registry_cleanup import clear

Restore = Callable[[StoredImage], StoredImage]
"""Notes an image that is pushed again after a check that fails."""


@dataclass(frozen=True)
class Repositories:
    """Makes repositories; what is pushed to them is written down before it is, and removed at the end.

    Where a registry wants each made before it is pushed to, the operator's command does that (``make_repository``).
    """

    registry: Registry
    deletes: bool
    names: Names
    ledger: Ledger
    operator: Operator

    def new(self, hint: str) -> Repository:
        """One beside the described one."""
        # One more word in the app's slug: the contract names no deeper paths (orgs/{org-slug}/{app-slug}).
        return self.at(f"{self.registry.described.repository}-{self.names.new(hint)}")

    def at(self, name: str) -> Repository:
        """The one of a name, which begins with that of one of the run's own."""
        return self._kept(name, self.registry, self.deletes)

    def foreign(self, base: str, hint: str) -> Repository:
        """One beside another organization's, as its login sees it."""
        return self._kept(f"{base}-{self.names.new(hint)}", self.registry.as_role("foreign"), deletes=True)

    def _kept(self, name: str, registry: Registry, deletes: bool) -> Repository:
        if self.operator.has("make_repository"):
            self.ledger.intends("made", repository=name)
            self.operator.make_repository(name)
        repository = Repository(registry, name, Inventory(partial(self.ledger.intends, repository=name)))
        self.ledger.created(f"repository {name}", lambda: self._undone(repository, deletes))
        return repository

    def _undone(self, repository: Repository, deletes: bool) -> list[Left]:
        left = clear(repository, deletes)
        if not self.operator.has("remove_repository"):
            return left
        self.operator.remove_repository(repository.name)
        return []
