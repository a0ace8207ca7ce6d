"""Reports of a run. They read only its record, so they can be written again at any time without the target.

``render_all(record)`` writes every format into the run's folder and returns the paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from conformance.runs.reading import Record
from conformance.runs.record import RecordError

# format: (module, file or folder). Modules are imported on demand, since Allure's library is slow to import.
FORMATS = {
    "html": ("html", "index.html"),
    "junit": ("junit", "junit.xml"),
    "ctrf": ("ctrf", "ctrf-report.json"),
    "markdown": ("markdown", "summary.md"),
    "allure": ("allure_results", "allure-results"),
    "scripts": ("reproduce", "reproduce"),
}


def render_all(record: Record, formats: Iterable[str] | None = None) -> dict[str, Path]:
    """Write the formats (default: all of ``FORMATS``) into the run's folder; return the paths by format.

    A format without content (scripts, if nothing fails) is left out. KeyError for an unknown format; OSError if the
    folder cannot be written.
    """
    chosen = FORMATS if formats is None else dict.fromkeys(formats)
    paths = {name: _write(record, *FORMATS[name]) for name in chosen}
    return {name: path for name, path in paths.items() if path.exists()}


def render_each(record: Record, formats: Iterable[str]) -> tuple[dict[str, Path], list[str]]:
    """Write the formats independently; the second result has a sentence for each that could not be written."""
    paths: dict[str, Path] = {}
    failures = []
    for name in formats:
        try:
            paths |= render_all(record, [name])
        except (RecordError, OSError) as mistake:
            failures.append(_sentence(record, name, getattr(mistake, "strerror", None) or mistake))
        except Exception as mistake:
            failures.append(_sentence(record, name, f"error in the suite: {type(mistake).__name__}: {mistake}"))
    return paths, failures


def _sentence(record: Record, name: str, why: object) -> str:
    return f"{record.folder}: {name} could not be written ({why})"


def _write(record: Record, module: str, name: str) -> Path:
    path = record.folder / name
    format_module = import_module(f"conformance.reporting.{module}")
    if hasattr(format_module, "write"):
        format_module.write(record, path)
        return path
    render: Callable[[Record], str] = format_module.render
    # Every format makes invalid text visible; "replace" is for cases that a format overlooks.
    path.write_bytes(render(record).encode("utf-8", "replace"))
    return path
