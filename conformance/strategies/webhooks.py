"""Deliveries that no well-meaning sender would make: bodies, types and header fields."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.strategies.json_bodies import raw_bodies

Fields = list[tuple[str, str | bytes]]


def delivery_bodies() -> SearchStrategy[bytes]:
    """Bodies: JSON and hardly JSON, forms, plain bytes."""
    return st.one_of(
        raw_bodies(), st.binary(max_size=200), st.sampled_from([b"a=b&c=%FF", b"<x/>", b"--x\r\n", b"\0" * 100])
    )


def delivery_types() -> SearchStrategy[str | None]:
    """Content types, right, near and wrong; None for no field."""
    return st.sampled_from(
        [
            "application/json",
            "application/json; charset=utf-16",
            "application/cloudevents+json",
            "text/plain",
            "",
            "application/xml",
            "*/*",
            "json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/octet-stream",
            "application/json, text/plain",
            None,
        ]
    )


def delivery_headers() -> SearchStrategy[Fields]:
    """Header fields that event sources send, with odd values."""
    names = st.sampled_from(
        [
            "X-Hub-Signature-256",
            "X-GitHub-Event",
            "User-Agent",
            "Content-Encoding",
            "X-Request-Id",
            "Accept",
            "Authorization",
            "Cookie",
        ]
    )
    values = st.binary(max_size=40).map(
        lambda raw: bytes(each for each in raw if each >= 0x20 and each != 0x7F).strip()
    )
    return st.lists(st.tuples(names, values), max_size=3)
