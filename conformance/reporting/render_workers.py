"""Reports made in processes of their own, at once: a run's own process stays small, and does not wait for each in turn.

Where they were prepared (``processes.prepare``) they get ready while the checks run, and make of each what they can.
Elsewhere each is ``python -m conformance.reporting.render_workers RUN FORMAT …``, which tells what failed on stderr.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

from conformance import reporting
from conformance.reporting import FORMATS, render_all
from conformance.runs import processes
from conformance.runs.reading import Reading, read
from conformance.runs.record import RecordError

SHARES = (("html", "junit", "ctrf"), ("scripts", "markdown", "allure"))
"""Of about the same length at a run's end."""
EVERY_S = 0.1
"""How often they look whether more checks were judged."""
MORE_PATIENT = 5
"""By how much they are nicer than the run: they shall have what its processes and the target leave."""
MADE = "made"
TOLD = 2
"""How a process of its own ends that has told what went wrong."""
LONGEST = 1 << 16
"""Bytes of what one of these processes is told, at most."""

_ready: dict[tuple[str, ...], processes.Helper] = {}


def get_ready(folder: Path, formats: Sequence[str]) -> None:
    """Lets what was prepared for it make of a run that begins what can be made before its end."""
    for share in SHARES:
        if process := processes.prepared(__name__):
            _ready[share] = process
            with suppress(OSError):
                _tell(process, [str(folder), *(each for each in share if each in formats)])


def begin(folder: Path, formats: Sequence[str]) -> Callable[[], tuple[dict[str, Path], list[str]]]:
    """Has the formats written into the run's folder; what is returned waits for that.

    It tells the paths by format, and a sentence for each that could not be written.
    """
    if not _ready:
        get_ready(folder, formats)  # of a run that ended before its first check
    begun = [_begun(share, folder, asked) for share in SHARES if (asked := [each for each in share if each in formats])]

    def written() -> tuple[dict[str, Path], list[str]]:
        failures = [f"{folder}: {said}" for failed in begun for said in failed()]
        return {name: folder / FORMATS[name][1] for name in formats if (folder / FORMATS[name][1]).exists()}, failures

    return written


def _begun(share: tuple[str, ...], folder: Path, formats: Sequence[str]) -> Callable[[], list[str]]:
    """Has the formats written; what is returned waits for the end, and tells what went wrong."""
    ready = _ready.pop(share, None)
    if ready is not None:
        # One that is gone already hears nothing.
        with suppress(OSError):
            _tell(ready, [str(folder), *formats])
            return partial(_of_prepared, ready, formats)
    command = processes.own_python("-m", __name__, str(folder), *formats)
    process = subprocess.Popen(command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, text=True)
    return partial(_of_process, process, formats)


def _tell(process: processes.Helper, words: Sequence[str]) -> None:
    process.lifeline.sendall(json.dumps(words).encode() + b"\n")


def _of_prepared(process: processes.Helper, formats: Sequence[str]) -> list[str]:
    said = process.lifeline.makefile("rb").read(LONGEST).decode()
    process.end()
    return said.splitlines()[:-1] if said else [_told(formats, "the process that was to do it is gone")]


def _of_process(process: subprocess.Popen[str], formats: Sequence[str]) -> list[str]:
    said = process.communicate()[1].splitlines()
    if process.returncode not in (0, TOLD):
        return [_told(formats, said[-1] if said else f"exit code {process.returncode}")]
    return said


def _told(formats: Iterable[str], why: object) -> str:
    return f"{', '.join(formats)} could not be written ({why})"


def main(descriptor: int) -> int:
    """The process that was prepared: hears of a run and its formats, then of its end, and says how that went."""
    # An interrupted run has its reports too.
    processes.leave_interrupts()
    # What is waited for at the socket may stand in no buffer before it.
    with socket.socket(fileno=descriptor) as lifeline, lifeline.makefile("rb", buffering=0) as told:
        if begun := told.readline(LONGEST):
            folder, *formats = json.loads(begun)
            reporting.get_ready(formats)
            gc.freeze()
            reading = _made_ahead(Path(folder), formats, lifeline)
        if ended := told.readline(LONGEST):
            folder, *formats = json.loads(ended)
            lifeline.sendall("\n".join([*_failures(Path(folder), formats, reading), MADE]).encode())
    return 0


def _made_ahead(folder: Path, formats: Sequence[str], lifeline: socket.socket) -> Reading | None:
    """The run as far as it was read, with what was made ahead, when something is said; None where that failed."""
    os.nice(MORE_PATIENT)
    try:
        reading = Reading(folder)
        while not select.select([lifeline], [], [], EVERY_S)[0]:
            if judged := reading.more():
                reporting.make_ahead(reading.record, judged, formats)
    except Exception:
        # It is tried again at the end, and then told.
        return None
    return reading


def _failures(folder: Path, formats: Sequence[str], reading: Reading | None = None) -> list[str]:
    """Renders the formats of a run; a sentence for each that could not be."""
    try:
        record = reading.end() if reading else read(folder)
    except (RecordError, OSError) as mistake:
        return [_told(formats, mistake)]
    failures = []
    for name in formats:
        try:
            render_all(record, [name])
        except (RecordError, OSError) as mistake:
            failures.append(_told([name], getattr(mistake, "strerror", None) or mistake))
        except Exception as mistake:
            # One of ours: it costs no other report, and is told by its own name.
            failures.append(_told([name], f"error in the suite: {type(mistake).__name__}: {mistake}"))
    return failures


if __name__ == "__main__":
    failed = _failures(Path(sys.argv[1]), sys.argv[2:])
    print(*failed, sep="\n", end="", file=sys.stderr)
    sys.exit(TOLD if failed else 0)
