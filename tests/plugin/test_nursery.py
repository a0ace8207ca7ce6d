"""Workers are forked from a process that has read the suites, with the run's budget, or start by themselves."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from conformance.plugin.nursery import Nursery
from conformance.plugin.options import RunOptions
from tests.run.support import conformance

ASKS = """
import json, os, sys
from hypothesis import settings
told = {"pid": os.getpid(), "parent": os.getppid(), "read": "suites.webhooks.test_deliveries" in sys.modules}
print(json.dumps({**told, "examples": settings.default.max_examples}))
"""


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """One that reads the checks of webhooks, for a run of seven examples a property."""
    made = Nursery(RunOptions("r", "f", "c", "t", "full", explore=7), False, ["webhooks"])
    yield made
    made.stop()


def started(nursery: Nursery) -> tuple[subprocess.Popen[bytes], dict[str, object]]:
    """What xdist would start, told to say who it is: the process, and what it said."""
    spec = SimpleNamespace(popen=True, python=None, via=None)
    nursery.take([spec])
    words = [*shlex.split(str(spec.python)), "-u", "-c", "import sys;exec(eval(sys.stdin.readline()))"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said, _ = process.communicate(f"{ASKS!r}\n".encode(), timeout=60)
    return process, json.loads(said)


def test_a_worker_is_a_fork_that_has_read_the_suites(nursery: Nursery) -> None:
    process, first = started(nursery)
    second = started(nursery)[1]
    assert first["parent"] == second["parent"] == nursery.process.pid
    assert len({first["pid"], second["pid"], process.pid}) == 3
    assert first["read"] and first["examples"] == 7
    assert process.returncode == 0


def test_without_a_nursery_a_worker_starts_by_itself(nursery: Nursery) -> None:
    nursery.process.kill()
    nursery.process.wait()
    process, said = started(nursery)
    assert said["pid"] == process.pid
    assert not said["read"]


def test_other_ways_to_start_a_worker_stay_as_they_are(nursery: Nursery) -> None:
    specs = [
        SimpleNamespace(popen=True, python="pypy3", via=None),
        SimpleNamespace(popen=True, python=None, via="far"),
        SimpleNamespace(popen=None, python=None, via=None, socket="127.0.0.1:1"),
    ]
    nursery.take(specs)
    assert [each.python for each in specs] == ["pypy3", None, None]


def test_a_nursery_ends_with_the_process_that_made_it(nursery: Nursery) -> None:
    assert nursery.process.stdin is not None
    nursery.process.stdin.close()
    assert nursery.process.wait(timeout=60) == 0


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
