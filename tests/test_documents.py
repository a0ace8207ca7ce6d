"""Files, modules, environments, requirements and commands that the documentation names exist."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.commands import command_names
from conformance.contract.catalogue import catalogue
from conformance.plugin.surfaces import SURFACE_OF_AREA
from conformance.reference.deployment import alterations
from tests.clone import ROOT, tracked

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *tracked("docs/*.md")]
# What one page makes as an example.
EXAMPLE = "webhooks/delivery/one-byte-is-accepted"
IDS = {requirement.id for requirement in catalogue()}


AREAS = "|".join([*SURFACE_OF_AREA, "interoperability"])
TOX = (ROOT / "tox.ini").read_text(encoding="utf-8")
NAMED: dict[str, tuple[str, Callable[[str], object]]] = {
    "modules": (r"python -m ((?:tests|benchmarks|conformance)[\w.]*\w)", importlib.util.find_spec),
    "environments": (r"tox -e ([\w-]+)", lambda each: f"[testenv:{each}]" in TOX),
    "commands": (r"`conformance ([a-z]+)", lambda each: each in command_names()),
    "requirements": (
        rf"(?:`|^\| )((?:{AREAS})/[a-z0-9/-]+)(?:[#`]| \|)",
        lambda each: any(f"{name}/".startswith(f"{each}/") for name in IDS),
    ),
    "defects": (r"^\| [a-z]+/\S+ \| ([a-z0-9]+(?:-[a-z0-9]+)+) \|", lambda each: each in alterations()),
}
LINK = re.compile(r"\]\((?!http)([^)#]+)")


@pytest.mark.parametrize("document", DOCUMENTS[:2], ids=lambda path: path.name)
def test_links_are_read_on_github_too(document: Path) -> None:
    """MkDocs checks those of the site's pages."""
    linked = LINK.findall(document.read_text(encoding="utf-8"))
    assert linked and [each for each in linked if not (document.parent / each).exists()] == []


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_everything_that_a_document_names_exists(document: Path, named: str) -> None:
    pattern, there = NAMED[named]
    found = {*re.findall(pattern, document.read_text(encoding="utf-8"), re.MULTILINE)} - {EXAMPLE}
    assert [each for each in found if not there(each)] == []
