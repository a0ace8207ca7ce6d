"""The HTML pages in a real browser: they load nothing, their controls work by keyboard, axe-core finds nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.reporting.statement import badge
from conformance.runs.reading import Record
from tests.reporting.browser import Page
from tests.reporting.conftest import KINDS, TABLES, address
from tests.reporting.node import module

pytestmark = pytest.mark.once

SHOWN = "[...document.querySelectorAll('details.check')].filter(each => each.checkVisibility()).map(each => each.id)"
FOCUSED = "document.activeElement.closest('details.check')?.id ?? document.activeElement.id"
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
GROUND = "getComputedStyle(document.body).backgroundColor"
ROWS = "[...document.querySelectorAll('table.matrix tbody tr')].filter(each => each.checkVisibility()).length"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST = 400
"""Presses of Tab after which the focus must have left a page."""
# Numbers every usable element: one without a number is not focused.
NUMBERED = """
(() => {
  const usable = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility() && !each.disabled);
  usable.forEach((each, number) => { each.dataset.stop = number; });
  return usable.map((each) => each.tagName.toLowerCase() + (each.id && "#" + each.id));
})()"""
# The focused element: its number, whether it is on the screen, whether a wide enough outline shows it.
STOP = """
(() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return {
    number: Number(at.dataset.stop ?? -1),
    seen: box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
})()"""

# The width of each text of a badge as it is reserved, and as it is drawn.
WIDTHS = """
[...document.querySelectorAll("text")].map((each) => {
  const reserved = each.textLength.baseVal.value;
  each.removeAttribute("textLength");
  return [reserved, each.getComputedTextLength()];
})"""


def enter(page: Page, selector: str, value: str) -> None:
    """Put a value into a control of the filter."""
    page.run(f"document.querySelector({selector!r}).value = {value!r}")
    page.run(f"document.querySelector({selector!r}).dispatchEvent(new Event('input', {{bubbles: true}}))")


def settle(page: Page, milliseconds: int = 100) -> None:
    page.run(f"new Promise(done => setTimeout(done, {milliseconds}))")


def reach(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(MOST):
        if page.run(f"document.activeElement.matches({selector!r})"):
            return
        page.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def violations(page: Page) -> list[str]:
    """Return the violations that axe-core finds, as ``rule: element``."""
    page.run((module("axe-core") / "axe.min.js").read_text(encoding="utf-8") + "; undefined")
    found: list[dict[str, Any]] = page.run(f"axe.run({{runOnly: {RULES}}}).then(each => each.violations)")
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 375)], ids=["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_violation(page: Page, pages: dict[str, str], kind: str, dark: bool, width: int) -> None:
    page.show(width, dark=dark)
    page.open(pages[kind])
    if dark:
        page.run(OPEN_ALL)
    assert violations(page) == []


def test_axe_finds_bad_contrast_and_a_missing_label(page: Page) -> None:
    page.run(f"document.querySelector('h1').style.color = {GROUND}")
    page.run("document.querySelector('main').insertAdjacentHTML('beforeend', '<input type=text>')")
    assert {each.partition(":")[0] for each in violations(page)} >= {"color-contrast", "label"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_loads_nothing_and_fits_every_width(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    page.run(OPEN_ALL)
    for width in (320, 768, 1280):
        page.show(width)
        assert page.run("document.documentElement.scrollWidth") <= width, width
    settle(page, 200)
    assert (page.requests, page.complaints) == ([pages[kind]], [])


@pytest.mark.parametrize("kind", KINDS)
def test_tab_reaches_every_control_in_order_and_shows_it(page: Page, pages: dict[str, str], kind: str) -> None:
    page.show(375)
    page.open(pages[kind])
    page.run("document.documentElement.style.scrollBehavior = 'auto'")
    usable = page.run(NUMBERED)
    stops: list[dict[str, Any]] = []
    for _ in range(MOST):
        page.press("Tab")
        stop = page.run(STOP)
        if stops and stop["number"] in (-1, stops[0]["number"]):
            break
        stops.append(stop)

    assert [each["number"] for each in stops] == list(range(len(usable))), "a control is left out, or the order differs"
    assert [(usable[each["number"]], each) for each in stops if not (each["seen"] and each["outlined"])] == []


@pytest.mark.parametrize("kind", TABLES)
def test_the_controls_of_a_table_work_by_keyboard(page: Page, pages: dict[str, str], kind: str) -> None:
    page.show(375)
    page.open(pages[kind])
    page.press("Tab")
    page.press("Enter")
    assert page.run("document.activeElement.id") == page.run("document.querySelector('.skip').hash.slice(1)")

    every = page.run(ROWS)
    page.press("/")
    for letter in "zzz":
        page.press(letter)
    assert page.run(ROWS) == 0
    page.press("Escape")
    assert page.run(ROWS) == every
    reach(page, "#differing")
    page.press(" ")
    assert page.run(ROWS) == page.run("document.querySelectorAll('table.matrix tbody tr.differs').length")
    page.press(" ")

    reach(page, ".scrolled")
    page.press("ArrowRight")
    settle(page, 300)
    # On a narrow screen the rows of the history are blocks, so that their marks need no scrolling.
    assert (page.run("document.activeElement.scrollLeft") > 0) == (kind != "history")
    reach(page, ".matrix a")
    followed = page.run("document.activeElement.href").partition("#")[0]
    page.follow("Enter")
    assert page.requests == [pages[kind], followed]
    assert Path(followed.removeprefix("file://")).is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_the_theme_follows_the_system_and_its_switch(page: Page, pages: dict[str, str], kind: str) -> None:
    page.open(pages[kind])
    light = page.run(GROUND)
    page.show(1280, dark=True)
    assert page.run(GROUND) != light
    reach(page, "#theme")
    page.press("Enter")
    switched = page.run(GROUND)
    page.run("localStorage.clear()")
    assert switched == light


def test_text_of_the_target_runs_and_draws_nothing(page: Page) -> None:
    assert page.run("document.title").startswith("staging: conformance")
    assert page.run("document.querySelectorAll('img, iframe, object, main script').length") == 0
    assert page.run("[...document.links].every(each => /^(https?|file):/.test(each.protocol))")
    page.run("new Promise(done => { const i = new Image(); i.onerror = done; i.src = 'http://127.0.0.1:9/x'; })")
    assert any("Content Security Policy" in complaint for complaint in page.complaints)


def test_filters_narrow_the_checks_and_the_address_keeps_them(page: Page) -> None:
    assert len(page.run(SHOWN)) == 15
    page.run("document.querySelector('[name=verdict][value=fail]').click()")
    assert len(page.run(SHOWN)) == 6
    enter(page, "[name=area]", "storage")
    assert page.run(SHOWN) == ["storage/get/range-is-honoured", "storage/list/page-is-not-cut-short"]
    enter(page, "#text", "206 partial")
    assert page.run(SHOWN) == ["storage/get/range-is-honoured"]
    assert page.run("document.getElementById('shown').textContent") == "1 of 15 checks"
    assert page.run("location.hash") == "#?text=206+partial&verdict=fail&area=storage"

    page.open(page.run("location.href"))
    assert page.run(SHOWN) == ["storage/get/range-is-honoured"]
    enter(page, "#text", "no such thing anywhere")
    assert page.run("document.getElementById('nothing').checkVisibility()")
    page.run("document.querySelector('#nothing .clear').click()")
    assert (len(page.run(SHOWN)), page.run("location.hash")) == (15, "")


def test_a_link_opens_its_check_or_promise(page: Page, pages: dict[str, str], record: Record) -> None:
    check = "oauth/token/wrong-secret-is-refused#wrong"
    page.run("document.querySelector('.cause .links a').click()")
    settle(page)
    assert page.run(FOCUSED) == check
    for fragment in (check, check.replace("#", "%23")):
        page.open(f"{address(record)}#{fragment}")
        settle(page)
        assert page.run(FOCUSED) == check
        assert page.run("document.activeElement.parentElement.open")
        bar = page.run("document.getElementById('filter').getBoundingClientRect().bottom")
        assert page.run("document.activeElement.getBoundingClientRect().top") >= bar - 1

    page.open(pages["promises"])
    page.run("document.querySelector('#promises a[href=\"#S3-02\"]').click()")
    settle(page)
    assert page.run("document.getElementById('S3-02').open")


def test_keys_move_between_checks_and_open_them(page: Page) -> None:
    first, second, *_ = page.run(SHOWN)
    page.press("/")
    assert page.run(FOCUSED) == "text"
    page.press("Escape")
    page.press("j")
    assert page.run(FOCUSED) == first
    for key in ("ArrowDown", "j", "k"):
        page.press(key)
    assert page.run(FOCUSED) == second
    page.press("Enter")
    assert page.run("document.activeElement.parentElement.open")
    assert page.run("location.hash") == f"#{second}"


def test_a_command_is_copied(page: Page) -> None:
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    # A page that is not in front may not write to the clipboard, and under load another is.
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    page.run("document.querySelector('.cause .copy').click()")
    settle(page)
    assert page.run("document.querySelector('.cause .copy').textContent") == "Copied"


def test_everything_can_be_read_without_script(page: Page, record: Record) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(address(record))
        assert page.run("document.getElementById('filter').checkVisibility()") is False
        assert len(page.run(SHOWN)) == 15
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize(("classes", "waivers"), [(["oauth-core"], 0), (["a-core", "b-core"], 2)])
def test_a_badge_loads_nothing_and_its_words_fit(page: Page, tmp_path: Path, classes: list[str], waivers: int) -> None:
    run = SimpleNamespace(waivers=[object()] * waivers, valid_until="2027-11-26")
    contract = SimpleNamespace(annotations=SimpleNamespace(version="2026.1"))
    attester = SimpleNamespace(annotations=SimpleNamespace(challenge=None))
    stated: list[Any] = [
        SimpleNamespace(conformance_class=each, run=run, contract=contract, attester=attester) for each in classes
    ]
    path = tmp_path / "badge.svg"
    path.write_text(badge(stated), encoding="utf-8")
    page.open(path.as_uri())
    assert (page.requests, page.complaints) == ([path.as_uri()], [])
    for reserved, drawn in page.run(WIDTHS):
        assert 0.92 < reserved / drawn < 1.1, "letters are drawn apart or into one another"
