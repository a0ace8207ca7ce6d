"""A server that died, told from a check that failed; what is asked of a healthy one."""

from __future__ import annotations

import pytest

from conformance.clients.transport.errors import BrokenOff, Excess, Overrun
from conformance.evidence.recorder import Recorder
from conformance.plugin import liveness
from conformance.plugin.judging import Judgement
from conformance.plugin.liveness import TAKING, Life
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.verdict import Verdict

URL = "http://registry.example"
REFUSED = "registry.example: the connection is refused; nothing listens there"
CLOSED = "registry.example: the connection was closed without an answer"
FAILED = Judgement(Verdict.FAIL)
PASSED = Judgement(Verdict.PASS)
TARGET = Target.model_validate({"organization": "acme", "registry": {"url": URL, "repository": "orgs/acme/x"}})


class Service:
    """Answers the question whether it lives, and counts how often it was asked."""

    def __init__(self, cause: str = "") -> None:
        self.cause, self.asked = cause, 0

    def __call__(self, _target: Target, _surface: str) -> str:
        self.asked += 1
        return self.cause


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "BACK_S", 0.15)
    monkeypatch.setattr(liveness, "LONGEST_S", 0.0)


def exchange(path: str, status: int) -> Exchange:
    return Exchange(path, "GET", URL + path, Headers(), b"", status, Headers(), b"", 0.0, 0.0)


def recorded(*answers: tuple[str, int, str]) -> Recorder:
    recorder = Recorder()
    for path, status, error in answers:
        if error:
            recorder.failed_request(exchange(path, status), error)
        else:
            recorder.exchange(exchange(path, status))
    return recorder


def watching(recorder: Recorder, service: Service, alone: bool = True) -> Life:
    return Life(TARGET, recorder, alone, service)


def test_a_check_that_passed_with_an_answer_asks_nothing() -> None:
    service = Service()
    assert watching(recorded(("/v2/", 200, "")), service).judged("registry/a/b", PASSED) is PASSED
    assert service.asked == 0


@pytest.mark.parametrize("status", [404, 500])
def test_a_check_that_failed_on_an_answer_asks_nothing(status: int) -> None:
    service = Service(REFUSED)
    assert watching(recorded(("/v2/", status, "")), service).judged("registry/a/b", FAILED) is FAILED
    assert service.asked == 0


def test_a_check_that_failed_on_more_than_an_answer_asks_nothing() -> None:
    service, recorder = Service(REFUSED), Recorder()
    recorder.failed_request(exchange("/v2/", 0), "8 bytes behind the answer's end", error_type=Excess.__name__)
    assert watching(recorder, service).judged("registry/a/b", FAILED) is FAILED
    assert service.asked == 0


def test_an_endless_answer_of_a_service_that_gives_no_other_is_its_one_cause() -> None:
    service, recorder = Service("the answer is too large or does not end"), Recorder()
    recorder.failed_request(exchange("/v2/", 200), "larger than 9 bytes", error_type=Overrun.__name__)
    life = watching(recorder, service)
    assert life.judged("registry/a/b", Judgement(Verdict.INCONCLUSIVE)).reason.startswith("the registry surface no")
    with pytest.raises(Inconclusive, match="does not end"):
        life.expect("registry")


def test_all_waits_in_vain_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LEAST_S", 0.3)
    monkeypatch.setattr(liveness, "LONGEST_S", 0.3)
    life = watching(recorded(("/v2/", 0, "timed out")), Service("no answer in time"))
    for waited in (True, False):
        life.judged("registry/a/b", Judgement(Verdict.INCONCLUSIVE))
        assert (life._dead["registry"].patience_s > 0) is waited
        with pytest.raises(Inconclusive):
            life.expect("registry")
        life.recorder.failed_request(exchange("/v2/", 0), "timed out")


def test_a_check_that_failed_on_a_gateways_answer_asks() -> None:
    service = Service()
    assert watching(recorded(("/v2/", 502, "")), service).judged("registry/a/b", FAILED) is FAILED
    assert service.asked == 1 + liveness.DYING


def test_a_check_that_failed_and_has_no_answer_in_its_evidence_asks() -> None:
    service = Service(REFUSED)
    judged = watching(Recorder(), service).judged("registry/a/b", FAILED)
    assert judged.verdict == Verdict.INCONCLUSIVE
    assert REFUSED in judged.reason


def test_a_pass_whose_last_request_killed_the_service_is_a_failure() -> None:
    recorder = recorded(("/v2/", 200, ""), ("/v2/kill", 0, "broken off"))
    judged = watching(recorder, Service(REFUSED)).judged("registry/a/b", PASSED)
    assert judged.verdict == Verdict.FAIL
    assert judged.findings[0]["exchanges"] == [recorder.entries[-1]["id"]]
    assert REFUSED in judged.findings[0]["observed"]


def test_the_request_is_kept_though_a_property_began_its_evidence_anew() -> None:
    recorder = recorded(("/v2/kill", 0, "Server disconnected"))
    recorder.begin()
    recorder.failed_request(exchange("/v2/after", 0), "[Errno 111] Connection refused")
    judged = watching(recorder, Service(REFUSED)).judged("registry/a/b", FAILED)
    assert judged.findings[0]["curl"].endswith("/v2/kill")
    assert recorder.entries[0]["id"] == judged.findings[0]["exchanges"][0]


def test_other_workers_requests_are_thought_of() -> None:
    recorder = recorded(("/v2/kill", 0, "Server disconnected"))
    judged = watching(recorder, Service(REFUSED), alone=False).judged("registry/a/b", FAILED)
    assert "Other workers" in judged.findings[0]["hint"]


@pytest.mark.parametrize("met", [FAILED, Judgement(Verdict.INCONCLUSIVE, "the precondition could not be made")])
def test_beside_other_workers_a_check_that_met_an_end_is_in_doubt_where_the_service_came_back(met: Judgement) -> None:
    causes = [REFUSED, ""]
    recorder = recorded(("/v2/here", 0, "Server disconnected"))
    watched = Life(TARGET, recorder, False, lambda _target, _surface: causes.pop(0) if causes else "")
    watched.judged("registry/a/b", met)
    assert watched.doubtful
    # It came back before anybody asked.
    watched = watching(recorded(("/v2/here", 0, "Server disconnected")), Service(), alone=False)
    assert watched.judged("registry/a/b", met) is met
    assert watched.doubtful


def test_what_the_suite_breaks_off_itself_met_no_end() -> None:
    recorder = Recorder()
    recorder.failed_request(exchange("/v2/half", 0), str(BrokenOff()), "http", BrokenOff.__name__)
    recorder.exchange(exchange("/v2/half", 404))
    watched = watching(recorder, Service(), alone=False)
    assert watched.judged("registry/a/b", FAILED) is FAILED
    assert not watched.doubtful


def test_alone_a_check_whose_request_was_closed_fails_though_the_service_is_back_at_once() -> None:
    closed = "registry.example: the connection was closed without an answer"
    causes = [closed]
    watched = Life(
        TARGET, recorded(("/v2/here", 0, "Server disconnected")), True, lambda *_: causes.pop() if causes else ""
    )
    assert watched.judged("registry/a/b", FAILED) is FAILED
    # One that stays away may be behind a network that closes.
    watched = watching(recorded(("/v2/here", 0, "Server disconnected")), Service(closed))
    assert watched.judged("registry/a/b", FAILED).verdict == Verdict.INCONCLUSIVE


def test_nothing_is_in_doubt_alone_or_where_the_service_stays_down_or_answers() -> None:
    gone = ("/v2/here", 0, "Server disconnected")
    for answers, cause, alone in [([gone], "", True), ([gone], REFUSED, False), ([("/v2/", 500, "")], "", False)]:
        watched = watching(recorded(*answers), Service(cause), alone)
        watched.judged("registry/a/b", FAILED)
        assert not watched.doubtful


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("[Errno 111] Connection refused", REFUSED),  # it was down before this check
        ("timed out", "registry.example: no answer in time"),  # the network may be
    ],
)
def test_what_may_not_be_this_checks_doing_is_inconclusive(error: str, cause: str) -> None:
    recorder = recorded(("/v2/before", 200, ""), ("/v2/here", 0, error))
    judged = watching(recorder, Service(cause)).judged("registry/a/b", FAILED)
    assert judged.verdict == Verdict.INCONCLUSIVE
    assert cause in judged.reason
    assert ("/v2/before" if "refused" in error else "/v2/here") in judged.reason


def test_the_checks_after_it_have_the_same_cause_until_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(REFUSED)
    watched = watching(recorded(("/v2/kill", 0, "Server disconnected")), service)
    watched.judged("registry/a/b", FAILED)
    asked = service.asked
    for _ in range(10):
        with pytest.raises(Inconclusive, match="/v2/kill"):
            watched.expect("registry")
    assert service.asked == asked, "each check asked a service that is known to be down"
    watched.expect("storage")
    monkeypatch.setattr(liveness, "AGAIN_S", 0.0)
    service.cause = ""
    watched.expect("registry")


def test_a_service_that_is_started_again_is_awaited_as_long_as_the_run_took_until_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liveness, "ASKED_S", 0.01)
    monkeypatch.setattr(liveness, "LEAST_S", 0.0)
    monkeypatch.setattr(liveness, "LONGEST_S", 60.0)
    service = Service(REFUSED)
    watched = watching(recorded(("/v2/kill", 0, "Server disconnected")), service)
    watched._begun -= 0.3
    watched.judged("registry/a/b", FAILED)
    asked = service.asked

    def back_again(target: Target, surface: str) -> str:
        service.cause = REFUSED if service.asked < asked + 3 else ""
        return service(target, surface)

    watched._dead["registry"].ask = lambda: back_again(TARGET, "registry")
    watched.expect("registry")
    assert service.asked == asked + 4
    watched.expect("registry")
    assert service.asked == asked + 4


class Dying(Service):
    """Answers what it is told to, one after the other, and at last that it lives."""

    def __init__(self, *causes: str) -> None:
        super().__init__()
        self.causes = list(causes)

    def __call__(self, _target: Target, _surface: str) -> str:
        self.asked += 1
        return self.causes.pop(0) if self.causes else ""


@pytest.mark.parametrize(
    "causes",
    [
        pytest.param((CLOSED, REFUSED), id="it still takes connections"),
        pytest.param(("", REFUSED), id="it still answers once"),
    ],
)
def test_the_request_that_ended_a_service_is_told_though_it_took_a_moment(
    causes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "BACK_S", 1.0)
    monkeypatch.setattr(liveness, "POLL_S", 0.01)
    recorder = recorded(("/v2/", 200, ""), ("/fatal", 0, "Server disconnected without sending a response."))
    judgement = watching(recorder, Dying(*causes)).judged("registry/a/b", FAILED)
    assert judgement.verdict == Verdict.FAIL
    assert "stopped answering after this request" in judgement.findings[0]["observed"]
    assert judgement.findings[0]["exchanges"] == ["/fatal"]


def webhook(status: int, service: Service, taken: Service, taking: bool = True) -> Life:
    """Watches a webhook whose check was answered with that status."""
    return Life(TARGET, recorded(("/hooks/x", status, "")), True, service, taking, lambda target: taken(target, ""))


def failed(*hints: str) -> Judgement:
    return Judgement(Verdict.FAIL, findings=[{"hint": each} for each in hints or ("",)])


def test_a_page_in_place_of_the_webhook_is_no_finding_and_the_cause_of_what_follows() -> None:
    service = Service("answers 302, a redirect to https://login.example")
    watched = webhook(302, service, Service())
    judged = watched.judged("webhooks/errors/x", failed())
    assert (judged.verdict, service.cause in judged.reason) == (Verdict.INCONCLUSIVE, True)
    with pytest.raises(Inconclusive, match="a redirect to https://login"):
        watched.expect("webhooks")


def test_a_webhook_that_takes_nothing_any_more_fails_once() -> None:
    taken = Service("a good delivery is answered 404")
    watched = webhook(404, Service(), taken)
    judged = watched.judged("webhooks/methods/x", failed("", "as before"))
    told = f"From then on the webhook took no event any more: {taken.cause}."
    assert [each["hint"] for each in judged.findings] == [told, f"as before\n{told}"]
    with pytest.raises(Inconclusive, match="takes no event any more: a good delivery is answered 404"):
        watched.expect("webhooks")


def test_it_is_judged_again_once_it_takes_events_again(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Service("a good delivery is answered 404")
    watched = webhook(404, Service(), taken)
    watched.judged("webhooks/methods/x", failed())
    monkeypatch.setattr(liveness, "AGAIN_S", 0.0)
    with pytest.raises(Inconclusive):
        watched.expect("webhooks")
    taken.cause = ""
    watched.expect("webhooks")


def test_what_could_not_be_judged_has_that_cause_too() -> None:
    unclear = Judgement(Verdict.INCONCLUSIVE, "a good delivery is answered 403", "a live webhook URL")
    judged = webhook(403, Service(), Service("a good delivery is answered 403")).judged("webhooks/a/b", unclear)
    assert (judged.verdict, judged.needs) == (Verdict.INCONCLUSIVE, TAKING)


def test_one_refusal_among_many_is_of_that_delivery_alone() -> None:
    causes = ["a good delivery is answered 502", ""]
    watched = Life(TARGET, recorded(("/hooks/x", 200, "")), True, Service(), True, lambda _target: causes.pop(0))
    whole = failed()
    assert watched.judged("webhooks/a/b", whole) is whole
    watched.expect("webhooks")


@pytest.mark.parametrize(
    ("requirement", "verdict", "taking"),
    [
        ("webhooks/a/b", Verdict.PASS, True),
        ("webhooks/a/b", Verdict.FAIL, False),  # a wrong URL in the target file: all of it is told by the checks
        ("registry/a/b", Verdict.FAIL, True),
    ],
)
def test_a_webhook_is_asked_after_a_failure_and_only_where_it_took_events(
    requirement: str, verdict: Verdict, taking: bool
) -> None:
    service, taken = Service(REFUSED), Service("a good delivery is answered 404")
    judgement = Judgement(verdict)
    assert webhook(404, service, taken, taking).judged(requirement, judgement) is judgement
    assert (service.asked, taken.asked) == (0, 0)
