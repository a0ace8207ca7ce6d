"""The HTML pages by axe-core's rules (WCAG 2.2 A and AA, and good practice): in light and dark, closed and open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.reporting import render_all
from tests.reporting.browser import Page
from tests.reporting.conftest import KINDS, address
from tests.reporting.node import module
from tests.reporting.test_promises import one_of_each

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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("opened", [False, True], ids=["closed", "open"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(page: Page, pages: dict[str, str], kind: str, dark: bool, opened: bool, width: int) -> None:
    page.show(width, dark=dark)
    page.open(pages[kind])
    if opened:
        page.run(OPEN)

    assert violations(page) == []


@pytest.mark.parametrize("opened", [False, True], ids=["closed", "open"])
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_in_promises_of_each_verdict(page: Page, tmp_path: Path, opened: bool, width: int) -> None:
    record = one_of_each(tmp_path / "run")
    render_all(record, ["html"])
    page.show(width)
    page.open(address(record))
    if opened:
        page.run(OPEN)

    assert violations(page) == []
