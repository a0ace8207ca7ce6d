"""What several seeds found is summed up, and the benchmark leaves out what is timed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.storage import Measured, told, untimed
from tests.real_servers.seeds import summary, surprising


def test_checks_are_counted_over_the_runs() -> None:
    assert summary([["a", "b"], ["a"], ["a"]]) == ["  3 of 3  a", "  1 of 3  b"]
    assert summary([[], []]) == ["nothing in any run"]


def test_what_is_not_expected_is_told(tmp_path: Path) -> None:
    (tmp_path / "server-1.expected.toml").write_text('[[finding]]\nid = "a"\ncases = ["1"]\nwhy = "w"\n')

    assert surprising(["a#1", "a#2", "b"], tmp_path / "server-1.expected.toml") == ["a#2", "b"]


def test_rate_is_of_the_run_after_start_up() -> None:
    runs = [Measured(wall_s=4.0, run_s=seconds, checks=640, requests=5000) for seconds in (1.0, 2.0, 9.0)]

    assert told("quick", runs).endswith("640 checks, 5000 requests: 320 checks/s, 100 times s3-tests")


def test_what_is_timed_is_left_out() -> None:
    assert "storage/listing" in untimed()
    assert not any(each.startswith("storage/at-once") for each in untimed())
