"""Browser-based uploads (POST Object): a form needs a signed policy that permits it."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Sequence

import pytest

from conformance.clients.s3.bodies import FORM_TYPE, form_body
from conformance.clients.s3.client import NO_FIELDS, Bucket, Fields
from conformance.clients.s3.sigv4 import ALGORITHM, Keys, Signing, hmac_sha256, scope_of, signing_key
from conformance.evidence.shared_requests import Once
from conformance.oracles.s3_documents import expect_document, expect_element
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_nothing_stored
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

EXPIRED_S = 17 * 60
"""Expired by any clock, since clocks may differ by 15 minutes (RequestTimeTooSkewed)."""
ANY_VALUE = frozenset({"Content-Type", "Cache-Control"})
"""Fields that a policy here permits with any value: starts-with, of the empty text."""
BUTTON = b'\r\n--conformance-form\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload'
"""The submit button, which browsers send after the file, and S3 ignores."""
POLICY_FAULTS = {
    "policy": "no-policy",
    "secret": "wrong-secret",
    "time": "expired",
    "end": "no-expiration",
    "key": "other-keys",
    "bucket": "other-bucket",
    "size": "too-few-bytes-permitted",
    "bytes": "too-many-bytes-required",
    "condition": "field-without-condition",
    "letters": "field-value-in-other-case",
    "each-size": "one-of-two-ranges",
}
SIZES = {"size": [(0, 3)], "bytes": [(50, 100)], "each-size": [(0, 3), (0, 100)]}
FORMS = (
    ("of bytes that are not text", b"\xff\x00a,b\r\n", b"", FORM_TYPE),
    ("with an empty file", b"", b"", FORM_TYPE),
    ("with its boundary in quotes", b"a,b\n", b"", FORM_TYPE.replace("=", '="') + '"'),
    ("with its button after the file", b"a,b\n", BUTTON, FORM_TYPE),
)


def _policy(
    bucket: str,
    prefix: str,
    lives_s: float | None,
    keys: Keys,
    sizes: Sequence[tuple[int, int]] = ((0, 100),),
    extra: Fields = NO_FIELDS,
) -> dict[str, str]:
    """The fields of a signed policy for keys with a prefix and for ``more`` fields; None: it has no expiration."""
    timestamp = Signing().timestamp()
    named = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{keys.access_key}/{scope_of(keys, timestamp[:8])}",
        "x-amz-date": timestamp,
        **extra,
    }
    matched = [{"bucket": bucket}, *({name: value} for name, value in named.items() if name not in ANY_VALUE)]
    begun = [["starts-with", "$key", prefix], *(["starts-with", f"${name}", ""] for name in named if name in ANY_VALUE)]
    conditions = [*begun, *(["content-length-range", *each] for each in sizes), *matched]
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + (lives_s or 0)))
    ends = {} if lives_s is None else {"expiration": until}
    policy = b64encode(json.dumps({**ends, "conditions": conditions}).encode()).decode()
    signature = hmac_sha256(signing_key(keys, timestamp[:8]), policy).hex()
    return {**named, "policy": policy, "x-amz-signature": signature}


def _posted(bucket: Bucket, body: bytes, form_type: str = FORM_TYPE) -> Exchange:
    return bucket.s3.send_as_is(bucket.request("POST", headers={"Content-Type": form_type}, body=body))


def _permitted(space: Space, key: str, fields: Fields, content: bytes, after: bytes = b"", spare: int = 0) -> bytes:
    """Return the body of a form whose policy permits exactly these fields and slightly more bytes."""
    policy = _policy(space.name, space.names.prefix, 600, space.s3.keys, [(0, len(content) + spare)], fields)
    return form_body({"key": key, **policy}, content + after)


@pytest.fixture
def offered(space: Space, once: Once) -> None:
    """Skip checks where the simplest form is not stored: no document promises form uploads."""
    key = once("key of a form", lambda: space.key("form"))
    reply = once("a form", lambda: _posted(space, _permitted(space, key, {}, b"a form", spare=50)))
    if not reply.ok or not once("what a form stored", lambda: space.get(key)).ok:
        raise NotApplicable(f"form uploads are not offered: {observed(reply)}")


@verifies("storage/signature/form-without-permission-is-refused")
@pytest.mark.parametrize("fault", [case(name, fault) for fault, name in POLICY_FAULTS.items()])
def test_form_without_permission_is_refused(space: Space, fault: str) -> None:
    """Purpose: a browser uploads only what the organization's key has permitted by a signed policy.
    Method: 1. post a form without a policy, or with one that does not permit it: wrong secret, expired, or for other
               keys, buckets, sizes or fields
            2. expect a refusal (of forms in general, where they are not offered), and nothing stored
    """
    others = space.prefix("others")
    key = f"{space.key('form')}/{others}f" if fault == "key" else space.key("form")
    fields = _policy(
        space.names.new("another") if fault == "bucket" else space.name,
        prefix=others if fault == "key" else space.names.prefix,
        lives_s={"time": -EXPIRED_S, "end": None}.get(fault, 600),
        keys=space.s3.with_keys(secret_key="not-the-secret").keys if fault == "secret" else space.s3.keys,
        sizes=SIZES.get(fault, [(0, 100)]),
        extra={"x-amz-meta-owner": "MALLORY"} if fault == "letters" else NO_FIELDS,
    )
    other = {"x-amz-meta-owner": "mallory"} if fault in ("condition", "letters") else {}
    body = form_body({"key": key, **({} if fault == "policy" else fields), **other}, b"uploaded by a form")
    reply = _posted(space, body)

    expect_status(reply, [*range(400, 500), 501])
    expect_nothing_stored(space.get(key))


@verifies("storage/object/form-is-stored-as-a-put")
@pytest.mark.usefixtures("offered")
def test_form_is_stored_as_a_put(space: Space) -> None:
    """Purpose: a file uploaded by a form has the bytes and fields that the form had.
    Method: 1. post forms with a type and metadata: of binary data, empty, with a quoted boundary, with a button
            2. expect 2xx, and the bytes from GET, with those fields
    """
    key, fields = space.key("form") + "é", {"Content-Type": "text/csv", "x-amz-meta-owner": "bob"}

    for form, content, after, form_type in FORMS:
        reply = _posted(space, _permitted(space, key, fields, content, after), form_type)
        expect_success(reply, f"for a form that the policy permits, {form}")
        expect_bytes(reply := space.get(key), content, "under the key of the form")
        expect_headers(reply, fields)


@verifies("storage/object/form-chooses-key-and-status")
@pytest.mark.usefixtures("offered")
def test_form_chooses_key_and_status(space: Space) -> None:
    """Purpose: a page may take the key from the user's file name, and choose the status of success.
    Method: 1. post a form with ${filename} in its key, Cache-Control, and success_action_status 201; another with 404,
               which is no permitted choice
            2. expect 201, the bytes by the file's name, the field, bucket and key in any PostResponse; 204 for 404
    """
    prefix, cached = space.prefix("form"), {"Cache-Control": "no-cache"}
    created = {"success_action_status": "201", **cached}

    reply = _posted(space, _permitted(space, prefix + "${filename}", created, b"named by its file"))
    got = space.get(f"{prefix}f")
    body = _permitted(space, f"{prefix}g", {"success_action_status": "404"}, b"stored nevertheless")
    misled = _posted(space, body)
    named = {"Bucket": space.name, "Key": f"{prefix}f"}
    expect_success(reply, "for a form that the policy permits")
    expect_bytes(got, b"named by its file", "under the name of the file")
    expect_status(reply, 201, "for a form with success_action_status 201")
    expect_headers(got, cached)
    for element in expect_document(reply, "PostResponse") if reply.body else ():
        if element.tag in named:
            expect_element(reply, element.tag, named[element.tag], element.text or "", "in <PostResponse>")
    expect_status(misled, 204, "for a form that chooses none of 200, 201 and 204")


@verifies("storage/service/foreign-bucket-is-refused#by-a-form")
def test_form_opens_no_foreign_bucket(foreign: Bucket, names: Names) -> None:
    """Purpose: a policy that one organization's key signed permits nothing in another organization's bucket.
    Method: 1. post a form to another organization's bucket, with a policy for it that our own key signed
            2. expect a refusal (of forms in general, where they are not offered)
    """
    key = names.new("form")
    fields = _policy(foreign.name, names.prefix, lives_s=600, keys=foreign.s3.keys)
    reply = _posted(foreign, form_body({"key": key, **fields}, b"uploaded by a form"))
    if reply.ok:
        foreign.delete(key)

    expect_status(reply, [*range(400, 500), 501])
