"""A request that ends the service is a cause of its own, and the first one that every report names."""

from __future__ import annotations

from pathlib import Path

from conformance.reporting.causes import causes
from conformance.reporting.met_by_many import in_front
from conformance.reporting.terminal import findings
from conformance.runs.record import CheckResult
from conformance.vocabulary.exchange import ENDED_BY, HANGING, NO_LONGER_ANSWERS
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

FATAL = "PUT /conformance-a/cf-1-object"


def failing(check: str, asked: str, observed: str, expected: str = "200") -> CheckResult:
    findings = [samples.finding(expected, observed, asked=asked)]
    return samples.check(check, Verdict.FAIL, findings=findings)


def test_a_request_that_hangs_the_service_is_named_as_one(tmp_path: Path) -> None:
    fatal = failing("storage/object/a#fatal", FATAL, f"{ENDED_BY}: no answer in time, {HANGING}")
    (told,) = in_front(samples.written(tmp_path / "run", [fatal]))
    assert told.startswith("Service hung by one request") and FATAL in told


def test_a_service_that_stopped_for_an_unknown_request_is_named_once_for_each_cause(tmp_path: Path) -> None:
    reason = f"the storage {NO_LONGER_ANSWERS}: the connection is refused"
    results = [
        samples.check(f"storage/object/a#{number}", Verdict.INCONCLUSIVE, reason=f"{reason}; the last was {number}")
        for number in range(3)
    ]
    assert in_front(samples.written(tmp_path / "run", results)) == [f"T{reason[1:]}; the last was 2."]


def test_a_request_that_ends_the_service_is_the_first_cause_and_named_in_front(tmp_path: Path) -> None:
    wrong = [failing(f"storage/object/a#{number}", "GET /conformance-a/k", "404 with no body") for number in range(5)]
    fatal = failing("storage/object/a#fatal", FATAL, f"{ENDED_BY}: the connection is refused")
    record = samples.written(tmp_path / "run", [*wrong, fatal])
    first, second = causes(record)
    assert [each.id for each in first.results] == [fatal.id]
    assert len(second.results) == len(wrong)
    assert [FATAL in line and "ended" in line for line in in_front(record)] == [True]
    assert "Service ended by one request" in findings(record, 100, colour=False).splitlines()[1]


def test_two_operations_that_end_the_service_are_two_causes(tmp_path: Path) -> None:
    ended = f"{ENDED_BY}: the connection is refused"
    results = [
        failing("storage/object/a#put", FATAL, ended),
        failing("storage/object/a#delete", "DELETE /conformance-a/cf-1-object", ended),
        failing("storage/copy/b", FATAL, ended),
    ]
    record = samples.written(tmp_path / "run", results)
    assert [len(cause.results) for cause in causes(record)] == [2, 1]
