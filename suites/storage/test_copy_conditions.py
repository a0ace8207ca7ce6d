"""Server-side copies under conditions on their source, and of versions of it."""

from __future__ import annotations

import pytest

from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import row, verifies

OTHER = '"0123456789abcdef0123456789abcdef"'
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"
OWN_TAG, OWN_TIME = "etag", "last-modified"
"""Stand for what HEAD tells of the source."""


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        row("storage/copy/if-match-that-holds", {"if-match": OWN_TAG}, True),
        row("storage/copy/if-match-that-fails", {"if-match": OTHER}, False),
        row("storage/copy/if-none-match-that-holds", {"if-none-match": OTHER}, True),
        row("storage/copy/if-none-match-that-fails", {"if-none-match": OWN_TAG}, False),
        row("storage/copy/modified-since-that-holds", {"if-modified-since": LONG_AGO}, True),
        row("storage/copy/modified-since-that-fails", {"if-modified-since": OWN_TIME}, False),
        row("storage/copy/unmodified-since-that-holds", {"if-unmodified-since": OWN_TIME}, True),
        row("storage/copy/unmodified-since-that-fails", {"if-unmodified-since": LONG_AGO}, False),
        row(
            "storage/copy/if-match-outranks-unmodified-since",
            {"if-match": OWN_TAG, "if-unmodified-since": LONG_AGO},
            True,
        ),
        row(
            "storage/copy/if-none-match-outranks-modified-since",
            {"if-none-match": OWN_TAG, "if-modified-since": LONG_AGO},
            False,
        ),
    ],
)
def test_condition_on_the_source(space: Space, conditions: dict[str, str], holds: bool) -> None:
    """Purpose: a copy is made only if the conditions on its source hold.

    Method: 1. copy under the conditions
            2. expect the copy where they hold, 412 and nothing under the new key where they do not
    """
    source, key = space.stored(b"conditional"), space.key("copy")
    head = space.head(source)
    own = {OWN_TAG: expect_etag(head), OWN_TIME: head.headers.get("last-modified") or ""}
    fields = {f"x-amz-copy-source-{name}": own.get(value, value) for name, value in conditions.items()}
    reply = space.copy(key, source, fields)

    if holds:
        expect_no_error_inside(reply)
        expect_bytes(space.get(key), b"conditional", "of the copy that was answered")
    else:
        expect_refusal(reply, 412, {"PreconditionFailed"})
        expect_nothing_stored(space.get(key))


@verifies("storage/copy/missing-version-is-refused")
def test_copy_of_missing_version(space: Space) -> None:
    """Purpose: a copy of a version that never existed is no copy of the present object.

    Method: 1. copy from an object with the id of a version that never existed
            2. expect 400, 403, 404, or 501, and nothing under the new key
    """
    source, key = space.stored(b"the present one"), space.key("copy")
    reply = space.copy_as(key, f"/{space.name}/{encoded(source, safe='/')}?versionId=cf-no-such-version-0000000000000")

    expect_status(reply, {400, 403, 404, 501})
    expect_nothing_stored(space.get(key))
