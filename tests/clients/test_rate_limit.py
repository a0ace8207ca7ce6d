"""The checks of the rate limit send at once what is to be within one window, and no more than they say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from conformance.clients import concurrency
from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import OAuthClient
from conformance.evidence.recorder import Recorder
from conformance.target.description import Credential, Identity, LimitsSection, Secret, Target
from conformance.vocabulary.finding import NonConformance
from tests.clients.check_files import checks_of
from tests.clients.servers import Handler, LocalServer

PATIENCE_S = 30.0
TOKEN = b'{"access_token": "cf-token-of-the-limited", "token_type": "Bearer", "expires_in": 60}'


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    return checks_of("errors", "rate_limit")


class Limited(LocalServer):
    """Lets ``allowed`` requests through, and answers none before so many have come ``together``."""

    request_queue_size = 64

    def __init__(self, allowed: int, together: int) -> None:
        super().__init__(Counting)
        self.allowed, self.together, self.lock = allowed, together, threading.Lock()
        self.come = self.count = 0
        self.met = threading.Barrier(together)


class Counting(Handler):
    def do_POST(self) -> None:
        self.asked()
        with self.server.lock:
            self.server.come += 1
            early = self.server.come <= self.server.together
        if early:
            self.server.met.wait(PATIENCE_S)
        with self.server.lock:
            self.server.count += 1
            served = self.server.count <= self.server.allowed
        fields = {"Content-Type": "application/json"}
        self.answered(*((200, fields, TOKEN) if served else (429, fields, b"")))


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Limited]:
    running = Limited(*request.param)
    with running.serving():
        yield running


def asked_of(server: Limited, limit: str) -> tuple[Target, OAuthClient]:
    limited = Credential(client_id="ct-limited", client_secret=Secret("SECRET", "cf-secret"))
    identity = Identity(url=server.url, credentials={"limited": limited})
    target = Target(organization="acme", identity=identity, limits=LimitsSection(token_requests=limit))
    return target, OAuthClient(identity, HttpClient(server.url, Recorder()))


@pytest.mark.parametrize("server", [(10, 11)], indirect=True)
def test_a_limit_is_met_in_one_round_trip(server: Limited, checks: ModuleType) -> None:
    # None is answered before all have come: one after another would wait for ever.
    target, oauth = asked_of(server, "10/60s")
    refused = checks.exhausted(target, oauth)
    assert refused.status == 429
    # Behind those at once one is asked by itself, which is refused as well: the last of the evidence, as of a script.
    assert server.count == 12
    assert oauth.http.recorder.entries[-1]["id"] == refused.id


@pytest.mark.parametrize("server", [(1000, 1)], indirect=True)
def test_a_limit_that_is_none_is_told_after_a_bounded_number_of_requests(server: Limited, checks: ModuleType) -> None:
    with pytest.raises(NonConformance, match="25 requests served"):
        checks.exhausted(*asked_of(server, "10/600s"))
    assert server.count == 25


@pytest.mark.parametrize("number", [1, 32, 33, 100])
def test_a_burst_is_of_as_many_as_were_asked_for_and_never_of_too_many_callers(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = []

    def counted(calls: list[Any]) -> list[Any]:
        callers.append(len(calls))
        return [call() for call in calls]

    monkeypatch.setattr(concurrency, "at_once", counted)
    assert len(concurrency.burst(object, number)) == sum(callers) == number
    assert max(callers) <= concurrency.MOST_AT_ONCE
