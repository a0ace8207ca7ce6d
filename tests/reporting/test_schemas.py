"""The JSON Schemas of the record accept sample lines and refuse wrong ones."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from conformance.runs.reading import Record
from conformance.runs.record import RecordWriter
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples


def schema(name: str) -> dict[str, Any]:
    path = files("conformance.runs") / "schemas" / f"{name}.schema.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema(name))
    return Draft202012Validator(schema(name))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_line_of_results_keeps_to_its_schema(record: Record, tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "run", samples.info())
    writer.check(samples.check("oauth/token/a"))
    writer.amend("oauth/token/a", Verdict.INCONCLUSIVE, "the area no longer answers")
    writer.close(True, {"inconclusive": 1})

    for line in [*lines(record.folder / "results.ndjson"), *lines(tmp_path / "run" / "results.ndjson")]:
        validator("results").validate(line)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("results", {"kind": "check", "id": "a/b"}),
        ("results", {"kind": "amendment", "id": "a/b", "verdict": "fine", "reason": ""}),
        ("results", {"kind": "check", **vars(samples.check("oauth/token/a", Verdict.FAIL))}),
        ("evidence", {"kind": "exchange", "id": "x"}),
        ("run", {"format": 2}),
    ],
    ids=["check without members", "unknown verdict", "fail without finding", "exchange without members", "format"],
)
def test_a_wrong_line_is_refused(name: str, line: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validator(name).validate(line)
