"""JUnit, CTRF, Markdown and Allure: read back as their readers read them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from conformance.reporting import FORMATS, html, markdown, render_all
from conformance.reporting.markdown import code, escaped
from conformance.reporting.terminal import closing
from conformance.runs.promises import UNNAMED
from conformance.runs.reading import Record
from conformance.vocabulary.exchange import CUT_OFF, NOT_REACHED, SESSION_LOST, STILL_THERE, TOO_LARGE
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

CTRF_TEST = {
    "id name status duration start stop suite message trace snippet ai line rawStatus tags labels type filePath retries"
    " retryAttempts flaky stdout stderr threadId browser device screenshot attachments parameters steps insights extra"
}
CTRF_TEST_FIELDS = set(" ".join(CTRF_TEST).split())
CTRF_SUMMARY_REQUIRED = {"tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"}


@pytest.fixture(scope="module")
def junit(record: Record) -> ET.Element:
    return ET.parse(record.folder / "junit.xml").getroot()  # noqa: S314


def case(junit: ET.Element, check_id: str) -> ET.Element:
    return next(each for each in junit.iter("testcase") if each.get("name") == check_id)


def test_every_format_is_written(record: Record) -> None:
    assert all((record.folder / name).exists() for _, name in FORMATS.values())


def test_junit_counts_what_it_holds(junit: ET.Element) -> None:
    assert {name: junit.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "15",
        "failures": "6",
        "errors": "3",
        "skipped": "2",
    }


@pytest.mark.parametrize(
    ("check_id", "tag", "kind"),
    [
        ("oauth/token/wrong-secret-is-refused#wrong", "failure", "MUST"),
        ("oauth/token/cache-control-is-no-store", "failure", "SHOULD"),
        ("oauth/token/revoked-credential-is-refused", "error", "inconclusive"),
        ("registry/pull/blob-range", "error", "error"),
        ("oauth/limits/too-many-requests-are-told", "skipped", "not-applicable"),
        ("registry/push/client-can-push#docker", "skipped", "waived"),
    ],
)
def test_junit_uses_real_elements(junit: ET.Element, check_id: str, tag: str, kind: str) -> None:
    element = case(junit, check_id).find(tag)

    assert element is not None
    assert element.get("type") == kind
    assert element.get("message")


def test_junit_names_requirement_level_and_clause(junit: ET.Element) -> None:
    found = case(junit, "oauth/token/wrong-secret-is-refused#wrong")
    properties = {each.get("name"): each.get("value") for each in found.iter("property")}

    assert found.get("classname") == "oauth"
    assert properties["requirement"] == "oauth/token/wrong-secret-is-refused"
    assert properties["level"] == "MUST"
    assert properties["clause"] == "RFC 6749 (OAuth 2.0), section 5.2"
    assert "conformance replay" in (found.findtext("failure") or "")


def test_ctrf_keeps_to_its_specification(record: Record) -> None:
    report = json.loads((record.folder / "ctrf-report.json").read_text(encoding="utf-8"))
    results = report["results"]

    assert set(report) <= {"reportFormat", "specVersion", "reportId", "timestamp", "generatedBy", "extra", "results"}
    assert (report["reportFormat"], report["specVersion"]) == ("CTRF", "1.0.0")
    assert set(results) <= {"tool", "summary", "tests", "environment", "extra", "insights", "baseline"}
    assert set(results["summary"]) >= CTRF_SUMMARY_REQUIRED
    assert set(results["summary"]) <= CTRF_SUMMARY_REQUIRED | {"flaky", "suites", "duration", "extra"}
    assert results["summary"]["passed"] == 4
    assert results["summary"]["tests"] == sum(
        results["summary"][each] for each in ("passed", "failed", "skipped", "other")
    )
    for test in results["tests"]:
        _assert_ctrf_test(test)


def _assert_ctrf_test(test: dict[str, Any]) -> None:
    assert {"name", "status", "duration"} <= set(test) <= CTRF_TEST_FIELDS
    assert test["status"] in {"passed", "failed", "skipped", "pending", "other"}
    assert isinstance(test["duration"], int)
    assert re.fullmatch(r"[0-9a-f-]{36}", test["id"])
    assert test["labels"]["requirement"]


def test_the_summary_shows_hostile_text_and_does_nothing_with_it(record: Record) -> None:
    text = (record.folder / "summary.md").read_text(encoding="utf-8")
    outside_code = re.sub(r"(?ms)^(`{3,})sh\n.*?^\1$", "", text)

    assert "<script" not in text and "<img" not in text
    assert "@everyone" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", text)
    assert "http://evil" not in outside_code
    assert "| oauth-core | ❌ not conformant | 2/5 | 0/1 |  |" in text
    assert "conformance replay" in text and "curl -sS" in text


@pytest.mark.parametrize("text", ["a|b", "[x](http://y)", "`x`", "# t", "<b>", "*b*", "a\n\n# b", "~~x~~", "$x$"])
def test_no_markdown_gets_through(text: str) -> None:
    assert not re.search(r"(?<![\\&])[|`*\[\]#~$]|<|\n|://", escaped(text))


def test_a_fence_cannot_be_closed_from_inside() -> None:
    assert code("a ``` b").startswith("````sh\n")


def test_allure_results_have_area_promise_requirement_and_level(record: Record) -> None:
    folder = record.folder / "allure-results"
    results = {each["fullName"]: each for each in map(json.loads, _texts(folder, "*-result.json"))}
    failing = results["oauth/token/wrong-secret-is-refused#wrong"]
    labels = {each["name"]: each["value"] for each in failing["labels"]}

    assert len(results) == 15
    assert (labels["epic"], labels["feature"], labels["severity"]) == ("oauth", UNNAMED, "critical")
    assert labels["story"] == "oauth/token/wrong-secret-is-refused"
    assert failing["status"] == "failed"
    assert failing["statusDetails"]["message"] == "Got 200 OK with an access token; expected 401 or 400"
    assert failing["links"][0]["url"].startswith("https://www.rfc-editor.org/")
    exchanges = json.loads((folder / failing["attachments"][0]["source"]).read_text(encoding="utf-8"))
    for step, exchange in zip(failing["steps"], exchanges, strict=True):
        assert step["name"].startswith(f"{exchange['id']}: {exchange['method']} {exchange['url']} answered ")
    assert not {"steps", "attachments"} & set(results["oauth/token/good-request-gets-a-token"])
    assert "links" not in results["webhooks/post/hostile"]
    assert results["registry/pull/blob-range"]["status"] == "broken"


def test_the_history_of_a_check_goes_on_from_run_to_run(tmp_path: Path) -> None:
    ids = []
    for name in ("one", "two"):
        record = samples.written(tmp_path / name, [samples.check("oauth/token/a#b", Verdict.PASS)], run_id=name)
        folder = render_all(record, ["allure"])["allure"]
        ids.append(json.loads(next(_texts(folder, "*-result.json")))["historyId"])

    assert ids[0] == ids[1]


def test_rendering_again_leaves_no_old_results(tmp_path: Path) -> None:
    record = samples.written(tmp_path / "again", [samples.check("oauth/token/a")])
    render_all(record, ["allure"])
    folder = render_all(record, ["allure"])["allure"]

    assert len(list(folder.glob("*-result.json"))) == 1


def _texts(folder: Path, pattern: str) -> Any:
    return (path.read_text(encoding="utf-8") for path in folder.glob(pattern))


@pytest.mark.parametrize(
    ("event", "question"),
    [
        (NOT_REACHED, "by --rate"),
        (SESSION_LOST, "http.secret"),
        (TOO_LARGE, "5 MiB"),
        (CUT_OFF, "started again"),
        (STILL_THERE, "ten seconds"),
    ],
)
@pytest.mark.parametrize(("met", "others", "told"), [(9, 0, False), (10, 0, True), (10, 100, False), (11, 100, True)])
def test_what_many_checks_have_met_is_told_in_every_form(
    tmp_path: Path, met: int, others: int, told: bool, event: str, question: str
) -> None:
    findings = [samples.finding("200", "503")]
    results = [
        samples.check(
            f"oauth/token/a#{number}", Verdict.FAIL, findings=findings, events={event: 1} if number < met else {}
        )
        for number in range(met + others)
    ]
    record = samples.written(tmp_path / "run", [*results, samples.check("registry/pull/a", events={event: 9})])
    words = f"{met} of the {met + others} checks that did not pass were {event}"
    forms = [markdown.render(record), html.render(record), closing(record, {}, colour=False)]
    assert [words in form for form in forms] == [told] * 3
    assert [each in forms[0] for each in ("(oauth)", question)] == [told] * 2
