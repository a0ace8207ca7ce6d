"""Unusual deliveries: bodies, types and header fields."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.strategies.changes import Change, Table, changes, each_kind
from conformance.strategies.json_bodies import json_values, raw_bodies
from conformance.strategies.json_changes import JSON_CHANGES, Document
from conformance.vocabulary.mutation import Outcome

Fields = list[tuple[str, str | bytes]]
OTHER_JSON = ("an array around it", "another kind of value in its place")
EVENT_CHANGES: Table[Document, bytes] = {
    # Any JSON may be an event; other bodies must be refused only if the target claims that feature.
    kind: (Outcome.EITHER if kind in OTHER_JSON else outcome, make)
    for kind, (outcome, make) in JSON_CHANGES.items()
}


EVENT_KINDS = each_kind(EVENT_CHANGES, {"a": [1]})


def event_changes() -> SearchStrategy[Change[Document, bytes]]:
    """Changes of a JSON event: at least a fifth stay valid, at least a fifth must be refused."""
    return changes(EVENT_CHANGES, json_values())


def delivery_bodies() -> SearchStrategy[bytes]:
    """Bodies: JSON and nearly JSON, forms, bytes."""
    return st.one_of(
        raw_bodies(), st.binary(max_size=200), st.sampled_from([b"a=b&c=%FF", b"<x/>", b"--x\r\n", b"\0" * 100])
    )


def delivery_types() -> SearchStrategy[str | None]:
    """Content types, correct, similar and wrong; None for no field."""
    return st.sampled_from([
        "application/json", "application/json; charset=utf-16", "application/cloudevents+json", "text/plain", "",
        "application/xml", "*/*", "json", "application/x-www-form-urlencoded", "multipart/form-data",
        "application/octet-stream", "application/json, text/plain", None,
    ])  # fmt: skip


def delivery_headers() -> SearchStrategy[Fields]:
    """Header fields of event sources, with unusual values."""
    names = st.sampled_from([
        "X-Hub-Signature-256", "X-GitHub-Event", "User-Agent", "Content-Encoding", "X-Request-Id", "Accept",
        "Accept-Language", "Authorization", "Cookie", "Forwarded", "If-None-Match", "Origin", "Traceparent",
        "X-Forwarded-For",
    ])  # fmt: skip
    values = st.binary(max_size=40).map(
        lambda raw: bytes(each for each in raw if each >= 0x20 and each != 0x7F).strip()
    )
    return st.lists(st.tuples(names, values), max_size=3)
