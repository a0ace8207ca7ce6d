"""What each success is told by, whatever was asked, and by whichever check: its status, and of objects the tag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from conformance.vocabulary.exchange import Exchange


class Success(NamedTuple):
    """What is done by a method under such a path, query included, and the status that tells of it."""

    what: str
    method: str
    path: re.Pattern[str]
    status: int


CREATED_BLOB, CREATED_MANIFEST = "a created blob", "a created manifest"
OPENED_UPLOAD, TAKEN_CHUNK = "an opened upload", "an accepted chunk"
REGISTRY = (
    # A session may be anywhere on its host, where the organization's APIs may be as well.
    Success(CREATED_MANIFEST, "PUT", re.compile(r"/v2/.+/manifests/[^/?]+"), 201),
    Success(CREATED_BLOB, "PUT", re.compile(r".*[?&]digest=sha.*"), 201),
    Success(OPENED_UPLOAD, "POST", re.compile(r"/v2/.+/blobs/uploads/?"), 202),
    Success(TAKEN_CHUNK, "PATCH", re.compile(r"/v2/.*|.*upload.*"), 202),
)
"""OCI Distribution 1.1, Pushing blobs and Pushing Manifests."""

WRITTEN, DELETED = "a write", "a deletion"
_KEY, _SIGNED = r"/[^/?]+/[^?]+", r"(?:\?(?:(?:X-Amz-[A-Za-z-]+|x-id)=[^&]*&?)+)?"
STORED = re.compile(_KEY)
"""A path of an object's."""
STORAGE = (
    Success(WRITTEN, "PUT", re.compile(_KEY + _SIGNED), 200),
    Success(WRITTEN, "PUT", re.compile(_KEY + r"\?(?=.*partNumber=)(?=.*uploadId=).*"), 200),
    Success(WRITTEN, "POST", re.compile(r"/[^/?]+/?[^?]*\?(?:.*&)?(?:uploads|delete|uploadId)(?:[=&].*)?"), 200),
    Success(DELETED, "DELETE", re.compile(_KEY + _SIGNED), 204),
    Success(DELETED, "DELETE", re.compile(_KEY + r"\?(?:.*&)?uploadId=.*"), 204),
)
"""Amazon S3 API Reference: PutObject, UploadPart, CopyObject, multipart uploads, DeleteObject and DeleteObjects."""


ENTITY_TAG = re.compile(r'"[^"\x00-\x20\x7f]*"')
"""RFC 9110 section 8.8.3, and no weak one, with which no If-Match holds (section 13.1.1)."""
BAD_TAG = "an ETag that is not a strong entity tag"


def tag_flaw(exchange: Exchange, path: str) -> str:
    """What is wrong with the form of an object's entity tag; "" where nothing is.

    What is coded on its way has a weak one by right; beside objects there may be pages of something else.
    """
    described = (exchange.ok or exchange.status == 304) and STORED.match(path) is not None
    as_stored = "content-encoding" not in exchange.headers and exchange.media_type != "text/html"
    wrong = not all(map(ENTITY_TAG.fullmatch, exchange.headers.all("etag")))
    return BAD_TAG if described and as_stored and wrong else ""


def is_of_s3(exchange: Exchange) -> bool:
    """Whether a request is one to a gateway, beside which there may be other services: it is signed as those are."""
    return "?X-Amz-" in exchange.url or any(name.lower().startswith("x-amz-") for name, _ in exchange.request_headers)


def wrong_status(exchange: Exchange, path: str, successes: tuple[Success, ...]) -> str:
    """What was done and told by another status of success than it has; "" where nothing was."""
    if not exchange.ok:
        return ""
    done = next((each for each in successes if each.method == exchange.method and each.path.fullmatch(path)), None)
    return done.what if done and exchange.status != done.status else ""


LISTED_FIELDS = {
    CREATED_MANIFEST: ("Docker-Content-Digest",),
    CREATED_BLOB: ("Docker-Content-Digest",),
    OPENED_UPLOAD: ("Docker-Upload-UUID", "Range"),
    TAKEN_CHUNK: ("Docker-Upload-UUID",),
}
"""Docker Registry V2, Detail: "The following headers will be returned with the response", beyond those of OCI."""


def lacking(name: str, what: str) -> str:
    """Name the flaw of a success that lacks a documented header field."""
    return f"no {name} for {what}"


def absent_fields(exchange: Exchange, path: str) -> Iterator[str]:
    """Return the documented header fields that a successful step of a push lacks, as flaws."""
    same = (each for each in REGISTRY if (each.method, each.status) == (exchange.method, exchange.status))
    done = next((each.what for each in same if each.path.fullmatch(path)), "")
    return (lacking(name, done) for name in LISTED_FIELDS.get(done, ()) if name not in exchange.headers)


RECEIVED = "a Range of some bytes"
SOME_BYTES = re.compile(r"(?:bytes=)?\d+-0*[1-9]\d*")
OF_NO_BYTES = re.compile(r"/v2/.+/blobs/uploads/?(?:\?(?!.*digest=).*)?")


def received_flaw(exchange: Exchange, path: str) -> str:
    """What is wrong with how far an upload has come that was but opened; "" where nothing is.

    "0-0" is told of none; with a digest the POST may have brought the blob.
    """
    opened = exchange.method == "POST" and exchange.status == 202 and OF_NO_BYTES.fullmatch(path)
    return RECEIVED if opened and SOME_BYTES.fullmatch(exchange.headers.get("range") or "") else ""
