"""A request that gets no answer in time, while others are answered, fails the check that sent it."""

from __future__ import annotations

import pytest

from conformance.evidence.recorder import Recorder
from conformance.plugin import liveness
from conformance.plugin.judging import Judgement, judge
from conformance.plugin.liveness import Liveness
from conformance.vocabulary.exchange import ENDED_BY, HANGING, UNANSWERED_FOR
from conformance.vocabulary.finding import NotConnected, Unreachable
from conformance.vocabulary.verdict import Verdict
from tests.plugin.test_liveness import REFUSED, TARGET, Service, exchange, watching


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "BACK_S", 0.15)


def late(
    error: str = "timed out", kind: type[Unreachable] = Unreachable, phase: str = "call"
) -> tuple[Recorder, Judgement]:
    """A recorder with one unanswered request, and the judgement on the check that sent it."""
    recorder = Recorder()
    recorder.exchange(exchange("/v2/", 200))
    recorder.failed_request(exchange("/v2/late", 0), error, error_type="ReadTimeout")
    raised = kind("GET /v2/late: timed out", "a target that answers in time")
    raised.exchange_ids = [recorder.entries[-1]["id"]]
    return recorder, judge(raised, recorder, phase)


def test_one_request_without_an_answer_is_a_failure_that_names_it() -> None:
    recorder, judgement = late()
    judged = watching(recorder, Service()).judged("registry/a/b", judgement)
    assert judged.verdict == Verdict.FAIL
    assert judged.findings[0]["observed"] == UNANSWERED_FOR
    assert judged.findings[0]["curl"].endswith("/v2/late")


@pytest.mark.parametrize(
    ("error", "kind", "phase"),
    [
        pytest.param("timed out", Unreachable, "setup", id="precondition"),
        pytest.param("timed out", NotConnected, "call", id="no-connection"),
        pytest.param("timed out behind 9 bytes of a body that has not ended", Unreachable, "call", id="slow-body"),
    ],
)
def test_other_silence_is_inconclusive(error: str, kind: type[Unreachable], phase: str) -> None:
    recorder, judgement = late(error, kind, phase)
    assert watching(recorder, Service()).judged("registry/a/b", judgement).verdict == Verdict.INCONCLUSIVE


def test_with_other_workers_the_check_is_repeated_alone_first() -> None:
    recorder, judgement = late()
    watched = watching(recorder, Service(), alone=False)
    assert watched.judged("registry/a/b", judgement).verdict == Verdict.INCONCLUSIVE
    assert watched.in_doubt


def test_a_request_that_ends_the_service_breaks_a_must_whatever_the_level_of_the_check() -> None:
    recorder = Recorder()
    recorder.failed_request(exchange("/v2/kill", 0), "Server disconnected")
    judged = watching(recorder, Service(REFUSED)).judged("registry/a/b", Judgement(Verdict.FAIL))
    assert judged.level == "MUST"


SILENT = "registry.example: no answer in time"


def hung(answers: list[str], alone: bool = True, repeats: bool = True) -> tuple[Liveness, Judgement]:
    """The judgement on a check whose request was accepted and not answered; ``answers`` are those to the probes."""
    recorder, judgement = late()
    watched = Liveness(TARGET, recorder, alone, lambda _target, _surface: answers.pop(0) if answers else SILENT)
    watched.repeats = repeats
    return watched, watched.judged("registry/a/b", judgement)


def test_a_request_that_hangs_the_service_breaks_a_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LONGEST_S", 0.0)
    watched, judged = hung([])
    assert (judged.verdict, judged.level, watched.in_doubt) == (Verdict.FAIL, "MUST", False)
    assert judged.findings[0]["observed"] == f"{ENDED_BY}: {SILENT}, {HANGING}"
    assert judged.findings[0]["curl"].endswith("/v2/late")


def test_a_network_that_fails_later_is_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LONGEST_S", 0.0)
    _, judged = hung([SILENT, *["registry.example: no connection in time"] * 9])
    assert judged.verdict == Verdict.INCONCLUSIVE


@pytest.mark.parametrize("repeats", [True, False], ids=["first-time", "repeated"])
def test_a_hang_that_ends_is_a_finding_the_second_time(repeats: bool) -> None:
    watched, judged = hung([SILENT, ""], repeats=repeats)
    assert watched.in_doubt is repeats
    assert judged.verdict == (Verdict.INCONCLUSIVE if repeats else Verdict.FAIL)


def test_among_other_workers_no_check_is_blamed_for_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LONGEST_S", 0.0)
    watched, judged = hung([], alone=False)
    assert (judged.verdict, watched.in_doubt) == (Verdict.INCONCLUSIVE, True)
    assert watched.suspect.endswith("/v2/late")


def test_requests_of_other_workers_are_named_if_the_service_stays_down() -> None:
    recorder = Recorder()
    recorder.failed_request(exchange("/v2/", 0), "Connection refused")
    watched = watching(recorder, Service(REFUSED))
    watched.suspects = ["PUT /a", "GET /b"]
    judged = watched.judged("registry/a/b", Judgement(Verdict.INCONCLUSIVE))
    assert judged.reason.endswith("requests under way at that moment: PUT /a, GET /b")
