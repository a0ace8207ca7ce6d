"""Conditional GET and HEAD (RFC 9110 section 13)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.recorder import Recorder
from conformance.oracles.headers import expect_end_after_head
from conformance.oracles.s3_errors import expect_no_error_inside
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_if_present,
    expect_same_headers,
    expect_stored,
)
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, rows, verifies
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import seconds_of_date
from conformance.vocabulary.wording import worded

BODY = b"conditional"
OTHER = '"0123456789abcdef0123456789abcdef"'
NO_DATE = "yesterday"
LATER = "Thu, 01 Dec 2044 16:00:00 GMT"
NO_TAGS = ("", "bare", '"half', "W/, *")
ETAG, WEAK, DATE, EARLIER, RFC850, ASCTIME = "<etag>", "<weak>", "<date>", "<earlier>", "<rfc850>", "<asctime>"
"""Placeholders for values of the object: its ETag, Last-Modified, an hour before, and other forms of these."""


@dataclass(frozen=True)
class Known:
    """An object that is only read: its ETag, its Last-Modified, and when it was read by a monotonic clock."""

    key: str
    etag: str
    modified: str
    at: float

    def moved(self, seconds: int) -> str:
        """Last-Modified, moved by seconds."""
        return formatdate(self.seconds + seconds, usegmt=True)

    @property
    def seconds(self) -> float:
        """Last-Modified in seconds since 1970."""
        seconds = seconds_of_date(self.modified)
        if seconds is None:
            raise Inconclusive(f"Last-Modified is no date: {worded(self.modified)}", "objects with a Last-Modified")
        return seconds

    def fields(self, templates: dict[str, str]) -> dict[str, str]:
        """Header fields with the object's values instead of placeholders."""
        moment = time.gmtime(self.seconds)
        values = {
            ETAG: self.etag,
            WEAK: f"W/{self.etag.removeprefix('W/')}",
            DATE: self.modified,
            EARLIER: self.moved(-3600),
            RFC850: time.strftime("%A, %d-%b-%y %H:%M:%S GMT", moment),
            ASCTIME: time.asctime(moment),
        }
        found = dict(templates)
        for placeholder, value in values.items():
            found = {name: text.replace(placeholder, value) for name, text in found.items()}
        return found


@pytest.fixture(scope="session")
def known(space: Space) -> Known:
    """An object that is only read."""
    key = space.stored(BODY)
    reply = space.get(key)
    return Known(key, expect_etag(reply), reply.headers.get("last-modified") or "", time.monotonic())


@pytest.mark.parametrize(
    ("condition", "status"),
    rows(
        {
            "storage/condition/if-match-is-honoured": {
                "if-match-holds": ({"If-Match": ETAG}, 200),
                "if-match-fails": ({"If-Match": OTHER}, 412),
                "before-if-unmodified-since": ({"If-Match": ETAG, "If-Unmodified-Since": EARLIER}, 200),
            },
            "storage/condition/if-match-forms-are-honoured": {
                "if-match-list": ({"If-Match": f"{OTHER}, {ETAG}"}, 200),
                "if-match-any": ({"If-Match": "*"}, 200),
                "if-match-weak": ({"If-Match": WEAK}, 412),
            },
            "storage/condition/if-none-match-is-honoured": {
                "if-none-match-holds": ({"If-None-Match": OTHER}, 200),
                "if-none-match-fails": ({"If-None-Match": ETAG}, 304),
                "if-none-match-before-earlier-date": ({"If-None-Match": ETAG, "If-Modified-Since": EARLIER}, 304),
            },
            "storage/condition/if-none-match-forms-are-honoured": {
                "if-none-match-list": ({"If-None-Match": f"{OTHER}, {ETAG}"}, 304),
                "if-none-match-weak": ({"If-None-Match": WEAK}, 304),
                "if-none-match-any": ({"If-None-Match": "*"}, 304),
            },
            "storage/condition/if-modified-since-is-honoured": {
                "modified-since-holds": ({"If-Modified-Since": EARLIER}, 200),
                "modified-since-fails": ({"If-Modified-Since": DATE}, 304),
            },
            "storage/condition/if-unmodified-since-is-honoured": {
                "unmodified-since-holds": ({"If-Unmodified-Since": DATE}, 200),
                "unmodified-since-fails": ({"If-Unmodified-Since": EARLIER}, 412),
                "unmodified-since-later": ({"If-Unmodified-Since": LATER}, 200),
            },
            "storage/condition/date-forms-are-honoured": {
                "rfc850": ({"If-Modified-Since": RFC850}, 304),
                "asctime": ({"If-Modified-Since": ASCTIME}, 304),
            },
            "storage/condition/invalid-date-is-ignored": {
                "modified-since": ({"If-Modified-Since": NO_DATE}, 200),
                "unmodified-since": ({"If-Unmodified-Since": NO_DATE}, 200),
            },
            "storage/condition/precedence-is-that-of-rfc9110": {
                "if-none-match-before-if-modified-since": ({"If-None-Match": OTHER, "If-Modified-Since": DATE}, 200),
                "if-none-match-after-if-match": ({"If-Match": ETAG, "If-None-Match": ETAG}, 304),
                "if-match-before-if-none-match": ({"If-Match": OTHER, "If-None-Match": ETAG}, 412),
                "if-match-before-range": ({"If-Match": OTHER, "Range": "bytes=0-3"}, 412),
                "if-none-match-before-range": ({"If-None-Match": ETAG, "Range": "bytes=0-3"}, 304),
                "if-none-match-before-unsatisfiable-range": ({"If-None-Match": ETAG, "Range": "bytes=5000-"}, 304),
            },
        }
    ),
)
def test_condition(space: Space, known: Known, condition: dict[str, str], status: int) -> None:
    """Purpose: caches and SDKs read an object only if it has changed, or only if it has not.
    Method: 1. GET and HEAD an object under one or two conditions; only GET where there is a Range
            2. expect the object where the condition holds, otherwise 304 or 412
    """
    for method in ("GET",) if "Range" in condition else ("GET", "HEAD"):
        fields = known.fields(condition)
        reply = space.call(method, known.key, headers=fields)
        expect_status(reply, status, f"for {', '.join(f'{name}: {value}' for name, value in fields.items())}")
        if status == 200 and method == "GET":
            expect_bytes(reply, BODY)


@verifies("storage/condition/if-modified-since-is-honoured#later-date")
def test_modified_since_later(space: Space, known: Known, recorder: Recorder) -> None:
    """Purpose: an object that was last modified before a date was not modified since.
    Method: 1. GET and HEAD an object with If-Modified-Since a second after its Last-Modified
            2. expect 304; otherwise repeat both when that second is past, since a date in the future may be ignored
               (RFC 2616 section 14.25)
    """
    seconds = 1
    fields = {"If-Modified-Since": known.moved(seconds)}
    replies = [space.call(method, known.key, headers=fields) for method in ("GET", "HEAD")]
    if {reply.status for reply in replies} != {304}:
        recorder.pause(max(0.0, known.at + seconds + 0.1 - time.monotonic()))
        replies = [space.call(method, known.key, headers=fields) for method in ("GET", "HEAD")]

    for reply in replies:
        expect_status(reply, 304)


@verifies("storage/condition/if-match-is-honoured#part-number")
def test_part_of_a_replaced_object_is_not_returned(space: Space, known: Known) -> None:
    """Purpose: an SDK that reads an object part by part does not get the rest of its replacement.
    Method: 1. GET and HEAD an object with partNumber=1 and If-Match of another ETag
            2. expect 412; or 400 or 501, where partNumber is not offered
    """
    for method in ("GET", "HEAD"):
        expect_status(space.call(method, known.key, {"partNumber": "1"}, {"If-Match": OTHER}), {400, 412, 501})


@verifies("storage/condition/if-match-is-honoured#etag-of-a-multipart-object")
@pytest.mark.usefixtures("multipart")
def test_etag_of_a_multipart_object_is_honoured(space: Space) -> None:
    """Purpose: SDKs download and copy a multipart object by its ETag like any other.
    Method: 1. upload an object in one part; GET and copy it with its ETag in If-Match, and GET it in If-None-Match
            2. expect the object, 304, and the copy
    """
    key, copied = space.stored_in_parts([BODY]), space.key("copy")
    tag = expect_etag(space.head(key))

    expect_bytes(space.get(key, {"If-Match": tag}), BODY)
    expect_status(space.get(key, {"If-None-Match": tag}), 304)
    expect_no_error_inside(space.copy(copied, key, {"x-amz-copy-source-if-match": tag}))
    expect_bytes(space.get(copied), BODY)


@verifies("storage/condition/invalid-condition-is-no-server-error")
def test_invalid_condition_is_no_server_error(space: Space) -> None:
    """Purpose: a condition that cannot be parsed is reported as the client's mistake, or does not hold.
    Method: 1. GET with If-Match, If-None-Match and If-Range that are no entity tags; PUT a new key with
               If-Unmodified-Since, which has no date (RFC 9110 section 13.1.4)
            2. expect no 5xx, and the object from the next valid request
    """
    key = space.stored(BODY)

    for value in NO_TAGS:
        for name in ("If-Match", "If-None-Match"):
            expect_no_server_error(space.get(key, {name: value}))
    expect_no_server_error(space.get(key, {"Range": "bytes=0-1", "If-Range": NO_DATE}))
    expect_no_server_error(space.put(space.key("new"), BODY, {"If-Unmodified-Since": LATER}))
    expect_stored(space.get(key), BODY)


@verifies("storage/condition/not-modified-has-etag")
def test_not_modified_has_the_etag(space: Space, known: Known) -> None:
    """Purpose: a cache knows by the ETag of a 304 which of its copies is confirmed.
    Method: 1. GET and HEAD with its ETag in If-None-Match; 2. expect 304 with that ETag and any Last-Modified of 200
    """
    whole = space.get(known.key)
    for method in ("GET", "HEAD"):
        reply = space.call(method, known.key, headers={"If-None-Match": known.etag})
        expect_status(reply, 304)
        expect_headers(reply, {"etag": known.etag})
        expect_same_headers(reply, whole, [name for name in ("last-modified",) if name in reply.headers])


@verifies("storage/condition/not-modified-has-caching-fields")
def test_not_modified_has_the_caching_fields(space: Space) -> None:
    """Purpose: a cache that revalidates learns how long it may store the object from now on.
    Method: 1. overwrite an object with other Cache-Control and Expires, GET it without a condition and with its ETag
            2. expect 304 with the values of 200
    """
    before = {"Cache-Control": "max-age=7", "Expires": "Tue, 01 Dec 2043 16:00:00 GMT"}
    fields = {"Cache-Control": "max-age=60", "Expires": LATER}
    key = space.stored(BODY, fields, key=space.stored(b"before", before))
    whole = space.get(key)
    reply = space.get(key, {"If-None-Match": expect_etag(whole)})

    expect_status(reply, 304)
    expect_same_headers(reply, whole, [name for name in fields if name in whole.headers])


@verifies("storage/condition/not-modified-has-no-other-length")
def test_not_modified_has_no_other_length(space: Space, known: Known) -> None:
    """Purpose: a cache stores a Content-Length of a 304, and a client waits for the body that it states.
    Method: 1. GET with If-None-Match of the object's ETag, and read until the connection ends
            2. expect 304 without Content-Length, or with the object's, and no body
    """
    request = space.s3.sign(space.request("GET", known.key, headers={"If-None-Match": known.etag}))
    reply = Wire(space.s3.signed).send(request.head, bare=True)

    expect_status(reply, 304)
    expect_end_after_head(reply)
    if "content-length" in reply.headers:
        expect_if_present(reply, {"content-length": str(len(BODY))})


@verifies("storage/condition/missing-object-is-404")
@pytest.mark.parametrize(
    "fields",
    [
        case("if-match", {"If-Match": OTHER}),
        case("if-none-match-any", {"If-None-Match": "*"}),
        case("unmodified-since", {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    ],
)
def test_missing_object_is_404_under_any_condition(space: Space, fields: dict[str, str]) -> None:
    """Purpose: a client learns that an object is missing, not that a condition failed.
    Method: 1. GET and HEAD a key that was never written, under a condition; 2. expect 404
    """
    key = space.key("missing")

    for reply in (space.get(key, fields), space.head(key, fields)):
        expect_status(reply, 404)
