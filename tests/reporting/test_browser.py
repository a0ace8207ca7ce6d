"""The HTML report in a real browser: it loads nothing, complains of nothing, and its controls work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from conformance.reporting import render_all
from conformance.runs.reading import Record
from tests.reporting import samples
from tests.reporting.browser import Page
from tests.reporting.conftest import address
from tests.reporting.test_promises import one_of_each

pytestmark = pytest.mark.once

SHOWN = "[...document.querySelectorAll('details.check')].filter(each => each.checkVisibility()).map(each => each.id)"
FOCUSED = "document.activeElement.closest('details.check')?.id ?? document.activeElement.id"


def type_text(page: Page, text: str) -> None:
    page.run(f"document.getElementById('text').value = {text!r}")
    page.run("document.getElementById('text').dispatchEvent(new Event('input', {bubbles: true}))")


def choose(page: Page, name: str, value: str) -> None:
    page.run(f"document.querySelector('[name={name}]').value = {value!r}")
    page.run(f"document.querySelector('[name={name}]').dispatchEvent(new Event('input', {{bubbles: true}}))")


def settle(page: Page, milliseconds: int = 100) -> None:
    page.run(f"new Promise(done => setTimeout(done, {milliseconds}))")


def test_it_loads_nothing_and_complains_of_nothing(page: Page, record: Record) -> None:
    page.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    settle(page, 200)

    assert page.requests == [address(record)]
    assert page.complaints == []


def test_text_of_the_target_runs_and_draws_nothing(page: Page) -> None:
    assert page.run("document.title").startswith("staging: conformance")
    assert page.run("document.querySelectorAll('img, iframe, object, main script').length") == 0
    assert page.run("[...document.links].every(each => /^(https?|file):/.test(each.protocol))")


def test_the_policy_stops_what_would_come_in(page: Page) -> None:
    page.run("new Promise(done => { const i = new Image(); i.onerror = done; i.src = 'http://127.0.0.1:9/x'; })")

    assert any("Content Security Policy" in complaint for complaint in page.complaints)


def test_the_verdict_comes_first_then_promises_then_classes(page: Page) -> None:
    assert page.run("document.querySelector('main').firstElementChild.id") == "verdict"
    assert page.run("document.querySelector('h1').textContent") == "Not conformant"
    sections = page.run("[...document.querySelectorAll('main > section')].map(each => each.id)")
    assert sections[:3] == ["verdict", "promises", "classes"]
    assert page.run("document.querySelector('.promise > summary').getBoundingClientRect().bottom") < 900


def test_every_filter_narrows_and_the_address_keeps_it(page: Page) -> None:
    assert len(page.run(SHOWN)) == 15

    page.run("document.querySelector('[name=verdict][value=fail]').click()")
    assert len(page.run(SHOWN)) == 6
    choose(page, "area", "storage")
    assert page.run(SHOWN) == ["storage/get/range-is-honoured", "storage/list/page-is-not-cut-short"]
    type_text(page, "206 partial")
    assert page.run(SHOWN) == ["storage/get/range-is-honoured"]
    assert page.run("document.getElementById('shown').textContent") == "1 of 15 checks"
    assert page.run("location.hash") == "#?text=206+partial&verdict=fail&area=storage"

    page.open(page.run("location.href"))
    assert page.run(SHOWN) == ["storage/get/range-is-honoured"]

    page.run("document.querySelector('[type=reset]').click()")
    assert len(page.run(SHOWN)) == 15
    assert page.run("location.hash") == ""


def test_a_level_and_a_class_can_be_chosen(page: Page, record: Record) -> None:
    page.open(address(record) + "#?level=SHOULD")
    assert page.run(SHOWN) == ["oauth/token/cache-control-is-no-store"]

    page.open(address(record) + "#?class=webhooks-core")
    assert page.run(SHOWN) == ["webhooks/post/accepted", "webhooks/post/hostile"]


def test_nothing_found_says_so_and_shows_all_again(page: Page) -> None:
    type_text(page, "no such thing anywhere")
    assert page.run("document.getElementById('nothing').checkVisibility()")

    page.run("document.querySelector('#nothing .clear').click()")
    assert len(page.run(SHOWN)) == 15


@pytest.mark.parametrize(
    "fragment", ["#oauth/token/wrong-secret-is-refused%23wrong", "#oauth/token/wrong-secret-is-refused#wrong"]
)
def test_a_link_leads_to_a_check(page: Page, record: Record, fragment: str) -> None:
    page.open(address(record) + fragment)
    settle(page)

    assert page.run(FOCUSED) == "oauth/token/wrong-secret-is-refused#wrong"
    assert page.run("document.activeElement.parentElement.open")
    bar = page.run("document.getElementById('filter').getBoundingClientRect().bottom")
    assert page.run("document.activeElement.getBoundingClientRect().top") >= bar - 1


def test_a_failure_leads_to_its_check(page: Page) -> None:
    page.run("document.querySelector('.cause .links a').click()")
    settle(page)

    assert page.run(FOCUSED) == "oauth/token/wrong-secret-is-refused#wrong"


def test_a_link_leads_to_a_promise_and_opens_it(page: Page, tmp_path: Path) -> None:
    record = one_of_each(tmp_path / "run")
    render_all(record, ["html"])
    page.open(address(record))
    assert page.run("document.querySelectorAll('#promises > details').length") == 5
    page.run("document.querySelector('#promises a[href=\"#S3-02\"]').click()")
    settle(page)

    assert page.run("document.getElementById('S3-02').open")


def test_the_keyboard_is_enough(page: Page) -> None:
    first, second, *_ = page.run(SHOWN)
    page.press("/")
    assert page.run(FOCUSED) == "text"
    page.press("Escape")
    page.press("j")
    assert page.run(FOCUSED) == first
    page.press("ArrowDown")
    page.press("j")
    page.press("k")
    assert page.run(FOCUSED) == second
    page.press("Enter")
    assert page.run("document.activeElement.parentElement.open")
    assert page.run("location.hash") == f"#{second}"
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_command_is_copied_as_it_is_seen(page: Page) -> None:
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    # A page that is not in front may not write to the clipboard, and under load another is.
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    page.run("document.querySelector('.cause .copy').click()")
    settle(page)

    assert page.run("document.querySelector('.cause .copy').textContent") == "Copied"


def test_light_and_dark_follow_the_system_and_the_switch(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.show(1280, dark=True)
    assert page.run(ground) != light

    page.run("document.getElementById('theme').click()")
    assert page.run(ground) == light
    page.run("localStorage.clear()")


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_no_width_needs_scrolling_sideways(page: Page, width: int) -> None:
    page.show(width)
    page.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")

    assert page.run("document.documentElement.scrollWidth") <= width


def test_without_script_everything_can_be_read(page: Page, record: Record) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(address(record))
        assert page.run("document.getElementById('filter').checkVisibility()") is False
        assert len(page.run(SHOWN)) == 15
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_large_run_stays_small_and_opens_fast(page: Page, tmp_path: Path) -> None:
    large = samples.many(tmp_path / "large")
    path = render_all(large, ["html"])["html"]
    assert path.stat().st_size < 6_000_000

    started = time.monotonic()
    page.open(path.as_uri())
    type_text(page, "promise-123")
    assert len(page.run(SHOWN)) == 1
    assert time.monotonic() - started < 10
