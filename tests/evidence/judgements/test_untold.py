"""JSON that is given as something else."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.untold import UNTOLD, untold_json
from conformance.vocabulary.exchange import Exchange, Headers


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("text/html; charset=utf-8", b'{"a": 1}', "text/html"),
        ("", b' [{"a": 1}]\n', "no Content-Type"),
        (None, b"{}", "no Content-Type"),
        ("application/json", b"{}", ""),
        ("application/problem+json", b"{}", ""),
        ("text/plain", b"{}", ""),
        ("text/html", b"<p>{}</p>", ""),
        ("text/html", b"{not json}", ""),
        (None, b"", ""),
        (None, b"ok", ""),
    ],
)
def test_json_that_is_given_as_something_else_is_told(kind: str | None, body: bytes, told: str) -> None:
    fields = Headers([] if kind is None else [("Content-Type", kind)])
    exchange = Exchange("x-1", "GET", "http://i/api", Headers([]), b"", 200, fields, body, 0.0, 0.0)
    assert untold_json(exchange) == (f"{UNTOLD}{DETAIL}{told}" if told else "")
