"""Sends a message and stops in the middle of its body: what a caller on a slow or stuck connection does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TypeVar

from conformance.clients.transport.raw_socket import Wire, no_answer
from conformance.vocabulary.exchange import Exchange

T = TypeVar("T")
SETTLED_S = 0.1
"""In which what was sent of the body is with the server."""


@dataclass
class Halting(Wire):
    """A caller that goes on only when something else is done, or has waited long enough for that."""

    kind = "wire-paused"

    def send_halting(
        self, head: bytes, body: bytes, meanwhile: Callable[[], T], patience_s: float
    ) -> tuple[Exchange, T]:
        """The exchange, and what was done in the middle of it; the exchange starts when the rest is sent."""
        return self._waited(head, lambda: self._halting(head, body, meanwhile, patience_s))

    def _halting(self, head: bytes, body: bytes, meanwhile: Callable[[], T], patience_s: float) -> tuple[Exchange, T]:
        head, sent = self._begun(head, body)
        if self.http.recorder.recording is not None:
            done = meanwhile()
            stored = self.http.recorder.stored(sent, self.label)
            if stored is None or stored.error:
                raise no_answer(sent, stored.error if stored and stored.error else "")
            return stored.exchange, done
        half = len(body) // 2
        with self._awaiting(sent), ThreadPoolExecutor(1) as pool, self._connection() as connection:
            connection.sendall(head + b"\r\n\r\n" + body[:half])
            time.sleep(SETTLED_S)
            doing = pool.submit(meanwhile)
            wait([doing], patience_s)
            sent = replace(sent, started=time.time())
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(body[half:])
            raw = self._read(connection)
        return self._recorded(sent, raw, time.time() - sent.started), doing.result()
