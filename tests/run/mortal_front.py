"""A proxy that one request ends: it closes every connection and stops listening, like a process that crashed."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from urllib.parse import urlsplit


class MortalFront:
    """Passes on what it gets, until ``poison`` is in it; with ``back_s`` it listens again after that time.

    ``lives``: how often it dies of the poison. ``hangs``: it then accepts connections and answers none, instead of
    closing them; with ``back_s`` for that time.
    """

    def __init__(
        self, service: str, poison: bytes, back_s: float | None = None, hangs: bool = False, lives: int = 1000
    ) -> None:
        parts = urlsplit(service)
        self.service = (parts.hostname or "", parts.port or 80)
        self.poison, self.back_s, self.hangs, self.lives = poison, back_s, hangs, lives
        self.deaths = 0
        self._open: list[socket.socket] = []
        self._silent_until = 0.0
        self._listen(0)
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                self._open.append(client)
                if time.monotonic() >= self._silent_until:
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        service = socket.create_connection(self.service)
        self._open.append(service)
        threading.Thread(target=self._pass_on, args=[client, service, True], daemon=True).start()
        threading.Thread(target=self._pass_on, args=[service, client, False], daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, asked: bool) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                if time.monotonic() < self._silent_until:
                    return
                if asked and self.poison in part and self.deaths < self.lives:
                    self._die()
                    return
                sink.sendall(part)
        self._close(sink)

    def _die(self) -> None:
        self.deaths += 1
        if self.hangs:
            self._silent_until = math.inf if self.back_s is None else time.monotonic() + self.back_s
            return
        self.close()
        if self.back_s is not None:
            time.sleep(self.back_s)
            self._listen(self.port)

    def close(self) -> None:
        """Close every connection, and listen no more."""
        for each in (self._listener, *self._open):
            self._close(each)
        self._open.clear()

    def _close(self, end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
