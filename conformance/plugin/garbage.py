"""Keeps Python's collector of garbage from walking through what lives as long as the process.

Collecting makes a hundred thousand objects, none of which ever goes away; without this they are looked at again and
again, and five times over when pytest ends: a quarter of a second of each process.
"""

from __future__ import annotations

import gc

import pytest

# Young objects looked at once in so many made: the default of 700 is for programs that keep little.
EVERY = 20_000


class Garbage:
    """Sets what is there aside, once the checks are collected and once they are done."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Sets the checks and all that was imported aside."""
        gc.freeze()
        gc.set_threshold(EVERY, *gc.get_threshold()[1:])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Sets the rest aside, which goes with the process."""
        gc.freeze()
