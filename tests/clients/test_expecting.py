"""A client that sends Expect: 100-continue waits for the interim answer for a limited time."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.expect_continue import Expecting
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import NoAnswer, Unreachable
from tests.clients.servers import answering

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LIMITED_S = 1.5
"""A wait that has to end; what the server does afterwards has the same limit."""
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"


@contextmanager
def server(
    before: bytes, after: bytes, held_s: float = 0, answer_s: float = 30
) -> Iterator[tuple[Expecting, Recorder, list[bytes]]]:
    """Answers a head with some bytes, then takes a body and answers with others."""
    listener = socket.create_server(("127.0.0.1", 0))
    took: list[bytes] = []
    held = threading.Event()

    def serve() -> None:
        connection = listener.accept()[0]
        with connection:
            while not connection.recv(65536).endswith(b"\r\n\r\n"):
                pass
            connection.sendall(before)
            try:
                took.append(connection.recv(65536))
            except OSError:
                took.append(b"")
            connection.sendall(after)
            held.wait(held_s)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    recorder = Recorder()
    http = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", recorder, Limits(answer_s=answer_s))
    yield Expecting(http), recorder, took
    http.close()
    held.set()
    thread.join(60)
    listener.close()


def reset(connection: socket.socket) -> None:
    """Read the body, then close with a reset."""
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


HEAD = b"PUT /k HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue"


def test_the_body_is_sent_after_100_continue() -> None:
    with server(CONTINUE, OK) as (caller, recorder, took):
        first, final = caller.send_expecting(HEAD, b"body")
    assert (first.status, final.status, final.body) == (100, 200, b"done")
    assert took == [b"body"]
    assert [entry["status"] for entry in recorder.entries] == [100, 200]
    assert [entry["request_body"]["size"] for entry in recorder.entries] == [0, 4]


@pytest.mark.parametrize(("asked", "status"), [(CONTINUE, 100), (REFUSED, 403)])
def test_other_interim_answers_are_skipped(asked: bytes, status: int) -> None:
    """RFC 9110 section 15.2: several interim answers may come, 102 and 103 among them, and none asks for the body."""
    hints = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
    with server(hints + asked, OK) as (caller, _, _):
        first, _ = caller.send_expecting(HEAD, b"body")
    assert first.status == status


def test_the_body_is_not_sent_after_a_refusal() -> None:
    with server(REFUSED, b"") as (caller, recorder, took):
        first, final = caller.send_expecting(HEAD, b"body")
    assert first is final
    assert (final.status, final.body) == (403, b"no")
    assert took == [b""]
    assert len(recorder.entries) == 1


def test_the_body_is_sent_after_a_limited_wait() -> None:
    with server(b"", OK, answer_s=LIMITED_S) as (caller, recorder, took):
        first, final = caller.send_expecting(HEAD, b"body")
    assert (first.status, final.status) == (0, 200)
    assert took == [b"body"]
    assert recorder.entries[0]["error"] == "nothing came before the body"


def test_a_connection_that_closes_is_a_finding() -> None:
    with server(b"", b"", answer_s=LIMITED_S) as (caller, _, _), pytest.raises(NoAnswer):
        caller.send_expecting(HEAD, b"body")


@pytest.mark.parametrize(
    "before", [CONTINUE, b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]
)
def test_an_incomplete_answer_times_out(before: bytes) -> None:
    late = pytest.raises(Unreachable, match="TimeoutError")
    with server(before, b"", held_s=60, answer_s=0.2) as (caller, recorder, _), late as raised:
        caller.send_expecting(HEAD, b"body")
    entry = recorder.entries[-1]
    assert (entry["error"].split()[0], entry["error_type"]) == ("TimeoutError", "ReadTimeout")
    assert raised.value.exchange_ids == [entry["id"]]


def test_a_reset_connection_is_a_finding_that_names_the_request() -> None:
    with answering(CONTINUE, last=reset) as (url, _), pytest.raises(NoAnswer) as raised:
        recorder = Recorder()
        Expecting(HttpClient(url, recorder, Limits(answer_s=30))).send_expecting(HEAD, b"body")
    assert raised.value.exchange_ids == [recorder.entries[-1]["id"]]
    assert recorder.entries[-1]["request_body"]["text"] == "body"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (CHUNKED + b"3;x=1\r\ndon\r\n1\r\ne\r\n0\r\nT: t\r\n\r\n", 200, b"done"),
        (CHUNKED + b"0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ],
    ids=["chunks", "no chunk", "no content"],
)
def test_an_answer_ends_by_its_framing(answer: bytes, status: int, body: bytes) -> None:
    # The server holds the connection open until after the time in which an answer is due.
    with server(CONTINUE, answer, held_s=60) as (caller, _, _took):
        _, final = caller.send_expecting(HEAD, b"body")
    assert (final.status, final.body) == (status, body)
