"""Checks that no defect of the reference can fail, which is told names in small letters alone: shown on a server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.oauth.client import OAuthClient
from conformance.evidence.recorder import Recorder
from conformance.target.description import Credential, Identity, Secret
from conformance.vocabulary.finding import NonConformance
from tests.clients.check_files import checks_of
from tests.clients.servers import Listening

ANSWER = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
TOKEN = b'{"access_token": "cf-token-of-a-server", "token_type": "Bearer", "expires_in": 60}'

BY_BEARER = checks_of("authorization", "bearer_tokens").test_field_is_known_in_any_letters
BY_BASIC = checks_of("oauth", "basic_authentication").test_basic_is_known_in_any_letters


class Server(Listening):
    """Gives a token to whoever has an Authorization field, or, by the letter, that field in these letters alone."""

    def __init__(self, by_the_letter: bool) -> None:
        self.by_the_letter = by_the_letter
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        head = connection.recv(65536)
        named = {line.partition(b":")[0] for line in head.split(b"\r\n")}
        known = named if self.by_the_letter else {each.title() for each in named}
        status = b"200 OK" if b"Authorization" in known else b"401 Unauthorized"
        connection.sendall(ANSWER % (status, len(TOKEN), TOKEN))


@pytest.fixture(params=[True, False], ids=["by-the-letter", "in-any-letters"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    started = Server(request.param)
    yield started
    started.close()


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION"])
def test_a_field_that_is_known_by_the_letter_is_noticed(server: Server, name: str) -> None:
    http = HttpClient(server.url, Recorder(), Limits(connect_s=2, answer_s=2, answer_bytes=100_000))
    credential = Credential(client_id="ct-full", client_secret=Secret("CT_SECRET", "cf-secret"), scopes=["a:read"])
    oauth = OAuthClient(Identity(url=server.url, credentials={"full": credential}), http)
    operation = SimpleNamespace(method="GET", path="/x")
    platform = SimpleNamespace(http=http, oauth=SimpleNamespace(token=lambda _: "x"), operations=lambda *_: [operation])
    for check, given in ((BY_BEARER, {"platform": platform, "shown": []}), (BY_BASIC, {"oauth": oauth})):
        if server.by_the_letter:
            with pytest.raises(NonConformance):
                check(**given, name=name)
        else:
            check(**given, name=name)
