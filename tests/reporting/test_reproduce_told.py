"""What a script has the operator tell of events is counted as the check did, and never by what the run has sent."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.reproduce.requests import FUNCTIONS
from conformance.reporting.reproduce.steps import asking, counting, leading_to, own_marks, untellable
from tests.scripts import SHELL

EVENTS: dict[str, Any] = {"kind": "transcript", "hook": "events", "id": "e", "command": ["events"]}


def sent(number: int, text: str, **body: Any) -> dict[str, Any]:
    return {"kind": "exchange", "id": f"x-{number}", "status": 202, "request_body": {"size": 1, "text": text, **body}}


def told_by(tmp_path: Path, said: str, wanted: str) -> int:
    """How the shell ends that looks for a mark in what the operator says."""
    events = tmp_path / "said"
    events.write_text(said, encoding="utf-8")
    script = f"{FUNCTIONS['PREAMBLE']}{asking(f'cat {events}', {'arrival': 0})}\nevents_tell {wanted} && exit 0; exit 1"
    (tmp_path / "script.sh").write_text(script, encoding="utf-8")
    return subprocess.run([SHELL, str(tmp_path / "script.sh")], check=False).returncode


@pytest.mark.parametrize(
    ("said", "wanted", "right"),
    [
        ('["a mark-1", "b"]', "mark-1 1", True),
        ('["mark-1 mark-1"]', "mark-1 2", True),
        ('["mark-1 mark-1"]', "mark-1 1", False),
        ('["mark-1", "mark-1"]', "mark-1 1+", True),
        ("[]", "mark-1 1+", False),
        ("[]", "mark-1 0", True),
        ('["mark-1"]', "mark-1 0", False),
    ],
)
def test_events_are_counted_by_their_marks(tmp_path: Path, said: str, wanted: str, right: bool) -> None:
    assert (told_by(tmp_path, said, wanted) == 0) is right


def test_a_command_that_fails_leaves_nothing_to_tell(tmp_path: Path) -> None:
    script = f"{FUNCTIONS['PREAMBLE']}{asking('false', {})}\nevents_tell mark-1 1 && exit 0; exit 1"
    (tmp_path / "script.sh").write_text(script, encoding="utf-8")
    assert subprocess.run([SHELL, str(tmp_path / "script.sh")], check=False, capture_output=True).returncode == 2


def test_an_event_gets_a_mark_of_its_own() -> None:
    proof = {"told": [["mark-1", 1]]}
    exchanges = [(1, sent(1, '{"mark": "mark-1"}'))]
    marks = own_marks(proof, exchanges)
    assert marks == {"mark-1": "mark-1-\0RUN\0"} and not untellable(proof, exchanges, EVENTS)
    needs, tells = counting(proof, exchanges, marks)
    assert needs == "needs 1 '2??'" and '"${RUN}" 1 ||' in tells


def test_what_has_no_mark_may_be_told_more_often() -> None:
    proof = {"told": [["digest", 1]]}
    assert "digest 1+ ||" in [*counting(proof, [(1, sent(1, "{}"))], {})][1]


@pytest.mark.parametrize(
    ("proof", "text", "events"),
    [
        ({"told": [["mark-1", 1]]}, "mark-1", None),
        ({"told": [["mark-1", 1]]}, "mark-1\r\n", EVENTS),
        # What was sent is not known, so it cannot be told from what the run has sent.
        ({"told": [["mark-1", 0]]}, "", EVENTS),
    ],
)
def test_what_cannot_be_sent_anew_is_said_so(proof: dict[str, Any], text: str, events: dict[str, Any] | None) -> None:
    assert untellable(proof, [(1, sent(1, text))], events)
    assert not untellable({}, [(1, sent(1, text))], events)


def test_what_comes_later_and_what_was_not_kept_leads_to_no_event() -> None:
    sequence = [sent(1, "a"), sent(2, "", sha256="00"), sent(3, "c"), sent(4, "d")]
    proof = {"told": [["c", 1]]}
    assert [each["id"] for each in leading_to(proof, ["x-3"], sequence)] == ["x-1", "x-3"]
    assert leading_to({}, ["x-3"], sequence) == sequence
