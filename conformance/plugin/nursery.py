"""Workers forked from one process that has collected the checks, in place of each importing and collecting them anew.

Before its first check a worker that xdist starts imports pytest, the suite's libraries and all checks, and collects
them: more than a second of a core each, and a far run has many. The nursery does that once, while the preflight is
under way, in a session of pytest that stops before the first check. There it forks one worker for each ``forked.py``
that xdist starts in its place, and the worker goes on with the session. The nursery ends with the run, or with the
process of the run.

The nursery is a fork itself, of a command that has not begun anything yet (``processes.prepare``), and collects while
that finds out what it is asked. Where pytest has begun already it is a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin import forked
from conformance.plugin.options import RunOptions
from conformance.runs import processes
from conformance.sandbox.temporary_folder import Scratch

NAME = "conformance-nursery"
WAITING = 128
"""How many workers may be asked for while the suites are still being read."""
LONGEST = 1 << 20
"""Bytes of what a nursery is told at its beginning, at most."""


class Nursery:
    """The process that forks the workers of a run; ``stop`` ends it, though not the workers."""

    def __init__(self, options: RunOptions, gentle: bool, areas: Sequence[str]) -> None:
        self._scratch = Scratch("workers")
        self.folder = self._scratch.path
        self.address = self.folder / "nursery"
        given = json.dumps([str(self.folder), options.plain(), gentle]).encode() + b"\n"
        self.process = processes.prepared(__name__) or processes.started(__name__, *areas)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(self.address))
                listener.listen(WAITING)
                socket.send_fds(self.process.lifeline, [given[:1]], [listener.fileno()])
                self.process.lifeline.sendall(given[1:])
        except OSError:
            self.stop()
            raise

    def take(self, specs: Iterable[Any]) -> None:
        """Lets the nursery fork the workers that xdist would start here as processes of the same interpreter."""
        command = [sys.executable, "-I", "-S", str(Path(forked.__file__).resolve()), str(self.address)]
        for spec in specs:
            if spec.popen and not (spec.python or spec.via):
                spec.python = shlex.join(command)

    def stop(self) -> None:
        """Ends it when its workers have ended; it removes its folder, unless it ended before its time."""
        self.process.end()
        self._scratch.remove()


def main(descriptor: int, *areas: str) -> int:
    """The nursery's own process, and then each worker's; returns the exit code. ``descriptor`` is its lifeline's."""
    from conformance.plugin.hatching import Brood
    from conformance.plugin.invocation import keep_others_out, pytest_arguments

    with socket.socket(fileno=descriptor) as lifeline:
        keep_others_out()
        brood = Brood(lifeline)
        # Nothing is captured, since a capture would be shared by all that are forked, and nothing shown.
        words = [*pytest_arguments(*areas), "-p", "xdist.plugin", "-p", "no:terminal", "-n", "0", "--capture=no"]
        pytest.main(words, plugins=[brood])
        brood.close()
    return 0


@dataclass
class Asked:
    """What the run asks of its nursery: to fork the workers who ask at ``listener``, for a run of these options."""

    folder: str
    options: RunOptions
    gentle: bool
    listener: socket.socket


def asked_by(lifeline: socket.socket) -> Asked | None:
    """What the run asks, as soon as it does; None where it has ended without."""
    begun, listeners, _, _ = socket.recv_fds(lifeline, 1, 1)
    if not listeners:
        return None
    folder, options, gentle = json.loads(begun + lifeline.makefile("rb").readline(LONGEST))
    return Asked(folder, RunOptions(**options), gentle, socket.socket(fileno=listeners[0]))


def serve(listener: socket.socket, lifeline: socket.socket) -> tuple[socket.socket, list[int]] | None:
    """Forks a worker for each that asks; returns in each of them who asked and its streams, here None at the end."""
    processes.leave_interrupts()
    while lifeline not in select.select([listener, lifeline], [], [])[0]:
        asking, _ = listener.accept()
        streams = _streams(asking)
        if streams and os.fork() == 0:
            listener.close()
            lifeline.close()
            processes.heed(*processes.INTERRUPTS)
            asking.send(b"1")
            return asking, streams
        asking.close()
        for each in streams:
            os.close(each)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return None


def _streams(asking: socket.socket) -> list[int]:
    """Input, output and error output of who asks; none where it has gone meanwhile."""
    with contextlib.suppress(OSError):
        return socket.recv_fds(asking, 1, 3)[1]
    return []
