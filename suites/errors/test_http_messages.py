"""Framing, content codings, ranges, dates and equivalent requests follow RFC 9110 and RFC 9112."""

from __future__ import annotations

import gzip
import math
import re
import time
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from conformance.clients.http import REDIRECTS
from conformance.clients.oauth.client import FORM_TYPE, bearer
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.dates import expect_http_date
from conformance.oracles.headers import expect_absent_headers, expect_end_after_head
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.equivalent_requests import equivalent_forms_of, sent_in_equivalent_form
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.sandbox.versions import DEMANDED, condition_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import field_of, worded

GZIP, MAGIC = ("gzip", "x-gzip"), b"\x1f\x8b"
REGISTERED = {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}
"""Other codings that IANA has registered (RFC 9110 section 8.4.1)."""


@verifies("errors/requests/equivalent-forms#chunked-body")
def test_chunked_creation_is_accepted(platform: Platform) -> None:
    """Purpose: a client library that streams a body does not know its length.
    Method: 1. send a declared creation in chunked transfer coding; 2. expect 2xx or 411
    """
    operation = platform.operations("create")[0]
    middle = len(operation.body) // 2
    parts = (operation.body[:middle], operation.body[middle:])
    fields = [operation.type_field, bearer(platform.oauth.token("full"))]
    reply = platform.http.send(operation.method, operation.path, fields, parts)
    slug = platform.slug_of(operation)
    if reply.ok and slug:
        platform.remember(operation.resource, slug)
    expect_status(reply, {411, *range(200, 300)}, f"for {operation} in chunks")


@verifies("errors/reads/content-coding-is-declared")
def test_content_coding_is_declared(platform: Platform) -> None:
    """Purpose: a client cannot read a compressed response that does not declare its coding.
    Method: 1. GET each declared resource and an unknown path with Accept-Encoding: gzip, and with deflate
            2. undo the codings in Content-Encoding; expect JSON where Content-Type declares it, and no gzip data
    """
    full = bearer(platform.oauth.token("full"))
    reads = [each.path for each in platform.operations("read") if each.method == "GET"]
    for path, coding in product((*reads, platform.nowhere()), ("gzip", "deflate")):
        reply = platform.http.get(path, [full, ("Accept-Encoding", coding)])
        content = decoded(reply)
        if content.startswith(MAGIC) or ("json" in reply.media_type and content and not is_json(reply, content)):
            expected = f"what Content-Type says ({reply.media_type}), or its coding declared"
            begins = "with a byte order mark" if content.startswith(BOM_UTF8) else worded(reply.body[:20])
            seen = f"{field_of(reply, 'Content-Encoding')}, and a body that begins {begins}"
            raise NonConformance(expected, seen, reply)


def decoded(reply: Exchange) -> bytes:
    """Return the content without its declared codings; NonConformance if it is not in them."""
    content = reply.body
    seen = [each.strip().lower() for each in (reply.headers.get("content-encoding") or "").split(",")]
    for coding in reversed([each for each in seen if each not in ("", "identity")]):
        if coding in REGISTERED and not is_json(reply, content):
            # RFC 9110 section 12.5.3 only recommends an accepted coding, and this response declares its coding.
            raise NotApplicable(f"{reply} is in {coding}, which was not accepted and is not read here")
        if coding not in (*GZIP, "deflate"):
            expected = "a coding that was applied, of those that are registered"
            raise NonConformance(expected, f"Content-Encoding: {coding}", reply)
        try:
            content = zlib.decompress(content) if coding == "deflate" else gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as failure:
            form = "in the zlib format of deflate" if coding == "deflate" else "in gzip, as Content-Encoding says"
            raise NonConformance(f"a body {form}", f"none: {failure}", reply) from None
    return content


def is_json(reply: Exchange, content: bytes) -> bool:
    """Return whether the content of a response is JSON."""
    try:
        replace(reply, body=content).json()
    except ValueError:
        return False
    return True


CLOCK_S, TICK_S = 900, 1


@verifies("errors/reads/dates")
def test_dates_are_http_dates(platform: Platform) -> None:
    """Purpose: caches compute with the dates of a response.
    Method: 1. GET each declared resource and item, and an unknown path
            2. expect Date in the IMF-fixdate format and near the time, and Last-Modified not later
    """
    reads = [each.path for each in platform.operations("read", "read-item") if each.method == "GET"]
    for path in (*reads, platform.nowhere()):
        reply = platform.http.get(path, [bearer(platform.oauth.token("full"))])
        now = time.time()
        if "date" in reply.headers:
            now = expect_http_date(reply, "Date", now, CLOCK_S)
        if "last-modified" in reply.headers:
            modified = expect_http_date(reply, "Last-Modified", 0, math.inf)
            if modified > now + TICK_S:
                seen = f"{modified - now:.0f} s later"
                raise NonConformance("a Last-Modified no later than the response", seen, reply)


PART_BYTES = 10
PART_RANGE = rf"bytes 0-{PART_BYTES - 1}/([0-9]+|\*)"


@verifies("errors/reads/partial-content")
def test_partial_response_is_206(platform: Platform) -> None:
    """Purpose: a client mistakes a part for the whole if the response does not mark it as a part.
    Method: 1. GET the first ten bytes of each item by Range, which a server may ignore
            2. expect 206 with these ten bytes and their Content-Range, or 200 with the whole
    """
    for operation in platform.operations("read-item"):
        reply = platform.as_role("full", operation, [("Range", f"bytes=0-{PART_BYTES - 1}")])
        found = reply.headers.get("content-range") or ""
        if reply.status == 206 and not (re.fullmatch(PART_RANGE, found) and len(reply.body) == PART_BYTES):
            expected = f"Content-Range: bytes 0-{PART_BYTES - 1}/…, and {PART_BYTES} bytes"
            raise NonConformance(expected, f"{field_of(reply, 'Content-Range')}, and {len(reply.body)} bytes", reply)
        if reply.status == 200 and len(reply.body) <= PART_BYTES < len(platform.as_role("full", operation).body):
            raise NonConformance("206 with the part, or 200 with all bytes", f"200 with {len(reply.body)} bytes", reply)


@verifies("errors/reads/no-unaccepted-coding")
@pytest.mark.parametrize("accepted", [case("identity", "identity"), case("gzip-with-weight-0", "gzip;q=0, identity")])
def test_no_content_coding_unless_accepted(platform: Platform, accepted: str) -> None:
    """Purpose: a client without decompression cannot read a compressed response.
    Method: 1. request a token, each declared resource and an unknown path with Accept-Encoding: identity, or gzip;q=0
            2. expect no Content-Encoding but identity
    """
    full, field = bearer(platform.oauth.token("full")), ("Accept-Encoding", accepted)
    replies = [platform.oauth.post(platform.oauth.form("full"), (FORM_TYPE, field))]
    for path in (*(each.path for each in platform.operations("read") if each.method == "GET"), platform.nowhere()):
        replies.append(platform.http.get(path, [full, field]))
    for reply in replies:
        if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
            expect_absent_headers(reply, ["content-encoding"], "where none is accepted")


@verifies("errors/requests/equivalent-forms")
@pytest.mark.parametrize(
    "spell",
    [
        case("accept-range", "{kind}/*".format),
        case("accept-weight", "text/plain;q=0.1, {media};q=0.9".format),
        case("accept-upper-case", lambda **seen: str(seen["media"]).upper()),
        case("accept-any", "image/webp, */*;q=0.8".format),
    ],
)
def test_any_form_of_accept_is_served(platform: Platform, spell: Callable[..., str]) -> None:
    """Purpose: client libraries write Accept in different forms.
    Method: 1. GET a declared resource with Accept as a range, weighted, in upper case, or with */*; 2. expect 2xx
    """
    operation, full = platform.operations("read")[0], bearer(platform.oauth.token("full"))
    plain = platform.http.get(operation.path, [full])
    expect_success(plain)
    if not plain.media_type:
        raise NotApplicable("the response has no Content-Type")
    accept = spell(media=plain.media_type, kind=plain.media_type.partition("/")[0])
    expect_success(platform.http.get(operation.path, [full, ("Accept", accept)]), f"under Accept: {accept}")


@verifies("errors/404/head-of-absent-resource")
def test_head_of_absent_resource_is_404(platform: Platform) -> None:
    """Purpose: a client that tests by HEAD whether a resource exists must not be misled.
    Method: 1. HEAD an absent resource of each kind, and an unknown path
            2. expect 404, 403, 405 or 501; for the unknown path a page of a portal passes
    """
    full = bearer(platform.oauth.token("full"))
    paths = [platform.absent_path(each) for each in platform.resources if each.item or each.absent]
    for path in [*paths, elsewhere := platform.nowhere()]:
        reply = platform.http.send("HEAD", path, [full])
        expect_status(reply, {403, 404, *NOT_OFFERED}, f"for HEAD {path}", or_page=path == elsewhere)


def raw_response(platform: Platform, wire: Wire, method: str, path: str, *fields: tuple[str, str]) -> Exchange:
    """Return the response to a request of the role full, with all bytes after its head."""
    return wire.ask(method, path, [bearer(platform.oauth.token("full")), *fields])


@verifies("errors/writes/204-has-no-length")
def test_204_has_no_content_length(platform: Platform, wire: Wire) -> None:
    """Purpose: a client that waits for the declared body of a 204 response reads the next response as that body.
    Method: 1. delete an item, and read until the connection ends
            2. after 204 expect no Content-Length, Transfer-Encoding or body
    """
    judged = False
    for resource in platform.resources_with("create", "item", "delete"):
        deletion = platform.operation(resource, "delete", platform.new_item(resource))
        present = platform.as_role("full", platform.operation(resource, "read-item", platform.slug_of(deletion)))
        reply = raw_response(platform, wire, deletion.method, deletion.path)
        if reply.status == DEMANDED:
            reply = raw_response(platform, wire, deletion.method, deletion.path, condition_of(present))
        if reply.status == 204:
            judged = True
            expect_absent_headers(reply, ["content-length", "transfer-encoding"], "in 204")
            expect_end_after_head(reply)
    if not judged:
        raise NotApplicable("no deletion is answered 204")


@verifies("errors/reads/head-and-304-have-no-body")
@pytest.mark.parametrize("method", [case("head", "HEAD"), case("not-modified", "GET")])
def test_head_and_304_have_no_body(platform: Platform, wire: Wire, method: str) -> None:
    """Purpose: a client reads an unexpected body as the next response.
    Method: 1. send HEAD to a declared resource, or read an item with its ETag in If-None-Match until 304
            2. expect nothing after the header section until the connection ends
    """
    if method == "HEAD":
        expect_end_after_head(raw_response(platform, wire, "HEAD", platform.operations("read")[0].path))
        return
    for read, first, _ in not_modified(platform):
        reply = raw_response(platform, wire, "GET", read.path, ("If-None-Match", first.headers.get("etag") or ""))
        if reply.status == 304:
            expect_end_after_head(reply)


SERVED = {*range(200, 300), *REDIRECTS}
"""A redirect may lead from an equivalent path to the normal one (RFC 9110 section 15.4)."""


@verifies("errors/requests/equivalent-forms")
@pytest.mark.parametrize("kind", KINDS)
def test_equivalent_requests_are_served(platform: Platform, kind: str) -> None:
    """Purpose: client libraries write equivalent requests in different forms.
    Method: 1. perform each operation with an encoded letter, a space in Accept, a charset, Content-Length: 0
            2. expect 2xx or a redirect to the plain path; else send each form separately to find the refused one
    """
    for resource in {each.resource.name: each.resource for each in platform.operations(kind)}.values():
        first = _new(platform, resource, kind)
        reply, words = sent_in_equivalent_form(platform, first), equivalent_forms_of(first)
        for word in () if reply.status in SERVED else words:
            operation = _new(platform, resource, kind)
            expect_status(
                sent_in_equivalent_form(platform, operation, forms=[word]), SERVED, f"for {operation} with {word}"
            )
        expect_status(reply, SERVED, f"for {first} with {' and '.join(words)}")


def _new(platform: Platform, resource: Resource, kind: str) -> Operation:
    """Return the operation; a deletion gets an item of its own."""
    slug = platform.new_item(resource) if kind == "delete" else None
    slug = platform.item(resource) if kind in ("read-item", "update") else slug
    return platform.operation(resource, kind, slug)


@verifies("errors/requests/media-type-forms")
@pytest.mark.parametrize(
    "spell",
    [
        case("charset", "{0}; charset=utf-8".format),
        case("quoted-charset", '{0};charset="UTF-8"'.format),
        case("blank-before", "{0} ; charset=utf-8".format),
        case("upper-case", str.title),
    ],
)
def test_media_type_is_recognized_in_any_form(platform: Platform, spell: Callable[[str], str]) -> None:
    """Purpose: client libraries add a charset to the media type, or write it in another case.
    Method: 1. send each declared creation and update with its type in that form (RFC 9110 section 5.6.6); 2. expect 2xx
    """
    for operation in platform.operations("create", "update"):
        content_type = spell(operation.content_type)
        reply = platform.with_body(operation, operation.body, [("Content-Type", content_type)])
        expect_success(reply, f"for {operation} as {content_type}")
