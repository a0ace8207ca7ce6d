"""Conditional PUT: creating only what is not there, replacing only what one has read."""

from __future__ import annotations

import functools

import pytest

from conformance.clients.concurrency import at_once
from conformance.clients.s3.bodies import document, element
from conformance.oracles.proofs import lists
from conformance.oracles.s3_documents import deletion_of, told_as
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotOffered, Proof
from conformance.vocabulary.wording import worded

OTHER = '"0123456789abcdef0123456789abcdef"'
FAILED = {"PreconditionFailed", "ConditionalRequestConflict"}
UNKNOWN = {"NotImplemented", "MethodNotAllowed", "InvalidArgument", "InvalidRequest"}
RACERS, ROUNDS = 4, 4


def _all_at_once(space: Space, key: str, headers: dict[str, str], turn: int = 0) -> list[tuple[bytes, Exchange]]:
    """Several PUTs of different bodies to one key, released together; each body with its answer."""
    # Never the same bytes twice: they would have the same ETag, and more than one might rightly win.
    bodies = [f"turn {turn}, racer {racer}".encode() for racer in range(RACERS)]
    replies = at_once([functools.partial(space.put, key, body, headers) for body in bodies])
    return list(zip(bodies, replies, strict=True))


def _only_winner(answers: list[tuple[bytes, Exchange]]) -> bytes:
    """The body of the one PUT that was answered 2xx, the others having been told that they failed."""
    won = [(body, reply) for body, reply in answers if reply.ok]
    if len(won) != 1:
        raise NonConformance("one winner", f"{len(won)} of {len(answers)} told that they won", *(r for _, r in answers))
    for _, reply in answers:
        if not reply.ok:
            expect_status(reply, {*range(200, 300), 409, 412}, "for a PUT that won or lost the race")
    return won[0][0]


def _expect_one_completion(space: Space, features: frozenset[str], key: str, condition: dict[str, str]) -> None:
    """A completion under a condition that holds makes the object; another, for which it does no longer, none."""
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    uploads = [space.opened(key) for _ in range(2)]
    parts = [space.part(key, upload, 1, body) for upload, body in zip(uploads, (b"in time", b"too late"), strict=True)]

    first, second = (
        space.complete(key, upload, [part], condition) for upload, part in zip(uploads, parts, strict=True)
    )

    expect_no_error_inside(first)
    expect_failed_completion(second, {409, 412}, FAILED)
    expect_stored(space.get(key), b"in time")
    space.abort(key, uploads[1])


@verifies("storage/conditional-write/creates-what-is-absent")
def test_if_none_match_creates_what_is_absent(space: Space) -> None:
    """Purpose: If-None-Match: * lets a client create an object.

    Method: 1. PUT with If-None-Match: * to a new key
            2. expect 2xx and the bytes
    """
    key = space.key()

    expect_success(space.put(key, b"created", {"If-None-Match": "*"}))
    expect_bytes(space.get(key), b"created", "of the PUT that was answered")


@verifies("storage/conditional-write/keeps-what-is-there")
def test_if_none_match_keeps_what_is_there(space: Space) -> None:
    """Purpose: If-None-Match: * never overwrites.

    Method: 1. put an object, one of no bytes too, then PUT to its key with If-None-Match: *
            2. expect 412 PreconditionFailed, and the old bytes
    """
    for stood in (b"what stood there", b""):
        key = space.stored(stood)

        expect_refusal(space.put(key, b"intruder", {"If-None-Match": "*"}), 412, FAILED)
        expect_stored(space.get(key), stood)


@verifies("storage/conditional-write/created-again-after-deletion")
def test_deleted_key_can_be_created_again(space: Space) -> None:
    """Purpose: a deleted object no longer stands in the way of creating one.

    Method: 1. put and delete an object, then PUT with If-None-Match: *
            2. expect 2xx
    """
    key = space.stored()
    expect_success(space.delete(key))

    expect_success(space.put(key, b"again", {"If-None-Match": "*"}))


@verifies("storage/conditional-write/replaces-what-matches")
def test_if_match_replaces_what_matches(space: Space) -> None:
    """Purpose: If-Match with the object's ETag lets a client replace what it has read.

    Method: 1. put an object, PUT with If-Match of its ETag
            2. expect 2xx and the new bytes
    """
    key = space.stored(b"version one")
    tag = expect_etag(space.head(key))

    expect_success(space.put(key, b"version two", {"If-Match": tag}))
    expect_bytes(space.get(key), b"version two")


@verifies("storage/conditional-write/keeps-what-changed")
@pytest.mark.parametrize("stale", [case("never-seen", False), case("overwritten-since", True)])
def test_if_match_keeps_what_changed(space: Space, stale: bool) -> None:
    """Purpose: If-Match with another ETag replaces nothing: the object has changed since it was read.

    Method: 1. PUT with If-Match of an ETag that the object does not have, or had before it was overwritten
            2. expect 412 PreconditionFailed, and the present bytes
    """
    key = space.stored(b"version one")
    tag = expect_etag(space.head(key)) if stale else OTHER
    space.stored(b"version two", key=key)

    expect_refusal(space.put(key, b"lost update", {"If-Match": tag}), 412, FAILED)
    expect_stored(space.get(key), b"version two")


@verifies("storage/conditional-write/deletion-keeps-what-changed")
def test_deletion_keeps_what_changed(space: Space) -> None:
    """Purpose: DELETE with If-Match of another ETag deletes nothing: the object has changed since it was read.

    Method: 1. DELETE with If-Match of an ETag that the object does not have, then with its own
            2. expect 412 PreconditionFailed, or a refusal of such conditions, and the object there; then none
    """
    key = space.stored(b"what stood there")

    expect_refusal(space.delete(key, {"If-Match": OTHER}), {400, 405, 409, 412, 501}, FAILED | UNKNOWN)
    expect_stored(read := space.get(key), b"what stood there")
    reply = space.delete(key, {"If-Match": expect_etag(read)})
    expect_status(reply, {200, 204, 400, 405, 501}, "for If-Match of the object's own ETag")
    if reply.ok:
        expect_nothing_stored(space.get(key), "for a key that was deleted under a condition that held")


@verifies("storage/conditional-write/many-deletions-keep-what-changed")
def test_many_deletions_keep_what_changed(space: Space) -> None:
    """Purpose: DeleteObjects deletes nothing whose ETag is named and is another: it has changed since it was read.

    Method: 1. name in DeleteObjects an object with an ETag that it does not have, one with its own, behind them a key
            2. expect the first there, its key told as failed, no failed condition for the second, the last deleted
    """
    key, held, behind = space.stored(b"what stood there"), space.stored(b"as it was read"), space.key("behind")
    tags = {key: OTHER, held: expect_etag(space.head(held))}
    named = "".join(f"<Object>{element('Key', each)}{element('ETag', tag)}</Object>" for each, tag in tags.items())
    reply = space.delete_with(document("Delete", named + f"<Object>{element('Key', behind)}</Object>"))

    expect_stored(space.get(key), b"what stood there")
    expect_no_server_error(reply)
    told = deletion_of(reply) if reply.ok else None
    if told and (key in told.deleted or key not in told.errors):
        proof = lists("Error/Key", [reply], [key, *(each for each in told.errors if each != key)])
        raise NonConformance("an Error for a key whose ETag is another", worded(told), reply, proof=proof)
    if told and told.errors.get(held) in FAILED:
        proof = Proof(reply.id, lacks=told_as("Error", held))
        raise NonConformance("no failed condition for an ETag as it is", told.errors[held], reply, proof=proof)
    if told and behind not in told.deleted:
        proof = Proof(reply.id, matches=told_as("Deleted", behind))
        raise NonConformance(f"{behind} deleted, behind the error", worded(told.deleted), reply, proof=proof)


@verifies("storage/conditional-write/copy-keeps-what-is-there")
def test_conditional_copy_keeps_what_is_there(space: Space) -> None:
    """Purpose: CopyObject honours If-None-Match: * like a PUT.

    Method: 1. put two objects, copy one to the key of the other with If-None-Match: *, and to a new key
            2. expect 412, 200 that ends so, or such conditions refused, and the old bytes; then no failed condition
    """
    key, source = space.stored(b"what stood there"), space.stored(b"intruder")
    reply, new = (space.copy(each, source, {"If-None-Match": "*"}) for each in (key, space.key("new")))

    expect_failed_completion(reply, {400, 409, 412, 501}, FAILED | UNKNOWN)
    expect_stored(space.get(key), b"what stood there")
    expect_status(new, {200, 400, 405, 501}, "for If-None-Match: * where there is nothing")


@verifies("storage/conditional-write/if-match-needs-an-object")
def test_if_match_on_missing_key_stores_nothing(space: Space) -> None:
    """Purpose: If-Match on a key without an object creates none.

    Method: 1. PUT with If-Match to a new key
            2. expect 404 or 412, and nothing stored
    """
    key = space.key()

    expect_refusal(space.put(key, b"ghost", {"If-Match": OTHER}), {404, 412}, FAILED | {"NoSuchKey"})
    expect_nothing_stored(space.get(key))


@verifies("storage/conditional-write/completion-keeps-what-is-there")
def test_conditional_completion_keeps_what_is_there(space: Space, features: frozenset[str]) -> None:
    """Purpose: the completion of a multipart upload honours If-None-Match: * like a PUT.

    Method: 1. complete two multipart uploads to one new key with If-None-Match: *
            2. expect the first completed; then 412, or 200 that ends in such an error, and the bytes of the first
    """
    _expect_one_completion(space, features, space.key(), {"If-None-Match": "*"})


@verifies("storage/conditional-write/completion-keeps-what-changed")
def test_conditional_completion_keeps_what_changed(space: Space, features: frozenset[str]) -> None:
    """Purpose: the completion of a multipart upload honours If-Match like a PUT.

    Method: 1. put an object, complete two multipart uploads to its key with If-Match of its ETag
            2. expect the first completed; then 412, or 200 that ends in such an error, and the bytes of the first
    """
    key = space.stored(b"what was read")
    _expect_one_completion(space, features, key, {"If-Match": expect_etag(space.head(key))})


@verifies("storage/conditional-write/one-creator-wins")
def test_one_of_many_creators_wins(space: Space) -> None:
    """Purpose: of several clients that create one object at once, one is told that it did, and it is true.

    Method: 1. PUT different bodies with If-None-Match: * to one new key at once, some rounds
            2. expect one 200 each round, 412 or 409 for the others, and the winner's bytes
    """
    for _ in range(ROUNDS):
        key = space.key("race")
        winner = _only_winner(_all_at_once(space, key, {"If-None-Match": "*"}))
        expect_bytes(space.get(key), winner, "of the PUT that was told that it won")


@verifies("storage/conditional-write/one-replacement-wins")
def test_one_of_many_replacements_wins(space: Space) -> None:
    """Purpose: of several clients that replace what they have read at once, one does: no update is lost.

    Method: 1. PUT different bodies with If-Match of the present ETag at once, some rounds
            2. expect one 200 each round, 412 or 409 for the others, and the winner's bytes
    """
    key = space.stored(b"version nought")
    for turn in range(ROUNDS):
        tag = expect_etag(space.get(key))
        winner = _only_winner(_all_at_once(space, key, {"If-Match": tag}, turn))
        expect_bytes(space.get(key), winner, "of the PUT that was told that it won")
