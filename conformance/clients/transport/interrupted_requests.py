"""A client whose connection breaks: it sends the beginning of a request and closes its side."""

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
    """Sends nothing after the given bytes, but still reads the response."""

    kind = "wire-cut"

    def send_beginning(self, head: bytes, body: bytes) -> Exchange:
        """Send a head and a part of the body that it announces. Status 0 in the exchange means no response."""
        head, sent = self._unanswered(head, body)
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
