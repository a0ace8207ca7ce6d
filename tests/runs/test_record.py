"""The record of a run accepts any text of a target, and has a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.runs.reading import read
from conformance.runs.record import RecordError, RecordWriter, folder_for
from tests.reporting.samples import info
from tests.runs.test_waivers import result

HALF = "half of a pair: \ud800, and \\ud800"


def test_half_a_surrogate_pair_is_written_as_json_has_it_and_read_again(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "run", info(preflight=[{"cause": HALF}]))
    judged = result("registry/tags/sorted", "error")
    judged.reason = HALF
    writer.check(judged)
    writer.close(True, {}, [])
    record = read(tmp_path / "run")
    assert (record.results[0].reason, record.info.preflight) == (HALF, [{"cause": HALF}])
    assert not record.remarks


def test_no_two_runs_begin_in_one_folder(tmp_path: Path) -> None:
    begun = RecordWriter(tmp_path / "run", info())
    with pytest.raises(RecordError, match="already contains a run"):
        RecordWriter(tmp_path / "run", info())
    begun.close(True, {}, [])
    assert read(tmp_path / "run").complete


def test_runs_of_one_second_have_a_folder_each(tmp_path: Path) -> None:
    folders = [folder_for("staging", tmp_path / "reports") for _ in range(20)]
    assert len(set(folders)) == 20


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("staging", "staging"),
        ("St\u00e4ging (EU)/x", "St\u00e4ging-EU-x"),
        ("../../etc", "..-..-etc"),
        ("a\x00b\nc", "a-b-c"),
        ("x" * 300, "x" * 80),
    ],
)
def test_the_name_of_a_target_leads_into_no_other_folder(tmp_path: Path, name: str, part: str) -> None:
    folder = folder_for(name, tmp_path)
    assert folder.parent == tmp_path
    assert folder.name.split("-", 1)[1] == part
