"""Workers behind a socket server, as on another machine that sees the same files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import execnet.script.socketserver as server
import pytest

from conformance.runs.reading import Record, read
from tests.run.support import Ran, run, serving_reference, variables

pytestmark = pytest.mark.once

WORKERS = 2
RATE = 40
SUITES = Path(__file__).parents[2] / "suites"


@contextmanager
def gateway() -> Iterator[str]:
    """The address of a server that starts what it is told to, once."""
    process = subprocess.Popen(
        [sys.executable, "-u", server.__file__, "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables(),
    )
    assert process.stdout is not None
    said = process.stdout.readline().decode()
    try:
        yield f"127.0.0.1:{said.rpartition(', ')[2].strip(')' + chr(10))}"
    finally:
        process.kill()
        process.wait()


def run_there(address: str, folder: Path, *words: str) -> Ran:
    """A run that was started with plain pytest, whose workers are behind a server."""
    command = [sys.executable, "-m", "pytest", "-c", str(SUITES.parent / "pyproject.toml"), *words]
    command += ["-d", "--px", f"id=far//socket={address}", "--tx", f"{WORKERS}*popen//via=far"]
    with serving_reference() as reference:
        own = {"config": reference.target_config, "out": folder / "run", "explore": 1, "report": "junit"}
        return run([*command, *(f"--conformance-{name}={value}" for name, value in own.items())], folder)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A run of some checks by remote workers."""
    folder = tmp_path_factory.mktemp("remote")
    words = [
        str(SUITES / "oauth" / "test_basic_authentication.py"), str(SUITES / "webhooks" / "test_acceptance.py"),
        str(SUITES / "registry" / "test_pulls.py"), "--conformance-rate", f"{RATE}/s",
    ]  # fmt: skip
    with gateway() as address:
        ran = run_there(address, folder, *words)
    assert ran.code == 0, ran.output
    return read(folder / "run")


def test_the_run_of_remote_workers_is_whole_and_keeps_the_rate(record: Record) -> None:
    assert record.complete
    assert record.info.workers == WORKERS
    workers = {result.worker for result in record.results} - {"serial"}
    assert workers == {f"gw{number}" for number in range(WORKERS)}
    evidence = record.evidence()
    assert all(name in evidence for result in record.results for name in result.exchanges)
    assert any(each.get("method") == "PUT" and each["status"] == 201 for each in evidence.values())
    assert record.leftovers() == []
    # Each request took a place of its own in one row: less time than the row is long cannot have passed.
    assert record.info.requests > RATE
    assert record.info.duration_s >= (record.info.requests - 1) / RATE
