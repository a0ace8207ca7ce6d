"""Loads the requirements, validates them, and answers which a run asks for.

A mistake in the data is a ``ContractError`` that names file and requirement: the suite does not run on a
contract that it half understands.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from conformance.vocabulary.requirement import Clause, Level, Requirement

ID = re.compile(r"^[a-z0-9-]+(/[a-z0-9.-]+)+$")
KEYS = {"id", "title", "document", "section", "quote", "level", "class", "feature", "untestable"}
NOT_REQUIREMENTS = {"documents.toml", "features.toml", "profiles.toml"}


class ContractError(Exception):
    """The contract's data is wrong: where and what."""


@dataclass(frozen=True)
class Catalogue:
    """The whole contract: requirements by id, features with their meaning, version and digest."""

    requirements: dict[str, Requirement]
    features: dict[str, str]
    version: str
    digest: str

    def __getitem__(self, requirement_id: str) -> Requirement:
        return self.requirements[requirement_id]

    def __contains__(self, requirement_id: object) -> bool:
        return requirement_id in self.requirements

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.requirements.values())


def _tables() -> list[tuple[str, bytes]]:
    folder = files("conformance.contract")
    found = [(each.name, each.read_bytes()) for each in folder.iterdir() if each.name.endswith(".toml")]
    return sorted(found)


@cache
def catalogue() -> Catalogue:
    """The contract that ships with the suite; ContractError where its data is wrong."""
    digest = hashlib.sha256()
    parsed: dict[str, dict[str, Any]] = {}
    for name, raw in _tables():
        digest.update(name.encode() + b"\0" + raw)
        try:
            parsed[name] = tomllib.loads(raw.decode())
        except tomllib.TOMLDecodeError as mistake:
            raise ContractError(f"{name}: {mistake}") from mistake
    documents = parsed["documents.toml"]["documents"]
    features = parsed["features.toml"]["features"]
    requirements: dict[str, Requirement] = {}
    for name, table in parsed.items():
        if name not in NOT_REQUIREMENTS:
            for requirement in _requirements(name, table, documents, features):
                if requirement.id in requirements:
                    raise ContractError(f"{name}: {requirement.id} stands twice")
                requirements[requirement.id] = requirement
    return Catalogue(requirements, features, parsed["documents.toml"]["version"], digest.hexdigest())


def _requirements(
    name: str, table: dict[str, Any], documents: dict[str, Any], features: Iterable[str]
) -> Iterator[Requirement]:
    for entry in table.get("requirement", []):
        where = f"{name}: {entry.get('id', 'a requirement without id')}"
        unknown = set(entry) - KEYS
        missing = KEYS - {"feature", "untestable"} - set(entry)
        if unknown or missing:
            raise ContractError(f"{where}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
        if not ID.match(entry["id"]):
            raise ContractError(f"{where}: an id is area/topic/promise in lower case")
        if entry["level"] not in [*Level]:
            raise ContractError(f"{where}: level is one of {', '.join(Level)}")
        if entry["document"] not in documents:
            raise ContractError(f"{where}: unknown document {entry['document']}")
        if entry.get("feature") is not None and entry["feature"] not in features:
            raise ContractError(f"{where}: unknown feature {entry['feature']}")
        yield _requirement(entry, documents[entry["document"]])


def _requirement(entry: dict[str, Any], document: dict[str, str]) -> Requirement:
    clause = Clause(document["title"], entry["section"], " ".join(entry["quote"].split()), document["url"])
    return Requirement(
        id=entry["id"],
        title=entry["title"],
        clause=clause,
        level=Level(entry["level"]),
        conformance_class=entry["class"],
        feature=entry.get("feature"),
        untestable=entry.get("untestable"),
    )
