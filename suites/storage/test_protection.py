"""Protection that a caller asks for, by keys or by time: it is given, or the caller is told that it is not."""

from __future__ import annotations

import time

from conformance.clients.s3_bodies import ENCRYPTION_KEY, content_md5
from conformance.oracles.s3_objects import expect_headers
from conformance.oracles.status import expect_no_server_error, observed
from conformance.sandbox.space import Space
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance


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
        raise NonConformance("no object without the key that it was put with", observed(got), reply, got)


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
        expect_headers(space.head(key), asked)


@verifies("storage/subresource/lock-is-kept-or-refused")
def test_lock_is_kept_or_refused(space: Space) -> None:
    """Purpose: a caller who locks what it stores is not left to think that nobody can delete it.

    Method: 1. PUT with x-amz-object-lock-mode: GOVERNANCE, until five seconds from now
            2. expect a refusal, or that mode told by HEAD
    """
    key, asked = space.key("locked"), {"x-amz-object-lock-mode": "GOVERNANCE"}
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    fields = {"x-amz-object-lock-retain-until-date": until, "Content-MD5": content_md5(b"evidence")}
    reply = space.put(key, b"evidence", {**asked, **fields})

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), asked)
