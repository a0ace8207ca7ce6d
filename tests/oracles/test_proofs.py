"""What a script is told to look for holds of a right answer, and not of the one that was found."""

from __future__ import annotations

import re

import pytest

from conformance.oracles.proofs import (
    alike,
    claims_say,
    field_lacks,
    has_member,
    has_no_member,
    in_order,
    lacks,
    literal,
    says,
    without_member,
)
from conformance.oracles.s3_objects import expect_if_told, expect_no_longer
from conformance.oracles.state import State, expect_unchanged
from conformance.vocabulary.finding import NonConformance
from tests.oracles.s3_replies import reply


@pytest.mark.parametrize("text", ["a.b", "a*b", "(x)", "[y]{2}", "^$|", "a\\b", "50% /path?q=1&r=2", "é!"])
def test_a_literal_finds_the_text_and_nothing_like_it(text: str) -> None:
    assert re.fullmatch(literal(text), text)
    assert not re.fullmatch(literal(text), text.replace(text[1], "#", 1) + "x")


def test_an_element_says_its_value_escaped_or_not() -> None:
    found = re.compile(says(reply(), "Key", "a&b").matches)
    assert found.search("<Key>a&amp;b</Key>") and not found.search("<Key>a&amp;bc</Key>")


def test_an_order_is_told_of_a_page_that_has_all() -> None:
    page = reply(200, "<L><Key>b</Key><Key>a</Key></L>")
    proof = in_order(page, "Key", ["a", "b"])
    assert proof is not None and not re.search(proof.matches, page.text)
    assert re.search(proof.matches, "<Key>a</Key><X/><Key>b</Key>")
    assert in_order(page, "Key", ["a", "c"]) is None


def test_what_is_lacking_is_any_of_the_texts() -> None:
    assert re.search(lacks(reply(), "a.b", "c").lacks, "xc") and not re.search(lacks(reply(), "a.b").lacks, "axb")


def test_a_field_has_not_the_wrong_value_alone() -> None:
    ((name, pattern),) = field_lacks(reply(), "Allow", "GET, PUT (x)").fields_lack
    assert name == "Allow" and re.search(pattern, "GET, PUT (x)") and not re.search(pattern, "GET, PUT (x), POST")


def test_answers_of_one_status_are_not_said_to_differ() -> None:
    assert alike(reply(404), reply(404)) is None and alike(reply(403), reply(404)) is not None


def test_a_field_may_be_absent() -> None:
    expect_if_told(reply(), {"x-a": "1"})
    with pytest.raises(NonConformance) as found:
        expect_if_told(reply(200, "", **{"x-a": "2"}), {"x-a": "1"})
    assert found.value.proof is not None and found.value.proof.fields_if_any == (("x-a", "1"),)


def test_a_default_may_take_the_place_of_what_was_replaced() -> None:
    with pytest.raises(NonConformance) as found:
        expect_no_longer(reply(200, "", **{"content-type": "text/csv"}), {"content-type": "text/csv"})
    assert found.value.proof is not None and found.value.proof.fields_lack == (("content-type", "^text/csv$"),)


@pytest.mark.parametrize(("status", "alike"), [(200, True), (404, False)])
def test_a_thing_would_be_read_as_before(status: int, alike: bool) -> None:
    before = State(200, b"one", None, "x-1")
    with pytest.raises(NonConformance) as found:
        expect_unchanged(before, State(status, b"two", None, "x-2"), reply())
    proof = found.value.proof
    assert proof is not None
    assert proof.alike == ((("x-1", "x-2"),) if alike else ()) and proof.statuses == (() if alike else (200,))


def test_what_differs_by_itself_is_not_said_to_be_as_before() -> None:
    before = State(200, b"one", None, "x-1", {("time",)})
    with pytest.raises(NonConformance) as found:
        expect_unchanged(before, State(200, b"two", None, "x-2"), reply())
    assert found.value.proof is None


@pytest.mark.parametrize("value", ['"a b"', "30", "-1", "3.5", "null"])
def test_a_member_would_be_another(value: str) -> None:
    found = without_member(reply(200, f'{{"expires_in": {value}, "x": 1}}'), "expires_in")
    assert found is not None and re.search(found.lacks, f'{{"expires_in": {value}}}')
    assert not re.search(found.lacks, '{"expires_in": 300}')


def test_a_member_that_is_none_of_a_text_or_a_number_tells_nothing() -> None:
    assert without_member(reply(200, '{"expires_in": [1]}'), "expires_in") is None


def test_a_member_would_be_there_or_not() -> None:
    answer = reply(200, "{}")
    assert re.search(has_member(answer, "scope", '"').matches, '{"scope" : "a"}')
    assert re.search(has_no_member(answer, "scope").lacks, '{"scope": null}')
    assert claims_say(answer, "sub", '"').inside == "claims"
