"""Presigned URLs: which are served, which are refused, and what can be sent with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.clients.s3.client import by_clock_of, minutes_off
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_documents import expect_keys
from conformance.oracles.s3_errors import (
    REFUSED,
    expect_error_document,
    expect_no_error_inside,
    expect_refusal,
    require,
)
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_no_longer,
    expect_nothing_stored,
    expect_range_or_whole,
    expect_stored,
)
from conformance.oracles.s3_pages import first_with_entry
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success, unlike_field
from conformance.sandbox.bucket_prefix import Space, id_of_upload
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange

EARLIER = b"the earlier object"
FIELDS = {"Content-Type": "text/csv", "x-amz-meta-owner": "alice"}
COPY_SOURCE, OWNER, TAGS, ADDED = "x-amz-copy-source", "x-amz-meta-owner", "x-amz-tagging", "x-amz-meta-added"
BAD_SIGNATURE = {"AccessDenied", "SignatureDoesNotMatch"}
A_DAY = 24 * 60


@verifies("storage/presigned/get-is-served")
@pytest.mark.parametrize(
    ("method", "expires", "age"),
    [
        case("a-minute", "GET", "60", 0),
        case("a-second-short-of-a-week", "GET", "604799", 0),
        case("a-week", "GET", "604800", 0),
        case("half-an-hour-old", "GET", "3600", 30),
        case("head", "HEAD", "3600", 0),
    ],
)
def test_presigned_url_is_served(space: Space, method: str, expires: str, age: int) -> None:
    """Purpose: a client with a presigned URL reads the object without credentials, until the URL expires.
    Method: 1. presign a GET or HEAD as of now by the target's clock, or half an hour ago; send it without credentials
            2. expect 200, the header fields of the object, and of GET its bytes
    """
    put = require(space.put(key := space.key(), b"shared by URL", FIELDS), "objects")
    signing = minutes_off(-age) if age else by_clock_of(put)
    reply = space.s3.send_as_is(space.s3.presign(space.request(method, key), expires, signing))

    expect_status(reply, 200)
    expect_headers(reply, FIELDS)
    if method == "GET":
        expect_bytes(reply, b"shared by URL")


@verifies("storage/presigned/get-is-served#javascript-sdk")
def test_url_of_the_javascript_sdk_is_served(space: Space) -> None:
    """Purpose: the SDK for JavaScript sorts the query, signature included, and adds X-Amz-Content-Sha256 to it.
    Method: 1. presign a GET so, send it with the query sorted, then with If-None-Match; 2. expect the object, then 304
    """
    extra = {"X-Amz-Content-Sha256": UNSIGNED, "response-cache-control": "no-cache", "x-id": "GetObject"}
    url = space.s3.presign(space.request("GET", space.stored(b"by URL"), extra))
    url = replace(url, query=tuple(sorted(url.query)))

    expect_bytes(reply := space.s3.send_as_is(url), b"by URL")
    expect_status(space.s3.send_as_is(url.with_header("If-None-Match", expect_etag(reply))), 304)


@pytest.mark.parametrize(
    "name",
    [
        row("storage/presigned/put-is-served", "object"),
        row("storage/presigned/put-is-served#of-an-encoded-key", "a b+c/é%20(d)"),
    ],
)
def test_presigned_put_is_served(space: Space, name: str) -> None:
    """Purpose: a client with a presigned URL for PUT can upload that object, whatever its key.
    Method: 1. presign a PUT, also of a key that needs percent-encoding; send a body; 2. expect 2xx, the bytes from GET
    """
    url = space.s3.presign(space.request("PUT", key := space.prefix() + name))

    expect_success(space.s3.send_as_is(replace(url, body=b"uploaded by URL")))
    expect_bytes(space.get(key), b"uploaded by URL")


@verifies("storage/presigned/other-operations-are-served")
def test_other_operations_are_served(space: Space) -> None:
    """Purpose: any request can be presigned, also a listing or a deletion.
    Method: 1. put an object; presign a listing of it, and its deletion; send both
            2. expect the listing with its key, then 2xx, and the object deleted
    """
    key = space.stored(b"to be deleted")

    def by_url(request: Request) -> Exchange:
        return space.s3.send_as_is(space.s3.presign(request))

    def listed(token: str) -> Exchange:
        extra = {"continuation-token": token} if token else {}
        return by_url(space.request("GET", query={"list-type": "2", "prefix": key, **extra}))

    page, deleted = first_with_entry(listed), by_url(space.request("DELETE", key))

    expect_keys(page, [key])
    expect_success(deleted)
    expect_status(space.get(key), 404, "for an object that was deleted by a URL")


@verifies("storage/presigned/part-is-served")
def test_presigned_part_is_served(space: Space) -> None:
    """Purpose: a browser uploads a large file part by part, each to a presigned URL.
    Method: 1. open an upload by a URL, presign a part of it; send it as another part, expect 403 (400, 401)
            2. send it as it was signed, complete; expect the bytes
    """
    opened = space.s3.send_as_is(space.s3.presign(space.request("POST", key := space.key(), {"uploads": ""})))
    expect_success(opened, "for a presigned CreateMultipartUpload")
    upload = id_of_upload(opened)
    url = space.s3.presign(space.request("PUT", key, {"partNumber": "1", "uploadId": upload}))
    another = replace(url, query=(("partNumber", "2"), *url.query[1:]), body=b"intruder")
    expect_status(space.s3.send_as_is(another), REFUSED, "for another part than the one that was signed")
    reply = space.s3.send_as_is(replace(url, body=b"uploaded by URL"))

    expect_success(reply)
    expect_no_error_inside(space.complete(key, upload, [(1, expect_etag(reply))]))
    expect_bytes(space.get(key), b"uploaded by URL")


@verifies("storage/presigned/range-is-served")
def test_range_of_a_url_is_served(space: Space) -> None:
    """Purpose: a media player requests ranges of a presigned URL, though Range was not signed.
    Method: 1. presign a GET, send it with a Range; 2. expect the range with 206, or the whole with 200
    """
    key = space.stored(b"a film")
    reply = space.s3.send_as_is(space.s3.presign(space.request("GET", key)).with_header("Range", "bytes=2-5"))

    expect_range_or_whole(reply, b"a film", 2, 5)


@pytest.mark.parametrize(
    ("changes", "day", "codes"),
    [
        row("storage/presigned/wrong-secret-is-refused", {"secret_key": "not-the-secret"}, None, BAD_SIGNATURE),
        row("storage/presigned/wrong-scope-is-refused#service", {"service": "ec2"}, None, ()),
        row("storage/presigned/wrong-scope-is-refused#date", {}, -1, ()),
    ],
)
def test_url_of_another_secret_or_scope_is_refused(
    space: Space, changes: dict[str, str], day: int | None, codes: set[str]
) -> None:
    """Purpose: a URL signed with another secret, or for another service or day, gives no access.
    Method: 1. presign a GET and a PUT with a wrong secret, or rightly for another scope; send both
            2. expect 403 (400, 401), and the object as it was
    """
    key, other = space.stored(EARLIER), space.s3.with_keys(**changes)
    signing = None if day is None else Signing(scope_date=minutes_off(A_DAY * day).timestamp()[:8])
    for method, body in (("GET", b""), ("PUT", b"intruder")):
        url = other.presign(other.request(method, space.name, key), signing=signing)

        expect_refusal(other.send_as_is(replace(url, body=body)), REFUSED, codes)
    expect_stored(space.get(key), EARLIER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        row("storage/presigned/signed-fields-are-served", "", ""),
        row("storage/presigned/signed-fields-are-checked#type-changed", "Content-Type", "text/html"),
        row("storage/presigned/signed-fields-are-checked#metadata-changed", OWNER, "mallory"),
        row("storage/presigned/signed-fields-are-checked#metadata-left-out", OWNER, ""),
    ],
)
def test_signed_fields_are_served_and_checked(space: Space, name: str, value: str) -> None:
    """Purpose: a presigned URL may fix the type and the metadata of the object to be uploaded.
    Method: 1. presign a PUT with a Content-Type and metadata, send it with them, with another value or without one
            2. expect 2xx and both with the object; if one was altered 403 (400, 401), and the object as it was
    """
    key = space.stored(EARLIER)
    url = replace(space.s3.presign(space.request("PUT", key, headers=FIELDS)), body=b"a,b")
    reply = space.s3.send_as_is(url.with_header(name, value) if value else url.without(name))

    if not name:
        expect_success(reply)
        expect_headers(space.head(key), FIELDS)
        return
    expect_status(reply, REFUSED)
    expect_stored(space.get(key), EARLIER)


@verifies("storage/conditional-write/existing-object-is-not-overwritten#by-url")
def test_url_that_creates_does_not_overwrite(space: Space) -> None:
    """Purpose: a URL for creating an object must not overwrite an existing one.
    Method: 1. put an object; presign a PUT to its key with If-None-Match: * among the signed fields, send it
            2. expect 412 PreconditionFailed, and the old bytes
    """
    url = space.s3.presign(space.request("PUT", key := space.stored(EARLIER), headers={"If-None-Match": "*"}))

    reply = space.s3.send_as_is(replace(url, body=b"intruder"))
    expect_refusal(reply, 412, {"PreconditionFailed", "ConditionalRequestConflict"})
    expect_stored(space.get(key), EARLIER)


@verifies("storage/presigned/unsigned-fields-are-not-obeyed")
@pytest.mark.parametrize("name", [case("copy-source", COPY_SOURCE), case("metadata", OWNER), case("tags", TAGS)])
def test_unsigned_fields_are_not_obeyed(space: Space, name: str) -> None:
    """Purpose: a URL for uploading one object cannot be used to copy another, or to set metadata or tags.
    Method: 1. presign a PUT, send it with a body (none with x-amz-copy-source) and an x-amz- field that was not signed
            2. expect 403 (400, 401) and nothing stored, or the body stored as if the field were absent
    """
    source, key = space.readable(b"of others"), space.key()
    values = {COPY_SOURCE: f"/{space.name}/{source}", OWNER: "mallory", TAGS: "by=mallory"}
    body = b"" if name == COPY_SOURCE else b"uploaded by URL"
    url = replace(space.s3.presign(space.request("PUT", key)), body=body)

    reply = space.s3.send_as_is(url.with_header(name, values[name]))
    got = space.get(key)

    if reply.ok:
        expect_bytes(got, body)
        expect_absent_headers(got, [OWNER, f"{TAGS}-count"], "that was not signed")
    else:
        expect_status(reply, {*REFUSED, 501} if name == TAGS else REFUSED)
        expect_nothing_stored(got)


@verifies("storage/presigned/response-parameters-set-headers#presigned-get")
def test_response_parameters_of_a_url(space: Space) -> None:
    """Purpose: a presigned GET may choose how a browser saves the object.
    Method: 1. put an object with header fields, presign a GET with response-content-type and the like
            2. expect the chosen fields instead of the object's, and not in the next response
    """
    own = {"Content-Type": "text/plain", "Cache-Control": "no-cache", "Content-Disposition": "inline"}
    key = space.stored(b"a,b\n", {**own, "Expires": "Wed, 21 Oct 2015 07:28:00 GMT"})
    chosen = {
        "content-type": "text/csv",
        "content-disposition": 'attachment; filename="a.csv"',
        "content-language": "de-CH",
        "cache-control": "no-store",
        "expires": "Thu, 01 Dec 2044 16:00:00 GMT",
    }
    query = {f"response-{name}": value for name, value in chosen.items()}
    reply = space.s3.send_as_is(space.s3.presign(space.request("GET", key, query)))

    expect_bytes(reply, b"a,b\n")
    expect_headers(reply, chosen)
    expect_no_longer(space.get(key), chosen, "that another request chose")


@verifies("storage/presigned/response-parameters-set-headers")
@pytest.mark.parametrize(
    ("method", "fields", "exists"),
    [
        case("head", "HEAD", {}, True),
        case("range", "GET", {"Range": "bytes=0-2"}, True),
        case("not-in-errors", "GET", {}, False),
    ],
)
def test_response_parameters_of_other_responses(
    space: Space, method: str, fields: dict[str, str], exists: bool
) -> None:
    """Purpose: a browser sees the chosen type also in HEAD and in ranges, and never renders an error as a page.
    Method: 1. HEAD an object, GET a range of it, or GET a missing key with response-content-type=text/html
            2. expect that type; for the missing key 404 with an S3 error document, as application/xml
    """
    chosen = {"content-type": "text/html", "content-encoding": "br"}
    query = {f"response-{name}": value for name, value in chosen.items()}
    key = space.stored(b"a,b\n", {"Content-Type": "text/plain"}) if exists else space.key("missing")
    reply = space.call(method, key, query, fields)

    if exists:
        expect_status(reply, {200, 206})
        expect_headers(reply, chosen)
        return
    expect_refusal(reply, 404, {"NoSuchKey"})
    expect_error_document(reply)


@verifies("storage/presigned/response-parameters-add-no-headers")
def test_response_parameters_add_no_headers(space: Space) -> None:
    """Purpose: a file name chosen by an attacker must not inject header fields into the response.
    Method: 1. presign a GET whose response-content-disposition has a line end and another field after it, send it
            2. expect no such field in the response, and the object or a refusal
    """
    key = space.stored(b"a file")
    chosen = {"response-content-disposition": f'attachment; filename="a"\r\n{ADDED}: yes'}
    reply = space.s3.send_as_is(space.s3.presign(space.request("GET", key, chosen)))

    if ADDED in reply.headers:
        raise unlike_field(f"no {ADDED}, which follows a line end in a query parameter", reply, ADDED)
    expect_no_server_error(reply)
    if reply.ok:
        expect_bytes(reply, b"a file")
