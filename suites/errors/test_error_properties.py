"""Properties of the organization APIs: a caller's fault is never a 5xx, and nothing that was refused was done."""

from __future__ import annotations

from typing import Any

from conformance.clients.oauth import bearer
from conformance.oracles.errors import expect_client_error, expect_no_leak
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_success
from conformance.sandbox.platform import JSON_TYPE, Platform
from conformance.strategies.explore import explores
from conformance.strategies.json_bodies import changed, member_changes, path_segments, queries, raw_bodies
from conformance.vocabulary.check import verifies


@verifies("errors/5xx/no-create-body-is-a-server-error")
@explores(changes=member_changes())
def test_no_create_body_is_a_server_error(platform: Platform, changes: list[tuple[int, str, Any]]) -> None:
    """Purpose: a create body with members replaced or added is served or refused, and never fails.

    Method: 1. change the declared body in up to three members and send it
            2. expect 2xx or 4xx, and no internals shown
            3. expect a declared read to be served
    """
    operation = platform.operations("create")[0]
    reply = platform.as_role("full", operation, document=changed(operation.document or {}, changes))
    if reply.ok:
        slug = platform.slug_of(operation)
        platform.remember(operation.resource, str(_slug_in(reply, operation.resource.unique) or slug))
    expect_client_error(reply)
    expect_no_leak(reply)

    expect_success(platform.as_role("full", platform.operations("read")[0]), "for the next good request")


def _slug_in(reply: Any, unique: str | None) -> Any:
    try:
        document = reply.json()
    except ValueError:
        return None
    return document.get(unique) if isinstance(document, dict) and unique else None


@verifies("errors/5xx/no-update-body-is-a-server-error")
@explores(body=raw_bodies())
def test_no_update_body_is_a_server_error(platform: Platform, body: bytes) -> None:
    """Purpose: no bytes as the body of an update make the service fail, and what is refused changes nothing.

    Method: 1. send an update with any bytes declared as JSON
            2. expect 2xx or 4xx; after a 4xx the item as before
    """
    operation = platform.operations("update")[0]
    before = platform.state(operation)
    reply = platform.http.send(
        operation.method, operation.path, [JSON_TYPE, bearer(platform.oauth.token("full"))], body
    )

    expect_client_error(reply)
    if not reply.ok:
        expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/5xx/no-path-is-a-server-error")
@explores(segment=path_segments())
def test_no_path_is_a_server_error(platform: Platform, segment: str) -> None:
    """Purpose: no path makes the service fail or go elsewhere.

    Method: 1. read an item by a name of any characters and encodings
            2. expect 2xx or 4xx
    """
    resource = platform.resources_with("item")[0]
    path = (resource.item.path if resource.item else "").replace("{slug}", segment)

    expect_client_error(platform.http.get(path, [bearer(platform.oauth.token("full"))]))


@verifies("errors/5xx/no-query-is-a-server-error")
@explores(share=0.5, query=queries())
def test_no_query_is_a_server_error(platform: Platform, query: str) -> None:
    """Purpose: no query makes the service fail.

    Method: 1. read each declared resource with any query
            2. expect 2xx or 4xx
    """
    for operation in platform.operations("read"):
        expect_client_error(platform.as_role("full", operation, path=f"{operation.path}?{query}"))
