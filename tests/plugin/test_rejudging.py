"""Verdicts repeated from stored evidence: equal where nothing changed, another where something did, never a guess."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin.rejudging import Outcome, _compared, rejudge
from conformance.runs.reading import read
from conformance.runs.record import RecordError
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.run.support import conformance, serving_reference

pytestmark = pytest.mark.once

SELECTED = (
    "oauth/client/authentication-is-required", "oauth/jwt/is-signed", "webhooks/rotation/old-url-is-refused",
    "storage/multipart/parts-make-the-object#one-small-part", "registry/pull/blob-has-the-pushed-bytes",
)  # fmt: skip
DEFECT = "client-id-without-secret-accepted"
JudgeChanged = Callable[[str, Callable[[dict[str, Any]], None]], Outcome]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a finding, whose target is gone."""
    where = tmp_path_factory.mktemp("rejudged")
    with serving_reference("--odd-secrets", switched=[DEFECT]) as reference:
        words = ["--config", str(reference.target_config), "--out", str(where / "run")]
        ran = conformance(where, "run", *SELECTED, *words)
    assert ran.code == 1, ran.output
    return where / "run"


@pytest.fixture(scope="module")
def untouched(folder: Path) -> Outcome:
    return rejudge(read(folder))


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> JudgeChanged:
    """Judges a copy again in which each line of some files was changed."""

    def judged(files: str, change: Callable[[dict[str, Any]], None]) -> Outcome:
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        for path in copy.glob(files):
            packed = path.suffix == ".gz"
            data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
            lines = [json.loads(line) for line in data.split(b"\n") if line]
            for line in lines:
                if line["kind"] != "body":
                    change(line)
            data = "".join(json.dumps(line) + "\n" for line in lines).encode()
            path.write_bytes(gzip.compress(data) if packed else data)
        return rejudge(read(copy))

    return judged


def test_every_verdict_follows_from_its_evidence(untouched: Outcome) -> None:
    assert untouched.changed == []
    assert any(each.before == each.now == "fail" for each in untouched.checks)
    assert len(untouched.same) > 0.8 * len(untouched.checks)


def test_a_changed_verdict_is_noticed(changed: JudgeChanged, untouched: Outcome) -> None:
    failing = {each.id for each in untouched.same if each.before == "fail"}

    def turn(line: dict[str, Any]) -> None:
        if line.get("id") in failing:
            line.update(verdict="pass", findings=[])

    outcome = changed("results.ndjson", turn)
    assert {(each.id, each.before, each.now) for each in outcome.changed} == {
        (each, "pass", "fail") for each in failing
    }
    assert all(each.findings for each in outcome.changed)


@pytest.mark.parametrize(("optional", "same"), [(True, True), (False, False)])
def test_a_requirement_is_left_open_by_the_contract_and_not_by_the_record(optional: bool, same: bool) -> None:
    forged = samples.check("registry/a/b", Verdict.NOT_APPLICABLE, optional=True)
    judged = _compared(forged, {"now": "not-applicable", "reason": "", "optional": optional}, [])
    assert (judged.now == judged.before) is same


def test_missing_or_garbled_evidence_gives_no_verdict(changed: JudgeChanged, untouched: Outcome) -> None:
    def garble(line: dict[str, Any]) -> None:
        if line["check"].startswith("oauth/client/"):
            line["response_headers"] = "none"
        if line["check"].startswith("registry/pull/"):
            line["check"] = "registry/elsewhere"

    outcome = changed("evidence/*.ndjson.gz", garble)
    assert outcome.changed == []
    assert len(outcome.unclear) > len(untouched.unclear)


def test_a_record_without_a_readable_target_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    said = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    said["configuration"]["identity"]["credentials"]["full"]["client_secret"] = 5
    (copy / "run.json").write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(RecordError, match=r"run\.json: the target's description .* identity\.credentials\.full"):
        rejudge(read(copy))


def test_the_command_reports_changes(folder: Path, tmp_path: Path) -> None:
    ran = conformance(tmp_path, "rejudge", str(folder))
    assert ran.code == 0, ran.output
    assert "as recorded, 0 changed" in ran.output
    ran = conformance(tmp_path, "rejudge", str(tmp_path))
    assert ran.code == 4
    assert ran.output.strip() == f"{tmp_path}: no run.json; not a run's folder"
