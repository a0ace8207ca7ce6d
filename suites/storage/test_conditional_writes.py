"""Conditional writes: a client creates only a missing object, and replaces or deletes only what it has read."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import document, element
from conformance.oracles.s3_documents import deletion_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, rows, verifies
from conformance.vocabulary.finding import NonConformance, NotOffered
from conformance.vocabulary.wording import worded

OLD, NEW = b"version one", b"version two"
OTHER = '"0123456789abcdef0123456789abcdef"'
OTHER_OF_PARTS = '"0123456789abcdef0123456789abcdef-1"'
OWN = "<own>"
"""The placeholder for the ETag that the client has read."""
CREATE = {"If-None-Match": "*"}
FAILED = {"PreconditionFailed", "ConditionalRequestConflict"}
NOT_OFFERED = {"NotImplemented", "MethodNotAllowed", "InvalidArgument", "InvalidRequest"}
OPTIONAL = {400, 409, 412, 501}, FAILED | NOT_OFFERED | {"NoSuchKey"}
"""The statuses of a failed condition that S3 need not support: it may be refused as such."""


def _prepared(space: Space, before: str, features: frozenset[str]) -> tuple[str, bytes | None, str]:
    """Return a key in a state, its bytes, and the ETag that a client has read before."""
    if before == "multipart" and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    if before == "missing":
        return space.key(), None, OTHER
    old = b"" if before == "empty" else OLD
    key = space.stored_in_parts([old]) if before == "multipart" else space.stored(old)
    tag = expect_etag(space.head(key))
    if before == "deleted":
        expect_success(space.delete(key))
        return key, None, tag
    if before == "overwritten":
        space.stored(old := b"overwritten", key=key)
    return key, old, tag


@pytest.mark.parametrize(
    ("before", "condition", "is_optional"),
    [
        row("storage/conditional-write/missing-object-is-created", "missing", CREATE, False),
        row("storage/conditional-write/missing-object-is-created#after-deletion", "deleted", CREATE, False),
        row("storage/conditional-write/matching-object-is-replaced", "stored", {"If-Match": OWN}, False),
        row(
            "storage/conditional-write/matching-object-is-replaced#multipart-object",
            "multipart",
            {"If-Match": OWN},
            False,
        ),
        row(
            "storage/conditional-write/if-none-match-of-an-etag#if-none-match-holds",
            "stored",
            {"If-None-Match": OTHER},
            True,
        ),
        row(
            "storage/conditional-write/if-match-any-needs-an-object#if-match-any-holds",
            "stored",
            {"If-Match": "*"},
            True,
        ),
    ],
)
def test_put_is_made_if_its_condition_holds(
    space: Space, features: frozenset[str], before: str, condition: dict[str, str], is_optional: bool
) -> None:
    """Purpose: a client can create an object only if there is none, and replace only what it has read.
    Method: 1. PUT to a missing or existing key under a condition that holds
            2. expect 2xx and the new bytes; a condition that S3 need not offer may be refused with 400 or 501
    """
    key, _, tag = _prepared(space, before, features)

    reply = space.put(key, NEW, {name: value.replace(OWN, tag) for name, value in condition.items()})
    expect_status(reply, {*range(200, 300), *((400, 501) if is_optional else ())}, "for a condition that holds")
    if reply.ok:
        expect_bytes(space.get(key), NEW, "of the PUT that succeeded")


@pytest.mark.parametrize(
    ("before", "condition", "refusal"),
    rows(
        {
            "storage/conditional-write/existing-object-is-not-overwritten": {
                "": ("stored", CREATE, (412, FAILED)),
                "empty-object": ("empty", CREATE, (412, FAILED)),
                "existing-multipart-object": ("multipart", CREATE, (412, FAILED)),
            },
            "storage/conditional-write/changed-object-is-not-overwritten": {
                "never-seen": ("stored", {"If-Match": OTHER}, (412, FAILED)),
                "overwritten-since": ("overwritten", {"If-Match": OWN}, (412, FAILED)),
                "other-multipart-object": ("multipart", {"If-Match": OTHER_OF_PARTS}, (412, FAILED)),
                "missing-object": ("missing", {"If-Match": OTHER}, ({404, 412}, FAILED | {"NoSuchKey"})),
            },
            "storage/conditional-write/if-none-match-of-an-etag": {
                "if-none-match-fails": ("stored", {"If-None-Match": OWN}, OPTIONAL)
            },
            "storage/conditional-write/if-match-any-needs-an-object": {
                "if-match-any-fails": ("missing", {"If-Match": "*"}, ({404, *OPTIONAL[0]}, OPTIONAL[1]))
            },
        }
    ),
)
def test_put_is_refused_if_its_condition_fails(
    space: Space,
    features: frozenset[str],
    before: str,
    condition: dict[str, str],
    refusal: tuple[int | set[int], set[str]],
) -> None:
    """Purpose: a conditional PUT never overwrites what the client has not read, and loses no update.
    Method: 1. PUT to a missing or existing key under a condition that fails
            2. expect 412 PreconditionFailed (404 for If-Match of a missing object; a condition that S3 need not offer
               may be refused), and the old bytes or none
    """
    key, old, tag = _prepared(space, before, features)

    reply = space.put(key, b"lost update", {name: value.replace(OWN, tag) for name, value in condition.items()})
    expect_refusal(reply, *refusal)
    if old is None:
        expect_nothing_stored(space.get(key))
    else:
        expect_stored(space.get(key), old)


@verifies("storage/conditional-write/missing-object-is-created#prefix-of-another-key")
def test_prefix_of_another_key_can_be_created(space: Space) -> None:
    """Purpose: where only "a/b" was put there is no object "a", so it can be created.
    Method: 1. put "a/b", PUT "a" with If-None-Match: *; if that is refused, put "a" without it
            2. expect 2xx, unless the target cannot store both keys at all; expect the bytes of "a" from GET
    """
    key = space.key()
    space.stored(key=key + "/below")
    reply = space.put(key, NEW, CREATE)

    if not reply.ok:
        require(space.put(key, NEW), "a target that stores a key which is the prefix of another")
    expect_success(reply, "for a key without an object")
    expect_bytes(space.get(key), NEW)


@verifies("storage/conditional-write/changed-object-is-not-deleted")
@pytest.mark.parametrize(
    ("before", "condition"),
    [case("own-etag", "stored", OWN), case("any-etag", "stored", "*"), case("multipart-etag", "multipart", OWN)],
)
def test_conditional_deletion(space: Space, features: frozenset[str], before: str, condition: str) -> None:
    """Purpose: a client deletes only the object that it has read.
    Method: 1. DELETE an object with If-Match of another ETag; expect 412, or such conditions refused, and the object
            2. DELETE it with its own ETag or *; expect 204 and no object, or such conditions refused
    """
    key, old, tag = _prepared(space, before, features)

    expect_status(space.delete(key, {"If-Match": OTHER}), {400, 405, 409, 412, 501})
    expect_stored(space.get(key), old or b"")
    reply = space.delete(key, {"If-Match": condition.replace(OWN, tag)})
    expect_status(reply, {200, 204, 400, 405, 501}, "for an If-Match that holds")
    if reply.ok:
        expect_nothing_stored(space.get(key), "for a key that was deleted under a condition that held")


@verifies("storage/conditional-write/changed-objects-are-not-deleted")
def test_many_deletions_keep_what_changed(space: Space) -> None:
    """Purpose: DeleteObjects with ETags deletes only the objects that the client has read.
    Method: 1. name in DeleteObjects an object with another ETag, one with its own, and after them a missing key
            2. expect an Error for the first and the object there, no failed condition for the second, the last Deleted
    """
    key, held, after = space.stored(OLD), space.stored(b"as it was read"), space.key("after")
    tags = {key: OTHER, held: expect_etag(space.head(held))}
    named = "".join(f"<Object>{element('Key', each)}{element('ETag', tag)}</Object>" for each, tag in tags.items())
    reply = space.delete_with(document("Delete", named + f"<Object>{element('Key', after)}</Object>"))

    expect_stored(space.get(key), OLD)
    expect_no_server_error(reply)
    if not reply.ok:
        return
    result = deletion_of(reply)
    if key in result.deleted or key not in result.errors:
        raise NonConformance("an Error for the key whose ETag is another", worded(result), reply)
    if result.errors.get(held) in FAILED:
        raise NonConformance("no failed condition for the present ETag", result.errors[held], reply)
    if after not in result.deleted:
        expected, seen = f"<Deleted> for {after}, too", f"<Deleted> for {worded(result.deleted)}"
        raise NonConformance(expected, seen, reply)


@verifies("storage/conditional-write/copy-honours-conditions")
@pytest.mark.parametrize("condition", [case("if-none-match", CREATE), case("if-match", {"If-Match": OTHER})])
def test_conditional_copy(space: Space, condition: dict[str, str]) -> None:
    """Purpose: CopyObject honours If-None-Match and If-Match like a PUT.
    Method: 1. copy an object over another under a condition that fails; expect 412, a 200 that ends in that error, or
               such conditions refused, and the old bytes
            2. copy it to a new key with If-None-Match: *; expect no failed condition
    """
    key, source = space.stored(OLD), space.stored(b"intruder")
    reply = space.copy(key, source, condition)

    expect_failed_completion(reply, *OPTIONAL)
    expect_stored(space.get(key), OLD)
    if condition == CREATE:
        created = space.copy(space.key("new"), source, condition)
        expect_status(created, {200, 400, 405, 501}, "for If-None-Match: * and a missing object")


@verifies("storage/conditional-write/completion-honours-conditions")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize("replacing", [case("if-none-match", False), case("if-match", True)])
def test_conditional_completion(space: Space, replacing: bool) -> None:
    """Purpose: CompleteMultipartUpload honours If-None-Match and If-Match like a PUT.
    Method: 1. complete two uploads to one key with If-None-Match: *, or with If-Match of the present ETag
            2. expect the first object; for the second 412, or a 200 that ends in that error
    """
    key = space.stored(OLD) if replacing else space.key()
    condition = {"If-Match": expect_etag(space.head(key))} if replacing else CREATE
    uploads = [space.opened(key) for _ in range(2)]
    parts = [space.part(key, upload, 1, body) for upload, body in zip(uploads, (b"in time", b"too late"), strict=True)]
    first, second = (
        space.complete(key, upload, [part], condition) for upload, part in zip(uploads, parts, strict=True)
    )

    expect_no_error_inside(first)
    expect_failed_completion(second, {409, 412}, FAILED)
    expect_stored(space.get(key), b"in time")
    space.abort(key, uploads[1])
