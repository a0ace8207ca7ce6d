"""Duplicate or unsigned fields, parameters and paths: only the signed ones count."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.client import Bucket, by_clock_of, minutes_off
from conformance.clients.s3.sigv4 import Request, Signing
from conformance.evidence.recorder import Recorder
from conformance.oracles.s3_documents import expect_keys, listing_of
from conformance.oracles.s3_errors import REFUSED, error_of, expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_own_or_refused, expect_stored
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable

STOOD = b"what stood there"
OWNER = "x-amz-meta-owner"
LISTED = {"list-type": "2"}
BY_URL: dict[str, Callable[[Bucket, str], Request]] = {
    "get": lambda bucket, key: bucket.request("GET", key),
    "put": lambda bucket, key: bucket.request("PUT", key),
    "list": lambda bucket, key: bucket.request("GET", query={**LISTED, "prefix": key}),
}


@verifies("storage/signature/altered-request-is-refused")
@pytest.mark.parametrize("second", [case("signed-header-repeated", "mallory")])
def test_repeated_field_is_not_obeyed(space: Space, second: str) -> None:
    """Purpose: a field that was signed cannot be sent a second time with another value.

    Method: 1. sign an upload with x-amz-meta-owner, send it with that field twice
            2. expect 403 (400) and the old object, or the field as it was signed
    """
    key = space.stored(STOOD)
    signed = space.s3.sign(space.request("PUT", key, headers={OWNER: "alice"}, body=b"a new body"))

    reply = space.s3.send_as_is(replace(signed, headers=(*signed.headers, (OWNER, second))))

    if reply.ok:
        expect_headers(space.head(key), {OWNER: "alice"}, reply)
        return
    expect_status(reply, REFUSED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/altered-query-is-refused")
@pytest.mark.parametrize("first", [case("repeated-before", True), case("repeated-behind", False)])
def test_repeated_parameter_is_not_obeyed(space: Space, first: bool) -> None:
    """Purpose: a parameter that was signed cannot be sent a second time with another value.

    Method: 1. sign a listing under one prefix, send it with a second, wider one before it or behind it
            2. expect 403 (400), or the listing that was signed
    """
    prefix = space.prefix()
    space.stored_all(prefix, ["mine", "not-asked-for"])
    signed = space.s3.sign(space.request("GET", query={**LISTED, "prefix": f"{prefix}mine"}))
    wider = (("prefix", prefix),)

    reply = space.s3.send_as_is(replace(signed, query=wider + signed.query if first else signed.query + wider))

    if reply.ok:
        page = listing_of(reply)
        expect_keys(page, [f"{prefix}mine"] if page.size or not page.truncated else [], or_refused=reply)
    else:
        expect_status(reply, REFUSED)


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize("first", [case("second-life-before", True), case("second-life-behind", False)])
def test_second_life_of_a_url_is_refused(space: Space, first: bool) -> None:
    """Purpose: a URL that has expired gets no second life by a second X-Amz-Expires.

    Method: 1. presign a GET for one minute as of a quarter of an hour before that, add an X-Amz-Expires of an hour
            2. expect 403 (400, 401)
    """
    url = space.s3.presign(space.request("GET", space.stored(STOOD)), "60", minutes_off(-16))
    longer = (("X-Amz-Expires", "3600"),)

    expect_status(space.s3.send_as_is(replace(url, query=longer + url.query if first else url.query + longer)), REFUSED)


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize("field", [case("answer-field-added", "response-content-type")])
def test_answer_fields_are_signed(space: Space, field: str) -> None:
    """Purpose: who was given a URL does not choose the fields of its answer: a file would be served as a page.

    Method: 1. put an object, presign a GET, send it with a response- parameter that was not signed
            2. expect 403 (400, 401; 501 where it is not offered)
    """
    url = space.s3.presign(space.request("GET", space.stored(STOOD)))

    expect_status(space.s3.send_as_is(replace(url, query=(*url.query, (field, "text/html")))), {*REFUSED, 501})


@verifies("storage/presigned/expired-is-refused")
@pytest.mark.parametrize("lives_s", [case("used-before", 2)])
def test_url_that_was_used_ends_too(space: Space, recorder: Recorder, lives_s: int) -> None:
    """Purpose: a URL ends with its time, also where its answer is kept, or that its signature is right.

    Method: 1. put an object, presign GETs that end two seconds after that by the target's own clock, send one of them
            2. when another that was never sent is refused, wait as long again, send the first; expect 403 (400, 401)
    """
    put = require(space.put(key := space.key(), STOOD), "objects")
    asked, now = space.request("GET", key), by_clock_of(put).when or time.time()
    used, *others = (space.s3.presign(asked, str(lives_s + age), Signing(when=now - age)) for age in range(4))
    if not space.s3.send_as_is(used).ok:
        raise NotApplicable("the URL was over before it was sent")
    for url in others:
        recorder.pause(lives_s)
        if not space.s3.send_as_is(url).ok:
            break
    else:
        raise NotApplicable("URLs live some seconds longer than they say")
    recorder.pause(lives_s)
    expect_status(space.s3.send_as_is(used), REFUSED, "for what was served while its time was not over")


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize("signature", [case("once-served", "0" * 64)])
def test_served_url_opens_itself_alone(space: Space, signature: str) -> None:
    """Purpose: what keeps answers, a cache before the gateway say, gives none of them to who has no URL.

    Method: 1. put an object, presign a GET and send it; send it with a forged signature
            2. expect the bytes, then 403 (400, 401)
    """
    url = space.s3.presign(space.request("GET", space.stored(STOOD)))
    forged = tuple((name, signature if name == "X-Amz-Signature" else value) for name, value in url.query)

    expect_bytes(space.s3.send_as_is(url), STOOD)
    expect_status(space.s3.send_as_is(replace(url, query=forged)), REFUSED, "for what a URL was served before")


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        case("upload-read", "PUT", "GET"),
        case("upload-asked-for", "PUT", "HEAD"),
        case("download-written", "GET", "PUT"),
        case("download-deleted", "GET", "DELETE"),
    ],
)
def test_url_is_good_for_one_method(space: Space, signed: str, sent: str) -> None:
    """Purpose: who was given a URL to upload an object does not read the one there, and who may read writes nothing.

    Method: 1. put an object, presign one method, send the URL with another
            2. expect 403 (400, 401), and the object as it was
    """
    key = space.stored(STOOD)
    url = space.s3.presign(space.request(signed, key))

    reply = space.s3.send_as_is(replace(url, method=sent, body=b"intruder" if sent == "PUT" else b""))

    expect_status(reply, REFUSED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/presigned/unsigned-fields-are-not-obeyed")
@pytest.mark.parametrize(
    ("name", "value"),
    [case("method", "X-HTTP-Method-Override", "DELETE"), case("path", "X-Original-URL", "/{bucket}/{other}")],
)
def test_method_and_path_are_those_signed(space: Space, name: str, value: str) -> None:
    """Purpose: who was given a URL to read one object cannot delete it or read another, whatever fields he adds.

    Method: 1. presign a GET, send it with a field by which some frameworks take another method or path
            2. expect the object, or a refusal, and the object still there
    """
    key, other = space.stored(STOOD), space.stored(b"of others")
    url = space.s3.presign(space.request("GET", key))

    reply = space.s3.send_as_is(url.with_header(name, value.format(bucket=space.name, other=other)))

    if reply.ok:
        expect_bytes(reply, STOOD)
    else:
        expect_status(reply, REFUSED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/presigned/opens-no-foreign-bucket")
@pytest.mark.parametrize("ask", [case(name, ask) for name, ask in BY_URL.items()])
def test_url_opens_no_foreign_bucket(foreign: Bucket, names: Names, ask: Callable[[Bucket, str], Request]) -> None:
    """Purpose: a URL that one organization's key presigns opens no bucket of another's.

    Method: 1. presign a request to a foreign bucket with our own key, send it
            2. expect 403 AccessDenied, or 404 as if it did not exist
    """
    key = names.new("foreign")
    url = foreign.s3.presign(ask(foreign, key))
    reply = foreign.s3.send_as_is(replace(url, body=b"never to be stored") if url.method == "PUT" else url)
    if reply.ok and url.method == "PUT":
        foreign.s3.send_as_is(foreign.s3.presign(foreign.request("DELETE", key)))

    expect_refusal(reply, {403, 404}, {"AccessDenied", "NoSuchBucket"})


@verifies("storage/presigned/put-is-served")
@pytest.mark.parametrize("name", [case("of-a-hard-key", "a b+c/é%20(d)")])
def test_presigned_put_of_a_hard_key_is_served(space: Space, name: str) -> None:
    """Purpose: a key that has to be encoded can be presigned like any other.

    Method: 1. presign a PUT of such a key, send it with a body
            2. expect 2xx and the bytes from a GET
    """
    key = space.prefix() + name
    url = space.s3.presign(space.request("PUT", key))

    expect_success(space.s3.send_as_is(replace(url, body=b"uploaded by URL")))
    expect_bytes(space.get(key), b"uploaded by URL")


@verifies("storage/signature/path-is-not-normalised")
def test_path_is_not_normalised(space: Space) -> None:
    """Purpose: doubled slashes are part of what is signed, so that a request to such a key is not taken for forged.

    Method: 1. put an object whose key has a doubled slash, rightly signed
            2. expect it stored, or refused otherwise than for its signature
    """
    key = f"{space.prefix()}a//b"
    put = space.put(key, b"doubled")

    error = error_of(put)
    if error is not None and error.code == "SignatureDoesNotMatch":
        raise NonConformance("a right signature, of the path as it was sent", observed(put), put)
    expect_own_or_refused(put, space.get(key), b"doubled")


@verifies("storage/signature/payload-hash-is-checked")
@pytest.mark.parametrize("stated", [case("no-hash", "conformance"), case("of-unknown-kind", "STREAMING-CONFORMANCE")])
def test_what_is_no_hash_is_refused(space: Space, stated: str) -> None:
    """Purpose: only UNSIGNED-PAYLOAD says that a body is not signed; another word in place of its hash does not.

    Method: 1. sign a PUT with such an x-amz-content-sha256, send it
            2. expect a refusal, and the old bytes
    """
    key = space.stored(STOOD)

    reply = space.s3.send(space.request("PUT", key, body=b"in flight"), Signing(payload=stated))

    expect_status(reply, {*REFUSED, 501})
    expect_stored(space.get(key), STOOD)
