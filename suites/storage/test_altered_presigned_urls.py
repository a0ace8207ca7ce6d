"""A presigned URL permits exactly the request that was signed, by a key that may make it, while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.client import NEVER_ISSUED, Bucket, by_clock_of, long_past, minutes_off
from conformance.clients.s3.sigv4 import Request, Signing
from conformance.evidence.recorder import Recorder
from conformance.oracles.s3_errors import REFUSED, expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NotApplicable

OLD = b"the earlier object"
Make = Callable[[Space, str], Request]
ALTERED, LONGER = "storage/presigned/altered-is-refused", (("X-Amz-Expires", "3600"),)
SIGNATURE, DISPOSED = "X-Amz-Signature", (("response-content-type", "text/html"),)


def _url(
    method: str = "PUT",
    change: Callable[[Request], Request] = lambda url: url,
    expires: str = "3600",
    minutes: int | None = 0,
) -> Make:
    """Presign a request by a clock that is minutes off (None: eleven minutes ago by the target's), then change it."""

    def make(space: Space, key: str) -> Request:
        signing = long_past(space.head(key)) if minutes is None else minutes_off(minutes)
        url = change(space.s3.presign(space.request(method, key), expires, signing))
        return replace(url, body=b"intruder" if url.method == "PUT" else b"")

    return make


def _set(name: str, change: Callable[[str], str]) -> Callable[[Request], Request]:
    return lambda url: replace(url, query=tuple((key, change(old) if key == name else old) for key, old in url.query))


def _without(name: str) -> Callable[[Request], Request]:
    return lambda url: replace(url, query=tuple(pair for pair in url.query if pair[0] != name))


def _forged_after_use(space: Space, key: str) -> Request:
    """Forge a URL after its use: a cache in front of the gateway may have stored the response."""
    url = space.s3.presign(space.request("GET", key))
    expect_bytes(space.s3.send_as_is(url), OLD)
    return _set(SIGNATURE, lambda old: "0" * 64)(url)


def _of_an_unknown_key(secret: str) -> Make:
    unknown = {**NEVER_ISSUED, "secret_key": secret}
    return lambda space, key: space.s3.with_keys(**unknown).presign(space.request("GET", key))


@pytest.mark.parametrize(
    ("made", "statuses"),
    [
        *(
            row(f"{ALTERED}#{name}", made, REFUSED)
            for name, made in {
                "method": _url(change=lambda url: replace(url, method="DELETE")),
                "key": _url(change=lambda url: replace(url, path=url.path + "-other")),
                "longer-expiry": _url(change=_set("X-Amz-Expires", lambda old: "7200")),
                "later-date": _url(change=_set("X-Amz-Date", lambda old: minutes_off(1).timestamp())),
                "x-id-added": _url(change=lambda url: replace(url, query=(*url.query, ("x-id", "PutObject")))),
                "signature": _url(change=_set(SIGNATURE, lambda old: old[:-1] + ("0" if old[-1] != "0" else "1"))),
                "signature-cut": _url(change=_set(SIGNATURE, lambda old: old[:-8])),
                **{
                    f"no-{name.lower()}": _url(change=_without(f"X-Amz-{name}"))
                    for name in ("Signature", "Credential", "Date", "Expires")
                },
                "second-expiry-before": _url("GET", lambda url: replace(url, query=LONGER + url.query), "60", -16),
                "second-expiry-after": _url("GET", lambda url: replace(url, query=url.query + LONGER), "60", -16),
                "put-sent-as-get": _url("PUT", lambda url: replace(url, method="GET")),
                "put-sent-as-head": _url("PUT", lambda url: replace(url, method="HEAD")),
                "get-sent-as-put": _url("GET", lambda url: replace(url, method="PUT")),
                "get-sent-as-delete": _url("GET", lambda url: replace(url, method="DELETE")),
                "forged-after-use": _forged_after_use,
            }.items()
        ),
        # A page that is served as text/html runs scripts; gateways need not offer response- parameters, nor tagging.
        row(
            f"{ALTERED}#response-field-added",
            _url("GET", lambda url: replace(url, query=url.query + DISPOSED)),
            {*REFUSED, 501},
        ),
        row(
            f"{ALTERED}#tagging-added",
            _url(change=lambda url: replace(url, query=(*url.query, ("tagging", "")))),
            {*REFUSED, 501},
        ),
        *(
            row(f"storage/presigned/expired-is-refused#{each.lower()}", _url(each, expires="60", minutes=None), REFUSED)
            for each in ("GET", "HEAD", "PUT", "DELETE")
        ),
        row(
            "storage/presigned/expired-is-refused#x-amz-date-now",
            _url("GET", lambda url: url.with_header("x-amz-date", minutes_off(0).timestamp()), "60", None),
            REFUSED,
        ),
        row("storage/presigned/future-is-refused", _url("GET", expires="60", minutes=24 * 60), REFUSED),
        *(
            row(f"storage/presigned/expiry-is-bounded#{name}", _url("GET", expires=expires), REFUSED)
            for name, expires in {
                "over-a-week": "604801",
                "zero": "0",
                "negative": "-1",
                "no-number": "soon",
                "empty": "",
            }.items()
        ),
        row("storage/signature/unknown-key-is-refused#by-url", _of_an_unknown_key("no-such-secret"), REFUSED),
        row("storage/signature/unknown-key-is-refused#by-url-with-empty-secret", _of_an_unknown_key(""), REFUSED),
    ],
)
def test_altered_url_is_refused(space: Space, made: Make, statuses: frozenset[int]) -> None:
    """Purpose: the holder of a URL cannot change what was signed, extend its life, or use another method.
    Method: 1. put an object; alter a presigned URL to it, or presign one that is expired, too early, without a valid
               expiry or with an unknown access key; send it
            2. expect 403 (400, 401; 501 where it is not offered), the object unchanged, and nothing stored elsewhere
    """
    key = space.stored(OLD)

    expect_status(space.s3.send_as_is(made(space, key)), statuses)
    expect_stored(space.get(key), OLD)
    expect_nothing_stored(space.get(f"{key}-other"))


@verifies("storage/presigned/expired-is-refused#used-before")
def test_used_url_expires(space: Space, recorder: Recorder) -> None:
    """Purpose: a URL expires although its response is cached, or its signature was verified before.
    Method: 1. put an object, presign GETs that end two seconds later by the target's clock, send one of them
            2. once an unused one is refused, wait as long again, send the first; expect 403 (400, 401)
    """
    lives_s = 2
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
