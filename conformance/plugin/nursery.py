"""Workers forked from one process that has collected the checks, in place of each importing and collecting them anew.

Before its first check a worker that xdist starts imports pytest, the suite's libraries and all checks, and collects
them: more than a second of a core each, and a far run has many. The nursery does that once, while the preflight is
under way, in a session of pytest that stops before the first check. There it forks one worker for each ``forked.py``
that xdist starts in its place, and the worker goes on with the session. The nursery ends with the run, or with the
process of the run.
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
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, cast

import pytest

from conformance.plugin import forked
from conformance.plugin.options import RunOptions

NAME = "conformance-nursery"
WAITING = 128
"""How many workers may be asked for while the suites are still being read."""
ENDING_S = 10.0
"""How long workers that have done all their checks may take to end."""
BEGIN = "import sys; from conformance.plugin.nursery import main; sys.exit(main(*sys.argv[1:]))"


class Nursery:
    """The process that forks the workers of a run; ``stop`` ends it, though not the workers."""

    def __init__(self, options: RunOptions, gentle: bool, areas: Sequence[str]) -> None:
        given = json.dumps([options.plain(), gentle, areas])
        self.folder = Path(tempfile.mkdtemp(prefix="conformance-workers-"))
        self.address = self.folder / "nursery"
        with socket.socket(socket.AF_UNIX) as listener:
            try:
                listener.bind(str(self.address))
            except OSError:
                self.folder.rmdir()
                raise
            listener.listen(WAITING)
            self.process = subprocess.Popen(
                [sys.executable, "-c", BEGIN, str(listener.fileno()), str(self.folder), given],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            )
        self._lifeline = cast(IO[bytes], self.process.stdin)

    def take(self, specs: Iterable[Any]) -> None:
        """Lets the nursery fork the workers that xdist would start here as processes of the same interpreter."""
        command = [sys.executable, "-I", "-S", str(Path(forked.__file__).resolve()), str(self.address)]
        for spec in specs:
            if spec.popen and not (spec.python or spec.via):
                spec.python = shlex.join(command)

    def stop(self) -> None:
        """Ends it when its workers have ended; it removes its folder, unless it ended before its time."""
        self._lifeline.close()
        try:
            self.process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main(descriptor: str, folder: str, given: str) -> int:
    """The nursery's own process, and then each worker's; returns the exit code."""
    from conformance.plugin.hatching import Brood
    from conformance.plugin.invocation import pytest_arguments
    from conformance.plugin.worker import configure_properties

    options, gentle, areas = json.loads(given)
    configure_properties(RunOptions(**options), gentle)
    brood = Brood(socket.socket(fileno=int(descriptor)))
    # Nothing is captured, since a capture would be shared by all that are forked.
    words = [*pytest_arguments(*areas), "-p", "xdist.plugin", "-n", "0", "--capture=no", "-qq"]
    pytest.main(words, plugins=[brood])
    if not brood.close():
        # Also where the run was killed, and nobody else would.
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def serve(listener: socket.socket) -> tuple[socket.socket, list[int]] | None:
    """Forks a worker for each that asks; returns in each of them who asked and its streams, here None at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        asking, _ = listener.accept()
        streams = _streams(asking)
        if streams and os.fork() == 0:
            listener.close()
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
