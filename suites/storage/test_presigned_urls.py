"""Presigned URLs: the signature in the query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.client import by_clock_of, long_past, minutes_off
from conformance.clients.s3.sigv4 import Request
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_errors import NOT_IN_TIME, REFUSED, expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_headers,
    expect_no_longer,
    expect_nothing_stored,
    expect_stored,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

STOOD = b"what stood there"
DESCRIBED = {"Content-Type": "text/csv", "x-amz-meta-owner": "alice"}
EXPIRED = {"AccessDenied", "ExpiredToken", "ExpiredRequest", "RequestExpired", *NOT_IN_TIME}
COPY_SOURCE, OWNER, TAGS = "x-amz-copy-source", "x-amz-meta-owner", "x-amz-tagging"
MALFORMED = {"AuthorizationQueryParametersError", "AuthorizationHeaderMalformed", "InvalidArgument", "InvalidRequest"}
BAD_EXPIRY = {*MALFORMED, "AccessDenied", "SignatureDoesNotMatch"}


def _set(request: Request, name: str, value: str) -> Request:
    return replace(request, query=tuple((key, value if key == name else old) for key, old in request.query))


def _last_digit_changed(request: Request) -> Request:
    signature = dict(request.query)["X-Amz-Signature"]
    return _set(request, "X-Amz-Signature", signature[:-1] + ("0" if signature[-1] != "0" else "1"))


def _cut(name: str) -> Callable[[Request], Request]:
    return lambda request: replace(request, query=tuple(pair for pair in request.query if pair[0] != name))


ALTERATIONS: dict[str, Callable[[Request], Request]] = {
    "method": lambda request: replace(request, method="DELETE"),
    "key": lambda request: replace(request, path=request.path + "-other"),
    "longer-life": lambda request: _set(request, "X-Amz-Expires", "7200"),
    "later-date": lambda request: _set(request, "X-Amz-Date", minutes_off(1).timestamp()),
    "parameter-added": lambda request: replace(request, query=(*request.query, ("tagging", ""))),
    "parameter-behind": lambda request: replace(request, query=(*request.query, ("x-id", "PutObject"))),
    "signature": _last_digit_changed,
    "signature-cut": lambda request: _set(request, "X-Amz-Signature", dict(request.query)["X-Amz-Signature"][:-8]),
    "no-signature": _cut("X-Amz-Signature"),
    "no-credential": _cut("X-Amz-Credential"),
    "no-date": _cut("X-Amz-Date"),
    "no-expiry": _cut("X-Amz-Expires"),
}


@verifies("storage/presigned/get-is-served")
@pytest.mark.parametrize(
    "expires", [case("a-minute", "60"), case("a-second-short-of-a-week", "604799"), case("a-week", "604800")]
)
def test_presigned_get_is_served(space: Space, expires: str) -> None:
    """Purpose: who holds a presigned URL gets the object without credentials, for up to seven days.

    Method: 1. presign a GET as of the target's own time, send it without any other credentials
            2. expect 200, the bytes and what is said of them
    """
    key = space.key()
    put = require(space.put(key, b"shared by URL", DESCRIBED), "objects")
    url = space.s3.presign(space.request("GET", key), expires, by_clock_of(put))

    expect_bytes(reply := space.s3.send_as_is(url), b"shared by URL")
    expect_headers(reply, DESCRIBED)


@verifies("storage/presigned/head-is-served")
def test_presigned_head_is_served(space: Space) -> None:
    """Purpose: HEAD can be presigned.

    Method: 1. presign a HEAD, send it
            2. expect 200
    """
    key = space.stored()

    expect_status(space.s3.send_as_is(space.s3.presign(space.request("HEAD", key))), 200)


@verifies("storage/presigned/put-is-served")
def test_presigned_put_is_served(space: Space) -> None:
    """Purpose: who holds a presigned URL for PUT can upload that object.

    Method: 1. presign a PUT, send it with a body
            2. expect 2xx and the bytes from a GET
    """
    key = space.key()
    url = space.s3.presign(space.request("PUT", key))

    expect_success(space.s3.send_as_is(replace(url, body=b"uploaded by URL")))
    expect_bytes(space.get(key), b"uploaded by URL")


@verifies("storage/presigned/expired-is-refused")
@pytest.mark.parametrize("method", [case(name, name.upper()) for name in ("get", "head", "put", "delete")])
def test_expired_url_is_refused(space: Space, method: str) -> None:
    """Purpose: a presigned URL ends with its time.

    Method: 1. presign for one minute as of eleven minutes ago by the target's own clock, which needs no leeway, send it
            2. expect 403 or 401, and the object as it was
    """
    put = require(space.put(key := space.key(), STOOD), "objects")
    url = space.s3.presign(space.request(method, key), "60", long_past(put))

    reply = space.s3.send_as_is(replace(url, body=b"late" if method == "PUT" else b""))

    expect_refusal(reply, REFUSED, EXPIRED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/presigned/life-runs-from-its-date")
def test_url_of_some_time_ago_is_served(space: Space) -> None:
    """Purpose: a URL lives as long as it says, also beyond the quarter of an hour that clocks may differ.

    Method: 1. presign for one hour as of half an hour ago, send it
            2. expect 200
    """
    key = space.stored(STOOD)

    expect_bytes(space.s3.send_as_is(space.s3.presign(space.request("GET", key), "3600", minutes_off(-30))), STOOD)


@verifies("storage/presigned/future-is-refused")
def test_url_of_the_future_is_refused(space: Space) -> None:
    """Purpose: a URL whose date is in the future is not yet good.

    Method: 1. presign with a date a day ahead, send it
            2. expect 403 or 400
    """
    key = space.stored(STOOD)

    expect_status(space.s3.send_as_is(space.s3.presign(space.request("GET", key), "60", minutes_off(24 * 60))), REFUSED)


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize("alter", [case(name, alter) for name, alter in ALTERATIONS.items()])
def test_altered_url_is_refused(space: Space, alter: Callable[[Request], Request]) -> None:
    """Purpose: a presigned URL is good for what was signed and for nothing else.

    Method: 1. presign a PUT over an existing object, change one component, send it
            2. expect 403 (400 where that is malformed, 501 where it is not offered), and the old object as it was
    """
    key = space.stored(STOOD)
    altered = alter(space.s3.presign(space.request("PUT", key)))

    refused = REFUSED | {501} if alter is ALTERATIONS["parameter-added"] else REFUSED
    expect_status(space.s3.send_as_is(replace(altered, body=b"intruder")), refused)
    expect_stored(space.get(key), STOOD)
    expect_nothing_stored(space.get(f"{key}-other"))


@verifies("storage/presigned/unsigned-fields-are-not-obeyed")
@pytest.mark.parametrize("name", [case("copy-source", COPY_SOURCE), case("metadata", OWNER), case("tags", TAGS)])
def test_unsigned_fields_are_not_obeyed(space: Space, name: str) -> None:
    """Purpose: who was given a URL to put one object cannot copy another with it, or say whose it is.

    Method: 1. presign a PUT, send it with a body (with none, where it might be a copy) and with an x-amz- field that
               was not signed
            2. expect 403 (400, 401) and nothing stored, or the body stored as if the field were not there
    """
    source, key = space.stored(b"of others"), space.key()
    values = {COPY_SOURCE: f"/{space.name}/{source}", OWNER: "mallory", TAGS: "by=mallory"}
    body = b"" if name == COPY_SOURCE else b"uploaded by URL"
    url = replace(space.s3.presign(space.request("PUT", key)), body=body)

    reply = space.s3.send_as_is(url.with_header(name, values[name]))
    got = space.get(key)

    if reply.ok:
        expect_bytes(got, body, or_refused=reply)
        expect_absent_headers(got, [OWNER, f"{TAGS}-count"], "that was not signed", or_refused=reply)
    else:
        expect_status(reply, {*REFUSED, 501} if name == TAGS else REFUSED)
        expect_nothing_stored(got)


@verifies("storage/presigned/wrong-secret-is-refused")
def test_url_of_a_wrong_secret_is_refused(space: Space) -> None:
    """Purpose: a URL signed with another secret opens nothing.

    Method: 1. presign a GET with a wrong secret, send it
            2. expect 403
    """
    key = space.stored(STOOD)
    impostor = space.s3.with_keys(secret_key="not-the-secret-of-this-key")

    reply = space.s3.send_as_is(impostor.presign(space.request("GET", key)))

    expect_refusal(reply, REFUSED, {"SignatureDoesNotMatch", "AccessDenied"})


@verifies("storage/presigned/expiry-is-bounded")
@pytest.mark.parametrize(
    "expires",
    [
        case("over-a-week", "604801"),
        case("nought", "0"),
        case("negative", "-1"),
        case("no-number", "soon"),
        case("empty", ""),
    ],
)
def test_expiry_is_bounded(space: Space, expires: str) -> None:
    """Purpose: a presigned URL lives a week at most, and for a number of seconds.

    Method: 1. presign with an expiry that is out of bounds, send it
            2. expect 400 or 403
    """
    key = space.stored(STOOD)

    expect_refusal(space.s3.send_as_is(space.s3.presign(space.request("GET", key), expires)), REFUSED, BAD_EXPIRY)


@verifies("storage/presigned/answer-fields-can-be-chosen")
def test_answer_fields_can_be_chosen(space: Space) -> None:
    """Purpose: a presigned GET may choose how a browser saves what it gets.

    Method: 1. put an object with fields of its own, presign a GET with response-content-type and its like
            2. expect those fields in the answer, in place of its own, and not in the next one
    """
    own = {"Content-Type": "text/plain", "Cache-Control": "no-cache", "Content-Disposition": "inline"}
    key = space.stored(b"a,b\n", {**own, "Expires": "Wed, 21 Oct 2015 07:28:00 GMT"})
    wanted = {
        "response-content-type": "text/csv",
        "response-content-disposition": 'attachment; filename="a.csv"',
        "response-content-language": "de-CH",
        "response-cache-control": "no-store",
        "response-expires": "Thu, 01 Dec 2044 16:00:00 GMT",
    }
    reply = space.s3.send_as_is(space.s3.presign(space.request("GET", key, wanted)))

    expect_bytes(reply, b"a,b\n")
    expect_headers(reply, chosen := {name.removeprefix("response-"): value for name, value in wanted.items()})
    expect_no_longer(space.get(key), chosen, "that another request asked for")
