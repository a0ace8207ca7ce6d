"""The seal of a run: written with it, and broken by every later change of its record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.runs.merging import merge
from conformance.runs.record import RecordError
from conformance.runs.seal import SEAL, SealError, check_run_seal
from tests.reporting import samples


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return samples.every_verdict(tmp_path / "run").folder


def test_the_seal_of_an_untouched_run_holds(run: Path) -> None:
    told = json.loads((run / SEAL).read_text())
    assert set(told["files"]) == {"run.json", "results.ndjson", "leftovers.json", "evidence/main.ndjson.gz"}
    assert check_run_seal(run) == told["key"]


def appended(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes((run / name).read_bytes() + b" ")


def sealed_by_hand(run: Path) -> None:
    told = json.loads((run / SEAL).read_text())
    told["files"]["run.json"] = "0" * 64
    (run / SEAL).write_text(json.dumps(told))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "info": (appended("run.json"), "run.json: was changed after the run ended"),
    "verdicts": (appended("results.ndjson"), "results.ndjson: was changed after"),
    "leftovers": (appended("leftovers.json"), "leftovers.json: was changed after"),
    "evidence": (appended("evidence/main.ndjson.gz"), "evidence/main.ndjson.gz: was changed after"),
    "added": (lambda run: (run / "evidence" / "x.ndjson.gz").write_text(""), "evidence/x.ndjson.gz: was added after"),
    "removed": (lambda run: (run / "leftovers.json").unlink(), "leftovers.json: is missing; it was removed after"),
    "digest": (sealed_by_hand, "seal.json: was changed after the run ended"),
    "unsealed": (lambda run: (run / SEAL).unlink(), "seal.json: is missing; an older suite made the run"),
    "garbage": (lambda run: (run / SEAL).write_text("[" * 100_000), "seal.json: was changed after"),
    "empty": (lambda run: (run / SEAL).write_text("{}"), "seal.json: was changed after"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_breaks_the_seal(run: Path, change: Callable[[Path], object], told: str) -> None:
    change(run)
    with pytest.raises(SealError, match=told):
        check_run_seal(run)


def test_shards_are_joined_under_a_new_seal_unless_one_was_changed(tmp_path: Path) -> None:
    shards = [tmp_path / name for name in "12"]
    for number, folder in enumerate(shards, 1):
        checks = [samples.check(f"oauth/token/a{number}")]
        samples.written(folder, checks, samples.recorder(), shard=f"{number}/2", plan="p", planned=2)
    merge(shards, tmp_path / "joined")
    assert check_run_seal(tmp_path / "joined") not in map(check_run_seal, shards)
    appended("leftovers.json")(shards[1])
    with pytest.raises(RecordError, match=r"leftovers\.json: was changed after the run ended"):
        merge(shards, tmp_path / "again")
