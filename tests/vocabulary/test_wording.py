"""What a finding says of values is as JSON writes it, on one line, whatever they are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.vocabulary.requirement import Clause, clause_words
from conformance.vocabulary.wording import differing, some, worded


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


def test_of_many_the_first_are_named() -> None:
    assert some(["b", "a"]) == '"a", "b"'
    assert some([f"{number}" for number in range(9)]) == '"0", "1", "2", "3", "4" and 4 more'
    assert some([]) == "none"
    assert differing(["a", "b"], ["b", "b", "c"]) == 'missing: "a"; not expected: "c"; more than once: "b"'
    assert differing(["a"], []) == 'missing: "a"'


@pytest.mark.parametrize(
    ("paraphrased", "words"), [(False, "“A slug never changes.”"), (True, "A slug never changes.")]
)
def test_a_clause_in_the_contracts_own_words_has_no_quotation_marks(paraphrased: bool, words: str) -> None:
    clause = Clause("Settings", "Slugs", "A slug never changes.", "https://docs.example/", paraphrased)

    assert clause_words(clause.plain()) == words
