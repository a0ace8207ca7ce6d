"""Checks that no defect of the reference can fail, since it frames messages and reads names by a library."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
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

TOKEN = b'{"access_token": "cf-token-of-a-server", "token_type": "Bearer", "expires_in": 60}'
ANSWER = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
BEARER_FORMS = checks_of("authorization", "bearer_tokens").test_field_is_read_by_its_grammar
BASIC = checks_of("oauth", "basic_authentication")
TOKEN_REQUESTS = checks_of("oauth", "token_requests").test_ambiguous_length_is_refused
DELIVERIES = checks_of("webhooks", "invalid_deliveries").test_malformed_messages_are_refused


def cases(check: Callable[..., None]) -> list[Any]:
    """Return the values of a check's only parameter."""
    (mark,) = [each for each in check.pytestmark if each.name == "parametrize"]  # type: ignore[attr-defined]
    return list(mark.args[1])


class Server(Listening):
    """Answers with a token.

    A correct one refuses messages of ambiguous length (RFC 9112 sections 5 and 6.3) and knows Authorization in any
    letters. A wrong one accepts every message, but only the name as it is usually written.
    """

    def __init__(self, correct: bool) -> None:
        self.correct = correct
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        lines = head.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        named = {line.partition(b":")[0] for line in lines}
        status, body = b"200 OK", TOKEN
        if self.correct and head.startswith(b"POST") and self.malformed(lines):
            status, body = b"400 Bad Request", b"{}"
        elif not self.correct and b"Authorization" not in named and b"authorization" in {*map(bytes.lower, named)}:
            status, body = b"401 Unauthorized", b"{}"
        connection.sendall(ANSWER % (status, len(body), body))

    @staticmethod
    def malformed(lines: list[bytes]) -> bool:
        lengths = {line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"content-length:")}
        well_formed = all(b":" in line and b"\r" not in line and b" :" not in line for line in lines)
        return len(lengths) != 1 or not all(each.isdigit() for each in lengths) or not well_formed

    def client(self) -> HttpClient:
        return HttpClient(self.url, Recorder(), Limits(connect_s=30, answer_s=30, answer_bytes=100_000))

    def oauth(self) -> OAuthClient:
        credential = Credential(client_id="ct-full", client_secret=Secret("CT_SECRET", "cf-secret"), scopes=["a:read"])
        return OAuthClient(Identity(url=self.url, credentials={"full": credential}), self.client())

    def judged_by(self, check: Callable[..., None], **arguments: Any) -> None:
        """Run a check, which must pass on the correct server and fail on the wrong one."""
        if self.correct:
            check(**arguments)
            return
        with pytest.raises(NonConformance):
            check(**arguments)


@pytest.fixture(params=[True, False], ids=["correct", "wrong"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    started = Server(request.param)
    yield started
    started.close()


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION"])
def test_a_field_name_in_other_letters(server: Server, name: str) -> None:
    operation = SimpleNamespace(method="GET", path="/x")
    oauth = SimpleNamespace(token=lambda _: "x")
    platform = SimpleNamespace(http=server.client(), oauth=oauth, operations=lambda *_: [operation])
    server.judged_by(BEARER_FORMS, platform=platform, reads=[(operation, "x")], name=name, prefix="Bearer ")
    server.judged_by(BASIC.test_forms_of_basic_are_accepted, oauth=server.oauth(), send=BASIC._in_lower_case)


@pytest.mark.parametrize("lengths", cases(TOKEN_REQUESTS))
def test_a_token_request_of_ambiguous_length(server: Server, lengths: tuple[str, ...]) -> None:
    server.judged_by(TOKEN_REQUESTS, control=server.oauth(), wire=Wire(server.client()), lengths=lengths)


@pytest.mark.parametrize("fields", cases(DELIVERIES))
def test_a_malformed_delivery(server: Server, fields: str) -> None:
    http = server.client()
    webhook = WebhookClient(Webhooks(url=Secret("CT_URL", f"{server.url}/hooks/cf-secret")), lambda _: http)
    arguments = {"webhook": webhook, "wire": Wire(http), "once": Once(http.recorder), "fields": fields}
    if "a\rb" in fields:
        # RFC 9112 section 2.2: a CR by itself may be read as a blank.
        DELIVERIES(**arguments)
    else:
        server.judged_by(DELIVERIES, **arguments)
