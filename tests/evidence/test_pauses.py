"""Pauses and preparations belong to the evidence of a check."""

from __future__ import annotations

import pytest

from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import Exchange, Headers


def asked(recorder: Recorder, method: str = "GET") -> str:
    id = recorder.next_id()
    url = "http://127.0.0.1:9/x"
    recorder.exchange(Exchange(id, method, url, Headers(), b"", 200, Headers(), b"", 0.0, 0.0))
    return id


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    made = Recorder()
    made.begin_check()
    return made


def test_a_pause_is_recorded_with_the_next_request(recorder: Recorder) -> None:
    asked(recorder)
    recorder.pause(0.5)
    recorder.pause(0.25)
    asked(recorder)
    asked(recorder)
    assert [each.get("paused_s") for each in recorder.entries] == [None, 0.75, None]


def test_a_pause_of_another_check_is_not_recorded(recorder: Recorder) -> None:
    recorder.pause(1.0)
    recorder.begin_check()
    asked(recorder)
    assert "paused_s" not in recorder.entries[0]


def test_the_request_that_created_a_thing_is_evidence_of_its_users(recorder: Recorder) -> None:
    made = asked(recorder, "POST")
    asked(recorder)
    kept = recorder.recorded_from(0)
    recorder.begin_check()
    recorder.rely(kept)
    own = asked(recorder)
    recorder.prepare([])
    assert [each["id"] for each in recorder.prepared] == [made]
    assert [each["id"] for each in recorder.evidence()] == [made, own]


def test_a_repeated_request_names_the_first(recorder: Recorder) -> None:
    first = asked(recorder, "PUT")
    recorder.pause(0.0, first)
    asked(recorder, "PUT")
    asked(recorder, "PUT")
    assert [each.get("again") for each in recorder.entries] == [None, first, None]
