"""Reports of a run. They read its record only, so they can be made again at any time; they never contact the target.

``render_all(record)`` writes every format into the run's folder and says where each one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from conformance.runs.reading import Record
from conformance.runs.record import RecordError

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


def render_each(record: Record, formats: Iterable[str]) -> tuple[dict[str, Path], list[str]]:
    """The same; a report that cannot be written costs no other, and the second result has a sentence for each."""
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
    # What is not text is made visible by every format; "replace" is for what none thought of.
    path.write_bytes(render(record).encode("utf-8", "replace"))
    return path
