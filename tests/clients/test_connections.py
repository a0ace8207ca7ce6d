"""Connections are kept between requests, hold nothing back, and are not used again after anything went wrong."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from conformance.clients.http import SENT_AGAIN, HttpClient
from conformance.clients.transport import connections
from conformance.clients.transport.connections import Connections, Request, framed, split
from conformance.clients.transport.errors import LocalProtocolError, ReadError, RemoteProtocolError, UnsupportedProtocol
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import NoAnswer
from tests.clients.servers import GOOD, answering, answering_once


def ask(kept: Connections, url: str, body: bytes = b"", fields: connections.Fields | None = None) -> bytes:
    origin, target = split(url)
    given = framed("PUT", origin, fields or [], body)
    answer = kept.ask(Request(origin, "PUT", target.encode(), given, body), 2, 2)
    try:
        return b"".join(answer.parts())
    finally:
        answer.close()


def test_head_and_body_go_out_together_over_one_connection() -> None:
    kept = Connections()
    with answering() as (url, served):
        assert [ask(kept, url, b"body"), ask(kept, url, b"more")] == [b"ok", b"ok"]
    assert [read.endswith(tail) for (read, tail) in zip(served.connections[0], [b"body", b"more"], strict=True)]
    assert len(served) == 1


@pytest.mark.parametrize("behind", [b"HTTP/1.1 500 Not Yours\r\nContent-Length: 0\r\n\r\n", b"\r\n"])
def test_what_comes_behind_a_body_is_not_taken_for_the_next_answer(behind: bytes) -> None:
    kept = Connections()
    with answering(GOOD + behind) as (url, served):
        assert [ask(kept, url), ask(kept, url)] == [b"ok", b"ok"]
    assert len(served) == 2


def test_more_than_the_answer_is_a_finding_of_the_request_that_got_it() -> None:
    with answering(GOOD + b"<Another/>") as (url, served):
        client = HttpClient(url, Recorder())
        with pytest.raises(NoAnswer, match="10 bytes behind the answer's end: b'<Another/>' after GET"):
            client.get("/")
        assert client.get("/").body == b"ok"
    assert len(served) == 2
    assert client.recorder.entries[0]["error_type"] == "Excess"


LEFT = b"26\r\n<Error/>\r\n0\r\n\r\n"


@pytest.mark.parametrize("left", [LEFT, b"<Error>no blank line</Error>"])
def test_what_an_earlier_answer_left_is_no_part_of_the_next(left: bytes) -> None:
    # It comes only after the next request was sent, as if it had been late.
    with answering(GOOD, left + GOOD) as (url, served), contextlib.closing(Connections()) as kept:
        assert [ask(kept, url) for _ in range(3)] == [b"ok"] * 3
        assert [len(each) for each in served.connections] == [3]


def test_no_answer_behind_such_bytes_is_none() -> None:
    with answering(GOOD, LEFT) as (url, _), contextlib.closing(Connections()) as kept:
        ask(kept, url)
        with pytest.raises(RemoteProtocolError, match="illegal status line"):
            ask(kept, url)


def test_an_answer_that_begins_so_on_a_new_connection_is_none() -> None:
    with (
        answering(LEFT + GOOD) as (url, _),
        contextlib.closing(Connections()) as kept,
        pytest.raises(RemoteProtocolError, match="illegal status line"),
    ):
        ask(kept, url)


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    kept, closed = Connections(), threading.Event()

    def close(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with answering(last=close) as (url, served):
        assert ask(kept, url) == b"ok"
        assert closed.wait(5)
        assert ask(kept, url) == b"ok"
    assert len(served) == 2


def test_where_one_ended_soon_each_is_asked_on_a_connection_of_its_own() -> None:
    kept, ended, over = Connections(), threading.Event(), threading.Event()

    def end(connection: socket.socket) -> None:
        if ended.is_set():
            over.wait(5)  # Later ones stay open, and nobody reads from them.
        connection.shutdown(socket.SHUT_WR)
        ended.set()

    with answering(last=end) as (url, served):
        assert ask(kept, url) == b"ok"
        assert ended.wait(5)
        assert [ask(kept, url) for _ in range(3)] == [b"ok"] * 3
        over.set()
    assert len(served) == 4


def test_what_ends_in_the_moment_of_its_reuse_is_asked_on_a_connection_of_its_own() -> None:
    with answering_once() as (url, reads), contextlib.closing(Connections()) as kept:
        assert [ask(kept, url) for _ in range(4)] == [b"ok"] * 4
    assert sum(size > 0 for size in reads) == 5


def test_what_is_sent_again_is_counted() -> None:
    recorder = Recorder()
    with answering_once() as (url, _):
        client = HttpClient(url, recorder)
        assert [client.get("/").body for _ in range(3)] == [b"ok"] * 3
    assert recorder.events == {SENT_AGAIN: 1}


def test_what_ends_the_server_is_not_said_to_have_found_nobody_there() -> None:
    with answering_once(lives_on=False) as (url, _), contextlib.closing(Connections()) as kept:
        assert ask(kept, url) == b"ok"
        with pytest.raises(RemoteProtocolError, match="without sending a response"):
            ask(kept, url)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", RemoteProtocolError),
        (b"", RemoteProtocolError),
    ],
)
def test_after_half_an_answer_the_connection_is_closed(answer: bytes, failure: type[Exception]) -> None:
    kept = Connections()
    with answering(answer, last=lambda connection: connection.shutdown(socket.SHUT_WR)) as (url, served):
        with pytest.raises(failure):
            ask(kept, url)
        assert ask(kept, url) == b"ok"
    assert len(served) == 2


def test_a_reset_is_told_as_one() -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", last=reset) as (url, _), pytest.raises(ReadError):
        ask(Connections(), url)


def test_an_answer_that_comes_before_the_body_is_read_is_an_answer() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    with answering(refusal, last=lambda connection: connection.shutdown(socket.SHUT_RD)) as (url, _):
        assert ask(Connections(), url, b"x" * (1 << 20)) == b"no"


def test_what_http_cannot_carry_is_not_sent() -> None:
    with answering() as (url, served):
        with pytest.raises(LocalProtocolError):
            ask(Connections(), url, b"longer", [(b"Content-Length", b"1")])
        with pytest.raises(LocalProtocolError):
            ask(Connections(), url, fields=[(b"X-Broken", b"a\r\nb")])
    assert [reads for reads in served.connections if reads] == []


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://Host.example/a/../b?x=%41#y", b"host.example", "/a/../b?x=%41"),
        ("https://host.example:443", b"host.example", "/"),
        ("https://host.example:8443?x=1", b"host.example:8443", "/?x=1"),
        ("http://user@[::1]:80/é", b"[::1]", "/é"),
        ("http://bücher.example/", b"xn--bcher-kva.example", "/"),
    ],
)
def test_a_url_is_split_and_nothing_of_it_changed(url: str, authority: bytes, target: str) -> None:
    origin, found = split(url)
    assert (origin.authority, found) == (authority, target)


def test_another_protocol_is_not_spoken() -> None:
    with pytest.raises(UnsupportedProtocol):
        split("ftp://host.example/")


@pytest.mark.parametrize(
    ("method", "given", "body", "fields"),
    [
        ("GET", [], b"", [(b"Host", b"h")]),
        ("PUT", [], b"", [(b"Host", b"h"), (b"Content-Length", b"0")]),
        ("DELETE", [(b"X", b"1")], b"ab", [(b"Host", b"h"), (b"X", b"1"), (b"Content-Length", b"2")]),
        ("PUT", [], [b"a"], [(b"Host", b"h"), (b"Transfer-Encoding", b"chunked")]),
        ("PUT", [(b"content-length", b"1")], [b"a"], [(b"Host", b"h"), (b"content-length", b"1")]),
        ("GET", [(b"host", b"other")], b"", [(b"host", b"other")]),
    ],
)
def test_no_field_is_added_but_those_of_the_framing(
    method: str, given: connections.Fields, body: connections.Body, fields: connections.Fields
) -> None:
    origin = connections.origin_of("http", "h")
    assert framed(method, origin, given, body) == fields
