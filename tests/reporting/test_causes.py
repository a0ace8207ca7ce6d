"""Failing checks with one deviation have one cause, and the most specific promise leads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.causes import Cause, causes, title
from conformance.reporting.met_by_many import in_front
from conformance.reporting.terminal import findings
from conformance.runs.record import CheckResult
from conformance.vocabulary.exchange import ENDED_BY, HANGING, NO_LONGER_ANSWERS
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

LISTING = "GET /conformance-a?list-type=2&prefix=cf-1&max-keys=1000"
TAGGING = "GET /conformance-a/cf-1-object?tagging="
PULL = "GET /v2/orgs/acme/app/manifests/v1"
UPLOAD = "POST /v2/orgs/acme/app/blobs/uploads/"
FATAL = "PUT /conformance-a/cf-1-object"
COMPLETE = "POST /conformance-a/cf-1-object?uploadId=7"
INVALID_PART = "400 application/xml <Error><Code>InvalidPart</Code></Error>"
GONE = '410 application/json {"error": {"code": "not_found"}}'
DENIED = '403 application/json {"errors": [{"code": "DENIED", "detail": "cf-1"}]}'

Shown = tuple[str, str, str, str]
"""A requirement, what was asked, expected and observed."""


def failing(shown: Shown, **changes: Any) -> CheckResult:
    requirement, asked, expected, observed = shown
    finding = samples.finding(expected, observed, asked=asked)
    if observed.startswith(ENDED_BY):
        finding["deviation"] = {"kind": "hung" if observed.endswith(HANGING) else "ended"}
    elif finding["deviation"]["kind"] != "status":
        finding["oracle"] = f"oracle.{expected.split(' ')[0]}"
    findings = [finding]
    return samples.check(requirement, Verdict.FAIL, findings=findings, **changes)


def found(folder: Path, results: list[CheckResult], **changes: Any) -> list[Cause]:
    return causes(samples.written(folder / "run", results, **changes))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param(
            ("storage/paging/a#1", LISTING, "KeyCount 9, what the page holds", "KeyCount 7"),
            ("storage/listing/b", f"{LISTING}&delimiter=b", "KeyCount 1, what the page holds", "KeyCount 0"),
            True, id="numbers-differ",
        ),
        pytest.param(
            ("storage/tagging/a", TAGGING, "tags that were stored", "{}"),
            ("storage/tagging/b", TAGGING, "no-tags after their deletion", '{"stage": "test"}'),
            False, id="two-oracles-of-two-requirements",
        ),
        pytest.param(
            ("storage/errors/a#1", LISTING, "an S3 error document", "404 with no body"),
            ("storage/errors/a#2", TAGGING, "an S3 error document", "403 with no body"),
            True, id="no-body-whatever-the-status",
        ),
        pytest.param(
            ("registry/rights/a", PULL, "401", "200 application/json {}"),
            ("registry/delete/b", PULL, "404", "200 application/json {}"),
            False, id="served-without-login-and-served-though-deleted",
        ),
        pytest.param(
            ("registry/rights/a#pull", PULL, "401", "200 x"),
            ("registry/rights/a#push", UPLOAD, "401", "202 x"),
            True, id="two-operations-of-one-requirement",
        ),
        pytest.param(
            ("registry/rights/a", PULL, "401", "200 x"), ("registry/rights/b", UPLOAD, "401", "202 x"),
            False, id="two-operations-of-two-requirements",
        ),
        pytest.param(
            ("storage/multipart/a", COMPLETE, "2xx without an error document", INVALID_PART),
            ("storage/multipart/b", COMPLETE, "code EntityTooSmall", INVALID_PART),
            True, id="a-refusal-of-valid-requests-hides-the-one-that-is-due",
        ),
        pytest.param(
            ("authorization/a/b", "GET /api/v1/organizations/globex", "401, 403 or 404", GONE),
            ("errors/a/b", "GET /api/v1/organizations/acme/projects/%00", "400 or 404", GONE),
            True, id="an-error-with-the-wrong-status-in-two-operations",
        ),
        pytest.param(
            ("authorization/a/b", "GET /api/v1/organizations/globex", "404", "410 with no body"),
            ("errors/a/b", "GET /api/v1/organizations/acme/projects/%00", "404", "410 with no body"),
            False, id="a-wrong-status-without-a-code-in-two-operations",
        ),
        pytest.param(
            ("storage/tagging/a", TAGGING, "200", "500 application/xml <Code>InternalError</Code>"),
            ("storage/listing/b", LISTING, "200", "500 application/xml <Code>InternalError</Code>"),
            False, id="two-server-errors-of-no-code-of-their-own",
        ),
    ],
)  # fmt: skip
def test_checks_with_the_same_deviation_share_a_cause(tmp_path: Path, one: Shown, other: Shown, together: bool) -> None:
    assert (len(found(tmp_path, [failing(one), failing(other)])) == 1) == together


def promised(promise: str, number: int, verdict: Verdict = Verdict.FAIL, **changes: Any) -> CheckResult:
    requirement = f"storage/{promise.lower()}/rule-{number}"
    if verdict is Verdict.PASS:
        return samples.check(requirement, promise=promise, **changes)
    return failing((requirement, COMPLETE, "2xx", INVALID_PART), promise=promise, **changes)


def test_the_promise_that_fails_most_leads_and_others_are_its_consequences(tmp_path: Path) -> None:
    specific = [promised("S3-34", number) for number in range(3)]
    general = [promised("S3-38", number, Verdict.FAIL if number < 4 else Verdict.PASS) for number in range(12)]
    [cause] = found(tmp_path, [*general, *specific])

    assert cause.promise.id == "S3-34"
    assert [(other.id, count) for other, count in cause.others] == [("S3-38", 4)]
    assert cause.results[0].promise == "S3-34"


def test_causes_are_in_the_order_of_consequence_level_and_count(tmp_path: Path) -> None:
    told = {"title": "…", "document": "D", "section": "S", "quote": "Q", "url": "", "class": "c", "surface": "storage"}
    promises = {
        promise: {**told, "consequence": consequence}
        for promise, consequence in (("S3-01", "form"), ("S3-02", "loss"), ("S3-03", "loss"), ("S3-04", "loss"))
    }
    results = [
        failing(("storage/a/form", LISTING, "a", "x"), promise="S3-01"),
        failing(("storage/a/should", LISTING, "b", "x"), promise="S3-02", level="SHOULD"),
        failing(("storage/a/one", LISTING, "c", "x"), promise="S3-03"),
        failing(("storage/a/two#1", LISTING, "d", "x"), promise="S3-04"),
        failing(("storage/a/two#2", LISTING, "d", "x"), promise="S3-04"),
    ]

    assert [each.promise.id for each in found(tmp_path, results, promises=promises)] == [
        "S3-04", "S3-03", "S3-02", "S3-01",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "…", "//[", "4", "400", "5xx", '"' * 3000, "\ud800\x00", "code ", "GET //[::?%"])
def test_hostile_text_does_not_break_the_grouping(tmp_path: Path, text: str) -> None:
    odd = [
        failing((f"{area}/a/b", f"GET {text}", text, text), whole_run=area == "storage") for area in ("storage", "x")
    ]
    plain = failing(("storage/a/c", LISTING, "2xx", "400 with no body"))

    assert sum(len(cause.results) for cause in found(tmp_path, [*odd, plain])) == 3
    assert all(title(each) for each in odd)


@pytest.mark.parametrize(
    ("expected", "observed", "words"),
    [
        ("401", '200 application/json {"id": 1}', "Got 200 OK with application/json content; expected 401"),
        ("2xx", INVALID_PART, "Got 400 Bad Request (InvalidPart); expected 2xx"),
        ("400", "500 with no body", "Server error: 500 Internal Server Error with no body; expected 400"),
        ("less", "500% more", "Got 500% more; expected less"),
        ("", "", "Fails"),
    ],
)
def test_a_title_names_the_deviation(expected: str, observed: str, words: str) -> None:
    assert title(failing(("storage/a/b", "", expected, observed))) == words


@pytest.mark.parametrize(
    ("case", "expected", "words"),
    [
        ("blank-before", "401", "Got 200 OK with no body; expected 401 (case: blank before)"),
        (
            "before-if-unmodified-since",
            "412",
            "Got 200 OK with no body; expected 412 (case: before If-Unmodified-Since)",
        ),
        ("cut", "401 for the secret without its last character", ""),
    ],
)
def test_a_title_names_the_case_unless_the_expectation_does(case: str, expected: str, words: str) -> None:
    whole = words or f"Got 200 OK with no body; expected {expected}"
    assert title(failing((f"storage/a/b#{case}", "", expected, "200"))) == whole


def test_a_request_that_hangs_the_service_is_named_as_one(tmp_path: Path) -> None:
    fatal = failing(("storage/object/a#fatal", FATAL, "200", f"{ENDED_BY}: no answer in time, {HANGING}"))
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
    wrong = [
        failing((f"storage/object/a#{number}", "GET /conformance-a/k", "200", "404 with no body"))
        for number in range(5)
    ]
    fatal = failing(("storage/object/a#fatal", FATAL, "200", f"{ENDED_BY}: the connection is refused"))
    record = samples.written(tmp_path / "run", [*wrong, fatal])
    first, second = causes(record)
    assert [each.id for each in first.results] == [fatal.id]
    assert len(second.results) == len(wrong)
    assert [FATAL in line and "ended" in line for line in in_front(record)] == [True]
    assert "Service ended by one request" in findings(record, 100, colour=False).splitlines()[1]


def test_two_operations_that_end_the_service_are_two_causes(tmp_path: Path) -> None:
    ended = f"{ENDED_BY}: the connection is refused"
    results = [
        failing(("storage/object/a#put", FATAL, "200", ended)),
        failing(("storage/object/a#delete", "DELETE /conformance-a/cf-1-object", "200", ended)),
        failing(("storage/copy/b", FATAL, "200", ended)),
    ]
    record = samples.written(tmp_path / "run", results)
    assert [len(cause.results) for cause in causes(record)] == [2, 1]
