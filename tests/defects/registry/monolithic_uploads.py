"""Defects that break the promise "A blob can be pushed in one request"."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import digest_of
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import kind_of, without
from tests.defects.rows import row
from tests.defects.support.registry import _AnotherStatus, _InPlaceOfAMount

ROWS = (
    row(
        "location-of-configured-host",
        "distribution-spec 1.1, POST then PUT: Location can be followed by whoever asked, under whatever Host.",
        "registry/upload/location-can-be-followed",
        url=lambda original, request, path: "http://registry.internal:5000" + path,
    ),
)


class PostedDigestOfOther(Defect):
    """Docker Registry V2, Digest Header: the digest that is told of a blob which came in a POST is its own."""

    surface = "registry"
    noticed_by = ("registry/upload/created-digest-is-true#by-post",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        answer.headers["Docker-Content-Digest"] = digest_of(b"")
        return answer


class CreatedBlobDigestOfOther(Defect):
    """Docker Registry V2, Digest Header: the digest that a pushed blob's answer names is the blob's own."""

    surface = "registry"
    noticed_by = ("registry/upload/created-digest-is-true", "registry/upload/created-digest-is-true#in-chunks")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "PUT" and kind_of(request) == "upload" and answer.status == 201:
            other = hashlib.sha256(request.body + b"\n").hexdigest()
            answer.headers["Docker-Content-Digest"] = f"sha256:{other}"
        return answer


class BlobCreatedWith204(Defect):
    """distribution-spec 1.1, POST then PUT: a stored blob is answered 201."""

    surface = "registry"
    noticed_by = ("registry/upload/created-is-201",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.status = 204
        return answer


class SmallEscapeUnread(Defect):
    """RFC 3986 section 2.1: the digits of an escape are the same in small letters."""

    surface = "registry"
    noticed_by = ("registry/upload/digest-need-not-be-escaped#lower-case-escape",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if re.search("digest=[^&]*%3a", asked.request.query_string):
            raise Refusal("DIGEST_INVALID")
        answer: Answer = await original(asked)
        return answer


class EscapedDigestAlone(Defect):
    """RFC 3986 section 3.4: a colon may stand in a query as it is."""

    surface = "registry"
    noticed_by = ("registry/upload/digest-need-not-be-escaped#colon",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if re.search("digest=[^&]*:", asked.request.query_string):
            raise Refusal("DIGEST_INVALID")
        answer: Answer = await original(asked)
        return answer


class BlobBeyondEightMebibytesCutShort(Defect):
    """API Reference, Service Endpoints: what is pushed is what is pulled, at every size."""

    surface = "registry"
    noticed_by = ("registry/upload/large-blob-comes-back",)

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await original(name, digest, content[: 8 * 1024 * 1024])


class CreatedBlobsOfTheInside(Defect):
    """distribution-spec 1.1, POST then PUT: the Location of what was created leads there for whoever pushed it."""

    surface = "registry"
    noticed_by = ("registry/upload/location-can-be-pulled", "registry/mount/location-is-in-the-target")

    def blob_url(self, original: Any, request: Request, name: str, digest: str) -> str:
        return f"http://registry.internal:5000/v2/{name}/blobs/{digest}"


class UploadInPlaceOfAMountHasBegun(_InPlaceOfAMount):
    """Docker Registry V2, Upload Progress: Range tells of no byte where none was received."""

    noticed_by = ("registry/upload/new-session-has-no-bytes",)

    def _spoil(self, answer: Answer) -> None:
        answer.headers["Range"] = "0-1"


class UploadOpenedWith200(Defect):
    """distribution-spec 1.1, POST then PUT: a session is opened with 202."""

    surface = "registry"
    noticed_by = ("registry/upload/opened-is-202",)

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        answer.status = 200
        return answer


class LocationWithoutHost(Defect):
    """RFC 9110 section 4.2.1: an http address has a host; "http:///v2/…" is none, and engines go nowhere by it."""

    surface = "registry"
    noticed_by = ("registry/upload/session-opens",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if location := answer.headers.get("location"):
            parts = urlsplit(location)
            answer.headers["Location"] = f"http://{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return answer


class UploadUuidChanges(Defect):
    """Docker Registry V2, Uploading the Layer: Docker-Upload-UUID correlates the states of one upload."""

    surface = "registry"
    noticed_by = ("registry/upload/uuid-stays-the-same",)

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        answer: Answer = original(status, request, upload)
        answer.headers["Docker-Upload-UUID"] = secrets.token_hex(16)
        return answer


class OneNameForEverySession(Defect):
    """Docker Registry V2, Initiate Blob Upload: Docker-Upload-UUID tells one upload from another."""

    surface = "registry"
    noticed_by = ("registry/upload/uuid-stays-the-same",)

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        answer: Answer = original(status, request, upload)
        answer.headers["Docker-Upload-UUID"] = "00000000-0000-4000-8000-000000000000"
        return answer


class PostToldASession(Defect):
    """distribution-spec 1.1, Single POST: the Location of 201 is where the blob can be pulled."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "POST" and kind_of(request) == "uploads" and request.parameter("digest"):
            location = answer.headers.get("location", "")
            answer.headers["Location"] = location.replace("/blobs/sha256:", "/blobs/uploads/")
        return answer


class PostedBlobAnswered200(_AnotherStatus):
    """distribution-spec 1.1, Single POST: 201 where the blob was stored, and 202 where it was not."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)
    told = ("uploads", "POST", 201, 200)


class LargeBlobCutShort(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob comes whole, above 64 KiB, too."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-put#5-mib", "registry/upload/whole-blob-by-put#64-kib-and-one")

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.body = answer.body[:65536]
        return without(answer, "Content-Length")
