"""The verdict that an exception of a check leads to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.evidence.recorder import Recorder
from conformance.plugin.judging import judge
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, literal, wrong_body
from conformance.vocabulary.values import whole_number

EXCHANGE = Exchange("x-1", "GET", "http://h/", Headers(), b"", 500, Headers(), b"boom", 0.0, 0.1)


def recorded() -> Recorder:
    recorder = Recorder()
    recorder.exchange(EXCHANGE)
    return recorder


def test_a_non_conformance_is_a_failure_with_its_exchange_and_curl() -> None:
    judged = judge(NonConformance("200", "500 boom", EXCHANGE), recorded())
    assert judged.verdict == "fail"
    assert (judged.findings[0]["asked"], judged.findings[0]["expected"]) == ("GET /", "200")
    assert judged.findings[0]["exchanges"] == ["x-1"]
    assert judged.findings[0]["curl"] == "curl -sS -i --path-as-is http://h/"


@pytest.mark.parametrize("secret", ["s3cr+t/with=odd&characters", "nothing-odd-0123456789-0123456789"])
def test_a_pattern_contains_no_secret(secret: str) -> None:
    recorder = recorded()
    recorder.redactor.learn("CT_SECRET", secret)
    finding = NonConformance("a", "b", EXCHANGE, deviation=wrong_body(lacks=literal(f'"message": "no {secret}"')))
    assert judge(finding, recorder).findings[0]["deviation"] == {"kind": "body"}
    finding = NonConformance("a", "b", EXCHANGE, deviation=wrong_body(lacks="a.b"))
    assert judge(finding, recorder).findings[0]["deviation"] == {"kind": "body", "lacks": "a.b"}


@pytest.mark.parametrize("phase", ["setup", "call"])
def test_an_inconclusive_names_its_need(phase: str) -> None:
    judged = judge(Inconclusive("no such role", "a credential"), recorded(), phase)
    assert (judged.verdict, judged.reason, judged.needs) == ("inconclusive", "no such role", "a credential")


def test_a_finding_while_preparing_is_inconclusive() -> None:
    judged = judge(NonConformance("a token", "500", EXCHANGE), recorded(), "setup")
    assert judged.verdict == "inconclusive"
    assert "precondition" in judged.reason


def test_anything_else_is_the_suites_own_error() -> None:
    assert judge(KeyError("access_token"), recorded()).verdict == "error"
    assert judge(NotApplicable("no engine"), recorded()).verdict == "not-applicable"


def test_an_error_names_only_lines_of_the_suite() -> None:
    with pytest.raises(AttributeError) as raised:
        whole_number(None)  # type: ignore[arg-type]
    what, *where = judge(raised.value, recorded()).reason.splitlines()
    assert what == "AttributeError: 'NoneType' object has no attribute 'isascii'"
    (line,) = where
    assert re.fullmatch(r"at conformance/vocabulary/values\.py:\d+ in whole_number: return int\(text\) if .*", line)


def test_an_error_contains_no_secret() -> None:
    recorder = recorded()
    recorder.redactor.learn("THE_SECRET", "the-very-secret/value")
    assert "very-secret" not in judge(KeyError("the-very-secret/value"), recorder).reason


def test_a_flaky_target_is_inconclusive() -> None:
    from hypothesis.errors import Flaky, FlakyStrategyDefinition

    for kind in (Flaky, FlakyStrategyDefinition):
        assert judge(kind("fails, then does not"), recorded()).verdict == "inconclusive"


def test_a_failure_that_came_once_shows_no_traceback() -> None:
    @settings(database=None, max_examples=5)
    @given(number=st.integers())
    def once(number: int) -> None:
        if not met:
            met.append(number)
            raise NonConformance("it succeeds", "it fails once")

    met: list[int] = []
    with pytest.raises(BaseException) as raised:
        once()
    judgement = judge(raised.value, recorded())
    told = str(judgement.findings) + judgement.reason
    assert "answered otherwise" in told and "Traceback" not in told


def test_a_finding_outweighs_an_example_that_does_not_apply() -> None:
    mixed = ExceptionGroup("two", [NotApplicable("no chunk so short"), NonConformance("200", "500", EXCHANGE)])
    judged = judge(mixed, recorded())
    assert (judged.verdict, len(judged.findings)) == ("fail", 1)
    assert judge(mixed, recorded(), "setup").verdict == "not-applicable"
    assert judge(ExceptionGroup("two", [NotApplicable("a"), Inconclusive("b")]), recorded()).verdict == "not-applicable"
