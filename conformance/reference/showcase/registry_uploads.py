"""One defect for each promise on pushing blobs."""

from __future__ import annotations

from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import without


@defect("registry/upload/whole-blob-by-put#empty", promise="RG-16", surface="registry")
async def empty_blob_refused(commit_blob: Any, name: str, digest: str, content: bytes) -> None:
    """A blob of no bytes is rejected."""
    if not content:
        raise Refusal("SIZE_INVALID", {"digest": digest})
    await commit_blob(name, digest, content)


@defect("registry/upload/in-chunks#three,twenty-four", promise="RG-17", surface="registry")
def chunk_without_location(chunk_accepted: Any, request: Request, upload: Upload) -> Answer:
    """The response to a chunk does not state the Location of the next one."""
    return without(chunk_accepted(request, upload), "Location")


@defect("registry/upload/out-of-order-changes-nothing#gap", promise="RG-18", surface="registry")
def refused_chunk_stored(out_of_order: Any, request: Request, upload: Upload) -> Refusal:
    """The bytes of a rejected out-of-order chunk stay in the upload."""
    refusal: Refusal = out_of_order(request, upload)
    upload.content += request.body
    return refusal


@defect("registry/upload/interrupted-chunk-can-be-resumed", promise="RG-19", surface="registry")
async def status_is_one_byte_ahead(get_upload: Any, call: Call) -> Answer:
    """The status of an upload reports one byte more than the registry has."""
    answer: Answer = await get_upload(call)
    if span := answer.headers.get("Range"):
        answer.headers["Range"] = f"0-{int(span.partition('-')[2]) + 1}"
    return answer


@defect("registry/upload/cancelled-session-is-gone#patch", promise="RG-20", surface="registry")
async def cancelled_upload_stays_open(cancel_upload: Any, upload: Upload) -> None:
    """A cancelled upload session stays usable."""


@defect("registry/digest/wrong-manifest-is-refused", promise="RG-21", surface="registry")
def manifest_digest_not_verified(manifest_digest_matches: Any, digest: str, content: bytes) -> bool:
    """A manifest is stored under a digest that does not match its content."""
    return True


@defect(
    "registry/mount/blob-or-upload", "registry/mount/blob-or-upload#new-repository", promise="RG-38", surface="registry"
)
async def mounts_unsupported(post_mount: Any, call: Call, digest: str) -> Answer:
    """A mount request is answered with an error instead of an upload session."""
    raise Refusal("UNSUPPORTED", {"mount": digest})
