"""No header field, body, path or name causes a 5xx response, and a rejected change has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from conformance.clients.http import REDIRECTS, address_in, on_one_host
from conformance.clients.oauth.client import bearer
from conformance.oracles.errors import expect_client_error
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import (
    expect_accepted_or_refused,
    expect_no_server_error,
    expect_success,
    refused_in_front,
)
from conformance.sandbox.platform import JSON_TYPE, Operation, Platform
from conformance.strategies.changes import Change
from conformance.strategies.json_bodies import path_segments, queries, raw_bodies
from conformance.strategies.json_changes import EXTENSIONS, JSON_KINDS, json_changes
from conformance.strategies.properties import explores
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable
from conformance.vocabulary.mutation import Mutation, Outcome

# Sent with a read in addition to its fields.
HOSTILE_HEADERS: dict[str, list[tuple[str, str | bytes]]] = {
    "accept": [("Accept", "application/xml;q=x, */*;q=-1")], "range": [("Range", "bytes=-0,5-2")],
    "if-match": [("If-Match", '"')], "if-none-match": [("If-None-Match", 'W/"')],
    "if-modified-since": [("If-Modified-Since", "yesterday")], "content-encoding": [("Content-Encoding", "gzip")],
    "accept-language": [("Accept-Language", "*" * 3000)], "cookie": [("Cookie", "=;;=")],
    "many": [(f"X-Cf-{n}", "x") for n in range(60)], "non-ascii": [("X-Cf", b"\xff\xfe")],
    "forwarded": [("X-Forwarded-Host", "cf\\"), ("X-Forwarded-Proto", "gopher")],
    "expect": [("Expect", "cf-unknown")], "te": [("TE", "cf")],
    "content-type": [("Content-Type", "application/json")],
    "proxy-fields": [("X-Forwarded-For", "cf, ::zz"), ("X-Forwarded-Port", "cf"), ("Forwarded", "for=;;"),
                     ("X-Request-Id", "x" * 300), ("traceparent", "00-zz")],
    "browser-fields": [("Origin", "null"), ("Referer", "cf"), ("Accept-Encoding", "identity;q=x"),
                       ("If-Unmodified-Since", "yesterday"), ("Idempotency-Key", "x" * 300)],
    "library-fields": [("Accept", "cf"), ("User-Agent", ""), ("Accept-Charset", "cf;q=x"), ("If-Range", '"'),
                       ("Date", "yesterday"), ("Prefer", "=;"), ("baggage", "=;,"), ("Max-Forwards", "x")],
}  # fmt: skip
# Sent with a write instead of its Content-Type.
BODY_FIELDS: dict[str, list[tuple[str, str | bytes]]] = {
    "create-without-type": [], "update-without-type": [], "update-with-half-a-type": [("Content-Type", "json")],
    "update-with-unknown-charset": [("Content-Type", "application/json; charset=cf")],
    "update-without-boundary": [("Content-Type", "multipart/form-data")],
    "update-not-in-its-coding": [JSON_TYPE, ("Content-Encoding", "gzip")],
}  # fmt: skip
CONDITIONS: dict[str, list[tuple[str, str | bytes]]] = {
    "update-if-match": [("If-Match", '"cf')], "update-if-none-match": [("If-None-Match", ",")],
    "update-if-unmodified-since": [("If-Unmodified-Since", "Thu, 99 Foo 2026 99:99:99 GMT")],
}  # fmt: skip


@verifies("errors/5xx/no-input-is-a-server-error")
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        *(case(name, "read", fields) for name, fields in HOSTILE_HEADERS.items()),
        *(case(name, "update", fields) for name, fields in CONDITIONS.items()),
        *(case(name, name.partition("-")[0], fields) for name, fields in BODY_FIELDS.items()),
    ],
)
def test_header_field_is_no_server_error(platform: Platform, kind: str, fields: list[tuple[str, str | bytes]]) -> None:
    """Purpose: no header field makes the service fail.
    Method: 1. send each read, creation or update with a malformed, long or contradictory field, condition or type
            2. expect no 5xx, and 2xx for a read of the list or item afterwards
    """
    for operation in platform.operations(kind):
        if fields in BODY_FIELDS.values():
            reply = platform.with_body(operation, operation.body, fields)
        else:
            reply = platform.as_role("full", operation, fields)
        expect_no_server_error(reply, f"for {operation}")
        slug = platform.slug_of(operation) if kind == "update" else None
        read = platform.operation(operation.resource, "read-item" if slug else "read", slug)
        expect_success(platform.as_role("full", read), "for a valid request afterwards")


@verifies("errors/5xx/no-input-is-a-server-error")
@pytest.mark.parametrize("kind", [case(f"{kind}-without-credentials", kind) for kind in ("create", "update", "delete")])
def test_authorization_without_credentials_is_no_server_error(platform: Platform, kind: str) -> None:
    """Purpose: an Authorization field with a scheme and no token is refused.
    Method: 1. send each declared change with Authorization: Bearer; 2. expect no 5xx
    """
    for operation in platform.operations(kind):
        fields = [*operation.headers, ("Authorization", "Bearer")]
        reply = platform.request(operation.method, operation.path, fields, operation.body)
        expect_no_server_error(reply, f"for {operation} with Authorization: Bearer")


HEAVY = {
    "deep-array": b"[" * 100_000, "deep-object": b'{"a":' * 50_000,
    "1-mb-text": b'{"name": "' + b"x" * 1_000_000 + b'"}',
    "many-members": b"{" + b",".join(b'"m%d": 1' % n for n in range(20_000)) + b"}",
    "huge-number": b'{"version": 1e400, "name": ' + b"9" * 20_000 + b"}",
    "byte-order-mark": b'\xef\xbb\xbf{"name": "x"}',
    "lone-surrogate": b'{"name": "\\ud800"}', "nul": b'{"name": "a\\u0000b"}',
}  # fmt: skip


@verifies("errors/5xx/no-input-is-a-server-error")
@pytest.mark.parametrize("kind", ["create", "update"])
@pytest.mark.parametrize("body", [case(name, value) for name, value in HEAVY.items()])
def test_heavy_body_is_no_server_error(platform: Platform, kind: str, body: bytes) -> None:
    """Purpose: a body that is deep, long or barely text must be refused and not cause a failure.
    Method: 1. send each declared creation and update with the body
            2. expect 2xx or 4xx, or the page of a firewall; after a refusal no change
    """
    for operation in platform.operations(kind):
        before = platform.state(operation)
        reply = platform.with_body(operation, body)
        if not refused_in_front(reply):
            expect_accepted_or_refused(reply, f"for {operation}")
        if not reply.ok:
            expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/5xx/no-input-is-a-server-error#long-name")
def test_long_name_is_no_server_error(platform: Platform) -> None:
    """Purpose: a name longer than a database column is refused, not a failure.
    Method: 1. send each declared creation with a unique member of more than 300 characters; 2. expect 2xx or 4xx
    """
    for resource in platform.resources_with("create", "unique"):
        slug = platform.names.new() + "x" * 300
        reply = platform.create(resource, slug)
        expect_accepted_or_refused(reply, f"for a {resource.unique} of {len(slug)} characters")


READS = 60


@verifies("errors/5xx/valid-requests-never-fail#reads")
def test_valid_reads_never_fail(platform: Platform) -> None:
    """Purpose: a valid request is served every time, not most of the time.
    Method: 1. send sixty valid reads; expect 2xx, and no error of a gateway either
            2. create an item that hides from others; expect no 5xx
    """
    operations = platform.operations("read")
    strict = replace(platform, http=replace(platform.http, retries_gateway_errors=False))
    for number in range(READS):
        expect_success(strict.as_role("full", operations[number % len(operations)]), "for a valid request")
    for resource in platform.resources:
        if resource.create and resource.item and resource.item.hidden_body:
            reply = platform.create(resource, platform.names.new(), members=resource.item.hidden_body)
            expect_no_server_error(reply, f"for a {resource.name} item that hides")


@dataclass
class Changeable:
    """A declared creation, or the update of an item that this check created."""

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
            self.slug = None  # It is unknown when this item is changed.
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
    """Purpose: an organization slug that resembles the caller's makes no service fail.
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
