"""Large blobs go up and come back without being whole in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.registry import Registry, Repository
from conformance.clients.registry_streams import pull, push
from conformance.clients.s3_streams import Pattern
from conformance.evidence.recorder import Recorder
from conformance.target.description import Registry as Described

CONTENT = Pattern(300_000)
BYTES = b"".join(CONTENT.parts())


class Handler(BaseHTTPRequestHandler):
    """A registry of one blob, which is at another path than it is asked for."""

    protocol_version = "HTTP/1.1"
    server: Any

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, fields, said = 200, {}, b"{}"
        if self.command == "POST":
            status, fields = 202, {"Location": "/u1"}
        elif self.command == "PUT":
            self.server.taken = body
            status = 201
        elif "/blobs/" in self.path:
            status, fields, said = 307, {"Location": "/storage"}, b"elsewhere"
        elif self.path == "/storage":
            said = self.server.stored
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(said))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    served: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, args=[0.02], daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture
def repository(server: Any) -> Repository:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    return Registry.enter(HttpClient(url, Recorder()), Described(url=url, repository="a/b")).repository("a/b")


def test_a_blob_is_pushed_whole_with_its_length(server: Any, repository: Repository) -> None:
    reply, digest = push(repository, CONTENT)
    assert reply.status == 201
    assert server.taken == BYTES
    assert digest == f"sha256:{hashlib.sha256(BYTES).hexdigest()}"


@pytest.mark.parametrize(("stored", "equal"), [(BYTES, True), (BYTES[:-1], False), (BYTES + b"x", False)])
def test_what_comes_back_is_compared_where_a_redirect_leads(
    server: Any, repository: Repository, stored: bytes, equal: bool
) -> None:
    server.stored = stored
    reply, compared = pull(repository, "sha256:0", CONTENT)
    assert reply.status == 200 and reply.url.endswith("/storage")
    assert compared.equal is equal
    assert len(reply.body) < len(BYTES)
