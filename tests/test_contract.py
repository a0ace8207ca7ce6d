"""Quotes of the contract are verbatim, every sentence of the API Reference is quoted, every MUST has a check."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from conformance.contract import catalogue as catalogue_module
from conformance.contract.catalogue import Catalogue, ContractError, catalogue
from conformance.contract.profiles import included, profiles
from conformance.plugin.collection import checks_of, collect
from conformance.plugin.locations import suites_folder
from conformance.plugin.surfaces import SURFACE_OF_AREA, SURFACES
from conformance.vocabulary.requirement import Clause, Level, Requirement

# What is read here is the same on every Python.
pytestmark = pytest.mark.once

DOCUMENTS = tomllib.loads((files("conformance.contract") / "documents.toml").read_text(encoding="utf-8"))["documents"]

# What the page says that promises nothing: navigation, headings of tables, advice to the reader, names of examples.
NOT_PROMISES = (
    "Skip to content", "API Reference", "Service Endpoints", "SurfaceWhere to find itPurpose", "Authentication",
    "bash", "http", "Permissions", "Docker Registry", "Image naming:", "text", "Example:",
    'REGISTRY_DOMAIN="<registry-domain>"', "See Docker Registry for details.", "S3-Compatible Storage",
    "See Provisioning Storage for examples.", "Webhooks", "See Credentials & Webhooks.", "Error Handling",
    "StatusMeaning", "Troubleshooting", "SymptomWhat to check", "Next Steps", "Last updated:",
    "NextEpoch Cloud Documentation",
)  # fmt: skip


def sentences() -> list[str]:
    """The page's lines, and the sentences of those that hold several; a command's continued lines as one."""
    text = (
        (files("conformance.contract") / "sources" / "api-reference.txt")
        .read_text(encoding="utf-8")
        .replace("\\\n", "\\ ")
    )
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found += [" ".join(part.split()) for part in re.split(r"(?<=[a-z])\.\s+(?=[A-Z])", line)]
    return found


@pytest.mark.parametrize("sentence", [each for each in sentences() if each not in NOT_PROMISES])
def test_every_sentence_that_promises_something_is_quoted(sentence: str) -> None:
    quotes = [
        requirement.clause.quote for requirement in catalogue() if requirement.clause.document.endswith("API Reference")
    ]
    plain = sentence.rstrip(".")
    assert any(plain in quote or (len(quote) > 15 and quote.rstrip(".") in plain) for quote in quotes), sentence


def test_quotes_are_verbatim() -> None:
    wrong = []
    for each in [*catalogue(), *catalogue().promises.values()]:
        text = stored(next(key for key, value in DOCUMENTS.items() if value["title"] == each.clause.document))
        if text is not None and each.clause.quote not in text:
            wrong.append((each.id, each.clause.quote))
    assert wrong == []


@cache
def stored(document: str) -> str | None:
    """The text of a document that is stored, as far as it is quoted; None where none is."""
    path = files("conformance.contract") / "sources" / f"{document}.txt"
    return " ".join(path.read_text(encoding="utf-8").split()) if path.is_file() else None


def test_every_document_is_quoted_and_stored_or_says_when_it_was_read() -> None:
    quoted = {each.clause.document for each in catalogue()}
    assert [key for key, each in DOCUMENTS.items() if each["title"] not in quoted] == []
    for key, each in DOCUMENTS.items():
        assert sum([stored(key) is not None, "read" in each, each.get("paraphrased", False)]) == 1, key


PROMISE = """
[[promise]]
id = "ID-01"
title = "The documented token request returns an access token"
document = "one"
section = "Authentication"
quote = "The response contains an access token."
class = "oauth-core"
"""
REQUIREMENT = """
[[requirement]]
id = "oauth/token/issued"
promise = "ID-01"
title = "Valid credentials get a token"
document = "one"
section = "Authentication"
quote = "The response contains an access token."
level = "MUST"
class = "oauth-core"
"""


@pytest.mark.parametrize(
    ("surface", "message"),
    [
        (PROMISE + REQUIREMENT.replace('promise = "ID-01"\n', ""), "missing keys ['promise']"),
        (PROMISE + REQUIREMENT.replace("ID-01", "ID-02"), "oauth/token/issued: unknown promise ID-02"),
        (PROMISE + PROMISE.replace("ID-01", "ID-02") + REQUIREMENT, "promise ID-02: has no requirement"),
        (PROMISE + PROMISE + REQUIREMENT, "ID-01: is defined twice"),
        (PROMISE.replace("ID-01", "XX-01") + REQUIREMENT, "a promise id is one of ID, AC"),
        (PROMISE.replace('class = "oauth-core"\n', "") + REQUIREMENT, "missing keys ['class']"),
        (PROMISE + 'consequence = "bad"\n' + REQUIREMENT, "ID-01: consequence is one of loss, exposure, wrong-data"),
    ],
)
def test_a_malformed_contract_is_reported(surface: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ContractError, match=re.escape(message)):
        load(surface, monkeypatch)


def load(surface: str, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A contract of one document and one surface."""
    tables = {
        "documents.toml": 'version = "1"\n[documents.one]\ntitle = "One"\nurl = "https://one.example"\n',
        "features.toml": "[features]\n",
        "oauth.toml": surface,
    }
    monkeypatch.setattr(catalogue_module, "_tables", lambda: [(name, text.encode()) for name, text in tables.items()])
    return catalogue_module.catalogue.__wrapped__()


BINDING = {each["title"] for each in DOCUMENTS.values() if each.get("binding")}
# Promises that nobody acts without the right to: whatever else a requirement under one quotes, it is a MUST.
ACCESS = {
    "AC-02", "AC-05", "AC-06", "AC-07", "ID-05", "ID-10", "ID-15", "ID-17", "RG-02", "RG-06", "RG-07", "RG-09",
    "RG-10", "RG-11", "RG-12", "S3-03", "S3-08", "S3-09", "S3-12", "WH-04",
}  # fmt: skip
MANDATORY = re.compile(r"\b(MUST|SHALL|REQUIRED)\b")
ADVISORY = re.compile(r"\b(SHOULD|RECOMMENDED|MAY|OPTIONAL)\b")


def without_a_reason() -> list[Requirement]:
    """The requirements whose level the rule alone decides."""
    return [each for each in catalogue() if not each.level_reason]


def test_one_clause_has_one_level() -> None:
    levels: dict[Clause, dict[Level, str]] = {}
    for requirement in without_a_reason():
        levels.setdefault(requirement.clause, {})[requirement.level] = requirement.id
    assert {str(clause): each for clause, each in levels.items() if len(each) > 1} == {}


def test_a_must_quotes_a_document_that_binds() -> None:
    musts = [each for each in without_a_reason() if each.level == Level.MUST]
    assert [each.id for each in musts if each.clause.document not in BINDING] == []


def test_unauthorized_access_is_always_a_must() -> None:
    assert {promise for promise in ACCESS if promise not in catalogue().promises} == set()
    access = [each for each in without_a_reason() if each.promise in ACCESS]
    assert [each.id for each in access if each.level != Level.MUST] == []


def test_the_level_is_that_of_the_quoted_keyword() -> None:
    wrong = []
    for requirement in without_a_reason():
        quote, must = requirement.clause.quote, requirement.level == Level.MUST
        binds = requirement.clause.document in BINDING and MANDATORY.search(quote)
        advises = ADVISORY.search(quote) and not MANDATORY.search(quote)
        if (binds and not must) or (advises and must):
            wrong.append(requirement.id)
    assert wrong == []


def test_owasp_is_the_clause_of_no_must() -> None:
    musts = [each for each in catalogue() if each.level == Level.MUST]
    assert [each.id for each in musts if each.clause.document.startswith("OWASP")] == []


def test_every_requirement_has_a_check_or_a_reason() -> None:
    verified = {check.requirement.id for check in collect()}
    assert [each.id for each in catalogue() if (each.id in verified) == bool(each.untestable)] == []


def test_each_file_that_checks_a_requirement_names_it_or_none_does() -> None:
    # So that those of one requirement can be collected alone.
    texts = {path: path.read_text(encoding="utf-8") for path in suites_folder().rglob("test_*.py")}
    checking: dict[str, set[Path]] = {}
    for check in collect():
        checking.setdefault(check.requirement.id, set()).add(suites_folder().parent / check.nodeid.split("::")[0])
    for requirement, where in checking.items():
        naming = {path for path in where if re.search(f'"{re.escape(requirement)}["#]', texts[path])}
        assert naming in (where, set()), requirement
    for name in ("oauth/response/no-store", "storage/model/flat-keys"):
        assert [each.id for each in checks_of(name)] == [each.id for each in collect() if each.requirement.id == name]


def test_every_check_tells_purpose_and_method() -> None:
    for check in collect():
        assert check.purpose, check.nodeid
        assert check.method, check.nodeid


def test_every_requirement_is_about_a_surface() -> None:
    for requirement in catalogue():
        area, topic = requirement.id.split("/")[:2]
        assert area in SURFACE_OF_AREA or (area == "interoperability" and topic in SURFACES), requirement.id


def test_profiles_and_classes_name_classes_that_exist() -> None:
    classes = Counter(requirement.conformance_class for requirement in catalogue())
    for profile in profiles().values():
        assert (profile.classes or frozenset()) | profile.without <= set(classes), profile.name
    assert included("storage-core") == ("storage-basic",)
    assert {name for each in classes for name in included(each)} <= set(classes)


@pytest.mark.parametrize(("name", "asks"), [("full", True), ("core", False), ("quick", False)])
def test_only_profile_full_transfers_large_objects(name: str, asks: bool) -> None:
    large = catalogue()["storage/object/large-object-comes-back"]
    assert profiles()[name].selects(large, False) is asks
    assert profiles()[name].selects(catalogue()["storage/object/bytes-come-back"], False)
