"""Workers forked from one process that has collected the checks, in place of each importing and collecting them anew.

Before its first check a worker that xdist starts imports pytest, the suite's libraries and all checks, and collects
them: more than a second of a core each, and a far run has many. The nursery does that once, while the preflight is
under way, in a session of pytest that stops before the first check. There it forks one worker for each ``forked.py``
that xdist starts in its place, and the worker goes on with the session. The nursery ends with the run, or with the
process of the run.

The nursery is a fork itself, of a command that has imported what both need and not begun anything yet (``prepare``).
Where pytest has begun already it is a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin import forked
from conformance.plugin.options import RunOptions

NAME = "conformance-nursery"
WAITING = 128
"""How many workers may be asked for while the suites are still being read."""
ENDING_S = 10.0
"""How long workers that have done all their checks may take to end."""
BEGIN = "import sys; from conformance.plugin.nursery import main; sys.exit(main(int(sys.argv[1])))"
LONGEST = 1 << 20
"""Bytes of what a nursery is told at its beginning, at most."""


class Process:
    """A child of this process that ends when its lifeline is closed."""

    def __init__(self, pid: int, lifeline: socket.socket) -> None:
        self.pid, self.lifeline = pid, lifeline
        # Stays its own, whoever has waited for it and whatever else has that number since.
        self._descriptor = os.pidfd_open(pid)

    def ended(self, seconds: float) -> bool:
        """Whether it has ended within some seconds."""
        ended = bool(select.select([self._descriptor], [], [], seconds)[0])
        if ended:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        return ended

    def end(self) -> None:
        """Ends it when it has done what it is at, or after ``ENDING_S``."""
        self.lifeline.close()
        if not self.ended(ENDING_S):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            self.ended(ENDING_S)
        os.close(self._descriptor)


_prepared: list[Process] = []


def prepare() -> None:
    """Forks what will be the nursery of a run that begins in this process, if it asks for one before it ends."""
    # What both need is imported before. A fork of several threads has but one, and what the others held stays locked.
    import conformance.plugin.session  # noqa: F401

    if sys.platform != "linux" or threading.active_count() > 1:
        return
    sys.stdout.flush()
    ours, its = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            ours.close()
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 0)
            os.dup2(nowhere, 1)
            code = main(its.detach())
        finally:
            # What the process of the run has to do at its end is not for this one to do.
            os._exit(code)
    its.close()
    _prepared.append(Process(pid, ours))


def _spawned() -> Process:
    ours, its = socket.socketpair()
    with its:
        its.set_inheritable(True)
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
        words = [sys.executable, "-c", BEGIN, str(its.fileno())]
        return Process(os.posix_spawn(sys.executable, words, os.environ, file_actions=nowhere), ours)


class Nursery:
    """The process that forks the workers of a run; ``stop`` ends it, though not the workers."""

    def __init__(self, options: RunOptions, gentle: bool, areas: Sequence[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="conformance-workers-"))
        self.address = self.folder / "nursery"
        given = json.dumps([str(self.folder), options.plain(), gentle, areas]).encode() + b"\n"
        self.process = _prepared.pop() if _prepared else _spawned()
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
        shutil.rmtree(self.folder, ignore_errors=True)


def main(descriptor: int) -> int:
    """The nursery's own process, and then each worker's; returns the exit code. ``descriptor`` is its lifeline's."""
    from conformance.plugin.hatching import Brood
    from conformance.plugin.invocation import pytest_arguments
    from conformance.plugin.worker import configure_properties

    with socket.socket(fileno=descriptor) as lifeline:
        begun, listeners, _, _ = socket.recv_fds(lifeline, 1, 1)
        if not listeners:
            return 0
        folder, options, gentle, areas = json.loads(begun + lifeline.makefile("rb").readline(LONGEST))
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        configure_properties(RunOptions(**options), gentle)
        brood = Brood(socket.socket(fileno=listeners[0]), lifeline)
        # Nothing is captured, since a capture would be shared by all that are forked.
        words = [*pytest_arguments(*areas), "-p", "xdist.plugin", "-n", "0", "--capture=no", "-qq"]
        pytest.main(words, plugins=[brood])
        if not brood.close():
            # Also where the run was killed, and nobody else would.
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def serve(listener: socket.socket, lifeline: socket.socket) -> tuple[socket.socket, list[int]] | None:
    """Forks a worker for each that asks; returns in each of them who asked and its streams, here None at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while lifeline not in select.select([listener, lifeline], [], [])[0]:
        asking, _ = listener.accept()
        streams = _streams(asking)
        if streams and os.fork() == 0:
            listener.close()
            lifeline.close()
            signal.signal(signal.SIGINT, signal.default_int_handler)
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
