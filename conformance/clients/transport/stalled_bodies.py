"""A client on a slow or stuck connection: it pauses in the middle of a request body."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TypeVar

from conformance.clients.transport.raw_socket import END, Wire, no_answer
from conformance.vocabulary.exchange import Exchange

T = TypeVar("T")
SETTLED_S = 0.1
"""Seconds until the first half of the body has reached the server."""


@dataclass
class Pausing(Wire):
    """Continues a body when another action ends, or after a time limit."""

    kind = "wire-paused"

    def send_with_pause(
        self, head: bytes, body: bytes, meanwhile: Callable[[], T], patience_s: float
    ) -> tuple[Exchange, T]:
        """Send half a body, run ``meanwhile``, send the rest; the exchange starts with the rest."""
        return self._with_waiting(head, lambda: self._paused(head, body, meanwhile, patience_s))

    def _paused(self, head: bytes, body: bytes, meanwhile: Callable[[], T], patience_s: float) -> tuple[Exchange, T]:
        head, sent = self._unanswered(head, body)
        if self.http.recorder.recording is not None:
            result = meanwhile()
            stored = self.http.recorder.stored(sent, self.label)
            if stored is None or stored.error:
                raise no_answer(sent, stored.error if stored and stored.error else "")
            return stored.exchange, result
        half = len(body) // 2
        with self._awaiting(sent), ThreadPoolExecutor(1) as pool, self._connection() as connection:
            connection.sendall(head + END + body[:half])
            time.sleep(SETTLED_S)
            running = pool.submit(meanwhile)
            wait([running], patience_s)
            sent = replace(sent, started=time.time())
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(body[half:])
            raw = self._read(connection)
        return self._recorded(sent, raw, time.time() - sent.started), running.result()
