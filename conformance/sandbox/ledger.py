"""The ledger: what a worker creates, and how to undo it. Undoing never decides a verdict.

It is kept in memory, for clean-up at the end, and line by line in ``RUN/ledger/<worker>.ndjson``, for a run that is
killed: what the target does not list (an upload session, an untagged manifest, an omitted object) is known only here.
A line is written before the resource is created. The file goes when everything was removed; while the worker lives
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
from typing import Any, TextIO, TypeVar

T = TypeVar("T")
Left = tuple[str, str]
"""Something that stays on the target, and why."""
Remove = Callable[[], Iterable[Left] | None]
FOLDER = "ledger"


class StillRunning(Exception):
    """The run whose ledger this is has not ended."""


@dataclass(eq=False)
class Entry:
    """Something created.

    ``passes``: it is for one check, or one example of its, and goes with that; what is ``shared`` among checks does
    not, unless none of them may rely on it any more.
    """

    what: str
    remove: Remove
    passes: bool
    shared: bool


@dataclass
class Ledger:
    """Things created by one worker, with the call that removes each, newest first at clean-up.

    What passes goes when its check or its example ends, since a target may let one have so many things at a time and
    no more. ``path`` is the file that outlives the process; None for none.
    """

    path: Path | None = None
    _entries: list[Entry] = field(default_factory=list)
    _shared: int = 0
    _before_examples: int | None = None
    _file: TextIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def created(self, what: str, remove: Remove, passes: bool = False) -> None:
        """Notes something created and how it is removed: the call returns what stays, and may raise anything."""
        self._entries.append(Entry(what, remove, passes, self._shared > 0))

    def shared(self, make: Callable[[], T]) -> T:
        """What a call returns; what it makes is shared by the check that asks for it with others."""
        self._shared += 1
        try:
            return make()
        finally:
            self._shared -= 1

    def begin_check(self) -> None:
        """Begins a check: no example of its has begun."""
        self._before_examples = None

    def begin_example(self) -> None:
        """Removes what the example before has made, and nothing that its property had made before the first."""
        if self._before_examples is None:
            self._before_examples = len(self._entries)
        self._let_go([each for each in self._entries[self._before_examples :] if each.passes and not each.shared])

    def end_check(self, all_passes: bool = False) -> None:
        """Removes what passes, also what checks have shared where ``all_passes``."""
        self._let_go([each for each in self._entries if each.passes and (all_passes or not each.shared)])

    def _let_go(self, entries: list[Entry]) -> None:
        """Removes these, the newest first, as far as each can be; the one that cannot is tried once more at the end."""
        for entry in reversed(entries):
            entry.passes = False
            try:
                if list(entry.remove() or ()):
                    return
            except (Exception, AssertionError):
                return
            self._entries.remove(entry)

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
