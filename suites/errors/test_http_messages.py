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
from conformance.oracles.headers import expect_absent_headers, expect_bare
from conformance.oracles.proofs import field_lacks, field_matches
from conformance.oracles.status import (
    NOT_OFFERED,
    expect_status,
    expect_success,
)
from conformance.sandbox.equivalent_requests import said_otherwise, words_of
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.sandbox.versions import DEMANDED, condition_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import field_of, worded

GZIP, MAGIC = ("gzip", "x-gzip"), b"\x1f\x8b"
REGISTERED = {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}
"""The others that IANA has registered (RFC 9110 section 8.4.1)."""


@verifies("errors/requests/equivalent-forms#chunked-body")
def test_chunked_is_read(platform: Platform) -> None:
    """Purpose: a client library that does not know the length of a body beforehand is served too.

    Method: 1. send a declared create in chunked transfer coding
            2. expect 2xx, or 411
    """
    operation = platform.operations("create")[0]
    middle = len(operation.body) // 2
    parts = (operation.body[:middle], operation.body[middle:])
    reply = platform.http.send(
        operation.method, operation.path, [operation.type_field, bearer(platform.oauth.token("full"))], parts
    )
    slug = platform.slug_of(operation)
    if reply.ok and slug:
        platform.remember(operation.resource, slug)
    expect_status(reply, {411, *range(200, 300)}, f"for {operation} in chunks")


@verifies("errors/reads/content-coding-is-declared")
def test_content_coding_is_told(platform: Platform) -> None:
    """Purpose: what client libraries ask for, an answer compressed by gzip, can be read by what it says of itself.

    Method: 1. ask for each declared resource (some compress long answers alone), and for a path that names nothing,
               with Accept-Encoding: gzip, and with deflate
            2. take off the codings that Content-Encoding names; expect JSON where Content-Type says so, and nothing
               that gzip has made; another coding is not judged
    """
    full = bearer(platform.oauth.token("full"))
    reads = [each.path for each in platform.operations("read") if each.method == "GET"]
    for path, coding in product((*reads, platform.nowhere()), ("gzip", "deflate")):
        reply = platform.http.get(path, [full, ("Accept-Encoding", coding)])
        content = decoded(reply)
        if content.startswith(MAGIC) or ("json" in reply.media_type and content and not is_json(reply, content)):
            expected = f"what Content-Type says ({reply.media_type}), or its coding told"
            begins = "with a byte order mark" if content.startswith(BOM_UTF8) else worded(reply.body[:20])
            told = f"{field_of(reply, 'Content-Encoding')}, and a body that begins {begins}"
            raise NonConformance(expected, told, reply, proof=_begins_as_json(reply))


def decoded(reply: Exchange) -> bytes:
    """The content without the codings that it is said to be in; NonConformance where it is in none such."""
    content = reply.body
    told = [each.strip().lower() for each in (reply.headers.get("content-encoding") or "").split(",")]
    for coding in reversed([each for each in told if each not in ("", "identity")]):
        if coding in REGISTERED and not is_json(reply, content):
            # Section 12.5.3 only recommends a coding that was asked for, and of what is sent that way all is told.
            raise NotApplicable(f"{reply} is in {coding}, which was not asked for and is not read here")
        if coding not in (*GZIP, "deflate"):
            wanted = "a coding that was applied, of those that are registered"
            proof = field_lacks(reply, "Content-Encoding", reply.headers.get("content-encoding") or "")
            raise NonConformance(wanted, f"Content-Encoding: {coding}", reply, proof=proof)
        try:
            content = zlib.decompress(content) if coding == "deflate" else gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as failure:
            form = (
                "in the zlib format, as deflate means" if coding == "deflate" else "in gzip, as Content-Encoding says"
            )
            wanted, told_so = f"a body {form}", f"none: {failure}"
            raise NonConformance(wanted, told_so, reply, proof=_begins_as_json(reply)) from None
    return content


def _begins_as_json(reply: Exchange) -> Proof | None:
    """Without its coding the answer would begin as JSON does, where it says that it is."""
    return Proof(reply.id, matches='^ *[]{["0-9tfn-]') if "json" in reply.media_type else None


def is_json(reply: Exchange, content: bytes) -> bool:
    """Whether the content of an answer is JSON."""
    try:
        replace(reply, body=content).json()
    except ValueError:
        return False
    return True


CLOCK_S, TICK_S = 900, 1


@verifies("errors/reads/dates")
def test_dates_are_dates(platform: Platform) -> None:
    """Purpose: caches, and clients that ask whether a thing has changed, reckon with the dates that they are told.

    Method: 1. read each declared resource, and each item; ask for a path that names nothing
            2. where there is a Date, expect one in the form that senders use, near the time; where there is a
               Last-Modified, one in that form that is no later (RFC 9110 section 8.8.2.1)
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
                told = f"{modified - now:.0f} s later"
                raise NonConformance("a Last-Modified no later than the answer", told, reply)


PART = 10
OF_PART = rf"bytes 0-{PART - 1}/([0-9]+|\*)"


@verifies("errors/reads/partial-content")
def test_part_is_told_as_part(platform: Platform) -> None:
    """Purpose: who asks for a part, and is not told that it has one, takes the part for the whole.

    Method: 1. ask for the first ten bytes of each item, by Range, which a server MAY ignore
            2. of 206, expect Content-Range with these bytes and a body of that length; of 200, more than that, where
               the whole has more
    """
    for operation in platform.operations("read-item"):
        reply = platform.as_role("full", operation, [("Range", f"bytes=0-{PART - 1}")])
        told = reply.headers.get("content-range") or ""
        if reply.status == 206 and not (re.fullmatch(OF_PART, told) and len(reply.body) == PART):
            expected = f"Content-Range: bytes 0-{PART - 1}/…, and {PART} bytes"
            proof = field_matches(reply, "Content-Range", f"^{OF_PART}$")
            seen = f"{field_of(reply, 'Content-Range')}, and {len(reply.body)} bytes"
            raise NonConformance(expected, seen, reply, proof=proof)
        if reply.status == 200 and len(reply.body) <= PART < len(platform.as_role("full", operation).body):
            seen = f"200 with {len(reply.body)} bytes"
            raise NonConformance("206 for a part, or all of it", seen, reply, proof=Proof(reply.id, statuses=(206,)))


@verifies("errors/reads/no-unaccepted-coding")
@pytest.mark.parametrize("accepted", [case("identity", "identity"), case("gzip-with-weight-0", "gzip;q=0, identity")])
def test_no_coding_where_none_is_accepted(platform: Platform, accepted: str) -> None:
    """Purpose: a client that can undo no compression is sent what it can read.

    Method: 1. ask for a token, for each declared resource, and for a path that names nothing, with
               Accept-Encoding: identity, and with one that names gzip as what is not acceptable
            2. expect no Content-Encoding, or that of identity
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
    "written",
    [
        case("accept-range", "{kind}/*".format),
        case("accept-weight", "text/plain;q=0.1, {media};q=0.9".format),
        case("accept-upper-case", lambda **told: str(told["media"]).upper()),
        case("accept-any", "image/webp, */*;q=0.8".format),
    ],
)
def test_any_form_of_accept_is_read(platform: Platform, written: Callable[..., str]) -> None:
    """Purpose: who would take what there is, is given it, in whatever form its library says so.

    Method: 1. read a declared resource; read it again with Accept: its media type as a range of all of that kind, with
               a weight behind it and a weaker one before it, and in capitals; and with one that takes anything
            2. expect 2xx, as before
    """
    operation, full = platform.operations("read")[0], bearer(platform.oauth.token("full"))
    plain = platform.http.get(operation.path, [full])
    expect_success(plain)
    if not plain.media_type:
        raise NotApplicable("the answer has no Content-Type")
    accept = written(media=plain.media_type, kind=plain.media_type.partition("/")[0])
    expect_success(platform.http.get(operation.path, [full, ("Accept", accept)]), f"under Accept: {accept}")


@verifies("errors/404/head-of-absent-resource")
def test_head_of_what_is_absent(platform: Platform) -> None:
    """Purpose: who asks by HEAD whether a thing is there is not told that it is.

    Method: 1. HEAD a thing of each kind that never existed, and a path that names nothing
            2. expect 404 (403 where all that is not the caller's is; 405 or 501 where there is no HEAD); of the last
               the head of a page will do, as a portal may show where no service is
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
def test_no_content_has_no_length(platform: Platform, wire: Wire) -> None:
    """Purpose: 204 ends with its head: a reader waits for a length that is told, and takes for the next what comes.

    Method: 1. delete an item, and read what comes until the connection ends
            2. expect no Content-Length and no Transfer-Encoding, nor anything behind the head, if it is 204
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
            expect_bare(reply)
    if not judged:
        raise NotApplicable("no deletion is answered 204")


@verifies("errors/reads/head-and-304-have-no-body")
@pytest.mark.parametrize("how", [case("head", "HEAD"), case("not-modified", "GET")])
def test_head_and_304_end_with_their_head(platform: Platform, wire: Wire, how: str) -> None:
    """Purpose: what comes behind an answer that has no content is not taken for the next answer.

    Method: 1. send HEAD to a declared resource; read an item on condition that it does not match the ETag which it has,
               where that is answered 304
            2. read what comes until the connection ends: expect nothing behind the head
    """
    if how == "HEAD":
        expect_bare(raw_response(platform, wire, "HEAD", platform.operations("read")[0].path))
        return
    for read, first, _ in not_modified(platform):
        reply = raw_response(platform, wire, "GET", read.path, ("If-None-Match", first.headers.get("etag") or ""))
        if reply.status == 304:
            expect_bare(reply)


SERVED = {*range(200, 300), *REDIRECTS}
"""A path in another spelling may be led to its plain one (RFC 9110 section 15.4)."""


@verifies("errors/requests/equivalent-forms")
@pytest.mark.parametrize("kind", [case(name, name) for name in KINDS])
def test_said_otherwise_is_served(platform: Platform, kind: str) -> None:
    """Purpose: each client library has its own way to write what all of them mean, and each is served.

    Method: 1. perform each declared operation with a letter of the item's name encoded, with a blank in Accept before
               its comma, with a charset behind the type of a body, with Content-Length: 0 for a deletion, all at once
            2. expect 2xx, or to be led to the plain path; where it is not, ask with each of them alone, to tell which
    """
    for resource in {each.resource.name: each.resource for each in platform.operations(kind)}.values():
        first = _new(platform, resource, kind)
        reply, words = said_otherwise(platform, first), words_of(first)
        for word in () if reply.status in SERVED else words:
            operation = _new(platform, resource, kind)
            expect_status(said_otherwise(platform, operation, words=[word]), SERVED, f"for {operation} with {word}")
        expect_status(reply, SERVED, f"for {first} with {' and '.join(words)}")


def _new(platform: Platform, resource: Resource, kind: str) -> Operation:
    """The operation, on an item that nothing else needs where it is a deletion."""
    slug = platform.new_item(resource) if kind == "delete" else None
    slug = platform.item(resource) if kind in ("read-item", "update") else slug
    return platform.operation(resource, kind, slug)


@verifies("errors/requests/media-type-forms")
@pytest.mark.parametrize(
    "written",
    [
        case("charset", "{0}; charset=utf-8".format),
        case("quoted-charset", '{0};charset="UTF-8"'.format),
        case("blank-before", "{0} ; charset=utf-8".format),
        case("upper-case", str.title),
    ],
)
def test_media_type_is_known_in_any_form(platform: Platform, written: Callable[[str], str]) -> None:
    """Purpose: what client libraries write behind the name of the media type, and in which case, keeps no write out.

    Method: 1. send each declared create and update as its type (application/json) with charset=utf-8, without the
               blank and with quotation marks, with a blank before (RFC 9110 section 5.6.6), and in other case
            2. expect 2xx
    """
    token = platform.oauth.token("full")
    for operation in platform.operations("create", "update"):
        content_type = written(operation.content_type)
        fields = [("Content-Type", content_type), bearer(token)]
        reply = platform.request(operation.method, operation.path, fields, operation.body)
        slug = platform.slug_of(operation)
        if operation.kind == "create" and reply.ok and slug:
            platform.remember(operation.resource, slug)
        expect_success(reply, f"for {operation} as {content_type}")
