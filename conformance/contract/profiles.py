"""Profiles: named choices of requirements for a run; and which class includes which (``profiles.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from conformance.vocabulary.requirement import Requirement


@dataclass(frozen=True)
class Profile:
    """One profile; ``levels`` and ``classes`` are None where all are asked for; ``without`` are classes left out."""

    name: str
    about: str
    levels: frozenset[str] | None
    classes: frozenset[str] | None
    explore: int
    disturbing: bool
    without: frozenset[str] = frozenset()

    def asks_for(self, requirement: Requirement, disturbs: bool) -> bool:
        """Whether a check of this requirement belongs to the profile."""
        if (disturbs and not self.disturbing) or requirement.conformance_class in self.without:
            return False
        in_levels = self.levels is None or requirement.level in self.levels
        return in_levels and (self.classes is None or requirement.conformance_class in self.classes)


@cache
def profiles() -> dict[str, Profile]:
    """Every profile by name."""
    return {name: _profile(name, table) for name, table in _data()["profiles"].items()}


def included(conformance_class: str) -> tuple[str, ...]:
    """The classes that a class includes: it is conformant only where they are."""
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
