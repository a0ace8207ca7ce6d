"""Which findings get a curl line, and which the script alone."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reporting.reproduce.steps import curl_line, script_lacks

RUN_MADE = "cf-0tpeune425a-w-7x"


def entry(number: int, method: str = "GET", path: str = "/v1/things", status: int = 200, **more: Any) -> dict[str, Any]:
    """One recorded exchange; each begins after the one before has ended."""
    return {
        "kind": "exchange", "id": f"x-{number}", "client": "http", "method": method, "url": f"http://h{path}",
        "request_headers": [], "request_body": {"size": 0, "text": ""}, "status": status, "response_headers": [],
        "response_body": {"size": 0, "text": ""}, "started": float(number), "duration_s": 0.1, **more,
    }  # fmt: skip


def line(*sequence: dict[str, Any], proof: dict[str, Any] | None = None, named: tuple[str, ...] = ()) -> str:
    """The curl line of a finding about the last exchange, or those that are named."""
    finding = {"proof": proof or {}, "exchanges": [*(named or (sequence[-1]["id"],))]}
    return curl_line(finding, sequence, {"KEY": "SECRET"})


TOKEN = entry(1, "POST", "/token", issued=[1])
READ = entry(3, status=500)
BODY = {"size": 70000, "sha256": "0" * 64, "base64": "AAAA"}


def test_a_read_that_needs_nothing_is_shown_by_a_line() -> None:
    assert line(TOKEN, READ) == "curl -sS -i --path-as-is http://h/v1/things"
    assert line(entry(1, "PUT", status=401), READ), "a write without credentials that was refused"


def test_what_a_token_or_an_event_does_not_depend_on_leaves_the_line() -> None:
    issued = entry(3, "POST", "/token", request_headers=[["A", "b"]], issued=[2])
    assert line(TOKEN, entry(2, "POST", "/token", 400, secrets=["SECRET"]), issued)
    assert not line(TOKEN, entry(2, "POST", "/token", 400, secrets=["SECRET"]), READ)
    assert line(entry(1, request_headers=[["Authorization", "Bearer a"]]), READ), "the same path for another client"
    assert line(entry(1, "PUT", status=201), entry(3, status=401), proof={"exchange": "x-3", "fields": [["A", "b"]]})
    assert not line(entry(1, "PUT", status=201), entry(3, status=401), proof={"exchange": "x-3", "statuses": [200]})


def test_the_line_is_of_the_answer_that_the_proof_names() -> None:
    sequence = (entry(1, path="/first"), entry(2, path="/last"))
    assert line(*sequence, proof={"exchange": "x-1", "statuses": [404]}).endswith("/first")


@pytest.mark.parametrize(
    "before",
    [
        entry(1, "PUT", "/v1/things/a", 201),
        entry(1, "PATCH", "/v1/things/a", 409, secrets=["FULL_TOKEN"]),
        entry(1, status=200),
        entry(1, path="/other", status=429),
        entry(1, path="/other", paused_s=1.0),
        entry(1, path="/other", duration_s=9.0),
        {"kind": "transcript", "id": "x-1", "command": ["revoke"], "hook": "revoke"},
    ],
    ids=["made", "refused write", "same request", "limit reached", "pause", "at once", "operator"],
)
def test_a_finding_that_needs_what_came_before_has_no_line(before: dict[str, Any]) -> None:
    assert line(before, READ) == ""


@pytest.mark.parametrize(
    "shown",
    [
        entry(3, "PUT", status=201),
        entry(3, "POST", status=202, response_headers=[["Location", "/v1/things/b"]]),
        entry(3, "DELETE", status=204),
        entry(3, "PUT", status=500, request_body=BODY),
        entry(3, status=500, client="boto3"),
        entry(3, secrets=["ISSUED_TOKEN"]),
        entry(3, path="/b?X-Amz-Date=20260101T000000Z&X-Amz-Signature=0"),
        entry(3, path="/v1/things?a=$NAME~altered-reversed"),
        entry(3, path=f"/v1/things/{RUN_MADE}"),
        entry(3, "DELETE", status=405, secrets=["ISSUED_TOKEN"]),
    ],
    ids=[
        "created",
        "opened",
        "deleted",
        "large body",
        "by the SDK",
        "lost token",
        "signed",
        "cut secret",
        "made",
        "refused with a lost token",
    ],
)
def test_a_request_that_leaves_something_or_cannot_be_sent_again_has_no_line(shown: dict[str, Any]) -> None:
    assert line(TOKEN, shown) == ""


@pytest.mark.parametrize(
    "proof",
    [
        {"exchange": "x-3", "alike": [["x-1", "x-3"]]},
        {"exchange": "x-3", "sha256": "0"},
        {"exchange": "x-3", "inside": "claims", "matches": "aud"},
        {"beyond": "it is about several answers together"},
    ],
)
def test_what_no_reader_sees_in_one_answer_has_no_line(proof: dict[str, Any]) -> None:
    assert line(TOKEN, READ, proof=proof) == ""


def test_a_missing_thing_may_have_a_name_of_the_run() -> None:
    absent = entry(3, path=f"/v1/things/{RUN_MADE}", status=410)
    assert line(TOKEN, absent, proof={"exchange": "x-3", "statuses": [404]})
    assert not line(TOKEN, absent, proof={"exchange": "x-3", "statuses": [200]})


def test_a_program_is_shown_by_its_command_where_it_names_nothing_of_the_run() -> None:
    def ran(word: str) -> str:
        return line({"kind": "transcript", "id": "x-1", "command": ["docker", "pull", word], "secrets": []})

    assert ran("h/image") == "docker pull h/image"
    assert ran(f"h/{RUN_MADE}") == ""


def test_a_script_lacks_what_it_cannot_do() -> None:
    finding = {"exchanges": ["x-3"], "proof": {"statuses": [200]}}
    assert script_lacks(finding, [READ], {}, None) == ""
    assert "token" in script_lacks(finding, [entry(3, secrets=["ISSUED_TOKEN"])], {}, None)
    assert "AWS SDK" in script_lacks(finding, [entry(3, client="boto3")], {}, None)
    assert "program" in script_lacks(finding, [{"kind": "transcript", "id": "x-3", "command": ["docker"]}], {}, None)
    assert "events" in script_lacks({**finding, "proof": {"told": [["a", 1]]}}, [READ], {}, None)
