"""Exclusion of long-lived objects from Python's garbage collection.

Collecting the checks makes a hundred thousand objects that live until the end. Scanning them repeatedly would cost a
quarter of a second of each process.
"""

from __future__ import annotations

import gc

import pytest

# Allocations between two collections of young objects: the default of 700 suits programs with few objects.
THRESHOLD = 20_000


class Garbage:
    """A pytest plugin that freezes existing objects after collection, and at the end."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Freeze the checks and everything imported."""
        gc.freeze()
        gc.set_threshold(THRESHOLD, *gc.get_threshold()[1:])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Freeze the rest before the process ends."""
        gc.freeze()
