"""What a script is told to look for holds of a right answer, and not of the one that was found."""

from __future__ import annotations

import re

import pytest

from conformance.oracles.proofs import (
    above,
    alike,
    both_have,
    claims_say,
    field_lacks,
    has_just,
    has_member,
    has_no_member,
    in_its_object,
    in_order,
    lacks,
    literal,
    says,
    shows_text,
    without_member,
)
from conformance.oracles.s3_objects import expect_if_told, expect_no_longer
from conformance.oracles.state import State, expect_unchanged
from conformance.vocabulary.finding import NonConformance
from tests.oracles.s3_replies import reply


@pytest.mark.parametrize("number", [0, 5, 9, 10, 61, 99, 100, 599, 3909])
def test_above_finds_every_larger_number_and_no_other(number: int) -> None:
    pattern = re.compile(above(number))
    found = [each for each in range(12000) if pattern.fullmatch(str(each))]
    assert found == list(range(number + 1, 12000))
    assert pattern.fullmatch("00" + str(number + 1))


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


def test_a_member_is_looked_for_in_its_own_object() -> None:
    page = '{"a": [{"size": 5, "annotations": {"x": "1"}, "digest": "d1"}, {"digest": "d2", "more": {}, "size": 56}]}'
    for digest, name, value, there in (
        ("d1", "size", 5, True), ("d2", "size", 5, False), ("d2", "size", 56, True), ("d1", "size", 56, False),
        ("d1", "annotations", {"x": "1"}, True), ("d1", "annotations", {"x": "2"}, False),
        ("d2", "annotations", {"x": "1"}, False),
    ):  # fmt: skip
        found = in_its_object(reply(), digest, name, value)
        assert bool(re.search(found.matches, page)) is there
        assert in_its_object(reply(), digest, name, value, there=False).lacks == found.matches
    assert '"y"' in in_its_object(reply(200, page), "d1", "annotations", {"x": "1", "y": "2"}).matches


def test_one_of_two_answers_has_what_the_other_has_not() -> None:
    one, other = reply(404, '{"error": {}}', x_id="1"), reply(400, '{"detail": ""}')
    found = both_have(one, other, '"error" *:')
    assert found is not None and found.both == ((one.id, other.id, '"error" *:'),)
    assert both_have(one, other, "content-length") is None and both_have(one, other, "^X-Id: ") is not None


def test_an_item_that_is_listed_twice_would_be_listed_once() -> None:
    found = has_just(reply(), ["a", "b"], ["a", "b", "b"])
    assert found is not None and re.search(found.lacks, '["b","b"]') and not re.search(found.lacks, '["a","b"]')


@pytest.mark.parametrize(("text", "told"), [("plain", True), ('with "quotes"', False), ("caf\u00e9", False)])
def test_a_text_that_json_may_write_otherwise_tells_nothing(text: str, told: bool) -> None:
    assert (shows_text(reply(), text) is not None) is told
