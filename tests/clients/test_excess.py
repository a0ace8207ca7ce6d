"""What comes behind an answer that has no body is not taken for the next answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from conformance.clients.http import HttpClient
from conformance.evidence.recorder import Recorder

EXCESS = b"26\r\n<?xml version='1.0'?><Error></Error>"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextlib.contextmanager
def answering(first: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that answers the first request so and the others well; with the number of its connections."""
    answers, connections = iter([first]), list[int]()

    def talk(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while connection.recv(1 << 16):
                connection.sendall(next(answers, GOOD))

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connections.append(1)
                threading.Thread(target=talk, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=[listening], daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", connections


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("PUT", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 38\r\n\r\n"),
    ],
)
def test_the_next_request_is_not_blamed_for_it(method: str, head: bytes) -> None:
    with answering(head + EXCESS) as (url, connections):
        client = HttpClient(url, Recorder())
        assert client.send(method, "/").status in (204, 304, 403)
        assert client.get("/").body == b"ok"
    assert len(connections) == 2


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n"),
        ("GET", GOOD),
    ],
)
def test_a_connection_with_nothing_on_it_is_kept(method: str, answer: bytes) -> None:
    with answering(answer) as (url, connections):
        client = HttpClient(url, Recorder())
        client.send(method, "/")
        assert client.get("/").body == b"ok"
    assert len(connections) == 1
