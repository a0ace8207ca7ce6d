"""Checks that no defect of the reference can fail, since its HTTP server frames messages: shown on a lenient one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.oauth.client import OAuthClient
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.webhooks import WebhookClient
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.target.description import Credential, Identity, Secret, Webhooks
from conformance.vocabulary.finding import NonConformance
from tests.clients.check_files import checks_of
from tests.clients.servers import Listening

TOKEN = b'{"access_token": "cf-token-of-a-lenient-server", "token_type": "Bearer", "expires_in": 60}'
STRICT = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LENIENT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"


def cases(check: Callable[..., None]) -> list[Any]:
    """The values of a check's only parameter."""
    (mark,) = [each for each in check.pytestmark if each.name == "parametrize"]  # type: ignore[attr-defined]
    return list(mark.args[1])


def malformed(head: bytes) -> bool:
    """Whether the lines of a head tell no certain length (RFC 9112 sections 5 and 6.3)."""
    lines = head.split(b"\r\n")[1:]
    lengths = {line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"content-length:")}
    well_formed = all(b":" in line and b"\r" not in line and b" :" not in line for line in lines)
    return len(lengths) != 1 or not all(each.isdigit() for each in lengths) or not well_formed


class Server(Listening):
    """Answers every message, malformed or not, with a token; a strict one refuses what is malformed."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        refused = not self.lenient and malformed(head.split(b"\r\n\r\n")[0])
        connection.sendall(STRICT if refused else LENIENT % (len(TOKEN), TOKEN))

    def client(self) -> HttpClient:
        return HttpClient(self.url, Recorder(), Limits(connect_s=2, answer_s=2, answer_bytes=100_000))


@pytest.fixture(params=[True, False], ids=["lenient", "strict"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    started = Server(request.param)
    yield started
    started.close()


def judged(server: Server, check: Callable[..., None], **arguments: Any) -> None:
    """Runs a check: it must find the lenient server at fault, and the strict one not."""
    if not server.lenient:
        check(**arguments)
        return
    with pytest.raises(NonConformance):
        check(**arguments)


TOKEN_REQUESTS = checks_of("oauth", "token_requests").test_ambiguous_length_is_refused
DELIVERIES = checks_of("webhooks", "invalid_deliveries").test_malformed_messages_are_refused


@pytest.mark.parametrize("lengths", cases(TOKEN_REQUESTS))
def test_a_token_for_a_request_of_unclear_length_is_noticed(server: Server, lengths: tuple[str, ...]) -> None:
    credential = Credential(client_id="ct-full", client_secret=Secret("CT_SECRET", "cf-secret"), scopes=["a:read"])
    http = server.client()
    oauth = OAuthClient(Identity(url=server.url, credentials={"full": credential}), http)
    judged(server, TOKEN_REQUESTS, control=oauth, wire=Wire(http), lengths=lengths)


@pytest.mark.parametrize("fields", cases(DELIVERIES))
def test_a_delivery_that_was_taken_in_though_malformed_is_noticed(server: Server, fields: str) -> None:
    http = server.client()
    webhook = WebhookClient(Webhooks(url=Secret("CT_URL", f"{server.url}/hooks/cf-secret")), lambda _: http)
    once = Once(http.recorder)
    if "a\rb" in fields:
        # RFC 9112 section 2.2: a CR by itself may be read as a blank.
        DELIVERIES(webhook=webhook, wire=Wire(http), once=once, fields=fields)
        return
    judged(server, DELIVERIES, webhook=webhook, wire=Wire(http), once=once, fields=fields)
