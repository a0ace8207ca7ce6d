"""Repositories of a run's own, cleared at its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from conformance.clients.registry import NewRepository, Registry, Repository, StoredImage
from conformance.clients.registry_inventory import Inventory
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.target.description import Target

PutRight = Callable[[StoredImage], StoredImage]
"""Notes an image that is pushed again behind a check that fails."""


def repositories(registry: Registry, target: Target, names: Names, ledger: Ledger) -> NewRepository:
    """Makes repositories beside the described one; what is pushed to them is removed at the end."""
    deletes = "registry.delete" in target.features

    def made(hint: str) -> Repository:
        # One more word in the app's slug: the contract names no deeper paths (orgs/{org-slug}/{app-slug}).
        return noted(registry, f"{registry.described.repository}-{names.new(hint)}", ledger, deletes)

    return made


def noted(registry: Registry, name: str, ledger: Ledger, deletes: bool) -> Repository:
    """A repository whose content is written down before it is pushed, and removed at the end."""
    repository = Repository(registry, name, Inventory(partial(ledger.intends, repository=name)))
    ledger.created(f"repository {name}", lambda: repository.clear(deletes))
    return repository
