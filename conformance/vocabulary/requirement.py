"""The contract's words: promises, the requirements under them, and the clause that each quotes."""

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
class Promise:
    """One sentence about the platform that a vendor can agree or disagree with, such as ``AC-06``.

    ``surface`` is the surface it is about: ``identity``, ``organization-apis``, ``registry``, ``storage``,
    ``webhooks`` or ``http``. ``conformance_class`` is the class of most of its requirements.
    """

    id: str
    title: str
    clause: Clause
    conformance_class: str
    surface: str

    def plain(self) -> dict[str, str]:
        """All but the id, as the run record stores it."""
        clause = {"document": self.clause.document, "section": self.clause.section, "quote": self.clause.quote}
        return {"title": self.title, **clause, "url": self.clause.url, "class": self.conformance_class,
                "surface": self.surface}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Requirement:
    """One testable rule under a promise.

    ``id`` is ``area/topic/what-must-hold``; ``promise`` the id of its promise; ``feature`` the claim that gates it
    (None: always checked); ``conformance_class`` the class it counts for; ``untestable`` why no check verifies it,
    where none does.
    """

    id: str
    title: str
    clause: Clause
    level: Level
    conformance_class: str
    promise: str
    feature: str | None = None
    untestable: str | None = None

    @property
    def area(self) -> str:
        """The first part of the id: ``oauth``, ``registry``, …"""
        return self.id.split("/", 1)[0]
