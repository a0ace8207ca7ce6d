"""The ledger: what a worker creates, and how to undo it. Undoing never decides a verdict.

It is kept in memory, for clean-up at the end, and line by line in ``RUN/ledger/<worker>.ndjson``, for a run that is
killed: what cannot be listed on the target (an upload session, a manifest without a tag) is known from nowhere else.
A line is written before what it tells of is made. The file goes when everything was removed; while the worker lives
it is locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

Left = tuple[str, str]
"""Something that stays on the target, and why."""
Remove = Callable[[], Iterable[Left] | None]
FOLDER = "ledger"


class StillRunning(Exception):
    """The run whose ledger this is has not ended."""


@dataclass
class Ledger:
    """Things created by one worker, with the call that removes each, newest first at clean-up.

    ``path`` is the file that outlives the process; None for none.
    """

    path: Path | None = None
    _entries: list[tuple[str, Remove]] = field(default_factory=list)
    _file: TextIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def created(self, what: str, remove: Remove) -> None:
        """Notes something created and how it is removed: the call tells what stays, and may raise anything."""
        self._entries.append((what, remove))

    def intends(self, kind: str, **details: str) -> None:
        """Writes down what is about to be made."""
        if self.path is None:
            return
        with self._lock:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a", encoding="utf-8")
                fcntl.flock(self._file, fcntl.LOCK_EX)
            self._file.write(json.dumps({"kind": kind, **details}) + "\n")
            self._file.flush()

    def clean_up(self) -> list[dict[str, str]]:
        """Removes everything noted and returns what could not be removed, with the reason."""
        leftovers: list[Left] = []
        while self._entries:
            what, remove = self._entries.pop()
            try:
                leftovers += remove() or ()
            except (Exception, AssertionError) as reason:
                leftovers.append((what, str(reason)))
        self._close(clean=not leftovers)
        return [{"what": what, "reason": reason[:500]} for what, reason in leftovers]

    def _close(self, clean: bool) -> None:
        if self._file is not None and self.path is not None:
            self._file.close()
            self._file = None
            if clean:
                forget(self.path)


def forget(path: Path) -> None:
    """Removes a ledger's file, and the folder of ledgers with the last of them."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def ledgers_of(run: Path) -> list[Path]:
    """The ledgers that a run has left; StillRunning where one of its workers is alive."""
    found = sorted((run / FOLDER).glob("*.ndjson"))
    for path in found:
        with path.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StillRunning(f"{run}: the run is still going on; sweep it when it has ended") from None
    return found


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a ledger; one that a kill has cut short is left out."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and all(isinstance(each, str) for each in entry.values()):
                yield entry
