"""Reports made in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.reporting import FORMATS, render_all, render_workers
from conformance.reporting.render_workers import begin
from conformance.runs.reading import Record
from tests.reporting import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run without reports."""
    return samples.every_verdict(tmp_path / "run").folder


def test_every_format_is_written(folder: Path) -> None:
    """What processes of their own write is what is asked for, and nothing failed."""
    files, failures = begin(folder, list(FORMATS))()

    assert failures == []
    assert set(files) == set(FORMATS)
    assert all(path.exists() for path in files.values())


def test_no_process_for_what_is_not_asked(folder: Path) -> None:
    """One format leaves one file."""
    files, failures = begin(folder, ["markdown"])()

    assert (list(files), failures) == (["markdown"], [])
    assert not (folder / "index.html").exists()


def test_what_cannot_be_written_is_told_in_one_sentence_and_the_others_are_there(folder: Path) -> None:
    """A report that fails costs no other, and no traceback is shown."""
    (folder / "index.html").mkdir()

    files, failures = begin(folder, ["html", "junit"])()

    assert len(failures) == 1
    assert "html could not be written" in failures[0]
    assert "\n" not in failures[0]
    assert files["junit"].exists()


def test_an_error_of_ours_costs_no_other_report_and_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that raises what none was thought to raise is told as such, not as a process that is gone."""

    def broken(record: Record, formats: list[str]) -> dict[str, Path]:
        if formats == ["html"]:
            raise ValueError("no time")
        return render_all(record, formats)

    monkeypatch.setattr(render_workers, "render_all", broken)

    assert render_workers._failures(folder, ["html", "scripts"]) == [
        "html could not be written (error in the suite: ValueError: no time)"
    ]
    assert (folder / FORMATS["scripts"][1]).exists()


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    """The process says what is wrong with the folder."""
    files, failures = begin(tmp_path, ["junit"])()

    assert files == {}
    assert "no run.json" in failures[0]


PREPARED = """
import json, os, sys
from pathlib import Path
from conformance.reporting import render_workers
from conformance.runs import processes
for _ in range(2):
    processes.prepare("conformance.reporting.render_workers")
{meanwhile}
files, failures = render_workers.begin(Path(sys.argv[1]), sys.argv[2:])()
print(json.dumps([sorted(files), failures, "subprocess.Popen" in started]))
"""
LOOKS = """
started = []
sys.addaudithook(lambda event, _: started.append(event) if event == "subprocess.Popen" else None)
"""
READY = "render_workers.get_ready(Path(sys.argv[1]), sys.argv[2:])"
KILLS = """
import signal
render_workers.get_ready(Path(sys.argv[1]), sys.argv[2:])
for each in render_workers._ready.values():
    os.kill(each.pid, signal.SIGKILL)
    assert each.ended(60)
"""


def prepared(folder: Path, *formats: str, meanwhile: str = READY) -> tuple[list[str], list[str], bool]:
    """Renders by processes that a command has prepared: formats, failures, whether another process was started."""
    script = PREPARED.format(meanwhile=LOOKS + meanwhile)
    ran = subprocess.run(
        [sys.executable, "-c", script, folder, *formats], capture_output=True, text=True, timeout=120, check=True
    )
    files, failures, others = json.loads(ran.stdout)
    return files, failures, others


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")
class TestPrepared:
    """Processes that were forked before and have got ready."""

    def test_every_format_is_written_and_nothing_else_started(self, folder: Path) -> None:
        assert prepared(folder, *FORMATS) == (sorted(FORMATS), [], False)

    def test_they_need_not_have_got_ready(self, folder: Path) -> None:
        assert prepared(folder, *FORMATS, meanwhile="") == (sorted(FORMATS), [], False)

    def test_a_failure_is_told_in_the_same_sentence(self, folder: Path) -> None:
        (folder / "index.html").mkdir()
        files, failures, others = prepared(folder, "html", "junit")
        assert failures == [f"{folder}: html could not be written (Is a directory)"]
        assert (files, others) == (["html", "junit"], False)

    def test_one_that_is_gone_is_replaced(self, folder: Path) -> None:
        assert prepared(folder, "html", "junit", meanwhile=KILLS) == (["html", "junit"], [], True)
