"""``docs/adding-a-check.md`` does what it says: what it writes and runs, in order, in a copy of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.clone import copy_tracked
from tests.docs.pages import follow, programs

pytestmark = pytest.mark.once


def test_every_step_of_the_page_works(tmp_path: Path) -> None:
    copy = tmp_path / "repository"
    copy_tracked(copy, "conformance", "suites", "tests", "pyproject.toml")
    path = programs(tmp_path / "bin")
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    follow("adding-a-check.md", copy, path)
