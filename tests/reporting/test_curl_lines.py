"""Which findings print a curl line, which a script, and which neither."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reporting.commands import curl_of, script_of
from conformance.reporting.reproduce.steps import curl_line
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.samples import RUN_MADE, entry

LINE = "curl http://h"


def line(*sequence: dict[str, Any], proof: dict[str, Any] | None = None) -> str:
    """Return the curl line of a finding about the last exchange."""
    return curl_line({"proof": proof or {}, "exchanges": [sequence[-1]["id"]]}, sequence, {"KEY": "SECRET"})


TOKEN = entry(1, "POST", url="http://h/token", issued=[1])
READ = entry(3, status=500)
BODY = {"size": 70000, "sha256": "0" * 64, "base64": "AAAA"}


def test_a_read_that_depends_on_nothing_has_a_line() -> None:
    assert line(TOKEN, READ) == "curl -sS -i --path-as-is http://h/b/k"
    assert line(entry(1, "PUT", status=401), READ), "a write without credentials that was refused"


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(entry(1, "PUT", 201, url="http://h/b/k/a"), id="created"),
        pytest.param(entry(1, "PATCH", 409, secrets=["FULL_TOKEN"]), id="refused-write"),
        pytest.param(entry(1), id="same-request"),
        pytest.param(entry(1, status=429, url="http://h/other"), id="limit-reached"),
        pytest.param(entry(1, url="http://h/other", paused_s=1.0), id="pause"),
        pytest.param(entry(1, url="http://h/other", duration_s=9.0), id="concurrent"),
        pytest.param({"kind": "transcript", "id": "x-1", "command": ["revoke"], "hook": "revoke"}, id="operator"),
    ],
)
def test_a_finding_that_depends_on_earlier_requests_has_no_line(before: dict[str, Any]) -> None:
    assert line(before, READ) == ""


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(entry(3, "PUT", 201), id="creates"),
        pytest.param(entry(3, "POST", 202, response_headers=[["Location", "/b/k/b"]]), id="opens"),
        pytest.param(entry(3, "DELETE", 204), id="deletes"),
        pytest.param(entry(3, "PUT", 500, request_body=BODY), id="large-body"),
        pytest.param(entry(3, secrets=["ISSUED_TOKEN"]), id="token-of-the-run"),
        pytest.param(entry(3, url="http://h/b?X-Amz-Date=20260101T000000Z&X-Amz-Signature=0"), id="signed"),
        pytest.param(entry(3, url="http://h/b?a=$NAME~altered-reversed"), id="altered-secret"),
        pytest.param(entry(3, url=f"http://h/b/{RUN_MADE}"), id="name-of-the-run"),
    ],
)
def test_a_request_that_cannot_be_repeated_has_no_line(shown: dict[str, Any]) -> None:
    assert line(TOKEN, shown) == ""


@pytest.mark.parametrize(
    "proof",
    [
        {"exchange": "x-3", "alike": [["x-1", "x-3"]]},
        {"exchange": "x-3", "sha256": "0"},
        {"exchange": "x-3", "inside": "claims", "matches": "aud"},
        {"beyond": "it is about several responses together"},
    ],
)
def test_a_deviation_that_one_response_does_not_show_has_no_line(proof: dict[str, Any]) -> None:
    assert line(TOKEN, READ, proof=proof) == ""


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
