"""JSON that is given as something else."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements.untold import UNTOLD, untold_json
from conformance.vocabulary.exchange import Exchange, Headers


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("text/html; charset=utf-8", b'{"a": 1}', True),
        ("", b' [{"a": 1}]\n', True),
        (None, b"{}", True),
        ("application/json", b"{}", False),
        ("application/problem+json", b"{}", False),
        ("text/plain", b"{}", False),
        ("text/html", b"<p>{}</p>", False),
        ("text/html", b"{not json}", False),
        (None, b"", False),
        (None, b"ok", False),
    ],
)
def test_json_that_is_given_as_something_else_is_told(kind: str | None, body: bytes, told: bool) -> None:
    fields = Headers([] if kind is None else [("Content-Type", kind)])
    exchange = Exchange("x-1", "GET", "http://i/api", Headers([]), b"", 200, fields, body, 0.0, 0.0)
    assert untold_json(exchange) == (UNTOLD if told else "")
