"""The HTML pages by axe-core's rules (WCAG 2.2 A and AA, and good practice): in light and dark, closed and open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.commands import main
from conformance.runs.record import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.browser import Page
from tests.reporting.conftest import address
from tests.reporting.node import module

pytestmark = pytest.mark.once

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true; })"


def violations(page: Page) -> list[str]:
    """What axe-core finds, as ``rule: where``; what it cannot decide is not among them."""
    page.run((module("axe-core") / "axe.min.js").read_text(encoding="utf-8") + "; undefined")
    found: list[dict[str, Any]] = page.run(f"axe.run({{runOnly: {RULES}}}).then(each => each.violations)")
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


def test_what_is_wrong_is_found(page: Page) -> None:
    page.run("document.querySelector('h1').style.color = getComputedStyle(document.body).backgroundColor")
    page.run("document.querySelector('main').insertAdjacentHTML('beforeend', '<input type=text>')")

    assert {each.partition(":")[0] for each in violations(page)} >= {"color-contrast", "label"}


@pytest.fixture(scope="module")
def pages(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each kind of page: a run's report, runs compared, their history, their index."""
    folder = tmp_path_factory.mktemp("pages")
    runs = [samples.every_verdict(folder / f"night-{day}", started=f"2026-03-0{day}T02:00:00Z") for day in (1, 2, 3)]
    runs[2].folder.joinpath("results.ndjson").write_text(
        runs[2].folder.joinpath("results.ndjson").read_text().replace(f'"{Verdict.FAIL}"', f'"{Verdict.PASS}"')
    )
    compared = folder / "compared.html"
    main(["compare", *(str(each.folder) for each in runs), "--html", str(compared), "--format", "json"])
    main(["report", "--index", str(folder)])
    made = {path.stem: path.as_uri() for path in sorted(folder.glob("*.html"))}
    yield {"report": address(record), "compared": compared.as_uri(), "history": made["history"], "index": made["index"]}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("opened", [False, True], ids=["closed", "open"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("kind", ["report", "compared", "history", "index"])
def test_axe_finds_nothing(page: Page, pages: dict[str, str], kind: str, dark: bool, opened: bool, width: int) -> None:
    page.show(width, dark=dark)
    page.open(pages[kind])
    if opened:
        page.run(OPEN)

    assert violations(page) == []
