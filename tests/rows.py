"""The rows of the table of checks × defects: what is switched on, and whose checks are asked then."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, reduce

from conformance.plugin.checks import CheckInfo
from conformance.reference.alteration import Alteration, Defect, overridden_names
from conformance.reference.deployment import alterations

BY_CLIENTS = "interoperability/"
BESIDE = " + "
WRAPPED = {"api"}
"""Methods that several variants may replace at once: each passes on every request that is not its own."""


@dataclass(frozen=True)
class Row:
    """One line of the table to be: what is switched on, and which checks run (None: the surface's).

    ``requirements`` names them as ``noticed_by`` does: by id, or by requirement for all of its cases.

    With ``features``, of these the checks of no other features, nor of none.
    """

    name: str
    surface: str
    requirements: tuple[str, ...] | None
    without: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    clients: bool = False
    variant: bool = False
    features: tuple[str, ...] = ()

    def asks(self, check: CheckInfo) -> bool:
        """Whether a check is asked: of a variant not what it does not claim, nor what it may leave."""
        feature = check.requirement.feature
        left_out = feature in self.without or any(is_named(check.id, each) for each in self.misses)
        left_out |= bool(self.features) and feature not in self.features
        return not left_out and (not self.only or check.id.startswith(self.only))

    @property
    def parts(self) -> list[str]:
        """What is switched on."""
        return self.name.split(BESIDE)

    def beside(self, other: Row) -> Row | None:
        """All their variants at once; None where they are of two surfaces, or replace a method of it in common.

        Nor where one wants to be alone, or apart from another.
        """
        methods, others = (set[str]().union(*map(replaced, row.parts)) for row in (self, other))
        names = {*self.parts, *other.parts}
        alone = any(getattr(alterations()[name], "alone", False) for name in names)
        conflicting = names.intersection(
            each for name in names for each in getattr(alterations()[name], "conflicts", ())
        )
        together = self.surface == other.surface and not alone and not conflicting and not methods & others - WRAPPED
        return merged(self, other) if together else None


def merged(one: Row, other: Row) -> Row:
    """The variants of two rows at once."""
    without, misses = one.without + other.without, one.misses + other.misses
    return replace(one, name=f"{one.name}{BESIDE}{other.name}", without=without, misses=misses)


@cache
def replaced(name: str) -> set[str]:
    """The methods of its surface that an alteration has others for. What several say of an answer is said in turn."""
    return set(overridden_names(alterations()[name]))


def joined(wanted: Iterable[Row], most: int) -> list[Row]:
    """Variants several at once, as far as they allow it: those that go with fewest others choose first."""
    wanted = list(wanted)
    alone = {row.name: sum(row.beside(other) is None for other in wanted) for row in wanted}
    left, made = sorted(wanted, key=lambda row: -alone[row.name]), list[Row]()
    while left:
        row = left.pop(0)
        for other in list(left):
            together = row.beside(other) if len(row.parts) < most else None
            if together is not None:
                left.remove(other)
                row = together
        made.append(row)
    return made


def beyond(row: Row, singles: Iterable[Row]) -> list[Row]:
    """What a row of several variants leaves out, since one of them does not claim it, asked of the others."""
    parts = [single for single in singles if single.name in row.parts]
    found = list[Row]()
    for feature in sorted({*row.without}):
        claiming = [single for single in parts if feature not in single.without]
        found += [replace(reduce(merged, claiming), features=(feature,))] if claiming else []
    return found


def rows(choice: argparse.Namespace) -> list[Row]:
    """The rows that were asked for."""
    found = []
    for name, alteration in sorted(alterations().items()):
        if issubclass(alteration, Defect) == choice.variants:
            continue
        if (choice.surface and alteration.surface != choice.surface) or (choice.defect and name not in choice.defect):
            continue
        named = noticing(alteration, choice.clients)
        if not (named or choice.whole or choice.variants):
            continue
        requirements = None if choice.whole or choice.variants else named
        left_out = (getattr(alteration, "without", ()), getattr(alteration, "misses", ()))
        only = tuple(choice.check or ())
        found.append(Row(name, alteration.surface, requirements, *left_out, only, choice.clients, choice.variants))
    return found


def is_named(check: str, named: str) -> bool:
    """Whether a check id, or its requirement, is the one that is named."""
    return named in (check, requirement_of(check))


def requirement_of(check: str) -> str:
    """The requirement of a check id."""
    return check.partition("#")[0]


def noticing(alteration: type[Alteration], clients: bool = False) -> tuple[str, ...]:
    """The checks that must notice it: those of real clients, which not all machines have, or others."""
    return tuple(each for each in getattr(alteration, "noticed_by", ()) if each.startswith(BY_CLIENTS) == clients)
