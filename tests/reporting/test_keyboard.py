"""Every page by keyboard alone: all that can be used is reached, is seen to be reached, and does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reporting.browser import Page
from tests.reporting.conftest import KINDS

pytestmark = pytest.mark.once

USABLE = "a[href], button, input, select, summary, [tabindex='0']"
MOST = 400
"""Presses of Tab after which a page must have been gone through."""
# A number for everything that can be used; what has none is no stop.
NUMBERED = f"""
(() => {{
  const usable = [...document.querySelectorAll({USABLE!r})].filter((each) => each.checkVisibility() && !each.disabled);
  usable.forEach((each, number) => {{ each.dataset.stop = number; }});
  return usable.map((each) => each.tagName.toLowerCase() + (each.id && "#" + each.id));
}})()"""
# Where the focus is: its number, whether it is on the screen, whether an outline of some width shows it.
STOP = """
(() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return {
    number: Number(at.dataset.stop ?? -1),
    seen: box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
})()"""
ROWS = "[...document.querySelectorAll('table.matrix tbody tr')].filter(each => each.checkVisibility()).length"
PAGES = [each for each in KINDS if each != "report"]


def reach(page: Page, selector: str) -> None:
    """Presses Tab until that has the focus."""
    for _ in range(MOST):
        if page.run(f"document.activeElement.matches({selector!r})"):
            return
        page.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_reached_and_seen_to_be(page: Page, pages: dict[str, str], kind: str, width: int) -> None:
    page.show(width)
    page.open(pages[kind])
    page.run("document.documentElement.style.scrollBehavior = 'auto'")  # where it ends, not on its way
    usable = page.run(NUMBERED)
    stops: list[dict[str, Any]] = []
    for _ in range(MOST):
        page.press("Tab")
        stop = page.run(STOP)
        if stops and stop["number"] in (-1, stops[0]["number"]):
            break
        stops.append(stop)

    assert [usable[number] for number in set(range(len(usable))) - {each["number"] for each in stops}] == []
    assert [(usable[each["number"]], each) for each in stops if not (each["seen"] and each["outlined"])] == []
    assert [each["number"] for each in stops] == sorted(each["number"] for each in stops), "another order than is read"
    assert page.requests == [pages[kind]]
    assert page.complaints == []


@pytest.mark.parametrize("kind", PAGES)
def test_the_way_past_the_top_leads_into_the_page(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    page.press("Enter")
    assert page.run("document.activeElement.id") == page.run("document.querySelector('.skip').hash.slice(1)")


@pytest.mark.parametrize("kind", PAGES)
def test_the_theme_is_switched(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    before = page.run("getComputedStyle(document.body).backgroundColor")
    reach(page, "#theme")
    page.press("Enter")
    after = page.run("getComputedStyle(document.body).backgroundColor")
    page.press(" ")
    back = page.run("getComputedStyle(document.body).backgroundColor")
    page.run("localStorage.clear()")
    assert before == back != after


@pytest.mark.parametrize("kind", PAGES)
def test_rows_are_filtered(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    every = page.run(ROWS)
    page.press("/")
    assert page.run("document.activeElement.id") == "text"
    for letter in "zzz":
        page.press(letter)
    assert page.run(ROWS) == 0
    page.press("Escape")
    assert page.run(ROWS) == every

    differing = page.run("document.querySelectorAll('table.matrix tbody tr.differs').length")
    reach(page, "#differing")
    page.press(" ")
    assert page.run(ROWS) == differing
    page.press(" ")
    assert page.run(ROWS) == every


@pytest.mark.parametrize("kind", ["compared", "compared-five"])
def test_changes_are_opened_and_closed(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    reach(page, ".kind > summary")
    page.press("Enter")
    assert not page.run("document.activeElement.parentElement.open")
    page.press(" ")
    assert page.run("document.activeElement.parentElement.open")


@pytest.mark.parametrize("kind", PAGES)
def test_what_is_wide_is_scrolled(page: Page, pages: dict[str, str], kind: str) -> None:
    page.show(375)
    page.open(pages[kind])
    reach(page, ".scrolled")
    assert page.run("document.activeElement.scrollWidth > document.activeElement.clientWidth")
    page.press("ArrowRight")
    page.run("new Promise(done => setTimeout(done, 300))")
    assert page.run("document.activeElement.scrollLeft") > 0


@pytest.mark.parametrize("kind", PAGES)
def test_a_link_is_followed(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    reach(page, ".matrix a")
    followed = page.run("document.activeElement.href")
    page.follow("Enter")
    assert page.requests == [pages[kind], followed.partition("#")[0]]
    assert Path(followed.removeprefix("file://").partition("#")[0]).is_file()


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
@pytest.mark.parametrize("kind", PAGES)
def test_no_width_needs_scrolling_sideways(page: Page, pages: dict[str, str], kind: str, width: int) -> None:
    page.show(width)
    page.open(pages[kind])
    page.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.run("document.documentElement.scrollWidth") <= width
