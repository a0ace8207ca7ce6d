"""Folders in the temporary folder that are of one process and go with it, or else when the next run begins.

A process that is killed removes nothing. So a file in each folder is locked while the process lives, which the system
unlocks however that ends; and who makes such a folder first removes those that nobody holds any more.
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
"""How long a folder is left alone whose file is not locked: it may be in the making."""


class Scratch:
    """A folder ``conformance-<kind>-…`` of this process's own, at ``path`` until it is removed."""

    def __init__(self, kind: str) -> None:
        remove_forsaken(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=f"conformance-{kind}-"))
        self._alive = (self.path / ALIVE).open("xb")
        # Where a file system has no locks, nobody who looks whether it is locked can tell, and the folder stays.
        with contextlib.suppress(OSError):
            fcntl.flock(self._alive, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Removes the folder with all that is in it, as far as that can be."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._alive.close()


@contextlib.contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """Such a folder while the context lasts."""
    made = Scratch(kind)
    try:
        yield made.path
    finally:
        made.remove()


def remove_forsaken(folder: Path) -> None:
    """Removes what processes of this user have left in a folder when they were killed; what cannot go stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if NAME.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_if_forsaken(Path(entry.path))


def _remove_if_forsaken(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        seen = os.fstat(folder)
        if seen.st_uid != os.geteuid() or time.time() - seen.st_mtime < YOUNG_S:
            return
        alive = os.open(ALIVE, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(alive)
    finally:
        os.close(folder)
