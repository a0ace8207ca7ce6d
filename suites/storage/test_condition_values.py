"""Conditions by their values: dates later or broken, tags of parts or of no form, a tag for an asterisk."""

from __future__ import annotations

from itertools import product

import pytest

from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NotOffered

BODY = b"conditional"
OTHER = '"0123456789abcdef0123456789abcdef"'
OTHER_OF_PARTS = '"0123456789abcdef0123456789abcdef-1"'
LATER = "Thu, 01 Dec 2044 16:00:00 GMT"
ODD_TAGS = ("", "bare", '"half', "W/, *")
FAILED = {"PreconditionFailed", "NoSuchKey", "ConditionalRequestConflict", "NotImplemented", "InvalidRequest"}
FAILED_OR_UNKNOWN = FAILED | {"InvalidArgument"}


@verifies("storage/condition/if-match-is-honoured")
@pytest.mark.parametrize("number", [case("for-a-part", "1")])
def test_part_of_another_object_is_not_given(space: Space, number: str) -> None:
    """Purpose: who reads an object part by part, as SDKs do, does not get the rest of what has replaced it.

    Method: 1. put an object, GET and HEAD it with partNumber=1 if it has another ETag
            2. expect 412; or 400 or 501, where objects are not read so
    """
    key = space.stored(BODY)

    for method in ("GET", "HEAD"):
        expect_status(space.call(method, key, {"partNumber": number}, {"If-Match": OTHER}), {400, 412, 501})


@verifies("storage/condition/outranks-range")
@pytest.mark.parametrize("asked", [case("a-part-that-there-is", "bytes=0-3")])
def test_condition_outranks_a_part(space: Space, asked: str) -> None:
    """Purpose: who reads in parts what he has begun to read, as SDKs do, gets no part of what has replaced it.

    Method: 1. put an object, GET a part of it with If-Match of another ETag, and with If-None-Match of its own
            2. expect 412, then 304
    """
    key = space.stored(BODY)
    tag = expect_etag(space.head(key))

    expect_status(space.get(key, {"Range": asked, "If-Match": OTHER}), 412)
    expect_status(space.get(key, {"Range": asked, "If-None-Match": tag}), 304)


@pytest.mark.parametrize(
    "value",
    [
        row("storage/condition/unmodified-since-later", LATER),
        row("storage/condition/broken-unmodified-date-is-ignored", "yesterday"),
    ],
)
def test_unmodified_since_holds(space: Space, value: str) -> None:
    """Purpose: who asks for an object as long as it was not modified gets it, unless it surely was.

    Method: 1. GET with an If-Unmodified-Since that is later than the object, or no date
            2. expect the object
    """
    expect_bytes(space.get(space.stored(BODY), {"If-Unmodified-Since": value}), BODY)


@verifies("storage/condition/if-match-is-honoured")
@pytest.mark.parametrize("body", [case("of-parts", BODY)])
def test_tag_of_parts_holds(space: Space, features: frozenset[str], body: bytes) -> None:
    """Purpose: the ETag of an object that came in parts is an entity tag like others: SDKs download by it, and copy.

    Method: 1. upload an object in one part; GET it with If-Match of its ETag, and with If-None-Match of it
            2. copy it with x-amz-copy-source-if-match of it
            3. expect the object, 304, and the copy
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key, copied = space.key("parts"), space.key("copy")
    upload = space.opened(key)
    expect_no_error_inside(space.complete(key, upload, [space.part(key, upload, 1, body)]))
    tag = expect_etag(space.head(key))

    expect_bytes(space.get(key, {"If-Match": tag}), body)
    expect_status(space.get(key, {"If-None-Match": tag}), 304)
    expect_no_error_inside(space.copy(copied, key, {"x-amz-copy-source-if-match": tag}))
    expect_bytes(space.get(copied), body)


@verifies("storage/condition/any-tag-is-no-server-error")
def test_any_tag_is_no_server_error(space: Space) -> None:
    """Purpose: a condition that cannot be read, or has nothing to hold for, is the caller's slip, or does not hold.

    Method: 1. GET an object with If-Match and with If-None-Match of what is no entity tag, and a range of it with
               If-Range of what is no date either
            2. PUT with If-Unmodified-Since to a new key, which has no date (RFC 9110 section 13.1.4)
            3. expect no 5xx, and the object from the next good request
    """
    key = space.stored(BODY)

    for value, name in product(ODD_TAGS, ("If-Match", "If-None-Match")):
        expect_no_server_error(space.get(key, {name: value}))
    expect_no_server_error(space.get(key, {"Range": "bytes=0-1", "If-Range": "yesterday"}))
    expect_no_server_error(space.put(space.key("new"), BODY, {"If-Unmodified-Since": LATER}))
    expect_stored(space.get(key), BODY)


@verifies("storage/conditional-write/replaces-what-matches")
@pytest.mark.parametrize("body", [case("of-parts", BODY)])
def test_what_has_the_tag_of_parts_is_replaced(space: Space, features: frozenset[str], body: bytes) -> None:
    """Purpose: an object that came in parts is replaced by who has read it, and by nobody else, as any other is.

    Method: 1. upload an object in one part, PUT with If-None-Match: *, with If-Match of another tag of that form, then
               of its own
            2. expect 412 twice, then 2xx and the new bytes
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    upload = space.opened(key := space.key("parts"))
    expect_no_error_inside(space.complete(key, upload, [space.part(key, upload, 1, body)]))
    tag = expect_etag(space.head(key))

    for condition in ({"If-None-Match": "*"}, {"If-Match": OTHER_OF_PARTS}):
        expect_refusal(space.put(key, b"lost update", condition), 412, FAILED)
    expect_stored(space.get(key), body)
    expect_success(space.put(key, b"version two", {"If-Match": tag}))
    expect_bytes(space.get(key), b"version two")


@verifies("storage/conditional-write/creates-what-is-absent")
@pytest.mark.parametrize("below", [case("above-another-key", "/below")])
def test_key_that_another_begins_with_is_created(space: Space, below: str) -> None:
    """Purpose: where only "a/b" was put there is no object "a", which therefore can be created.

    Method: 1. put "a/b", PUT "a" with If-None-Match: *; put "a" without it where that is refused
            2. expect 2xx, unless the two keys cannot stand beside each other at all
    """
    key = space.key()
    space.stored(key=key + below)
    reply = space.put(key, BODY, {"If-None-Match": "*"})

    if not reply.ok:
        require(space.put(key, BODY), "a target that keeps a key which another begins with")
    expect_success(reply, "for a key without an object")


@verifies("storage/conditional-write/keeps-what-has-the-tag")
def test_none_match_of_its_tag_overwrites_nothing(space: Space) -> None:
    """Purpose: a client that says which object is not to be there does not overwrite that one.

    Method: 1. PUT with If-None-Match of the object's own ETag, then of another
            2. expect 412, or a refusal of such conditions, and the old bytes; then the new ones, or such a refusal
    """
    key = space.stored(BODY)
    tag = expect_etag(space.head(key))

    expect_refusal(space.put(key, b"intruder", {"If-None-Match": tag}), {400, 409, 412, 501}, FAILED_OR_UNKNOWN)
    expect_stored(space.get(key), BODY)
    reply = space.put(key, b"what comes next", {"If-None-Match": OTHER})
    expect_status(reply, {*range(200, 300), 400, 501}, "for If-None-Match of an ETag that the object does not have")
    if reply.ok:
        expect_bytes(space.get(key), b"what comes next")


@verifies("storage/conditional-write/if-match-any-needs-an-object")
def test_if_match_any_needs_an_object(space: Space) -> None:
    """Purpose: If-Match: * is for what is there, whatever it is, and creates nothing.

    Method: 1. PUT with If-Match: * to a new key, and to that of an object
            2. expect 404 or 412 for the first, and nothing stored; the second stored; or a refusal of such conditions
    """
    key, standing = space.key(), space.stored(BODY)

    expect_refusal(space.put(key, b"ghost", {"If-Match": "*"}), {400, 404, 409, 412, 501}, FAILED_OR_UNKNOWN)
    expect_nothing_stored(space.get(key))
    reply = space.put(standing, b"what comes next", {"If-Match": "*"})
    expect_status(reply, {*range(200, 300), 400, 501}, "for If-Match: * where there is an object")
    if reply.ok:
        expect_bytes(space.get(standing), b"what comes next")


@verifies("storage/conditional-write/deletion-keeps-what-changed")
@pytest.mark.parametrize("tag", [case("any-tag", "*"), case("tag-of-parts", "")])
def test_deletion_of_what_has_the_tag(space: Space, features: frozenset[str], tag: str) -> None:
    """Purpose: DELETE with If-Match: *, or of the tag of an object in parts, deletes what is there.

    Method: 1. DELETE an object with If-Match: *, one in a part with its ETag
            2. expect 204, and nothing stored; or a refusal of such conditions
    """
    if tag:
        key = space.stored(BODY)
    elif "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    else:
        of_parts = space.opened(key := space.key("parts"))
        require(space.complete(key, of_parts, [space.part(key, of_parts, 1, BODY)]), "multipart uploads")
        tag = expect_etag(space.head(key))
    reply = space.delete(key, {"If-Match": tag})

    expect_status(reply, {200, 204, 400, 405, 501}, "for an If-Match that what is there has")
    if reply.ok:
        expect_nothing_stored(space.get(key), "for a key that was deleted under a condition that held")


@verifies("storage/conditional-write/copy-keeps-what-changed")
def test_conditional_copy_keeps_what_changed(space: Space) -> None:
    """Purpose: CopyObject honours If-Match like a PUT: what has changed since it was read is not overwritten.

    Method: 1. put two objects, copy one to the key of the other with If-Match of an ETag that this has not
            2. expect 412, or 200 that ends in such an error, or a refusal of such conditions; and the old bytes
    """
    key, source = space.stored(BODY), space.stored(b"intruder")

    reply = space.copy(key, source, {"If-Match": OTHER})
    expect_failed_completion(reply, {400, 409, 412, 501}, FAILED_OR_UNKNOWN)
    expect_stored(space.get(key), BODY)
