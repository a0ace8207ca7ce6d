"""Packages from Node that the tests use (``npm ci --prefix tests/node``)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MODULES = Path(__file__).parents[1] / "node" / "node_modules"


def module(name: str) -> Path:
    """The folder of a package. Without it the test is skipped at a desk and fails in CI."""
    folder = MODULES / name
    if folder.is_dir():
        return folder
    told = f"{name} is not installed: npm ci --prefix tests/node"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)
