"""The embedded reference as a subprocess, for runs without a target file and for the suite's tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, ClassVar, cast

from conformance.runs.processes import own_python
from conformance.sandbox.temporary_folder import Scratch

START_S = 60.0


class ReferenceFailed(Exception):
    """The reference did not start; the message has its output."""


class EmbeddedReference:
    """A running reference with its target file in a temporary folder; ``stop`` removes both.

    ``program``: Python's arguments, to serve a changed reference.
    """

    program: ClassVar[Sequence[str]] = ("-m", "conformance.reference")

    def __init__(self, arguments: Sequence[str] = (), program: Sequence[str] = ()) -> None:
        self._scratch = Scratch("reference")
        self.folder = self._scratch.path
        self.target_config = self.folder / "conformance.toml"
        command = own_python(*(program or self.program), "--embedded")
        # A separate process group: an interrupt from the keyboard ends the run, and the run ends the reference. If this
        # process is killed, the reference's input ends.
        self.process = subprocess.Popen(
            [*command, "--write-config", str(self.target_config), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._await_ready(cast(IO[str], self.process.stdout))

    def _await_ready(self, output: IO[str]) -> None:
        timeout = threading.Timer(START_S, self.process.kill)
        timeout.start()
        lines: list[str] = []
        for line in output:
            lines.append(line)
            if line.strip() == "ready":
                timeout.cancel()
                threading.Thread(target=_drain, args=[output], daemon=True).start()
                return
        timeout.cancel()
        self.stop()
        raise ReferenceFailed(
            "the embedded reference did not start: " + ("".join(lines).strip() or f"no word in {START_S:g} s")
        )

    def stop(self) -> None:
        """Kill the process, which stores nothing, and remove its folder."""
        self.process.kill()
        self.process.wait()
        cast(IO[str], self.process.stdin).close()
        self._scratch.remove()


def _drain(output: IO[str]) -> None:
    # Unread output would fill the pipe and block the reference.
    with contextlib.suppress(ValueError, OSError):
        for _ in output:
            pass
