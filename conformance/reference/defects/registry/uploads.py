"""Defects of pushing blobs: sessions, digests, what is answered."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import PAUSE_S, EveryTwentieth, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload

PART = 5 * 1024 * 1024
"""The least size of a part of an upload to S3, which many registries store in."""


class BlobDigestNotVerified(Defect):
    """distribution-spec 1.1, Pushing blobs: the digest of a pushed blob must be that of its content."""

    surface = "registry"
    noticed_by = (
        "registry/digest/wrong-is-refused#continued",
        "registry/digest/wrong-is-refused#of-a-mebibyte",
        "registry/digest/wrong-is-refused#post",
        "registry/digest/wrong-is-refused#put",
        "registry/digest/sha512-is-verified",
        "registry/digest/sha512-is-verified#chunks",
    )

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await registry_of(original).store_blob(name, digest, content)


class RefusedBlobKept(Defect):
    """Docker Registry V2, Pushing a layer: what is refused for its digest is not stored under it."""

    surface = "registry"
    noticed_by = (
        "registry/digest/refused-bytes-are-stored-nowhere#post",
        "registry/digest/refused-bytes-are-stored-nowhere#put",
    )

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await registry_of(original).store_blob(name, digest, content)
        await original(name, digest, content)


class WrongDigestSaysUploadInvalid(Defect):
    """distribution-spec 1.1, Error Codes: a digest that is not the content's is DIGEST_INVALID."""

    surface = "registry"
    noticed_by = ("registry/errors/code-tells-the-cause#wrong-digest",)

    def wrong_digest(self, original: Any, digest: str) -> Refusal:
        return Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400)


class MissingDigestAccepted(Defect):
    """distribution-spec 1.1, Pushing blobs: the closing PUT must name the digest."""

    surface = "registry"
    noticed_by = ("registry/digest/missing-is-400#absent",)

    def closing_digest(self, original: Any, request: Request, upload: Upload) -> str:
        if request.parameter("digest") is None:
            return grammar.digest_of(bytes(upload.content) + request.body)
        return str(original(request, upload))


class DigestGrammarUnchecked(Defect):
    """distribution-spec 1.1, Error Codes: a malformed digest is 400 DIGEST_INVALID, not an upload accepted."""

    surface = "registry"
    noticed_by = (
        "registry/digest/malformed-is-400#empty-hex",
        "registry/digest/malformed-is-400#letters",
        "registry/digest/malformed-is-400#longer",
        "registry/digest/malformed-is-400#no-algorithm",
        "registry/digest/malformed-is-400#not-ascii",
        "registry/digest/malformed-is-400#short",
        "registry/digest/malformed-is-400#unknown-algorithm",
    )

    def closing_digest(self, original: Any, request: Request, upload: Upload) -> str:
        try:
            return str(original(request, upload))
        except Refusal:
            return grammar.digest_of(bytes(upload.content) + request.body)


class CancelledUploadKept(Defect):
    """Docker Registry V2, Canceling an Upload: a cancelled session is gone."""

    surface = "registry"
    noticed_by = ("registry/upload/cancelled-session-is-gone#patch",)

    async def cancel_upload(self, original: Any, upload: Upload) -> None:
        """Forgets to."""


class CancelledBytesStored(Defect):
    """Docker Registry V2, Canceling an Upload: what was never closed under a digest is no blob."""

    surface = "registry"
    noticed_by = ("registry/upload/cancelled-bytes-are-stored-nowhere",)

    async def cancel_upload(self, original: Any, upload: Upload) -> None:
        content = bytes(upload.content)
        await registry_of(original).store_blob(upload.repository, grammar.digest_of(content), content)
        await original(upload)


class CancellingEndsEveryUpload(Defect):
    """Docker Registry V2, Canceling an Upload: the upload that is named is no longer valid, and the others are."""

    surface = "registry"
    noticed_by = ("registry/upload/cancelling-ends-no-other",)

    async def cancel_upload(self, original: Any, upload: Upload) -> None:
        for each in [*registry_of(original).uploads.values()]:
            if each.repository == upload.repository:
                await original(each)


class FinishedUploadKept(Defect):
    """Docker Registry V2, Completed Upload: a finished session answers 404."""

    surface = "registry"
    noticed_by = ("registry/upload/finished-session-is-gone#get", "registry/upload/finished-session-is-gone#patch")

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await registry_of(original).commit_blob(upload.repository, digest, content)


class UnknownUploadAccepted(Defect):
    """distribution-spec 1.1, Error Codes: a session that never was is BLOB_UPLOAD_UNKNOWN."""

    surface = "registry"
    noticed_by = (
        "registry/upload/unknown-session-is-404#get",
        "registry/upload/unknown-session-is-404#no-uuid",
        "registry/upload/unknown-session-is-404#patch",
        "registry/upload/unknown-session-is-404#put",
    )

    def find_upload(self, original: Any, asked: Asked) -> Upload:
        try:
            found: Upload = original(asked)
        except Refusal:
            found = Upload(asked.name, asked.caller.subject, session=asked.reference)
            registry_of(original).uploads.setdefault(asked.reference, found)
        return found


class UploadOfAnotherUserAccepted(Defect):
    """An upload session belongs to the login that opened it; another's is BLOB_UPLOAD_UNKNOWN."""

    surface = "registry"
    noticed_by = ("registry/rights/session-tells-others-nothing",)

    def owns(self, original: Any, caller: Any, upload: Upload) -> bool:
        return True


class UploadOpenedWith200(Defect):
    """distribution-spec 1.1, POST then PUT: a session is opened with 202."""

    surface = "registry"
    noticed_by = ("registry/upload/opened-is-202",)

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        answer.status = 200
        return answer


class LocationOfConfiguredHost(Defect):
    """distribution-spec 1.1, POST then PUT: Location can be followed by whoever asked, under whatever Host."""

    surface = "registry"
    noticed_by = ("registry/upload/location-can-be-followed",)

    def url(self, original: Any, request: Request, path: str) -> str:
        return "http://registry.internal:5000" + path


class BlobCreatedWith204(Defect):
    """distribution-spec 1.1, POST then PUT: a stored blob is answered 201."""

    surface = "registry"
    noticed_by = ("registry/upload/created-is-201",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.status = 204
        return answer


class EmptyBlobRefused(Defect):
    """distribution-spec 1.1, Pushing blobs: a blob of no bytes is a blob."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-put#empty",)

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        if not content:
            raise Refusal("SIZE_INVALID", {"digest": digest})
        await original(name, digest, content)


class SecondPushOfSameBlobRefused(Defect):
    """A blob may be pushed again, by two at once, too: each is answered 201 (nexus-public #967)."""

    surface = "registry"
    noticed_by = ("registry/at-once/identical-blobs",)

    def __init__(self) -> None:
        self.under_way: set[tuple[str, str]] = set()

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        if (name, digest) in self.under_way:
            raise Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400)
        self.under_way.add((name, digest))
        await asyncio.sleep(PAUSE_S)
        self.under_way.discard((name, digest))
        await original(name, digest, content)


class OneSessionInTwentyForgotten(Defect):
    """distribution-spec 1.1, POST then PUT: a session that was opened is known to the next request."""

    surface = "registry"
    noticed_by = ("registry/at-once/pulled-while-pushed-again#blob",)

    def __init__(self) -> None:
        self.twentieth = EveryTwentieth()

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        if self.twentieth.due():
            registry_of(original).uploads.popitem()
        return answer


class BlobBeyondEightMebibytesCutShort(Defect):
    """API Reference, Service Endpoints: what is pushed is what is pulled, at every size."""

    surface = "registry"
    noticed_by = ("registry/upload/large-blob-comes-back",)

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await original(name, digest, content[: 8 * 1024 * 1024])


class BlobsAtOnceMixed(Defect):
    """Of several blobs that are pushed at once, each keeps its own bytes."""

    surface = "registry"
    noticed_by = ("registry/at-once/identical-blobs",)

    def __init__(self) -> None:
        self.content = b""

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        self.content = content
        await asyncio.sleep(PAUSE_S)
        await original(name, digest, self.content)


class BytesBeyondAPartLost(Defect):
    """API Reference, Service Endpoints: what is streamed is kept whole, beyond the size of one part of the storage."""

    surface = "registry"
    noticed_by = ("registry/upload/streamed",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        before = len(upload.content)
        await original(request, upload)
        if before < PART < len(upload.content):
            del upload.content[PART:]
