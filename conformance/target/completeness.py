"""What a target file lacks for the conformance classes that it is about: roles, hooks, limits and declared resources.

A run without them is usable; the classes are *not shown*, and no certificate names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contract.catalogue import catalogue

SURFACE_OF_AREA = {"oauth": "identity", "authorization": "identity", "errors": "identity"}


def missing(target: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By class, each key that the described target lacks with what to add; ``target`` is plain data."""
    found: dict[str, dict[str, str]] = {}
    relevant = set(_classes(target))
    for key, declaration in catalogue().declarations.items():
        needed = not declaration.only_with or declared(target, declaration.only_with)
        if needed and not declared(target, key):
            for name in relevant.intersection(declaration.classes):
                found.setdefault(name, {})[key] = declaration.add
    return dict(sorted(found.items()))


def _classes(target: Mapping[str, Any]) -> Iterator[str]:
    """The classes of the surfaces that are described, unless all of a class needs a feature that is not claimed."""
    features = target.get("features") or ()
    for requirement in catalogue():
        surface = SURFACE_OF_AREA.get(requirement.area, requirement.area)
        if target.get(surface) and (requirement.feature is None or requirement.feature in features):
            yield requirement.conformance_class


def declared(target: Mapping[str, Any], key: str) -> bool:
    """Whether a target has a key such as ``hooks.revoke``; of a list, whether one of its entries has it."""
    found: list[Any] = [target]
    for part in key.split("."):
        values = (each.get(part) for each in found if isinstance(each, Mapping))
        found = [each for value in values for each in (value if isinstance(value, list) else [value]) if each]
    return bool(found)


def lines(target: Mapping[str, Any]) -> Iterator[str]:
    """The classes that cannot be shown, each with the keys to add."""
    for name, keys in missing(target).items():
        yield f"  {name}"
        for key, add in keys.items():
            yield f"    {key}: {add}"
