"""Presigned URLs with signed and unsigned headers, for parts of an upload, and with a wrong scope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.clients.s3.client import minutes_off
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.oracles.proofs import field_says_no
from conformance.oracles.s3_documents import expect_keys
from conformance.oracles.s3_errors import REFUSED, expect_error_document, expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_range_or_whole,
    expect_stored,
)
from conformance.oracles.s3_pages import begun
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space, id_of_upload
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import field_of

OF_JAVASCRIPT = {"X-Amz-Content-Sha256": UNSIGNED, "response-cache-control": "no-cache", "x-id": "GetObject"}
CHOSEN = {"response-content-type": "text/csv", "response-content-encoding": "br"}


ADDED = "x-amz-meta-added"
FAILED = {"PreconditionFailed", "ConditionalRequestConflict"}
FIELDS = {"Content-Type": "text/csv", "x-amz-meta-owner": "alice"}


def _signed_with_fields(space: Space, key: str) -> Request:
    return replace(space.s3.presign(space.request("PUT", key, headers=FIELDS)), body=b"a,b")


@verifies("storage/presigned/signed-fields-are-served")
def test_signed_fields_are_served(space: Space) -> None:
    """Purpose: who hands out a URL may say of which type the object is to be, and whose.

    Method: 1. presign a PUT with a Content-Type and metadata among the signed fields, send it with them
            2. expect 2xx, and both with the object
    """
    key = space.key()

    expect_success(space.s3.send_as_is(_signed_with_fields(space, key)))

    expect_headers(space.head(key), FIELDS)


@verifies("storage/presigned/signed-fields-are-checked")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("type-changed", "Content-Type", "text/html"),
        case("metadata-changed", "x-amz-meta-owner", "mallory"),
        case("metadata-left-out", "x-amz-meta-owner", ""),
    ],
)
def test_signed_fields_are_checked(space: Space, name: str, value: str) -> None:
    """Purpose: who was given a URL to put a table cannot put a page with it, or say that it is another's.

    Method: 1. presign a PUT with a Content-Type and metadata among the signed fields
            2. send it with another value of one, or without it; expect 403 (400, 401), and the object as it was
    """
    key = space.stored(b"what stood there")
    url = _signed_with_fields(space, key)

    reply = space.s3.send_as_is(url.with_header(name, value) if value else url.without(name))

    expect_status(reply, REFUSED)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/conditional-write/keeps-what-is-there")
@pytest.mark.parametrize("condition", [case("by-url", {"If-None-Match": "*"})])
def test_url_keeps_what_is_there(space: Space, condition: dict[str, str]) -> None:
    """Purpose: who hands out a URL to create an object hands out none to overwrite it.

    Method: 1. put an object; presign a PUT to its key with If-None-Match: * among the signed fields, send it
            2. expect 412 PreconditionFailed, and the old bytes
    """
    key = space.stored(b"what stood there")
    url = space.s3.presign(space.request("PUT", key, headers=condition))

    expect_refusal(space.s3.send_as_is(replace(url, body=b"intruder")), 412, FAILED)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/presigned/expired-is-refused")
@pytest.mark.parametrize("field", [case("dated-now", "x-amz-date")])
def test_expired_url_with_another_date_is_refused(space: Space, field: str) -> None:
    """Purpose: a presigned URL ends with its time, whatever time its bearer tells beside it.

    Method: 1. presign a GET for one minute as of sixteen minutes ago, send it with an x-amz-date of now
            2. expect 403 (400, 401)
    """
    url = space.s3.presign(space.request("GET", space.stored()), "60", minutes_off(-16))

    expect_status(space.s3.send_as_is(url.with_header(field, minutes_off(0).timestamp())), REFUSED)


@verifies("storage/presigned/range-is-served")
def test_range_of_a_url_is_served(space: Space) -> None:
    """Purpose: a player that was given a URL asks for parts with it, though Range was not signed.

    Method: 1. presign a GET, send it with a Range
            2. expect the part with 206, or the whole with 200
    """
    key = space.stored(b"a film")
    reply = space.s3.send_as_is(space.s3.presign(space.request("GET", key)).with_header("Range", "bytes=2-5"))

    expect_range_or_whole(reply, b"a film", 2, 5)


@verifies("storage/presigned/get-is-served")
@pytest.mark.parametrize("more", [case("as-of-javascript", OF_JAVASCRIPT)])
def test_url_with_more_in_its_query_is_served(space: Space, more: dict[str, str]) -> None:
    """Purpose: a URL that the SDK for JavaScript made is served: it says in the query that the payload is not signed,
    and has its parameters in the order of their names, so that some stand behind the signature.

    Method: 1. presign a GET with those parameters among the signed ones and one that chooses a field of the answer,
               send it in that order; once more with If-None-Match of the ETag, as a browser does that has the object
            2. expect the object, then 304
    """
    url = space.s3.presign(space.request("GET", space.stored(b"by URL"), more))
    url = replace(url, query=tuple(sorted(url.query)))

    expect_bytes(reply := space.s3.send_as_is(url), b"by URL")
    expect_status(space.s3.send_as_is(url.with_header("If-None-Match", expect_etag(reply))), 304, "for what it has")


@verifies("storage/presigned/chosen-fields-add-no-others")
def test_chosen_fields_add_no_others(space: Space) -> None:
    """Purpose: who makes a link to a file by a name that another chose does not let that other write the answer.

    Method: 1. presign a GET whose response-content-disposition has a line end and another field behind it, send it
            2. expect no such field in the answer, and the object or a refusal as the caller's fault
    """
    key = space.stored(b"a file")
    chosen = {"response-content-disposition": f'attachment; filename="a"\r\n{ADDED}: yes'}
    reply = space.s3.send_as_is(space.s3.presign(space.request("GET", key, chosen)))

    if ADDED in reply.headers:
        proof = replace(field_says_no(reply, ADDED, "."), or_refused=(reply.id,))
        wanted = f"no {ADDED}, which stands behind a line end in a query parameter"
        raise NonConformance(wanted, field_of(reply, ADDED), reply, proof=proof)
    expect_no_server_error(reply)
    if reply.ok:
        expect_bytes(reply, b"a file")


@verifies("storage/presigned/other-operations-are-served")
def test_other_operations_are_served(space: Space) -> None:
    """Purpose: any request can be made a URL: who was given one to list or to delete can do that.

    Method: 1. put an object; presign a listing of it, and its deletion; send both
            2. expect the listing with its key, then 2xx, and the object gone
    """
    key = space.stored(b"to be deleted")

    def by_url(request: Request) -> Exchange:
        return space.s3.send_as_is(space.s3.presign(request))

    def listed(token: str) -> Exchange:
        going_on = {"continuation-token": token} if token else {}
        return by_url(space.request("GET", query={"list-type": "2", "prefix": key, **going_on}))

    page, deleted = begun(listed), by_url(space.request("DELETE", key))

    expect_keys(page, [key])
    expect_success(deleted)
    expect_status(space.get(key), 404, "for an object that was deleted by a URL")


@verifies("storage/presigned/part-is-served")
def test_part_of_a_url_is_served(space: Space) -> None:
    """Purpose: a browser uploads a large file part by part, each to a URL that it was given.

    Method: 1. open an upload by a URL, presign a part of it; send it as another part, expect 403 (400, 401)
            2. send it as it was signed, complete; expect the bytes
    """
    key = space.key()
    opened = space.s3.send_as_is(space.s3.presign(space.request("POST", key, {"uploads": ""})))
    expect_success(opened, "for the opening of an upload by a URL")
    upload = id_of_upload(opened)
    url = space.s3.presign(space.request("PUT", key, {"partNumber": "1", "uploadId": upload}))
    another = replace(url, query=(("partNumber", "2"), *url.query[1:]), body=b"intruder")
    expect_status(space.s3.send_as_is(another), REFUSED, "for another part than the one that was signed")
    reply = space.s3.send_as_is(replace(url, body=b"uploaded by URL"))

    expect_success(reply)
    expect_no_error_inside(space.complete(key, upload, [(1, expect_etag(reply))]))
    expect_bytes(space.get(key), b"uploaded by URL")


@verifies("storage/presigned/wrong-scope-is-refused")
@pytest.mark.parametrize(("changes", "day"), [case("service", {"service": "ec2"}, None), case("date", {}, -1)])
def test_wrong_scope_of_a_url_is_refused(space: Space, changes: dict[str, str], day: int | None) -> None:
    """Purpose: a URL signed for another service or day is no better than such a signature in a field.

    Method: 1. presign an upload rightly, but for another scope (of the day before, for one)
            2. expect 403 (400, 401), and nothing stored
    """
    key = space.key()
    other = space.s3.with_keys(**changes)
    signing = None if day is None else Signing(scope_date=minutes_off(24 * 60 * day).timestamp()[:8])
    url = other.presign(other.request("PUT", space.name, key), signing=signing)

    expect_status(other.send_as_is(replace(url, body=b"scoped")), REFUSED)
    expect_nothing_stored(space.get(key))


@verifies("storage/presigned/answer-fields-of-parts-and-heads")
@pytest.mark.parametrize(("method", "fields"), [case("head", "HEAD", {}), case("range", "GET", {"Range": "bytes=0-2"})])
def test_answer_fields_of_parts_and_heads(space: Space, method: str, fields: dict[str, str]) -> None:
    """Purpose: a browser that asks for the head of an object, or for a part of it, is told the type that was chosen.

    Method: 1. HEAD an object, or GET a range of it, with response-content-type and response-content-encoding
            2. expect those fields in the answer
    """
    reply = space.call(method, space.stored(b"a,b\n", {"Content-Type": "text/plain"}), CHOSEN, fields)

    expect_status(reply, {200, 206})
    expect_headers(reply, {name.removeprefix("response-"): value for name, value in CHOSEN.items()})


@verifies("storage/presigned/answer-fields-of-parts-and-heads")
@pytest.mark.parametrize("chosen", [case("not-of-errors", {"response-content-type": "text/html"})])
def test_error_has_its_own_type(space: Space, chosen: dict[str, str]) -> None:
    """Purpose: what is chosen is of the object; an error document that is told as a page is read by browsers as one.

    Method: 1. GET a key that was never written, with response-content-type=text/html
            2. expect 404 with an S3 error document, as application/xml
    """
    reply = space.get(space.key("missing"), query=chosen)

    expect_refusal(reply, 404, {"NoSuchKey"})
    expect_error_document(reply)
