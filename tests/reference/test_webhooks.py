"""The webhooks surface: what it promises, and that each variant changes something."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from conformance.reference.alteration import Alteration, Variant
from conformance.reference.deployment import alterations
from conformance.reference.http import Request
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application
from conformance.reference.webhooks import Webhooks

KEY, LARGEST = SigningKey(), 1024 * 1024
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


class World:
    """One deployment of the webhooks surface."""

    def __init__(self, *alterations: type[Alteration]) -> None:
        self.webhooks = Webhooks(Seeds(), KEY)
        self.application = Application(self.webhooks)
        self.application.alterations.put_in(alterations)
        self.webhooks.reset()

    @property
    def url(self) -> str:
        return self.webhooks.url_path

    def ask(
        self,
        method: str = "POST",
        url: str | None = None,
        content: bytes | httpx.AsyncByteStream = b"x",
        **details: Any,
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://hooks.test") as client:
                return await client.request(method, self.url if url is None else url, content=content, **details)

        return asyncio.run(send())

    def seen(self, *requests: dict[str, Any]) -> list[tuple[int, dict[str, str], bytes]]:
        answers = [self.ask(**request) for request in requests]
        for answer in answers:
            del answer.headers["date"]
        return [(answer.status_code, dict(answer.headers), answer.content) for answer in answers]

    def rotated(self) -> int:
        """The status of the old URL after it was used and rotated."""
        old = self.url
        self.ask()
        self.webhooks.rotate()
        return self.ask(url=old).status_code


@pytest.fixture
def world() -> World:
    return World()


def test_events_are_taken_in_whole(world: World) -> None:
    events = [("application/json", b'{"a": 1}'), ("text/plain", b"\xff\0"), ("x/y", b""), ("", b"z" * LARGEST)]
    for kind, body in events:
        answer = world.ask(content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.json()) == (202, {"accepted": True})
        event = world.webhooks.events()[-1]
        assert (event["content_type"], event["size"]) == (kind, len(body))
        assert event["sha256"] == hashlib.sha256(body).hexdigest()
    assert world.webhooks.events()[0]["text"] == '{"a": 1}'
    assert len(world.webhooks.events()) == 4


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[NaN]", b"[" * 100_000])
def test_malformed_json_is_refused(world: World, body: bytes) -> None:
    assert world.ask(content=body, headers=JSON).status_code == 400
    assert world.ask(content=body, headers=JSON | {"content-encoding": "gzip"}).status_code == 202
    assert len(world.webhooks.events()) == 1


def test_size_is_limited(world: World) -> None:
    assert world.ask(content=b"x" * (LARGEST + 1)).status_code == 413
    assert world.ask(url="/hooks/x", content=b"x" * (LARGEST + 1)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "POST"])
def test_nobody_finds_out_whether_a_url_is_live(world: World, method: str) -> None:
    old, live = world.url, world.webhooks.rotate()
    near = [old, live + "/", live[:-1], live + "x", live.swapcase(), live.replace("/hooks/", "/hooks/%2e/"), "/hooks/"]
    near.append(live[:-1] + f"%{ord(live[-1]):x}")
    answers = world.seen(*({"method": method, "url": url} for url in near))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == (404 if method == "POST" else 405)
    if method != "POST":
        assert world.seen({"method": method}) == answers[:1]
        assert answers[0][1]["allow"] == "POST"
    assert live.removeprefix("/hooks/") not in repr(answers)


def test_another_organizations_url_stays(world: World) -> None:
    other, first = world.webhooks.paths["globex"], world.url
    assert world.webhooks.rotate() != first
    assert world.ask(url=other).status_code == 202
    world.webhooks.reset()
    assert world.ask(url=first).status_code == 202


def posted(**details: Any) -> Callable[[World], Any]:
    return lambda w: w.ask(**details).status_code


def near(change: Callable[[str], str], method: str = "POST") -> Callable[[World], Any]:
    return lambda w: w.ask(method, change(w.url)).status_code


def kept(*bodies: bytes | Chunks, **details: Any) -> Callable[[World], Any]:
    def look(w: World) -> int:
        for body in bodies:
            w.ask(content=body, **details)
        return sum(int(event["size"]) for event in w.webhooks.events())

    return look


def at_the_old_url(w: World) -> list[int]:
    old = w.url
    w.webhooks.rotate()
    return [w.ask(url=old).status_code for _ in range(3)]


def broken_off(w: World, framed: Mapping[str, str] = {"content-length": "2"}) -> int:
    request = Request("POST", w.url, "", Headers(framed), b"x")
    asyncio.run(w.application.alterations.surface.broken_off(request))
    return len(w.webhooks.events())


class Chunks(httpx.AsyncByteStream):
    """A body of no known length, which is sent in chunks."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body


TABLE: list[tuple[str, Callable[[World], Any], Any, Any]] = [
    ("event-answered-with200", posted(), 202, 200),
    ("url-is-explained-to-people", posted(method="GET"), 405, 200),
    ("live-url-leads-to-the-portal", posted(method="GET"), 405, 302),
    ("accepted-tells-the-event", posted(), 202, 201),
    ("event-answered-with204", posted(), 202, 204),
    ("unknown-webhook-is401", posted(url="/hooks/x"), 404, 401),
    ("everything-but-post-is404", posted(method="GET"), 405, 404),
    ("only-live-urls-know-methods", near(lambda url: url + "x", "GET"), 405, 404),
    ("events-read-later", posted(headers=JSON), 400, 202),
    ("thanks-in-html", lambda w: w.ask().headers["content-type"][:9], "applicati", "text/html"),
    ("events-arrive-later", kept(b"x"), 1, 0),
    (
        "events-told-as-read-too",
        lambda w: (w.ask(), [each.get("again") for each in w.webhooks.events()])[1],
        [None],
        ["x"],
    ),
    ("events-have-long-ids", lambda w: (w.ask(), "id" in w.webhooks.events()[0])[1], False, True),
    ("rotation-takes-a-moment", lambda w: w.ask(url=w.webhooks.rotate()).status_code, 202, 404),
    ("slash-behind-is-redirected", near(lambda url: url + "/"), 404, 307),
    ("other-spellings-are-the-same", near(lambda url: url + ";x"), 404, 202),
    ("rotated-url-is-gone", lambda w: (w.ask().status_code, at_the_old_url(w)[0]), (202, 404), (202, 410)),
    ("url-leads-to-the-portal", posted(method="HEAD"), 405, 303),
    ("portal-is-shown-anywhere", near(lambda url: url + "x", "GET"), 405, 200),
    ("other-methods-not-implemented", posted(method="PUT"), 405, 501),
    ("options-answered-to-browsers", posted(method="OPTIONS"), 405, 204),
    ("new-urls-in-hexadecimal-digits", lambda w: len(w.webhooks.rotate()), len("/hooks/") + 43, len("/hooks/") + 64),
    ("urls-signed-in-their-query", lambda w: "?" in w.webhooks.rotate(), False, True),
    ("urls-with-escapes", lambda w: "%3D" in w.webhooks.rotate(), False, True),
    ("events-are-numbered", lambda w: "location" in w.ask().headers, False, True),
    ("events-are-limited", lambda w: [w.ask().status_code for _ in range(30)][-1], 202, 429),
]


@pytest.mark.parametrize(("name", "look", "clean", "altered"), TABLE, ids=[row[0] for row in TABLE])
def test_a_variant_changes_what_its_look_sees(
    name: str, look: Callable[[World], Any], clean: Any, altered: Any
) -> None:
    assert clean != altered
    assert (look(World()), look(World(alterations()[name]))) == (clean, altered)


def test_every_variant_is_seen_to_vary() -> None:
    # Variants of every surface: tests/reference/test_in_front.py and test_framing.py.
    known = {
        name
        for name, each in alterations().items()
        if each.surface == "webhooks"
        and issubclass(each, Variant)
        and not each.__module__.endswith((".in_front", ".framing"))
    }
    assert known - {row[0] for row in TABLE} == set(), "each needs a row of TABLE: a look that it changes"
