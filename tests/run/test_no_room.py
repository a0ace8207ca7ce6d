"""A folder that takes no more ends a run in one sentence; output that nobody takes ends none."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import run

pytestmark = pytest.mark.once

ROOM_OF = """
import shlex
import sys
from conformance.runs import record
written = record.RecordWriter._write
class Full:
    def __init__(self, lines):
        self.lines, self.left = lines, 12
    def write(self, text):
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        self.lines.write(text)
    def flush(self): self.lines.flush()
    def close(self): self.lines.close()
made = record.RecordWriter.__init__
def small(self, *given, **named):
    made(self, *given, **named)
    self._lines = Full(self._lines)
record.RecordWriter.__init__ = small
from conformance.commands import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_ends_where_its_record_can_grow_no_more(tmp_path: Path, workers: str) -> None:
    reference = EmbeddedReference()
    try:
        words = ["run", "registry/tags", "--config", str(reference.target_config), "--workers", workers]
        ran = run([sys.executable, "-c", ROOM_OF, *words], tmp_path)
    finally:
        reference.stop()

    assert ran.output.count("cannot be written (No space left on device); what the record lacks is not judged") == 1, (
        ran.output
    )
    assert "INTERNALERROR" not in ran.output and "in the suite" not in ran.output
    assert ran.code == 4
    assert len(ran.record.results) == 12 and not ran.record.complete
    assert (ran.record.folder / "index.html").stat().st_size > 0
    assert ran.record.leftovers() == []


def test_what_waits_for_an_output_that_takes_nothing_changes_no_exit_code(tmp_path: Path) -> None:
    ended = """
import sys
from conformance.commands import main
from conformance.plugin import invocation
invocation.run_pytest = lambda *_: sys.stdout.write("the last words") * 0
sys.exit(main(["run", "--workers", "0"]))
"""
    words = f"{shlex.quote(sys.executable)} -c {shlex.quote(ended)} >/dev/full"
    ran = run(["bash", "-c", words], tmp_path)
    assert (ran.code, ran.output) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="wants to make a file system")
def test_nothing_else_is_said_where_not_even_reports_have_room(tmp_path: Path) -> None:
    room = tmp_path / "reports"
    room.mkdir()
    if os.system(f"mount -t tmpfs -o size=260k tmpfs {room} 2>/dev/null"):  # noqa: S605
        pytest.skip("no file system can be mounted here")
    try:
        ran = run([sys.executable, "-m", "conformance", "run", "oauth/token", "--out", "reports/run"], tmp_path)
    finally:
        os.system(f"umount {room}")  # noqa: S605
    assert "INTERNALERROR" not in ran.output and "Traceback" not in ran.output
    assert ran.code in (2, 4)
    assert "cannot be written (No space left on device)" in ran.output


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("reader", ["| head -n 1", ">/dev/full"])
def test_a_run_whose_output_nobody_takes_goes_on_to_its_end(tmp_path: Path, workers: str, reader: str) -> None:
    # The output is read no further than its first line; the code is the run's own, by the pipe's first command.
    words = f"{shlex.quote(sys.executable)} -m conformance run oauth/token webhooks/methods --workers {workers}"
    ran = run(["bash", "-c", f"set -o pipefail; {words} {reader}"], tmp_path)

    assert ran.code == 0, ran.output
    assert ran.output.count("\n") <= 1, ran.output
    assert ran.record.complete and (ran.record.folder / "index.html").stat().st_size > 0
