"""Scripts are given the answers of their own run; one that says of them that its finding is gone looks elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.recorder import Recorder
from conformance.runs.reading import Record
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.verdict import Verdict
from tests.reporting.own_answers import ended_otherwise
from tests.reporting.samples import check, info
from tests.scripts import by_own_answers, pairs_of


def asked(status: int) -> dict[str, Any]:
    recorder = Recorder()
    recorder.begin()
    headers = Headers([("ETag", '"one"'), ("Content-Type", "text/plain"), ("Link", "<a>"), ("link", "<a>")])
    recorder.exchange(Exchange("x-1", "GET", "http://h/b/k", Headers(), b"", status, headers, b"text", 0.0, 0.1))
    return recorder.entries[0]


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        ({"exchange": "x-1", "statuses": [404]}, None),
        ({"exchange": "x-1", "fields_lack": [["ETag", '^"one"$']]}, None),
        ({"exchange": "x-1", "fields_lack": [["ETag", '^"two"$']]}, "passes"),
        ({"exchange": "x-1", "fields_once": ["Link"]}, None),
        ({"exchange": "x-1", "fields_once": ["ETag", "Location"]}, "passes"),
        ({"exchange": "x-1", "lacks": "text"}, None),
        ({"exchange": "x-1", "statuses": [200]}, "passes"),
        ({"beyond": "nobody can"}, None),
        ({"beyond": "the run's own are there"}, None),
    ],
)
def test_a_script_that_says_of_its_own_answers_that_they_pass_is_told(
    tmp_path: Path, proof: dict[str, Any], said: str | None
) -> None:
    finding = {"expected": "a", "observed": "b", "exchanges": ["x-1"], "proof": proof}
    result = replace(check("storage/a/b", Verdict.FAIL), findings=[finding], exchanges=["x-1"])
    record = Record(tmp_path, info(), [result], complete=True, _evidence={"x-1": asked(200)})
    told = [
        (requirement, line.partition(" | ")[2].rpartition(": ")[0]) for requirement, line in ended_otherwise(record)
    ]
    assert told == ([] if said is None else [("storage/a/b", f"of its own answers: {said}")])


@pytest.mark.nightly
def test_no_script_of_a_defect_says_that_its_own_answers_pass() -> None:
    tried, wrong = by_own_answers(pairs_of(None, [])[7::45], explore=5)
    assert tried > 50 and wrong == []
