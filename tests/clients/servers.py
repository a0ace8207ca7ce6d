"""Small servers on loopback for the tests of clients."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Served:
    """The bytes of each read, by connection."""

    def __init__(self) -> None:
        self.connections: list[list[bytes]] = []

    def __len__(self) -> int:
        return len(self.connections)


@contextlib.contextmanager
def answering(
    *answers: bytes, last: Callable[[Any], None] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Served]]:
    """Serve one of the answers for each read, then a correct one; ``last`` ends the connection after an answer."""
    served, left = Served(), iter(answers)

    def talk(opened: socket.socket, reads: list[bytes]) -> None:
        with contextlib.suppress(OSError), tls.wrap_socket(opened, server_side=True) if tls else opened as connection:
            while came := connection.recv(1 << 16):
                reads.append(came)
                connection.sendall(next(left, GOOD))
                if last:
                    last(connection)
                    return

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                served.connections.append([])
                threading.Thread(target=talk, args=[connection, served.connections[-1]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=serve, args=[listening], daemon=True)
        accepting.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", served
        # The next server may get this descriptor's number, and a thread that accepts still would serve its clients.
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join(60)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """The address of a port that is taken, so that no other process listens there, and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def answering_once(lives_on: bool = True) -> Iterator[tuple[str, list[int]]]:
    """Answer the first request of a connection, and close the connection, or the server, after the second."""
    reads: list[int] = []

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    for answer in (GOOD, b""):
                        reads.append(len(connection.recv(1 << 16)))
                        if not answer and not lives_on:
                            listening.close()
                        connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=[listening], daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", reads


class LocalServer(ThreadingHTTPServer):
    """Listens on a free port of loopback."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve until the end of the block."""
        threading.Thread(target=self.serve_forever, args=[0.02], daemon=True).start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 and logs nothing."""

    protocol_version = "HTTP/1.1"
    server: Any

    def asked(self) -> bytes:
        """Return the request body."""
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answered(self, status: int, fields: dict[str, str], body: bytes) -> None:
        """Send an answer with its length."""
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Listening:
    """A server that passes each connection to ``answer``, until it is closed."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.accepting = threading.Thread(target=self._serve, daemon=True)
        self.accepting.start()

    def close(self) -> None:
        """Accept no more connections."""
        # The next server may get this descriptor's number, and a thread that accepts still would serve its clients.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join(60)
        self.listener.close()

    def answer(self, connection: socket.socket) -> None:
        """Answer the requests of a connection."""
        raise NotImplementedError

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.answer(connection)
