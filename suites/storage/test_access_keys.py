"""Access keys: revocation takes effect at once, and requests above the declared limit are refused."""

from __future__ import annotations

import time
from collections.abc import Callable

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.s3.client import S3
from conformance.oracles.rate_limits import expect_limited, stated
from conformance.oracles.s3_errors import error_of
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Target
from conformance.vocabulary.check import disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

RETRY_S = 0.05


@verifies("storage/signature/revocation-is-immediate")
@disturbs("access key revocable")
def test_revocation_is_immediate(
    with_key_of: Callable[[str], S3], space: Space, target: Target, changer: Callable[[str, str, str], Operator]
) -> None:
    """Purpose: an organization that revokes a leaked access key is safe from then on.
    Method: 1. presign a GET with the key of the role revocable, and revoke the key by the operator's hook
            2. send the URL and a signed GET until limits.revocation has passed; expect a 4xx for each by then
    """
    revoked = with_key_of("revocable")
    key = space.stored(b"read with a key that is revoked")
    bucket = revoked.bucket(space.name)
    presigned = revoked.presign(bucket.request("GET", key))
    before = bucket.get(key)
    if not before.ok:
        raise Inconclusive(f"the revocable access key cannot read: {observed(before)}", "an access key that works")
    revoker = changer("storage revocable", "revoke", "restore")
    until = revoker.revoke(revoked.keys.access_key) + target.limits.revocation

    requests: list[Callable[[], Exchange]] = [lambda: bucket.get(key), lambda: revoked.send_as_is(presigned)]
    for request in requests:
        reply = request()
        while reply.ok and time.monotonic() < until:
            time.sleep(RETRY_S)
            reply = request()
        expect_status(reply, range(400, 500), "for an access key that was revoked")


def is_slow_down(reply: Exchange) -> bool:
    """Whether this is S3's own response to too many requests: 503 SlowDown (Error responses)."""
    error = error_of(reply)
    return reply.status == 503 and error is not None and error.code == "SlowDown"


@verifies("storage/errors/requests-are-limited")
@disturbs("access key limited")
def test_requests_are_limited(with_key_of: Callable[[str], S3], space: Space, target: Target) -> None:
    """Purpose: a client above the rate limit gets a status that SDKs retry.
    Method: 1. with the key of the role limited, GET an object more often than limits.storage_requests permits
            2. expect 429, or 503 SlowDown
    """
    limit = target.limits.storage_requests
    stated(limit, "storage_requests")
    bucket = with_key_of("limited").impatient().bucket(space.name)
    key = space.stored(b"read with a key that is limited")
    expect_limited(limit, "storage_requests", lambda: bucket.get(key), accepts=is_slow_down)
