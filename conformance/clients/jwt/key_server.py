"""A local HTTP server of a public key that records requests: no target may fetch a key that a token names."""

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
    """Returns ``document`` to every GET while it is entered, and records the ``requested_paths``.

    It listens on the local address that routes to ``reachable_from`` (a URL), so that only that network reaches it.
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
        """The URL of the key."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/keys"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        requested_paths, document = self.requested_paths, self.document

        class Handler(BaseHTTPRequestHandler):
            """Records the path and sends the document."""

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
    """Return this machine's address on the route to a URL's host; loopback without a route."""
    target = urlsplit(url)
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket chooses a route and sends nothing.
        probe.connect((target.hostname or "", target.port or 443))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
