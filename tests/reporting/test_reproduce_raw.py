"""Requests over a raw connection and requests of the AWS SDK can be repeated by a command line or a script."""

from __future__ import annotations

import os
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.curl import command_of
from conformance.evidence.recorder import Recorder
from conformance.reporting.reproduce.requests import FUNCTIONS
from tests.clients.servers import Listening
from tests.scripts import SHELL, Shown, shown

SECRET = "a-secret-of-the-raw-client"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server(Listening):
    """Answers each connection with the same bytes, and stores what was sent."""

    def __init__(self, response: bytes = RESPONSE, closes: bool = True) -> None:
        self.response, self.closes = response, closes
        self.seen: list[bytes] = []
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        self.seen.append(connection.recv(65536))
        connection.sendall(self.response)
        if not self.closes:
            connection.recv(65536)


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


def answered(tmp_path: Path, server: Server, seconds: int) -> list[bytes]:
    """Run ``send_raw`` against a server; return the status, the header section and the body."""
    port = server.url.rpartition(":")[2]
    lines = [FUNCTIONS["PREAMBLE"], FUNCTIONS["RAW"], f"printf x | send_raw 1 http 127.0.0.1 {port} {seconds}"]
    lines += ['cd "$answers" && cp 1.status 1.head 1.body "$OUT"']
    subprocess.run(
        [SHELL, "-c", "\n".join(lines), SHELL], env={**os.environ, "OUT": str(tmp_path)}, check=True, timeout=300
    )
    server.close()
    return [(tmp_path / name).read_bytes() for name in ("1.status", "1.head", "1.body")]


FINAL = b"HTTP/1.1 404 Not Found\r\nX: y\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "status", "head", "body"),
    [
        (FINAL, b"404", FINAL, b""),
        (FINAL + b"after\r\n\r\n\xff", b"404", FINAL, b"after\r\n\r\n\xff"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FINAL, b"404", FINAL, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"100", b"HTTP/1.1 100 Continue\r\n\r\n", b""),
        (b"no HTTP", b"000", b"no HTTP", b""),
        (b"", b"000", b"", b""),
    ],
)
def test_a_script_reads_a_raw_response(
    tmp_path: Path, response: bytes, status: bytes, head: bytes, body: bytes
) -> None:
    assert answered(tmp_path, Server(response), 60) == [status, head, body]


def test_a_script_does_not_wait_forever_for_a_raw_connection_to_close(tmp_path: Path) -> None:
    assert answered(tmp_path, Server(FINAL, closes=False), 1) == [b"404", FINAL, b""]


DEFECTS = {
    "errors/writes/204-has-no-length": "deletion-is-followed-by-an-object",
    "storage/errors/head-has-no-body#missing-key": "errors-of-head-have-a-body",
    "storage/object/expected-continue-comes": "expectation-fails",
    "storage/object/interrupted-upload-stores-nothing#unsigned": "cut-off-upload-stored",
    "storage/sdk/delete-objects#base": "last-deletion-of-many-denied",
    "storage/sdk/errors-are-typed": "error-body-is-json",
    "storage/sdk/put-and-get#default": "metadata-lost",
}
SLOW = {"storage/object/expected-continue-comes"}
"""Their scripts wait for an answer that does not come."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The findings of one run, each made with its defect."""
    with ExitStack() as running:
        yield shown(DEFECTS, tmp_path_factory.mktemp("raw"), running, "--explore", "1")


@pytest.mark.parametrize(
    "check", [pytest.param(each, marks=pytest.mark.nightly) if each in SLOW else each for each in DEFECTS]
)
def test_a_script_fails_with_the_defect_and_passes_without(found: Shown, check: str) -> None:
    (script,) = found.scripts[check]
    tried = found.tried(script, DEFECTS[check])
    assert tried.right, (tried.defective, tried.clean)
    assert not any(value in script.read_text() for name, value in found.environment.items() if name != "PATH")
