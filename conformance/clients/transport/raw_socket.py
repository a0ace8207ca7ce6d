"""A raw socket for what an HTTP library would never send: wrong framing, bare control characters, odd methods.

One request, one connection; the answer is parsed leniently and recorded like any exchange.
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
from conformance.clients.transport.connections import usual_authorities
from conformance.clients.transport.serialization import OF_EACH
from conformance.clients.transport.through_proxy import ProxyFailed, connected
from conformance.vocabulary.exchange import NOT_ENDED, Exchange, Headers
from conformance.vocabulary.finding import NoAnswer, NotConnected, Unreachable
from conformance.vocabulary.values import whole_number

T = TypeVar("T")

LARGEST = 1024 * 1024
END = b"\r\n\r\n"
QUIET_S = 0.5
"""For how long a connection that should have been closed is listened to."""
NOTHING = "no HTTP answer"
NOT_CONNECTED = "no connection"
CLOSED = (NOTHING, "BrokenPipeError", "ConnectionAbortedError", "ConnectionResetError")
"""Errors of a request whose connection closed without an answer."""
FOLD = re.compile(rb"\r\n[ \t]+")
"""Where a value goes on in the next line, as senders may no longer have it (RFC 9112 section 5.2)."""
INTERIM = re.compile(rb"HTTP/[\d.]+ 1\d\d")
STATUS = re.compile(rb"\d{3}")
CHUNK = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n")
WITHOUT_CONTENT = (b"204", b"304")


class NoConnection(OSError):
    """No connection could be made, so that the request was not sent."""


@dataclass
class Wire:
    """Sends bytes to the origin of an HTTP client and reads one answer."""

    http: HttpClient
    kind: ClassVar[str] = "wire"

    @property
    def label(self) -> str:
        """The name of this client in the evidence: its kind and the name of the HTTP client, which may sign."""
        return f"{self.kind}-{self.http.label}"

    def send(self, head: bytes, body: bytes = b"", bare: bool = False) -> Exchange:
        """One message: ``head`` is the request line and fields, Host among them, without the empty line.

        It goes out with what each request of ours says, unless it says that itself. The answer to a ``bare`` one should
        end with its head: what comes after it is returned as its body, though HTTP libraries pass it over. Raises
        NoAnswer where the connection closes without an answer, Unreachable where none comes in time; one that asks to
        wait is waited for as by the HTTP client.
        """
        if bare:
            head += b"\r\nConnection: close"
        return self._waited(head, lambda: (self._sent(head, body, bare), None))[0]

    def ask(self, method: str, path: str, fields: Iterable[tuple[str, str]]) -> Exchange:
        """The answer to a request without a body, with what comes behind its head."""
        lines = "".join(f"\r\n{name}: {value}" for name, value in [("Host", self.host()), *fields])
        return self.send(f"{method} {self.target(path)} HTTP/1.1{lines}".encode(), bare=True)

    def _waited(self, head: bytes, once: Callable[[], tuple[Exchange, T]]) -> tuple[Exchange, T]:
        """What ``once`` gives, an answer and what belongs to it; it is asked again where the answer asks to wait."""
        given: list[tuple[Exchange, T]] = []

        def answer() -> Exchange:
            given.append(once())
            return given[-1][0]

        self.http.patiently(answer, head.partition(b"\r\n")[0].decode("latin-1"))
        return given[-1]

    def _sent(self, head: bytes, body: bytes, bare: bool) -> Exchange:
        head, sent = self._begun(head, body)
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
        """Record a request that gets no answer, and raise what ``no_answer`` makes of it."""
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
        """The authority to put in a Host field."""
        return urlsplit(self.http.base_url).netloc

    def target(self, path: str) -> str:
        """What stands in a request line for a path of the surface: with what its own address has before it."""
        return urlsplit(self.http.base_url).path + path

    def _recorded(self, sent: Exchange, raw: bytes, duration_s: float) -> Exchange:
        head, _, body = raw.partition(END)
        lines = FOLD.sub(b" ", head).split(b"\r\n")
        status = status_in(lines[0])
        if not status:
            self.http.recorder.failed_request(sent, NOTHING, self.label)
            raise no_answer(sent, NOTHING)
        fields = self._fields(lines[1:])
        content = unchunked(body) if is_chunked(fields) else None
        body = body if content is None else content
        answered = replace(sent, status=status, headers=fields, body=body, duration_s=duration_s)
        self.http.recorder.exchange(answered, self.label)
        return answered

    def _exchanged(self, message: bytes, bare: bool) -> bytes:
        with self._connection() as connection:
            # A server may answer and close before it has read everything: that is an answer, not a failure.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(message)
            return self._read_on(connection) if bare else self._read(connection)

    def _read(self, connection: socket.socket, raw: bytes = b"") -> bytes:
        """A final answer: to the end by its framing, or to the end of the connection; TimeoutError.

        ``raw`` is what has come of it already.
        """
        until = time.monotonic() + self.http.limits.answer_s
        try:
            while len(raw) < LARGEST and not self._complete(raw):
                part = received(connection, until)
                if not part:
                    break
                raw += part
        except TimeoutError:
            if came := len(final_of(raw)):
                raise TimeoutError(f"after {came} bytes of a response {NOT_ENDED}") from None
            raise
        except ConnectionResetError:
            pass
        return final_of(raw)

    def _read_on(self, connection: socket.socket) -> bytes:
        """An answer that should end with its head, and what comes behind that until it ends or is quiet."""
        until, raw = time.monotonic() + self.http.limits.answer_s, b""
        with contextlib.suppress(ConnectionResetError):
            while len(raw) < LARGEST:
                has_head = END in final_of(raw)
                try:
                    part = received(connection, min(until, time.monotonic() + QUIET_S) if has_head else until)
                except TimeoutError:
                    if has_head:
                        break
                    raise
                if not part:
                    break
                raw += part
        return final_of(raw)

    def _complete(self, raw: bytes) -> bool:
        head, separator, body = final_of(raw).partition(END)
        if not separator:
            return False
        first, *lines = FOLD.sub(b" ", head).split(b"\r\n")
        if first.split(b" ")[1:2] in ([each] for each in WITHOUT_CONTENT):
            return True
        fields = self._fields(lines)
        # One length repeated is one (RFC 9110 section 8.6).
        lengths = {each.strip() for each in (fields.get("content-length") or "").split(",")}
        size = whole_number(lengths.pop()) if len(lengths) == 1 else None
        return unchunked(body) is not None if is_chunked(fields) else size is not None and len(body) >= size

    def _connection(self) -> socket.socket:
        self.http.pace.wait()
        parts = urlsplit(self.http.base_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            connection = connected(parts.scheme, parts.hostname or "", port, self.http.limits.connect_s)
            connection.settimeout(self.http.limits.answer_s)
            if parts.scheme == "https":
                context = self.http.tls or usual_authorities()
                return context.wrap_socket(connection, server_hostname=parts.hostname)
        except OSError as failure:
            raise NoConnection(failure if isinstance(failure, ProxyFailed) else type(failure).__name__) from None
        return connection

    def _begun(self, head: bytes, body: bytes) -> tuple[bytes, Exchange]:
        """The head as it goes out, and the exchange of it and a body before there is an answer."""
        whole = introduced(head)
        first, *lines = whole.split(b"\r\n")
        method, target = [word.decode("latin-1") for word in (*first.split(b" "), b"/")[:2]]
        here, identifier = urlsplit(self.http.base_url), self.http.recorder.next_id()
        url = f"{here.scheme}://{here.netloc}{target}" if target.startswith("/") else target
        fields, begun = self._fields(lines), time.time()
        return whole, Exchange(identifier, method, url, fields, body, 0, Headers(), b"", begun, 0.0, head=whole)

    def _fields(self, lines: list[bytes]) -> Headers:
        pairs = (line.decode("latin-1").partition(":") for line in lines)
        return Headers((name.strip(), value.strip()) for name, _, value in pairs)


def introduced(head: bytes) -> bytes:
    """A head with what each request of ours says, unless it says that itself."""
    lowered = head.lower()
    return head + b"".join(b"\r\n%s: %s" % each for each in OF_EACH if b"\n%s:" % each[0].lower() not in lowered)


def final_of(raw: bytes, interim: re.Pattern[bytes] = INTERIM) -> bytes:
    """What comes behind interim answers, of which there may be several before a final one (RFC 9110 section 15.2)."""
    place = 0
    while interim.match(raw, place) and (end := raw.find(END, place)) >= 0:
        place = end + len(END)
    return raw[place:]


def received(connection: socket.socket, until: float) -> bytes:
    """What comes next before a moment of the monotonic clock; TimeoutError. The limit is of all, not of each byte."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(left)
    return connection.recv(65536)


def status_in(line: bytes) -> int:
    """The status in the first line of a response (RFC 9112 section 4: three digits), 0 for none."""
    words = line.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and STATUS.fullmatch(words[1]) else 0


def is_chunked(fields: Headers) -> bool:
    """Whether a body is in chunked transfer coding."""
    return "chunked" in (fields.get("transfer-encoding") or "").lower()


def unchunked(body: bytes) -> bytes | None:
    """The content of a body in chunked transfer coding (RFC 9112 section 7.1); None where its end has not come."""
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
    """Return what it means that a request got no answer, for the error with which it was recorded."""
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
