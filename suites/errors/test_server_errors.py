"""No header field, body or name causes a 5xx response, and valid requests never fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success, refused_in_front
from conformance.sandbox.platform import JSON_TYPE, Platform
from conformance.vocabulary.check import case, verifies

writes = pytest.mark.parametrize("kind", [case("create", "create"), case("update", "update")])
HOSTILE_HEADERS: dict[str, list[tuple[str, str | bytes]]] = {
    "accept": [("Accept", "application/xml;q=x, */*;q=-1")], "range": [("Range", "bytes=-0,5-2")],
    "if-match": [("If-Match", '"')], "if-none-match": [("If-None-Match", 'W/"')],
    "if-modified-since": [("If-Modified-Since", "yesterday")], "content-encoding": [("Content-Encoding", "gzip")],
    "accept-language": [("Accept-Language", "*" * 3000)], "cookie": [("Cookie", "=;;=")],
    "many": [(f"X-Cf-{n}", "x") for n in range(60)],
    "non-ascii": [("X-Cf", b"\xff\xfe")], "forwarded": [("X-Forwarded-Host", "cf\\"), ("X-Forwarded-Proto",
    "gopher")],
    "expect": [("Expect", "cf-unknown")], "te": [("TE", "cf")], "content-type": [("Content-Type",
    "application/json")],
    "of-fronts": [("X-Forwarded-For", "cf, ::zz"), ("X-Forwarded-Port", "cf"), ("Forwarded", "for=;;"),
                  ("X-Request-Id", "x" * 300), ("traceparent", "00-zz")],
    "of-clients": [("Origin", "null"), ("Referer", "cf"), ("Accept-Encoding", "identity;q=x"),
                   ("If-Unmodified-Since", "yesterday"), ("Idempotency-Key", "x" * 300)],
    "of-programs": [("Accept", "cf"), ("User-Agent", ""), ("Accept-Charset", "cf;q=x"), ("If-Range", '"'),
                    ("Date", "yesterday"), ("Prefer", "=;"), ("baggage", "=;,"), ("Max-Forwards", "x")],
}  # fmt: skip


@verifies("errors/5xx/hostile-headers-are-no-server-error")
@pytest.mark.parametrize("name", [case(name, name) for name in HOSTILE_HEADERS])
def test_hostile_headers_are_no_server_error(platform: Platform, name: str) -> None:
    """Purpose: no header field makes the service fail.

    Method: 1. read each declared resource under a field that is malformed, long or contradictory
            2. expect no 5xx, and the plain request to be served afterwards
    """
    operations = platform.operations("read")
    for operation in operations:
        reply = platform.as_role("full", operation, HOSTILE_HEADERS[name])
        expect_no_server_error(reply, f"for {operation}")
    expect_success(platform.as_role("full", operations[0]), "for the plain request afterwards")


HOSTILE_CONDITIONS = {
    "update-if-match": ("If-Match", '"cf'), "update-if-none-match": ("If-None-Match", ","),
    "update-if-unmodified-since": ("If-Unmodified-Since", "Thu, 99 Foo 2026 99:99:99 GMT"),
}  # fmt: skip


@verifies("errors/5xx/hostile-headers-are-no-server-error")
@pytest.mark.parametrize("field", [case(name, field) for name, field in HOSTILE_CONDITIONS.items()])
def test_hostile_conditions_are_no_server_error(platform: Platform, field: tuple[str, str]) -> None:
    """Purpose: nor does a condition of a write, which is read where the others are not.

    Method: 1. send each declared update under a condition that cannot be read
            2. expect no 5xx, and the item to be read afterwards
    """
    for operation in platform.operations("update"):
        expect_no_server_error(platform.as_role("full", operation, [field]), f"for {operation}")
        read = platform.operation(operation.resource, "read-item", platform.slug_of(operation))
        expect_success(platform.as_role("full", read), "for the item afterwards")


UNREADABLE: dict[str, list[tuple[str, str | bytes]]] = {
    "create-of-no-type": [], "update-of-no-type": [], "update-of-half-a-type": [("Content-Type", "json")],
    "update-of-no-charset-that-is": [("Content-Type", "application/json; charset=cf")],
    "update-of-parts-without-boundary": [("Content-Type", "multipart/form-data")],
    "update-in-no-such-coding": [JSON_TYPE, ("Content-Encoding", "gzip")],
}  # fmt: skip


@verifies("errors/5xx/hostile-headers-are-no-server-error")
@pytest.mark.parametrize("name", [case(name, name) for name in UNREADABLE])
def test_body_of_no_such_type_is_no_server_error(platform: Platform, name: str) -> None:
    """Purpose: nor does a body of which nobody says what it is, or which is not what it is said to be.

    Method: 1. send each declared create or update without a Content-Type; the update as half a type, in a charset that
               nobody knows, as parts without a boundary, in a coding that it is not in
            2. expect no 5xx: a service may take it for JSON, or refuse it
    """
    kind = name.partition("-")[0]
    for operation in platform.operations(kind):
        fields = [*UNREADABLE[name], bearer(platform.oauth.token("full"))]
        reply = platform.request(operation.method, operation.path, fields, operation.body)
        slug = platform.slug_of(operation)
        if kind == "create" and reply.ok and slug:
            platform.remember(operation.resource, slug)
        expect_no_server_error(reply, f"for {operation}, {name}")


@verifies("errors/5xx/hostile-headers-are-no-server-error")
@pytest.mark.parametrize("kind", [case(f"{kind}-by-half-a-field", kind) for kind in ("create", "update", "delete")])
def test_half_a_field_is_no_server_error(platform: Platform, kind: str) -> None:
    """Purpose: nor does a field that says how a caller proves who it is, and has nothing behind that.

    Method: 1. send each declared change under Authorization: Bearer, without a token
            2. expect no 5xx
    """
    for operation in platform.operations(kind):
        fields = [*operation.headers, ("Authorization", "Bearer")]
        reply = platform.request(operation.method, operation.path, fields, operation.body)
        expect_no_server_error(reply, f"for {operation} under Authorization: Bearer")


HEAVY = {
    "deep-array": b"[" * 100_000, "deep-object": b'{"a":' * 50_000,
    "1-mb-text": b'{"name": "' + b"x" * 1_000_000 + b'"}',
    "many-members": b"{" + b",".join(b'"m%d": 1' % n for n in range(20_000)) + b"}",
    "huge-number": b'{"version": 1e400, "name": ' + b"9" * 20_000 + b"}",
    "byte-order-mark": b'\xef\xbb\xbf{"name": "x"}',
    "lone-surrogate": b'{"name": "\\ud800"}', "nul": b'{"name": "a\\u0000b"}',
}  # fmt: skip


@verifies("errors/5xx/heavy-bodies-are-no-server-error")
@writes
@pytest.mark.parametrize("body", [case(name, value) for name, value in HEAVY.items()])
def test_heavy_bodies_are_no_server_error(platform: Platform, kind: str, body: bytes) -> None:
    """Purpose: no body makes the service fail, however deep or long.

    Method: 1. send each declared create and update with a body that is nested deeply, very long, or hardly text
            2. expect a 4xx, and the owner to find nothing changed; or 2xx, where such texts and members are taken; 409
               for a name that something else has; a firewall's page for what reads like an attack
    """
    taken = {409} if kind == "create" else set()
    for operation in platform.operations(kind):
        before = platform.state(operation)
        reply = platform.request(
            operation.method, operation.path, [operation.type_field, bearer(platform.oauth.token("full"))], body
        )
        if not refused_in_front(reply):
            expect_status(reply, {400, 413, 422, *taken, *range(200, 300)}, f"for {operation}")
        if not reply.ok:
            expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/5xx/heavy-bodies-are-no-server-error")
@pytest.mark.parametrize("length", [case("long-name-create", 300)])
def test_long_name_is_no_server_error(platform: Platform, length: int) -> None:
    """Purpose: nor does a name that is longer than a column.

    Method: 1. send each declared create with a unique member that goes on for 300 characters
            2. expect a 4xx, or 2xx where such names are taken
    """
    for resource in platform.resources_with("create", "unique"):
        slug = platform.names.new() + "x" * length
        reply = platform.create(resource, slug)
        expect_status(reply, {400, 413, 422, *range(200, 300)}, f"for a {resource.unique} of {len(slug)} characters")


TIMES = 60


@verifies("errors/5xx/good-requests-never-fail")
def test_good_requests_never_fail(platform: Platform) -> None:
    """Purpose: a good request is served, not now and then, but every time.

    Method: 1. send sixty good reads
            2. expect 2xx for each, also in the moment in which a gateway reaches no service
            3. create an item that hides from others, of each resource that has such: expect no 5xx
    """
    operations = platform.operations("read")
    strict = replace(platform, http=replace(platform.http, forgives=False))
    for number in range(TIMES):
        expect_success(strict.as_role("full", operations[number % len(operations)]), "for a good request")
    for resource in platform.resources:
        if resource.create and resource.item and resource.item.hidden_body:
            reply = platform.create(resource, platform.names.new(), members=resource.item.hidden_body)
            expect_no_server_error(reply, f"for a {resource.name} item that hides")
