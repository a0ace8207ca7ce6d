"""An answer has one time limit, however many short reads it takes; waiting for a limit in vain is done once."""

from __future__ import annotations

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.wire import Wire
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import Inconclusive, Unreachable
from tests.run.hostile import serving

LIMITS = Limits(connect_s=1, answer_s=0.5, patience_s=0.01)


@pytest.mark.parametrize("name", ["slow-head", "slow-body", "endless-interim-answers", "silent"])
def test_what_comes_too_slowly_is_no_answer(name: str) -> None:
    with serving(name) as url, pytest.raises(Unreachable):
        HttpClient(url, Recorder(), LIMITS).get("/")


@pytest.mark.parametrize("name", ["slow-head", "slow-body", "silent"])
def test_nor_is_it_over_a_raw_connection(name: str) -> None:
    with serving(name) as url, pytest.raises(Unreachable):
        Wire(HttpClient(url, Recorder(), LIMITS)).send(b"GET / HTTP/1.1\r\nHost: x")


def test_the_time_is_of_each_answer_anew() -> None:
    with serving("silent", well=3) as url:
        client = HttpClient(url, Recorder(), LIMITS)
        assert [client.get("/").status for _ in range(3)] == [200] * 3
        with pytest.raises(Unreachable):
            client.get("/")


def test_a_body_that_is_handed_on_takes_the_time_that_it_takes() -> None:
    taken: list[bytes] = []
    with serving("short-drip") as url:
        reply = HttpClient(url, Recorder(), LIMITS, sink=taken.append).get("/")
        with pytest.raises(Unreachable):
            HttpClient(url, Recorder(), LIMITS).get("/")
    assert reply.status == 200 and b"".join(taken) == b"123456"


def test_a_limit_is_waited_for_once_and_then_told() -> None:
    recorder = Recorder()
    with serving("too-many-for-ever") as url:
        client = HttpClient(url, recorder, LIMITS)
        for _ in range(3):
            with pytest.raises(Inconclusive, match="429 again"):
                client.get("/")
    assert recorder.requests == 4


def test_what_a_refusal_says_is_not_handed_on() -> None:
    taken: list[bytes] = []
    with serving("too-many-for-ever") as url:
        reply = HttpClient(url, Recorder(), LIMITS, sink=taken.append).impatient().get("/")
    assert reply.status == 429 and reply.body
    assert taken == []
