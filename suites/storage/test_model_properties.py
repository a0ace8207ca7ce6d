"""A bucket against a model of it: any sequence of operations leaves both the same.

What fails is told as the shortest sequence of requests that shows it.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from conformance.evidence.recorder import RECORDER
from conformance.models.bucket import BucketModel
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_range,
)
from conformance.oracles.s3_pages import pages, version_1, version_2
from conformance.oracles.status import expect_status
from conformance.sandbox.space import Space
from conformance.strategies.explore import examples
from conformance.strategies.storage import HARD, bodies, flat_names, nested_names, page_sizes
from conformance.vocabulary.check import row
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

STEPS, SHARE = 15, 0.3
OTHER = '"0123456789abcdef0123456789abcdef"'
# Without slashes: a gateway may refuse keys with an empty segment.
HARD_NAMES = st.text(HARD.replace("/", ""), min_size=1, max_size=3)
ALPHABETS = {"flat": flat_names(), "nested": nested_names(), "hard": HARD_NAMES}


POOLS = st.runner().flatmap(lambda machine: st.lists(machine.names, min_size=3, max_size=3, unique=True))
NAMES: st.SearchStrategy[str] = st.runner().flatmap(lambda machine: st.sampled_from(machine.pool))
"""Names of an example: three of the alphabet that the machine at hand is of, so that operations meet."""


class BucketMachine(RuleBasedStateMachine):
    """Does the same to a bucket and to its model; each rule is one operation, judged against the model."""

    space: Space
    names: st.SearchStrategy[str]
    multipart: bool

    @initialize(pool=POOLS)
    def begin(self, pool: list[str]) -> None:
        """Begins an example with three names and an empty prefix of its own."""
        RECORDER.begin()
        self.pool = pool
        self.model = BucketModel()
        self.prefix = self.space.prefix("model")

    @rule(name=NAMES, body=bodies(at_most=64), owner=st.sampled_from(["", "alice", "bob"]))
    def put(self, name: str, body: bytes, owner: str) -> None:
        """PutObject."""
        fields = {"x-amz-meta-owner": owner} if owner else {}
        expect_status(self.space.put(self.prefix + name, body, fields), 200)
        self.model.put(name, body, tuple(fields.items()))

    @rule(name=NAMES)
    def read(self, name: str) -> None:
        """GetObject and HeadObject."""
        self._expect_as_model(self.space.get(self.prefix + name), name)
        head = self.space.head(self.prefix + name)
        expect_status(head, 200 if self.model.get(name) else 404)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        """DeleteObject."""
        expect_status(self.space.delete(self.prefix + name), 204)
        self.model.delete(name)

    @rule(chosen=st.lists(NAMES, min_size=1, max_size=3, unique=True))
    def delete_many(self, chosen: list[str]) -> None:
        """DeleteObjects."""
        expect_no_error_inside(self.space.delete_many([self.prefix + name for name in chosen]))
        self.model.delete(*chosen)

    @rule(source=NAMES, name=NAMES)
    def copy(self, source: str, name: str) -> None:
        """CopyObject."""
        if source == name:
            return
        reply = self.space.copy(self.prefix + name, self.prefix + source)
        if self.model.copy(source, name):
            expect_no_error_inside(reply)
        else:
            expect_refusal(reply, 404, {"NoSuchKey"})

    @rule(name=NAMES, first=st.integers(0, 63), size=st.integers(1, 64))
    def read_range(self, name: str, first: int, size: int) -> None:
        """GetObject with a range."""
        stored = self.model.get(name)
        reply = self.space.get(self.prefix + name, {"Range": f"bytes={first}-{first + size - 1}"})
        if stored is None:
            expect_nothing_stored(reply)
        elif first >= len(stored.body):
            expect_status(reply, {200, 416} if not stored.body else 416)
        else:
            expect_range(reply, stored.body, first, min(first + size, len(stored.body)) - 1)

    @rule(name=NAMES, matching=st.booleans())
    def read_if_match(self, name: str, matching: bool) -> None:
        """GetObject with If-Match, right or wrong."""
        head = self.space.head(self.prefix + name)
        tag = expect_etag(head) if matching and head.ok else OTHER
        reply = self.space.get(self.prefix + name, {"If-Match": tag})
        if self.model.get(name) is None:
            expect_status(reply, {404, 412})
        elif matching:
            self._expect_as_model(reply, name)
        else:
            expect_status(reply, 412)

    @rule(name=NAMES, body=bodies(at_most=64))
    def upload_in_parts(self, name: str, body: bytes) -> None:
        """A multipart upload of one part."""
        if not self.multipart or not body:
            return
        key = self.prefix + name
        upload = self.space.opened(key)
        expect_no_error_inside(self.space.complete(key, upload, [self.space.part(key, upload, 1, body)]))
        self.model.put(name, body)

    @rule(
        below=NAMES | NAMES.map(lambda name: name[:1]) | st.just(""),
        delimiter=st.sampled_from(["", "/"]),
        size=page_sizes(),
        after=NAMES | st.just(""),
        old=st.booleans(),
    )
    def list_pages(self, below: str, delimiter: str, size: int, after: str, old: bool) -> None:
        """A listing of either version, to its last page."""
        start = self.prefix + after if after else ""
        ask = (version_1 if old else version_2)(self.space, self.prefix + below, size, delimiter, start)
        read = list(pages(ask, size, 60))
        wanted = self.model.listing(below, delimiter, after)
        keys = [key.removeprefix(self.prefix) for page in read for key in page.keys]
        prefixes = [each.removeprefix(self.prefix) for page in read for each in page.prefixes]
        replies = [page.reply for page in read]
        _expect_same(sorted(keys), sorted(wanted.keys), "keys", replies)
        certain = [each for each in prefixes if each not in wanted.either]
        _expect_same(sorted(certain), sorted(set(wanted.prefixes) - wanted.either), "common prefixes", replies)

    def _expect_as_model(self, reply: Exchange, name: str) -> None:
        stored = self.model.get(name)
        if stored is None:
            expect_nothing_stored(reply)
        else:
            expect_bytes(reply, stored.body)
            expect_headers(reply, dict(stored.metadata))

    def teardown(self) -> None:
        """Removes what the example left."""
        if getattr(self, "model", None) and self.model.objects:
            self.space.delete_many([self.prefix + name for name in self.model.objects])


def _expect_same(found: list[str], wanted: list[str], what: str, replies: list[Exchange]) -> None:
    if found != wanted:
        raise NonConformance(f"the {what} {wanted}", f"{found}", *replies)


@pytest.mark.parametrize("alphabet", [row(f"storage/model/{name}-keys", name) for name in ALPHABETS])
def test_bucket_is_as_its_model(space: Space, features: frozenset[str], alphabet: str) -> None:
    """Purpose: whatever operations come in whatever order, the bucket holds what they say it holds.

    Method: 1. do a sequence of puts, reads, ranges, conditional reads, copies, deletions, uploads and listings
            2. after each compare with a model; on a difference look for the shortest sequence that shows it
    """
    attributes = {"space": space, "names": ALPHABETS[alphabet], "multipart": "storage.multipart" in features}
    machine = type("BucketMachine", (BucketMachine,), attributes)

    budget = settings(stateful_step_count=STEPS, max_examples=examples(SHARE))
    run_state_machine_as_test(machine, settings=budget)
