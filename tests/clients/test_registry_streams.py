"""Large blobs go up and come back without being whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.registry.client import Registry, Repository
from conformance.clients.registry.streams import pull, push
from conformance.clients.s3.streams import Pattern
from conformance.evidence.recorder import Recorder
from conformance.target.description import Registry as Described
from tests.clients.servers import Handler, LocalServer

CONTENT = Pattern(300_000)
BYTES = b"".join(CONTENT.parts())


class Server(LocalServer):
    """A registry of one blob, which is at another path than it is asked for."""

    def __init__(self) -> None:
        super().__init__(Elsewhere)
        self.stored = self.taken = b""


class Elsewhere(Handler):
    def answer(self) -> None:
        body = self.asked()
        status, fields, said = 200, dict[str, str](), b"{}"
        if self.command == "POST":
            status, fields = 202, {"Location": "/u1"}
        elif self.command == "PUT":
            self.server.taken = body
            status = 201
        elif "/blobs/" in self.path:
            status, fields, said = 307, {"Location": "/storage"}, b"elsewhere"
        elif self.path == "/storage":
            said = self.server.stored
        self.answered(status, fields, said)

    do_GET = do_POST = do_PUT = answer


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    with served.serving():
        yield served


@pytest.fixture
def repository(server: Server) -> Repository:
    url = server.url
    return Registry.enter(HttpClient(url, Recorder()), Described(url=url, repository="a/b")).repository("a/b")


def test_a_blob_is_pushed_whole_with_its_length(server: Server, repository: Repository) -> None:
    reply, digest = push(repository, CONTENT)
    assert reply.status == 201
    assert server.taken == BYTES
    assert digest == f"sha256:{hashlib.sha256(BYTES).hexdigest()}"


@pytest.mark.parametrize(("stored", "equal"), [(BYTES, True), (BYTES[:-1], False), (BYTES + b"x", False)])
def test_what_comes_back_is_compared_where_a_redirect_leads(
    server: Server, repository: Repository, stored: bytes, equal: bool
) -> None:
    server.stored = stored
    reply, compared = pull(repository, "sha256:0", CONTENT)
    assert reply.status == 200 and reply.url.endswith("/storage")
    assert compared.equal is equal
    assert len(reply.body) < len(BYTES)
