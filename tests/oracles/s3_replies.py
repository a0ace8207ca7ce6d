"""Answers to judge, made by hand."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange, Headers


def reply(status: int = 200, body: bytes | str = b"", method: str = "GET", **headers: str) -> Exchange:
    """An answer; underscores in header names stand for hyphens."""
    fields = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    content = body.encode() if isinstance(body, str) else body
    return Exchange("x-1", method, "http://s3.example/b/k", Headers(), b"", status, fields, content, 0.0, 0.0)
