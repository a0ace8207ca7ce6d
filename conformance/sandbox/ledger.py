"""The ledger: what a worker creates, and how to remove it. Removal never decides a verdict.

The ledger is in memory for clean-up, and in ``RUN/ledger/<worker>.ndjson`` for runs that are killed: only it knows what
the target does not list (an upload session, an untagged manifest). A line is written before the resource is created.
A live worker locks its file, and deletes it when everything was removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

T = TypeVar("T")
Leftover = tuple[str, str]
"""A resource that stays on the target, and why."""
Remove = Callable[[], Iterable[Leftover] | None]
FOLDER = "ledger"
ABSENT = frozenset({404, 410})
"""Statuses of a resource that is not there, or no longer (RFC 9110 sections 15.5.5 and 15.5.11): nothing to remove."""


class StillRunning(Exception):
    """The run of a ledger has not ended."""


@dataclass(eq=False)
class Entry:
    """A created resource.

    A ``temporary`` one is removed at the end of its check or example, unless checks share it.
    """

    what: str
    remove: Remove
    temporary: bool
    shared: bool


@dataclass
class Ledger:
    """Resources created by one worker, with the call that removes each; clean-up removes the newest first.

    Temporary ones are removed early, since a target may limit their number. ``path`` is the ledger's file, if any.
    """

    path: Path | None = None
    _entries: list[Entry] = field(default_factory=list)
    _shared: int = 0
    _before_examples: int | None = None
    _file: TextIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def created(self, what: str, remove: Remove, temporary: bool = False) -> None:
        """Note a created resource and how to remove it: the call returns leftovers, and may raise anything."""
        self._entries.append(Entry(what, remove, temporary, self._shared > 0))

    def shared(self, make: Callable[[], T]) -> T:
        """Return the result of a call whose resources are shared among checks."""
        self._shared += 1
        try:
            return make()
        finally:
            self._shared -= 1

    def begin_check(self) -> None:
        """Begin a check, before any of its examples."""
        self._before_examples = None

    def begin_example(self) -> None:
        """Remove what the previous example created, but nothing from before the first example."""
        if self._before_examples is None:
            self._before_examples = len(self._entries)
        self._remove([each for each in self._entries[self._before_examples :] if each.temporary and not each.shared])

    def end_check(self, also_shared: bool = False) -> None:
        """Remove temporary resources, on request also those that checks share."""
        self._remove([each for each in self._entries if each.temporary and (also_shared or not each.shared)])

    def _remove(self, entries: list[Entry]) -> None:
        """Remove the newest first, up to the first failure; clean-up tries the remaining ones again."""
        for entry in reversed(entries):
            entry.temporary = False
            try:
                if list(entry.remove() or ()):
                    return
            except (Exception, AssertionError):
                return
            self._entries.remove(entry)

    def intends(self, kind: str, **details: str) -> None:
        """Write a line about a resource that is about to be created."""
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
        """Remove every noted resource; return the leftovers, each with its reason."""
        leftovers: list[Leftover] = []
        while self._entries:
            entry = self._entries.pop()
            try:
                leftovers += entry.remove() or ()
            except (Exception, AssertionError) as reason:
                leftovers.append((entry.what, str(reason)))
        self._close(clean=not leftovers)
        return [{"what": what, "reason": reason[:500]} for what, reason in leftovers]

    def _close(self, clean: bool) -> None:
        if self._file is not None and self.path is not None:
            self._file.close()
            self._file = None
            if clean:
                forget(self.path)


def forget(path: Path) -> None:
    """Delete a ledger's file, and the ledger folder with its last file."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def ledgers_of(run: Path) -> list[Path]:
    """Return the ledgers of an ended run; StillRunning if one of its workers is alive."""
    found = sorted((run / FOLDER).glob("*.ndjson"))
    for path in found:
        with path.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StillRunning(f"{run}: the run is still going on; sweep it when it has ended") from None
    return found


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a ledger, without a line that a kill truncated."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and all(isinstance(each, str) for each in entry.values()):
                yield entry
