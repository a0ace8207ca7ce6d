"""One rendered run with everything in it, and one browser, for all tests of the reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.commands import main
from conformance.reporting import render_all
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.browser import Page, browser
from tests.reporting.test_promises import one_of_each

TABLES = ("compared", "compared-five", "history", "index")
KINDS = ("report", "promises", *TABLES)


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


@pytest.fixture(scope="session")
def pages(record: Record, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The address of each kind of page: two reports, two and five runs compared, their history, their index.

    The last two runs began in one second; between others verdicts changed, and changed back.
    """
    folder = tmp_path_factory.mktemp("pages")
    begun = [f"2026-03-0{day}T02:00:00Z" for day in (1, 2, 3, 4, 4)]
    runs = [samples.every_verdict(folder / f"night-{number}", started=each) for number, each in enumerate(begun)]
    for run, before, now in ((runs[2], Verdict.FAIL, Verdict.PASS), (runs[4], Verdict.INCONCLUSIVE, Verdict.FAIL)):
        lines = run.folder / "results.ndjson"
        lines.write_text(lines.read_text(encoding="utf-8").replace(f'"{before}"', f'"{now}"'), encoding="utf-8")
    for run in runs:
        render_all(run, ["html"])
    for name, those in (("compared", runs[1:3]), ("compared-five", runs)):
        main(["compare", *(str(each.folder) for each in those), "--html", str(folder / f"{name}.html")])
    main(["report", "--index", str(folder)])
    promises = one_of_each(tmp_path_factory.mktemp("promises") / "run")
    render_all(promises, ["html"])
    tables = {kind: (folder / f"{kind}.html").as_uri() for kind in TABLES}
    return {"report": address(record), "promises": address(promises), **tables}
