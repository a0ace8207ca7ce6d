"""Which findings print a curl line, which a script, and which neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.reporting import html
from conformance.reporting.commands import curl_of, script_of
from conformance.reporting.reproduce.requests import curl_line
from conformance.reporting.terminal import failure_text
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.samples import RUN_MADE, entry

LINE = "curl http://h"


def line(*sequence: dict[str, Any], kind: str = "body") -> str:
    """Return the curl line of a finding about the last exchange."""
    finding = {"deviation": {"kind": kind}, "exchanges": [sequence[-1]["id"]]}
    return curl_line(finding, sequence, {"KEY": "SECRET"})


TOKEN = entry(1, "POST", url="http://h/token", issued=[1])
READ = entry(3, status=500)
BODY = {"size": 70000, "sha256": "0" * 64, "base64": "AAAA"}


def test_a_read_that_depends_on_nothing_has_a_line() -> None:
    assert line(TOKEN, READ) == "curl -sS -i --path-as-is http://h/b/k"
    assert line(entry(1, "PUT", status=401), READ), "a write without credentials that was refused"


NO_LINE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "created": (entry(1, "PUT", 201, url="http://h/b/k/a"), READ),
    "refused-write": (entry(1, "PATCH", 409, secrets=["FULL_TOKEN"]), READ),
    "same-request": (entry(1), READ),
    "limit-reached": (entry(1, status=429, url="http://h/other"), READ),
    "pause": (entry(1, url="http://h/other", paused_s=1.0), READ),
    "concurrent": (entry(1, url="http://h/other", duration_s=9.0), READ),
    "operator": ({"kind": "transcript", "id": "x-1", "command": ["revoke"], "hook": "revoke"}, READ),
    "creates": (TOKEN, entry(3, "PUT", 201)),
    "opens": (TOKEN, entry(3, "POST", 202, response_headers=[["Location", "/b/k/b"]])),
    "deletes": (TOKEN, entry(3, "DELETE", 204)),
    "large-body": (TOKEN, entry(3, "PUT", 500, request_body=BODY)),
    "token-of-the-run": (TOKEN, entry(3, secrets=["ISSUED_TOKEN"])),
    "signed": (TOKEN, entry(3, url="http://h/b?X-Amz-Date=20260101T000000Z&X-Amz-Signature=0")),
    "altered-secret": (TOKEN, entry(3, url="http://h/b?a=$NAME~altered-reversed")),
    "name-of-the-run": (TOKEN, entry(3, url=f"http://h/b/{RUN_MADE}")),
}
"""A request before the shown one, and the shown one: what it depends on, or why it cannot be repeated."""


@pytest.mark.parametrize(("before", "shown"), NO_LINE.values(), ids=NO_LINE)
def test_a_finding_that_one_request_does_not_show_has_no_line(before: dict[str, Any], shown: dict[str, Any]) -> None:
    assert line(before, shown) == ""


def test_a_finding_about_several_responses_has_no_line() -> None:
    assert line(TOKEN, READ, kind="behaviour") == ""


def failing(*findings: dict[str, Any]) -> CheckResult:
    """A failing check with these findings."""
    found = [samples.finding("201", "500", "x-2", **each) for each in findings]
    return samples.check("storage/object/a#b", Verdict.FAIL, findings=found)


def test_a_report_prints_the_line_of_a_finding_or_else_its_script() -> None:
    by_line, by_script = failing({"curl": LINE, "script": True}), failing({"curl": "", "script": True})
    assert (curl_of(by_line, {}, {}), script_of(by_line, "r")) == (LINE, "")
    assert curl_of(by_script, {}, {}) == ""
    assert script_of(by_script, "a run") == "sh 'a run/reproduce/storage-object-a-b/reproduce.sh'"
    both = failing({"curl": LINE, "script": True}, {"curl": "", "script": True})
    assert curl_of(both, {}, {}) == LINE
    assert script_of(both, "r").endswith("/storage-object-a-b-2/reproduce.sh")


@pytest.mark.parametrize(("script", "said"), [(True, False), (False, True)])
def test_a_report_gives_the_reason_why_a_finding_has_no_script(tmp_path: Path, script: bool, said: bool) -> None:
    reason = "it needs many concurrent requests"
    result = failing({"curl": "", "script": script, "no_script": "" if script else reason})
    assert (f"no script  {reason}" in failure_text(result, 0, False)) is said
    page = html.render(samples.written(tmp_path / "run", [result]))
    assert (f"No script: {reason}." in page) is said
