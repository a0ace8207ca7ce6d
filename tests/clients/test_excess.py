"""Bytes after an answer without a body do not become the next answer."""

from __future__ import annotations

import pytest

from conformance.clients.http import HttpClient
from conformance.evidence.recorder import Recorder
from tests.clients.servers import answering

EXCESS = b"26\r\n<?xml version='1.0'?><Error></Error>"


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("PUT", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 38\r\n\r\n"),
    ],
)
def test_bytes_after_a_bodiless_answer_do_not_affect_the_next_request(method: str, head: bytes) -> None:
    with answering(head + EXCESS) as (url, connections):
        client = HttpClient(url, Recorder())
        assert client.send(method, "/").status in (204, 304, 403)
        assert client.get("/").body == b"ok"
    assert len(connections) == 2
