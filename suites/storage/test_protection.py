"""Protection that a caller asks for, by keys or by time: it is given, or the caller is told that it is not."""

from __future__ import annotations

import time

import pytest

from conformance.clients.s3.bodies import ENCRYPTION_KEY, content_md5
from conformance.oracles.s3_objects import expect_headers, open_to_all
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

LOCK, UNTIL = {"x-amz-object-lock-mode": "GOVERNANCE"}, "x-amz-object-lock-retain-until-date"


def _soon() -> str:
    """Five seconds from now: a lock that is kept is over before the run ends."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))


@verifies("storage/subresource/encryption-key-is-used-or-refused")
def test_encryption_key_is_used_or_refused(space: Space) -> None:
    """Purpose: a caller who gives a key to encrypt with does not have the object stored open to all who read.

    Method: 1. PUT with a key of the customer's own (SSE-C)
            2. expect a refusal with nothing stored, or an object that is not read without the key
    """
    key = space.key("secret")
    reply = space.put(key, b"a secret", ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(reply)
    if got.ok:
        raise open_to_all("no object without the key that it was put with", reply, got)


@verifies("storage/subresource/encryption-key-is-used-or-refused")
@pytest.mark.parametrize("way", [case("of-a-copy", "copy")])
def test_encryption_key_of_a_copy_is_used_or_refused(space: Space, way: str) -> None:
    """Purpose: a caller who gives a key to encrypt a copy with does not have it stored open to all who read.

    Method: 1. copy an object with a key of the customer's own (SSE-C) for the copy
            2. expect a refusal with nothing stored, or a copy that is not read without the key
    """
    key = space.key(way)
    reply = space.copy(key, space.stored(b"a secret"), ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(reply)
    if got.ok:
        raise open_to_all("no copy without the key that it was made with", reply, got)


@verifies("storage/subresource/encryption-is-used-or-refused")
def test_encryption_is_used_or_refused(space: Space) -> None:
    """Purpose: a caller who asks for encryption under a managed key is not left to think that it was done.

    Method: 1. PUT with x-amz-server-side-encryption: aws:kms
            2. expect a refusal, or that encryption told by HEAD
    """
    key, asked = space.key("secret"), {"x-amz-server-side-encryption": "aws:kms"}
    reply = space.put(key, b"a secret", asked)

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), asked, reply)


@verifies("storage/subresource/lock-is-kept-or-refused")
def test_lock_is_kept_or_refused(space: Space) -> None:
    """Purpose: a caller who locks what it stores is not left to think that nobody can delete it.

    Method: 1. PUT with x-amz-object-lock-mode: GOVERNANCE, until five seconds from now
            2. expect a refusal, or that mode told by HEAD
    """
    key = space.key("locked")
    reply = space.put(key, b"evidence", {**LOCK, UNTIL: _soon(), "Content-MD5": content_md5(b"evidence")})

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), LOCK, reply)


@verifies("storage/subresource/lock-is-kept-or-refused")
@pytest.mark.parametrize("way", [case("of-a-copy", "copy")])
def test_lock_of_a_copy_is_kept_or_refused(space: Space, way: str) -> None:
    """Purpose: a caller who locks a copy that it makes is not left to think that nobody can delete it.

    Method: 1. copy an object with x-amz-object-lock-mode: GOVERNANCE, until five seconds from now
            2. expect a refusal, or that mode told by HEAD
    """
    key = space.key(way)
    reply = space.copy(key, space.stored(b"evidence"), {**LOCK, UNTIL: _soon()})

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), LOCK, reply)
