"""Defects that break the promise "A blob can be pushed in one request"."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import digest_of
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import kind_of, without
from tests.defects.support.registry import _AnotherStatus, with_digest_of_other

ROWS = (
    row(
        "location-of-configured-host",
        "distribution-spec 1.1, POST then PUT: Location names a configured host instead of the requested one.",
        "registry/upload/location-can-be-followed",
        url=lambda original, request, path: "http://registry.internal:5000" + path,
    ),
    row(
        "created-blob-without-a-digest-header",
        "Docker Registry V2, PUT Blob Upload: the 201 has no Docker-Content-Digest.",
        "registry/upload/documented-headers-are-present#created-blob",
        blob_created=lambda original, asked, digest: without(original(asked, digest), "Docker-Content-Digest"),
    ),
    row(
        "upload-without-a-uuid-header",
        "Docker Registry V2, POST and PATCH Blob Upload: the 202 has no Docker-Upload-UUID.",
        "registry/upload/documented-headers-are-present#accepted-chunk,opened-upload",
        upload_answer=lambda original, *asked: without(original(*asked), "Docker-Upload-UUID"),
    ),
)


@defect("registry/upload/created-digest-is-true#by-post")
async def posted_digest_of_other(post_whole: Any, call: Call, digest: str) -> Answer:
    """Docker Registry V2, Digest Header: the response to a POST with a blob has the digest of other bytes."""
    answer: Answer = await post_whole(call, digest)
    answer.headers["Docker-Content-Digest"] = digest_of(b"")
    return answer


@defect("registry/upload/created-digest-is-true", "registry/upload/created-digest-is-true#in-chunks")
def created_blob_digest_of_other(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Digest Header: the response to a pushed blob has the digest of other bytes."""
    return with_digest_of_other(request, answer, "upload")


@defect("registry/upload/created-is-201")
async def blob_created_with204(put_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: a stored blob is answered 204 instead of 201."""
    answer: Answer = await put_upload(call)
    answer.status = 204
    return answer


@defect("registry/upload/digest-need-not-be-escaped#lower-case-escape")
async def small_escape_unread(put_upload: Any, call: Call) -> Answer:
    """RFC 3986 section 2.1: a digest escaped in lower case is refused."""
    if re.search("digest=[^&]*%3a", call.request.query_string):
        raise Refusal("DIGEST_INVALID")
    return await put_upload(call)


@defect("registry/upload/digest-need-not-be-escaped#colon")
async def escaped_digest_only(put_upload: Any, call: Call) -> Answer:
    """RFC 3986 section 3.4: a digest whose colon is not escaped is refused."""
    if re.search("digest=[^&]*:", call.request.query_string):
        raise Refusal("DIGEST_INVALID")
    return await put_upload(call)


@defect("registry/upload/large-blob-comes-back")
async def blob_beyond_eight_mebibytes_cut_short(store_blob: Any, name: str, digest: str, content: bytes) -> None:
    """API Reference, Service Endpoints: a blob is cut at 8 MiB."""
    await store_blob(name, digest, content[: 8 * 1024 * 1024])


@defect("registry/upload/location-can-be-pulled", "registry/mount/location-is-in-the-target")
def created_blobs_of_the_inside(blob_url: Any, request: Request, name: str, digest: str) -> str:
    """distribution-spec 1.1, POST then PUT: the Location of a pushed blob names an internal host."""
    return f"http://registry.internal:5000/v2/{name}/blobs/{digest}"


@defect("registry/upload/new-session-has-no-bytes")
def upload_in_place_of_a_mount_has_begun(session_opened: Any, call: Call) -> Answer:
    """Docker Registry V2, Upload Progress: an upload opened instead of a mount states the Range 0-1."""
    answer: Answer = session_opened(call)
    if call.request.parameter("mount"):
        answer.headers["Range"] = "0-1"
    return answer


@defect("registry/upload/opened-is-202")
def upload_opened_with200(session_opened: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: a session is opened with 200 instead of 202."""
    answer: Answer = session_opened(call)
    answer.status = 200
    return answer


@defect("registry/upload/session-opens")
def location_without_host(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 4.2.1: Location is a URL without a host ("http:///v2/…")."""
    if location := answer.headers.get("location"):
        parts = urlsplit(location)
        answer.headers["Location"] = f"http://{parts.path}" + (f"?{parts.query}" if parts.query else "")
    return answer


@defect("registry/upload/uuid-stays-the-same")
def upload_uuid_changes(upload_answer: Any, status: int, request: Request, upload: Upload) -> Answer:
    """Docker Registry V2, Uploading the Layer: Docker-Upload-UUID changes with each response."""
    answer: Answer = upload_answer(status, request, upload)
    answer.headers["Docker-Upload-UUID"] = secrets.token_hex(16)
    return answer


@defect("registry/upload/uuid-stays-the-same")
def one_name_for_every_session(upload_answer: Any, status: int, request: Request, upload: Upload) -> Answer:
    """Docker Registry V2, Initiate Blob Upload: Docker-Upload-UUID is the same for all uploads."""
    answer: Answer = upload_answer(status, request, upload)
    answer.headers["Docker-Upload-UUID"] = "00000000-0000-4000-8000-000000000000"
    return answer


@defect("registry/upload/whole-blob-by-post")
def post_reported_a_session(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Single POST: the Location of the 201 is a session instead of the blob."""
    if request.method == "POST" and kind_of(request) == "uploads" and request.parameter("digest"):
        location = answer.headers.get("location", "")
        answer.headers["Location"] = location.replace("/blobs/sha256:", "/blobs/uploads/")
    return answer


class PostedBlobAnswered200(_AnotherStatus):
    """distribution-spec 1.1, Single POST: a stored blob is answered 200 instead of 201."""

    noticed_by = ("registry/upload/whole-blob-by-post",)
    status_change = ("uploads", "POST", 201, 200)


@defect("registry/upload/whole-blob-by-put#5-mib,64-kib-and-one")
async def large_blob_cut_short(get_blob: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pulling blobs: a blob is cut at 64 KiB."""
    answer: Answer = await get_blob(call)
    answer.body = answer.body[:65536]
    return without(answer, "Content-Length")
