"""The source of a copy: its name, its version, and the conditions on it."""

from __future__ import annotations

import pytest

from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.s3_documents import copied_etag_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NotApplicable, NotOffered

HARD_NAMES = {"blank": "a b", "plus": "a+b", "percent": "100%25", "unicode": "straße", "question": "what?"}


@verifies("storage/copy/missing-source-is-404")
def test_copy_of_missing_source(space: Space) -> None:
    """Purpose: a copy whose source is missing is told so, and makes nothing.

    Method: 1. copy from a key that was never written
            2. expect 404 NoSuchKey, and nothing under the new key
    """
    key = space.key("copy")

    expect_refusal(space.copy(key, space.key("missing")), 404, {"NoSuchKey"})
    expect_nothing_stored(space.get(key))


@verifies("storage/copy/missing-source-bucket-is-refused")
def test_copy_from_missing_bucket(space: Space) -> None:
    """Purpose: a copy whose source bucket is missing is refused, and makes nothing.

    Method: 1. copy from a bucket that never existed
            2. expect 404 NoSuchBucket or 403, and nothing under the new key
    """
    key = space.key("copy")
    reply = space.copy(key, "anything", source_bucket=space.names.new("absent"))

    expect_refusal(reply, {403, 404}, {"NoSuchBucket", "NoSuchKey", "AccessDenied"})
    expect_nothing_stored(space.get(key))


@verifies("storage/copy/broken-source-is-refused")
@pytest.mark.parametrize(
    "source",
    [
        case("no-key", "/bucket-only"),
        case("slash", "/"),
        case("blank", "%20"),
        case("escape", "/%zz/%zz"),
        case("empty", ""),
    ],
)
def test_broken_copy_source_is_refused(space: Space, source: str) -> None:
    """Purpose: a copy source that names no bucket and key is the caller's fault.

    Method: 1. PUT with such an x-amz-copy-source
            2. expect 400, 403 or 404, and nothing stored
    """
    key = space.key("copy")

    expect_status(space.copy_as(key, source), {400, 403, 404})
    expect_nothing_stored(space.get(key))


@verifies("storage/key/leading-slash-is-kept")
@pytest.mark.parametrize("made", [case("of-a-source", "object"), case("of-the-source-of-a-part", "part")])
def test_leading_slash_of_a_source_is_kept(space: Space, features: frozenset[str], made: str) -> None:
    """Purpose: a slash at the beginning of a key is part of it where the key is a copy's source, too.

    Method: 1. put an object, put another under its key with a slash before it (it may be refused), copy that, as an
               object or as the part of one
            2. expect its own bytes of the copy, where both were taken
    """
    if made == "part" and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    source, key = space.stored(b"without"), space.key("copy")
    with space.removing(f"/{source}"):
        if not space.put(f"/{source}", b"with").ok:
            raise NotApplicable("the target takes no key that begins with a slash")
        if made == "part":
            upload = space.opened(key)
            tag = copied_etag_of(space.copy_part(key, upload, 1, f"/{source}"), "CopyPartResult")
            expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
        else:
            expect_no_error_inside(space.copy(key, f"/{source}"))

    expect_bytes(space.get(key), b"with")


@verifies("storage/copy/between-buckets")
@pytest.mark.parametrize("body", [case("of-a-name-in-both", b"in the first")])
def test_source_is_in_its_own_bucket(space: Space, other_space: Space, body: bytes) -> None:
    """Purpose: a copy takes its source from the bucket that it names, though the other one has an object of that key.

    Method: 1. put other bytes under one key in two buckets, copy the first's over the second's, and to another key
            2. expect the first's bytes
    """
    source, key = space.stored(body), other_space.key("copy")
    other_space.stored(b"in the second", key=source)

    for copied in (key, source):
        expect_no_error_inside(other_space.copy(copied, source, source_bucket=space.name))
        expect_bytes(other_space.get(copied), body)


@verifies("storage/copy/source-is-decoded-once")
@pytest.mark.parametrize("name", [case(hint, name) for hint, name in HARD_NAMES.items()])
def test_copy_source_is_decoded_once(space: Space, name: str) -> None:
    """Purpose: the copy source is URL-encoded, and decoded exactly once.

    Method: 1. copy from a key with characters that need encoding
            2. expect the bytes
    """
    prefix = space.prefix()
    source = space.stored(name.encode(), key=prefix + name)

    expect_no_error_inside(space.copy(f"{prefix}copy", source))
    expect_bytes(space.get(f"{prefix}copy"), name.encode())


@verifies("storage/copy/source-is-decoded-once")
@pytest.mark.parametrize("body", [case("encoded-whole", b"its slashes too")])
def test_copy_source_may_be_encoded_whole(space: Space, body: bytes) -> None:
    """Purpose: the copy source is one value, and URL-encoded as such: clients encode the slash behind the bucket, too.

    Method: 1. copy with an x-amz-copy-source of which every reserved character is encoded
            2. expect the bytes
    """
    source, key = space.stored(body), space.key("copy")

    expect_no_error_inside(space.copy_as(key, encoded(f"{space.name}/{source}")))
    expect_bytes(space.get(key), body)


OTHER = '"0123456789abcdef0123456789abcdef"'
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"
OWN_TAG, OWN_TIME = "etag", "last-modified"
"""Stand for what HEAD tells of the source."""


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        row("storage/copy/if-match-is-honoured#if-match-holds", {"if-match": OWN_TAG}, True),
        row("storage/copy/if-match-is-honoured#if-match-fails", {"if-match": OTHER}, False),
        row("storage/copy/if-none-match-is-honoured#if-none-match-holds", {"if-none-match": OTHER}, True),
        row("storage/copy/if-none-match-is-honoured#if-none-match-fails", {"if-none-match": OWN_TAG}, False),
        row("storage/copy/if-modified-since-is-honoured#modified-since-holds", {"if-modified-since": LONG_AGO}, True),
        row("storage/copy/if-modified-since-is-honoured#modified-since-fails", {"if-modified-since": OWN_TIME}, False),
        row(
            "storage/copy/if-unmodified-since-is-honoured#unmodified-since-holds",
            {"if-unmodified-since": OWN_TIME},
            True,
        ),
        row(
            "storage/copy/if-unmodified-since-is-honoured#unmodified-since-fails",
            {"if-unmodified-since": LONG_AGO},
            False,
        ),
        row(
            "storage/copy/if-match-is-honoured#before-if-unmodified-since",
            {"if-match": OWN_TAG, "if-unmodified-since": LONG_AGO},
            True,
        ),
        row(
            "storage/copy/if-none-match-is-honoured#before-if-modified-since",
            {"if-none-match": OWN_TAG, "if-modified-since": LONG_AGO},
            False,
        ),
    ],
)
def test_condition_on_the_source(space: Space, conditions: dict[str, str], holds: bool) -> None:
    """Purpose: a copy is made only if the conditions on its source hold.

    Method: 1. copy under the conditions
            2. expect the copy where they hold, 412 and nothing under the new key where they do not
    """
    source, key = space.stored(b"conditional"), space.key("copy")
    head = space.head(source)
    own = {OWN_TAG: expect_etag(head), OWN_TIME: head.headers.get("last-modified") or ""}
    fields = {f"x-amz-copy-source-{name}": own.get(value, value) for name, value in conditions.items()}
    reply = space.copy(key, source, fields)

    if holds:
        expect_no_error_inside(reply)
        expect_bytes(space.get(key), b"conditional", "of the copy that was answered")
    else:
        expect_refusal(reply, 412, {"PreconditionFailed"})
        expect_nothing_stored(space.get(key))


@verifies("storage/copy/missing-version-is-refused")
def test_copy_of_missing_version(space: Space) -> None:
    """Purpose: a copy of a version that never existed is no copy of the present object.

    Method: 1. copy from an object with the id of a version that never existed
            2. expect 400, 403, 404, or 501, and nothing under the new key
    """
    source, key = space.stored(b"the present one"), space.key("copy")
    reply = space.copy_as(key, f"/{space.name}/{encoded(source, safe='/')}?versionId=cf-no-such-version-0000000000000")

    expect_status(reply, {400, 403, 404, 501})
    expect_nothing_stored(space.get(key))
