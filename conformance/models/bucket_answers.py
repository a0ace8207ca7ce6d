"""Compares a bucket's responses about objects with its model."""

from __future__ import annotations

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
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

OWNER = "x-amz-meta-owner"
"""The optional metadata field of a model's objects."""


def owner_metadata(owner: str) -> dict[str, str]:
    """Return the metadata field of an owner; none for ""."""
    return {OWNER: owner} if owner else {}


def expect_part(reply: Exchange, stored: Stored | None, first: int, size: int) -> None:
    """Expect the correct response to a read of up to ``size`` bytes."""
    if stored is None:
        expect_nothing_stored(reply, "for a key that holds nothing")
    elif first >= len(stored.body):
        expect_status(reply, 416 if stored.body else {200, 416})
    else:
        expect_range(reply, stored.body, first, min(first + size, len(stored.body)) - 1)


def expect_uploads(reply: Exchange, expected: dict[str, str]) -> None:
    """Expect exactly these open uploads (keys by id), or some of them on a page that is not the last."""
    page = uploads_page_of(reply)
    found = {each.upload: each.key for each in page.uploads}
    if found != expected and not (page.truncated and found.items() <= expected.items()):
        raise NonConformance(f"the open uploads {worded(expected)}", worded(found), reply)


class Answers:
    """The responses so far: the ETag of an object must not change while the object does not."""

    def __init__(self) -> None:
        # By identity; storing the objects keeps their ids unique.
        self._tags: dict[int, tuple[Stored, str]] = {}

    def expect_object(self, reply: Exchange, stored: Stored) -> None:
        """Expect a read to return the object's bytes, exactly its metadata, and its ETag."""
        expect_bytes(reply, stored.body)
        expect_headers(reply, dict(stored.metadata))
        expect_absent_headers(reply, {OWNER} - dict(stored.metadata).keys(), "since it was stored without")
        tag = expect_etag(reply)
        _, before = self._tags.setdefault(id(stored), (stored, tag))
        if before != tag:
            raise NonConformance(f"ETag {before}, as in the earlier response", tag, reply)

    def expect_entry(self, entry: Entry, stored: Stored, reply: Exchange) -> None:
        """Expect a listing to state the size and ETag of the current object."""
        expected = (len(stored.body), self._tags.get(id(stored), (stored, entry.etag))[1])
        if (entry.size, entry.etag) != expected:
            raise NonConformance(f"size and entity tag {expected} of {entry.key}", f"{(entry.size, entry.etag)}", reply)
