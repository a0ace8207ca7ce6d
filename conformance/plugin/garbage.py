"""Memory of a process: what the garbage collector scans, and what the allocator retains.

Collecting the checks makes a hundred thousand objects that live until the end. Scanning them repeatedly would cost a
quarter of a second of each process. glibc retains freed memory for each thread: with the bodies of a run, a hundred
megabytes of each process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc

import pytest

# Allocations between two collections of young objects: the default of 700 suits programs with few objects.
THRESHOLD = 20_000


# Parameters of glibc's mallopt, and their values here: one arena for all threads, large blocks returned when freed.
ARENAS, LARGE_BLOCK = (-8, 1), (-3, 256 * 1024)


class Garbage:
    """A pytest plugin that freezes existing objects after collection, and at the end."""

    def __init__(self) -> None:
        # Other C libraries have no such function.
        with contextlib.suppress(AttributeError, OSError):
            allocator = ctypes.CDLL(None)
            for parameter, value in (ARENAS, LARGE_BLOCK):
                allocator.mallopt(parameter, value)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Freeze the checks and everything imported."""
        gc.freeze()
        gc.set_threshold(THRESHOLD, *gc.get_threshold()[1:])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Freeze the rest before the process ends."""
        gc.freeze()
