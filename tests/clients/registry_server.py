"""A registry that answers from a table, and a client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.registry.client import Registry
from conformance.evidence.recorder import Recorder
from conformance.target.description import Login, Secret
from conformance.target.description import Registry as Described
from tests.clients.servers import Handler, LocalServer

NAME = "orgs/acme/app"
Answer = tuple[int, dict[str, str], bytes]


class Server(LocalServer):
    """Answers by (method, path) from a table, whose answers may be computed, and records the requests."""

    def __init__(self) -> None:
        super().__init__(Tabled)
        self.table: dict[tuple[str, str], Answer | Callable[[], Answer]] = {}
        self.seen: list[tuple[str, str, str | None]] = []


class Tabled(Handler):
    def answer(self) -> None:
        self.asked()
        authorized = self.headers.get("authorization")
        self.server.seen.append((self.command, self.path, authorized))
        key = (self.command, self.path.split("?")[0])
        if key[1].startswith("/v2/") and not authorized and "challenge" in self.server.table:
            self.answered(*self.server.table["challenge"])
        else:
            answer = self.server.table.get(key, (404, {}, b""))
            self.answered(*(answer() if callable(answer) else answer))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    with served.serving():
        yield served


def entered(server: Server) -> Registry:
    logins: Any = {"pusher": Login(username="ct-push", password=Secret("PUSHER_PASSWORD", "the-password"))}
    described = Described(url=server.url, repository=NAME, credentials=logins)
    return Registry.enter(HttpClient(server.url, Recorder()), described)
