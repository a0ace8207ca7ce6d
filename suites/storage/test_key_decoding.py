"""Keys are decoded exactly once and are never read as paths of a file system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.s3_documents import expect_keys, listing_of
from conformance.oracles.s3_errors import expect_no_error_inside, xml_root
from conformance.oracles.s3_objects import expect_bytes, expect_length, expect_nothing_stored, expect_stored_or_refused
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import object_names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

OTHERS = b"in the other bucket"


def _expect_not_reached(shown: Exchange, *copied: Exchange) -> None:
    """Expect no object of the other bucket in the response; ``copied`` are the requests that may have caused it."""
    if shown.body == OTHERS:
        expected = "a key with dots to be a key of its own bucket"
        raise NonConformance(expected, "the other bucket's object", *copied, shown)


def _leading_to(other: Space, key: str, space: Space, dots: str = "..") -> str:
    """Return a key that, read as a path, leads from our prefix to a key of the other bucket."""
    prefix = space.prefix("dots")
    space.stored(b"in the first folder of that path", key=f"{prefix}file")
    return f"{prefix}{dots}/{dots}/{other.name}/{key}"


@verifies("storage/key/traversal-reaches-no-other-bucket")
@pytest.mark.parametrize(
    ("dots", "slash"),
    [
        case("plain", "..", "/"),
        case("encoded", "%2e%2e", "/"),
        case("half-encoded", ".%2e", "/"),
        case("backslashes", "..", "%5C"),
    ],
)
def test_traversal_reads_no_other_bucket(space: Space, other_space: Space, dots: str, slash: str) -> None:
    """Purpose: dots in a key must not lead out of its bucket.
    Method: 1. put an object into the other bucket, GET its path through our bucket with dots in between
            2. expect a 4xx, and not the other bucket's bytes
    """
    key = other_space.stored(OTHERS)
    request = space.request("GET")
    named = f"{slash}{encoded(other_space.name)}{slash}{encoded(key)}"
    # The signature covers the decoded path, so that it is no reason for a refusal.
    signed = space.s3.sign(replace(request, path=f"{request.path}/..{named}"))

    reply = space.s3.send_as_is(replace(signed, path=f"{request.path}/{dots}{named}"))

    _expect_not_reached(reply)
    expect_refused(reply)


CHANGES: dict[str, Callable[[Space, str], Exchange]] = {
    "overwritten": lambda space, key: space.put(key, b"by a key with dots"),
    "deleted": lambda space, key: space.delete(key),
    "deleted-among-many": lambda space, key: space.delete_many([key, space.key("missing")]),
    "listed": lambda space, key: space.listing(key),
    "listed-v1": lambda space, key: space.listing_v1(key),
}


@verifies("storage/key/traversal-reaches-no-other-bucket")
@pytest.mark.parametrize("operation", [case(hint, operation) for hint, operation in CHANGES.items()])
def test_traversal_changes_and_lists_no_other_bucket(
    space: Space, other_space: Space, operation: Callable[[Space, str], Exchange]
) -> None:
    """Purpose: an operation on a key with dots must not change or list another bucket's object.
    Method: 1. put an object into the other bucket; write, delete or list a key of ours that as a path leads there
            2. expect no keys in a listing, no server error, and the other bucket's object as it was
    """
    key = other_space.stored(OTHERS)
    reply = operation(space, _leading_to(other_space, key, space))

    expect_no_server_error(reply)
    if reply.ok and reply.method == "GET":
        expect_keys(listing_of(reply), [])
    expect_bytes(other_space.get(key), OTHERS, "for the other bucket's object, which a key with dots must not reach")


@pytest.mark.parametrize(
    ("dots", "of_a_part"),
    [
        row("storage/key/traversal-reaches-no-other-bucket#copied", "..", False),
        row("storage/key/traversal-reaches-no-other-bucket#copied-encoded", "%2e%2e", False),
        row("storage/multipart/traversal-is-no-source-of-a-part#plain", "..", True),
        row("storage/multipart/traversal-is-no-source-of-a-part#encoded", "%2e%2e", True),
    ],
)
def test_traversal_is_no_copy_source(space: Space, other_space: Space, dots: str, of_a_part: bool) -> None:
    """Purpose: a copy source with dots must name a key of the bucket that it begins with.
    Method: 1. put an object into the other bucket; copy from a key of ours with dots, as an object or as a part
            2. expect nothing copied; of a part a refusal, or not the other bucket's bytes
    """
    key, target = other_space.stored(OTHERS), space.key("copy")
    source = f"/{space.name}/{_leading_to(other_space, key, space, dots)}"
    if of_a_part:
        upload = space.opened(target)
        reply = space.put_part(target, upload, 1, b"", {"x-amz-copy-source": source})
        root = xml_root(reply)
        if tag := root.findtext(".//ETag") if root is not None else None:
            space.complete(target, upload, [(1, tag)])
        space.abort(target, upload)
    else:
        reply = space.copy_as(target, source)
    got = space.get(target)

    _expect_not_reached(got, reply)
    expect_no_server_error(reply)
    if not of_a_part:
        expect_nothing_stored(got)


@verifies("storage/key/similar-names-are-different#every-operation")
def test_similar_keys_are_different_objects(space: Space) -> None:
    """Purpose: every operation decodes a key once, not only GET and PUT.
    Method: 1. put an object under "A", copy a larger one to "%41"
            2. expect HEAD to return the copy's size; DELETE the copy, expect the first object as it was
    """
    prefix = space.prefix()
    key, copied = space.stored(b"kept", key=prefix + "A"), prefix + "%41"

    expect_no_error_inside(space.copy(copied, space.stored(b"copied bytes")))
    expect_bytes(space.get(key), b"kept", "after a copy to a similar key")
    expect_length(space.head(copied), len(b"copied bytes"))
    expect_success(space.delete(copied))
    expect_bytes(space.get(key), b"kept", "after the similar key was deleted")
    expect_status(space.get(copied), 404, "for a deleted key")


@verifies("storage/copy/source-is-decoded-once")
@pytest.mark.parametrize("name", [case("double-slash", "a//b"), case("trailing-slash", "folder/")])
def test_copy_source_keeps_its_slashes(space: Space, name: str) -> None:
    """Purpose: a copy must be of exactly the named key, with each of its slashes.
    Method: 1. put an object under such a key, which may be refused; copy from there
            2. expect its bytes, or nothing copied if it was refused
    """
    prefix = space.prefix()
    put = space.put(prefix + name, b"with its slashes")

    copied = space.copy(f"{prefix}copy", prefix + name)
    if put.ok:
        expect_no_error_inside(copied)
    expect_stored_or_refused(put, space.get(f"{prefix}copy"), b"with its slashes")


@verifies("storage/key/any-key-reaches-itself")
@explores(0.6, name=object_names())
def test_any_key_reaches_itself(space: Space, name: str) -> None:
    """Purpose: every operation reaches an object under exactly its key, whatever the key.
    Method: 1. put an object under the key, which may be refused with a 4xx
            2. expect it from GET and HEAD, alone in the listing of its prefix, and not listed after DELETE
    """
    key = (prefix := space.prefix()) + name
    put = space.put(key, name.encode())

    expect_stored_or_refused(put, space.get(key), name.encode())
    expect_keys(found_under(space, prefix, encoding_type="url"), [key] if put.ok else [])
    if put.ok:
        expect_status(space.head(key), 200)
        expect_success(space.delete(key))
        expect_keys(found_under(space, prefix, encoding_type="url"), [])
