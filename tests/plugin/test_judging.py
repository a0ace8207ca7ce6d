"""From what a check raised to its verdict."""

from __future__ import annotations

import re

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from conformance.evidence.recorder import Recorder
from conformance.oracles.proofs import literal
from conformance.plugin.judging import judge
from conformance.strategies.properties import keep
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof, Unreachable
from conformance.vocabulary.values import whole_number

EXCHANGE = Exchange("x-1", "GET", "http://h/", Headers(), b"", 500, Headers(), b"boom", 0.0, 0.1)


def recorded() -> Recorder:
    recorder = Recorder()
    recorder.exchange(EXCHANGE)
    return recorder


def test_nothing_raised_is_a_pass() -> None:
    assert judge(None, recorded()).verdict == "pass"


def test_a_non_conformance_is_a_failure_with_its_exchange_and_curl() -> None:
    judged = judge(NonConformance("200", "500 boom", EXCHANGE), recorded())
    assert judged.verdict == "fail"
    assert (judged.findings[0]["asked"], judged.findings[0]["expected"]) == ("GET /", "200")
    assert judged.findings[0]["exchanges"] == ["x-1"]
    assert judged.findings[0]["curl"] == "curl -sS -i --path-as-is http://h/"


def test_a_finding_that_needs_what_was_made_before_has_a_script_and_no_curl_line() -> None:
    recorder = Recorder()
    sent = [
        Exchange(f"x-{number}", method, "http://h/t", Headers(), b"", 200, Headers(), b"", 0.0, 0.1)
        for number, method in enumerate(("PUT", "GET"))
    ]
    for each in sent:
        recorder.exchange(each)
    finding = judge(NonConformance("404", "200", sent[-1]), recorder).findings[0]
    assert (finding["curl"], finding["script"]) == ("", True)


@pytest.mark.parametrize("secret", ["s3cr+t/with=odd&characters", "nothing-odd-0123456789-0123456789"])
def test_a_proof_never_tells_a_secret(secret: str) -> None:
    recorder = recorded()
    recorder.redactor.learn("CT_SECRET", secret)
    finding = NonConformance("a", "b", EXCHANGE, proof=Proof("x-1", lacks=literal(f'"message": "no {secret}"')))
    assert judge(finding, recorder).findings[0]["proof"] == {}
    finding = NonConformance("a", "b", EXCHANGE, proof=Proof("x-1", lacks="a.b", unsaid=(secret,)))
    assert judge(finding, recorder).findings[0]["proof"] == {
        "exchange": "x-1", "lacks": "a.b", "unsaid": ("$CT_SECRET",)
    }  # fmt: skip


@pytest.mark.parametrize("phase", ["setup", "call"])
def test_what_it_needs_is_told_with_an_inconclusive(phase: str) -> None:
    judged = judge(Inconclusive("no such role", "a credential"), recorded(), phase)
    assert (judged.verdict, judged.reason, judged.needs) == ("inconclusive", "no such role", "a credential")


def test_a_finding_while_preparing_is_inconclusive() -> None:
    judged = judge(NonConformance("a token", "500", EXCHANGE), recorded(), "setup")
    assert judged.verdict == "inconclusive"
    assert "precondition" in judged.reason


def test_anything_else_is_the_suites_own_error() -> None:
    assert judge(KeyError("access_token"), recorded()).verdict == "error"
    assert judge(NotApplicable("no engine"), recorded()).verdict == "not-applicable"


def test_an_error_is_told_with_the_lines_of_the_suite_alone() -> None:
    with pytest.raises(AttributeError) as raised:
        whole_number(None)  # type: ignore[arg-type]
    what, *where = judge(raised.value, recorded()).reason.splitlines()
    assert what == "AttributeError: 'NoneType' object has no attribute 'isascii'"
    (line,) = where
    assert re.fullmatch(r"at conformance/vocabulary/values\.py:\d+ in whole_number: return int\(text\) if .*", line)


def test_distinct_failures_of_a_property_are_distinct_findings() -> None:
    group = ExceptionGroup(
        "two", [NonConformance("a", "b", EXCHANGE), ExceptionGroup("in", [NonConformance("c", "d", EXCHANGE)])]
    )
    assert [finding["expected"] for finding in judge(group, recorded()).findings] == ["a", "c"]


def test_an_error_among_failures_is_an_error() -> None:
    assert (
        judge(ExceptionGroup("two", [NonConformance("a", "b", EXCHANGE), KeyError("x")]), recorded()).verdict == "error"
    )


def test_a_finding_outweighs_an_unreachable_target() -> None:
    assert (
        judge(ExceptionGroup("two", [NonConformance("a", "b", EXCHANGE), Unreachable("gone")]), recorded()).verdict
        == "fail"
    )


def test_secrets_do_not_reach_an_error() -> None:
    recorder = recorded()
    recorder.redactor.learn("THE_SECRET", "the-very-secret/value")
    assert "very-secret" not in judge(KeyError("the-very-secret/value"), recorder).reason


def test_a_target_that_answers_unlike_is_not_an_error_of_the_suite() -> None:
    from hypothesis.errors import Flaky, FlakyStrategyDefinition

    for kind in (Flaky, FlakyStrategyDefinition):
        assert judge(kind("fails, then does not"), recorded()).verdict == "inconclusive"


def test_an_example_is_told_without_the_fixtures() -> None:
    finding = NonConformance("a", "b", EXCHANGE)
    finding.add_note(
        "Failing test case: test_x(\n    space=Space(s3=<conformance.clients.s3.client.S3 object at 0x7f>,\n"
        "     name='a'),\n    field='bytes=0-0',\n)"
    )
    keep(finding, ["field"])
    assert judge(finding, recorded()).findings[0]["hint"] == "Failing test case: test_x(\n    field='bytes=0-0',\n)"


def test_how_many_examples_fail_alike_is_told_behind_the_one() -> None:
    @settings(database=None, max_examples=1, phases=[Phase.explicit], report_multiple_bugs=True)
    @given(number=st.integers())
    @example(number=7)
    @example(number=8)
    @example(number=9)
    def fails(number: int) -> None:
        raise NonConformance("a", "b", EXCHANGE)

    with pytest.raises(NonConformance) as caught:
        fails()

    keep(caught.value, ["number"])
    hint = judge(caught.value, recorded()).findings[0]["hint"]
    assert hint == (
        "Failing explicit example: fails(\n    number=7,\n)\nOf the written examples 2 more fail in this way."
    )


def test_that_a_failure_came_once_is_told_without_a_traceback() -> None:
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


def test_what_a_program_did_is_shown_by_its_own_command_line() -> None:
    recorder = recorded()
    recorder.redactor.learn("THE_SECRET", "the-very-secret/value")
    command = ["curl", "--data", "client_secret=the-very-secret/value", "http://h.example/a b"]
    finding = NonConformance("it succeeds", "exit code 1")
    finding.exchange_ids = [recorder.transcript(command, 1, "", "no", 0.1)]

    told = judge(finding, recorder).findings[0]

    assert told["curl"] == "curl --data \"client_secret=${THE_SECRET}\" 'http://h.example/a b'"
    assert told["exchanges"] == list(finding.exchange_ids)


def test_a_finding_outweighs_an_example_that_cannot_be_asked() -> None:
    mixed = ExceptionGroup("two", [NotApplicable("no chunk so short"), NonConformance("200", "500", EXCHANGE)])
    judged = judge(mixed, recorded())
    assert (judged.verdict, len(judged.findings)) == ("fail", 1)
    assert judge(mixed, recorded(), "setup").verdict == "not-applicable"
    assert judge(ExceptionGroup("two", [NotApplicable("a"), Inconclusive("b")]), recorded()).verdict == "not-applicable"
