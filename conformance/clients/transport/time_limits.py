"""Network streams for httpcore that bound a whole response in time, where httpcore bounds each read.

They also report a kept connection that ended before any byte of a response, and drop bytes that an earlier response
left behind: httpx does not distinguish either from a server that closes or answers nonsense.
"""

from __future__ import annotations

import contextlib
import enum
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

TOGETHER = 64 * 1024
"""Bytes of a body that go out in one write with the head before them."""
LEFT_S = 1.0
"""How long a response is awaited behind bytes that an earlier one has left on its connection."""
LARGEST_LEFT = 100 * 1024
LARGEST_TUNNEL_HEAD = 16 * 1024


class Stale(httpcore.ReadError):
    """A kept connection ended without a byte of a response (RFC 9112 section 9.5 allows a server to do so)."""


class Through(enum.Enum):
    """What a connection leads to first."""

    NOTHING = "the target itself"
    PROXY = "a proxy"
    TUNNEL = "a proxy that is asked for a tunnel"


class TimedStream(httpcore.NetworkStream):
    """A stream on which requests and responses alternate. The read limit counts from the end of the request."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._head = b""
        self._sending = self._reused = self._heard = self._was_heard = False
        self._asked: float | None = None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold a request's head until its body begins, so that short bodies go out with it; write all else."""
        if not self._sending:
            self._sending, self._head = True, buffer
            self._reused, self._heard = self._was_heard, False
            return
        self._flush(buffer, timeout)

    def _flush(self, buffer: bytes, timeout: float | None) -> None:
        head, self._head = self._head, b""
        try:
            for piece in [head + buffer] if len(buffer) <= TOGETHER else [head, buffer]:
                self._stream.write(piece, timeout)
        finally:
            self._asked = time.monotonic()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; httpcore.ReadTimeout where the whole response is not there within ``timeout``."""
        if self._sending:
            self._sending = False
            if self._head:
                # A server may close before it has read a request, and have answered it.
                with contextlib.suppress(httpcore.WriteError):
                    self._flush(b"", timeout)
        data = self._received(max_bytes, timeout)
        if self._reused and not self._heard and not data.startswith(b"HTTP/"[: len(data)]):
            data = self._behind_leftovers(data)
        self._heard = self._was_heard = True
        return data

    def _received(self, max_bytes: int, timeout: float | None) -> bytes:
        spent = 0.0 if self._asked is None else time.monotonic() - self._asked
        if timeout is not None and spent >= timeout:
            raise httpcore.ReadTimeout("timed out")
        may_be_stale = self._reused and not self._heard
        try:
            data = self._stream.read(max_bytes, None if timeout is None else timeout - spent)
        except httpcore.ReadError as ended:
            raise (Stale(str(ended)) if may_be_stale else ended) from None
        if not data and may_be_stale:
            raise Stale("Server disconnected without sending a response.")
        return data

    def _behind_leftovers(self, data: bytes) -> bytes:
        """Go on with the response behind late bytes of an earlier one: this request is not to be blamed for them."""
        until = time.monotonic() + LEFT_S
        with contextlib.suppress(httpcore.ReadTimeout, httpcore.ReadError):
            while (place := data.find(b"HTTP/1.")) < 0 and len(data) < LARGEST_LEFT:
                part = self._stream.read(TOGETHER, max(0.001, until - time.monotonic()))
                if not part:
                    break
                data += part
        return data[max(place, 0) :]

    def limit_each_read(self) -> None:
        """Give each read of the response the whole time limit, for a body that is handed on as it comes."""
        self._asked = None

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the stream that speaks TLS over this one."""
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore knows of the connection, such as its ``socket``."""
        return self._stream.get_extra_info(info)


class TunnelStream(TimedStream):
    """The stream on which a proxy is asked for a tunnel: until TLS begins, all failures are the proxy's."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        super().__init__(stream)
        self._came = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes of the response to CONNECT; httpcore.ProxyError."""
        try:
            data = super().read(max_bytes, timeout)
        except httpcore.ReadTimeout:
            raise httpcore.ProxyError("does not answer in time") from None
        except httpcore.ReadError:
            data = b""
        self._came += data
        if not self._came.startswith(b"HTTP/1."[: len(self._came)]):
            raise httpcore.ProxyError("refuses a tunnel (no HTTP answer)")
        if not data or len(self._came) > LARGEST_TUNNEL_HEAD:
            raise httpcore.ProxyError("answers CONNECT with no whole answer of HTTP")
        return data


class TimedBackend(httpcore.NetworkBackend):
    """Connects as httpcore does, and bounds the time of each response."""

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
        """Return a connection; httpcore.ConnectError, ConnectTimeout, or ProxyError where a proxy cannot be reached."""
        try:
            stream = self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as mistake:  # A host name that no resolver can be asked for.
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
