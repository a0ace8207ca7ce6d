"""The sweep of a bucket whose listing fails goes by the keys in the ledgers, and says what it cannot remove."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest

from conformance.clients.http import HttpClient
from conformance.evidence.recorder import Recorder
from conformance.sandbox.names import new_run, run_of
from conformance.sandbox.sweep_storage import sweep_storage
from conformance.sandbox.swept import Removal
from conformance.target.description import Secret, Target
from tests.clients.servers import Handler, LocalServer

RUN = new_run()
KEYS = [f"cf-{RUN}-w0-{number}x-{name}" for number, name in enumerate(("a", "b\x01", "c", "unnamed"))]
LISTED = (
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>cf-</Prefix>'
    "<EncodingType>url</EncodingType><MaxKeys>1000</MaxKeys><KeyCount>{}</KeyCount><IsTruncated>false</IsTruncated>{}"
    "</ListBucketResult>"
)


class Gateway(Handler):
    """A gateway whose listings fail while a key with a control character is there."""

    keys: set[str]
    stuck: str

    def do_GET(self) -> None:
        listed = "".join(f"<Contents><Key>{each}</Key><Size>1</Size></Contents>" for each in sorted(self.keys))
        broken = self.stuck if self.stuck in self.keys else "\x01" if any("\x01" in each for each in self.keys) else ""
        if broken or "uploads" in self.path:
            self.answered(500, {}, b"")
        else:
            self.answered(200, {"Content-Type": "application/xml"}, LISTED.format(len(self.keys), listed).encode())

    def do_HEAD(self) -> None:
        self.send_response(200 if self.key in self.keys else 404)
        self.end_headers()

    def do_DELETE(self) -> None:
        if self.key == self.stuck:
            self.answered(500, {}, b"")
            return
        self.keys.discard(self.key)
        self.answered(204, {}, b"")

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).partition("/b/")[2]


@pytest.fixture
def gateway() -> Iterator[tuple[LocalServer, Target]]:
    class Fresh(Gateway):
        keys, stuck = set(KEYS), ""

    server = LocalServer(Fresh)
    storage = {
        "endpoint": server.url,
        "region": "us-east-1",
        "buckets": ["b"],
        "access_key": Secret("K", "key"),
        "secret_key": Secret("S", "secret"),
    }
    with server.serving():
        yield server, Target.model_validate({"organization": "acme", "storage": storage})


def swept(server: LocalServer, target: Target) -> list[str]:
    removal = Removal(lambda name: run_of(name) == RUN, dry=False)
    entries = [{"kind": "object", "bucket": "b", "key": key} for key in KEYS[:3]]
    http = HttpClient(server.url, Recorder(prefix="sweep"))
    return [f"{each.outcome} {re.sub(RUN, 'RUN', each.what)}" for each in sweep_storage(http, target, removal, entries)]


def test_a_key_that_breaks_the_listing_is_removed_by_the_ledger(gateway: tuple[LocalServer, Target]) -> None:
    server, target = gateway
    assert swept(server, target) == [
        "stays open uploads in bucket b",
        "removed 3 unlisted objects of run RUN in bucket b",
        "removed 1 objects of run RUN in bucket b",
    ]
    assert server.RequestHandlerClass.keys == set()  # type: ignore[attr-defined]


def test_what_cannot_be_removed_is_named(gateway: tuple[LocalServer, Target]) -> None:
    server, target = gateway
    server.RequestHandlerClass.stuck = KEYS[0]  # type: ignore[attr-defined]
    assert swept(server, target) == [
        "stays open uploads in bucket b",
        "stays 3 unlisted objects of run RUN in bucket b",
        "stays objects in bucket b that no ledger names",
    ]
    assert server.RequestHandlerClass.keys == {KEYS[0], KEYS[3]}  # type: ignore[attr-defined]
