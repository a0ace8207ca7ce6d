"""Browser-based uploads (POST Object): a form needs a signed policy that permits it."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from conformance.clients.s3.bodies import FORM_TYPE, form_body
from conformance.clients.s3.client import NO_FIELDS, Bucket, Fields
from conformance.clients.s3.sigv4 import ALGORITHM, Keys, Signing, hmac_sha256, scope_of, signing_key
from conformance.evidence.shared_requests import Once
from conformance.oracles.s3_documents import expect_document, expect_said
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_nothing_stored
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

OVER_S = 17 * 60
"""What ended then is over by any clock: clocks may differ by a quarter of an hour (RequestTimeTooSkewed)."""


ANY = frozenset({"Content-Type", "Cache-Control"})
"""Fields that a policy here permits with any value: starts-with, of nothing."""
BUTTON = b'\r\n--conformance-form\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload'
"""What a browser sends behind the file, of the button that a form ends with: all that is ignored."""
PERMITTING = ("policy", "secret", "time", "end", "key", "bucket", "size", "bytes", "condition", "letters", "each-size")
SIZES = {"size": [(0, 3)], "bytes": [(50, 100)], "each-size": [(0, 3), (0, 100)]}
FORMS = (
    ("of bytes that are no text", b"\xff\x00a,b\r\n", b"", FORM_TYPE),
    ("without a byte", b"", b"", FORM_TYPE),
    ("with its boundary in quotes", b"a,b\n", b"", FORM_TYPE.replace("=", '="') + '"'),
    ("with its button behind the file", b"a,b\n", BUTTON, FORM_TYPE),
)


def _policy(
    bucket: str,
    prefix: str,
    lives_s: float | None,
    keys: Keys,
    sizes: Sequence[tuple[int, int]] = ((0, 100),),
    more: Fields = NO_FIELDS,
) -> dict[str, str]:
    """The fields of a signed policy that permits keys below a prefix of a bucket, until so many seconds from now.

    It permits ``more`` fields, which are among them; without seconds it says of no end.
    """
    timestamp = Signing().timestamp()
    named = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{keys.access_key}/{scope_of(keys, timestamp[:8])}",
        "x-amz-date": timestamp,
        **more,
    }
    matched = [{"bucket": bucket}, *({name: value} for name, value in named.items() if name not in ANY)]
    begun = [["starts-with", "$key", prefix], *(["starts-with", f"${name}", ""] for name in named if name in ANY)]
    conditions = [*begun, *(["content-length-range", *each] for each in sizes), *matched]
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + (lives_s or 0)))
    ends = {} if lives_s is None else {"expiration": until}
    policy = b64encode(json.dumps({**ends, "conditions": conditions}).encode()).decode()
    signature = hmac_sha256(signing_key(keys, timestamp[:8]), policy).hex()
    return {**named, "policy": policy, "x-amz-signature": signature}


@verifies("storage/signature/form-without-permission-is-refused")
@pytest.mark.parametrize("lacks", [case(each, each) for each in PERMITTING])
def test_form_without_permission_is_refused(space: Space, lacks: str) -> None:
    """Purpose: nobody uploads by a form what no policy permits that was signed with the organization's key.

    Method: 1. post a form without a policy, or with one that another secret signed, that is over or says of no end, or
               for other keys, for another bucket, for fewer or more bytes, by one of two ranges of them, without a
               field that the form has, or with its value in capitals
            2. expect a refusal (of forms in general, where they are not offered), and nothing stored
    """
    keys, others = space.s3.keys, space.prefix("others")
    key = f"{space.key('form')}/{others}f" if lacks == "key" else space.key("form")
    fields = _policy(
        space.names.new("another") if lacks == "bucket" else space.name,
        prefix=others if lacks == "key" else space.names.prefix,
        lives_s={"time": -OVER_S, "end": None}.get(lacks, 600),
        keys=space.s3.with_keys(secret_key="not-the-secret").keys if lacks == "secret" else keys,
        sizes=SIZES.get(lacks, [(0, 100)]),
        more={"x-amz-meta-owner": "MALLORY"} if lacks == "letters" else NO_FIELDS,
    )
    other = {"x-amz-meta-owner": "mallory"} if lacks in ("condition", "letters") else {}
    body = form_body({"key": key, **({} if lacks == "policy" else fields), **other}, b"uploaded by a form")
    reply = space.s3.send_as_is(space.request("POST", headers={"Content-Type": FORM_TYPE}, body=body))

    expect_status(reply, [*range(400, 500), 501])
    expect_nothing_stored(space.get(key), refused=reply)


def _posted(
    space: Space,
    key: str,
    fields: Fields,
    content: bytes,
    spare: int = 0,
    behind: bytes = b"",
    form_type: str = FORM_TYPE,
) -> Exchange:
    """The answer to a form that a policy permits: for just so many bytes and some to spare, and just these fields."""
    sizes = [(0, len(content) + spare)]
    permitted = _policy(space.name, space.names.prefix, 600, space.s3.keys, sizes, fields)
    body = form_body({"key": key, **permitted}, content + behind)
    return space.s3.send_as_is(space.request("POST", headers={"Content-Type": form_type}, body=body))


def _where_offered(space: Space, once: Once) -> None:
    """NotApplicable where not even the plainest form is taken, and there then: nothing promises that one is."""
    key = once("key of a form", lambda: space.key("form"))
    reply = once("a form", lambda: _posted(space, key, {}, b"a form", spare=50))
    if not reply.ok or not once("what a form stored", lambda: space.get(key)).ok:
        raise NotApplicable(f"uploads by a form are not offered: {observed(reply)}")


@contextmanager
def _signed_once() -> Iterator[None]:
    """Says of a finding within that no script can tell it again: its policy is for names of this run, and soon over."""
    try:
        yield
    except NonConformance as found:
        found.proof = Proof(beyond="the policy of the form is for names of the run, and for ten minutes")
        raise


@verifies("storage/object/form-is-stored-as-a-put")
def test_form_is_stored_as_a_put(space: Space, once: Once) -> None:
    """Purpose: where a browser may upload by a form, its fields are those of a PUT.

    Method: 1. post a form (not applicable where none is taken), and others with a type and metadata: of bytes that
               are no text, without a byte, with a boundary in quotes as some libraries write it, with a button
            2. expect 2xx, and the bytes from GET, with those fields
    """
    _where_offered(space, once)
    key, fields = space.key("form") + "é", {"Content-Type": "text/csv", "x-amz-meta-owner": "bob"}

    with _signed_once():
        for what, content, behind, form_type in FORMS:
            reply = _posted(space, key, fields, content, behind=behind, form_type=form_type)
            expect_success(reply, f"for a form that the policy permits, to its last byte, {what}")
            expect_bytes(reply := space.get(key), content, "under the key of the form")
            expect_headers(reply, fields)


def _expect_named(reply: Exchange, wanted: Fields) -> None:
    """The document that 201 comes with, where it comes with any, is well-formed, and names what was stored where."""
    for told in expect_document(reply, "PostResponse") if reply.body else ():
        if told.tag in wanted:
            expect_said(reply, told.tag, wanted[told.tag], told.text or "", "in <PostResponse>")


@verifies("storage/object/form-does-as-asked")
def test_form_does_as_asked(space: Space, once: Once) -> None:
    """Purpose: a page that uploads by a form may leave the name to its user's file, and choose the answer.

    Method: 1. post a form (not applicable where none is taken), and another with ${filename} in its key, with
               Cache-Control, that asks for 201; a third that asks for 404, which is no status to choose
            2. expect 201, and the bytes under the name of the file, with that field; and of a document that comes with
               201, that it is one, and names bucket and key; of the third, expect 204
    """
    _where_offered(space, once)
    prefix, kept = space.prefix("form"), {"Cache-Control": "no-cache"}

    reply = _posted(space, prefix + "${filename}", {"success_action_status": "201", **kept}, b"named by its file")
    got = space.get(f"{prefix}f")
    misled = _posted(space, f"{prefix}g", {"success_action_status": "404"}, b"stored all the same")
    with _signed_once():
        expect_success(reply, "for a form that the policy permits")
        expect_bytes(got, b"named by its file", "under the name of the file")
        expect_status(reply, 201, "for a form that asks for it by success_action_status")
        expect_headers(got, kept)
        _expect_named(reply, {"Bucket": space.name, "Key": f"{prefix}f"})
        expect_status(misled, 204, "for a form that chooses none of 200, 201 and 204")


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("hint", [case("by-a-form", "form")])
def test_form_opens_no_foreign_bucket(foreign: Bucket, names: Names, hint: str) -> None:
    """Purpose: a policy that one organization's key signed permits nothing in a bucket of another's.

    Method: 1. post a form to a foreign bucket, with a policy for it that our own key signed
            2. expect a refusal, of forms in general where they are not offered
    """
    key = names.new(hint)
    fields = _policy(foreign.name, names.prefix, lives_s=600, keys=foreign.s3.keys)
    body = form_body({"key": key, **fields}, b"uploaded by a form")
    reply = foreign.s3.send_as_is(foreign.request("POST", headers={"Content-Type": FORM_TYPE}, body=body))
    if reply.ok:
        foreign.delete(key)

    expect_status(reply, [*range(400, 500), 501])
