"""Connections are reused only after a complete answer with nothing left over."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from conformance.clients.http import HeaderFields, HttpClient, Limits
from conformance.clients.transport.recording import SENT_AGAIN
from conformance.clients.transport.serialization import split
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import Inconclusive, NoAnswer
from tests.clients.servers import GOOD, answering, answering_once


def client(url: str) -> HttpClient:
    return HttpClient(url, Recorder(), Limits(connect_s=30, answer_s=30))


def ask(kept: HttpClient, body: bytes | Iterator[bytes] = b"", fields: HeaderFields = ()) -> bytes:
    return kept.send("PUT", "/", fields, body).body


def test_requests_share_one_connection() -> None:
    with answering() as (url, served):
        kept = client(url)
        assert [ask(kept, b"body"), ask(kept, b"more")] == [b"ok", b"ok"]
    assert [read.endswith(tail) for (read, tail) in zip(served.connections[0], [b"body", b"more"], strict=True)]
    assert len(served) == 1


def test_bytes_after_the_answer_are_a_finding_of_its_own_request() -> None:
    with answering(GOOD + b"<Another/>") as (url, served):
        client = HttpClient(url, Recorder())
        with pytest.raises(NoAnswer, match="10 bytes behind the answer's end: b'<Another/>' after GET"):
            client.get("/")
        assert client.get("/").body == b"ok"
    assert len(served) == 2
    assert client.recorder.entries[0]["error_type"] == "Excess"


LEFT = b"26\r\n<Error/>\r\n0\r\n\r\n"


@pytest.mark.parametrize("left", [LEFT, b"<Error>no blank line</Error>"])
def test_late_bytes_of_an_earlier_answer_are_skipped(left: bytes) -> None:
    # It comes only after the next request was sent, as if it had been late.
    with answering(GOOD, left + GOOD) as (url, served), contextlib.closing(client(url)) as kept:
        assert [ask(kept) for _ in range(3)] == [b"ok"] * 3
        assert [len(each) for each in served.connections] == [3]


def test_a_connection_that_the_server_closed_is_not_reused() -> None:
    closed = threading.Event()

    def close(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with answering(last=close) as (url, served):
        kept = client(url)
        assert ask(kept) == b"ok"
        assert closed.wait(5)
        assert ask(kept) == b"ok"
    assert len(served) == 2


def test_a_repeated_request_is_counted() -> None:
    recorder = Recorder()
    with answering_once() as (url, _):
        client = HttpClient(url, recorder)
        assert [client.get("/").body for _ in range(3)] == [b"ok"] * 3
    assert recorder.events == {SENT_AGAIN: 1}


def test_a_body_that_cannot_be_repeated_uses_a_new_connection() -> None:
    with answering() as (url, served), contextlib.closing(client(url)) as kept:
        assert [ask(kept), ask(kept, iter([b"one", b"two"])), ask(kept)] == [b"ok"] * 3
    assert [len(reads) > 0 for reads in served.connections] == [True, True]
    assert b"3\r\none\r\n" in served.connections[1][0]


def test_a_request_that_ends_the_server_got_no_answer() -> None:
    with answering_once(lives_on=False) as (url, _), contextlib.closing(client(url)) as kept:
        assert ask(kept) == b"ok"
        with pytest.raises(NoAnswer, match="without sending a response"):
            ask(kept)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 2x0 \r\n\r\n",
    ],
)
def test_a_connection_is_closed_after_a_malformed_answer(answer: bytes) -> None:
    with answering(answer, last=lambda connection: connection.shutdown(socket.SHUT_WR)) as (url, served):
        kept = client(url)
        with pytest.raises(NoAnswer):
            ask(kept)
        assert ask(kept) == b"ok"
    assert [entry.get("error_type") for entry in kept.recorder.entries] == ["RemoteProtocolError", None]
    assert len(served) == 2


def test_an_answer_before_the_whole_body_was_read_counts() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    with answering(refusal, last=lambda connection: connection.shutdown(socket.SHUT_RD)) as (url, _):
        assert ask(client(url), b"x" * (1 << 20)) == b"no"


@pytest.mark.parametrize(("fields", "body"), [([("Content-Length", "1")], b"longer"), ([("X-Broken", b"a\r\nb")], b"")])
def test_a_request_that_http_cannot_carry_is_not_sent(fields: HeaderFields, body: bytes) -> None:
    with answering() as (url, served), pytest.raises(Inconclusive, match="cannot be sent"):
        ask(client(url), body, fields)
    assert [reads for reads in served.connections if reads] == []


@pytest.mark.parametrize("location", [b"http://[", b"http://a:b", b"\xff", b"http://" + b"a" * 70_000, b"/next"])
def test_redirects_are_not_followed(location: bytes) -> None:
    redirect = b"HTTP/1.1 307 X\r\nSet-Cookie: a=b\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    with answering(redirect) as (url, served):
        kept = client(url)
        assert kept.get("/").headers.get("location") == location.decode("latin-1")
        kept.get("/")
    assert b"ookie" not in served.connections[0][1]


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://Host.example/a/../b?x=%41#y", "host.example", "/a/../b?x=%41"),
        ("https://host.example:443", "host.example", "/"),
        ("https://host.example:8443?x=1", "host.example:8443", "/?x=1"),
        ("http://user@[::1]:80/é", "[::1]", "/é"),
        ("http://bücher.example/", "xn--bcher-kva.example", "/"),
    ],
)
def test_a_url_is_split_without_normalization(url: str, authority: str, target: str) -> None:
    origin, found = split(url)
    assert (origin.authority, found) == (authority, target)


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
