"""A full disk ends a run with one message; output that is not read ends none."""

from __future__ import annotations

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


@pytest.mark.parametrize("workers", [pytest.param("0", marks=pytest.mark.nightly), "2"])
def test_a_full_disk_ends_the_run(reference: EmbeddedReference, control: str, tmp_path: Path, workers: str) -> None:
    words = ["run", "registry/tags", "--config", str(reference.target_config), "--workers", workers]
    ran = run([sys.executable, "-c", ROOM_OF, *words], tmp_path)

    assert ran.output.count("cannot be written (No space left on device); what the record lacks is not judged") == 1, (
        ran.output
    )
    assert "INTERNALERROR" not in ran.output and "in the suite" not in ran.output
    assert ran.code == 4
    assert len(ran.record.results) == 12 and not ran.record.complete
    assert (ran.record.folder / "index.html").stat().st_size > 0
    assert ran.record.leftovers() == []


@pytest.mark.parametrize(("workers", "reader"), [("2", "| head -n 1"), ("0", ">/dev/full")])
def test_a_run_whose_output_is_not_read_goes_on(tmp_path: Path, workers: str, reader: str) -> None:
    # The output is read no further than its first line; the code is the run's own, by the pipe's first command.
    words = f"{shlex.quote(sys.executable)} -m conformance run oauth/token webhooks/methods --workers {workers}"
    ran = run(["bash", "-c", f"set -o pipefail; {words} {reader}"], tmp_path)

    assert ran.code == 0, ran.output
    assert ran.output.count("\n") <= 1, ran.output
    assert ran.record.complete and (ran.record.folder / "index.html").stat().st_size > 0
