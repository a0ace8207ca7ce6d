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


@dataclass
class Changeable:
    """A declared creation, or update of one item of this check's own."""

    platform: Platform
    resource: Resource
    kind: str
    slug: str | None

    @property
    def operation(self) -> Operation:
        """The operation, with a new text each time."""
        slug = self.platform.new_item(self.resource) if self.kind == "update" and not self.slug else self.slug
        return self.platform.operation(self.resource, self.kind, slug)

    def expect_outcome(self, mutation: Mutation[bytes], operation: Operation) -> None:
        """Send the operation with a changed body; expect the outcome, and a declared read to be served afterwards."""
        platform = self.platform
        read = platform.operations("read")[0]
        surroundings = Surroundings(
            expect_client_error,
            lambda: expect_success(platform.as_role("full", read), "for the next valid request"),
            lambda: platform.state(operation),
            [platform.oauth.token("full"), platform.oauth.credential("full").client_secret.reveal()],
        )
        expect_outcome(mutation, lambda: self._sent(operation, mutation.value), surroundings)

    def _sent(self, operation: Operation, body: bytes) -> Exchange:
        reply = self.platform.with_body(operation, body)
        if operation.kind == "create" and reply.ok and (slug := self._slug_in(reply)):
            self.platform.remember(self.resource, slug)
        if reply.status == 202:
            self.slug = None  # Nobody can tell when this item is changed.
        return reply

    def _slug_in(self, reply: Exchange) -> str | None:
        try:
            document = reply.json()
        except ValueError:
            return None
        slug = document.get(self.resource.unique or "slug") if isinstance(document, dict) else None
        return slug if isinstance(slug, str) else None


@pytest.fixture
def changeable(platform: Platform, kind: str) -> Changeable:
    """The creation or update of the first resource that declares it."""
    resource = platform.resources_with("create", *(["update", "item"] if kind == "update" else []))[0]
    return Changeable(platform, resource, kind, platform.new_item(resource) if kind == "update" else None)


@verifies("errors/400/changed-body")
@pytest.mark.parametrize("kind", [case("generated-create", "create"), case("generated-update", "update")])
@explores(0.4, *JSON_KINDS, change=json_changes())
def test_changed_body(changeable: Changeable, kind: str, change: Change[dict[str, Any], bytes]) -> None:
    """Purpose: a service accepts what is valid and refuses what is not, whatever a client sends.
    Method: 1. change the structure or bytes of the declared body in one way and send it
            2. expect 2xx if it is still valid, 4xx without effect if it is invalid, else either; no internals
            3. expect a declared read to be served
    """
    operation = changeable.operation
    mutation = change.of(operation.document or {})
    changeable.expect_outcome(mutation.open() if mutation.kind in EXTENSIONS else mutation, operation)


@verifies("errors/5xx/no-input-is-a-server-error")
@pytest.mark.parametrize("kind", [case("generated-update-bodies", "update")])
@explores(0.8, body=raw_bodies())
def test_update_body_is_no_server_error(changeable: Changeable, kind: str, body: bytes) -> None:
    """Purpose: no bytes in an update make the service fail.
    Method: 1. update an item with any bytes that are declared as JSON; 2. expect 2xx, or 4xx and no change
    """
    changeable.expect_outcome(Mutation("any bytes", Outcome.EITHER, body), changeable.operation)


def expect_read_or_refused(reply: Exchange) -> None:
    """Expect 2xx, 4xx or a redirect on the same host, to an equivalent path (RFC 3986 section 6.2.2)."""
    location = address_in(reply.url, reply.headers.get("location") or "") if reply.status in REDIRECTS else ""
    if not on_one_host(location, reply.url):
        expect_client_error(reply)


@verifies("errors/5xx/no-input-is-a-server-error#generated-paths")
@explores(segment=path_segments())
def test_path_is_no_server_error(platform: Platform, segment: str) -> None:
    """Purpose: no path makes the service fail or redirect to another host.
    Method: 1. GET an item by a name of any characters and encodings; 2. expect 2xx, 4xx or a redirect on the same host
    """
    resource = platform.resources_with("item")[0]
    path = (resource.item.path if resource.item else "").replace("{slug}", segment)
    expect_read_or_refused(platform.http.get(path, [bearer(platform.oauth.token("full"))]))


OTHER_SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper-case": str.upper,
    "with-blank": "{}%20".format,
    "with-nul": "{}%00".format,
    "long": lambda slug: slug + "x" * 300,
}


@verifies("errors/5xx/no-input-is-a-server-error")
@pytest.mark.parametrize("spell", [case(f"organization-{name}", spell) for name, spell in OTHER_SPELLINGS.items()])
def test_organization_in_another_spelling_is_no_server_error(platform: Platform, spell: Callable[[str], str]) -> None:
    """Purpose: an organization's slug that is nearly the caller's makes no service fail.
    Method: 1. GET a declared resource with the slug in upper case, or with a blank, NUL or more appended
            2. expect 2xx, 4xx or a redirect on the same host
    """
    slug, full = platform.target.organization, bearer(platform.oauth.token("full"))
    paths = [each.path for each in platform.operations("read") if slug in each.path.split("/")]
    if not paths:
        raise NotApplicable("no declared path names the organization")
    before, after = paths[-1].split(f"/{slug}", maxsplit=1)
    expect_read_or_refused(platform.http.get(f"{before}/{spell(slug)}{after}", [full]))


@verifies("errors/5xx/no-input-is-a-server-error#generated-queries")
@explores(share=0.5, query=queries())
def test_query_is_no_server_error(platform: Platform, query: str) -> None:
    """Purpose: no query makes the service fail.
    Method: 1. GET each declared resource with any query; 2. expect 2xx or 4xx
    """
    for operation in platform.operations("read"):
        expect_client_error(platform.as_role("full", operation, path=f"{operation.path}?{query}"))
