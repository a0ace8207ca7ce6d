"""Assembly of the reference: seeds, key, the four surfaces, and every defect and variant by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

from conformance.reference import PACKAGES
from conformance.reference.alteration import Alteration, Defect, Variant
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Deployment
from conformance.reference.surface import Surface


@dataclass
class Reference(Deployment):
    """A deployment with its provisioned data."""

    seeds: Seeds = field(default_factory=Seeds)
    key: SigningKey = field(default_factory=SigningKey)


def build() -> Reference:
    """Return a clean reference that does not serve yet. Binding its sockets sets the surfaces' public addresses."""
    from conformance.reference.identity import Identity
    from conformance.reference.registry import Registry
    from conformance.reference.storage import Storage
    from conformance.reference.webhooks import Webhooks

    seeds, key = Seeds(), SigningKey()
    kinds: tuple[type[Identity | Registry | Storage | Webhooks], ...] = (Identity, Registry, Storage, Webhooks)
    surfaces: dict[str, Surface] = {each.name: each(seeds, key) for each in kinds}
    # Both share one dictionary, so that the surfaces see an address as soon as it is bound.
    return Reference(surfaces, alterations(), urls=seeds.public_url, seeds=seeds, key=key)


@cache
def alterations() -> dict[str, type[Alteration]]:
    """Return every defect and variant by its name on the command line; ValueError for a duplicate name."""
    found: dict[str, type[Alteration]] = {}
    for package in PACKAGES:
        for module in _modules(importlib.import_module(package)):
            for each in _alterations_of(module):
                name = each.kebab_name()
                if name in found:
                    raise ValueError(f"{name} is both {_full_name(found[name])} and {_full_name(each)}")
                found[name] = each
    return found


def named(kind: type[Alteration]) -> dict[str, type[Alteration]]:
    """Return the defects or the variants by name, sorted by surface and name."""
    chosen = [(each.surface, name) for name, each in alterations().items() if issubclass(each, kind)]
    return {name: alterations()[name] for _, name in sorted(chosen)}


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def _alterations_of(module: ModuleType) -> Iterator[type[Alteration]]:
    """Yield the defects and variants that a module defines, without base classes (no surface or check, private name).

    The members of its ``ROWS`` are classes as well.
    """
    yield from vars(module).get("ROWS", ())
    for name, each in vars(module).items():
        own = isinstance(each, type) and each.__module__ == module.__name__ and not name.startswith("_")
        proves = own and (issubclass(each, Variant) or (issubclass(each, Defect) and each.noticed_by))
        if proves and each.surface:
            yield each


def _full_name(alteration: type[Alteration]) -> str:
    return f"{alteration.__module__}.{alteration.__name__}"
