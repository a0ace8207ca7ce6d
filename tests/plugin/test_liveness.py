"""A dead server is distinguished from a failed check; a healthy one gets no extra request."""

from __future__ import annotations

import pytest

from conformance.clients.transport.errors import Overrun
from conformance.evidence.recorder import Recorder
from conformance.plugin import liveness
from conformance.plugin.judging import Judgement
from conformance.plugin.liveness import Liveness
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.verdict import Verdict

URL = "http://registry.example"
REFUSED = "registry.example: the connection is refused; nothing listens there"
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


def watching(recorder: Recorder, service: Service, alone: bool = True) -> Liveness:
    return Liveness(TARGET, recorder, alone, service)


@pytest.mark.parametrize("status", [404, 500])
def test_a_failure_with_a_response_sends_no_extra_request(status: int) -> None:
    service = Service(REFUSED)
    assert watching(recorded(("/v2/", status, "")), service).judged("registry/a/b", FAILED) is FAILED
    assert service.asked == 0


def test_an_endless_answer_of_a_service_that_gives_no_other_is_its_one_cause() -> None:
    service, recorder = Service("the answer is too large or does not end"), Recorder()
    recorder.failed_request(exchange("/v2/", 200), "larger than 9 bytes", error_type=Overrun.__name__)
    watched = watching(recorder, service)
    assert watched.judged("registry/a/b", Judgement(Verdict.INCONCLUSIVE)).reason.startswith("the registry surface no")
    with pytest.raises(Inconclusive, match="does not end"):
        watched.expect("registry")


def test_all_waits_in_vain_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LEAST_S", 0.3)
    monkeypatch.setattr(liveness, "LONGEST_S", 0.3)
    watched = watching(recorded(("/v2/", 0, "timed out")), Service("no answer in time"))
    for waited in (True, False):
        watched.judged("registry/a/b", Judgement(Verdict.INCONCLUSIVE))
        assert (watched._outages["registry"].patience_s > 0) is waited
        with pytest.raises(Inconclusive):
            watched.expect("registry")
        watched.recorder.failed_request(exchange("/v2/", 0), "timed out")


def test_a_pass_whose_last_request_killed_the_service_is_a_failure() -> None:
    recorder = recorded(("/v2/", 200, ""), ("/v2/kill", 0, "broken off"))
    judged = watching(recorder, Service(REFUSED)).judged("registry/a/b", PASSED)
    assert judged.verdict == Verdict.FAIL
    assert judged.findings[0]["exchanges"] == [recorder.entries[-1]["id"]]
    assert REFUSED in judged.findings[0]["observed"]


@pytest.mark.parametrize("met", [FAILED, Judgement(Verdict.INCONCLUSIVE, "the precondition could not be made")])
def test_among_other_workers_a_check_that_met_an_end_is_repeated(met: Judgement) -> None:
    causes = [REFUSED, ""]
    recorder = recorded(("/v2/here", 0, "Server disconnected"))
    watched = Liveness(TARGET, recorder, False, lambda _target, _surface: causes.pop(0) if causes else "")
    watched.judged("registry/a/b", met)
    assert watched.in_doubt
    # It came back before anybody asked.
    watched = watching(recorded(("/v2/here", 0, "Server disconnected")), Service(), alone=False)
    assert watched.judged("registry/a/b", met) is met
    assert watched.in_doubt


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("[Errno 111] Connection refused", REFUSED),  # it was down before this check
        ("timed out", "registry.example: no answer in time"),  # the network may be
    ],
)
def test_an_end_before_the_check_is_inconclusive(error: str, cause: str) -> None:
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
    monkeypatch.setattr(liveness, "REPROBE_S", 0.0)
    service.cause = ""
    watched.expect("registry")


def webhook(status: int, service: Service, accepted: Service, accepting: bool = True) -> Liveness:
    """Watches a webhook whose check was answered with that status."""
    return Liveness(
        TARGET, recorded(("/hooks/x", status, "")), True, service, accepting, lambda target: accepted(target, "")
    )


def failed(*hints: str) -> Judgement:
    return Judgement(Verdict.FAIL, findings=[{"hint": each} for each in hints or ("",)])


def test_a_login_page_instead_of_the_webhook_is_the_cause_of_what_follows() -> None:
    service = Service("answers 302, a redirect to https://login.example")
    watched = webhook(302, service, Service())
    judged = watched.judged("webhooks/errors/x", failed())
    assert (judged.verdict, service.cause in judged.reason) == (Verdict.INCONCLUSIVE, True)
    with pytest.raises(Inconclusive, match="a redirect to https://login"):
        watched.expect("webhooks")


def test_a_webhook_that_stops_accepting_events_fails_once() -> None:
    accepted = Service("a good delivery is answered 404")
    watched = webhook(404, Service(), accepted)
    judged = watched.judged("webhooks/methods/x", failed("", "as before"))
    told = f"From then on the webhook accepted no event any more: {accepted.cause}."
    assert [each["hint"] for each in judged.findings] == [told, f"as before\n{told}"]
    with pytest.raises(Inconclusive, match="accepts no event any more: a good delivery is answered 404"):
        watched.expect("webhooks")
