"""A client that waits for 100 (Continue) before it sends its body (RFC 9110 section 10.1.1)."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass, replace

from conformance.clients.transport.raw_socket import END, LARGEST, NO_ANSWER, Wire, final_response, no_answer, received
from conformance.vocabulary.exchange import Exchange

NO_INTERIM = "nothing came before the body"
ANOTHER_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!00)[0-9]{2}[ \r]")
"""An interim response other than 100, such as 102 and 103."""


@dataclass
class Expecting(Wire):
    """Sends the head, and the body only after 100 (Continue) or if no response arrives in time."""

    def send_expecting(self, head: bytes, body: bytes) -> tuple[Exchange, Exchange]:
        """Return the exchange of the head and that of the whole request; both are one if the head got a final response.

        The first has status 0 if no response to the head arrives in time. Raises NoAnswer if the connection closes
        without a response, Unreachable if there is no connection or no final response in time.
        """
        final, first = self._with_waiting(head, lambda: self._expecting(head, body)[::-1])
        return first, final

    def _expecting(self, head: bytes, body: bytes) -> tuple[Exchange, Exchange]:
        head, sent = self._unanswered(head, b"")
        recorder = self.http.recorder
        stored = recorder.stored(sent, self.label)
        if stored is not None:
            if stored.error and stored.error != NO_INTERIM:
                raise no_answer(sent, stored.error)
            first = stored.exchange
            return first, first if first.status >= 200 else self._replayed(sent, body)
        with self._awaiting(sent), self._connection() as connection:
            connection.sendall(head + END)
            received_head, rest = self._first(connection)
            if received_head and not received_head.split(b" ", 2)[1].startswith(b"1"):
                final = self._recorded(
                    sent, self._read(connection, received_head + END + rest), time.time() - sent.started
                )
                return final, final
            first = self._interim(sent, received_head)
            whole = replace(sent, id=recorder.next_id(), request_body=body, started=time.time())
            with self._awaiting(whole):
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.sendall(body)
                return first, self._recorded(whole, self._read(connection, rest), time.time() - whole.started)

    def _first(self, connection: socket.socket) -> tuple[bytes, bytes]:
        """Return the head of the first response (b"" if none arrives in time) and the bytes after it.

        Other interim responses are skipped (RFC 9110 section 15.2: "A client MUST be able to parse one or
        more 1xx responses received prior to a final response, even if the client does not expect one").
        """
        raw = b""
        until = time.monotonic() + self.http.limits.answer_s
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while END not in raw and len(raw) < LARGEST:
                part = received(connection, until)
                if not part:
                    break
                raw = final_response(raw + part, ANOTHER_INTERIM)
        head, found, rest = raw.partition(END)
        return (head, rest) if found and head.startswith(b"HTTP/") and head.count(b" ") else (b"", raw)

    def _interim(self, sent: Exchange, received_head: bytes) -> Exchange:
        """Record the response before the body, if there is one."""
        if not received_head:
            self.http.recorder.failed_request(sent, NO_INTERIM, self.label)
            return sent
        return self._recorded(sent, received_head + END, time.time() - sent.started)

    def _replayed(self, sent: Exchange, body: bytes) -> Exchange:
        stored = self.http.recorder.stored(replace(sent, request_body=body), self.label)
        if stored is None or stored.error:
            raise no_answer(sent, stored.error if stored and stored.error else NO_ANSWER)
        return stored.exchange
