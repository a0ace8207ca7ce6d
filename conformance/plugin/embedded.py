"""The embedded reference as a process beside the run: for runs without a target file, and for the suite's tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, ClassVar, cast

from conformance.runs.processes import own_python
from conformance.sandbox.temporary_folder import Scratch

START_S = 20.0


class ReferenceFailed(Exception):
    """The reference did not start: what it said."""


class EmbeddedReference:
    """A running reference with a target file of its own in a temporary folder; ``stop`` removes both.

    ``program`` is what Python runs instead of the reference itself, to serve a changed one.
    """

    program: ClassVar[Sequence[str]] = ("-m", "conformance.reference")

    def __init__(self, arguments: Sequence[str] = (), program: Sequence[str] = ()) -> None:
        self._scratch = Scratch("reference")
        self.folder = self._scratch.path
        self.target_config = self.folder / "conformance.toml"
        command = own_python(*(program or self.program), "--embedded")
        # A process group of its own: an interrupt from the keyboard ends the run, and the run ends the reference. Its
        # input ends with this process, however that ends.
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
        late = threading.Timer(START_S, self.process.kill)
        late.start()
        said: list[str] = []
        for line in output:
            said.append(line)
            if line.strip() == "ready":
                late.cancel()
                threading.Thread(target=_drain, args=[output], daemon=True).start()
                return
        late.cancel()
        self.stop()
        raise ReferenceFailed(
            "the embedded reference did not start: " + ("".join(said).strip() or f"no word in {START_S:g} s")
        )

    def stop(self) -> None:
        """Ends the process and removes its folder. It keeps nothing, so there is nothing to wait for."""
        self.process.kill()
        self.process.wait()
        cast(IO[str], self.process.stdin).close()
        self._scratch.remove()


def _drain(output: IO[str]) -> None:
    # What the reference says later goes nowhere; unread it would fill the pipe and stop the reference.
    with contextlib.suppress(ValueError, OSError):
        for _ in output:
            pass
