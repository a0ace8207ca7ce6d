"""A signer with the right key changes the run before signing: the evidence contradicts the verdict."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certification import runs
from tests.run.support import Ran, conformance, serving_reference

pytestmark = pytest.mark.once

DEFECT = "json-array-refused"


@pytest.fixture
def folder(vendor: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    return Path(shutil.copytree(vendor, tmp_path / "vendor"))


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys and a run of the webhooks' checks in which one fails."""
    made = tmp_path_factory.mktemp("vendor")
    (made / ".git").mkdir()
    runs.keys(made)
    with serving_reference("--defect", DEFECT) as reference:
        ran = conformance(made, "run", "webhooks", "--config", str(reference.target_config), "--out", "run")
    assert ran.code == 1, ran.output
    return made


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "run" / "results.ndjson"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def certify_words() -> list[str]:
    """The command that certifies the run."""
    return ["certify", "run", "--key", "key.pem", "--out", "s.jsonl", *runs.product_words()]


def certified(folder: Path) -> Ran:
    return conformance(folder, *certify_words())


def passing(line: dict[str, Any]) -> None:
    if line.get("verdict") == "fail":
        line.update(verdict="pass", findings=[])


def test_a_changed_verdict_breaks_the_seal(folder: Path) -> None:
    rewritten(folder, passing)
    refused = certified(folder)
    assert refused.code == 1, refused.output
    assert "results.ndjson: was changed after the run ended; run it again" in refused.output


def test_a_changed_verdict_under_a_new_seal_contradicts_its_evidence(folder: Path) -> None:
    rewritten(folder, passing)
    runs.sealed_again(folder / "run")
    refused = certified(folder)
    assert refused.code == 1, refused.output
    assert "pass in the record, fail by its evidence" in refused.output
    assert not (folder / "s.jsonl").exists()


def test_removed_evidence_is_missed(folder: Path) -> None:
    rewritten(folder, passing)
    for path in (folder / "run" / "evidence").iterdir():
        path.write_text("")
    runs.sealed_again(folder / "run")
    refused = certified(folder)
    assert refused.code == 1, refused.output
    assert "is not in the run" in refused.output
