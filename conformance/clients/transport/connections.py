"""Connections that are kept open between requests, with HTTP/1.1 spoken over them by h11, every wait of it bounded.

A whole answer has one time limit: of a head that comes byte by byte, or of interim answers without a final one, each
read is in time, and the answer never is there. What fails is told by the names that other HTTP clients have for it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import certifi
import h11

from conformance.clients.transport.errors import (
    ConnectError,
    ConnectTimeout,
    Excess,
    LocalProtocolError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
)
from conformance.clients.transport.proxy_tunnel import connected, has_ended, is_quiet
from conformance.vocabulary.values import PORTS, host_and_port

READ_BYTES = 64 * 1024
TOGETHER = 64 * 1024
"""Bytes of a body that go out in one write with the head before them."""
LARGEST_HEAD = 100 * 1024
LEFT_S = 1.0
"""How long an answer is waited for behind what an earlier one has left on its connection."""
KEPT, KEPT_S, SOON_S = 16, 4.0, 1.0
"""Connections that are kept open without a request, and for how long; what ends earlier ends soon."""

Fields = list[tuple[bytes, bytes]]
Body = bytes | Iterable[bytes]


class Origin(NamedTuple):
    """Where requests go. ``authority`` is what the Host field says (RFC 9110 section 7.2)."""

    scheme: str
    host: str
    port: int
    authority: bytes


class Request(NamedTuple):
    """One request as it goes on the wire; a body in parts goes in chunked transfer coding, unless a length is told."""

    origin: Origin
    method: str
    target: bytes
    fields: Fields
    body: Body


@lru_cache(maxsize=256)
def origin_of(scheme: str, netloc: str) -> Origin:
    """The origin of URLs that begin so; UnsupportedProtocol, or ValueError where it names no host and port."""
    if scheme not in PORTS:
        raise UnsupportedProtocol(f"Request URL has an unsupported protocol '{scheme}://'.")
    host, port, authority = host_and_port(scheme, netloc)
    return Origin(scheme, host, port, authority.encode("ascii"))


def split(url: str) -> tuple[Origin, str]:
    """The origin of a URL, and its path and query as they stand there, nothing normalised."""
    scheme, _, rest = url.partition("://")
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    target = rest[end:].partition("#")[0]
    return origin_of(scheme.lower(), rest[:end]), target if target.startswith("/") else f"/{target}"


def framed(method: str, origin: Origin, given: Fields, body: Body) -> Fields:
    """The fields of a request: those given, and no others but Host and what tells where the body ends."""
    names = {name.lower() for name, _ in given}
    fields = list(given)
    if isinstance(body, bytes):
        if body and b"content-length" not in names:
            fields.append((b"Content-Length", b"%d" % len(body)))
        elif not body and method in ("POST", "PUT", "PATCH") and not names & {b"content-length", b"transfer-encoding"}:
            fields.insert(0, (b"Content-Length", b"0"))
    elif not names & {b"content-length", b"transfer-encoding"}:
        fields.append((b"Transfer-Encoding", b"chunked"))
    if b"host" not in names:
        fields.insert(0, (b"Host", origin.authority))
    return fields


def authorities(ca_file: str | None = None) -> ssl.SSLContext:
    """What trusts the authorities that the environment names, or else those that certifi carries, and a file's too."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    context = ssl.create_default_context(
        cafile=file or (None if folder else certifi.where()), capath=None if file else folder
    )
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@cache
def usual_authorities() -> ssl.SSLContext:
    """Those that are trusted where no file is named, read once: that takes longer than many requests."""
    return authorities()


class Connection:
    """One connection, over which one request at a time is answered."""

    def __init__(self, origin: Origin, stream: socket.socket) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.heard = False
        self._socket = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._limit_s = 0.0
        self._asked: float | None = None
        self._broken = False
        self._used, self._method, self._so_far = False, "", ""
        # What has come while the head is not whole; None where more has than is looked through.
        self._came: bytearray | None = None

    def send(self, request: Request, limit_s: float) -> None:
        """Sends a request. That a server closes before it has read all of it is no failure: it may have answered."""
        self._limit_s, self._method, self._came, self._so_far = limit_s, request.method, bytearray(), ""
        self.heard = False
        try:
            with contextlib.suppress(WriteError):
                for piece in self._pieces(request):
                    self._write(piece)
        except h11.LocalProtocolError as mistake:
            raise LocalProtocolError(str(mistake)) from None

    def _pieces(self, request: Request) -> Iterator[bytes]:
        body = request.body
        head = self._http.send(h11.Request(method=request.method, target=request.target, headers=request.fields)) or b""
        if isinstance(body, bytes) and len(body) <= TOGETHER:
            data = self._http.send(h11.Data(data=body)) or b"" if body else b""
            yield head + data + (self._http.send(h11.EndOfMessage()) or b"")
            return
        yield head
        for part in [body] if isinstance(body, bytes) else body:
            yield self._http.send(h11.Data(data=part)) or b""
        yield self._http.send(h11.EndOfMessage()) or b""

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            self._socket.settimeout(self._limit_s)
            while rest:
                rest = rest[self._socket.send(rest) :]
        except TimeoutError as failure:
            raise WriteTimeout(str(failure)) from None
        except OSError as failure:
            self._broken = True
            raise WriteError(str(failure)) from None
        finally:
            self._asked = time.monotonic()

    def head(self) -> tuple[int, Fields]:
        """Status and fields of the final answer."""
        try:
            return self._head()
        except RemoteProtocolError:
            if not self._used or not self._behind_what_was_left():
                raise
            return self._head()
        finally:
            self._came = None

    def _behind_what_was_left(self) -> bool:
        """Goes on with the answer behind what came late of an earlier one: this request is not to be blamed for it."""
        came = self._came
        if came is None:
            return False
        with contextlib.suppress(OSError):
            self._socket.settimeout(LEFT_S)
            while (place := came.find(b"HTTP/1.")) < 0 and len(came) < LARGEST_HEAD:
                if not (data := self._socket.recv(READ_BYTES)):
                    return False
                came += data
            if place <= 0:
                return False
            self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
            self._http.send(h11.Request(method=self._method, target=b"/", headers=[(b"Host", b"")]))
            self._http.send(h11.EndOfMessage())
            self._http.receive_data(bytes(came[place:]))
            return True
        return False

    def _head(self) -> tuple[int, Fields]:
        while True:
            event = self._event()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == 101
            ):
                return event.status_code, list(event.headers.raw_items())

    def body(self) -> Iterator[bytes]:
        """The answer's body, part by part."""
        came, self._so_far = 0, ", the head aside"
        while isinstance(event := self._event(), h11.Data):
            came += len(event.data)
            self._so_far = f" behind {came} bytes of a body that has not ended"
            yield bytes(event.data)
        excess = self._http.trailing_data[0]
        # Another answer is no part of this one, and what stands behind one that has no body is let pass.
        if came and event is not h11.PAUSED and excess.strip() and not excess.startswith(b"HTTP/"):
            raise Excess(f"{len(excess)} bytes behind the answer's end: {bytes(excess[:40])!r}")

    def of_each_part(self) -> None:
        """Gives each read a time limit of its own: what is handed on takes the time that its size takes."""
        self._asked = None

    def _event(self) -> object:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as mistake:
                raise RemoteProtocolError(str(mistake)) from None
            if event is not h11.NEED_DATA:
                return event
            data = self._read()
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise RemoteProtocolError("Server disconnected without sending a response.")
            self.heard = True
            if self._came is not None:
                # Of interim answers there may be no end.
                self._came = self._came + data if len(self._came) < LARGEST_HEAD else None
            self._http.receive_data(data)

    def _read(self) -> bytes:
        left = self._limit_s - (time.monotonic() - self._asked if self._asked is not None else 0.0)
        try:
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left)
            return self._socket.recv(READ_BYTES)
        except TimeoutError as failure:
            raise ReadTimeout(f"{failure}{self._so_far}") from None
        except OSError as failure:
            raise ReadError(str(failure)) from None

    def again(self) -> bool:
        """Whether another request may go over this connection, for which it is then ready.

        Not where something came behind the answer: it would be taken for the beginning of the next one, and the next
        request be blamed for it.
        """
        http = self._http
        if self._broken or not (http.our_state is http.their_state is h11.DONE) or http.trailing_data[0]:
            return False
        http.start_next_cycle()
        self._used = True
        return True

    def quiet(self) -> bool:
        """Whether nothing has come since: a server that closes is heard too."""
        return is_quiet(self._socket)

    def ended(self) -> bool:
        """Whether the server has closed what is not quiet, and not used again."""
        return has_ended(self._socket)

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()


class Answer:
    """An answer whose body is still to be read. It is closed in any case, which gives its connection back."""

    def __init__(self, connections: Connections, connection: Connection) -> None:
        self._connections, self._connection = connections, connection
        self.sent_again = False
        self.status, self.fields = connection.head()

    def parts(self, each_in_time: bool = False) -> Iterator[bytes]:
        """The body; the time limit is of all of it, or of each part."""
        if each_in_time:
            self._connection.of_each_part()
        return self._connection.body()

    def close(self) -> None:
        """Closes the connection, unless the answer has been read to its end."""
        self._connections.give_back(self._connection)


class Connections:
    """The connections of one client, to any origin. Threads may share them."""

    def __init__(self) -> None:
        self._idle: list[Connection] = []
        self._closing: set[Origin] = set()
        self._lock = threading.Lock()

    def ask(self, request: Request, connect_s: float, answer_s: float, tls: ssl.SSLContext | None = None) -> Answer:
        """Sends a request and waits for the head of its answer; TransportError.

        ``connect_s`` and ``answer_s`` are the seconds to wait for a connection and for an answer. ``tls`` trusts the
        target's authority; None: those that the system trusts.

        A server may close a connection that waits at any time (RFC 9112 section 9.5), and so in the moment in which it
        is used again. Where it ends so without a byte, the request is sent again on a connection of its own. Where that
        is answered each to that origin is from then on, as where one ended soon, since what it was sent may be served:
        no request is blamed for that, and none that ends so on a new connection, or ends the server, is spared.
        """
        origin = request.origin
        kept = None if origin in self._closing else self._kept(origin)
        if kept is None:
            return self._asked(_connected(origin, connect_s, tls), request, answer_s)
        try:
            return self._asked(kept, request, answer_s)
        except (RemoteProtocolError, ReadError) as ended:
            if kept.heard or not isinstance(request.body, bytes):
                raise
            try:
                connection = _connected(origin, connect_s, tls)
            except (ConnectError, ConnectTimeout):
                raise ended from None
        answer = self._asked(connection, request, answer_s)
        answer.sent_again = True
        self._closing.add(origin)
        return answer

    def _asked(self, connection: Connection, request: Request, answer_s: float) -> Answer:
        try:
            connection.send(request, answer_s)
            return Answer(self, connection)
        except BaseException:
            connection.close()
            raise

    def give_back(self, connection: Connection) -> None:
        """Keeps a connection for the next request, where it can carry one."""
        if not connection.again() or connection.origin in self._closing:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(connection)
            for each in self._idle[:-KEPT]:
                each.close()
            del self._idle[:-KEPT]

    def _kept(self, origin: Origin) -> Connection | None:
        """The one that was used last, since no other is as likely to be open still."""
        old = time.monotonic() - KEPT_S
        with self._lock:
            while self._idle and self._idle[0].idle_since < old:
                self._idle.pop(0).close()
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place].origin == origin:
                    connection = self._idle.pop(place)
                    if connection.quiet():
                        return connection
                    if time.monotonic() - connection.idle_since < SOON_S and connection.ended():
                        self._closing.add(origin)
                    connection.close()
        return None

    def close(self) -> None:
        """Closes those that no request is under way on."""
        with self._lock:
            for each in self._idle:
                each.close()
            self._idle.clear()


def _connected(origin: Origin, limit_s: float, tls: ssl.SSLContext | None) -> Connection:
    try:
        stream = connected(origin.scheme, origin.host, origin.port, limit_s)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Connection(origin, _encrypted(stream, origin, tls) if origin.scheme == "https" else stream)
    except TimeoutError as failure:
        raise ConnectTimeout(str(failure)) from None
    except (OSError, UnicodeError) as failure:
        raise ConnectError(str(failure)) from None


def _encrypted(stream: socket.socket, origin: Origin, tls: ssl.SSLContext | None) -> ssl.SSLSocket:
    context = tls or usual_authorities()
    context.set_alpn_protocols(["http/1.1"])
    try:
        return context.wrap_socket(stream, server_hostname=origin.host)
    except BaseException:
        stream.close()
        raise
