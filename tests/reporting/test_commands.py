"""The command that shows a finding, and the script that is named where the command alone does not."""

from __future__ import annotations

import pytest

from conformance.reporting.commands import curl_of, label_of, script_of
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

AWAY = "curl -X PUT http://h/b/k --data-binary @body-of-300-bytes"


def test_a_body_that_stands_in_no_command_is_named_by_its_file() -> None:
    finding = samples.finding("201", "500", "x-2", curl=AWAY, sequence=["x-1", "x-2"], steps=1)
    result = samples.check("storage/object/a#b", Verdict.FAIL, findings=[finding])
    assert curl_of(result, {}, {}, "r/n").endswith("--data-binary @r/n/reproduce/storage-object-a-b/body-2.bin")
    assert curl_of(result, {}, {}, "a run").endswith("'@a run/reproduce/storage-object-a-b/body-2.bin'")


@pytest.mark.parametrize(
    ("steps", "curl", "named"), [(0, "curl http://h", False), (2, "curl http://h", True), (0, AWAY, True)]
)
def test_the_script_is_named_where_the_curl_line_alone_shows_nothing(steps: int, curl: str, named: bool) -> None:
    finding = samples.finding("201", "500", "x-2", curl=curl, steps=steps)
    told = script_of(samples.check("storage/object/a#b", Verdict.FAIL, findings=[finding]), "reports/run")
    assert told.startswith("sh reports/run/reproduce/storage-object-a-b/reproduce.sh") is named
    assert ("with the 2 requests before" in told) is (steps == 2)


def test_the_script_is_named_where_a_finding_is_about_two_answers() -> None:
    finding = samples.finding("the same", "another", "x-1", "x-2", curl="curl http://h")
    told = script_of(samples.check("oauth/token/a", Verdict.FAIL, findings=[finding]), "run")
    assert told == "sh run/reproduce/oauth-token-a/reproduce.sh  # with all 2 requests that the finding is about"


def test_a_finding_of_an_older_run_names_no_script() -> None:
    finding = samples.finding("201", "500", "x-2", curl="curl http://h")
    assert script_of(samples.check("storage/object/a", Verdict.FAIL, findings=[finding]), "run") == ""


@pytest.mark.parametrize(
    "begin", ["", "printf a | ", "head -c 9 /dev/zero | ", "yes ab | tr -d '\\n' | head -c 4 | ", "{ printf a; } | "]
)
def test_curl_is_called_so_whatever_prints_its_body(begin: str) -> None:
    assert label_of(f"{begin}curl http://h") == "curl"
