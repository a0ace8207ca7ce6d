"""A bucket compared with a model: any sequence of operations leaves both in the same state."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition

from conformance.models.bucket import READS, WRITES, BucketModel, Condition
from conformance.models.bucket_answers import Answers, expect_part, expect_uploads, owner_metadata
from conformance.oracles.s3_documents import upload_id_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, refuses_incomplete_list
from conformance.oracles.s3_objects import expect_etag, expect_headers, expect_nothing_stored, expect_same_etag
from conformance.oracles.s3_pages import expect_all_pages, version_1, version_2
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.buckets import BODIES, NAMES, OBJECTS, OWNERS, PARTS, POOLS, STORED, UPLOADS
from conformance.strategies.properties import Machine, initialize, rule, run_machine
from conformance.strategies.storage import page_sizes
from conformance.vocabulary.check import row
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

STEPS, SHARE, OTHER = 20, 0.8, '"0123456789abcdef0123456789abcdef"'


class BucketMachine(Machine):
    """Apply each operation to the bucket and to its model, and compare the response with the model."""

    space: Space
    pools: st.SearchStrategy[list[str]]
    features: frozenset[str]

    @initialize(pool=st.runner().flatmap(lambda machine: machine.pools), stored=STORED, uploading=st.booleans())
    def begin(self, pool: list[str], stored: list[tuple[bytes, str]], uploading: bool) -> None:
        """Begin with a few names under a prefix, objects under some of them, and perhaps an open upload."""
        self.pool = pool
        self.model = BucketModel()
        self.prefix = self.space.prefix("model")
        self.answers = Answers()
        self.part_tags: dict[tuple[str, int], str] = {}
        for name, (body, owner) in zip(pool, stored, strict=False):
            self._put(name, body, owner)
        if uploading and "storage.multipart" in self.features:
            self.open_upload(pool[0], "", b"0")

    @rule(name=NAMES, body=BODIES, owner=OWNERS)
    def put(self, name: str, body: bytes, owner: str) -> None:
        """PutObject."""
        self._put(name, body, owner)
        self._expect_now(name)
        self._expect_uploads(name)

    def _put(self, name: str, body: bytes, owner: str) -> None:
        expect_success(self.space.put(self.prefix + name, body, owner_metadata(owner)))
        self.model.put(name, body, tuple(owner_metadata(owner).items()))

    @precondition(lambda self: "storage.conditional-write" in self.features)
    @rule(name=NAMES, body=BODIES, condition=st.sampled_from(WRITES))
    def put_under_condition(self, name: str, body: bytes, condition: Condition) -> None:
        """PutObject with If-Match or If-None-Match."""
        reply = self.space.put(self.prefix + name, body, self._field(name, condition))
        expect_status(reply, self.model.write_statuses(name, condition), f"for {condition}")
        if reply.ok:
            self.model.put(name, body)
        self._expect_now(name)

    @rule(name=NAMES)
    def read(self, name: str) -> None:
        """GetObject and HeadObject."""
        got, head = self._expect_now(name), self.space.head(self.prefix + name)
        expect_status(head, 200 if (stored := self.model.get(name)) else 404)
        if stored:
            expect_same_etag(got, head)
            expect_headers(head, dict(stored.metadata))

    @rule(name=NAMES, condition=st.sampled_from(READS))
    def read_under_condition(self, name: str, condition: Condition) -> None:
        """GetObject with If-Match or If-None-Match."""
        reply = self.space.get(self.prefix + name, self._field(name, condition))
        expect_status(reply, self.model.read_statuses(name, condition), f"for {condition}")
        stored = self.model.get(name)
        if reply.ok and stored is not None:
            self.answers.expect_object(reply, stored)

    @rule(name=NAMES, first=st.integers(0, 40), size=st.integers(1, 40))
    def read_range(self, name: str, first: int, size: int) -> None:
        """GetObject with a range."""
        reply = self.space.get(self.prefix + name, {"Range": f"bytes={first}-{first + size - 1}"})
        expect_part(reply, self.model.get(name), first, size)

    @rule(name=NAMES, then=st.none() | OBJECTS)
    def delete(self, name: str, then: tuple[bytes, str] | None) -> None:
        """DeleteObject, perhaps followed by another PUT."""
        expect_success(self.space.delete(self.prefix + name))
        self.model.delete(name)
        self._expect_now(name)
        self._expect_uploads(name)
        self.put(name, *then) if then else self.list_pages("", "", 1000, "", False)

    @rule(chosen=st.lists(NAMES, min_size=1, max_size=3, unique=True), quiet=st.booleans())
    def delete_many(self, chosen: list[str], quiet: bool) -> None:
        """DeleteObjects."""
        expect_no_error_inside(self.space.delete_many([self.prefix + name for name in chosen], quiet))
        self.model.delete(*chosen)
        self.list_pages("", "", 1000, "", False)

    @rule(source=NAMES, name=NAMES)
    def copy(self, source: str, name: str) -> None:
        """CopyObject with the metadata of the source; onto itself with other metadata, as S3 requires."""
        self._copy(source, name, "alice" if source == name else None)

    @rule(source=NAMES, name=NAMES, owner=OWNERS)
    def copy_with(self, source: str, name: str, owner: str) -> None:
        """CopyObject with other metadata than the source's."""
        self._copy(source, name, owner)

    def _copy(self, source: str, name: str, owner: str | None) -> None:
        fields = {} if owner is None else {"x-amz-metadata-directive": "REPLACE", **owner_metadata(owner)}
        reply = self.space.copy(self.prefix + name, self.prefix + source, fields)
        if self.model.copy(source, name, None if owner is None else tuple(owner_metadata(owner).items())):
            expect_no_error_inside(reply)
        else:
            expect_refusal(reply, 404, {"NoSuchKey"})
        self._expect_now(name)

    @precondition(lambda self: "storage.multipart" in self.features and len(self.model.uploads) < 3)
    @rule(name=NAMES, owner=OWNERS, body=PARTS)
    def open_upload(self, name: str, owner: str, body: bytes) -> None:
        """CreateMultipartUpload, and a first part."""
        upload = upload_id_of(self.space.create_upload(self.prefix + name, owner_metadata(owner)))
        self.model.open(upload, name, tuple(owner_metadata(owner).items()))
        self._send(upload, 1, body)

    @precondition(lambda self: self.model.uploads)
    @rule(upload=UPLOADS, number=st.integers(1, 2), body=PARTS)
    def send_part(self, upload: int, number: int, body: bytes) -> None:
        """UploadPart, perhaps of a number that was sent before."""
        self._send(self._upload(upload), number, body)

    def _upload(self, place: int) -> str:
        return [*self.model.uploads][place % len(self.model.uploads)]

    def _send(self, upload: str, number: int, body: bytes) -> None:
        reply = self.space.put_part(self.prefix + self.model.uploads[upload].key, upload, number, body)
        expect_success(reply)
        self.part_tags[upload, number] = expect_etag(reply)
        self.model.send(upload, number, body)

    @precondition(lambda self: self.model.uploads)
    @rule(place=UPLOADS, number=st.integers(1, 2))
    def complete_upload(self, place: int, number: int) -> None:
        """CompleteMultipartUpload with one part: all but the last of several must be large."""
        upload = self._upload(place)
        opened = self.model.uploads[upload]
        name, part = opened.key, number if number in opened.parts else 1
        reply = self.space.complete(self.prefix + name, upload, [(part, self.part_tags[upload, part])])
        if len(opened.parts) > 1 and refuses_incomplete_list(reply):
            return
        expect_no_error_inside(reply)
        got = self.space.get(self.prefix + name)
        expect_status(got, {200, 404})
        possible = self.model.complete(upload, [part])
        if not self.model.settle(name, possible, got.body if got.ok else None):
            raise NonConformance("the upload's bytes, or those written after it was opened", observed(got), reply, got)
        self._expect_now(name)

    @precondition(lambda self: self.model.uploads)
    @rule(place=UPLOADS)
    def abort_upload(self, place: int) -> None:
        """AbortMultipartUpload."""
        upload = self._upload(place)
        name = self.model.uploads[upload].key
        expect_success(self.space.abort(self.prefix + name, upload))
        self.model.abort(upload)
        self._expect_now(name)

    @precondition(lambda self: "storage.multipart" in self.features)
    @rule()
    def list_uploads(self) -> None:
        """ListMultipartUploads."""
        reply = self.space.list_uploads(self.prefix)
        expect_uploads(reply, {each: self.prefix + opened.key for each, opened in self.model.uploads.items()})

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
        expected = self.model.listing(below, delimiter, after)
        whole = [[self.prefix + each for each in part] for part in (expected.keys, expected.prefixes, expected.either)]
        for page in expect_all_pages(ask, size, *whole):
            for entry in page.entries:
                self.answers.expect_entry(entry, self.model.objects[entry.key.removeprefix(self.prefix)], page.reply)

    def _expect_now(self, name: str) -> Exchange:
        """Expect GET to return the model's value of the key; return the response."""
        reply, stored = self.space.get(self.prefix + name), self.model.get(name)
        if stored is None:
            expect_nothing_stored(reply, "for a key without an object")
        else:
            self.answers.expect_object(reply, stored)
        return reply

    def _expect_uploads(self, name: str) -> None:
        """Expect open uploads to a key to be unaffected by writes to it."""
        if any(upload.key == name for upload in self.model.uploads.values()):
            self.list_uploads()

    def _field(self, name: str, condition: Condition) -> dict[str, str]:
        """Return the header field of a condition; for a missing object with an ETag that it never had."""
        if condition is Condition.NONE_MATCH_ANY:
            return {condition.field: "*"}
        own = condition in (Condition.MATCH_OWN, Condition.NONE_MATCH_OWN) and self.model.get(name) is not None
        return {condition.field: expect_etag(self.space.head(self.prefix + name)) if own else OTHER}

    def clean_up(self) -> None:
        """Remove the objects and uploads of the sequence."""
        if model := getattr(self, "model", None):
            for upload, opened in model.uploads.items():
                self.space.abort(self.prefix + opened.key, upload)
            if model.objects:
                self.space.delete_many([self.prefix + name for name in model.objects])


@pytest.mark.parametrize("alphabet", [row(f"storage/model/{name}-keys", name) for name in POOLS])
def test_bucket_is_as_its_model(space: Space, features: frozenset[str], alphabet: str) -> None:
    """Purpose: after any sequence of operations the bucket contains exactly what they wrote.
    Method: 1. perform a sequence of writes, reads, conditions, ranges, copies, deletions, uploads and listings
            2. compare each response with a model; after a difference search for the shortest sequence that shows it
    """
    attributes = {"space": space, "pools": POOLS[alphabet], "features": features}
    run_machine(type(f"BucketMachine_{alphabet}", (BucketMachine,), attributes), SHARE, STEPS)
