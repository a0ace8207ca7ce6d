"""How many workers a run has: by the distance of its target, its rate and what is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.delay import delayed
from benchmarks.far import send_away
from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.options import RunOptions
from conformance.plugin.scheduling import Scheduling
from conformance.plugin.workers import MOST, MOST_NEAR, asked, distance, needed
from conformance.preflight import SurfaceState
from conformance.runs.reading import read
from tests.run.support import conformance


@pytest.mark.parametrize(
    ("cores", "round_trip_s", "rate", "requirements", "workers"),
    [
        (2, 0.001, None, 900, 2),
        (64, 0.001, None, 900, MOST_NEAR),
        (2, 0.020, None, 900, 10),
        (2, 0.050, None, 900, 22),
        (16, 0.200, None, 900, MOST),
        (2, 0.050, 100.0, 900, 6),
        (2, 0.050, 10.0, 900, 1),
        (2, 0.001, 10.0, 900, 1),
        (2, 0.050, None, 25, 3),
        (2, 0.050, None, 1, 1),
        (2, 0.050, None, 0, 1),
    ],
)
def test_the_number(cores: int, round_trip_s: float, rate: float | None, requirements: int, workers: int) -> None:
    assert needed(cores, round_trip_s, rate, requirements) == workers


def test_slow_surfaces_make_no_target_far() -> None:
    trips = {"identity": 0.002, "registry": 0.030, "storage": 0.300, "webhooks": None}
    assert distance(SurfaceState(name, "", shortest_trip_s=trip) for name, trip in trips.items()) == 0.002
    assert distance([SurfaceState("webhooks", "")]) == 0.0


def test_what_is_asked_is_counted_by_selection_profile_and_part() -> None:
    def count(profile: str = "full", shard: str | None = None, select: tuple[str, ...] = ()) -> int:
        return asked(RunOptions("r", "f", "c", "t", profile, list(select), shard=shard))

    assert count() > count("quick") > 0
    assert abs(4 * count(shard="1/4") - count()) < 4
    assert count(select=("oauth/response/no-store#any",)) == 1
    assert count(select=("nothing",)) == 0


@pytest.mark.once
def test_a_far_run_has_more_workers_and_a_small_one_none(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    try:
        with delayed(0.02) as delay:
            send_away(reference.folder, delay)
            words = ["run", "--config", str(reference.target_config), "--report", "junit", "--explore", "0"]
            far = conformance(tmp_path, *words, "webhooks", "oauth/token", "--out", "far")
            small = conformance(tmp_path, *words, "webhooks/rotation", "--out", "small")
            paced = conformance(tmp_path, *words, "oauth/token", "--rate", "20/s", "--out", "paced")
    finally:
        reference.stop()
    assert (far.code, small.code, paced.code) == (0, 0, 0), far.output + small.output + paced.output
    assert read(tmp_path / "far").info.workers > 2
    assert read(tmp_path / "small").info.workers == read(tmp_path / "paced").info.workers == 0


def test_many_workers_share_a_file_but_what_disturbs_stays_together(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduling, "__init__", lambda self, workers: setattr(self, "finely", workers > 2))
    monkeypatch.setattr(Scheduling, "config", pytestconfig, raising=False)
    quiet, disturbing = "suites/registry/test_pulls.py", "suites/errors/test_rate_limit.py"
    few, many = Scheduling(2), Scheduling(20)  # type: ignore[arg-type, call-arg]
    assert few._split_scope(f"{quiet}::test_a[x]") == quiet
    assert many._split_scope(f"{quiet}::test_a[x]") == f"{quiet}::test_a"
    assert many._split_scope(f"{disturbing}::test_a[x]") == disturbing
    whole = "suites/storage/test_model_properties.py::test_a[x]"
    assert many._split_scope(whole) == whole
