"""Object tags and their limits."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import content_md5, tagging_document
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import query_string
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_headers,
    expect_if_present,
    expect_nothing_stored,
    expect_same_etag,
    expect_same_headers,
    expect_tag_set,
)
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import tag_sets
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.finding import NotOffered

TAGS = {"Project": "Alpha", "owner": "team é日", "Owner": "Team A"}
MORE = {"number": "007", "answer": "No", "of": "null", "sum": "a+b=c", "reviewed": ""}
ENABLED, COUNT = {"x-amz-checksum-mode": "ENABLED"}, "x-amz-tagging-count"
DESCRIBED = {"Content-Type": "text/csv", "Cache-Control": "max-age=60", "x-amz-meta-owner": "alice"}
DONE, ALPHA = {200, 204}, {"x-amz-tagging": "project=alpha"}


@verifies("storage/tagging/tags-come-back#unusual-values")
def test_tags_come_back(space: Space, features: frozenset[str]) -> None:
    """Purpose: an object's tags are stored, and do not change the object.
    Method: 1. put an object, with its CRC-32 if checksums are claimed, tag it
            2. expect the tags, any reported count, and bytes, metadata, ETag and checksum as they were
    """
    tags = TAGS | MORE
    key, (name, value) = f"{space.key()}é &%41K", checksum_field("crc32", b"tagged")
    summed = {name: value} if "storage.checksums" in features else {}
    put = require(space.put(key, b"tagged", DESCRIBED | summed), "objects")
    before = space.head(key, ENABLED)

    expect_status(space.put_tags(key, list(tags.items())), DONE)
    expect_tag_set(space.get_tags(key), tags)
    expect_bytes(got := space.get(key), b"tagged")
    expect_if_present(got, {COUNT: str(len(tags))})
    expect_headers(head := space.head(key, ENABLED), DESCRIBED)
    expect_same_etag(put, got)
    if name in before.headers:
        expect_same_headers(head, before, [name])


@verifies("storage/tagging/tags-come-back#empty-element")
def test_empty_value_may_be_an_empty_element(space: Space) -> None:
    """Purpose: the SDK for Python writes an empty value as an empty-element tag.
    Method: 1. tag an object, with such a value; 2. expect 2xx, and the tag
    """
    key, body = space.stored(), tagging_document([("reviewed", "")]).replace(b"<Value></Value>", b"<Value />")

    expect_success(space.call("PUT", key, {"tagging": ""}, {"Content-MD5": content_md5(body)}, body))
    expect_tag_set(space.get_tags(key), {"reviewed": ""})


@verifies("storage/tagging/tags-come-back#similar-keys")
def test_tags_of_similar_keys_are_different(space: Space) -> None:
    """Purpose: a key is decoded once, also in a request for its tags.
    Method: 1. put objects under "%41" and "A", tag the first; 2. expect its tags, and none of the other
    """
    prefix = space.prefix()
    tagged, plain = space.stored(key=prefix + "%41"), space.stored(key=prefix + "A")

    expect_status(space.put_tags(tagged, [("project", "alpha")]), DONE)
    expect_tag_set(space.get_tags(plain), {})
    expect_tag_set(space.get_tags(tagged), {"project": "alpha"})


@verifies("storage/tagging/given-with-the-object")
def test_tags_given_with_the_object(space: Space) -> None:
    """Purpose: a client tags an object in the PUT that makes it.
    Method: 1. put with ten tags in x-amz-tagging, URL-encoded; 2. expect the tags decoded
    """
    tags = {**TAGS, "sum": "a+b=c", "reviewed": "", **{f"of-ten-{number}": str(number) for number in range(5)}}

    expect_success(space.put(key := space.key(), b"tagged", {"x-amz-tagging": query_string(tags.items())}))
    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/tagging/given-with-an-upload")
@pytest.mark.usefixtures("multipart")
def test_tags_given_with_an_upload(space: Space) -> None:
    """Purpose: a client tags an object in parts when it opens the upload.
    Method: 1. open an upload with x-amz-tagging to the key of a tagged object, send a part, complete
            2. expect the upload's tags, and no others
    """
    key = space.stored(headers={"x-amz-tagging": "of-the=overwritten"})
    upload = space.opened(key, {"x-amz-tagging": "Project=Alpha&reviewed="})

    expect_no_error_inside(space.complete(key, upload, [space.part(key, upload, 1, b"tagged")]))
    expect_tag_set(space.get_tags(key), {"Project": "Alpha", "reviewed": ""})


@verifies("storage/tagging/untagged-object-has-an-empty-set")
def test_untagged_object_has_an_empty_set(space: Space) -> None:
    """Purpose: a client may request the tags of any object.
    Method: 1. put an object, request its tags; 2. expect 200 with none
    """
    expect_tag_set(space.get_tags(space.stored()), {})


@verifies("storage/tagging/set-is-replaced")
def test_tag_set_is_replaced(space: Space) -> None:
    """Purpose: putting tags replaces the whole set.
    Method: 1. tag an empty object, then with one tag of the largest size, then with none
            2. expect the second set only, and any reported count; then none, or 400 and the second set
    """
    key, large = space.stored(b""), {"k" * 128: "v" * 256}
    require(space.put_tags(key, list(TAGS.items())), "tagging")

    expect_status(space.put_tags(key, list(large.items())), DONE)
    expect_tag_set(space.get_tags(key), large)
    expect_if_present(space.head(key), {COUNT: "1"})
    emptied = space.put_tags(key, [])
    expect_status(emptied, {*DONE, 400}, "for a set of no tags")
    expect_tag_set(space.get_tags(key), {} if emptied.ok else large)


@verifies("storage/tagging/tags-are-deleted")
def test_tags_are_deleted(space: Space) -> None:
    """Purpose: a client can remove the tags of an object, and the object remains.
    Method: 1. tag an object, delete its tags twice; 2. expect 204 twice, no tags or count above 0, and the same object
    """
    key = space.stored(b"tagged", {**ALPHA, **DESCRIBED})

    for _ in range(2):
        expect_status(space.delete_tags(key), 204)
    expect_tag_set(space.get_tags(key), {})
    expect_bytes(got := space.get(key), b"tagged")
    expect_headers(got, DESCRIBED)
    expect_if_present(got, {COUNT: "0"})


@verifies("storage/tagging/copied-with-the-object")
def test_tags_are_copied_with_the_object(space: Space) -> None:
    """Purpose: a copy has its source's tags or those of the request, and they are its own from then on.
    Method: 1. copy a tagged object over another, with other metadata: expect the source's tags
            2. copy with x-amz-tagging-directive: REPLACE, then onto itself: expect the tags of the request
            3. tag the copy, then the source: expect each to have its own tags
    """
    tagged = ({"x-amz-tagging": each, "x-amz-meta-owner": "bob"} for each in ("project=alpha", "of-the=overwritten"))
    source, key = (space.stored(headers=fields) for fields in tagged)
    described = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-owner": "alice"}
    others = {"x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "stage=test&reviewed="}

    expect_no_error_inside(space.copy(key, source, described))
    expect_tag_set(space.get_tags(key), {"project": "alpha"})
    for origin, fields, owner in ((source, others, "bob"), (key, described, "alice")):
        expect_no_error_inside(space.copy(key, origin, fields))
        expect_tag_set(space.get_tags(key), {"stage": "test", "reviewed": ""})
        expect_headers(space.head(key), {"x-amz-meta-owner": owner})
    if space.copy(key, source, {"x-amz-tagging-directive": "REPLACE"}).ok:
        expect_tag_set(space.get_tags(key), {})
    expect_no_error_inside(space.copy(key, source))
    expect_status(space.put_tags(key, [("its", "own")]), DONE)
    expect_tag_set(space.get_tags(source), {"project": "alpha"})
    expect_no_error_inside(space.copy(key, source))
    expect_status(space.put_tags(source, [("stage", "production")]), DONE)
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/tagging/missing-object-is-404")
def test_tags_of_a_missing_object(space: Space) -> None:
    """Purpose: a client learns that the object to be tagged does not exist.
    Method: 1. request the tags of a key that was never written, and tag it; 2. expect 404 NoSuchKey, and no object
    """
    key = space.key("missing")

    for reply in (space.get_tags(key), space.put_tags(key, [("a", "b")])):
        expect_refusal(reply, 404, {"NoSuchKey"})
    expect_status(space.head(key), 404)


@verifies("storage/tagging/any-set-comes-back")
@explores(0.3, tags=tag_sets())
def test_any_set_of_tags_comes_back(space: Space, tags: dict[str, str]) -> None:
    """Purpose: every set of tags within the limits is stored exactly.
    Method: 1. tag an object; 2. expect the same tags; an empty set may be refused
    """
    key = space.stored()

    expect_status(space.put_tags(key, list(tags.items())), DONE if tags else {*DONE, 400})
    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/tagging/limits-are-in-characters")
def test_limits_are_in_characters(space: Space) -> None:
    """Purpose: a key of 128 and a value of 256 characters are within the limits, in any script.
    Method: 1. tag an object with as many characters of two bytes each in UTF-8; 2. expect them back
    """
    key, tags = space.stored(), {"é" * 128: "ü" * 256}

    expect_status(space.put_tags(key, list(tags.items())), DONE)
    expect_tag_set(space.get_tags(key), tags)


TOO_MUCH = {
    "eleven": [(f"tag{number}", "x") for number in range(11)],
    "key-twice": [("same", "one"), ("same", "other")],
    "long-value": [("k", "v" * 257)],
    "long-key": [("k" * 129, "x")],
    "empty-key": [("", "x")],
}
BROKEN = {"no-xml": b"tags", "empty": b"", "cut": tagging_document([("a", "b")])[:-9], "other-root": b"<Tags/>"}
BETA, OTHER = tagging_document([("project", "beta")]), b"another document"


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        *(row(f"storage/tagging/broken-document-is-refused#{hint}", body, {}) for hint, body in BROKEN.items()),
        row("storage/tagging/differing-md5-keeps-the-tags", BETA, {"Content-MD5": content_md5(OTHER)}),
        row("storage/tagging/differing-checksum-keeps-the-tags", BETA, dict([checksum_field("crc32", OTHER)])),
        *(
            row(f"storage/tagging/limits-are-enforced#{hint}", tagging_document(tags), {})
            for hint, tags in TOO_MUCH.items()
        ),
    ],
)
def test_refused_document_keeps_the_tags(
    space: Space, features: frozenset[str], body: bytes, digest: dict[str, str]
) -> None:
    """Purpose: a malformed, damaged or excessive Tagging document is refused, and the earlier tags remain.
    Method: 1. tag an object, then send such a document; 2. expect a 4xx, and the earlier tags
    """
    if "Content-MD5" not in digest and digest and "storage.checksums" not in features:
        raise NotOffered("the target does not claim storage.checksums")
    key = space.stored(headers=ALPHA)
    reply = space.call("PUT", key, {"tagging": ""}, digest or {"Content-MD5": content_md5(body)}, body)

    expect_refused(reply)
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/tagging/limits-of-the-field-are-enforced")
@pytest.mark.parametrize("hint", ["eleven", "key-twice", "long-value"])
def test_limits_of_the_tagging_field_are_enforced(space: Space, hint: str) -> None:
    """Purpose: tags in the PUT of an object have the same limits as those put later.
    Method: 1. put with x-amz-tagging beyond a limit; 2. expect a 4xx, and nothing stored
    """
    fields = {"x-amz-tagging": query_string(TOO_MUCH[hint])}

    expect_refused(space.put(key := space.key(), b"tagged", fields))
    expect_nothing_stored(space.get(key))
