"""Defects of blob pulls.

They break these promises:

- A blob is returned byte for byte.
- HEAD returns the same headers as GET.
"""

from __future__ import annotations

import gzip
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.routing import Call
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.support.registry import _AnotherStatus, unsupported_error

ROWS = (
    row(
        "head-blob-without-digest",
        "Docker Registry V2, Existing Layers: HEAD of a blob has no Docker-Content-Digest.",
        "registry/pull/head-equals-get#blob",
        head_answer=lambda original, digest, content: without(original(digest, content), "Docker-Content-Digest"),
    ),
)


@defect("registry/pull/absent-blob-is-404#head", "registry/pull/blob-stays-in-its-repository#head")
def head_of_missing_blob_answered200(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of an absent blob is answered 200."""
    if request.method == "HEAD" and kind_of(request) == "blob" and answer.status == 404:
        return Answer(200)
    return answer


@defect("registry/pull/blob-head-is-200", "registry/pull/blob-head-is-200#of-no-bytes")
def head_of_blob_refused(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob is answered 204 instead of 200."""
    if request.method == "HEAD" and kind_of(request) == "blob" and answer.status == 200:
        answer.status = 204
    return answer


@defect("registry/pull/blob-head-is-200#of-no-bytes")
def part_of_no_bytes_fails(byte_range: Any, header: str, size: int) -> tuple[int, int] | None:
    """API Reference, Error Handling: a Range request for an empty blob is answered 500."""
    if not size:
        raise unsupported_error()
    return byte_range(header, size)


@defect(
    "registry/pull/blob-stays-in-its-repository#get,if-none-match,part,puller",
    "registry/rights/mount-needs-pull-on-the-source#unnamed",
)
def blob_visible_in_every_repository(blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Pulling blobs: a blob is pulled from every repository."""
    for repository in registry_of(blob_of).repositories.values():
        if digest in repository.blobs:
            return repository.blobs[digest]
    return blob_of(name, digest)


@defect("registry/pull/blob-stays-in-its-repository#manifest")
def manifest_of_any_repository_as_a_blob(blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Pulling blobs: a manifest of another repository is pulled as a blob."""
    known = (each.manifests.get(digest) for each in registry_of(blob_of).repositories.values())
    found = next(filter(None, known), None)
    return found.content if found else bytes(blob_of(name, digest))


def _is_compressed(request: Request, answer: Answer) -> bool:
    """Compress a manifest if the client accepts that; return whether it was compressed."""
    if "gzip" not in request.headers.get("accept-encoding", "") or kind_of(request) != "manifest":
        return False
    answer.body = gzip.compress(answer.body)
    answer.headers["Content-Length"] = str(len(answer.body))
    return True


@defect("registry/pull/compressed-has-another-entity-tag")
def coded_under_the_same_entity_tag(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.8.3.3: a compressed manifest has the strong entity tag of the uncompressed one."""
    if _is_compressed(request, answer):
        answer.headers["Content-Encoding"] = "gzip"
    return answer


@defect("registry/pull/compressed-content-is-the-same#blob")
def packed_layer_reported_as_coded(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: a layer that was pushed compressed has Content-Encoding: gzip, so clients decompress it."""
    if "gzip" in request.headers.get("accept-encoding", "") and answer.body.startswith(b"\x1f\x8b"):
        answer.headers["Content-Encoding"] = "gzip"
    return answer


@defect("registry/pull/compressed-content-is-the-same#manifest")
def coded_without_saying_so(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: a compressed manifest has no Content-Encoding."""
    _is_compressed(request, answer)
    return answer


@defect("registry/pull/accept-encoding-is-honoured")
def coded_though_not_accepted(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 12.5.3: a manifest is compressed although gzip has the weight 0."""
    if _is_compressed(request, answer):
        answer.headers |= {"Content-Encoding": "gzip", "ETag": f"W/{answer.headers.get('ETag', '')}"}
    return answer


@defect("registry/pull/head-and-304-have-no-body#absent")
def body_after_head_of_a_refusal(request: Request, answer: Answer) -> Answer:
    """RFC 9112 section 6.3: a body follows the 404 to HEAD."""
    if request.method == "HEAD" and answer.status == 404:
        answer.astray = b'{"errors": []}'
    return answer


@defect("registry/pull/head-and-304-have-no-body#head")
def body_after_head_of_a_manifest(request: Request, answer: Answer) -> Answer:
    """RFC 9112 section 6.3: a body follows the response to HEAD of a manifest."""
    if request.method == "HEAD" and kind_of(request) == "manifest" and answer.status == 200:
        answer.astray = answer.body
    return answer


@defect("registry/pull/head-and-304-have-no-body#not-modified")
def body_after_not_modified(request: Request, answer: Answer) -> Answer:
    """RFC 9112 section 6.3: a body follows a 304."""
    if answer.status == 304:
        answer.astray = b"null"
    return answer


@defect("registry/pull/head-equals-get#list")
async def head_of_tag_list_fails(list_tags: Any, call: Call) -> Answer:
    """RFC 9110 section 9.3.2: HEAD of a tag list is answered 500."""
    answer: Answer = await list_tags(call)
    if call.request.method == "HEAD":
        raise unsupported_error()
    return answer


@defect("registry/pull/head-equals-get#digest")
async def head_manifest_without_type(head_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of a manifest is text/plain instead of its own type."""
    answer: Answer = await head_manifest(call)
    answer.headers["Content-Type"] = "text/plain"
    return answer


class TagsUnknownToHead(_AnotherStatus):
    """RFC 9110 section 9.3.2: HEAD of a tag is answered 404."""

    noticed_by = ("registry/pull/head-equals-get#tag",)
    status_change = ("manifest", "HEAD", 200, 404)

    def _meant(self, request: Request) -> bool:
        return ":" not in request.path


@defect("registry/pull/head-states-the-length#blob,blob-in-chunks,large-blob")
def head_blob_without_length(head_answer: Any, digest: str, content: bytes) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob states a length of 0."""
    answer: Answer = head_answer(digest, content)
    answer.body = b""
    answer.headers["Content-Length"] = "0"
    return answer
