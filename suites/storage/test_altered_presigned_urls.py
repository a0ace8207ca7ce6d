"""A presigned URL permits exactly the request that was signed, by a key that may make it, while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.client import NEVER_ISSUED, Bucket, by_clock_of, minutes_off
from conformance.clients.s3.sigv4 import Request, Signing
from conformance.evidence.recorder import Recorder
from conformance.oracles.s3_errors import REFUSED, expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_stored
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable

OLD = b"the earlier object"
LONGER = (("X-Amz-Expires", "3600"),)


def _expired(space: Space, key: str) -> Request:
    return space.s3.presign(space.request("GET", key), "60", minutes_off(-16))


def _longer_first(space: Space, key: str) -> Request:
    url = _expired(space, key)
    return replace(url, query=LONGER + url.query)


def _longer_last(space: Space, key: str) -> Request:
    url = _expired(space, key)
    return replace(url, query=url.query + LONGER)


def _with_response_field(space: Space, key: str) -> Request:
    url = space.s3.presign(space.request("GET", key))
    return replace(url, query=(*url.query, ("response-content-type", "text/html")))


def _by_method(signed: str, sent: str) -> Callable[[Space, str], Request]:
    def make(space: Space, key: str) -> Request:
        url = space.s3.presign(space.request(signed, key))
        return replace(url, method=sent, body=b"intruder" if sent == "PUT" else b"")

    return make


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize(
    ("altered", "statuses"),
    [
        case("second-expiry-before", _longer_first, REFUSED),
        case("second-expiry-after", _longer_last, REFUSED),
        # A page that is served as text/html runs scripts; gateways need not offer response- parameters.
        case("response-field-added", _with_response_field, {*REFUSED, 501}),
        case("put-sent-as-get", _by_method("PUT", "GET"), REFUSED),
        case("put-sent-as-head", _by_method("PUT", "HEAD"), REFUSED),
        case("get-sent-as-put", _by_method("GET", "PUT"), REFUSED),
        case("get-sent-as-delete", _by_method("GET", "DELETE"), REFUSED),
    ],
)
def test_altered_url_is_refused(
    space: Space, altered: Callable[[Space, str], Request], statuses: frozenset[int]
) -> None:
    """Purpose: the holder of a URL cannot extend its life, change the response or use another method.
    Method: 1. put an object, presign a request to it, alter the URL or its method, send it
            2. expect 403 (400, 401), and the object unchanged
    """
    key = space.stored(OLD)

    expect_status(space.s3.send_as_is(altered(space, key)), statuses)
    expect_stored(space.get(key), OLD)


@verifies("storage/presigned/altered-is-refused")
@pytest.mark.parametrize("signature", [case("forged-after-use", "0" * 64)])
def test_forged_url_is_refused_after_use(space: Space, signature: str) -> None:
    """Purpose: a cache in front of the gateway serves a response only to a client with the URL.
    Method: 1. put an object, presign a GET and send it; send it with a forged signature
            2. expect the bytes, then 403 (400, 401)
    """
    url = space.s3.presign(space.request("GET", space.stored(OLD)))
    forged = tuple((name, signature if name == "X-Amz-Signature" else value) for name, value in url.query)

    expect_bytes(space.s3.send_as_is(url), OLD)
    expect_status(space.s3.send_as_is(replace(url, query=forged)), REFUSED, "for a URL that was served before")


@verifies("storage/presigned/expired-is-refused")
@pytest.mark.parametrize("lives_s", [case("used-before", 2)])
def test_used_url_expires(space: Space, recorder: Recorder, lives_s: int) -> None:
    """Purpose: a URL expires although its response is cached, or its signature was verified before.
    Method: 1. put an object, presign GETs that end two seconds later by the target's clock, send one of them
            2. once an unused one is refused, wait as long again, send the first; expect 403 (400, 401)
    """
    put = require(space.put(key := space.key(), OLD), "objects")
    request, now = space.request("GET", key), by_clock_of(put).when or time.time()
    used, *others = (space.s3.presign(request, str(lives_s + age), Signing(when=now - age)) for age in range(4))
    if not space.s3.send_as_is(used).ok:
        raise NotApplicable("the URL expired before it was sent")
    for url in others:
        recorder.pause(lives_s)
        if not space.s3.send_as_is(url).ok:
            break
    else:
        raise NotApplicable("the target serves URLs some seconds longer than they state")
    recorder.pause(lives_s)
    expect_status(space.s3.send_as_is(used), REFUSED, "for a URL that was served before it expired")


@verifies("storage/presigned/unsigned-fields-are-not-obeyed")
@pytest.mark.parametrize(
    ("name", "value"),
    [case("method", "X-HTTP-Method-Override", "DELETE"), case("path", "X-Original-URL", "/{bucket}/{other}")],
)
def test_method_and_path_cannot_be_overridden(space: Space, name: str, value: str) -> None:
    """Purpose: the holder of a URL to one object cannot delete it or read another by adding a header field.
    Method: 1. presign a GET, send it with a field that overrides method or path in some frameworks
            2. expect the object, or a refusal, and the object still there
    """
    key, other = space.stored(OLD), space.stored(b"of others")
    url = space.s3.presign(space.request("GET", key))

    reply = space.s3.send_as_is(url.with_header(name, value.format(bucket=space.name, other=other)))

    if reply.ok:
        expect_bytes(reply, OLD)
    else:
        expect_status(reply, REFUSED)
    expect_stored(space.get(key), OLD)


@verifies("storage/presigned/opens-no-foreign-bucket")
@pytest.mark.parametrize(
    ("method", "is_listing"), [case("get", "GET", False), case("put", "PUT", False), case("list", "GET", True)]
)
def test_url_opens_no_foreign_bucket(foreign: Bucket, names: Names, method: str, is_listing: bool) -> None:
    """Purpose: a URL that one organization's key presigns opens no bucket of another organization.
    Method: 1. presign a request to another organization's bucket with our own key, send it
            2. expect 403 AccessDenied, or 404 as if it did not exist
    """
    key = names.new("foreign")
    query = {"list-type": "2", "prefix": key} if is_listing else {}
    url = foreign.s3.presign(foreign.request(method, "" if is_listing else key, query))
    reply = foreign.s3.send_as_is(replace(url, body=b"never to be stored") if method == "PUT" else url)
    if reply.ok and method == "PUT":
        foreign.s3.send_as_is(foreign.s3.presign(foreign.request("DELETE", key)))

    expect_refusal(reply, {403, 404}, {"AccessDenied", "NoSuchBucket"})


@verifies("storage/presigned/put-is-served")
@pytest.mark.parametrize("name", [case("of-an-encoded-key", "a b+c/é%20(d)")])
def test_presigned_put_of_an_encoded_key_is_served(space: Space, name: str) -> None:
    """Purpose: a key that needs percent-encoding can be presigned like any other.
    Method: 1. presign a PUT of such a key, send it with a body; 2. expect 2xx and the bytes from a GET
    """
    key = space.prefix() + name
    url = space.s3.presign(space.request("PUT", key))

    expect_success(space.s3.send_as_is(replace(url, body=b"uploaded by URL")))
    expect_bytes(space.get(key), b"uploaded by URL")


@verifies("storage/signature/unknown-key-is-refused")
@pytest.mark.parametrize("secret", [case("by-url", "no-such-secret"), case("by-url-with-empty-secret", "")])
def test_url_of_an_unknown_access_key_is_refused(space: Space, secret: str) -> None:
    """Purpose: an access key that was never issued opens nothing, even where a missing key has an empty secret.
    Method: 1. presign a GET with an unknown access key, with some secret or an empty one; 2. expect 403 (400, 401)
    """
    key = space.stored()
    stranger = space.s3.with_keys(access_key=NEVER_ISSUED["access_key"], secret_key=secret)

    expect_status(stranger.send_as_is(stranger.presign(space.request("GET", key))), REFUSED)
