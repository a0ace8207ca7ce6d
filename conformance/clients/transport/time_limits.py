"""Network streams for httpcore that limit the time of a whole response; httpcore limits each read only.

They also report a reused connection that closed before any byte of a response, and skip leftover bytes of an earlier
response. httpx distinguishes neither from a server that closes or sends a malformed response.
"""

from __future__ import annotations

import contextlib
import enum
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

ONE_WRITE = 64 * 1024
"""The largest body that is sent in one write with the head, in bytes."""
LEFTOVER_S = 1.0
"""Seconds to wait for a response after leftover bytes of an earlier one."""
LARGEST_LEFTOVER = 100 * 1024
LARGEST_TUNNEL_HEAD = 16 * 1024


class Stale(httpcore.ReadError):
    """A reused connection closed without a byte of a response, as RFC 9112 section 9.5 allows."""


class Through(enum.Enum):
    """What a connection reaches first."""

    NOTHING = "the target itself"
    PROXY = "a proxy"
    TUNNEL = "a proxy that opens a tunnel"


class TimedStream(httpcore.NetworkStream):
    """A stream of alternating requests and responses. The read limit counts from the end of the request."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._head = b""
        self._sending = self._reused = self._has_response = self._had_response = False
        self._request_end: float | None = None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Delay the head of a request until its body begins, so that a short body is sent with it."""
        if not self._sending:
            self._sending, self._head = True, buffer
            self._reused, self._has_response = self._had_response, False
            return
        self._flush(buffer, timeout)

    def _flush(self, buffer: bytes, timeout: float | None) -> None:
        head, self._head = self._head, b""
        try:
            for piece in [head + buffer] if len(buffer) <= ONE_WRITE else [head, buffer]:
                self._stream.write(piece, timeout)
        finally:
            self._request_end = time.monotonic()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes. Raises httpcore.ReadTimeout if the whole response takes longer than ``timeout``."""
        if self._sending:
            self._sending = False
            if self._head:
                # A server may answer and close before it has read the whole request.
                with contextlib.suppress(httpcore.WriteError):
                    self._flush(b"", timeout)
        data = self._received(max_bytes, timeout)
        if self._reused and not self._has_response and not data.startswith(b"HTTP/"[: len(data)]):
            data = self._after_leftovers(data)
        self._has_response = self._had_response = True
        return data

    def _received(self, max_bytes: int, timeout: float | None) -> bytes:
        spent = 0.0 if self._request_end is None else time.monotonic() - self._request_end
        if timeout is not None and spent >= timeout:
            raise httpcore.ReadTimeout("timed out")
        may_be_stale = self._reused and not self._has_response
        try:
            data = self._stream.read(max_bytes, None if timeout is None else timeout - spent)
        except httpcore.ReadError as ended:
            raise (Stale(str(ended)) if may_be_stale else ended) from None
        if not data and may_be_stale:
            raise Stale("Server disconnected without sending a response.")
        return data

    def _after_leftovers(self, data: bytes) -> bytes:
        """Skip late bytes of an earlier response: they are no fault of this request."""
        until = time.monotonic() + LEFTOVER_S
        with contextlib.suppress(httpcore.ReadTimeout, httpcore.ReadError):
            while (place := data.find(b"HTTP/1.")) < 0 and len(data) < LARGEST_LEFTOVER:
                part = self._stream.read(ONE_WRITE, max(0.001, until - time.monotonic()))
                if not part:
                    break
                data += part
        return data[max(place, 0) :]

    def limit_each_read(self) -> None:
        """Give each read of the body the whole time limit."""
        self._request_end = None

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the stream that speaks TLS over this one."""
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection, such as its ``socket``."""
        return self._stream.get_extra_info(info)


class TunnelStream(TimedStream):
    """A stream that requests a tunnel: until TLS begins, all failures are the proxy's."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        super().__init__(stream)
        self._received_head = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes of the response to CONNECT. Raises httpcore.ProxyError."""
        try:
            data = super().read(max_bytes, timeout)
        except httpcore.ReadTimeout:
            raise httpcore.ProxyError("does not answer in time") from None
        except httpcore.ReadError:
            data = b""
        self._received_head += data
        if not self._received_head.startswith(b"HTTP/1."[: len(self._received_head)]):
            raise httpcore.ProxyError("refuses a tunnel (no HTTP answer)")
        if not data or len(self._received_head) > LARGEST_TUNNEL_HEAD:
            raise httpcore.ProxyError("answers CONNECT with an incomplete HTTP response")
        return data


class TimedBackend(httpcore.NetworkBackend):
    """Connects like httpcore, and limits the time of each response."""

    def __init__(self, through: Through = Through.NOTHING) -> None:
        self._plain, self._through = httpcore.SyncBackend(), through

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection. Raises httpcore.ConnectError or ConnectTimeout; ProxyError if it is the proxy's."""
        try:
            stream = self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as mistake:  # A host name that no resolver accepts.
            raise httpcore.ConnectError(str(mistake)) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
            if self._through is Through.NOTHING:
                raise
            raise httpcore.ProxyError(_unreached(failure)) from None
        return TunnelStream(stream) if self._through is Through.TUNNEL else TimedStream(stream)


def _unreached(failure: Exception) -> str:
    if isinstance(failure, httpcore.ConnectTimeout):
        return "does not answer in time"
    return f"cannot be reached ({getattr(failure.__cause__, 'strerror', None) or failure})"
