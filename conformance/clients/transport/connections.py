"""The suite's httpx transports: responses have a time limit, and closed keep-alive connections cause no failure."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import cache

import h11
import httpx

from conformance.clients.transport.errors import Excess
from conformance.clients.transport.serialization import Body
from conformance.clients.transport.time_limits import Stale, Through, TimedBackend, TimedStream

MOST_IDLE, IDLE_S = 16, 4.0
"""The limit of idle connections, and how long one stays open, in seconds."""


def authorities(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts httpx's authorities (environment variables or certifi), and those in a file."""
    context = httpx.create_ssl_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@cache
def default_authorities() -> ssl.SSLContext:
    """Return the authorities that are trusted by default. Reading them is slow, so they are read once."""
    return authorities()


@cache
def no_tls() -> ssl.SSLContext:
    """Return a context for connections without TLS. httpx requires one; this one reads no authorities."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class NetworkTransport(httpx.HTTPTransport):
    """An httpx transport that limits the time of a response and rejects bytes after its end.

    ``through`` states what a connection reaches first: the target, or a proxy.
    """

    def __init__(
        self, tls: ssl.SSLContext, idle: int, proxy: httpx.Proxy | None = None, through: Through = Through.NOTHING
    ) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=idle, keepalive_expiry=IDLE_S)
        super().__init__(verify=tls, trust_env=False, limits=limits, proxy=proxy)
        # httpx has no parameter for httpcore's own setting.
        self._pool._network_backend = TimedBackend(through)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpx.TransportError."""
        try:
            response = super().handle_request(request)
        except h11.LocalProtocolError as mistake:
            raise httpx.LocalProtocolError(str(mistake)) from None
        response.stream = _ResponseBody(response)
        return response


class _ResponseBody(httpx.SyncByteStream):
    """A response body that must be followed by no bytes: httpcore would read them as the next response."""

    def __init__(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  # as HTTPTransport promises
        self._stream = response.stream
        self._network = response.extensions["network_stream"]

    def limit_each_read(self) -> None:
        """Give each read of the body the whole time limit."""
        if isinstance(self._network, TimedStream):
            self._network.limit_each_read()

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._stream:
            size += len(part)
            yield part
        if excess := self._trailing_data():
            self._network.close()
            # Another response, and bytes after a response without a body, are ignored.
            if size and excess.strip() and not excess.startswith(b"HTTP/"):
                raise Excess(f"{len(excess)} bytes behind the answer's end: {excess[:40]!r}")

    def _trailing_data(self) -> bytes:
        # httpx and httpcore do not expose these bytes; their h11 connection does.
        connection = self._stream._httpcore_stream._stream._connection  # type: ignore[attr-defined]
        return bytes(connection._h11_state.trailing_data[0])

    def close(self) -> None:
        """Release the connection, or close it if the body was not read to its end."""
        self._stream.close()


class KeptConnections(httpx.BaseTransport):
    """Reuses connections. If one closes at its reuse, the request and all later ones use new connections.

    A server may close an idle connection at any time (RFC 9112 section 9.5), so this is no failure of the request.
    A failure on a new connection is one. A body that cannot be sent twice uses a new connection.
    """

    def __init__(
        self, tls: ssl.SSLContext, proxy: httpx.Proxy | None = None, through: Through = Through.NOTHING
    ) -> None:
        self._reusing, self._new = [NetworkTransport(tls, idle, proxy, through) for idle in (MOST_IDLE, 0)]
        self._stopped_reusing = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. The response extension ``sent_again`` is set if it was sent twice."""
        body = request.stream
        if self._stopped_reusing or not isinstance(body, Body) or not body.can_be_sent_again:
            return self._new.handle_request(request)
        try:
            return self._reusing.handle_request(request)
        except httpx.ReadError as ended:
            if not isinstance(ended.__cause__, Stale):
                raise
            response = self._again(request, ended)
        self._stopped_reusing = response.extensions["sent_again"] = True
        return response

    def _again(self, request: httpx.Request, ended: httpx.ReadError) -> httpx.Response:
        try:
            return self._new.handle_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            # The request ended the server: report that, not that nothing listens.
            raise httpx.RemoteProtocolError(str(ended)) from None

    def close(self) -> None:
        """Close all connections."""
        self._reusing.close()
        self._new.close()
