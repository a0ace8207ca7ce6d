"""405 without the methods that there are."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements.methods import NO_ALLOW, unnamed_methods
from conformance.vocabulary.exchange import Exchange, Headers


@pytest.mark.parametrize(
    ("method", "status", "fields", "told"),
    [
        ("PUT", 405, [], True),
        ("PUT", 405, [("Content-Type", "application/json")], True),
        ("PUT", 405, [("Allow", "GET")], False),
        ("PUT", 405, [("Allow", "")], False),
        ("PUT", 405, [("Content-Type", "text/html")], False),
        ("PUT", 404, [], False),
        ("TRACE", 405, [], False),
        ("CFTEST", 405, [], False),
    ],
)
def test_405_without_allow_is_told(method: str, status: int, fields: list[tuple[str, str]], told: bool) -> None:
    exchange = Exchange("x-1", method, "http://i/api", Headers([]), b"", status, Headers(fields), b"", 0.0, 0.0)
    assert unnamed_methods(exchange) == (NO_ALLOW if told else "")
