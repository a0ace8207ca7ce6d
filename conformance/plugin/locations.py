"""The folder of the checks: next to the package in a checkout, inside it once installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
INSTALLED = (PACKAGE / "suites").is_dir()
"""Whether this is an installation, not a checkout."""


def suites_folder() -> Path:
    """Return the folder of the suites."""
    return (PACKAGE if INSTALLED else PACKAGE.parent) / "suites"
