"""Judges what a bucket answers of an object by what its model holds, over several answers."""

from __future__ import annotations

from conformance.models.bucket import Stored
from conformance.oracles.s3_documents import Entry
from conformance.oracles.s3_objects import expect_absent_headers, expect_bytes, expect_etag, expect_headers
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

OWNER = "x-amz-meta-owner"
"""The one field of metadata that objects of a model have, or have not."""


class Answers:
    """What was answered so far: an entity tag, whatever it is, stays the same while its object does."""

    def __init__(self) -> None:
        # By identity; the objects are kept, so that no other takes the place of one.
        self._tags: dict[int, tuple[Stored, str]] = {}

    def expect_object(self, reply: Exchange, stored: Stored) -> None:
        """A read of an object: its bytes, its metadata and no other, its entity tag."""
        expect_bytes(reply, stored.body)
        expect_headers(reply, dict(stored.metadata))
        expect_absent_headers(reply, {OWNER} - dict(stored.metadata).keys(), "since it was stored without")
        tag = expect_etag(reply)
        before = self._tags.setdefault(id(stored), (stored, tag))[1]
        if before != tag:
            raise NonConformance(f"the entity tag {before} as before", tag, reply)

    def expect_entry(self, entry: Entry, stored: Stored, reply: Exchange) -> None:
        """A listing tells size and entity tag of what is there now."""
        wanted = (len(stored.body), self._tags.get(id(stored), (stored, entry.etag))[1])
        if (entry.size, entry.etag) != wanted:
            raise NonConformance(f"size and entity tag {wanted} of {entry.key}", f"{(entry.size, entry.etag)}", reply)
