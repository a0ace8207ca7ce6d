"""What stands in front: it refuses who does not say who asks, and compresses for who does not say how it may come."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from starlette.datastructures import Headers

from conformance.reference.alteration import Variant
from conformance.reference.deployment import build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application
from tests.variants import in_front

FRONTS = [
    in_front.IdentityBehindAFirewall,
    in_front.RegistryBehindAFirewall,
    in_front.StorageBehindAFirewall,
    in_front.WebhooksBehindAFirewall,
]


def asked(**fields: str) -> Request:
    return Request("GET", "/", "", Headers({name.replace("_", "-"): value for name, value in fields.items()}), b"")


@pytest.mark.parametrize("front", FRONTS)
def test_who_does_not_say_who_asks_is_refused(front: type[Variant]) -> None:
    refused = front().intercept(asked(accept_encoding="identity"))
    assert refused is not None and refused.status == 403
    assert front().intercept(asked(user_agent="any/1")) is None


@pytest.mark.parametrize("front", FRONTS)
def test_what_may_come_in_any_coding_is_compressed(front: type[Variant]) -> None:
    answer = front().rewrite(asked(user_agent="any/1"), Answer(200, b"content"))
    assert (gzip.decompress(answer.body), answer.headers["content-encoding"]) == (b"content", "gzip")
    as_it_is = front().rewrite(asked(accept_encoding="identity"), Answer(200, b"content"))
    assert (as_it_is.body, "content-encoding" in as_it_is.headers) == (b"content", False)
    assert front().rewrite(asked(), Answer(204)).body == b""


@pytest.mark.parametrize(
    ("path", "query", "refused"),
    [
        ("/api/a%00", "", True),
        ("/api/a", "limit=%0d", True),
        ("/api/%27%20OR%201=1--", "", True),
        ("/api/%2e%2e", "", True),
        ("/api/a..b", "q=or", False),
        ("/token/%00", "", False),
    ],
)
def test_what_reads_like_an_attack_is_refused(path: str, query: str, refused: bool) -> None:
    request = Request("GET", path, query, Headers(), b"")
    assert (in_front.BehindRulesAgainstAttacks().intercept(request) is not None) == refused


@pytest.mark.parametrize(
    ("body", "by_identity", "by_webhooks"),
    [(b"{}\0", True, True), (b"a=%00", True, False), (b"<SCRIPT>", True, False), (b"script", False, False)],
)
def test_bodies_that_read_like_an_attack_are_refused(body: bytes, by_identity: bool, by_webhooks: bool) -> None:
    request = Request("POST", "/a", "", Headers(), body)
    assert (in_front.IdentityBodiesBehindRulesAgainstAttacks().intercept(request) is not None) == by_identity
    assert (in_front.WebhooksBodiesBehindRulesAgainstAttacks().intercept(request) is not None) == by_webhooks


@pytest.mark.parametrize(
    ("front", "path"),
    [
        (in_front.IdentityRefusesBeforeTheBody, "/api/v1/organizations/acme/projects"),
        (in_front.RegistryRefusesBeforeTheBody, "/v2/orgs/acme/a/blobs/uploads/"),
        (in_front.StorageRefusesBeforeTheBody, "/conformance-a/key"),
    ],
)
def test_who_may_not_write_is_refused_before_the_body_and_each_other_time_closed_upon(
    front: type[Variant], path: str
) -> None:
    application = Application(build().surfaces[front.surface])
    application.alterations.put_in([front])
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "scheme": "http"}
    for _ in range(4):
        asyncio.run(application({**scope, "query_string": b"", "headers": [(b"host", b"a")]}, receive, send))
    heads = [each for each in told if each["type"] == "http.response.start"]
    assert {each["status"] for each in heads} <= {401, 403}
    assert [(b"connection", b"close") in each["headers"] for each in heads] == [False, True] * 2
