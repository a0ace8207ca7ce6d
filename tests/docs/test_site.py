"""The site as it is built: it loads nothing from elsewhere, and its generated pages say what the code says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conformance.commands import command_names
from conformance.contract.catalogue import catalogue
from conformance.reference.alteration import Defect
from conformance.reference.deployment import named
from conformance.reference.service import promise_of
from conformance.target.description import Registry, Target
from conformance.vocabulary.verdict import ExitCode
from docs.generate import pages
from tests.docs.pages import DOCS

pytestmark = pytest.mark.once

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Loaded(HTMLParser):
    """Collects the addresses that a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of an element that loads one."""
        found = dict(attrs).get(LOADING.get(tag, ""))
        self.addresses += [found] if found else []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``tox -e docs`` has built, or one that is built here."""
    if built := os.environ.get("SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", str(folder)]
    built_now = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, check=False, timeout=600)
    assert built_now.returncode == 0, built_now.stderr
    return folder


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return pages()


def requests(site: Path) -> Iterator[str]:
    """What the pages and style sheets of the site load, each from its own place."""
    for path in site.rglob("*.html"):
        reader = Loaded()
        reader.feed(path.read_text(encoding="utf-8"))
        yield from reader.addresses
    for path in site.rglob("*.css"):
        yield from path.read_text(encoding="utf-8").split("url(")[1:]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = [*requests(site)]
    assert len(loaded) > 100
    assert [each for each in loaded if each.strip("'\"").startswith(("http:", "https:", "//"))] == []


def test_every_promise_has_its_page(site: Path, generated: dict[str, str]) -> None:
    broken = {promise_of(each) for each in named(Defect).values()}
    assert "AC-06" in broken
    for promise in catalogue().promises.values():
        text = generated[f"reference/promises/{promise.id}.md"]
        own = [each for each in catalogue() if each.promise == promise.id]
        assert own and all(f"`{each.id}`" in text and f"**{each.level}**" in text for each in own)
        assert promise.clause.url in text
        testable = any(each.untestable is None for each in own)
        assert (f"conformance run {promise.id}`" in text) == testable
        assert (f"conformance reference --defect {promise.id}`" in text) == (promise.id in broken)
        assert (site / "reference" / "promises" / promise.id / "index.html").is_file()


def test_every_command_key_and_exit_code_is_listed(generated: dict[str, str]) -> None:
    commands, target, codes = (generated[f"reference/{name}.md"] for name in ("commands", "target-file", "exit-codes"))
    assert all(f"### conformance {name}\n" in commands for name in command_names())
    assert "| `--shard I/N` |" in commands
    assert all(f"| `{key}`" in target for model in (Target, Registry) for key in model.model_fields)
    assert "### identity.credentials.ROLE\n" in target
    values = [value for name, value in vars(ExitCode).items() if name.isupper() and isinstance(value, int)]
    assert sorted(values) == sorted(ExitCode.MEANINGS) and all(f"| {value} |" in codes for value in values)


def test_the_record_is_described_file_by_file(generated: dict[str, str]) -> None:
    text = generated["reference/record.md"]
    for part in (
        "## run.json",
        "### results.ndjson: check",
        "### evidence/*.ndjson.gz: exchange",
        "| `contract_digest`",
    ):
        assert part in text
