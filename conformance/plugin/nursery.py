"""Workers forked from one process that has read the suites, in place of each reading them anew.

A worker that xdist starts imports pytest, the suite's libraries and every check: more than a second of a core each, and
a far run has many. The nursery does that once, while the preflight is under way, and then forks one worker for each
``forked.py`` that xdist starts in its place. It ends with the run, or with the process of the run.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, cast

from conformance.plugin import forked
from conformance.plugin.options import RunOptions

WAITING = 128
"""How many workers may be asked for while the suites are still being read."""
ENDING_S = 10.0
"""How long workers that have done all their checks may take to end."""


class Nursery:
    """The process that forks the workers of a run; ``stop`` ends it, though not the workers."""

    def __init__(self, options: RunOptions, gentle: bool, areas: Sequence[str]) -> None:
        given = json.dumps([options.plain(), gentle, areas])
        self.folder = Path(tempfile.mkdtemp(prefix="conformance-workers-"))
        self.address = self.folder / "nursery"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.address))
            listener.listen(WAITING)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "conformance.plugin.nursery", str(listener.fileno()), given],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
            )
        self._lifeline = cast(IO[bytes], self.process.stdin)

    def take(self, specs: Iterable[Any]) -> None:
        """Lets the nursery fork the workers that xdist would start here as processes of the same interpreter."""
        command = [sys.executable, "-I", "-S", str(Path(forked.__file__).resolve()), str(self.address)]
        for spec in specs:
            if spec.popen and not (spec.python or spec.via):
                spec.python = shlex.join(command)

    def stop(self) -> None:
        """Ends it when its workers have ended, and removes its folder."""
        self._lifeline.close()
        try:
            self.process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def serve(listener: socket.socket) -> None:
    """Forks a worker for each that asks; returns at the end of each of them, and here with the last of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        asking, _ = listener.accept()
        with asking:
            streams = _streams(asking)
            if streams and os.fork() == 0:
                listener.close()
                return _become_worker(asking, streams)
            for each in streams:
                os.close(each)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _streams(asking: socket.socket) -> list[int]:
    """Input, output and error output of who asks; none where it has gone meanwhile."""
    with contextlib.suppress(OSError):
        return socket.recv_fds(asking, 1, 3)[1]
    return []


def _become_worker(asking: socket.socket, streams: Iterable[int]) -> None:
    """Does what an interpreter does that xdist has started: reads from its input what it has to do."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    asking.send(b"1")
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})  # noqa: S102, S307 - of the process that started us


def read_suites(options: RunOptions, gentle: bool, areas: Sequence[str]) -> None:
    """Imports what workers need; where the suites cannot be read, the workers will say why."""
    importlib.import_module("xdist.remote")
    from conformance.plugin.collection import CollectionError, collect
    from conformance.plugin.worker import configure_properties

    configure_properties(options, gentle)
    with contextlib.suppress(CollectionError):
        collect(*areas)
    # What is shared with the workers stays shared only as long as nobody writes to it.
    gc.freeze()


def main(descriptor: str, given: str) -> None:
    """The nursery's own process, and then each worker's."""
    options, gentle, areas = json.loads(given)
    read_suites(RunOptions(**options), gentle, areas)
    serve(socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main(*sys.argv[1:])
