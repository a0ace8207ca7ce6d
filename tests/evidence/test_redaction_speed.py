"""Where a run is issued many tokens, what redaction costs does not grow with each."""

from __future__ import annotations

import re

import pytest

from conformance.evidence import redaction
from conformance.evidence.redaction import Redactor


def test_of_many_tokens_with_signs_of_base64_those_in_a_text_alone_are_made_a_pattern(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pattern of them all, new with each, took minutes."""
    redactor, sought = Redactor(), list[str]()

    def found_as(secret: str, expected: bool = False) -> str:
        sought.append(secret)
        return re.escape(secret)

    monkeypatch.setattr(redaction, "found_as", found_as)
    for number in range(100):
        told = f'{{"access_token": "{number:03}wwwwwwwwwwwwwwwwwwwwwwwwwww+/=="}}'
        redactor.learn_issued(told)
        assert f"{number:03}ww" not in redactor.body(told)

    assert 100 <= len(sought) < 1_000
