"""No generated body, path or query causes a 5xx response, and a rejected change has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.clients.http import REDIRECTS, address_in, on_one_host
from conformance.clients.oauth.client import bearer
from conformance.oracles.errors import expect_client_error
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.strategies.changes import Change
from conformance.strategies.json_bodies import path_segments, queries, raw_bodies
from conformance.strategies.json_changes import EXTENSIONS, JSON_KINDS, json_changes
from conformance.strategies.properties import explores
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable
from conformance.vocabulary.mutation import Mutation, Outcome

ACCEPTED = 202


def _sent(platform: Platform, operation: Operation, body: bytes) -> Exchange:
    """The operation with other bytes as its body; what it makes is removed at the end."""
    token = platform.oauth.token("full")
    reply = platform.request(operation.method, operation.path, [operation.type_field, bearer(token)], body)
    if operation.kind == "create" and reply.ok:
        platform.remember(operation.resource, _slug_in(reply, operation) or str(platform.slug_of(operation)))
    return reply


def _slug_in(reply: Exchange, operation: Operation) -> str | None:
    try:
        document = reply.json()
    except ValueError:
        return None
    slug = document.get(operation.resource.unique or "slug") if isinstance(document, dict) else None
    return slug if isinstance(slug, str) else None


def _around(platform: Platform, operation: Operation) -> Surroundings:
    """What is around an operation: the item as its owner reads it, and a declared read."""
    read = platform.operations("read")[0]
    secrets = [platform.oauth.token("full"), platform.oauth.credential("full").client_secret.reveal()]
    return Surroundings(
        expect_client_error,
        lambda: expect_success(platform.as_role("full", read), "for the next good request"),
        lambda: platform.state(operation),
        secrets,
    )


@dataclass
class Changeable:
    """A declared create, or an update of one item of this check's; once one has yet to come, of another each time."""

    platform: Platform
    resource: Resource
    kind: str
    slug: str | None

    @property
    def operation(self) -> Operation:
        """The operation, with a text of its own each time."""
        slug = self.platform.new_item(self.resource) if self.kind == "update" and not self.slug else self.slug
        return self.platform.operation(self.resource, self.kind, slug)

    def sent(self, operation: Operation, body: bytes) -> Exchange:
        """The answer to the operation with another body; after 202 nobody can tell when the item is changed."""
        reply = _sent(self.platform, operation, body)
        if reply.status == ACCEPTED:
            self.slug = None
        return reply


@pytest.fixture
def changeable(platform: Platform, kind: str) -> Changeable:
    """What bodies are tried with, of the first resource that can be changed so."""
    parts = ["create", *(["update", "item"] if kind == "update" else [])]
    resource = platform.resources_with(*parts)[0]
    return Changeable(platform, resource, kind, platform.new_item(resource) if kind == "update" else None)


@verifies("errors/400/any-change-of-a-body-is-judged")
@pytest.mark.parametrize("kind", [case("create", "create"), case("update", "update")])
@explores(0.4, *JSON_KINDS, change=json_changes())
def test_any_change_of_a_body_is_judged(
    platform: Platform, changeable: Changeable, kind: str, change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: a body that was changed is served or refused as the change demands, and refused it changes nothing.

    Method: 1. change the declared body in one way (structure or bytes) and send it
            2. expect 2xx for what is still valid, 4xx for what must be refused, either for the rest; never a 5xx,
               nothing internal told, and after a refusal the item as it was
            3. expect a declared read to be served
    """
    operation = changeable.operation
    mutation = change.of(operation.document or {})
    if mutation.kind in EXTENSIONS:
        mutation = mutation.open()

    expect_outcome(mutation, lambda: changeable.sent(operation, mutation.value), _around(platform, operation))


@verifies("errors/5xx/no-update-body-is-a-server-error")
@pytest.mark.parametrize("kind", [case("update", "update")])
@explores(0.8, body=raw_bodies())
def test_no_update_body_is_a_server_error(platform: Platform, changeable: Changeable, kind: str, body: bytes) -> None:
    """Purpose: no bytes as the body of an update make the service fail, and what is refused changes nothing.

    Method: 1. send an update with any bytes declared as JSON
            2. expect 2xx or 4xx; after a 4xx the item as before
    """
    mutation, operation = Mutation("any bytes", Outcome.EITHER, body), changeable.operation

    expect_outcome(mutation, lambda: changeable.sent(operation, body), _around(platform, operation))


@verifies("errors/5xx/no-path-is-a-server-error")
@explores(segment=path_segments())
def test_no_path_is_a_server_error(platform: Platform, segment: str) -> None:
    """Purpose: no path makes the service fail or go elsewhere.

    Method: 1. read an item by a name of any characters and encodings
            2. expect 2xx or 4xx, or to be led to another spelling on that host (RFC 3986 section 6.2.2)
    """
    resource = platform.resources_with("item")[0]
    path = (resource.item.path if resource.item else "").replace("{slug}", segment)

    expect_read_or_refused(platform.http.get(path, [bearer(platform.oauth.token("full"))]))


def expect_read_or_refused(reply: Exchange) -> None:
    """2xx or 4xx, or a redirect that stays on the host: a path may be led to its plain spelling."""
    led = address_in(reply.url, reply.headers.get("location") or "") if reply.status in REDIRECTS else ""
    if not on_one_host(led, reply.url):
        expect_client_error(reply)


OTHER_SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper-case": str.upper,
    "blank-behind": "{}%20".format,
    "nul-behind": "{}%00".format,
    "long": lambda slug: slug + "x" * 300,
}


@verifies("errors/5xx/no-path-is-a-server-error")
@pytest.mark.parametrize("written", [case(name, spelled) for name, spelled in OTHER_SPELLINGS.items()])
def test_organization_in_another_spelling_is_no_server_error(platform: Platform, written: Callable[[str], str]) -> None:
    """Purpose: nor does the organization, where it is nearly that of the caller.

    Method: 1. read a declared resource under the organization's slug in capitals, or with a blank, NUL or more behind
            2. expect 2xx or 4xx, or to be led to another spelling on that host
    """
    slug, full = platform.target.organization, bearer(platform.oauth.token("full"))
    paths = [each.path for each in platform.operations("read") if slug in each.path.split("/")]
    if not paths:
        raise NotApplicable("no declared path names the organization")
    before, after = paths[-1].split(f"/{slug}", maxsplit=1)
    expect_read_or_refused(platform.http.get(f"{before}/{written(slug)}{after}", [full]))


@verifies("errors/5xx/no-query-is-a-server-error")
@explores(share=0.5, query=queries())
def test_no_query_is_a_server_error(platform: Platform, query: str) -> None:
    """Purpose: no query makes the service fail.

    Method: 1. read each declared resource with any query
            2. expect 2xx or 4xx
    """
    for operation in platform.operations("read"):
        expect_client_error(platform.as_role("full", operation, path=f"{operation.path}?{query}"))
