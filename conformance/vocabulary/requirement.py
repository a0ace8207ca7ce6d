"""The terms of the contract: promises, their requirements, and the clause that each quotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How strong a promise is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Consequence(StrEnum):
    """The consequence of a broken promise for a customer, from worst to least."""

    LOSS = "loss"
    """Stored data is lost, or corrupted."""
    EXPOSURE = "exposure"
    """A client reads or does what it has no right to."""
    WRONG_DATA = "wrong-data"
    """A response states something false."""
    REFUSED = "refused"
    """A valid request fails."""
    FORM = "form"
    """The response has the wrong status, code or form."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The source of a promise: title and section of the document, the quoted words, a link.

    ``paraphrased``: the words are the contract's own, because the document may not be copied.
    """

    document: str
    section: str
    quote: str
    url: str
    paraphrased: bool = False

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"

    def plain(self) -> dict[str, Any]:
        """Return the clause as the run record stores it."""
        words = {"document": self.document, "section": self.section, "quote": self.quote, "url": self.url}
        return {**words, "paraphrased": True} if self.paraphrased else words


def clause_words(clause: Mapping[str, Any]) -> str:
    """Return the words of a recorded clause, in quotation marks unless paraphrased."""
    words = str(clause.get("quote", ""))
    return words if clause.get("paraphrased") else f"“{words}”"


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence about the platform that a vendor can agree or disagree with, such as ``AC-06``.

    ``surface`` is the surface it is about: ``identity``, ``organization-apis``, ``registry``, ``storage``,
    ``webhooks`` or ``http``. ``conformance_class`` is the class of most of its requirements. Reports sort
    findings by ``consequence``.
    """

    id: str
    title: str
    clause: Clause
    conformance_class: str
    surface: str
    consequence: Consequence = Consequence.FORM

    def plain(self) -> dict[str, Any]:
        """Return everything except the id, as the run record stores it."""
        described = {"title": self.title, "class": self.conformance_class, "surface": self.surface}
        return {**described, **self.clause.plain(), "consequence": str(self.consequence)}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One testable rule under a promise.

    ``id`` is ``area/topic/what-must-hold``; ``promise`` the id of its promise; ``feature`` the claim that gates it
    (None: always checked); ``untestable`` why no check verifies it; ``level_reason`` why the level is not the one
    that the rule in docs/explanation/levels.md gives.
    """

    id: str
    title: str
    clause: Clause
    level: Level
    conformance_class: str
    promise: str
    feature: str | None = None
    untestable: str | None = None
    level_reason: str | None = None

    @property
    def area(self) -> str:
        """The first part of the id: ``oauth``, ``registry``, …"""
        return self.id.split("/", 1)[0]
