"""Sends the beginning of a message and closes: what a caller does whose connection breaks."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, replace

from conformance.clients.transport.errors import BrokenOff
from conformance.clients.transport.raw_socket import END, Wire, status_in
from conformance.vocabulary.exchange import Exchange


@dataclass
class BreakingOff(Wire):
    """A caller that says no more after the bytes it is given, and still listens."""

    kind = "wire-cut"

    def send_beginning(self, head: bytes, body: bytes) -> Exchange:
        """Sends head and body, which the head promises more of; the exchange has status 0 where no answer came."""
        head, sent = self._begun(head, body)
        stored = self.http.recorder.stored(sent, self.label)
        if stored is not None:
            return stored.exchange
        with self._awaiting(sent):
            raw = self._beginning(head + END + body)
        fields, _, answer = raw.partition(END)
        first, *lines = fields.split(b"\r\n")
        status = status_in(first)
        duration = time.time() - sent.started
        exchange = replace(sent, status=status, headers=self._fields(lines), body=answer, duration_s=duration)
        if status:
            self.http.recorder.exchange(exchange, self.label)
        else:
            self.http.recorder.failed_request(exchange, str(BrokenOff()), self.label, BrokenOff.__name__)
        return exchange

    def _beginning(self, message: bytes) -> bytes:
        with self._connection() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(message)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(TimeoutError):
                return self._read(connection)
            return b""
