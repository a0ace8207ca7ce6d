"""Has a whole answer come within the time that httpx gives each single read: many short reads need not end.

A head that comes byte by byte, interim answers without a final one: each read is in time, the answer never is there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

END = b"\r\n\r\n"
INTERIM = re.compile(rb"HTTP/[\d.]+ 1")


class InTime(httpcore.NetworkStream):
    """A connection whose reads share one time limit, which begins anew with each write."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._asked: float | None = None
        self._head, self._excess = b"", False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Reads within what is left of the time since the last write; httpcore.ReadTimeout where nothing is."""
        if timeout is not None and self._asked is not None:
            timeout -= time.monotonic() - self._asked
            if timeout <= 0:
                raise httpcore.ReadTimeout("timed out")
        came = self._stream.read(max_bytes, timeout)
        if END not in self._head:
            self._note(self._head + came)
        return came

    def _note(self, came: bytes) -> None:
        """Keeps the head of the final answer, once it is whole, and whether something came behind it."""
        head, end, rest = came.partition(END)
        while end and INTERIM.match(head):
            head, end, rest = rest.partition(END)
        self._head, self._excess = head + end, bool(rest)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Writes, and has the time begin anew."""
        self._head, self._excess = b"", False
        self._stream.write(buffer, timeout)
        self._asked = time.monotonic()

    @property
    def came_behind_the_head(self) -> bool:
        """Whether anything came together with the head of the last answer, behind it."""
        return self._excess

    def of_each_part(self) -> None:
        """Gives each read a time limit of its own until the next write."""
        self._asked = None

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection under TLS."""
        return InTime(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection."""
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return InTime(super().connect_tcp(host, port, timeout, local_address, socket_options))


def of_each_part(response: httpx.Response) -> None:
    """Has what is left of an answer, a body of any size, take the time that it takes: each part has the limit."""
    stream = response.extensions.get("network_stream")
    if isinstance(stream, InTime):
        stream.of_each_part()


def end_after_excess(response: httpx.Response) -> None:
    """Closes the connection of an answer without a body behind which something came all the same.

    It would be taken for the beginning of the next answer, and the next request be blamed for it.
    """
    stream = response.extensions.get("network_stream")
    if isinstance(stream, InTime) and stream.came_behind_the_head:
        stream.close()


def transport(tls: SSLContext | bool, limits: httpx.Limits) -> httpx.HTTPTransport:
    """httpx's transport over such connections."""
    made = httpx.HTTPTransport(verify=tls, limits=limits)
    # httpx hands its pool no backend of ours; a test shows that this one is used.
    made._pool._network_backend = _Backend()
    return made
