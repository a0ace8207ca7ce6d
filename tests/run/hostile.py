"""Servers with hostile responses of every kind."""

from __future__ import annotations

import contextlib
import gzip
import html
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

Say = Callable[[bytes], None]
Behaviour = Callable[[Say], None]
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
TOKEN = {"access_token": "a-token-of-a-hostile-server", "token_type": "Bearer", "expires_in": 3600}


def whole(body: bytes, head: bytes = JSON) -> Behaviour:
    """A well-framed answer."""
    return lambda say: say(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def framed(body: bytes, length: int) -> Behaviour:
    """An answer whose length is not what it says."""
    return lambda say: say(JSON + b"Content-Length: %d\r\n\r\n" % length + body)


def endless_body(say: Say) -> None:
    """A body in chunks that has no last one."""
    say(JSON + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        say(b"10000\r\n" + b" " * 65536 + b"\r\n")


def endless_head(say: Say) -> None:
    """A head that has no end."""
    say(JSON)
    while True:
        say(b"X-More: " + b"x" * 8000 + b"\r\n")


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


def document(**changes: object) -> Behaviour:
    """A token answer with members of another kind."""
    return whole(json.dumps({**TOKEN, **changes}).encode())


def gzip_bomb(say: Say) -> None:
    """A body of a gigabyte, packed into a megabyte."""
    packed = gzip.compress(bytes(10 * 1024 * 1024), mtime=0) * 100
    whole(packed, JSON + b"Content-Encoding: gzip\r\n")(say)


def stalled_tls(say: Say) -> None:
    """The head of a TLS record whose content never comes."""
    say(b"\x16\x03\x03\x40\x00")
    silent(say)


HARM = "\x1b]0;owned\x07\x1b[31m<script>alert(1)</script>\"'><img src=x onerror=alert(1)>]]>\u202e"
STATUSES = itertools.cycle((b"200 OK", b"401 No", b"400 No", b"404 No", b"403 No", b"201 Made"))


def harmful(say: Say) -> None:
    """Markup and escapes in each field of a JSON document, and what of them a header may have in each header."""
    names = ("access_token", "token", "error", "error_description", "name", "slug", "next", "message")
    error = {"code": HARM, "message": HARM, "detail": {HARM: HARM}}
    document = {**dict.fromkeys(names, HARM), "errors": [error], "tags": [HARM], HARM: HARM}
    _say_with_harmful_head(say, b"application/json", json.dumps(document).encode())


def harmful_xml(say: Say) -> None:
    """The same in a document of S3's."""
    text = html.escape(HARM.translate({7: None, 27: None})) + "&#155;"
    error = "".join(f"<{name}>{text}</{name}>" for name in ("Code", "Message", "Resource", "RequestId", "Key", "ETag"))
    _say_with_harmful_head(say, b"application/xml", f"<Error>{error}</Error>".encode())


def _say_with_harmful_head(say: Say, media_type: bytes, body: bytes) -> None:
    names = ("Location", "ETag", "Docker-Content-Digest", "Link", "WWW-Authenticate", "x-amz-request-id", "Server")
    value = HARM.translate({7: None, 27: None}).encode()
    fields = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name in names)
    head = b"HTTP/1.1 %s%s\r\nConnection: close\r\nContent-Type: %s\r\n" % (next(STATUSES), value, media_type)
    whole(body, head + fields)(say)


def byte_a_second(say: Say) -> None:
    """A good beginning, at one byte a second."""
    for byte in JSON * 10:
        say(bytes([byte]))
        time.sleep(1)


FLOOD = b"".join(b"X-Flood-%d: %s\r\n" % (number, b"y" * 60) for number in range(1000))
BEHAVIOURS: dict[str, Behaviour] = {
    "redirect-to-itself": whole(b"", b"HTTP/1.1 307 Again\r\nConnection: close\r\nLocation: /oauth/token\r\n"),
    "token-of-a-megabyte": document(access_token="a" * 1_000_000),
    "token-is-a-list": document(access_token=["a"] * 1000, scope={"a": 1}, expires_in=[]),
    "lifetime-beyond-numbers": whole(b'{"access_token": "a-b-c-d-e-f", "token_type": "Bearer", "expires_in": 1e999}'),
    "endless-body": endless_body,
    "endless-head": endless_head,
    "endless-interim-answers": endless_interim,
    "length-too-long": framed(json.dumps(TOKEN).encode(), 5000),
    "length-too-short": framed(json.dumps(TOKEN).encode(), 7),
    "length-is-no-number": lambda say: say(JSON + b"Content-Length: many\r\n\r\n{}"),
    "invalid-utf8": whole(b'{"access_token": "\xff\xfe", "token_type": "Bearer"}'),
    "web-page": whole(b"<!doctype html><title>Log in</title>", JSON.replace(b"application/json", b"text/html")),
    "error-with-200": whole(b'{"error": "invalid_client", "error_description": "no"}'),
    "error-of-other-kinds": whole(b'{"error": {"a": ["b"]}, "error_uri": 7}', JSON.replace(b"200 OK", b"400 X")),
    "half-of-a-pair-in-an-error": whole(rb'{"error": "\ud800bad"}', JSON.replace(b"200 OK", b"400 X")),
    "half-of-a-pair-in-a-token": document(access_token="a-token-of-\ud800-a-hostile-server"),
    "head-of-a-thousand-fields": lambda say: say(JSON + FLOOD + b"Content-Length: 2\r\n\r\n{}"),
    "nested-beyond-reason": whole(b"[" * 200_000),
    "no-http": lambda say: say(b"220 mail.example ESMTP\r\n" * 50),
    "odd-status": whole(b"{}", JSON.replace(b"200 OK", b"999 Odd")),
    "too-many-for-ever": whole(b"{}", JSON.replace(b"200 OK", b"429 Later") + b"Retry-After: 99999999\r\n"),
    "slow-body": dripping(JSON + b"Content-Length: 5000\r\n\r\n" + b" " * 500),
    "slow-head": dripping(JSON[:17] + b"X-Slow: " + b"z" * 500),
    "short-drip": short_drip,
    "silent": silent,
    "closes-at-once": lambda say: None,
    "gzip-bomb": gzip_bomb,
    "stalled-tls": stalled_tls,
    "byte-a-second": byte_a_second,
    "harmful": harmful,
    "harmful-storage": harmful_xml,
}  # fmt: skip


def answered_well(head: bytes) -> bytes:
    """What a server says that means well: a token for a credential, a refusal without, something for a resource."""
    if b"client_secret=" in head:
        body, status = json.dumps(TOKEN).encode(), b"200 OK"
    elif head.startswith(b"POST"):
        body, status = b'{"error": "invalid_request"}', b"400 Bad Request"
    else:
        body, status = b'{"slug": "acme"}', b"200 OK"
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class HostileServer:
    """Answers in one way; the first ``well`` requests as a good server would, so that a run begins."""

    def __init__(self, behaviour: Behaviour, well: int) -> None:
        self.behaviour = behaviour
        self.well = well
        self.lock = threading.Lock()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while request := connection.recv(1 << 20):
                with self.lock:
                    self.well -= 1
                    good = self.well >= 0
                if not good:
                    self.behaviour(connection.sendall)
                    return
                connection.sendall(answered_well(request))

    def close(self) -> None:
        """Listen no more."""
        self.listening.close()


class HostileFront(HostileServer):
    """Stands before a good service; passes on what it gets until ``turned`` says that it is to be hostile.

    From then on it behaves so, or passes on what it gets to another service.
    """

    def __init__(self, service: str, behaviour: Behaviour | str, turned: Callable[[], bool]) -> None:
        self.service, self.turned = service, turned
        self.other = behaviour if isinstance(behaviour, str) else ""
        super().__init__(silent if isinstance(behaviour, str) else behaviour, 0)

    def _talk(self, connection: socket.socket) -> None:
        parts = urlsplit(self.other if self.other and self.turned() else self.service)
        address = (parts.hostname or "", parts.port or 80)
        with connection, contextlib.suppress(OSError), socket.create_connection(address) as service:
            threading.Thread(target=self._answers, args=[service, connection], daemon=True).start()
            while request := connection.recv(1 << 16):
                if not self.other and self.turned():
                    self.behaviour(connection.sendall)
                    return
                service.sendall(request)

    def _answers(self, service: socket.socket, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while answer := service.recv(1 << 16):
                connection.sendall(answer)
            connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(name: str, well: int = 0) -> Iterator[str]:
    """The address of a server of one behaviour."""
    server = HostileServer(BEHAVIOURS[name], well)
    try:
        yield server.url
    finally:
        server.close()
