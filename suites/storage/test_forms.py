"""Uploads by a browser's form: what no signed policy permits is refused, whether or not forms are offered."""

from __future__ import annotations

import json
import time
from base64 import b64encode

import pytest

from conformance.clients.s3_bodies import FORM_TYPE, form_body
from conformance.clients.sigv4 import ALGORITHM, Keys, Signing, hmac_sha256, scope_of, signing_key
from conformance.clients.storage import Bucket
from conformance.oracles.s3_objects import expect_nothing_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.sandbox.space import Space
from conformance.vocabulary.check import case, verifies

OVER_S = 17 * 60
"""What ended then is over by any clock: clocks may differ by a quarter of an hour (RequestTimeTooSkewed)."""


def _policy(bucket: str, prefix: str, lives_s: float, keys: Keys, longest: int = 100) -> dict[str, str]:
    """The fields of a signed policy that permits keys below a prefix of a bucket, until so many seconds from now."""
    timestamp = Signing().timestamp()
    named = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{keys.access_key}/{scope_of(keys, timestamp[:8])}",
        "x-amz-date": timestamp,
    }
    matched = [{"bucket": bucket}, *({name: value} for name, value in named.items())]
    conditions = [["starts-with", "$key", prefix], ["content-length-range", 0, longest], *matched]
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + lives_s))
    policy = b64encode(json.dumps({"expiration": until, "conditions": conditions}).encode()).decode()
    signature = hmac_sha256(signing_key(keys, timestamp[:8]), policy).hex()
    return {**named, "policy": policy, "x-amz-signature": signature}


@verifies("storage/signature/form-without-permission-is-refused")
@pytest.mark.parametrize("lacks", [case(each, each) for each in ("policy", "secret", "time", "key", "bucket", "size")])
def test_form_without_permission_is_refused(space: Space, lacks: str) -> None:
    """Purpose: nobody uploads by a form what no policy permits that was signed with the organization's key.

    Method: 1. post a form without a policy, or with one that another secret signed, that is over, or for other keys,
               for another bucket or for fewer bytes
            2. expect a refusal (of forms in general, where they are not offered), and nothing stored
    """
    key, keys = space.key("form"), space.s3.keys
    fields = _policy(
        space.names.new("another") if lacks == "bucket" else space.name,
        prefix=space.prefix("others") if lacks == "key" else space.names.prefix,
        lives_s=-OVER_S if lacks == "time" else 600,
        keys=space.s3.with_keys(secret_key="not-the-secret").keys if lacks == "secret" else keys,
        longest=3 if lacks == "size" else 100,
    )
    body = form_body({"key": key, **({} if lacks == "policy" else fields)}, b"uploaded by a form")
    reply = space.s3.send_as_is(space.request("POST", headers={"Content-Type": FORM_TYPE}, body=body))

    expect_status(reply, [*range(400, 500), 501])
    expect_nothing_stored(space.get(key), refused=reply)


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("hint", [case("by-a-form", "form")])
def test_form_opens_no_foreign_bucket(foreign: Bucket, names: Names, hint: str) -> None:
    """Purpose: a policy that one organization's key signed permits nothing in a bucket of another's.

    Method: 1. post a form to a foreign bucket, with a policy for it that our own key signed
            2. expect a refusal, of forms in general where they are not offered
    """
    key = names.new(hint)
    fields = _policy(foreign.name, names.prefix, lives_s=600, keys=foreign.s3.keys)
    body = form_body({"key": key, **fields}, b"uploaded by a form")
    reply = foreign.s3.send_as_is(foreign.request("POST", headers={"Content-Type": FORM_TYPE}, body=body))
    if reply.ok:
        foreign.delete(key)

    expect_status(reply, [*range(400, 500), 501])
