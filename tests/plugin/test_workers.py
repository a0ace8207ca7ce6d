"""The number of workers: by the target's distance, the rate and the selection."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.delay import delayed
from benchmarks.far import send_away
from conformance.plugin.workers import MOST, MOST_NEAR, needed
from conformance.runs.reading import read
from tests.run.support import run, serving_reference


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


# Requirements enough for a third worker, that take little time.
FEW = ("webhooks/methods", "webhooks/errors", "oauth/errors", "oauth/endpoints")


@pytest.mark.nightly
def test_a_far_run_has_more_workers_and_a_small_one_none(tmp_path: Path) -> None:
    with serving_reference() as reference, delayed(0.02) as delay:
        send_away(reference.folder, delay)
        words = [
            sys.executable,
            "-m",
            "conformance",
            "run",
            "--config",
            str(reference.target_config),
            "--report",
            "junit",
            "--explore",
            "0",
        ]
        far = run([*words, *FEW, "--out", "far"], tmp_path)
        small = run([*words, "webhooks/rotation", "--out", "small"], tmp_path)
    assert (far.code, small.code) == (0, 0), far.output + small.output
    assert read(tmp_path / "far").info.workers > 2
    assert read(tmp_path / "small").info.workers == 0
