"""``docs/adding-a-check.md`` does what it says: what it writes and runs, in order, in a copy of the repository."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, follow, programs

pytestmark = pytest.mark.once


def test_every_step_of_the_page_works(tmp_path: Path) -> None:
    copy = tmp_path / "repository"
    for name in ("conformance", "suites", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(DOCS.parent / name, copy / name, ignore=ignored)
    shutil.copy(DOCS.parent / "pyproject.toml", copy)
    path = programs(tmp_path / "bin")
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    follow("adding-a-check.md", copy, path)
