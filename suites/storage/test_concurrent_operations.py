"""Concurrent operations on several keys: each is visible at once, none mixes with another, no update is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from conformance.clients.concurrency import at_once
from conformance.oracles.proofs import has_just
from conformance.oracles.s3_documents import Listing, listing_of
from conformance.oracles.s3_objects import expect_bytes, expect_etag
from conformance.oracles.s3_pages import found_under, pages, version_2
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import whole_number
from conformance.vocabulary.wording import worded

COUNTERS, TRIES = 3, 8
ROUNDS = 4
Job = Callable[[], None]


@verifies("storage/at-once/created-is-seen-at-once")
def test_what_is_created_is_seen_at_once(space: Space) -> None:
    """Purpose: what was created can be read and is listed straight away, and what was deleted is gone.

    Method: 1. two clients each create, read, list and delete keys of their own, at once, in folders that both use
            2. expect each to see its own at once, in listings of either version
    """
    prefix = space.prefix("created")

    def client(number: int) -> Job:
        def work() -> None:
            for turn in range(3):
                expect_success(space.put(key := f"{prefix}{turn}/{number}", b"new"), "beside another's in that folder")
                expect_bytes(space.get(key), b"new", "straight after creating it")
                _expect_listed(space, key, [key])
                expect_success(space.delete(key))
                expect_status(space.get(key), 404, "straight after deleting it")
                _expect_listed(space, key, [])

        return work

    at_once([client(number) for number in range(2)])


def _expect_listed(space: Space, prefix: str, keys: list[str]) -> None:
    for page in (found_under(space, prefix), listing_of(space.listing_v1(prefix))):
        if page.keys != keys:
            proof = has_just(
                page.reply, [f"<Key>{key}</Key>" for key in keys], [f"<Key>{key}</Key>" for key in page.keys]
            )
            raise NonConformance(f"{worded(keys)} in the listing", worded(page.keys), page.reply, proof=proof)


@verifies("storage/at-once/listing-keeps-what-stays")
def test_listing_keeps_what_stays(space: Space) -> None:
    """Purpose: keys that stay are in every listing once, while others come and go between its pages.

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
            key = space.stored(key=f"{prefix}{turn % 12:02}-moves")
            space.delete(key)

    def lister() -> None:
        try:
            for _ in range(4):
                read = list(pages(version_2(space, prefix, 5), 5, 60))
                _expect_once(read, staying)
        finally:
            done.set()

    at_once([mover, lister])


def _expect_once(read: Sequence[Listing], staying: Sequence[str]) -> None:
    found = [key for page in read for key in page.keys]
    counts = {key: found.count(key) for key in staying}
    wrong = {key: count for key, count in counts.items() if count != 1}
    if wrong:
        answers = [page.reply for page in read]
        raise NonConformance("each key that stays once in the listing", f"times listed: {worded(wrong)}", *answers)


@verifies("storage/at-once/buckets-do-not-mix")
def test_buckets_do_not_mix(space: Space, other_space: Space) -> None:
    """Purpose: one key in two buckets is two objects, also under load.

    Method: 1. two clients write and read one key, each in its own bucket, at once
            2. expect each to read its own bytes
    """
    key = space.key("twin")

    def client(own: Space, name: str) -> Job:
        def work() -> None:
            for turn in range(10):
                body = f"{name} {turn} ".encode() * 200
                expect_success(own.put(key, body))
                expect_bytes(own.get(key), body, "in its own bucket")

        return work

    at_once([client(space, "first"), client(other_space, "second")])


@verifies("storage/at-once/tagging-writes-no-bytes")
@pytest.mark.parametrize("method", [case("put", "PUT"), case("delete", "DELETE")])
def test_tagging_writes_no_bytes(space: Space, method: str) -> None:
    """Purpose: tags are written beside an object and not with it: tagging undoes nothing that is done at the same time.

    Method: 1. put an object; tag it, and overwrite or delete it, at once, some rounds
            2. expect the new bytes, or no object
    """
    for turn in range(ROUNDS):
        key, body = space.stored(b"old"), f"new {turn}".encode() if method == "PUT" else b""
        changed, _ = at_once(
            [partial(space.call, method, key, body=body), partial(space.put_tags, key, [("project", "alpha")])]
        )
        expect_success(changed)
        if body:
            expect_bytes(space.get(key), body, "of the PUT that was answered")
        else:
            expect_status(space.get(key), 404, "after the deletion that was answered")


def _number_in(got: Exchange) -> int:
    number = whole_number(got.text)
    if number is None:
        raise NonConformance("the number that was put", observed(got), got)
    return number


@verifies("storage/conditional-write/counter-loses-no-update")
def test_counter_loses_no_update(space: Space) -> None:
    """Purpose: clients that read a number and replace it, if it is still there, by the next one count together.

    Method: 1. put 0; three clients GET it and PUT the next number with If-Match of what they read, several times
            2. expect the number to be that of the PUTs that succeeded, each of them with a number of its own
    """
    key = space.stored(b"0")
    won: list[tuple[int, Exchange]] = []

    def count() -> None:
        for _ in range(TRIES):
            got = space.get(key)
            expect_status(got, 200)
            following = _number_in(got) + 1
            reply = space.put(key, str(following).encode(), {"If-Match": expect_etag(got)})
            if reply.ok:
                won.append((following, reply))
            else:
                expect_status(reply, {409, 412}, "for a PUT that came too late")

    at_once([count] * COUNTERS)

    numbers = sorted(number for number, _ in won)
    if numbers != list(range(1, len(won) + 1)):
        twice = [reply for number, reply in won if numbers.count(number) > 1]
        raise NonConformance("each number put once", f"numbers {worded(numbers)}", *twice)
    expect_bytes(space.get(key), str(len(won)).encode(), f"after {len(won)} successful PUTs")
