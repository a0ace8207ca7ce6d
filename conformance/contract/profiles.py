"""Profiles, which are named selections of requirements, and the classes that a class includes (``profiles.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from conformance.vocabulary.requirement import Requirement


@dataclass(frozen=True)
class Profile:
    """One profile; ``levels`` and ``classes`` are None for all, ``without`` are excluded classes."""

    name: str
    about: str
    levels: frozenset[str] | None
    classes: frozenset[str] | None
    explore: int
    disturbing: bool
    without: frozenset[str] = frozenset()

    def selects(self, requirement: Requirement, disturbs: bool) -> bool:
        """Return whether the profile includes checks of this requirement."""
        if (disturbs and not self.disturbing) or requirement.conformance_class in self.without:
            return False
        in_levels = self.levels is None or requirement.level in self.levels
        return in_levels and (self.classes is None or requirement.conformance_class in self.classes)


@cache
def profiles() -> dict[str, Profile]:
    """Return every profile by name."""
    return {name: _profile(name, table) for name, table in _data()["profiles"].items()}


def included(conformance_class: str) -> tuple[str, ...]:
    """Return the classes that must be conformant for this class to be conformant."""
    return tuple(_data()["classes"].get(conformance_class, ()))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("conformance.contract") / "profiles.toml").read_text(encoding="utf-8"))


def _profile(name: str, table: dict[str, Any]) -> Profile:
    def chosen(key: str) -> frozenset[str] | None:
        values = table.get(key)
        return frozenset(map(str, values)) if isinstance(values, list) else None

    return Profile(
        name,
        str(table["about"]),
        chosen("levels"),
        chosen("classes"),
        int(table["explore"]),
        table.get("disturbing") is not False,
        chosen("without") or frozenset(),
    )
