"""The status and required header fields of successful responses, and the form of ETags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from conformance.vocabulary.exchange import Exchange


class Success(NamedTuple):
    """An operation, its method and path (with query), and the status of its success."""

    what: str
    method: str
    path: re.Pattern[str]
    status: int


CREATED_BLOB, CREATED_MANIFEST = "a created blob", "a created manifest"
OPENED_UPLOAD, ACCEPTED_CHUNK = "an opened upload", "an accepted chunk"
REGISTRY = (
    # A session may have any path on its host.
    Success(CREATED_MANIFEST, "PUT", re.compile(r"/v2/.+/manifests/[^/?]+"), 201),
    Success(CREATED_BLOB, "PUT", re.compile(r".*[?&]digest=sha.*"), 201),
    Success(OPENED_UPLOAD, "POST", re.compile(r"/v2/.+/blobs/uploads/?"), 202),
    Success(ACCEPTED_CHUNK, "PATCH", re.compile(r"/v2/.*|.*upload.*"), 202),
)
"""OCI Distribution 1.1, Pushing blobs and Pushing Manifests."""

WRITTEN, DELETED = "a write", "a deletion"
_KEY, _SIGNED = r"/[^/?]+/[^?]+", r"(?:\?(?:(?:X-Amz-[A-Za-z-]+|x-id)=[^&]*&?)+)?"
STORED = re.compile(_KEY)
"""The path of an object."""
STORAGE = (
    Success(WRITTEN, "PUT", re.compile(_KEY + _SIGNED), 200),
    Success(WRITTEN, "PUT", re.compile(_KEY + r"\?(?=.*partNumber=)(?=.*uploadId=).*"), 200),
    Success(WRITTEN, "POST", re.compile(r"/[^/?]+/?[^?]*\?(?:.*&)?(?:uploads|delete|uploadId)(?:[=&].*)?"), 200),
    Success(DELETED, "DELETE", re.compile(_KEY + _SIGNED), 204),
    Success(DELETED, "DELETE", re.compile(_KEY + r"\?(?:.*&)?uploadId=.*"), 204),
)
"""Amazon S3 API Reference: PutObject, UploadPart, CopyObject, multipart uploads, DeleteObject and DeleteObjects."""


ENTITY_TAG = re.compile(r'"[^"\x00-\x20\x7f]*"')
"""A strong entity tag (RFC 9110 section 8.8.3): If-Match never matches a weak one (section 13.1.1)."""
BAD_TAG = "an ETag that is not a strong entity tag"


def tag_flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw of a response about an object with a malformed ETag.

    A content coding permits a weak ETag, and HTML may be a page that is no object.
    """
    described = (exchange.ok or exchange.status == 304) and STORED.match(path) is not None
    as_stored = "content-encoding" not in exchange.headers and exchange.media_type != "text/html"
    wrong = not all(map(ENTITY_TAG.fullmatch, exchange.headers.all("etag")))
    return BAD_TAG if described and as_stored and wrong else ""


def is_of_s3(exchange: Exchange) -> bool:
    """Return whether a request is signed for S3: the host may serve other applications too."""
    return "?X-Amz-" in exchange.url or any(name.lower().startswith("x-amz-") for name, _ in exchange.request_headers)


def wrong_status(exchange: Exchange, path: str, successes: tuple[Success, ...]) -> str:
    """Return the operation whose success has a wrong 2xx status; "" if there is none."""
    if not exchange.ok:
        return ""
    done = next((each for each in successes if each.method == exchange.method and each.path.fullmatch(path)), None)
    return done.what if done and exchange.status != done.status else ""


LISTED_FIELDS = {
    CREATED_MANIFEST: ("Docker-Content-Digest",),
    CREATED_BLOB: ("Docker-Content-Digest",),
    OPENED_UPLOAD: ("Docker-Upload-UUID", "Range"),
    ACCEPTED_CHUNK: ("Docker-Upload-UUID",),
}
"""Docker Registry V2, Detail: "The following headers will be returned with the response", beyond those of OCI."""


def lacking(name: str, what: str) -> str:
    """Name the flaw of a success that lacks a documented header field."""
    return f"no {name} for {what}"


def absent_fields(exchange: Exchange, path: str) -> Iterator[str]:
    """Return the flaws of a successful step of a push that lacks documented header fields."""
    same = (each for each in REGISTRY if (each.method, each.status) == (exchange.method, exchange.status))
    done = next((each.what for each in same if each.path.fullmatch(path)), "")
    return (lacking(name, done) for name in LISTED_FIELDS.get(done, ()) if name not in exchange.headers)


RECEIVED = "a Range of some bytes"
SOME_BYTES = re.compile(r"(?:bytes=)?\d+-0*[1-9]\d*")
OF_NO_BYTES = re.compile(r"/v2/.+/blobs/uploads/?(?:\?(?!.*digest=).*)?")


def received_flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw of a newly opened upload whose Range claims received bytes.

    "0-0" means none. A POST with a digest is not judged: it may have uploaded the blob.
    """
    opened = exchange.method == "POST" and exchange.status == 202 and OF_NO_BYTES.fullmatch(path)
    return RECEIVED if opened and SOME_BYTES.fullmatch(exchange.headers.get("range") or "") else ""
