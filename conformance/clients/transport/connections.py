"""httpx's transport as the suite uses it.

A response is bounded in time and ends where its framing says; a request is not blamed for a kept connection that ends.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import cache

import h11
import httpx

from conformance.clients.transport.errors import Excess
from conformance.clients.transport.serialization import Body
from conformance.clients.transport.time_limits import Stale, Through, TimedBackend, TimedStream

KEPT, KEPT_S = 16, 4.0
"""Connections that are kept open without a request, and for how long."""


def authorities(ca_file: str | None = None) -> ssl.SSLContext:
    """The authorities that httpx trusts (``SSL_CERT_FILE``, ``SSL_CERT_DIR``, or certifi's), and a file's too."""
    context = httpx.create_ssl_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@cache
def usual_authorities() -> ssl.SSLContext:
    """Those that are trusted where no file is named, read once: that takes longer than many requests."""
    return authorities()


@cache
def no_tls() -> ssl.SSLContext:
    """What httpx needs to open connections without TLS; reading authorities for those would be slow."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class NetworkTransport(httpx.HTTPTransport):
    """httpx's transport whose responses are bounded in time, and end where their framing says.

    ``through`` says what a connection leads to first: the target, a proxy, or a proxy that is asked for a tunnel.
    """

    def __init__(
        self, tls: ssl.SSLContext, kept: int, proxy: httpx.Proxy | None = None, through: Through = Through.NOTHING
    ) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=KEPT_S)
        super().__init__(verify=tls, trust_env=False, limits=limits, proxy=proxy)
        # httpx has no parameter for httpcore's own setting.
        self._pool._network_backend = TimedBackend(through)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; httpx.TransportError."""
        try:
            response = super().handle_request(request)
        except h11.LocalProtocolError as mistake:
            raise httpx.LocalProtocolError(str(mistake)) from None
        response.stream = _ResponseBody(response)
        return response


class _ResponseBody(httpx.SyncByteStream):
    """The body of a response, which is not followed by anything: httpcore would take it for the next response."""

    def __init__(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  # as HTTPTransport promises
        self._stream = response.stream
        self._network = response.extensions["network_stream"]

    def limit_each_read(self) -> None:
        """Give each read of the body the whole time limit."""
        if isinstance(self._network, TimedStream):
            self._network.limit_each_read()

    def __iter__(self) -> Iterator[bytes]:
        came = 0
        for part in self._stream:
            came += len(part)
            yield part
        if excess := self._behind_the_end():
            self._network.close()
            # Another response is no part of this one, and bytes behind a response without a body are ignored.
            if came and excess.strip() and not excess.startswith(b"HTTP/"):
                raise Excess(f"{len(excess)} bytes behind the answer's end: {excess[:40]!r}")

    def _behind_the_end(self) -> bytes:
        # Neither httpx nor httpcore says so; this asks the h11 connection below them.
        connection = self._stream._httpcore_stream._stream._connection  # type: ignore[attr-defined]
        return bytes(connection._h11_state.trailing_data[0])

    def close(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        self._stream.close()


class KeptConnections(httpx.BaseTransport):
    """Sends a request again that a kept connection ended under; from then on each goes on a connection of its own.

    A server may close a connection that waits at any time (RFC 9112 section 9.5), and so in the moment of its reuse.
    No request is blamed for that, and none that ends so on a new connection, or ends the server, is spared. A body
    that cannot be sent twice goes on a new connection.
    """

    def __init__(
        self, tls: ssl.SSLContext, proxy: httpx.Proxy | None = None, through: Through = Through.NOTHING
    ) -> None:
        self._kept, self._new = [NetworkTransport(tls, kept, proxy, through) for kept in (KEPT, 0)]
        self._ended = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, twice where the first was lost; ``sent_again`` among the response's extensions says so."""
        body = request.stream
        if self._ended or not isinstance(body, Body) or not body.can_be_sent_again:
            return self._new.handle_request(request)
        try:
            return self._kept.handle_request(request)
        except httpx.ReadError as ended:
            if not isinstance(ended.__cause__, Stale):
                raise
            response = self._again(request, ended)
        self._ended = response.extensions["sent_again"] = True
        return response

    def _again(self, request: httpx.Request, ended: httpx.ReadError) -> httpx.Response:
        try:
            return self._new.handle_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            # The server ended with the request; it is not to be said that nothing listens.
            raise httpx.RemoteProtocolError(str(ended)) from None

    def close(self) -> None:
        """Close all connections."""
        self._kept.close()
        self._new.close()
