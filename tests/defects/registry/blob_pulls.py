"""Defects of blob pulls.

They break these promises:

- A blob is returned byte for byte.
- HEAD returns the same headers as GET.
"""

from __future__ import annotations

import gzip
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.routing import Asked
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.rows import row
from tests.defects.support.registry import _AnotherStatus, unsupported_error

ROWS = (
    row(
        "head-blob-without-digest",
        "Docker Registry V2, Existing Layers: HEAD has the Docker-Content-Digest of the blob.",
        "registry/pull/head-equals-get#blob",
        head_answer=lambda original, digest, content: without(original(digest, content), "Docker-Content-Digest"),
    ),
)


class HeadOfMissingBlobAnswered200(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob that is not there is 404."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-blob-is-404#head", "registry/pull/blob-stays-in-its-repository#head")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and kind_of(request) == "blob" and answer.status == 404:
            return Answer(200)
        return answer


class HeadOfBlobRefused(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob that is there is 200."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-head-is-200", "registry/pull/blob-head-is-200#of-no-bytes")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and kind_of(request) == "blob" and answer.status == 200:
            answer.status = 204
        return answer


class PartOfNoBytesFails(Defect):
    """API Reference, Error Handling: who asks for a part of a blob of no bytes meets no failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-head-is-200#of-no-bytes",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        if not size:
            raise unsupported_error()
        part: tuple[int, int] | None = original(header, size)
        return part


class BlobVisibleInEveryRepository(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob is pulled from the repository that it was pushed to."""

    surface = "registry"
    noticed_by = (
        "registry/pull/blob-stays-in-its-repository#get",
        "registry/pull/blob-stays-in-its-repository#if-none-match",
        "registry/pull/blob-stays-in-its-repository#part",
        "registry/pull/blob-stays-in-its-repository#puller",
        "registry/rights/mount-needs-pull-on-the-source#unnamed",
    )

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        for repository in registry_of(original).repositories.values():
            if digest in repository.blobs:
                return repository.blobs[digest]
        content: bytes = original(name, digest)
        return content


class ManifestOfAnyRepositoryAsABlob(Defect):
    """distribution-spec 1.1, Pulling blobs: nor is another repository's manifest found among the blobs of one's own."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-stays-in-its-repository#manifest",)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        known = (each.manifests.get(digest) for each in registry_of(original).repositories.values())
        found = next(filter(None, known), None)
        return found.content if found else bytes(original(name, digest))


def _is_compressed(request: Request, answer: Answer) -> bool:
    """Compresses a manifest for who takes that; whether it did."""
    if "gzip" not in request.headers.get("accept-encoding", "") or kind_of(request) != "manifest":
        return False
    answer.body = gzip.compress(answer.body)
    answer.headers["Content-Length"] = str(len(answer.body))
    return True


class CodedUnderTheSameEntityTag(Defect):
    """RFC 9110 section 8.8.3.3: what was compressed on its way has another strong entity tag."""

    surface = "registry"
    noticed_by = ("registry/pull/compressed-has-another-entity-tag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if _is_compressed(request, answer):
            answer.headers["Content-Encoding"] = "gzip"
        return answer


class PackedLayerSaidToBeCoded(Defect):
    """RFC 9110 section 8.4: a layer that gzip made is what was pushed, and no coding of it that a client undoes."""

    surface = "registry"
    noticed_by = ("registry/pull/compressed-content-is-the-same#blob",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "gzip" in request.headers.get("accept-encoding", "") and answer.body.startswith(b"\x1f\x8b"):
            answer.headers["Content-Encoding"] = "gzip"
        return answer


class CodedWithoutSayingSo(Defect):
    """RFC 9110 section 8.4: an answer that was compressed on its way says so by Content-Encoding."""

    surface = "registry"
    noticed_by = ("registry/pull/compressed-content-is-the-same#manifest",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        _is_compressed(request, answer)
        return answer


class CodedThoughNotAccepted(Defect):
    """RFC 9110 section 12.5.3: a coding of which the weight is 0 is not accepted, though it is named."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-encoding-is-honoured",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if _is_compressed(request, answer):
            answer.headers |= {"Content-Encoding": "gzip", "ETag": f"W/{answer.headers.get('ETag', '')}"}
        return answer


class RefusalBehindHead(Defect):
    """RFC 9112 section 6.3: the answer to HEAD ends with its head, whatever its status."""

    surface = "registry"
    noticed_by = ("registry/pull/head-and-304-have-no-body#absent",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 404:
            answer.astray = b'{"errors": []}'
        return answer


class ManifestBehindHead(Defect):
    """RFC 9112 section 6.3: what HEAD tells of does not come behind it."""

    surface = "registry"
    noticed_by = ("registry/pull/head-and-304-have-no-body#head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and kind_of(request) == "manifest" and answer.status == 200:
            answer.astray = answer.body
        return answer


class NullBehindNotModified(Defect):
    """RFC 9112 section 6.3: 304 ends with its head, and no document of nothing comes behind it."""

    surface = "registry"
    noticed_by = ("registry/pull/head-and-304-have-no-body#not-modified",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.astray = b"null"
        return answer


class HeadOfTagListFails(Defect):
    """RFC 9110 section 9.3.2: HEAD of a list is answered as GET is."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#list",)

    async def list_tags(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.request.method == "HEAD":
            raise unsupported_error()
        return answer


class HeadManifestWithoutType(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the Content-Type of the manifest."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#digest",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = "text/plain"
        return answer


class TagsUnknownToHead(_AnotherStatus):
    """RFC 9110 section 9.3.2: HEAD of a tag is answered as GET of it is."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#tag",)
    told = ("manifest", "HEAD", 200, 404)

    def _meant(self, request: Request) -> bool:
        return ":" not in request.path


class HeadBlobWithoutLength(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the Content-Length of the blob."""

    surface = "registry"
    noticed_by = (
        "registry/pull/head-states-the-length#blob",
        "registry/pull/head-states-the-length#blob-in-chunks",
        "registry/pull/head-states-the-length#large-blob",
    )

    def head_answer(self, original: Any, digest: str, content: bytes) -> Answer:
        answer: Answer = original(digest, content)
        answer.body = b""
        answer.headers["Content-Length"] = "0"
        return answer
