"""An answer has one time limit for all of its reads."""

from __future__ import annotations

import contextlib
import itertools
import socket
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport import time_limits
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import NOT_ENDED
from conformance.vocabulary.finding import NotConnected, Unreachable
from tests.clients.servers import GOOD, answering
from tests.run.hostile import JSON, serving

LIMITS = Limits(connect_s=1, answer_s=0.2, patience_s=0.01)


@pytest.mark.parametrize("name", ["slow-head", "slow-body", "endless-interim-answers", "silent"])
def test_a_slow_answer_times_out(name: str) -> None:
    with serving(name) as url, pytest.raises(Unreachable):
        HttpClient(url, Recorder(), LIMITS).get("/")


@pytest.mark.parametrize("name", ["slow-head", "slow-body", "silent"])
def test_a_slow_answer_to_a_raw_request_times_out(name: str) -> None:
    recorder = Recorder()
    with serving(name) as url, pytest.raises(Unreachable) as raised:
        Wire(HttpClient(url, recorder, replace(LIMITS, answer_s=1))).send(b"GET / HTTP/1.1\r\nHost: x")
    (entry,) = recorder.entries
    assert raised.value.exchange_ids == [entry["id"]]
    assert (entry["error_type"], entry["error"].endswith(NOT_ENDED)) == ("ReadTimeout", name != "silent")


def test_a_refused_raw_connection_is_recorded_and_named() -> None:
    recorder = Recorder()
    with pytest.raises(NotConnected, match="no connection: ConnectionRefusedError") as raised:
        Wire(HttpClient("http://127.0.0.1:1", recorder, LIMITS)).send(b"GET / HTTP/1.1\r\nHost: x")
    (entry,) = recorder.entries
    assert raised.value.exchange_ids == [entry["id"]]
    assert (entry["status"], entry["error_type"]) == (0, "ConnectError")


def test_a_streamed_body_has_no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    # By this clock each read takes a minute, so that one is in time and two are not.
    minutes = itertools.count(step=60)
    monkeypatch.setattr(time_limits, "time", SimpleNamespace(monotonic=lambda: next(minutes)))
    limits = replace(LIMITS, answer_s=100)
    with serving("short-drip") as url:
        reply = HttpClient(url, Recorder(), limits, sink=taken.append).get("/")
        with pytest.raises(Unreachable):
            HttpClient(url, Recorder(), limits).get("/")
    assert reply.status == 200 and b"".join(taken) == b"123456"


@pytest.mark.parametrize(
    "answer",
    [
        # A megabyte each, in pieces as small as they can be.
        JSON + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 170_000 + b"0\r\n\r\n",
        b"HTTP/1.1 100\r\n\r\n" * 65_000 + GOOD,
    ],
    ids=["chunks", "interim-answers"],
)
def test_an_answer_in_many_pieces_is_read_quickly(answer: bytes) -> None:
    # Read byte by byte with a copy each, it would take minutes.
    with answering(answer) as (url, _):
        wire = Wire(HttpClient(url, Recorder(), Limits(connect_s=1, answer_s=30)))
        assert wire.send(b"GET / HTTP/1.1\r\nHost: x").status == 200


def test_endless_interim_answers_take_little_memory() -> None:
    def endless(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"HTTP/1.1 100 Continue\r\nX-More: " + b"x" * 60_000 + b"\r\n\r\n")

    with answering(b"", last=endless) as (url, _):
        tracemalloc.start()
        with pytest.raises(Unreachable):
            HttpClient(url, Recorder(), Limits(connect_s=1, answer_s=0.5)).get("/")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024
