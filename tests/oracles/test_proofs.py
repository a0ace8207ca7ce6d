"""The pattern of a reproduction script matches a correct answer and not the wrong one."""

from __future__ import annotations

import re

import pytest

from conformance.oracles.proofs import above, in_its_object, in_order, literal, says, shows_text, without_member
from conformance.oracles.state import State, expect_unchanged
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer as reply


@pytest.mark.parametrize("number", [0, 5, 9, 10, 61, 99, 100, 599, 3909])
def test_a_pattern_matches_all_larger_numbers(number: int) -> None:
    pattern = re.compile(above(number))
    found = [each for each in range(12000) if pattern.fullmatch(str(each))]
    assert found == list(range(number + 1, 12000))
    assert pattern.fullmatch("00" + str(number + 1))


@pytest.mark.parametrize("text", ["a.b", "a*b", "(x)", "[y]{2}", "^$|", "a\\b", "50% /path?q=1&r=2", "é!"])
def test_a_literal_matches_only_its_text(text: str) -> None:
    assert re.fullmatch(literal(text), text)
    assert not re.fullmatch(literal(text), text.replace(text[1], "#", 1) + "x")


def test_an_element_matches_its_escaped_value() -> None:
    found = re.compile(says(reply(), "Key", "a&b").matches)
    assert found.search("<Key>a&amp;b</Key>") and not found.search("<Key>a&amp;bc</Key>")


def test_an_order_matches_only_if_all_are_there() -> None:
    page = reply(200, "<L><Key>b</Key><Key>a</Key></L>")
    proof = in_order(page, "Key", ["a", "b"])
    assert proof is not None and not re.search(proof.matches, page.text)
    assert re.search(proof.matches, "<Key>a</Key><X/><Key>b</Key>")
    assert in_order(page, "Key", ["a", "c"]) is None


@pytest.mark.parametrize(("status", "alike"), [(200, True), (404, False)])
def test_an_unchanged_thing_has_the_same_answer(status: int, alike: bool) -> None:
    before = State(200, b"one", None, "x-1")
    with pytest.raises(NonConformance) as found:
        expect_unchanged(before, State(status, b"two", None, "x-2"), reply())
    proof = found.value.proof
    assert proof is not None
    assert proof.alike == ((("x-1", "x-2"),) if alike else ()) and proof.statuses == (() if alike else (200,))


@pytest.mark.parametrize("value", ['"a b"', "30", "-1", "3.5", "null"])
def test_a_member_has_another_value(value: str) -> None:
    found = without_member(reply(200, f'{{"expires_in": {value}, "x": 1}}'), "expires_in")
    assert found is not None and re.search(found.lacks, f'{{"expires_in": {value}}}')
    assert not re.search(found.lacks, '{"expires_in": 300}')


def test_a_member_is_matched_in_its_own_object() -> None:
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


@pytest.mark.parametrize(("text", "told"), [("plain", True), ('with "quotes"', False), ("caf\u00e9", False)])
def test_a_text_with_several_json_spellings_has_no_pattern(text: str, told: bool) -> None:
    assert (shows_text(reply(), text) is not None) is told
