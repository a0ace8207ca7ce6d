"""A requirement: one promise of the contract, with the words it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How strong a promise is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True, slots=True)
class Clause:
    """Where a promise stands: the document's title, the section as that document names it, its words, a link."""

    document: str
    section: str
    quote: str
    url: str

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise.

    ``id`` is ``area/topic/what-is-promised``; ``feature`` is the claim that gates it (None: always asked);
    ``conformance_class`` the class it counts for; ``untestable`` why no check verifies it, where none does.
    """

    id: str
    title: str
    clause: Clause
    level: Level
    conformance_class: str
    feature: str | None = None
    untestable: str | None = None

    @property
    def area(self) -> str:
        """The first part of the id: ``oauth``, ``registry``, …"""
        return self.id.split("/", 1)[0]
