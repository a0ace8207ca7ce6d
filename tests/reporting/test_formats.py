"""JUnit, CTRF, Markdown and Allure: they meet their schemas, and their readers find every verdict."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import junitparser
import pytest
import xmlschema
from jsonschema import Draft7Validator

from conformance.reporting import html, markdown, render_all
from conformance.reporting.markdown import code, escaped
from conformance.reporting.terminal import closing
from conformance.runs.promises import UNNAMED
from conformance.runs.reading import Record
from conformance.vocabulary.exchange import CUT_OFF, NOT_REACHED, SESSION_LOST, STILL_THERE, TOO_LARGE
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.node import module

JUNIT = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


@pytest.fixture(scope="module", params=["every verdict", "nothing"])
def rendered(request: pytest.FixtureRequest, record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with every verdict and hostile text, and of one that judged nothing."""
    if request.param == "every verdict":
        return record.folder
    empty = samples.written(tmp_path_factory.mktemp("empty"), [], finished=None, exit_code=None)
    render_all(empty, ["junit", "ctrf"])
    return empty.folder


def test_junit_meets_its_schema(rendered: Path) -> None:
    JUNIT.validate(str(rendered / "junit.xml"))


def test_ctrf_meets_its_schema(rendered: Path) -> None:
    schema = json.loads((module("ctrf") / "dist" / "ctrf-schema-0.0.json").read_text(encoding="utf-8"))
    report = json.loads((rendered / "ctrf-report.json").read_text(encoding="utf-8"))
    Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER).validate(report)
    summary = report["results"]["summary"]
    assert summary["tests"] == sum(summary[each] for each in ("passed", "failed", "skipped", "other"))


def test_junit_counts_and_types_every_verdict(record: Record) -> None:
    read = junitparser.JUnitXml.fromfile(str(record.folder / "junit.xml"))
    assert (read.tests, read.failures, read.errors, read.skipped) == (15, 6, 3, 2)
    types = {case.name: [(type(each).__name__, each.type) for each in case.result] for suite in read for case in suite}
    assert len(types) == 15
    for name, kind in {
        "oauth/token/wrong-secret-is-refused#wrong": ("Failure", "MUST"),
        "oauth/token/cache-control-is-no-store": ("Failure", "SHOULD"),
        "oauth/token/revoked-credential-is-refused": ("Error", "inconclusive"),
        "registry/pull/blob-range": ("Error", "error"),
        "oauth/limits/too-many-requests-are-told": ("Skipped", "not-applicable"),
        "registry/push/client-can-push#docker": ("Skipped", "waived"),
        "oauth/token/good-request-gets-a-token": None,
    }.items():
        assert types[name] == ([kind] if kind else []), name


def test_junit_names_requirement_level_and_clause(record: Record) -> None:
    cases = ET.parse(record.folder / "junit.xml").getroot().iter("testcase")  # noqa: S314
    found = next(each for each in cases if each.get("name") == "oauth/token/wrong-secret-is-refused#wrong")
    properties = {each.get("name"): each.get("value") for each in found.iter("property")}

    assert found.get("classname") == "oauth"
    assert properties["requirement"] == "oauth/token/wrong-secret-is-refused"
    assert properties["level"] == "MUST"
    assert properties["clause"] == "RFC 6749 (OAuth 2.0), section 5.2"
    assert "conformance replay" in (found.findtext("failure") or "")


def test_hostile_text_is_inert_in_the_summary(record: Record) -> None:
    text = (record.folder / "summary.md").read_text(encoding="utf-8")
    outside_code = re.sub(r"(?ms)^(`{3,})sh\n.*?^\1$", "", text)

    assert "<script" not in text and "<img" not in text
    assert "@everyone" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", text)
    assert "http://evil" not in outside_code
    assert "| oauth-core | ❌ not conformant | 2/5 | 0/1 |  |" in text
    assert "conformance replay" in text and "curl -sS" in text


@pytest.mark.parametrize("text", ["a|b", "[x](http://y)", "`x`", "# t", "<b>", "*b*", "a\n\n# b", "~~x~~", "$x$"])
def test_markdown_is_escaped(text: str) -> None:
    assert not re.search(r"(?<![\\&])[|`*\[\]#~$]|<|\n|://", escaped(text))
    assert code("a ``` b").startswith("````sh\n"), "the fence is longer than the one inside"


def test_allure_results_have_area_promise_requirement_and_level(record: Record) -> None:
    folder = record.folder / "allure-results"
    results = {each["fullName"]: each for each in map(json.loads, _texts(folder, "*-result.json"))}
    failing = results["oauth/token/wrong-secret-is-refused#wrong"]
    labels = {each["name"]: each["value"] for each in failing["labels"]}

    assert len(results) == 15
    assert (labels["epic"], labels["feature"], labels["severity"]) == ("oauth", UNNAMED, "critical")
    assert labels["story"] == "oauth/token/wrong-secret-is-refused"
    assert failing["status"] == "failed"
    assert failing["statusDetails"]["message"] == "Got 200 OK; expected 401 or 400 (case: wrong)"
    assert failing["links"][0]["url"].startswith("https://www.rfc-editor.org/")
    exchanges = json.loads((folder / failing["attachments"][0]["source"]).read_text(encoding="utf-8"))
    for step, exchange in zip(failing["steps"], exchanges, strict=True):
        assert step["name"].startswith(f"{exchange['id']}: {exchange['method']} {exchange['url']} answered ")
    assert not {"steps", "attachments"} & set(results["oauth/token/good-request-gets-a-token"])
    assert "links" not in results["webhooks/post/hostile"]
    assert results["registry/pull/blob-range"]["status"] == "broken"


def test_allure_keeps_the_history_of_a_check_and_no_old_results(tmp_path: Path) -> None:
    ids = []
    for run in ("one", "two"):
        record = samples.written(tmp_path / run, [samples.check("oauth/token/a#b", Verdict.PASS)], run_id=run)
        render_all(record, ["allure"])
        (text,) = _texts(render_all(record, ["allure"])["allure"], "*-result.json")
        ids.append(json.loads(text)["historyId"])

    assert ids[0] == ids[1]


def _texts(folder: Path, pattern: str) -> Any:
    return (path.read_text(encoding="utf-8") for path in folder.glob(pattern))


@pytest.mark.parametrize(
    ("event", "question", "met", "others", "told"),
    [
        (NOT_REACHED, "in --rate", 10, 0, True),
        (SESSION_LOST, "http.secret", 11, 100, True),
        (TOO_LARGE, "5 MiB", 10, 0, True),
        (CUT_OFF, "restarted", 10, 0, True),
        (STILL_THERE, "ten seconds", 10, 0, True),
        (NOT_REACHED, "in --rate", 9, 0, False),
        (NOT_REACHED, "in --rate", 10, 100, False),
    ],
)
def test_every_report_names_an_event_that_most_failing_checks_met(
    tmp_path: Path, event: str, question: str, met: int, others: int, told: bool
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
