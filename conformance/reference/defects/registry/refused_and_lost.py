"""Defects of a refusal that costs what it should leave: the session, its place, the digest, or what is pushed again."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, find_route
from conformance.reference.registry.state import Upload


class OutOfOrderEndsTheUpload(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: who is told 416 asks how far it came, and goes on there."""

    surface = "registry"
    noticed_by = (
        "registry/upload/out-of-order-changes-nothing#gap",
        "registry/upload/out-of-order-changes-nothing#one-byte-early",
    )

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        refusal: Refusal = original(request, upload)
        registry_of(original).close_session(upload)
        return refusal


class OutOfOrderStopsTheUpload(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the chunk that is next is taken after one that was refused."""

    surface = "registry"
    noticed_by = (
        "registry/upload/out-of-order-changes-nothing#gap",
        "registry/upload/out-of-order-changes-nothing#repeated",
    )

    def __init__(self) -> None:
        self.stopped: set[str] = set()

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        self.stopped.add(upload.session)
        refusal: Refusal = original(request, upload)
        return refusal

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if upload.session in self.stopped:
            raise Refusal("BLOB_UPLOAD_INVALID", {"upload": upload.session}, status=400)
        original(request, upload)


class OutOfOrderIsHashed(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk that was refused does not count for the digest."""

    surface = "registry"
    noticed_by = (
        "registry/upload/out-of-order-changes-nothing#gap",
        "registry/upload/out-of-order-changes-nothing#one-byte-late",
    )

    def __init__(self) -> None:
        self.hashed: set[str] = set()

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        self.hashed.add(upload.session)
        refusal: Refusal = original(request, upload)
        return refusal

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if upload.session in self.hashed:
            registry_of(original).close_session(upload)
            raise registry_of(original).wrong_digest(digest)
        await original(upload, digest, content)


class OutOfOrderStaysInTheFile(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: what was refused is not in the blob that was verified."""

    surface = "registry"
    noticed_by = (
        "registry/upload/out-of-order-changes-nothing#gap",
        "registry/upload/out-of-order-changes-nothing#overlapping",
    )

    def __init__(self) -> None:
        self.left: dict[str, bytes] = {}

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        self.left[upload.session] = request.body
        refusal: Refusal = original(request, upload)
        return refusal

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        if left := self.left.get(upload.session):
            await registry_of(original).store_blob(upload.repository, digest, content + left)


class BadLoginEndsTheUpload(Defect):
    """Docker Registry V2, Resumable Push: an upload is there until it is completed or cancelled by who may do that."""

    surface = "registry"
    noticed_by = (
        "registry/login/refused-in-an-upload-can-be-mended",
        "registry/rights/session-is-its-openers#anonymous",
        "registry/rights/session-is-its-openers#puller",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal:
            found = find_route(request.path)
            if kind == "upload" and found:
                registry_of(original).uploads.pop(found[2], None)
            raise
        return caller


class BadLoginsChunkIsHashed(Defect):
    """Docker Registry V2, Chunked Upload: what was sent under a login that is none does not count for the digest."""

    surface = "registry"
    noticed_by = ("registry/login/refused-in-an-upload-can-be-mended",)

    def __init__(self) -> None:
        self.hashed: set[str] = set()

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal:
            if request.method == "PATCH":
                self.hashed.add(request.path.rpartition("/")[2])
            raise
        return caller

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if upload.session in self.hashed:
            registry_of(original).close_session(upload)
            raise registry_of(original).wrong_digest(digest)
        await original(upload, digest, content)


class SessionGoesToWhoAskedLast(Defect):
    """Docker Registry V2, Upload Progress: whoever opened an upload is told how far it came, whoever else asks."""

    surface = "registry"
    noticed_by = ("registry/rights/session-tells-others-nothing",)

    def owns(self, original: Any, caller: Caller, upload: Upload) -> bool:
        owned = bool(original(caller, upload))
        upload.subject = caller.subject
        return owned


class ClosingElsewhereEndsTheUpload(Defect):
    """distribution-spec 1.1, POST then PUT: what is refused in another repository leaves the session where it is."""

    surface = "registry"
    noticed_by = ("registry/upload/session-belongs-to-its-repository",)

    def is_of(self, original: Any, upload: Upload, name: str) -> bool:
        its_own = bool(original(upload, name))
        if not its_own:
            registry_of(original).close_session(upload)
        return its_own


class ClosedInAnotherRepository(Defect):
    """distribution-spec 1.1, POST then PUT: a session is closed in its own repository, alone."""

    surface = "registry"
    noticed_by = ("registry/upload/session-belongs-to-its-repository",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        upload = registry_of(original).uploads.get(asked.reference)
        answer: Answer = await original(asked.also_named(upload.repository) if upload else asked)
        return answer


class SecondEndFails(Defect):
    """API Reference, Error Handling: an upload that is closed again after a refusal is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/digest/second-try-is-judged-too",)

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if asked.reference in self.refused:
            raise failed()
        try:
            answer: Answer = await original(asked)
        except Refusal:
            self.refused.add(asked.reference)
            raise
        return answer


class DigestOnceWrongStaysWrong(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest is taken under its digest, whatever failed before."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def __init__(self) -> None:
        self.wrong: set[str] = set()

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        if not original(digest, content):
            self.wrong.add(digest)
        return digest not in self.wrong


class DeletedBlobNeverServedAgain(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob that was deleted and pushed again is there."""

    surface = "registry"
    noticed_by = ("registry/delete/can-be-pushed-again",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted.add((name, digest))
        await original(name, digest)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        content: bytes = original(name, digest)
        if (name, digest) in self.deleted and digest == grammar.digest_of(content):
            raise Refusal("BLOB_UNKNOWN", {"digest": digest})
        return content


class DeletedTagRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag that was deleted may be given again."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.add((name, tag))
        await original(name, tag)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if (asked.name, asked.reference) in self.deleted:
            raise Refusal("TAG_INVALID", {"tag": asked.reference})
        answer: Answer = await original(asked)
        return answer
