"""Numbers, dates and JSON as anybody may write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.values import (
    another_like,
    has_a_form,
    may_have_any_case,
    seconds_of_date,
    seconds_of_time,
    whole_number,
    with_one_changed,
)


def answered(body: bytes) -> Exchange:
    return Exchange("x-1", "GET", "http://a.example/", Headers(), b"", 200, Headers(), body, 0.0, 0.0)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 30, 10**30 - 1)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "²", "٣", " 1", "1_0", "0x1", "9" * 31, "9" * 5000])
def test_nothing_else_is_a_number(text: str) -> None:
    assert whole_number(text) is None


def test_a_date_is_a_time() -> None:
    assert seconds_of_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "Thu, 31 Feb 2024 00:00:00 GMT", "Tue, ²² Nov 2022 12:45:26 GMT",
     "Tue, 15 Nov 99999 12:45:26 GMT", "Tue, 15 Nov 1994 12:45:26 +9999"],
)  # fmt: skip
def test_a_date_that_there_is_not_is_none(text: str) -> None:
    assert seconds_of_date(text) is None


def test_a_time_in_full_is_a_time() -> None:
    for text in ("1994-11-06T08:49:37.000Z", "1994-11-06T08:49:37Z", "1994-11-06T08:49:37.000+00:00"):
        assert seconds_of_time(text) == 784111777
    assert seconds_of_time("0001-01-01T00:00:00Z") == -62135596800


@pytest.mark.parametrize(
    "text", ["", "1994-11-06", "1994-13-06T08:49:37Z", "0000-11-06T08:49:37Z", "1994-11-06T08:49:37"]
)
def test_a_time_that_there_is_not_is_none(text: str) -> None:
    assert seconds_of_time(text) is None


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 100_000, b'{"a": 1' + b"0" * 5000 + b"}"])
def test_what_only_some_parsers_take_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError):
        answered(body).json()
    assert answered(body).member("a") is None


@pytest.mark.parametrize("body", [b"[]", b"null", b"", b"\xff", b'"a"', b'{"b": 1}'])
def test_a_member_of_no_object_is_none(body: bytes) -> None:
    assert answered(body).member("a") is None


@given(st.text("ABCDEFabcdef0189-_.~", min_size=1), st.floats(0, 0.999))
def test_one_changed_is_another_number_too(before: str, place: float) -> None:
    after = with_one_changed(before, place)
    assert sum(one != other for one, other in zip(before.lower(), after.lower(), strict=True)) == 1


@pytest.mark.parametrize(
    ("secret", "any_case"),
    [("12ab", True), ("12AB-cd", True), ("01hq7zk3", True), ("01HQ7ZK3", True), ("eyJhbGciOi", False)],
)
def test_letters_of_one_case_may_be_of_any(secret: str, any_case: bool) -> None:
    assert may_have_any_case(secret) is any_case


@pytest.mark.parametrize(
    ("name", "form", "of_a_form"),
    [
        ("ct-full", "ct-[a-z]{4}", False),
        ("secret-lab", "[a-z]{6}-[a-z]{3}", False),
        ("acme-ci-01", "acme-[a-z]{2}-[0-9]{2}", False),
        ("acme", "[b-z]{4}", False),
        ("1042", "[1-9][0-9]{3}", True),
        ("7", "[1-9]", True),
        ("6f1ed002-ab55-4f8e-9c0a-0123456789ab", "6f1ed002-ab55-4f8e-9c0a-[0-9a-f]{12}", True),
        ("9F8E7D6C5B4A39281706F5E4", "9F8E7D6C5B4A[0-9A-F]{12}", True),
        ("01HZX3V9KQ8T7M2N5P4R6S0W1Y", "01HZX3V9KQ8T7[A-Z0-9]{13}", False),
        ("client_9aBcD", "client_[0-9][a-z][A-Z][a-z][A-Z]", False),
    ],
)
def test_a_name_has_others_of_its_form(name: str, form: str, of_a_form: bool) -> None:
    made = {another_like(name) for _ in range(50)}
    assert name not in made and len(made) > 1 and all(re.fullmatch(form, each) for each in made)
    assert has_a_form(name) is of_a_form


def test_a_name_of_marks_alone_has_none_like_it() -> None:
    assert another_like("--") == "--"
