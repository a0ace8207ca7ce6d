"""Servers whose responses are slow, endless or a web page; tests.chaos has every other kind."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

from tests.clients.servers import Listening

Say = Callable[[bytes], None]
Behaviour = Callable[[Say], None]
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def whole(body: bytes, head: bytes = JSON) -> Behaviour:
    """A well-framed answer."""
    return lambda say: say(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def endless_body(say: Say) -> None:
    """A body in chunks that has no last one."""
    say(JSON + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        say(b"10000\r\n" + b" " * 65536 + b"\r\n")


def endless_interim(say: Say) -> None:
    """Interim answers and no final one."""
    while True:
        say(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def dripping(text: bytes) -> Behaviour:
    """An answer byte by byte, each in time, the whole never."""

    def drip(say: Say) -> None:
        for byte in text * 100:
            say(bytes([byte]))
            time.sleep(0.2)

    return drip


def short_drip(say: Say) -> None:
    """An answer that ends, though its body comes byte by byte."""
    say(JSON + b"Content-Length: 6\r\n\r\n")
    for byte in b"123456":
        say(bytes([byte]))
        time.sleep(0.2)


def silent(say: Say) -> None:
    """Nothing at all, on a connection that stays open."""
    time.sleep(600)


BEHAVIOURS: dict[str, Behaviour] = {
    "endless-body": endless_body,
    "endless-interim-answers": endless_interim,
    "web-page": whole(b"<!doctype html><title>Log in</title>", JSON.replace(b"application/json", b"text/html")),
    "slow-body": dripping(JSON + b"Content-Length: 5000\r\n\r\n" + b" " * 500),
    "slow-head": dripping(JSON[:17] + b"X-Slow: " + b"z" * 500),
    "short-drip": short_drip,
    "silent": silent,
}  # fmt: skip


class HostileServer(Listening):
    """Gives every request the same response."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        if connection.recv(1 << 20):
            self.behaviour(connection.sendall)


@contextlib.contextmanager
def serving(name: str) -> Iterator[str]:
    """The address of a server of one behaviour."""
    server = HostileServer(BEHAVIOURS[name])
    try:
        yield server.url
    finally:
        server.close()
