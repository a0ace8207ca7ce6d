"""Numbers, dates and JSON from a target, valid and not."""

from __future__ import annotations

import pytest

from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.values import seconds_of_date, seconds_of_time, whole_number


def answered(body: bytes) -> Exchange:
    return Exchange("x-1", "GET", "http://a.example/", Headers(), b"", 200, Headers(), body, 0.0, 0.0)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 30, 10**30 - 1)])
def test_digits_are_parsed(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "²", "٣", " 1", "1_0", "0x1", "9" * 31, "9" * 5000])
def test_other_text_is_no_number(text: str) -> None:
    assert whole_number(text) is None


def test_an_http_date_is_parsed() -> None:
    assert seconds_of_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "Thu, 31 Feb 2024 00:00:00 GMT", "Tue, ²² Nov 2022 12:45:26 GMT",
     "Tue, 15 Nov 99999 12:45:26 GMT", "Tue, 15 Nov 1994 12:45:26 +9999"],
)  # fmt: skip
def test_an_invalid_date_is_none(text: str) -> None:
    assert seconds_of_date(text) is None


def test_an_rfc_3339_time_is_parsed() -> None:
    for text in ("1994-11-06T08:49:37.000Z", "1994-11-06T08:49:37Z", "1994-11-06T08:49:37.000+00:00"):
        assert seconds_of_time(text) == 784111777
    assert seconds_of_time("0001-01-01T00:00:00Z") == -62135596800


@pytest.mark.parametrize(
    "text", ["", "1994-11-06", "1994-13-06T08:49:37Z", "0000-11-06T08:49:37Z", "1994-11-06T08:49:37"]
)
def test_an_invalid_time_is_none(text: str) -> None:
    assert seconds_of_time(text) is None


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 100_000, b'{"a": 1' + b"0" * 5000 + b"}"])
def test_json_outside_rfc_8259_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        answered(body).json()
    assert answered(body).member("a") is None


@pytest.mark.parametrize("body", [b"[]", b"null", b"", b"\xff", b'"a"', b'{"b": 1}'])
def test_a_member_of_no_object_is_none(body: bytes) -> None:
    assert answered(body).member("a") is None
