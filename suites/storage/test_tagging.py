"""Object tags and their limits, for targets that declare tagging."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import content_md5, tagging_document
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import query_string
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_headers,
    expect_if_told,
    expect_nothing_stored,
    expect_same_etag,
    expect_same_headers,
    expect_tag_set,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import tag_sets
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NotOffered

TAGS = {"Project": "Alpha", "owner": "team é日", "Owner": "Team A"}
ODD, OTHER = {"number": "007", "answer": "No", "of": "null", "sum": "a+b=c", "reviewed": ""}, b"another document"
CHECKSUMS, ENABLED = "storage.checksums", {"x-amz-checksum-mode": "ENABLED"}
DESCRIBED = {"Content-Type": "text/csv", "Cache-Control": "max-age=60", "x-amz-meta-owner": "alice"}
MALFORMED = {"MalformedXML", "InvalidRequest", "MissingRequestBodyError", "MissingContentLength", "InvalidTag"}


@verifies("storage/tagging/tags-come-back")
def test_tags_come_back(space: Space, features: frozenset[str]) -> None:
    """Purpose: an object's tags are kept, and leave the object as it is.

    Method: 1. put an object, with its CRC-32 where checksums are offered, tag it, one tag with an empty value
            2. expect the tags, their number where it is told, and the bytes, metadata, ETag and checksum as they were
    """
    key, tags = f"{space.key()}é &%41K", TAGS | ODD
    name, value = checksum_field("crc32", b"tagged")
    put = require(space.put(key, b"tagged", DESCRIBED | ({name: value} if CHECKSUMS in features else {})), "objects")
    told = space.head(key, ENABLED)

    expect_status(space.put_tags(key, list(tags.items())), {200, 204})
    expect_tag_set(space.get_tags(key), tags)
    got = space.get(key)
    expect_bytes(got, b"tagged")
    if "x-amz-tagging-count" in got.headers:
        expect_headers(got, {"x-amz-tagging-count": str(len(tags))})
    expect_headers(head := space.head(key, ENABLED), DESCRIBED)
    expect_same_etag(put, got)
    if name in told.headers:
        expect_same_headers(head, told, [name])


@verifies("storage/tagging/given-with-the-object")
def test_tags_given_with_the_object(space: Space) -> None:
    """Purpose: an object can be tagged as it is put.

    Method: 1. put with ten tags in x-amz-tagging, URL-encoded
            2. expect the tags decoded
    """
    more = {f"of-ten-{number}": str(number) for number in range(10 - len(TAGS) - 2)}
    key, tags = space.key(), {**TAGS, "sum": "a+b=c", "reviewed": "", **more}

    expect_success(space.put(key, b"tagged", {"x-amz-tagging": query_string(tags.items())}))
    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/tagging/none-is-an-empty-set")
def test_untagged_object_has_an_empty_set(space: Space) -> None:
    """Purpose: an object without tags has an empty set of them.

    Method: 1. put an object, ask for its tags
            2. expect 200 with none
    """
    expect_tag_set(space.get_tags(space.stored()), {})


@verifies("storage/tagging/set-is-replaced")
def test_tag_set_is_replaced(space: Space) -> None:
    """Purpose: putting tags replaces the whole set.

    Method: 1. tag an empty object thrice, the second time with one tag as large as can be, at last with none
            2. expect the second set alone, and its number where HEAD tells one; then none, or 400 to what
               DeleteObjectTagging is there for
    """
    key, large = space.stored(b""), {"k" * 128: "v" * 256}
    require(space.put_tags(key, list(TAGS.items())), "tagging")

    expect_status(space.put_tags(key, list(large.items())), {200, 204})
    expect_tag_set(space.get_tags(key), large)
    expect_if_told(space.head(key), {"x-amz-tagging-count": "1"})
    emptied = space.put_tags(key, [])
    expect_status(emptied, {200, 204, 400}, "for a set of no tags")
    expect_tag_set(space.get_tags(key), {} if emptied.ok else large)


@verifies("storage/tagging/overwriting-drops-tags")
def test_overwriting_drops_tags(space: Space) -> None:
    """Purpose: tags are of an object, so the one that replaces it has none of them.

    Method: 1. put an object with tags, read them, overwrite it without
            2. expect no tags; and none either where it was deleted in between, alone or by DeleteObjects
    """
    for delete in (None, space.delete, lambda key: space.delete_many([key])):
        key = space.stored(b"old", {"x-amz-tagging": "project=alpha"})
        expect_tag_set(space.get_tags(key), {"project": "alpha"})
        if delete:
            delete(key)
        space.stored(b"new", key=key)

        expect_tag_set(space.get_tags(key), {})


@verifies("storage/tagging/tags-are-deleted")
def test_tags_are_deleted(space: Space) -> None:
    """Purpose: tags can be taken away, and the object stays.

    Method: 1. tag an object, delete its tags, and once more, where there are none
            2. expect 204 of both, no tags nor a number of them, and the bytes and metadata
    """
    key = space.stored(b"tagged", {"x-amz-tagging": "project=alpha", **DESCRIBED})

    for _ in range(2):
        expect_status(space.delete_tags(key), 204)
    expect_tag_set(space.get_tags(key), {})
    expect_bytes(got := space.get(key), b"tagged")
    expect_headers(got, DESCRIBED)
    expect_if_told(got, {"x-amz-tagging-count": "0"})


@verifies("storage/tagging/broken-document-is-refused")
@pytest.mark.parametrize(
    "body",
    [
        case("no-xml", b"tags"),
        case("empty", b""),
        case("cut", tagging_document([("a", "b")])[:-9]),
        case("other-root", b"<Tags/>"),
    ],
)
def test_broken_document_is_refused(space: Space, body: bytes) -> None:
    """Purpose: a body that is no Tagging document is refused, and the old tags stay.

    Method: 1. tag an object, then send such a body
            2. expect 400 MalformedXML (411 too where there is no body), and the old tags
    """
    key = space.stored(headers={"x-amz-tagging": "project=alpha"})
    reply = space.call("PUT", key, {"tagging": ""}, {"Content-MD5": content_md5(body)}, body)

    expect_refusal(reply, {400} if body else {400, 411}, MALFORMED)
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@pytest.mark.parametrize(
    "digest",
    [
        row("storage/tagging/differing-md5-keeps-the-tags", {"Content-MD5": content_md5(OTHER)}),
        row("storage/tagging/differing-checksum-keeps-the-tags", dict([checksum_field("crc32", OTHER)])),
    ],
)
def test_differing_digest_keeps_the_tags(space: Space, features: frozenset[str], digest: dict[str, str]) -> None:
    """Purpose: a Tagging document that arrives other than its Content-MD5 or checksum says changes no tags.

    Method: 1. tag an object, send other tags with the digest of another document
            2. expect 400 BadDigest, and the old tags
    """
    if "Content-MD5" not in digest and "storage.checksums" not in features:
        raise NotOffered("the target does not claim storage.checksums")
    key = space.stored(headers={"x-amz-tagging": "project=alpha"})
    body = tagging_document([("project", "beta")])

    reply = space.call("PUT", key, {"tagging": ""}, digest, body)

    expect_refusal(reply, 400, {"BadDigest", "InvalidDigest", "InvalidRequest", "XAmzContentChecksumMismatch"})
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/tagging/go-along-with-a-copy")
def test_tags_go_along_with_a_copy(space: Space) -> None:
    """Purpose: a copy has its source's tags, unless it is told to have others, and they are its own from then on.

    Method: 1. copy a tagged object over another, with other metadata; then with x-amz-tagging-directive: REPLACE and
               other tags; then that copy onto itself, with other metadata; then with REPLACE and no tags; then tag the
               copy
            2. expect the source's tags; then the others, which stay, with the source's metadata and with the other;
               then none, where that was taken; and the source's tags as they were at the end
    """
    tagged = ({"x-amz-tagging": tags, "x-amz-meta-owner": "bob"} for tags in ("project=alpha", "of-the=overwritten"))
    source, key = (space.stored(headers=fields) for fields in tagged)
    described = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-owner": "alice"}
    others = {"x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "stage=test&reviewed="}

    expect_no_error_inside(space.copy(key, source, described))
    expect_tag_set(space.get_tags(key), {"project": "alpha"})
    for origin, asked, owner in ((source, others, "bob"), (key, described, "alice")):
        expect_no_error_inside(space.copy(key, origin, asked))
        expect_tag_set(space.get_tags(key), {"stage": "test", "reviewed": ""})
        expect_headers(space.head(key), {"x-amz-meta-owner": owner})
    if space.copy(key, source, {"x-amz-tagging-directive": "REPLACE"}).ok:
        expect_tag_set(space.get_tags(key), {})
    expect_no_error_inside(space.copy(key, source))
    expect_status(space.put_tags(key, [("its", "own")]), {200, 204})
    expect_tag_set(space.get_tags(source), {"project": "alpha"})


@verifies("storage/tagging/given-with-an-upload")
def test_tags_given_with_an_upload(space: Space, features: frozenset[str]) -> None:
    """Purpose: an object that comes in parts can be tagged as its upload is opened.

    Method: 1. open an upload with x-amz-tagging to the key of a tagged object, send a part, complete
            2. expect the upload's tags, and no others
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = space.stored(headers={"x-amz-tagging": "of-the=overwritten"})
    upload = space.opened(key, {"x-amz-tagging": "Project=Alpha&reviewed="})

    expect_no_error_inside(space.complete(key, upload, [space.part(key, upload, 1, b"tagged")]))
    expect_tag_set(space.get_tags(key), {"Project": "Alpha", "reviewed": ""})


@verifies("storage/tagging/missing-object-is-404")
def test_tags_of_missing_object(space: Space) -> None:
    """Purpose: what does not exist has no tags and takes none.

    Method: 1. ask for the tags of a key that was never written, and tag it
            2. expect 404 NoSuchKey for both, and no object
    """
    key = space.key("missing")

    expect_refusal(space.get_tags(key), 404, {"NoSuchKey"})
    expect_refusal(space.put_tags(key, [("a", "b")]), 404, {"NoSuchKey"})
    expect_status(space.head(key), 404)


@verifies("storage/tagging/any-set-comes-back")
@explores(0.3, tags=tag_sets())
def test_any_set_of_tags_comes_back(space: Space, tags: dict[str, str]) -> None:
    """Purpose: every set of tags within the limits is kept exactly.

    Method: 1. tag an object
            2. expect the same tags; a set of none may be refused
    """
    key = space.stored()

    expect_status(space.put_tags(key, list(tags.items())), {200, 204} if tags else {200, 204, 400})
    expect_tag_set(space.get_tags(key), tags)


BAD_TAGS = {"InvalidTag", "MalformedXML", "BadRequest", "InvalidArgument", "InvalidTagError"}
TOO_MUCH = {
    "eleven": [(f"tag{number}", "x") for number in range(11)],
    "long-key": [("k" * 129, "x")],
    "long-value": [("k", "v" * 257)],
    "key-twice": [("same", "one"), ("same", "other")],
    "empty-key": [("", "x")],
}


@verifies("storage/tagging/limits-are-kept")
@pytest.mark.parametrize("tags", [case(hint, tags) for hint, tags in TOO_MUCH.items()])
def test_limits_are_kept(space: Space, tags: list[tuple[str, str]]) -> None:
    """Purpose: at most ten tags, keys of 128 and values of 256 characters, no key twice; else the old set stays.

    Method: 1. tag an object, then with a set beyond a limit
            2. expect 400, and the old tags
    """
    key = space.stored(headers={"x-amz-tagging": "project=alpha"})

    expect_refusal(space.put_tags(key, tags), 400, BAD_TAGS)
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/tagging/limits-are-in-characters")
def test_limits_are_in_characters(space: Space) -> None:
    """Purpose: a key of 128 and a value of 256 characters are within the limits, whatever the script.

    Method: 1. tag an object with letters of two bytes each in UTF-8, as many as can be
            2. expect them back
    """
    key, tags = space.stored(), {"é" * 128: "ü" * 256}

    expect_status(space.put_tags(key, list(tags.items())), {200, 204})
    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/tagging/limits-of-the-field-are-kept")
@pytest.mark.parametrize(
    "tags",
    [
        case("eleven", "&".join(f"tag{number}=x" for number in range(11))),
        case("key-twice", "same=one&same=other"),
        case("long-value", "k=" + "v" * 257),
    ],
)
def test_limits_of_the_tagging_field_are_kept(space: Space, tags: str) -> None:
    """Purpose: the tags that come with an object have the limits of those that come after it.

    Method: 1. put with x-amz-tagging beyond a limit
            2. expect 400, and nothing stored
    """
    key = space.key()

    expect_refusal(space.put(key, b"tagged", {"x-amz-tagging": tags}), 400, {*BAD_TAGS, "InvalidRequest"})
    expect_nothing_stored(space.get(key))
