"""Temporary folders that belong to one process and are removed with it, or else when the next run begins.

A killed process removes nothing. So each process locks a file in its folder, which the system unlocks when the process
ends. A process that makes such a folder first removes those whose file is not locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ALIVE = "conformance.alive"
NAME = re.compile(r"conformance-[a-z]+-\w+")
YOUNG_S = 60.0
"""A younger folder is not removed: its file may not be locked yet."""


class Scratch:
    """A folder ``conformance-<kind>-…`` of this process, at ``path`` until it is removed."""

    def __init__(self, kind: str) -> None:
        remove_forsaken(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=f"conformance-{kind}-"))
        self._alive = (self.path / ALIVE).open("xb")
        # On a file system without locks other processes cannot lock the file either, and the folder stays.
        with contextlib.suppress(OSError):
            fcntl.flock(self._alive, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the folder with its content, as far as possible."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._alive.close()


@contextlib.contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """Make a temporary folder for the duration of the context."""
    scratch = Scratch(kind)
    try:
        yield scratch.path
    finally:
        scratch.remove()


def remove_forsaken(folder: Path) -> None:
    """Remove the temporary folders that killed processes of this user left, as far as possible."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if NAME.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_if_forsaken(Path(entry.path))


def _remove_if_forsaken(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or time.time() - status.st_mtime < YOUNG_S:
            return
        alive = os.open(ALIVE, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(alive)
    finally:
        os.close(folder)
