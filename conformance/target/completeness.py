"""The roles, hooks, limits and resources that a target file lacks to show the classes of its surfaces.

A run without them is usable; the classes are *not shown*, and no certificate names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contract.catalogue import catalogue

SURFACE_OF_AREA = {"oauth": "identity", "authorization": "identity", "errors": "identity"}


def missing(target: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the missing keys by class, each with what to add; ``target`` is plain data."""
    found: dict[str, dict[str, str]] = {}
    relevant = set(_classes(target))
    for key, declaration in catalogue().declarations.items():
        needed = not declaration.only_with or declared(target, declaration.only_with)
        if needed and not declared(target, key):
            for name in relevant.intersection(declaration.classes):
                found.setdefault(name, {})[key] = declaration.add
    return dict(sorted(found.items()))


def _classes(target: Mapping[str, Any]) -> Iterator[str]:
    """Yield the classes of the described surfaces that have a requirement without an unclaimed feature."""
    features = target.get("features") or ()
    for requirement in catalogue():
        surface = SURFACE_OF_AREA.get(requirement.area, requirement.area)
        if target.get(surface) and (requirement.feature is None or requirement.feature in features):
            yield requirement.conformance_class


def declared(target: Mapping[str, Any], key: str) -> bool:
    """Return whether a target has a key such as ``hooks.revoke``; in a list, whether any entry has it."""
    found: list[Any] = [target]
    for part in key.split("."):
        values = (each.get(part) for each in found if isinstance(each, Mapping))
        found = [each for value in values for each in (value if isinstance(value, list) else [value]) if each]
    return bool(found)


def lines(target: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines that name the classes that cannot be shown, each with the keys to add."""
    for name, keys in missing(target).items():
        yield f"  {name}"
        for key, add in keys.items():
            yield f"    {key}: {add}"
