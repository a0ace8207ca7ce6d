"""Load and validate the promises and their requirements.

A mistake in the data is a ``ContractError`` that names file and requirement.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from conformance.vocabulary.requirement import Clause, Consequence, Level, Promise, Requirement

ID = re.compile(r"^[a-z0-9-]+(/[a-z0-9.-]+)+$")
PROMISE_ID = re.compile(r"^[A-Z][A-Z0-9]-\d{2}$")
PROMISE_KEYS = {"id", "title", "document", "section", "quote", "class"}
OPTIONAL_PROMISE_KEYS = {"consequence"}
OPTIONAL_KEYS = {"feature", "untestable", "level_reason"}
KEYS = PROMISE_KEYS | {"level", "promise"} | OPTIONAL_KEYS
SURFACE_OF_PREFIX = {
    "ID": "identity", "AC": "organization-apis", "ER": "organization-apis", "RG": "registry", "S3": "storage",
    "WH": "webhooks", "HT": "http",
}  # fmt: skip
"""The surface of a promise by the first two letters of its id."""
NOT_REQUIREMENTS = {"documents.toml", "features.toml", "profiles.toml"}


Entry = TypeVar("Entry", Promise, Requirement)


@dataclass(frozen=True)
class Declaration:
    """A key that a target file may lack: ``add`` says what to add, ``classes`` are not shown without it.

    If ``only_with`` is set, the key is needed only together with that key.
    """

    add: str
    classes: tuple[str, ...]
    only_with: str = ""


class ContractError(Exception):
    """The contract's data is wrong; the message names place and mistake."""


@dataclass(frozen=True)
class Catalogue:
    """The whole contract: promises and requirements by id, features with their meaning, version and digest.

    ``open`` are requirements that the contract leaves to the target, each with the reason; ``declarations`` are the
    keys of the target file that checks need.
    """

    promises: dict[str, Promise]
    requirements: dict[str, Requirement]
    features: dict[str, str]
    open: dict[str, str]
    declarations: dict[str, Declaration]
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
    return sorted((each.name, each.read_bytes()) for each in folder.iterdir() if each.name.endswith(".toml"))


@cache
def catalogue() -> Catalogue:
    """Return the contract that ships with the suite; ContractError if its data is wrong."""
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
    surfaces = {name: table for name, table in parsed.items() if name not in NOT_REQUIREMENTS}
    promises = _unique(_promises(name, table, documents) for name, table in surfaces.items())
    requirements = _unique(
        _requirements(name, table, documents, features, promises) for name, table in surfaces.items()
    )
    if unused := promises.keys() - {each.promise for each in requirements.values()}:
        raise ContractError(f"promise {min(unused)}: has no requirement")
    left_open, declarations = _not_shown(parsed["features.toml"], requirements)
    version = parsed["documents.toml"]["version"]
    return Catalogue(promises, requirements, features, left_open, declarations, version, digest.hexdigest())


def _not_shown(
    table: dict[str, Any], requirements: dict[str, Requirement]
) -> tuple[dict[str, str], dict[str, Declaration]]:
    """Return the open requirements and the declarations; ContractError for an unknown name."""
    left_open = {name: str(group["why"]) for group in table.get("open", []) for name in group["requirements"]}
    declarations = {
        key: Declaration(each["add"], tuple(each["classes"]), each.get("only_with", ""))
        for key, each in table.get("declarations", {}).items()
    }
    if unknown := left_open.keys() - requirements.keys():
        raise ContractError(f"features.toml: [[open]] names {min(unknown)}, which is no requirement")
    classes = {each.conformance_class for each in requirements.values()}
    for key, declaration in declarations.items():
        if wrong := set(declaration.classes) - classes:
            raise ContractError(f"features.toml: [declarations] {key} names {min(wrong)}, which is no class")
    return left_open, declarations


def _unique(tables: Iterable[Iterator[Entry]]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in (each for table in tables for each in table):
        if entry.id in found:
            raise ContractError(f"{entry.id}: is defined twice")
        found[entry.id] = entry
    return found


def _promises(name: str, table: dict[str, Any], documents: dict[str, Any]) -> Iterator[Promise]:
    for entry in table.get("promise", []):
        where = f"{name}: {entry.get('id', 'a promise without id')}"
        _refuse_wrong_keys(where, entry, PROMISE_KEYS, OPTIONAL_PROMISE_KEYS)
        if not PROMISE_ID.match(entry["id"]) or entry["id"][:2] not in SURFACE_OF_PREFIX:
            raise ContractError(f"{where}: a promise id is one of {', '.join(SURFACE_OF_PREFIX)} and two digits")
        if (consequence := entry.get("consequence", Consequence.FORM)) not in [*Consequence]:
            raise ContractError(f"{where}: consequence is one of {', '.join(Consequence)}")
        yield Promise(
            entry["id"], entry["title"], _clause(where, entry, documents), entry["class"],
            SURFACE_OF_PREFIX[entry["id"][:2]], Consequence(consequence),
        )  # fmt: skip


def _requirements(
    name: str, table: dict[str, Any], documents: dict[str, Any], features: Iterable[str], promises: Iterable[str]
) -> Iterator[Requirement]:
    for entry in table.get("requirement", []):
        where = f"{name}: {entry.get('id', 'a requirement without id')}"
        _refuse_wrong_keys(where, entry, KEYS - OPTIONAL_KEYS, OPTIONAL_KEYS)
        if not ID.match(entry["id"]):
            raise ContractError(f"{where}: an id is area/topic/what-must-hold in lower case")
        if entry["level"] not in [*Level]:
            raise ContractError(f"{where}: level is one of {', '.join(Level)}")
        if len(entry.get("level_reason", "none given")) < 10:
            raise ContractError(f"{where}: level_reason is a sentence")
        if entry["promise"] not in promises:
            raise ContractError(f"{where}: unknown promise {entry['promise']}")
        if entry.get("feature") is not None and entry["feature"] not in features:
            raise ContractError(f"{where}: unknown feature {entry['feature']}")
        yield _requirement(entry, _clause(where, entry, documents))


def _refuse_wrong_keys(where: str, entry: dict[str, Any], required: set[str], optional: Iterable[str]) -> None:
    unknown, missing = set(entry) - required - set(optional), required - set(entry)
    if unknown or missing:
        raise ContractError(f"{where}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")


def _clause(where: str, entry: dict[str, Any], documents: dict[str, Any]) -> Clause:
    if entry["document"] not in documents:
        raise ContractError(f"{where}: unknown document {entry['document']}")
    document = documents[entry["document"]]
    quote = " ".join(entry["quote"].split())
    return Clause(document["title"], entry["section"], quote, document["url"], document.get("paraphrased", False))


def _requirement(entry: dict[str, Any], clause: Clause) -> Requirement:
    return Requirement(
        id=entry["id"],
        title=entry["title"],
        clause=clause,
        level=Level(entry["level"]),
        conformance_class=entry["class"],
        promise=entry["promise"],
        feature=entry.get("feature"),
        untestable=entry.get("untestable"),
        level_reason=entry.get("level_reason"),
    )
