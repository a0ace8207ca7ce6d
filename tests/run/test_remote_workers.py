"""Workers behind a socket server, as on another machine that sees the same files: the run is as with workers here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import execnet.script.socketserver as server
import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.runs.record import Record, read
from tests.run.support import run

pytestmark = pytest.mark.once

WORKERS = 2
RATE = 40


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """The address of a server that starts what it is told to, once."""
    process = subprocess.Popen(
        [sys.executable, "-u", server.__file__, "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = process.stdout.readline().decode()
    yield f"127.0.0.1:{said.rpartition(', ')[2].strip(')' + chr(10))}"
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def record(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A run that was started with plain pytest."""
    folder = tmp_path_factory.mktemp("remote")
    reference = EmbeddedReference()
    suites = Path(__file__).parents[2] / "suites"
    words = [
        str(suites / "oauth" / "test_basic_authentication.py"), str(suites / "webhooks" / "test_deliveries.py"),
        str(suites / "registry" / "test_pull.py"), "-d", "--px", f"id=far//socket={gateway}",
        "--tx", f"{WORKERS}*popen//via=far", "--target-config", str(reference.target_config), "--explore", "1",
        "--request-rate", f"{RATE}/s", "--run-out", str(folder / "run"), "--report-formats", "junit",
    ]  # fmt: skip
    try:
        ran = run([sys.executable, "-m", "pytest", "-c", str(suites.parent / "pyproject.toml"), *words], folder)
    finally:
        reference.stop()
    assert ran.code == 0, ran.output
    return read(folder / "run")


def test_the_record_is_whole(record: Record) -> None:
    assert record.complete
    assert record.info.workers == WORKERS
    assert {result.worker for result in record.results} == {f"gw{number}" for number in range(WORKERS)}
    there = record.evidence()
    assert all(name in there for result in record.results for name in result.exchanges)
    assert len({each["id"] for each in there.values()}) == len(there)


def test_what_they_made_is_removed(record: Record) -> None:
    pushed = [each for each in record.evidence().values() if each.get("method") == "PUT" and each["status"] == 201]
    assert {each["id"].partition("-")[0] for each in pushed}
    assert record.leftovers() == []


def test_the_rate_holds_for_all_of_them_together(record: Record) -> None:
    # Every request took a place of its own in one row: less time than the row is long cannot have passed.
    assert record.info.requests > RATE
    assert record.info.duration_s >= (record.info.requests - 1) / RATE
