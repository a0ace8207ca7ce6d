"""What a check let pass, and what made the things that it uses, belong to its evidence."""

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


def test_a_pause_is_kept_with_the_request_that_follows_it(recorder: Recorder) -> None:
    asked(recorder)
    recorder.pause(0.5)
    recorder.pause(0.25)
    asked(recorder)
    asked(recorder)
    assert [each.get("paused_s") for each in recorder.entries] == [None, 0.75, None]


def test_a_check_has_not_the_pause_of_another(recorder: Recorder) -> None:
    recorder.pause(1.0)
    recorder.begin_check()
    asked(recorder)
    assert "paused_s" not in recorder.entries[0]


def test_what_made_a_thing_is_prepared_for_each_check_that_uses_it(recorder: Recorder) -> None:
    made = asked(recorder, "POST")
    asked(recorder)
    kept = recorder.kept_from(0)
    recorder.begin_check()
    recorder.rely(kept)
    own = asked(recorder)
    recorder.prepare([])
    assert [each["id"] for each in recorder.prepared] == [made]
    assert [each["id"] for each in recorder.evidence()] == [made, own]


def test_what_is_asked_again_after_a_wait_says_for_what(recorder: Recorder) -> None:
    first = asked(recorder, "PUT")
    recorder.pause(0.0, first)
    asked(recorder, "PUT")
    asked(recorder, "PUT")
    assert [each.get("again") for each in recorder.entries] == [None, first, None]
