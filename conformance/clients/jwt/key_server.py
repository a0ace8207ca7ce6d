"""A place on this machine that hands out a public key, and notes who asks: nobody should, whatever a token names."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit


@dataclass
class KeyServer:
    """Answers every GET with ``document`` while it is entered; ``asked`` are the paths that were asked for.

    It listens on the address by which ``reachable_from`` (a URL) is reached, so that a target on this machine or in
    its network can come to it, and nobody else is invited.
    """

    document: bytes
    reachable_from: str
    requested_paths: list[str] = field(default_factory=list)

    def __enter__(self) -> KeyServer:
        self._server = ThreadingHTTPServer((own_address(self.reachable_from), 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the key is."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/keys"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        requested_paths, document = self.requested_paths, self.document

        class Handler(BaseHTTPRequestHandler):
            """Notes the path and answers."""

            def do_GET(self) -> None:
                requested_paths.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def own_address(url: str) -> str:
    """This machine's address on the way to a URL's host; loopback where there is no way."""
    there = urlsplit(url)
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        # No packet is sent: connecting a datagram socket chooses the way and no more.
        asking.connect((there.hostname or "", there.port or 443))
        return str(asking.getsockname()[0])
    return "127.0.0.1"
