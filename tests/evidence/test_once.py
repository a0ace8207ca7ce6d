"""Requests that are made once are evidence of each check that looks at them."""

from __future__ import annotations

from conformance.evidence.recorded_responses import Tape
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from tests.oracles.s3_replies import reply


def asked(recorder: Recorder, calls: list[int]) -> str:
    calls.append(1)
    recorder.transcript(["ask"], 0, f"answer {len(calls)}", "", 0.0)
    return f"answer {len(calls)}"


def test_a_second_check_has_the_first_ones_evidence_and_makes_no_request() -> None:
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


def test_what_a_check_asks_for_twice_is_its_evidence_once() -> None:
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


def test_a_tape_passes_over_what_another_check_has_asked_for() -> None:
    recorder, calls = Recorder(), []  # type: ignore[var-annotated]
    recorder.begin()
    asked(recorder, calls)
    recorded = {**recorder.entries[0], "command": ["ask"]}
    recorder.tape = tape = Tape([{**recorded, "check": each} for each in ("first", "second")], recorder.redactor)
    once = Once(recorder)
    for check in ("first", "second"):
        tape.begin(check)
        recorder.begin()
        told = once("a", lambda: recorder.told_again(["ask"]))
        assert told is not None and told["output"] == "answer 1"
        assert tape.left == 0 and recorder.ids_from(0) == (recorded["id"],)


def test_what_a_gateway_says_of_a_moment_is_no_answer_for_every_check() -> None:
    once = Once(Recorder())
    replies = iter([reply(503), reply(200), reply(500)])
    assert [once("a", lambda: next(replies)).status for _ in range(3)] == [503, 200, 200]
    assert [once("b", lambda: next(replies)).status for _ in range(2)] == [500, 500]
