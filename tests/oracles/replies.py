"""Answers for tests of oracles, made without a network."""

from __future__ import annotations

import json
from typing import Any

from conformance.vocabulary.exchange import Exchange, Headers


def reply(
    status: int = 200, body: bytes | str | Any = b"", headers: dict[str, str] | None = None, **more: Any
) -> Exchange:
    """An answer; a body that is neither bytes nor text is written as JSON with its Content-Type."""
    fields = dict(headers or {})
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
        fields.setdefault("Content-Type", "application/json")
    return Exchange(
        more.get("id", "x-1"),
        more.get("method", "GET"),
        "http://target.example/",
        Headers(more.get("sent", ())),
        b"",
        status,
        Headers(fields.items()),
        body,
        0.0,
        0.001,
    )


def answer(status: int = 200, body: Any = b"", method: str = "GET", **headers: str) -> Exchange:
    """An answer with these headers; underscores in their names stand for hyphens, and no Content-Type is added."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    fields = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange("x-1", method, "http://s3.example/b/k", Headers(), b"", status, fields, content, 0.0, 0.0)
