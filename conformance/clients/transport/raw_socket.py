"""Raw sockets for requests that no HTTP library sends: wrong framing, control characters, malformed methods.

Each request has its own connection. The response is parsed leniently and recorded like any exchange.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar
from urllib.parse import urlsplit

from conformance.clients.http import HttpClient
from conformance.clients.transport.connections import default_authorities
from conformance.clients.transport.serialization import DEFAULT_FIELDS
from conformance.clients.transport.through_proxy import ProxyFailed, connected
from conformance.vocabulary.exchange import NOT_ENDED, Exchange, Headers
from conformance.vocabulary.finding import NoAnswer, NotConnected, Unreachable
from conformance.vocabulary.values import whole_number

T = TypeVar("T")

LARGEST = 1024 * 1024
END = b"\r\n\r\n"
QUIET_S = 0.5
"""How long to read from a connection that should be closed."""
NO_ANSWER = "no HTTP answer"
NOT_CONNECTED = "no connection"
CLOSED = (NO_ANSWER, "BrokenPipeError", "ConnectionAbortedError", "ConnectionResetError")
"""Errors of a request whose connection closed without an answer."""
FOLD = re.compile(rb"\r\n[ \t]+")
"""Obsolete line folding in a field value (RFC 9112 section 5.2)."""
INTERIM = re.compile(rb"HTTP/[\d.]+ 1\d\d")
STATUS = re.compile(rb"\d{3}")
CHUNK = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n")
WITHOUT_CONTENT = (b"204", b"304")


class NoConnection(OSError):
    """There is no connection, so the request was not sent."""


@dataclass
class Wire:
    """Sends bytes to the origin of an HTTP client and reads one response."""

    http: HttpClient
    kind: ClassVar[str] = "wire"

    @property
    def label(self) -> str:
        """The name of this client in the evidence."""
        return f"{self.kind}-{self.http.label}"

    def send(self, head: bytes, body: bytes = b"", bare: bool = False) -> Exchange:
        """Send one message: ``head`` is the request line and fields, Host included, without the empty line.

        The fields of every request are added if missing. The response to a ``bare`` request should end after its head:
        later bytes, which HTTP libraries ignore, are returned as its body. Raises NoAnswer if the connection closes
        without a response, Unreachable if none arrives in time. Waits and retries like the HTTP client.
        """
        if bare:
            head += b"\r\nConnection: close"
        return self._with_waiting(head, lambda: (self._sent(head, body, bare), None))[0]

    def ask(self, method: str, path: str, fields: Iterable[tuple[str, str]]) -> Exchange:
        """Send a request without a body; the response includes all bytes after its head."""
        lines = "".join(f"\r\n{name}: {value}" for name, value in [("Host", self.host()), *fields])
        return self.send(f"{method} {self.target(path)} HTTP/1.1{lines}".encode(), bare=True)

    def _with_waiting(self, head: bytes, send_once: Callable[[], tuple[Exchange, T]]) -> tuple[Exchange, T]:
        """Return the result of ``send_once``; wait and call it again if the response asks to wait."""
        results: list[tuple[Exchange, T]] = []

        def send() -> Exchange:
            results.append(send_once())
            return results[-1][0]

        self.http.patiently(send, head.partition(b"\r\n")[0].decode("latin-1"))
        return results[-1]

    def _sent(self, head: bytes, body: bytes, bare: bool) -> Exchange:
        head, sent = self._unanswered(head, body)
        stored = self.http.recorder.stored(sent, self.label)
        if stored is not None and stored.error:
            raise no_answer(stored.exchange, stored.error)
        if stored is not None:
            return stored.exchange
        begun = time.perf_counter()
        with self._awaiting(sent):
            raw = self._exchanged(head + END + body, bare)
        return self._recorded(sent, raw, time.perf_counter() - begun)

    @contextlib.contextmanager
    def _awaiting(self, sent: Exchange) -> Iterator[None]:
        """Record a request without a response, and raise its outcome by ``no_answer``."""
        try:
            yield
        except OSError as failure:
            unsent = isinstance(failure, NoConnection)
            error = f"{NOT_CONNECTED}: {failure}" if unsent else type(failure).__name__
            error += f" {failure}" if str(failure).endswith(NOT_ENDED) else ""
            kind = "ConnectError" if unsent else "ReadTimeout" if isinstance(failure, TimeoutError) else ""
            self.http.recorder.failed_request(sent, error, self.label, kind)
            raise no_answer(sent, error) from None

    def host(self) -> str:
        """Return the value of the Host field."""
        return urlsplit(self.http.base_url).netloc

    def target(self, path: str) -> str:
        """Return the request target of a path of the surface, with the path prefix of the base URL."""
        return urlsplit(self.http.base_url).path + path

    def _recorded(self, sent: Exchange, raw: bytes, duration_s: float) -> Exchange:
        head, _, body = raw.partition(END)
        lines = FOLD.sub(b" ", head).split(b"\r\n")
        status = status_in(lines[0])
        if not status:
            self.http.recorder.failed_request(sent, NO_ANSWER, self.label)
            raise no_answer(sent, NO_ANSWER)
        fields = self._fields(lines[1:])
        content = unchunked(body) if is_chunked(fields) else None
        body = body if content is None else content
        answered = replace(sent, status=status, headers=fields, body=body, duration_s=duration_s)
        self.http.recorder.exchange(answered, self.label)
        return answered

    def _exchanged(self, message: bytes, bare: bool) -> bytes:
        with self._connection() as connection:
            # A server may answer and close before it has read the whole request: that is no failure.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(message)
            return self._read_on(connection) if bare else self._read(connection)

    def _read(self, connection: socket.socket, raw: bytes = b"") -> bytes:
        """Return the final response, up to the end of its framing or connection. Raises TimeoutError.

        ``raw`` is the part that was received before.
        """
        until = time.monotonic() + self.http.limits.answer_s
        try:
            while len(raw) < LARGEST and not self._complete(raw):
                part = received(connection, until)
                if not part:
                    break
                raw += part
        except TimeoutError:
            if size := len(final_response(raw)):
                raise TimeoutError(f"after {size} bytes of a response {NOT_ENDED}") from None
            raise
        except ConnectionResetError:
            pass
        return final_response(raw)

    def _read_on(self, connection: socket.socket) -> bytes:
        """Return a response that should end after its head, with all bytes until the connection ends or is idle."""
        until, raw = time.monotonic() + self.http.limits.answer_s, b""
        with contextlib.suppress(ConnectionResetError):
            while len(raw) < LARGEST:
                has_head = END in final_response(raw)
                try:
                    part = received(connection, min(until, time.monotonic() + QUIET_S) if has_head else until)
                except TimeoutError:
                    if has_head:
                        break
                    raise
                if not part:
                    break
                raw += part
        return final_response(raw)

    def _complete(self, raw: bytes) -> bool:
        head, separator, body = final_response(raw).partition(END)
        if not separator:
            return False
        first, *lines = FOLD.sub(b" ", head).split(b"\r\n")
        if first.split(b" ")[1:2] in ([each] for each in WITHOUT_CONTENT):
            return True
        fields = self._fields(lines)
        # A repeated length is one length (RFC 9110 section 8.6).
        lengths = {each.strip() for each in (fields.get("content-length") or "").split(",")}
        size = whole_number(lengths.pop()) if len(lengths) == 1 else None
        return unchunked(body) is not None if is_chunked(fields) else size is not None and len(body) >= size

    def _connection(self) -> socket.socket:
        self.http.budget.wait()
        parts = urlsplit(self.http.base_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            connection = connected(parts.scheme, parts.hostname or "", port, self.http.limits.connect_s)
            connection.settimeout(self.http.limits.answer_s)
            if parts.scheme == "https":
                context = self.http.tls or default_authorities()
                return context.wrap_socket(connection, server_hostname=parts.hostname)
        except OSError as failure:
            raise NoConnection(failure if isinstance(failure, ProxyFailed) else type(failure).__name__) from None
        return connection

    def _unanswered(self, head: bytes, body: bytes) -> tuple[bytes, Exchange]:
        """Return the head as sent, and the exchange of the request without a response."""
        whole = with_default_fields(head)
        first, *lines = whole.split(b"\r\n")
        method, target = [word.decode("latin-1") for word in (*first.split(b" "), b"/")[:2]]
        here, identifier = urlsplit(self.http.base_url), self.http.recorder.next_id()
        url = f"{here.scheme}://{here.netloc}{target}" if target.startswith("/") else target
        fields, begun = self._fields(lines), time.time()
        return whole, Exchange(identifier, method, url, fields, body, 0, Headers(), b"", begun, 0.0, head=whole)

    def _fields(self, lines: list[bytes]) -> Headers:
        pairs = (line.decode("latin-1").partition(":") for line in lines)
        return Headers((name.strip(), value.strip()) for name, _, value in pairs)


def with_default_fields(head: bytes) -> bytes:
    """Return a head with the fields of every request, unless it has them."""
    lowered = head.lower()
    return head + b"".join(b"\r\n%s: %s" % each for each in DEFAULT_FIELDS if b"\n%s:" % each[0].lower() not in lowered)


def final_response(raw: bytes, interim: re.Pattern[bytes] = INTERIM) -> bytes:
    """Return the bytes after interim responses; there may be several (RFC 9110 section 15.2)."""
    place = 0
    while interim.match(raw, place) and (end := raw.find(END, place)) >= 0:
        place = end + len(END)
    return raw[place:]


def received(connection: socket.socket, until: float) -> bytes:
    """Return the next bytes. Raises TimeoutError after ``until``, a time of the monotonic clock."""
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(remaining)
    return connection.recv(65536)


def status_in(line: bytes) -> int:
    """Return the status in a status line (RFC 9112 section 4: three digits), 0 if there is none."""
    words = line.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and STATUS.fullmatch(words[1]) else 0


def is_chunked(fields: Headers) -> bool:
    """Return whether a body is in chunked transfer coding."""
    return "chunked" in (fields.get("transfer-encoding") or "").lower()


def unchunked(body: bytes) -> bytes | None:
    """Return the content of a chunked body (RFC 9112 section 7.1); None if its end is missing."""
    content, place = list[bytes](), 0
    while chunk := CHUNK.match(body, place):
        size, place = int(chunk[1], 16), chunk.end()
        if not size:
            return b"".join(content) if body.startswith(b"\r\n", place) or body.find(END, place) >= 0 else None
        if size > len(body) - place:
            return None
        content.append(body[place : place + size])
        place += size + 2
    return None


def no_answer(sent: Exchange, error: str) -> NoAnswer | Unreachable:
    """Return the outcome of a request without a response, by its recorded error."""
    reason = f"{sent.method} {sent.url}: {error}"
    outcome: NoAnswer | Unreachable
    if error in CLOSED:
        outcome = NoAnswer(f"{sent.method} {sent.url}", "the connection closed without one")
    elif error.startswith(NOT_CONNECTED):
        outcome = NotConnected(reason, "a target that can be reached")
    else:
        outcome = Unreachable(reason, "a target that answers in time")
    outcome.exchange_ids = [sent.id]
    return outcome
