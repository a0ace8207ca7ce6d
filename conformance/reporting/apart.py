"""Reports made in processes of their own, at once: a run's own process stays small, and does not wait for each in turn.

Where they were prepared (``helpers.prepare``) they get ready while the checks run. Elsewhere each is
``python -m conformance.reporting.apart RUN FORMAT …``, which ends with 1 and one sentence on stderr where it failed.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

from conformance import reporting
from conformance.reporting import FORMATS, render_all
from conformance.runs import helpers
from conformance.runs.record import RecordError, read

# The page takes about as long as all the others together.
SLOWEST = "html"
MADE = b"made"
LONGEST = 1 << 16
"""Bytes of what one of these processes is told, at most."""

_ready: dict[bool, helpers.Helper] = {}


def get_ready() -> None:
    """Lets what was prepared for it do what takes time before the first report."""
    for slowest in (True, False):
        if process := helpers.prepared(__name__):
            _ready[slowest] = process
            with suppress(OSError):
                _tell(process, [name for name in FORMATS if (name == SLOWEST) == slowest])


def render_apart(folder: Path, formats: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """Writes the formats into the run's folder: the paths by format, and a sentence for each that could not be."""
    shares = [[name for name in formats if (name == SLOWEST) == slowest] for slowest in (True, False)]
    begun = [(share, _begun(folder, share)) for share in shares if share]
    failures = []
    for share, failure in begun:
        if said := failure():
            failures.append(f"{folder}: {', '.join(share)} could not be written ({said})")
    return {name: folder / FORMATS[name][1] for name in formats if (folder / FORMATS[name][1]).exists()}, failures


def _begun(folder: Path, formats: Sequence[str]) -> Callable[[], str]:
    """Has the formats written; what is returned waits for the end, and tells what went wrong."""
    ready = _ready.pop(SLOWEST in formats, None)
    if ready is not None:
        # One that is gone already hears nothing.
        with suppress(OSError):
            _tell(ready, [str(folder), *formats])
            return partial(_of_prepared, ready)
    command = [sys.executable, "-m", __name__, str(folder), *formats]
    return partial(_of_process, subprocess.Popen(command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, text=True))


def _tell(process: helpers.Helper, words: Sequence[str]) -> None:
    process.lifeline.sendall(json.dumps(words).encode() + b"\n")


def _of_prepared(process: helpers.Helper) -> str:
    said = process.lifeline.makefile("rb").read(LONGEST)
    process.end()
    return said.removesuffix(MADE).decode() if said else "the process that was to write it is gone"


def _of_process(process: subprocess.Popen[str]) -> str:
    said = process.communicate()[1].strip().splitlines() or [f"exit code {process.returncode}"]
    return said[-1] if process.returncode else ""


def main(descriptor: int) -> int:
    """The process that was prepared: hears which formats to get ready for, then of its run, and says how that went."""
    # An interrupted run has its reports too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as lifeline, lifeline.makefile("rb") as told:
        if formats := told.readline(LONGEST):
            reporting.get_ready(json.loads(formats))
        if work := told.readline(LONGEST):
            folder, *formats = json.loads(work)
            lifeline.sendall(_made(folder, formats).encode() or MADE)
    return 0


def _made(folder: str, formats: Sequence[str]) -> str:
    """Renders the formats of a run; what went wrong, in one sentence."""
    try:
        render_all(read(Path(folder)), formats)
    except (RecordError, OSError) as mistake:
        return str(getattr(mistake, "strerror", None) or mistake)
    return ""


if __name__ == "__main__":
    failed = _made(sys.argv[1], sys.argv[2:])
    if failed:
        print(failed, file=sys.stderr)
    sys.exit(1 if failed else 0)
