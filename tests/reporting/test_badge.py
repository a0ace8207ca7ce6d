"""The badge as a browser draws it: nothing else is asked for, its words fit, and they can be read."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.reporting.statement import badge
from tests.reporting.browser import Page

pytestmark = pytest.mark.once

# How wide each text is drawn by itself, beside how wide it is told to be.
WIDTHS = """
[...document.querySelectorAll("text")].map((each) => {
  const told = each.textLength.baseVal.value;
  each.removeAttribute("textLength");
  return [told, each.getComputedTextLength()];
})"""


def found(classes: list[str], waivers: int) -> list[Any]:
    """Statements as far as a badge looks at them."""
    run = SimpleNamespace(waivers=[object()] * waivers, valid_until="2027-11-26")
    contract = SimpleNamespace(annotations=SimpleNamespace(version="2026.1"))
    attester = SimpleNamespace(annotations=SimpleNamespace(challenge=None))
    return [SimpleNamespace(conformance_class=each, run=run, contract=contract, attester=attester) for each in classes]


def luminance(colour: str) -> float:
    """The relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("classes", [["oauth-core"], ["storage-conditional-write"], ["a-core", "b-core"]])
@pytest.mark.parametrize("waivers", [0, 2])
def test_the_badge_stands_alone_and_can_be_read(chrome: Page, tmp_path: Path, classes: list[str], waivers: int) -> None:
    path = tmp_path / "badge.svg"
    path.write_text(badge(found(classes, waivers)), encoding="utf-8")
    chrome.complaints.clear()
    chrome.open(path.as_uri())

    assert (chrome.requests, chrome.complaints) == ([path.as_uri()], [])
    for told, drawn in chrome.run(WIDTHS):
        assert 0.92 < told / drawn < 1.1, "letters are drawn apart or into one another"
    grounds = set(re.findall(r'fill="(#[0-9a-f]{6})"', path.read_text(encoding="utf-8")))
    assert len(grounds) == 2
    assert all(1.05 / (luminance(each) + 0.05) >= 4.5 for each in grounds), "white on it cannot be read"
