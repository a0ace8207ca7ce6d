"""Four shards of a run, merged: equal to the run unsharded; and folders that cannot be merged."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.runs.merging import merge
from conformance.runs.reading import read
from conformance.runs.record import RecordError
from tests.run.support import conformance, serving_reference

pytestmark = pytest.mark.once

DEFECT = "client-id-without-secret-accepted"
PARTS = 4
FEW = ["oauth/client/authentication-is-required", "webhooks/secret", "webhooks/methods"]
AREAS = ["authorization", "oauth", "registry/upload", "storage/object", "storage/multipart", "webhooks"]


def sharded(where: Path, areas: list[str]) -> Path:
    """Run these areas whole (``whole``) and in shards (``1`` to ``4``), all against one reference with a defect."""
    with serving_reference(switched=[DEFECT]) as reference:
        words = ["run", *areas, "--config", str(reference.target_config), "--explore", "1", "--report", "junit"]
        ran = conformance(where, *words, "--out", "whole")
        assert ran.code == 1, ran.output
        for part in range(1, PARTS + 1):
            shard = ["--shard", f"{part}/{PARTS}", "--durations", "whole", "--out", str(part)]
            assert conformance(where, *words, *shard).code in (0, 1)
    return where


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shards of a small run, with a finding."""
    return sharded(tmp_path_factory.mktemp("shards"), FEW)


@pytest.fixture
def shards(folder: Path, tmp_path: Path) -> list[Path]:
    """Copies of the shards, to be spoilt."""
    return [Path(shutil.copytree(folder / str(part), tmp_path / str(part))) for part in range(1, PARTS + 1)]


@pytest.mark.parametrize("areas", [FEW, pytest.param(AREAS, marks=pytest.mark.nightly)], ids=["few", "each-surface"])
def test_merged_shards_equal_the_run_unsharded(
    request: pytest.FixtureRequest, areas: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = request.getfixturevalue("folder") if areas == FEW else sharded(tmp_path, areas)
    shards = [folder / str(part) for part in range(1, PARTS + 1)]
    assert main(["merge", *map(str, reversed(shards)), "--out", str(tmp_path / "merged")]) == 1
    assert "html:" in capsys.readouterr().out
    merged, whole = read(tmp_path / "merged"), read(folder / "whole")
    assert merged.complete
    assert merged.remarks == []
    in_parts, at_once = ({each.id: (each.verdict, each.reason) for each in run.results} for run in (merged, whole))
    assert in_parts.keys() == at_once.keys()
    # Said of those that differ alone: a comparison of two thousand lines in two orders names none of them.
    differ = {name: (said, at_once[name]) for name, said in in_parts.items() if said[0] != at_once[name][0]}
    assert differ == {}
    assert len(merged.results) == len(whole.results)
    entries = merged.evidence()
    assert all(name in entries for result in merged.results for name in result.exchanges)
    findings = [finding for result in merged.results for finding in result.findings]
    assert all(name in entries for each in findings for name in [*each["exchanges"], *each["sequence"]])
    scripts = list((tmp_path / "merged" / "reproduce").glob("*/reproduce.sh"))
    assert len(scripts) == sum(bool(each["script"]) for each in findings)
    assert merged.info.requests == sum(read(shard).info.requests for shard in shards)
    assert [part["shard"] for part in merged.info.parts] == ["1/4", "2/4", "3/4", "4/4"]
    assert merged.info.exit_code == whole.info.exit_code == 1
    assert main(["compare", str(folder / "whole"), str(tmp_path / "merged")]) == 0


@pytest.mark.nightly
def test_an_empty_shard_is_merged(tmp_path: Path) -> None:
    selected = ["webhooks/rotation/old-url-is-refused", "webhooks/rotation/new-url-cannot-be-guessed"]
    with serving_reference() as reference:
        words = ["run", *selected, "--config", str(reference.target_config), "--report", "junit"]
        parts = [conformance(tmp_path, *words, "--shard", f"{part}/3", "--out", str(part)) for part in (1, 2, 3)]
    assert [part.code for part in parts] == [0, 0, 0], "".join(part.output for part in parts)
    assert any("None of the 2 checks falls to part" in part.output for part in parts)
    ran = conformance(tmp_path, "merge", "1", "2", "3", "--out", "joined")
    assert ran.code == 0, ran.output
    assert len(read(tmp_path / "joined").results) == 2


def changed(path: Path, **changes: Any) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, **changes}), encoding="utf-8")


def renumbered(shard: Path, name: str) -> Path:
    copy = Path(shutil.copytree(shard, shard.with_name("renumbered")))
    changed(copy / "run.json", shard=name)
    return copy


SPOILS: dict[str, tuple[Callable[[list[Path]], object], str]] = {
    "another-contract": (lambda s: changed(s[1] / "run.json", contract_digest="0" * 64), "another contract than"),
    "another-target": (lambda s: changed(s[1] / "run.json", fingerprint="0" * 64), "another target's description than"),
    "another-seed": (lambda s: changed(s[1] / "run.json", seed=2), r"another seed than .* \(2, not 1\)"),
    "another-suite": (lambda s: changed(s[1] / "run.json", suite_version="9"), "another version of the suite than"),
    "another-plan": (lambda s: changed(s[1] / "run.json", plan="0" * 64), "another plan of the shards than"),
    "twice": (lambda s: s.append(s[0]), "is shard 1/4, as .* is"),
    "missing": (lambda s: s.pop(2), "the folders lack shard 3/4"),
    "one-more": (lambda s: s.append(renumbered(s[0], "5/4")), "there is no shard 5/4: the run has 4 shards"),
    "no-shard": (lambda s: changed(s[0] / "run.json", shard=None), "is not a shard"),
    "garbage": (
        lambda s: spoil(s[0] / "results.ndjson", "{garbage"),
        r"results.ndjson:\d+: .* not a JSON object",
    ),
    "cut-short": (lambda s: cut(s[0] / "results.ndjson"), r"the run is not complete: \d+ checks"),
    "garbage-in-evidence": (
        lambda s: cut_off(s[0]),
        r"\.ndjson\.gz:\d+: .* not a JSON object is left out; the record was changed",
    ),
    "no-evidence": (lambda s: shutil.rmtree(s[0] / "evidence"), "evidence of .* is missing"),
    "a-check-gone": (lambda s: spoil(s[0] / "results.ndjson", ""), r"the shards contain \d+ checks, but"),
    "overlap": (lambda s: move_line(s[0], s[1]), "was also judged by"),
}


def spoil(path: Path, line: str) -> None:
    """Replace the line of one check of this shard alone by another line, or remove it."""
    lines = path.read_text(encoding="utf-8").split("\n")
    number = position_of_a_check(lines)
    lines[number : number + 1] = [line] if line else []
    path.write_text("\n".join(lines), encoding="utf-8")


def position_of_a_check(lines: list[str]) -> int:
    """Return the index of a check that one shard judges; every shard judges those of the whole run."""
    read_lines = [json.loads(each) for each in lines if each]
    return next(n for n, each in enumerate(read_lines) if each["kind"] == "check" and not each.get("whole_run"))


def cut_off(shard: Path) -> None:
    """Gives the evidence of a shard a last line that is not whole."""
    with sorted((shard / "evidence").glob("*.ndjson.gz"))[-1].open("ab") as lines:
        lines.write(gzip.compress(b'{"id": "\xff'))


def cut(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(lines[: len(lines) // 2]) + "\n", encoding="utf-8")


def move_line(one: Path, other: Path) -> None:
    own = (one / "results.ndjson").read_text(encoding="utf-8").split("\n")
    line = own[position_of_a_check(own)]
    lines = (other / "results.ndjson").read_text(encoding="utf-8").split("\n")
    lines.insert(1, line)
    (other / "results.ndjson").write_text("\n".join(lines), encoding="utf-8")
    for path in (one / "evidence").glob("*.ndjson.gz"):
        shutil.copy(path, other / "evidence" / f"more-{path.name}")


@pytest.mark.parametrize("how", SPOILS)
def test_folders_that_do_not_belong_together_are_refused(how: str, shards: list[Path], tmp_path: Path) -> None:
    spoil, told = SPOILS[how]
    spoil(shards)
    with pytest.raises(RecordError, match=told) as refusal:
        merge(shards, tmp_path / "merged")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "merged").exists()
