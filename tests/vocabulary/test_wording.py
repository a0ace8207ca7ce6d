"""Values in findings are written as JSON, on one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.vocabulary.wording import worded


@dataclass(frozen=True)
class Part:
    """A class with fields, as those of the answers that are read."""

    number: int
    etag: bytes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        ("it's", '"it\'s"'),
        ("two\r\nlines", r'"two\r\nlines"'),
        ("日", '"日"'),
        (b"text \xc3\xa9", '"text é"'),
        (b"\x1f\x8b", r'"\u001f\x8b"'),
        (["a", None, 1], '["a", null, 1]'),
        (("a", ("b",)), '["a", ["b"]]'),
        ({"b", "a"}, '["a", "b"]'),
        ({1: {"a": False}}, '{"1": {"a": false}}'),
        ((Part(1, b'"x"'),), r'[{"number": 1, "etag": "\"x\""}]'),
        (ValueError("why"), '"why"'),
    ],
)
def test_a_value_is_as_json_writes_it(value: object, text: str) -> None:
    assert worded(value) == text
