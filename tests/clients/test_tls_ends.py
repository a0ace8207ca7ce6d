"""A complete answer counts however the server ends TLS, and a cut answer does not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.connections import authorities
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import NoAnswer
from tests.clients.servers import answering
from tests.run.tls_front import Authority, server_context

TOLD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UNTOLD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"
End = Callable[[ssl.SSLSocket], None]


def notified(connection: ssl.SSLSocket) -> None:
    """As it should be: close_notify, and the answer to it awaited."""
    connection.unwrap()


def unnotified(connection: ssl.SSLSocket) -> None:
    """Without close_notify."""
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: ssl.SSLSocket) -> None:
    """By a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def late(connection: ssl.SSLSocket) -> None:
    """Not before the other side does."""
    connection.settimeout(60)
    connection.recv(1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    return authority.issue()


@contextlib.contextmanager
def ending(certificate: Path, answer: bytes, end: End) -> Iterator[str]:
    """A host that speaks TLS, gives each request this answer and ends the connection so."""
    with answering(*[answer] * 3, last=end, tls=server_context(certificate)) as (url, _):
        yield url.replace("http://127.0.0.1", "https://localhost")


def asking(url: str, authority: Authority) -> HttpClient:
    return HttpClient(url, Recorder(), Limits(30, 30), tls=authorities(str(authority.file)))


@pytest.mark.parametrize("end", [notified, unnotified, late])
def test_an_answer_with_a_length_counts(authority: Authority, certificate: Path, end: End) -> None:
    with ending(certificate, TOLD, end) as url:
        client = asking(url, authority)
        assert [client.get("/").body for _ in range(3)] == [b"ok"] * 3


@pytest.mark.parametrize("end", [notified, unnotified])
def test_an_answer_until_the_end_of_the_connection_counts(authority: Authority, certificate: Path, end: End) -> None:
    with ending(certificate, UNTOLD, end) as url:
        assert asking(url, authority).get("/").body == b"ok"


@pytest.mark.parametrize("end", [notified, unnotified, reset])
def test_a_cut_answer_is_a_finding(authority: Authority, certificate: Path, end: End) -> None:
    with ending(certificate, TOLD[:-1], end) as url, pytest.raises(NoAnswer, match="closed without one"):
        asking(url, authority).get("/")
