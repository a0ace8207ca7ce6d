"""Dot segments in a key: they never reach another bucket, wherever in a request the key is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import expect_keys, listing_of
from conformance.oracles.s3_errors import xml_root
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.oracles.status import expect_no_server_error, expect_refused
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

ELSEWHERE = b"in the other bucket"


def reached(expected: str, shown: Exchange, *copied: Exchange) -> NonConformance:
    """The finding that an answer shows the other bucket's object, which nobody has named; a copy may be refused."""
    proof = replace(lacks(shown, ELSEWHERE.decode()), or_refused=tuple(each.id for each in copied))
    return NonConformance(expected, "the other bucket's object", *copied, shown, proof=proof)


CHANGES: dict[str, Callable[[Space, str], Exchange]] = {
    "overwritten": lambda space, name: space.put(name, b"by a name with dots"),
    "deleted": lambda space, name: space.delete(name),
    "deleted-among-many": lambda space, name: space.delete_many([name, space.key("missing")]),
}


def _leading_to(other: Space, key: str, space: Space, dots: str = "..") -> str:
    """A name that, read as a path, leads from our corner to a key of the other bucket; its first folder is there."""
    prefix = space.prefix("dots")
    space.stored(b"beside", key=f"{prefix}beside")
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
def test_traversal_reaches_no_other_bucket(space: Space, other_space: Space, dots: str, slash: str) -> None:
    """Purpose: dots in a key do not lead out of its bucket.

    Method: 1. put an object into the other bucket, GET its path through ours with dots in between, or as some file
               systems write paths
            2. expect a refusal, or anything but the other bucket's bytes
    """
    key = other_space.stored(ELSEWHERE)
    request = space.request("GET")
    named = f"{slash}{encoded(other_space.name)}{slash}{encoded(key)}"
    # Signed as its very characters, however they are encoded on their way, or its signature alone would be refused.
    signed = space.s3.sign(replace(request, path=f"{request.path}/..{named}"))

    reply = space.s3.send_as_is(replace(signed, path=f"{request.path}/{dots}{named}"))

    if reply.body == ELSEWHERE:
        raise reached("the key with dots to be a key of this bucket", reply)
    expect_refused(reply)


@verifies("storage/key/traversal-reaches-no-other-bucket")
@pytest.mark.parametrize("change", [case(hint, change) for hint, change in CHANGES.items()])
def test_traversal_changes_no_other_bucket(
    space: Space, other_space: Space, change: Callable[[Space, str], Exchange]
) -> None:
    """Purpose: what is written or deleted under a name with dots is not another bucket's object.

    Method: 1. put an object into the other bucket; PUT, DELETE, or name in a Delete document, a name of ours with dots
               that as a path would lead there
            2. expect the other bucket's object as it was
    """
    key = other_space.stored(ELSEWHERE)

    reply = change(space, _leading_to(other_space, key, space))

    expect_no_server_error(reply)
    expect_bytes(
        other_space.get(key), ELSEWHERE, "for the other bucket's object, which a name with dots must not reach"
    )


@verifies("storage/key/traversal-reaches-no-other-bucket")
@pytest.mark.parametrize("dots", [case("copied", ".."), case("copied-encoded", "%2e%2e")])
def test_traversal_is_no_copy_source(space: Space, other_space: Space, dots: str) -> None:
    """Purpose: a copy source with dots names a key of the bucket that it begins with, for which the caller has rights.

    Method: 1. put an object into the other bucket; copy from a name of ours with dots that would lead there
            2. expect nothing to be copied
    """
    key, copy = other_space.stored(ELSEWHERE), space.key("copy")

    reply = space.copy_as(copy, f"/{space.name}/{_leading_to(other_space, key, space, dots)}")
    got = space.get(copy)

    if got.body == ELSEWHERE:
        raise reached("the source to be a key of its bucket, where nothing is", got, reply)
    expect_no_server_error(reply)
    expect_nothing_stored(got)


@verifies("storage/key/traversal-reaches-no-other-bucket")
@pytest.mark.parametrize("old", [case("listed", False), case("listed-v1", True)])
def test_traversal_lists_no_other_bucket(space: Space, other_space: Space, old: bool) -> None:
    """Purpose: a prefix with dots is that of keys in this bucket.

    Method: 1. put an object into the other bucket; list under a prefix of ours with dots that would lead there
            2. expect a refusal, or no keys
    """
    key = other_space.stored(ELSEWHERE)

    reply = (space.listing_v1 if old else space.listing)(_leading_to(other_space, key, space))

    expect_no_server_error(reply)
    if reply.ok:
        expect_keys(listing_of(reply), [])


@verifies("storage/multipart/traversal-is-no-source-of-a-part")
@pytest.mark.parametrize("dots", [case("plain", ".."), case("encoded", "%2e%2e")])
def test_traversal_is_no_source_of_a_part(space: Space, other_space: Space, dots: str) -> None:
    """Purpose: a part's copy source with dots names a key of the bucket that it begins with, too.

    Method: 1. put an object into the other bucket; copy a part from a name of ours with dots that would lead there,
               complete where that is taken
            2. expect a refusal, or anything but the other bucket's bytes
    """
    key, target = other_space.stored(ELSEWHERE), space.key("parts")
    source = f"/{space.name}/{_leading_to(other_space, key, space, dots)}"
    upload = space.opened(target)
    reply = space.put_part(target, upload, 1, b"", {"x-amz-copy-source": source})
    root = xml_root(reply)
    tag = root.findtext(".//ETag") if root is not None else None
    if tag:
        space.complete(target, upload, [(1, tag)])
    space.abort(target, upload)
    got = space.get(target)

    if got.body == ELSEWHERE:
        raise reached("the source to be a key of its bucket", got, reply)
    expect_no_server_error(reply)
