"""Reports of a run. They read its record and nothing else, so that they can be made again at any time.

``render_all(record)`` writes every format into the run's folder and says where each one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from conformance.runs import reading
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult

# format: (module, file or folder); modules are imported when asked for, since Allure's library is slow to load.
FORMATS = {
    "html": ("html", "index.html"),
    "junit": ("junit", "junit.xml"),
    "ctrf": ("ctrf", "ctrf-report.json"),
    "markdown": ("markdown", "summary.md"),
    "allure": ("allure_results", "allure-results"),
    "scripts": ("reproduce", "reproduce"),
}


def render_all(record: Record, formats: Iterable[str] | None = None) -> dict[str, Path]:
    """Writes the formats (all of ``FORMATS`` where none is named) into the run's folder; the paths by format.

    A format that has nothing to say of this run (scripts, where nothing fails) is left out.

    KeyError for a format that is not known; OSError where the folder cannot be written.
    """
    chosen = FORMATS if formats is None else dict.fromkeys(formats)
    paths = {name: _write(record, *FORMATS[name]) for name in chosen}
    return {name: path for name, path in paths.items() if path.exists()}


def get_ready(formats: Iterable[str]) -> None:
    """Does before there is a record what takes time: imports, and templates. What fails, rendering will tell."""
    reading.get_ready()
    for name in formats:
        with suppress(ImportError):
            module = import_module(f"conformance.reporting.{FORMATS[name][0]}")
            getattr(module, "get_ready", lambda: None)()


def make_ahead(record: Record, results: Iterable[CheckResult], formats: Iterable[str]) -> None:
    """Makes what can be made of checks while the run goes on, so that its reports are there soon after it.

    What needs evidence that is not there, or waits for the end, is made then.
    """
    evidence = record.evidence()
    there = [each for each in results if all(entry_id in evidence for entry_id in each.exchanges)]
    for name in formats:
        module = import_module(f"conformance.reporting.{FORMATS[name][0]}")
        if hasattr(module, "make_ahead"):
            for result in there:
                record.ahead.setdefault(result.id, {})[name] = module.make_ahead(record, result)


def _write(record: Record, module: str, name: str) -> Path:
    path = record.folder / name
    format_module = import_module(f"conformance.reporting.{module}")
    if hasattr(format_module, "write"):
        format_module.write(record, path)
        return path
    render: Callable[[Record], str] = format_module.render
    # What is not text is made visible by every format; "replace" is for what none thought of.
    path.write_bytes(render(record).encode("utf-8", "replace"))
    return path
