"""A run ends at a random moment, by a signal, a full disk or a lost network: the record reads, and nothing stays."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import Record, read
from conformance.vocabulary.verdict import ExitCode
from tests.run.support import conformance, control_of, redescribed, serving_reference, start
from tests.run.watching import family_of

CHECKS = ("registry/upload", "storage/multipart", "errors/409")
PATIENCE_S = 300.0
MOST_RESULTS = 60
GATE, NIGHT = 10, 100
SEED = int(os.environ.get("MOMENTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
"""The first seed of this session; each moment has the next one, which a failure states."""
MOMENTS = [
    *(pytest.param(number, marks=pytest.mark.once) for number in range(GATE)),
    *(pytest.param(number, marks=pytest.mark.nightly) for number in range(GATE, NIGHT)),
]
INTERRUPTS = ("interrupt", "terminate", "terminate-all")
EVENTS = (*INTERRUPTS, "kill-run", "kill-worker", "kill-target", "full-disk", "lost-network")


class Struck:
    """A run that met an event when so many results were in its record."""

    def __init__(self, event: str, results: int, reference: EmbeddedReference, folder: Path) -> None:
        self.folder, self.reference = folder / "run", reference
        # Each surface of a target that is gone is awaited, by each worker.
        away = event in ("kill-target", "lost-network")
        checks, workers = (CHECKS[:1], "0") if away else (CHECKS, "2")
        words = ["run", *checks, "--workers", workers, "--explore", "1", "--shrink-time", "0", "--out"]
        changes = {r"^arrival = 1$": "arrival = 1\nanswer = 1\nconnect = 1"} if event == "lost-network" else {}
        config = redescribed(reference, changes)
        plugins = {"PYTEST_PLUGINS": "tests.run.hurried"} if away else {}
        self.process = start(folder, *words, str(self.folder), "--config", str(config), **plugins)
        self._await(results, ["gw0", "gw1"] if event == "kill-worker" else [])
        family = [each for each in family_of(self.process.pid) if each != self.process.pid]
        pids = list(map(os.pidfd_open, family))
        self._strike(event, family)
        self.code = self.process.wait(PATIENCE_S)
        if event == "lost-network":
            reference.process.send_signal(signal.SIGCONT)
        self.stayed = still_there(pids)
        self.output = (folder / "output").read_text(encoding="utf-8", errors="replace")

    def _strike(self, event: str, family: list[int]) -> None:
        workers = [each for each in family if b"-c" in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")]
        if event == "full-disk":
            # No file can grow any more.
            for each in (self.process.pid, *workers):
                resource.prlimit(each, resource.RLIMIT_FSIZE, (0, 0))
        elif event == "lost-network":
            self.reference.process.send_signal(signal.SIGSTOP)
        else:
            sent = {"interrupt": signal.SIGINT, "kill": signal.SIGKILL}.get(event.partition("-")[0], signal.SIGTERM)
            victims = {"kill-target": self.reference.process.pid, "kill-worker": (workers or [self.process.pid])[0]}
            with suppress(ProcessLookupError):
                # As ``timeout`` and a service manager do, each process of the run gets it.
                send = os.killpg if event == "terminate-all" else os.kill
                send(victims.get(event, self.process.pid), sent)

    def _await(self, results: int, workers: list[str]) -> None:
        """Wait for so many results, and for one of each worker: one that has not begun is replaced without a loss."""
        until, path = time.monotonic() + PATIENCE_S, self.folder / "results.ndjson"
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError):
                lines = path.read_bytes()
                if lines.count(b"\n") > results and all(f'"worker": "{each}"'.encode() in lines for each in workers):
                    return
            time.sleep(0.02)

    @property
    def record(self) -> Record:
        """What was written of the run."""
        return read(self.folder)


def still_there(pids: list[int]) -> int:
    """How many of some processes (as file descriptors) have not ended in time; closes the descriptors."""
    until = time.monotonic() + PATIENCE_S
    left = list(pids)
    while left and time.monotonic() < until:
        ended, _, _ = select.select(left, [], [], 1)
        left = [each for each in left if each not in ended]
    for each in pids:
        os.close(each)
    return len(left)


def held(reference: EmbeddedReference) -> dict[str, list[str]]:
    """What a reference holds, but uploads to its registry: the answer that names one may not have been read."""
    state: dict[str, list[str]] = json.loads(tell(control_of(reference), "state"))
    state["registry"] = [each for each in state["registry"] if " upload " not in each]
    return state


@pytest.mark.parametrize("number", MOMENTS)
def test_the_record_reads_and_the_sweep_leaves_nothing(number: int, tmp_path: Path) -> None:
    chance = random.Random(SEED + number)
    # The events in turn, at a random moment.
    event, results = EVENTS[(SEED + number) % len(EVENTS)], chance.randint(0, MOST_RESULTS)
    print(f"MOMENTS_SEED={SEED + number}: {event} after {results} results")
    with serving_reference() as reference:
        before = held(reference)
        struck = Struck(event, results, reference, tmp_path)
        assert struck.stayed == 0
        assert "Traceback" not in struck.output and "INTERNALERROR" not in struck.output, struck.output
        assert len(struck.record.results) >= results or struck.record.complete, struck.output
        assert "error" not in {each.verdict for each in struck.record.results}, struck.output
        if event == "kill-target":
            return
        if event in INTERRUPTS and not struck.record.complete:
            assert struck.code == ExitCode.INTERRUPTED, struck.output
            # Before the first result there is nothing to report.
            assert (struck.folder / "index.html").exists() or results == 0
        swept = conformance(tmp_path, "sweep", str(struck.folder), "--config", str(reference.target_config))
        assert swept.code == ExitCode.CONFORMANT, swept.output
        assert held(reference) == before
