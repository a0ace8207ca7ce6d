"""One rendered run with everything in it, and one browser, for all tests of the reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.reporting import render_all
from conformance.runs.record import Record
from tests.reporting import samples
from tests.reporting.browser import Page, browser


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A run with every verdict and hostile text, rendered in every format."""
    made = samples.every_verdict(tmp_path_factory.mktemp("run"))
    render_all(made)
    return made


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The browser, started once."""
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(chrome: Page, record: Record) -> Page:
    """The report of ``record``, opened anew from disk in a window of 1280 px, in light colours."""
    chrome.complaints.clear()
    chrome.show(1280)
    chrome.open(address(record))
    return chrome


def address(record: Record) -> str:
    """Where the report is on disk."""
    return (Path(record.folder) / "index.html").as_uri()
