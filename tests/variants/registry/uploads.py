"""Variants of uploads."""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Manifest, Upload
from conformance.reference.support.registry import registry_of, without
from conformance.reference.variants.registry import LocationElsewhere
from tests.defects.support.registry import other_host

LEAST_CHUNK = 128


@variant()
async def mount_answers202(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a registry that does not mount opens an upload."""
    return False


@variant()
async def mount_without_source(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: without ``from``, any blob that the caller may pull may be mounted."""
    registry = registry_of(post_mount)
    if not call.request.parameter("from"):
        for source in [name for name in registry.repositories if registry.may_mount(call.caller, name)]:
            if await registry.mount_blob(source, call.name, digest):
                return registry.blob_created(call, digest)
    return await post_mount(call, digest)


@variant()
async def single_post_unsupported(post_whole: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Single POST: a registry without it opens an upload with 202."""
    return registry_of(post_whole).session_opened(call)


@variant(misses=("registry/upload/documented-headers-are-present",))
def no_upload_uuid(upload_answer: Any, status: int, request: Request, upload: Upload) -> Answer:
    """distribution-spec 1.1: Docker-Upload-UUID is not part of the specification."""
    return without(upload_answer(status, request, upload), "Docker-Upload-UUID")


class SessionIdsOfAnotherForm(Variant):
    """Docker Registry V2, PUT Blob Upload: 400 for an upload id of an invalid form."""

    def session_opened(self, original: Any, call: Call) -> Answer:
        registry = registry_of(original)
        upload = Upload(call.name, call.caller.subject, session=f"session_{secrets.token_hex(16)}")
        registry.uploads[upload.session] = upload
        return registry.upload_answer(202, call.request, upload)

    def find_upload(self, original: Any, call: Call) -> Upload:
        if not re.fullmatch("session_[0-9a-f]{32}", call.reference):
            raise Refusal("NAME_INVALID", {"upload": call.reference}, status=400)
        return original(call)


@variant()
def chunk_minimum_reported(session_opened: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing a blob in chunks: a registry may say how small a chunk may be."""
    answer: Answer = session_opened(call)
    answer.headers["OCI-Chunk-Min-Length"] = "1024"
    return answer


class LocationOfEachMoment(Variant):
    """distribution-spec 1.1, Pushing a blob in chunks: each response has a new Location; the last one is invalid."""

    misses = ("registry/upload/documented-headers-are-present",)
    # A renamed session is no longer on the other host.
    apart = ("uploads-on-another-host",)

    def chunk_accepted(self, original: Any, request: Request, upload: Upload) -> Answer:
        uploads = registry_of(original).uploads
        uploads.pop(upload.session)
        upload.session = str(uuid.uuid4())
        uploads[upload.session] = upload
        return original(request, upload)

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        return without(original(status, request, upload), "Docker-Upload-UUID")


@variant(state=dict)
async def closing_again_answered_again(
    closed: dict[str, tuple[str, str, bytes]], put_upload: Any, call: Call
) -> Answer:
    """Docker Registry V2, Errors: a repeated closing PUT may be answered as the first."""
    known = call.name, call.request.parameter("digest") or "", call.request.body
    if closed.get(call.reference) == known:
        return registry_of(put_upload).blob_created(call, known[1])
    answer: Answer = await put_upload(call)
    closed[call.reference] = known
    return answer


@variant()
async def mounts_with_from_only(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: 202 where a registry "is unable to mount the requested blob".

    Here a blob is known only if a manifest of the source names it (ECR).
    """
    manifests = registry_of(mount_blob).stored(source).manifests.values()
    named = any(digest.encode() in each.content for each in manifests)
    return named and bool(await mount_blob(source, target, digest))


@variant()
def range_reported_with_its_unit(upload_range: Any, upload: Upload) -> str:
    """Docker Registry V2, Uploading the Layer: ``Range: bytes=0-99`` for what has come, as its examples have it too."""
    return f"bytes={upload_range(upload)}"


class SessionsOnAnotherPathOnly(LocationElsewhere):
    """distribution-spec 1.1: uploads exist at their Location only, on a path of the registry's own."""

    def intercept(self, request: Request) -> Answer | None:
        if not re.fullmatch("/v2/.+/blobs/uploads/.+", request.path):
            return None
        return Answer(404, b"404 page not found\n", MutableHeaders({"Content-Type": "text/plain"}))


class LocationsRelativeToTheRequest(Variant):
    """RFC 9110 section 10.2.2: Location may be relative to the request's URL."""

    def upload_url(self, original: Any, request: Request, upload: Any) -> str:
        return f"./{upload.session}"

    def blob_url(self, original: Any, request: Request, name: str, digest: str) -> str:
        return f"../{digest}" if "/blobs/uploads/" in request.path else f"./{digest}"

    def manifest_created(self, original: Any, call: Call, manifest: Manifest) -> Answer:
        answer: Answer = original(call, manifest)
        answer.headers["Location"] = f"./{manifest.digest}"
        return answer


@variant(misses=("registry/upload/documented-headers-are-present",))
def opened_without_range(session_opened: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: the response that opens a session needs only Location."""
    return without(session_opened(call), "Range")


class ChunkMinimumEnforced(Variant):
    """distribution-spec 1.1, Pushing a blob in chunks: only the last chunk may be below OCI-Chunk-Min-Length."""

    at_their_last: set[str] = set()

    def session_opened(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        answer.headers["OCI-Chunk-Min-Length"] = str(LEAST_CHUNK)
        return answer

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if upload.session in self.at_their_last:
            raise Refusal("SIZE_INVALID", {"least": LEAST_CHUNK}, status=400)
        await original(request, upload)
        if len(request.body) < LEAST_CHUNK:
            self.at_their_last.add(upload.session)


class DigestReportedWhereItIsReadOnly(Variant):
    """distribution-spec 1.1, Pushing: a response to a push may omit Docker-Content-Digest."""

    misses = ("registry/manifest/created-digest-is-present", "registry/upload/documented-headers-are-present")

    def blob_created(self, original: Any, call: Call, digest: str) -> Answer:
        return without(original(call, digest), "Docker-Content-Digest")

    def manifest_created(self, original: Any, call: Call, manifest: Manifest) -> Answer:
        return without(original(call, manifest), "Docker-Content-Digest")


class UploadsOnAnotherHost(Variant):
    """distribution-spec 1.1, POST then PUT: Location may be absolute, on a host that needs only its signature."""

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(16)
        self.opened: dict[str, Any] = {}

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        path = urlsplit(str(original(request, upload))).path
        return f"{other_host(request)}{path}?signature={self._signature(upload.session)}"

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Any:
        session, signed = request.path.rpartition("/")[2], request.parameter("signature") or ""
        if kind == "upload" and session in self.opened and hmac.compare_digest(signed, self._signature(session)):
            return self.opened[session]
        return original(kind, name, request)

    def blob_url(self, original: Any, request: Request, name: str, digest: str) -> str:
        return str(original(request, name, digest)).replace("//localhost:", "//127.0.0.1:")

    def session_opened(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        self.opened[list(registry_of(original).uploads)[-1]] = call.caller
        return answer

    def _signature(self, session: str) -> str:
        return hmac.new(self.secret, session.encode(), "sha256").hexdigest()
