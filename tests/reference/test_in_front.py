"""The firewall variants refuse requests without User-Agent, and writes before their body is read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import Headers

from conformance.reference.alteration import Variant
from conformance.reference.deployment import build
from conformance.reference.http import Request
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
def test_a_request_without_user_agent_is_refused(front: type[Variant]) -> None:
    refused = front().intercept(asked(accept_encoding="identity"))
    assert refused is not None and refused.status == 403
    assert front().intercept(asked(user_agent="any/1")) is None


@pytest.mark.parametrize(
    ("front", "path"),
    [
        (in_front.IdentityRefusesBeforeTheBody, "/api/v1/organizations/acme/projects"),
        (in_front.RegistryRefusesBeforeTheBody, "/v2/orgs/acme/a/blobs/uploads/"),
        (in_front.StorageRefusesBeforeTheBody, "/conformance-a/key"),
    ],
)
def test_an_unauthorized_write_is_refused_before_its_body(front: type[Variant], path: str) -> None:
    application = Application(build().surfaces[front.surface])
    application.alterations.activate([front])
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
