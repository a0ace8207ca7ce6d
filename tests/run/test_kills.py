"""A run, a worker or the target is killed at some moment: the record reads, nothing stays, and the sweep tidies up."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import Record, read
from conformance.vocabulary.verdict import ExitCode
from tests.run.support import conformance, control_of, serving_reference, start
from tests.run.watching import family_of

CHECKS = ("registry/upload", "storage/multipart", "errors/409")
PATIENCE_S = 300.0
VICTIMS = ("run", "worker", "target")
MOST_RESULTS = 60
MOMENTS = [0, *(pytest.param(moment, marks=pytest.mark.nightly) for moment in range(1, 25))]
"""With the kinds of kills a hundred; each is killed when a random number of results is in the record."""


class Killed:
    """A run of which one process, or its target, was killed when so many results were in its record."""

    def __init__(self, victim: str, results: int, reference: EmbeddedReference, folder: Path) -> None:
        self.folder, self.reference = folder / "run", reference
        # Each surface of a target that is gone is awaited, by each worker.
        checks, workers = (CHECKS[:1], "0") if victim == "target" else (CHECKS, "2")
        words = ["run", *checks, "--workers", workers, "--explore", "1", "--shrink-time", "0", "--out"]
        words.append(str(self.folder))
        words += ["--config", str(reference.target_config)]
        self.process = start(folder, *words, PYTEST_PLUGINS="tests.run.hurried")
        self._await(results, ["gw0", "gw1"] if victim == "worker" else [])
        family = [each for each in family_of(self.process.pid) if each != self.process.pid]
        pids = list(map(os.pidfd_open, family))
        os.kill(self._chosen(victim, family), signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        self.stayed = still_there(pids)
        self.output = (folder / "output").read_text(encoding="utf-8", errors="replace")

    def _await(self, results: int, workers: list[str]) -> None:
        """Wait for so many results, and for one of each worker: one that has not begun is replaced without a loss."""
        until, path = time.monotonic() + PATIENCE_S, self.folder / "results.ndjson"
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError):
                lines = path.read_bytes()
                if lines.count(b"\n") > results and all(f'"worker": "{each}"'.encode() in lines for each in workers):
                    return
            time.sleep(0.02)

    def _chosen(self, victim: str, family: Iterable[int]) -> int:
        if victim == "target":
            return self.reference.process.pid
        workers = [each for each in family if b"-c" in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")]
        return self.process.pid if victim == "run" else workers[0]

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


@pytest.mark.once
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", [*VICTIMS[:2], pytest.param(VICTIMS[2], marks=pytest.mark.nightly)])
def test_the_record_reads_and_the_sweep_leaves_nothing(victim: str, moment: int, tmp_path: Path) -> None:
    results = random.Random(f"{victim} {moment}").randint(0, MOST_RESULTS)
    with serving_reference() as reference:
        before = held(reference)
        killed = Killed(victim, results, reference, tmp_path)
        assert killed.stayed == 0
        assert "Traceback" not in killed.output, killed.output
        assert len(killed.record.results) >= results
        # The check of a worker that was killed has no verdict.
        assert killed.record.complete is (victim == "target"), killed.output
        assert "error" not in {each.verdict for each in killed.record.results}, killed.output
        if victim != "target":
            swept = conformance(tmp_path, "sweep", str(killed.folder), "--config", str(reference.target_config))
            assert swept.code == ExitCode.CONFORMANT, swept.output
            assert held(reference) == before
