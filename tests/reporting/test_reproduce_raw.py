"""Requests over a raw connection can be repeated by a command line."""

from __future__ import annotations

import os
import socket
import subprocess
from base64 import b64encode

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.curl import command_of
from conformance.evidence.recorder import Recorder
from tests.clients.servers import Listening
from tests.scripts import SHELL

SECRET = "a-secret-of-the-raw-client"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server(Listening):
    """Answers each connection with the same bytes, and stores what was sent."""

    def __init__(self, response: bytes = RESPONSE) -> None:
        self.response = response
        self.seen: list[bytes] = []
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        self.seen.append(connection.recv(65536))
        connection.sendall(self.response)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3", b"{}", id="two-lengths"),
        pytest.param(b"GET /x HTTP/1.0\r\nX-A : b\rc\r\n d\r\nX-B: 100%s\\n\xff'", b"", id="malformed-fields"),
        pytest.param(f"GET /{SECRET} HTTP/1.1\r\nAuthorization: Bearer {SECRET}".encode(), b"\0\xfe", id="secret"),
        pytest.param(b"GET / HTTP/1.1\r\nAuthorization: Basic " + b64encode(f"u:{SECRET}".encode()), b"", id="basic"),
    ],
)
def test_the_command_sends_the_same_bytes(head: bytes, body: bytes) -> None:
    server, recorder = Server(), Recorder()
    recorder.redactor.learn("THE_SECRET", SECRET)
    Wire(HttpClient(server.url, recorder)).send(head, body)
    command = command_of(recorder.entries[-1])
    ran = subprocess.run(
        [SHELL, "-c", command], env={**os.environ, "THE_SECRET": SECRET}, capture_output=True, check=True
    )
    server.close()

    assert SECRET not in command
    assert server.seen[0] == server.seen[1]
    assert ran.stdout == RESPONSE


def test_a_command_for_tls_uses_openssl() -> None:
    entry = {
        "kind": "exchange", "raw": {"origin": "https://h.example", "head": "GET / HTTP/1.1"}, "url": "https://h.example/",
        "request_headers": [], "request_body": {"size": 0, "text": ""},
    }  # fmt: skip
    assert command_of(entry) == (
        "printf 'GET / HTTP/1.1\\r\\n\\r\\n' | openssl s_client -quiet -connect h.example:443 -servername h.example"
    )
