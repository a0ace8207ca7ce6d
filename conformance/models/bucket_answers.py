"""Judges what a bucket answers of an object by what its model holds, over several answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from conformance.models.bucket import Stored
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_documents import Entry, uploads_page_of
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_range,
)
from conformance.oracles.status import expect_status
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Listed, NonConformance, Proof
from conformance.vocabulary.wording import worded

OWNER = "x-amz-meta-owner"
"""The one field of metadata that objects of a model have, or have not."""


def owned(owner: str) -> dict[str, str]:
    """The field of metadata of an object with this owner; "" for none."""
    return {OWNER: owner} if owner else {}


def one_of(got: Exchange, possible: Iterable[Stored | None]) -> Proof:
    """A read would answer one of these; None: that there is no object."""
    possible = list(possible)
    digests = [hashlib.sha256(each.body).hexdigest() for each in possible if each]
    return Proof(got.id, statuses=(200, 404) if None in possible else (200,), sha256="|".join(digests))


def expect_part(reply: Exchange, stored: Stored | None, first: int, size: int) -> None:
    """The answer to a read of some of the bytes, as many as there are."""
    if stored is None:
        expect_nothing_stored(reply, "for a key that holds nothing")
    elif first >= len(stored.body):
        expect_status(reply, 416 if stored.body else {200, 416})
    else:
        expect_range(reply, stored.body, first, min(first + size, len(stored.body)) - 1)


def expect_uploads(reply: Exchange, wanted: dict[str, str]) -> None:
    """A list of uploads under way has exactly these, a page that is not the last some of them: keys by id."""
    page = uploads_page_of(reply)
    found = {each.upload: each.key for each in page.uploads}
    if found != wanted and not (page.truncated and found.items() <= wanted.items()):
        # Their ids are others each time.
        proof = Proof(listed=(Listed("Upload/Key", (reply.id,), tuple(wanted.values())),))
        raise NonConformance(f"the open uploads {worded(wanted)}", worded(found), reply, proof=proof)


class Answers:
    """What was answered so far: an entity tag, whatever it is, stays the same while its object does."""

    def __init__(self) -> None:
        # By identity; the objects are kept, so that no other takes the place of one.
        self._tags: dict[int, tuple[Stored, str, str]] = {}

    def expect_object(self, reply: Exchange, stored: Stored) -> None:
        """A read of an object: its bytes, its metadata and no other, its entity tag."""
        expect_bytes(reply, stored.body)
        expect_headers(reply, dict(stored.metadata))
        expect_absent_headers(reply, {OWNER} - dict(stored.metadata).keys(), "since it was stored without")
        tag = expect_etag(reply)
        _, before, where = self._tags.setdefault(id(stored), (stored, tag, reply.id))
        if before != tag:
            proof = Proof(same=(("ETag", where, reply.id),))
            raise NonConformance(f"ETag {before}, as in the earlier response", tag, reply, proof=proof)

    def expect_entry(self, entry: Entry, stored: Stored, reply: Exchange) -> None:
        """A listing tells size and entity tag of what is there now."""
        wanted = (len(stored.body), self._tags.get(id(stored), (stored, entry.etag, ""))[1])
        if (entry.size, entry.etag) != wanted:
            raise NonConformance(f"size and entity tag {wanted} of {entry.key}", f"{(entry.size, entry.etag)}", reply)
