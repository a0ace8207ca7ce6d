"""Defects of digests.

They break these promises:

- Stored content always matches its digest.
- Every digest that the registry reports is correct.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import digest_of, is_supported_digest
from conformance.reference.registry.routing import Asked, find_route
from conformance.reference.registry.state import Manifest, Repository, Upload
from conformance.reference.support.registry import _RefusedManifestsKept, registry_of, without
from tests.defects.rows import row
from tests.defects.support.registry import _ClosedAllTheSame, unsupported_error

ROWS = (
    row(
        "digests-in-capitals",
        "image-spec, Digests: the hexadecimal digits of a digest are small letters.",
        "registry/digest/malformed-is-400#capitals",
        is_digest=lambda original, text: bool(original(text.lower())),
        digest_matches=lambda original, digest, content: bool(original(digest.lower(), content)),
    ),
)


class PostOfNothingLinksWhatIsKnown(Defect):
    """Docker Registry V2, Completed Upload: who names a digest and sends no bytes gets none, refused or not."""

    surface = "registry"
    noticed_by = ("registry/digest/of-another-repository-is-verified#nothing-in-a-post",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry = registry_of(original)
        if not asked.request.body:
            for each in [*registry.repositories]:
                await registry.mount_blob(each, asked.name, digest)
        answer: Answer = await original(asked, digest)
        return answer


class KnownElsewhereUnverified(Defect):
    """Docker Registry V2, Digest Parameter: bytes are verified, though another repository has the digest already."""

    surface = "registry"
    noticed_by = (
        "registry/digest/of-another-repository-is-verified#nothing-in-a-post",
        "registry/digest/of-another-repository-is-verified#nothing-other-organization",
        "registry/digest/of-another-repository-is-verified#nothing-ours",
        "registry/digest/of-another-repository-is-verified#other-bytes-other-organization",
        "registry/digest/of-another-repository-is-verified#other-bytes-ours",
    )

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        registry = registry_of(original)
        if any(digest in each.blobs for other, each in registry.repositories.items() if other != name):
            await registry.store_blob(name, digest, content)
        else:
            await original(name, digest, content)


class MalformedDigestInAPostFails(Defect):
    """API Reference, Error Handling: a malformed digest is the caller's fault, in whichever form of push."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-in-a-post-is-handled",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        digest = request.parameter("digest") if request.method == "POST" else None
        return Answer(500) if digest is not None and not is_supported_digest(digest) else answer


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


class MalformedDigestFails(Defect):
    """API Reference, Error Handling: a malformed digest is 400, not 500 (distribution #4945)."""

    surface = "registry"
    noticed_by = (
        "registry/digest/malformed-manifest-digest-is-400#short",
        "registry/digest/malformed-manifest-digest-is-400#unknown-algorithm",
        "registry/digest/malformed-manifest-digest-is-400#words",
        "registry/digest/malformed-in-a-path-is-refused#blob-delete",
        "registry/digest/malformed-in-a-path-is-refused#blob-empty-hex",
        "registry/digest/malformed-in-a-path-is-refused#blob-head",
        "registry/digest/malformed-in-a-path-is-refused#blob-letters",
        "registry/digest/malformed-in-a-path-is-refused#blob-longer",
        "registry/digest/malformed-in-a-path-is-refused#blob-no-algorithm",
        "registry/digest/malformed-in-a-path-is-refused#blob-short",
        "registry/digest/malformed-in-a-path-is-refused#blob-unknown-algorithm",
        "registry/digest/malformed-in-a-path-is-refused#manifest-delete",
        "registry/digest/malformed-in-a-path-is-refused#manifest-empty-hex",
        "registry/digest/malformed-in-a-path-is-refused#manifest-head",
        "registry/digest/malformed-in-a-path-is-refused#manifest-letters",
        "registry/digest/malformed-in-a-path-is-refused#manifest-longer",
        "registry/digest/malformed-in-a-path-is-refused#manifest-short",
        "registry/digest/malformed-in-a-path-is-refused#manifest-unknown-algorithm",
    )

    def check_digest(self, original: Any, text: str | None) -> str:
        if text is not None and not registry_of(original).is_digest(text):
            raise Refusal("DIGEST_INVALID", status=500)
        return str(original(text))


class BlobsStoredWithoutADigest(_ClosedAllTheSame):
    """distribution-spec 1.1, POST then PUT: the digest is required, and what is refused for want of it is no blob."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-is-400#empty", "registry/upload/any-closing-digest-is-verified")
    codes = ("DIGEST_INVALID",)

    def wrong_digest(self, original: Any, digest: str) -> Refusal:
        # One that is the digest of other bytes is verified before anything is stored.
        return Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400)


class MissingDigestAccepted(Defect):
    """distribution-spec 1.1, Pushing blobs: the closing PUT must name the digest."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-is-400#absent",)

    def closing_digest(self, original: Any, request: Request, upload: Upload) -> str:
        if request.parameter("digest") is None:
            return grammar.digest_of(bytes(upload.content) + request.body)
        return str(original(request, upload))


class LastDigestStored(Defect):
    """Docker Registry V2, Digest Parameter: a blob is stored under the digest that was verified."""

    surface = "registry"
    noticed_by = ("registry/digest/two-digests-are-verified#true-first",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        named = [value for name, value in asked.request.query if name == "digest"]
        blobs = registry_of(original).stored(asked.name).blobs
        if len(named) > 1 and named[0] in blobs:
            blobs[named[-1]] = blobs[named[0]]
        return answer


class BlobCutOffTaken(Defect):
    """Docker Registry V2, Completed Upload: a body whose connection broke is no blob, and least under its digest."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-are-stored-nowhere#cut-off",)

    async def broken_off(self, original: Any, request: Request) -> None:
        registry, found, digest = registry_of(original), find_route(request.path), request.parameter("digest")
        upload = registry.uploads.get(found[2]) if found and found[0].kind == "upload" else None
        if request.method == "PUT" and upload is not None and digest is not None:
            registry.close_session(upload)
            await registry.store_blob(upload.repository, digest, registry.whole_content(upload, request.body))
        await original(request)


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


class RefusedBlobTakesTheOther(Defect):
    """distribution-spec 1.1, Pulling blobs: a push that is refused for its digest leaves the blob that has it."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#blob",)

    def wrong_digest(self, original: Any, digest: str) -> Refusal:
        for each in registry_of(original).repositories.values():
            each.blobs.pop(digest, None)
        refusal: Refusal = original(digest)
        return refusal


class _RefusedManifestTakesTheOther(Defect):
    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            self._take(registry_of(original).stored(asked.name), asked.reference)
            raise
        return answer

    def _take(self, repository: Repository, reference: str) -> None:
        """What the refusal takes away."""
        raise NotImplementedError


class RefusedManifestTakesItsDigest(_RefusedManifestTakesTheOther):
    """distribution-spec 1.1, Pulling manifests: a push that is refused for its digest leaves what has it."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#manifest",)

    def _take(self, repository: Repository, reference: str) -> None:
        repository.manifests.pop(reference, None)


class RefusedManifestTakesItsTag(_RefusedManifestTakesTheOther):
    """distribution-spec 1.1, Pulling manifests: a push that is refused leaves the tag where it was."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#tag",)

    def _take(self, repository: Repository, reference: str) -> None:
        repository.tags.pop(reference, None)


class PostedBlobPresentAlready(Defect):
    """Docker Registry V2, Digest Parameter: what is posted is verified, though its digest is that of what is there."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#posted-blob",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry = registry_of(original)
        if digest in registry.stored(asked.name).blobs:
            return registry.blob_created(asked, digest)
        answer: Answer = await original(asked, digest)
        return answer


class SecondTryBelieved(Defect):
    """Docker Registry V2, Digest Parameter: what is sent after a refusal is verified and kept as well."""

    surface = "registry"
    noticed_by = ("registry/digest/second-attempt-is-verified",)

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        registry = registry_of(original)
        if upload.session in self.refused:
            registry.close_session(upload)
            await registry.store_blob(upload.repository, digest, b"")
        elif registry.digest_matches(digest, content):
            await original(upload, digest, content)
        else:
            self.refused.add(upload.session)
            raise registry.wrong_digest(digest)


class SecondEndFails(Defect):
    """API Reference, Error Handling: an upload that is closed again after a refusal is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/digest/second-attempt-is-verified",)

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if asked.reference in self.refused:
            raise unsupported_error()
        try:
            answer: Answer = await original(asked)
        except Refusal:
            self.refused.add(asked.reference)
            raise
        return answer


class Sha512BlobsFail(Defect):
    """API Reference, Error Handling: a digest of another algorithm is taken or refused, and is no failure."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-is-verified",)

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await original(name, digest, content)
        if digest.startswith("sha512:"):
            raise unsupported_error()


class Sha512BlobsKeptUnderAnother(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob is there by the digest that it was pushed with."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-is-verified",)

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await original(name, grammar.digest_of(content), content)


class HeadBySha512NotFound(Defect):
    """distribution-spec 1.1, Pulling blobs, Pulling manifests: what GET has under a digest, HEAD has under it."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-is-verified", "registry/digest/sha512-manifest-can-be-pulled")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and "/sha512:" in request.path:
            return Answer(404)
        return answer


class Sha512ManifestNotDeleted(Defect):
    """distribution-spec 1.1, Deleting Manifests: what was deleted by its sha512 digest, and answered 202, is gone."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-manifest-can-be-pulled",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        if not digest.startswith("sha512:"):
            await original(name, digest)


class Sha512ManifestsFail(Defect):
    """API Reference, Error Handling: an algorithm that is not supported is no fault of the platform's."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-manifest-can-be-pulled",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.reference.startswith("sha512:"):
            raise Refusal("UNSUPPORTED", status=500)
        answer: Answer = await original(asked)
        return answer


class Sha512ManifestsNotFound(Defect):
    """distribution-spec 1.1, Pulling manifests: what was pushed under a sha512 digest is pulled by that."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-manifest-can-be-pulled",)

    def resolve(self, original: Any, name: str, reference: str) -> Any:
        return None if reference.startswith("sha512:") else original(name, reference)


class ManyChunksUnverified(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: what came in several is verified as what came in one."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-is-refused#chunks", "registry/digest/refused-bytes-are-stored-nowhere#chunks")

    def __init__(self) -> None:
        self.chunks: dict[str, int] = {}

    async def patch_upload(self, original: Any, asked: Asked) -> Answer:
        self.chunks[asked.reference] = self.chunks.get(asked.reference, 0) + 1
        answer: Answer = await original(asked)
        return answer

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if self.chunks.get(upload.session, 0) < 2:
            await original(upload, digest, content)
        else:
            registry_of(original).close_session(upload)
            await registry_of(original).store_blob(upload.repository, digest, content)


class BlobDigestNotVerified(Defect):
    """distribution-spec 1.1, Pushing blobs: the digest of a pushed blob must be that of its content."""

    surface = "registry"
    noticed_by = (
        "registry/digest/wrong-is-refused#continued",
        "registry/digest/wrong-is-refused#of-a-mebibyte",
        "registry/digest/wrong-is-refused#post",
        "registry/digest/wrong-is-refused#put",
        "registry/digest/sha512-is-verified",
    )

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await registry_of(original).store_blob(name, digest, content)


class Sha512ManifestUnverified(Defect):
    """distribution-spec 1.1, Pushing Manifests: a digest is verified whichever algorithm it is of."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return digest.startswith("sha512:") or bool(original(digest, content))


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


class ManifestsOfWrongDigestsKept(_RefusedManifestsKept):
    """Docker Registry V2, Content Digests: what is refused for its digest is not stored under any."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)
    codes = ("DIGEST_INVALID",)


class IndexDigestUnverified(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest of an index is verified as that of an image is."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return b'"manifests"' in content or bool(original(digest, content))


def blob_anywhere(registry: Registry, digest: str) -> bytes | None:
    """The blob of whichever repository has it."""
    return next((each.blobs[digest] for each in registry.repositories.values() if digest in each.blobs), None)


class ManifestBringsItsBlobs(Defect):
    """Docker Registry V2, Pulling a Layer: a manifest that names a blob does not make it this repository's."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/reference-copies-no-blob#organization",
        "registry/manifest/reference-copies-no-blob#repository",
        "registry/manifest/missing-reference-is-refused#known-elsewhere",
        "registry/manifest/missing-reference-is-refused#layer-elsewhere",
    )

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        registry = registry_of(original)
        for digest in (each["digest"] for each in descriptors):
            content = blob_anywhere(registry, digest)
            if content is not None:
                registry.opened(name).blobs[digest] = content
        original(name, descriptors)


class ClosingAlgorithmUnread(Defect):
    """distribution-spec 1.1, Pushing blobs: a digest is its algorithm and its digits, and both are compared."""

    surface = "registry"
    noticed_by = ("registry/upload/any-closing-digest-is-verified",)
    shortest = 2

    def closing_digest(self, original: Any, request: Any, upload: Any) -> str:
        algorithm, _, digits = (request.parameter("digest") or "").partition(":")
        own = digest_of(bytes(upload.content) + request.body)
        return own if algorithm and own == f"sha256:{digits}" else str(original(request, upload))


class DigestToldWithoutAlgorithm(Defect):
    """Docker Registry V2, Content Digests: Docker-Content-Digest is algorithm and hex, both."""

    surface = "registry"
    noticed_by = (
        "registry/pull/digest-header-is-correct#blob-get",
        "registry/pull/digest-header-is-correct#blob-head",
        "registry/pull/digest-header-is-correct#digest-get",
        "registry/pull/digest-header-is-correct#digest-head",
        "registry/pull/digest-header-is-correct#tag-get",
    )

    def digest_told(self, original: Any, digest: str) -> str:
        return digest.partition(":")[2]


class DigestOfAPart(Defect):
    """Docker Registry V2, Digest Header: the digest that comes with a part is that of the blob, and not of another."""

    surface = "registry"
    noticed_by = ("registry/pull/digest-header-is-correct#of-the-whole-run",)

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        answer: Answer = original(digest, content, first, end)
        if end - first == 1:
            answer.headers["Docker-Content-Digest"] = f"sha256:{'0' * 64}"
        return answer


class ManifestWithoutDigestHeader(Defect):
    """Docker Registry V2, Pulling an Image Manifest: the answer has Docker-Content-Digest."""

    surface = "registry"
    noticed_by = (
        "registry/pull/digest-header-is-present#tag-get",
        "registry/pull/digest-header-is-present#digest-get",
        "registry/pull/digest-header-is-present#tag-head",
        "registry/pull/digest-header-is-present#digest-head",
    )

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        return without(original(request, manifest), "Docker-Content-Digest")
