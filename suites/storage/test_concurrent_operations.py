"""Concurrent operations: each result is visible at once, none mixes with another, no update is lost."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from conformance.clients.concurrency import at_once
from conformance.oracles.linearizability import expect_not_mixed_up
from conformance.oracles.s3_documents import listing_of, parts_of
from conformance.oracles.s3_objects import expect_bytes, expect_etag
from conformance.oracles.s3_pages import found_under, pages, version_2, whole_listing
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import whole_number
from conformance.vocabulary.wording import some, worded

COUNTERS, TRIES = 3, 8
RACERS, ROUNDS = 4, 4
PARTS = 8
CLIENTS, GETS = 16, 60
DELETERS, DELETIONS = 4, 120


def _expect_listed(space: Space, prefix: str, keys: list[str]) -> None:
    """Expect exactly these keys in a listing of either version."""
    for page in (found_under(space, prefix), listing_of(space.listing_v1(prefix))):
        if page.keys != keys:
            raise NonConformance(f"{worded(keys)} in the listing", worded(page.keys), page.reply)


@verifies("storage/concurrency/created-is-visible-immediately")
def test_created_is_visible_immediately(space: Space) -> None:
    """Purpose: a created object can be read and is listed immediately, and a deleted one is gone.
    Method: 1. two clients concurrently create, read, list and delete keys of their own, in the same folders
            2. expect each to see its own changes immediately, in listings of either version
    """
    prefix = space.prefix("created")

    def client(number: int) -> None:
        for turn in range(3):
            expect_success(space.put(key := f"{prefix}{turn}/{number}", b"new"), "next to another client's object")
            expect_bytes(space.get(key), b"new", "immediately after its PUT")
            _expect_listed(space, key, [key])
            expect_success(space.delete(key))
            expect_status(space.get(key), 404, "immediately after its DELETE")
            _expect_listed(space, key, [])

    at_once([partial(client, number) for number in range(2)])


@verifies("storage/concurrency/listing-contains-every-unchanged-key")
def test_listing_contains_every_unchanged_key(space: Space) -> None:
    """Purpose: a key that does not change is in every listing once, while others come and go between the pages.
    Method: 1. put twelve keys; while other keys are created and deleted among them, read listings page by page
            2. expect each of the twelve once in every listing
    """
    prefix = space.prefix("moving")
    staying = space.stored_all(prefix, [f"{number:02}-stays" for number in range(12)])
    done = threading.Event()

    def mover() -> None:
        for turn in range(200):
            if done.is_set():
                return
            space.delete(space.stored(key=f"{prefix}{turn % 12:02}-moves"))

    def lister() -> None:
        try:
            for _ in range(4):
                read = list(pages(version_2(space, prefix, 5), 5, 60))
                found = [key for page in read for key in page.keys]
                if wrong := {key: count for key in staying if (count := found.count(key)) != 1}:
                    replies = [page.reply for page in read]
                    counts = f"times listed: {worded(wrong)}"
                    raise NonConformance("each key that stays once in the listing", counts, *replies)
        finally:
            done.set()

    at_once([mover, lister])


@verifies("storage/concurrency/responses-are-not-mixed-up")
@sends_up_to(1100)
def test_responses_are_not_mixed_up(space: Space) -> None:
    """Purpose: a client under load must not get the response to another client's request.
    Method: 1. put 16 objects of different content; as many clients concurrently GET one of them each, many times
            2. expect its own bytes in each response
    """
    prefix, contents = space.prefix("own"), [f"content of {number}; ".encode() * 60 for number in range(CLIENTS)]
    keys = {body: space.stored(body, key=f"{prefix}{number}") for number, body in enumerate(contents)}

    def read(own: bytes) -> None:
        for _ in range(GETS):
            reply = space.get(keys[own])
            expect_not_mixed_up(reply, keys[own], keys.get(reply.body), keys.values())
            expect_bytes(reply, own, "from GET next to other clients' GETs")

    at_once([partial(read, body) for body in contents])


@verifies("storage/concurrency/acknowledged-deletions-are-done")
@sends_up_to(300)
def test_acknowledged_deletions_are_done(space: Space) -> None:
    """Purpose: an object whose deletion was acknowledged is deleted, also under load.
    Method: 1. put 120 objects; four clients concurrently DELETE them; 2. expect 2xx for each, and none in a listing
    """
    prefix = space.prefix("gone")
    keys = space.stored_many([f"{prefix}{number:03}" for number in range(DELETIONS)])

    def delete(own: list[str]) -> None:
        for key in own:
            expect_success(space.delete(key), "for a deletion next to other clients'")

    at_once([partial(delete, keys[first::DELETERS]) for first in range(DELETERS)])
    if rest := (page := whole_listing(version_2(space, prefix))).keys:
        expected = f"no key of {DELETIONS} whose deletion was acknowledged"
        raise NonConformance(expected, f"the keys {some(rest)}", page.reply)


@verifies("storage/concurrency/buckets-do-not-mix")
def test_buckets_do_not_mix(space: Space, other_space: Space) -> None:
    """Purpose: one key in two buckets is two objects, also under load.
    Method: 1. two clients concurrently write and read one key, each in its own bucket; 2. expect each to read its bytes
    """
    key = space.key("twin")

    def client(own: Space, name: str) -> None:
        for turn in range(10):
            body = f"{name} {turn} ".encode() * 200
            expect_success(own.put(key, body))
            expect_bytes(own.get(key), body, "in its own bucket")

    at_once([partial(client, space, "first"), partial(client, other_space, "second")])


@verifies("storage/concurrency/tagging-undoes-no-write")
@pytest.mark.parametrize("method", [case("put", "PUT"), case("delete", "DELETE")])
def test_tagging_undoes_no_write(space: Space, method: str) -> None:
    """Purpose: tagging an object does not undo a concurrent PUT or DELETE.
    Method: 1. put an object; tag and overwrite or delete it concurrently, four times; 2. expect new bytes or no object
    """
    for turn in range(ROUNDS):
        key, body = space.stored(b"old"), f"new {turn}".encode() if method == "PUT" else b""
        changed, _ = at_once(
            [partial(space.call, method, key, body=body), partial(space.put_tags, key, [("project", "alpha")])]
        )
        expect_success(changed)
        if body:
            expect_bytes(space.get(key), body, "of the PUT that succeeded")
        else:
            expect_status(space.get(key), 404, "after the DELETE that succeeded")


@verifies("storage/concurrency/parallel-parts-are-all-stored")
def test_parallel_parts_are_all_kept(space: Space) -> None:
    """Purpose: SDKs upload parts in parallel, and no part replaces another.
    Method: 1. open an upload, send eight parts concurrently; 2. expect each of them in the list of parts
    """
    key = space.key("parallel")
    upload = space.opened(key)

    def send(number: int) -> None:
        expect_success(space.put_part(key, upload, number, b"x" * number))

    at_once([partial(send, number) for number in range(1, PARTS + 1)])

    replies = [space.list_parts(key, upload)]
    page = parts_of(replies[0])
    sizes = {each.number: each.size for each in page.parts}
    while page.truncated and page.parts and len(replies) <= PARTS:
        replies.append(space.list_parts(key, upload, part_number_marker=page.next))
        page = parts_of(replies[-1])
        sizes |= {each.number: each.size for each in page.parts}
    space.abort(key, upload)
    if sizes != {number: number for number in range(1, PARTS + 1)}:
        raise NonConformance("the parts 1 to 8, as long as their number", f"sizes by number {worded(sizes)}", *replies)


@pytest.mark.parametrize(
    "replacing",
    [
        row("storage/conditional-write/one-creator-wins", False),
        row("storage/conditional-write/one-replacement-wins", True),
    ],
)
def test_one_of_many_conditional_writes_wins(space: Space, replacing: bool) -> None:
    """Purpose: of clients that create, or replace, one object concurrently, exactly one succeeds: no update is lost.
    Method: 1. PUT different bodies concurrently with If-None-Match: *, or If-Match of the present ETag, four times
            2. expect one 2xx each time, 412 or 409 for the others, and the winner's bytes
    """
    key = space.stored(b"version zero") if replacing else ""
    for turn in range(ROUNDS):
        key = key if replacing else space.key("race")
        condition = {"If-Match": expect_etag(space.get(key))} if replacing else {"If-None-Match": "*"}
        # Different bytes each time: with equal bytes, and so ETags, several PUTs may rightly succeed.
        bodies = [f"turn {turn}, racer {racer}".encode() for racer in range(RACERS)]
        replies = at_once([partial(space.put, key, body, condition) for body in bodies])

        won = [body for body, reply in zip(bodies, replies, strict=True) if reply.ok]
        if len(won) != 1:
            raise NonConformance("one winner", f"{len(won)} of {RACERS} PUTs succeeded", *replies)
        for reply in replies:
            expect_status(reply, {*range(200, 300), 409, 412}, "for a PUT that won or lost the race")
        expect_bytes(space.get(key), won[0], "of the PUT that succeeded")


@verifies("storage/conditional-write/counter-loses-no-update")
def test_counter_loses_no_update(space: Space) -> None:
    """Purpose: clients that read a number and conditionally write the next one count correctly together.
    Method: 1. put 0; three clients GET it and PUT the next number with If-Match of what they read, several times
            2. expect the number of PUTs that succeeded, each of them with a different number
    """
    key = space.stored(b"0")
    won: list[tuple[int, Exchange]] = []

    def count() -> None:
        for _ in range(TRIES):
            got = space.get(key)
            expect_status(got, 200)
            number = whole_number(got.text)
            if number is None:
                raise NonConformance("a number that a client put", observed(got), got)
            reply = space.put(key, str(number + 1).encode(), {"If-Match": expect_etag(got)})
            if reply.ok:
                won.append((number + 1, reply))
            else:
                expect_status(reply, {409, 412}, "for a PUT that came too late")

    at_once([count] * COUNTERS)

    numbers = sorted(number for number, _ in won)
    if numbers != list(range(1, len(won) + 1)):
        repeated = [reply for number, reply in won if numbers.count(number) > 1]
        raise NonConformance("each number put once", f"numbers {worded(numbers)}", *repeated)
    expect_bytes(space.get(key), str(len(won)).encode(), f"after {len(won)} successful PUTs")
