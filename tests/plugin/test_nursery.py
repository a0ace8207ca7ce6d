"""Workers are forked from a process that has read the suites, with the run's budget, or start by themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import execnet
import pytest

from conformance.plugin.nursery import Nursery
from conformance.plugin.options import RunOptions
from conformance.runs.reading import read
from conformance.vocabulary.verdict import ExitCode
from tests.run.support import conformance

ASKS = """
import os, sys
from hypothesis import settings
told = {"pid": os.getpid(), "parent": os.getppid(), "read": "suites.webhooks.test_acceptance" in sys.modules}
channel.send({**told, "examples": settings.default.max_examples})
"""


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """One that collects the checks of webhooks, for a run of seven examples a property."""
    made = Nursery(RunOptions("r", "f", "c", "t", "full", explore=7), False, ["webhooks"])
    yield made
    made.stop()


@pytest.fixture
def group() -> Iterator[execnet.Group]:
    """Gateways as xdist makes them."""
    made = execnet.Group(execmodel="main_thread_only")
    yield made
    made.terminate(timeout=20)


def started(nursery: Nursery, group: execnet.Group) -> dict[str, object]:
    """What a worker says of itself that is started as xdist would."""
    spec = execnet.XSpec("execmodel=main_thread_only//popen")
    nursery.take([spec])
    told: dict[str, object] = group.makegateway(spec).remote_exec(ASKS).receive(60)
    return told


def test_a_worker_is_a_fork_that_has_read_the_suites(nursery: Nursery, group: execnet.Group) -> None:
    first, second = started(nursery, group), started(nursery, group)
    assert first["parent"] == second["parent"] == nursery.process.pid
    assert first["pid"] != second["pid"]
    assert first["read"] and first["examples"] == 7


def test_without_a_nursery_a_worker_starts_by_itself(nursery: Nursery, group: execnet.Group) -> None:
    os.kill(nursery.process.pid, signal.SIGKILL)
    assert nursery.process.ended(60)
    said = started(nursery, group)
    assert said["parent"] == os.getpid()
    assert not said["read"]


def test_a_run_whose_nursery_is_gone_is_as_any_other(tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", "webhooks", "--workers", "2", "--report", "junit", TMPDIR=str(deep(tmp_path)))
    assert ran.code == 0, ran.output
    assert "gw0" in {result.worker for result in ran.record.results}
    assert not list((tmp_path / ("d" * 100)).glob("conformance-workers-*"))


def deep(folder: Path) -> Path:
    """A folder whose name is longer than the address of a socket may be."""
    made = folder / ("d" * 100)
    made.mkdir()
    return made


def test_other_ways_to_start_a_worker_stay_as_they_are(nursery: Nursery) -> None:
    specs = [
        SimpleNamespace(popen=True, python="pypy3", via=None),
        SimpleNamespace(popen=True, python=None, via="far"),
        SimpleNamespace(popen=None, python=None, via=None, socket="127.0.0.1:1"),
    ]
    nursery.take(specs)
    assert [each.python for each in specs] == ["pypy3", None, None]


def test_a_nursery_ends_with_the_process_that_made_it(nursery: Nursery) -> None:
    nursery.process.lifeline.close()
    assert nursery.process.ended(60)
    assert not nursery.folder.exists()


def test_forked_workers_try_as_many_examples_as_one_process(tmp_path: Path) -> None:
    words = ["run", "webhooks/errors", "oauth/token/any-form-keeps-the-contract", "--explore", "3", "--report", "junit"]
    alone = conformance(tmp_path, *words, "--workers", "0", "--out", "alone")
    forked = conformance(tmp_path, *words, "--workers", "2", "--out", "forked")
    assert (alone.code, forked.code) == (0, 0), alone.output + forked.output

    def examples(name: str) -> dict[str, int]:
        lines = map(json.loads, (tmp_path / name / "results.ndjson").read_text(encoding="utf-8").splitlines())
        return {line["id"]: line["events"].get("examples", 0) for line in lines if line["kind"] == "check"}

    assert examples("forked") == examples("alone")
    assert any(examples("alone").values())


def test_a_forked_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    words = ["-m", "conformance", "run", "oauth", "webhooks", "--workers", "2", "--report", "junit", "--out", "run"]
    process = subprocess.Popen([sys.executable, *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    results = tmp_path / "run" / "results.ndjson"
    try:
        await_until(lambda: results.exists() and '"worker": "gw1"' in results.read_text(encoding="utf-8"))
        os.kill(forks_of(process.pid)[-1], signal.SIGKILL)
        said = process.communicate(timeout=120)[0]
    finally:
        process.kill()
    assert process.returncode == ExitCode.SUITE_ERROR, said
    record = read(tmp_path / "run")
    # All but the check that it was at: that is told as the suite's error.
    assert len(record.results) == len({result.id for result in record.results}) > 350


def forks_of(run: int) -> list[int]:
    """The workers that the nursery of a run has forked, in their order."""

    def children(pid: int) -> list[int]:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    words = Path(f"/proc/{run}/cmdline").read_bytes()
    return [
        worker
        for helper in children(run)
        if Path(f"/proc/{helper}/cmdline").read_bytes() == words
        for worker in children(helper)
    ]


def await_until(true: Callable[[], bool]) -> None:
    """Returns when something is so."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("never so")
