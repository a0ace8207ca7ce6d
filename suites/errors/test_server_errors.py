"""No header field, body or name causes a 5xx response, and valid requests never fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import (
    expect_accepted_or_refused,
    expect_no_server_error,
    expect_success,
    refused_in_front,
)
from conformance.sandbox.platform import JSON_TYPE, Platform
from conformance.vocabulary.check import case, verifies

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
    Method: 1. send each declared read, creation or update with a malformed, long or contradictory field, condition,
               media type or coding
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
@pytest.mark.parametrize("kind", [case("create", "create"), case("update", "update")])
@pytest.mark.parametrize("body", [case(name, value) for name, value in HEAVY.items()])
def test_heavy_body_is_no_server_error(platform: Platform, kind: str, body: bytes) -> None:
    """Purpose: a body that is deep, long or hardly text is refused, not a failure.
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
    strict = replace(platform, http=replace(platform.http, forgives=False))
    for number in range(READS):
        expect_success(strict.as_role("full", operations[number % len(operations)]), "for a valid request")
    for resource in platform.resources:
        if resource.create and resource.item and resource.item.hidden_body:
            reply = platform.create(resource, platform.names.new(), members=resource.item.hidden_body)
            expect_no_server_error(reply, f"for a {resource.name} item that hides")
