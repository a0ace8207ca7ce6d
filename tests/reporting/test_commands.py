"""The commands that a report prints for a finding: the curl line, or else the script."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reporting.commands import curl_of, label_of, script_of
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

LINE = "curl http://h"


def failing(*findings: dict[str, Any]) -> CheckResult:
    """A failing check with these findings."""
    told = [samples.finding("201", "500", "x-2", **each) for each in findings]
    return samples.check("storage/object/a#b", Verdict.FAIL, findings=told)


def test_a_finding_has_its_line_or_its_script() -> None:
    by_line, by_script = failing({"curl": LINE, "script": True}), failing({"curl": "", "script": True})
    assert (curl_of(by_line, {}, {}), script_of(by_line, "r")) == (LINE, "")
    assert curl_of(by_script, {}, {}) == ""
    assert script_of(by_script, "a run") == "sh 'a run/reproduce/storage-object-a-b/reproduce.sh'"


def test_the_script_is_that_of_the_finding_without_a_line() -> None:
    both = failing({"curl": LINE, "script": True}, {"curl": "", "script": True})
    assert curl_of(both, {}, {}) == LINE
    assert script_of(both, "r").endswith("/storage-object-a-b-2/reproduce.sh")


@pytest.mark.parametrize("finding", [{"curl": "", "script": False}, {}])
def test_what_neither_shows_has_neither(finding: dict[str, Any]) -> None:
    exchange = {"kind": "exchange", "id": "x-2"}
    assert curl_of(failing(finding), {"x-2": exchange}, {}) == ""
    assert script_of(failing(finding), "r") == ""


@pytest.mark.parametrize(
    "begin", ["", "printf a | ", "head -c 9 /dev/zero | ", "yes ab | tr -d '\\n' | head -c 4 | ", "{ printf a; } | "]
)
def test_curl_is_called_so_whatever_prints_its_body(begin: str) -> None:
    assert label_of(f"{begin}curl http://h") == "curl"
