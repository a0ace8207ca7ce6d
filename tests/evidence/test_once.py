"""A shared request is evidence of every check that uses its answer."""

from __future__ import annotations

from conformance.evidence.recorded_responses import RecordedResponses
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from tests.oracles.replies import answer as reply


def asked(recorder: Recorder, calls: list[int]) -> str:
    calls.append(1)
    recorder.transcript(["ask"], 0, f"answer {len(calls)}", "", 0.0)
    return f"answer {len(calls)}"


def test_a_second_check_reuses_the_request_as_evidence() -> None:
    recorder, calls = Recorder(), []  # type: ignore[var-annotated]
    once = Once(recorder)
    recorder.begin()
    first = once("a", lambda: asked(recorder, calls))
    entries = list(recorder.entries)
    recorder.begin()
    assert once("a", lambda: asked(recorder, calls)) == first == "answer 1"
    assert recorder.entries == entries and recorder.requests == 1
    assert once("b", lambda: asked(recorder, calls)) == "answer 2"
    assert len(recorder.entries) == 2


def test_a_request_used_twice_is_evidence_once() -> None:
    recorder, calls = Recorder(), []  # type: ignore[var-annotated]
    once = Once(recorder)
    recorder.begin()

    def both() -> str:
        return once("a", lambda: asked(recorder, calls)) + asked(recorder, calls)

    once("a", lambda: asked(recorder, calls))
    once("both", both)
    assert [each["output"] for each in recorder.entries] == ["answer 1", "answer 2"]
    recorder.begin()
    once("both", both)
    assert [each["output"] for each in recorder.entries] == ["answer 1", "answer 2"]


def test_a_replay_skips_the_shared_requests_of_other_checks() -> None:
    recorder, calls = Recorder(), []  # type: ignore[var-annotated]
    recorder.begin()
    asked(recorder, calls)
    recorded = {**recorder.entries[0], "command": ["ask"]}
    recorder.recording = recording = RecordedResponses(
        [{**recorded, "check": each} for each in ("first", "second")], recorder.redactor
    )
    once = Once(recorder)
    for check in ("first", "second"):
        recording.begin(check)
        recorder.begin()
        told = once("a", lambda: recorder.stored_transcript(["ask"]))
        assert told is not None and told["output"] == "answer 1"
        assert recording.remaining == 0 and recorder.ids_from(0) == (recorded["id"],)


def test_a_temporary_error_is_not_shared() -> None:
    once = Once(Recorder())
    replies = iter([reply(503), reply(200), reply(500)])
    assert [once("a", lambda: next(replies)).status for _ in range(3)] == [503, 200, 200]
    assert [once("b", lambda: next(replies)).status for _ in range(2)] == [500, 500]
