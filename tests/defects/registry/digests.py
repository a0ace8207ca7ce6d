"""Defects of digests.

They break these promises:

- Stored content always matches its digest.
- Every digest that the registry reports is correct.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import digest_of, is_supported_digest
from conformance.reference.registry.routing import Call, find_route
from conformance.reference.registry.state import Manifest, Upload
from conformance.reference.support.registry import _RefusedManifestsStored, registry_of, without
from tests.defects.support.registry import _RefusedButStored, unsupported_error


def _deleted_by_its_refusal(name: str, case: str, deleted: str, kind: str) -> type[Defect]:
    """Make a defect whose refusal of a manifest deletes what the repository stores under its reference."""

    async def put_manifest(original: Any, call: Call) -> Answer:
        try:
            return await original(call)
        except Refusal:
            getattr(registry_of(original).stored(call.name), kind).pop(call.reference, None)
            raise

    clause = f"distribution-spec 1.1, Pulling manifests: a refused manifest deletes {deleted}."
    return row(name, clause, f"registry/digest/refused-bytes-replace-nothing#{case}", put_manifest=put_manifest)


ROWS = (
    row(
        "digests-in-capitals",
        "image-spec, Digests: a digest in capital letters is accepted.",
        "registry/digest/malformed-is-400#capitals",
        is_digest=lambda original, text: bool(original(text.lower())),
        digest_matches=lambda original, digest, content: bool(original(digest.lower(), content)),
    ),
    _deleted_by_its_refusal(
        "refused-manifest-deletes-its-digest", "manifest", "the manifest that has its digest", "manifests"
    ),
    _deleted_by_its_refusal("refused-manifest-deletes-its-tag", "tag", "the tag", "tags"),
)


@defect("registry/digest/of-another-repository-is-verified#nothing-in-a-post")
async def empty_post_links_known_blobs(post_whole: Any, call: Call, digest: str) -> Answer:
    """Docker Registry V2, Completed Upload: an empty POST with another repository's digest links its blob."""
    registry = registry_of(post_whole)
    if not call.request.body:
        for each in [*registry.repositories]:
            await registry.mount_blob(each, call.name, digest)
    return await post_whole(call, digest)


@defect(
    "registry/digest/of-another-repository-is-verified#nothing-in-a-post,nothing-other-organization,nothing-ours",
    "registry/digest/of-another-repository-is-verified#other-bytes-other-organization,other-bytes-ours",
)
async def blob_of_another_repository_unverified(commit_blob: Any, name: str, digest: str, content: bytes) -> None:
    """Docker Registry V2, Digest Parameter: a blob is not verified if another repository has its digest."""
    registry = registry_of(commit_blob)
    if any(digest in each.blobs for other, each in registry.repositories.items() if other != name):
        await registry.store_blob(name, digest, content)
    else:
        await commit_blob(name, digest, content)


@defect("registry/digest/malformed-in-a-post-is-handled")
def malformed_digest_in_a_post_fails(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: a malformed digest in a POST is answered 500."""
    digest = request.parameter("digest") if request.method == "POST" else None
    return Answer(500) if digest is not None and not is_supported_digest(digest) else answer


@defect("registry/digest/malformed-is-400#empty-hex,letters,longer,no-algorithm,not-ascii,short,unknown-algorithm")
def digest_grammar_unchecked(closing_digest: Any, request: Request, upload: Upload) -> str:
    """distribution-spec 1.1, Error Codes: a malformed digest is accepted instead of DIGEST_INVALID."""
    try:
        return str(closing_digest(request, upload))
    except Refusal:
        return grammar.digest_of(bytes(upload.content) + request.body)


@defect(
    "registry/digest/malformed-manifest-digest-is-400#short,unknown-algorithm,words",
    "registry/digest/malformed-in-a-path-is-refused#blob-delete,blob-empty-hex,blob-head,blob-letters,blob-longer",
    "registry/digest/malformed-in-a-path-is-refused#blob-no-algorithm,blob-short,blob-unknown-algorithm",
    "registry/digest/malformed-in-a-path-is-refused#manifest-delete,manifest-empty-hex,manifest-head",
    "registry/digest/malformed-in-a-path-is-refused#manifest-letters,manifest-longer,manifest-short",
    "registry/digest/malformed-in-a-path-is-refused#manifest-unknown-algorithm",
)
def malformed_digest_fails(check_digest: Any, text: str | None) -> str:
    """API Reference, Error Handling: a malformed digest is answered 500 instead of 400 (distribution #4945)."""
    if text is not None and not registry_of(check_digest).is_digest(text):
        raise Refusal("DIGEST_INVALID", status=500)
    return str(check_digest(text))


class BlobsStoredWithoutADigest(_RefusedButStored):
    """distribution-spec 1.1, POST then PUT: a closing request refused for its missing digest stores a blob."""

    noticed_by = ("registry/digest/malformed-is-400#empty", "registry/upload/any-closing-digest-is-verified")
    codes = ("DIGEST_INVALID",)

    def wrong_digest(self, original: Any, digest: str) -> Refusal:
        # One that is the digest of other bytes is verified before anything is stored.
        return Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400)


@defect("registry/digest/malformed-is-400#absent")
def missing_digest_accepted(closing_digest: Any, request: Request, upload: Upload) -> str:
    """distribution-spec 1.1, Pushing blobs: a closing PUT without a digest is accepted."""
    if request.parameter("digest") is None:
        return grammar.digest_of(bytes(upload.content) + request.body)
    return str(closing_digest(request, upload))


@defect("registry/digest/two-digests-are-verified#true-first")
async def last_digest_stored(put_upload: Any, call: Call) -> Answer:
    """Docker Registry V2, Digest Parameter: of two digests one is verified, and the blob stored under both."""
    answer: Answer = await put_upload(call)
    named = [value for name, value in call.request.query if name == "digest"]
    blobs = registry_of(put_upload).stored(call.name).blobs
    if len(named) > 1 and named[0] in blobs:
        blobs[named[-1]] = blobs[named[0]]
    return answer


@defect("registry/digest/refused-bytes-are-stored-nowhere#cut-off")
async def truncated_blob_accepted(broken_off: Any, request: Request) -> None:
    """Docker Registry V2, Completed Upload: the bytes received before a broken connection are stored as the blob."""
    registry, found, digest = registry_of(broken_off), find_route(request.path), request.parameter("digest")
    upload = registry.uploads.get(found[2]) if found and found[0].kind == "upload" else None
    if request.method == "PUT" and upload is not None and digest is not None:
        registry.close_session(upload)
        await registry.store_blob(upload.repository, digest, registry.whole_content(upload, request.body))
    await broken_off(request)


@defect("registry/digest/refused-bytes-are-stored-nowhere#post,put")
async def refused_blob_stored(commit_blob: Any, name: str, digest: str, content: bytes) -> None:
    """Docker Registry V2, Pushing a layer: a blob refused for its digest is stored under it."""
    await registry_of(commit_blob).store_blob(name, digest, content)
    await commit_blob(name, digest, content)


@defect("registry/digest/refused-bytes-replace-nothing#blob")
def refused_blob_deletes_the_other(wrong_digest: Any, digest: str) -> Refusal:
    """distribution-spec 1.1, Pulling blobs: a blob refused for its digest deletes the blob that has it."""
    for each in registry_of(wrong_digest).repositories.values():
        each.blobs.pop(digest, None)
    return wrong_digest(digest)


@defect("registry/digest/refused-bytes-replace-nothing#posted-blob")
async def posted_blob_present_already(post_whole: Any, call: Call, digest: str) -> Answer:
    """Docker Registry V2, Digest Parameter: the bytes of a POST are not verified if the repository has their digest."""
    registry = registry_of(post_whole)
    if digest in registry.stored(call.name).blobs:
        return registry.blob_created(call, digest)
    return await post_whole(call, digest)


@defect("registry/digest/second-attempt-is-verified", state=set)
async def second_try_believed(
    refused: set[str], finish_upload: Any, upload: Upload, digest: str, content: bytes
) -> None:
    """Docker Registry V2, Digest Parameter: the upload after a refusal is not verified, and stored empty."""
    registry = registry_of(finish_upload)
    if upload.session in refused:
        registry.close_session(upload)
        await registry.store_blob(upload.repository, digest, b"")
    elif registry.digest_matches(digest, content):
        await finish_upload(upload, digest, content)
    else:
        refused.add(upload.session)
        raise registry.wrong_digest(digest)


@defect("registry/digest/second-attempt-is-verified", state=set)
async def second_end_fails(refused: set[str], put_upload: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a closing request after a refused one is answered 500."""
    if call.reference in refused:
        raise unsupported_error()
    try:
        return await put_upload(call)
    except Refusal:
        refused.add(call.reference)
        raise


@defect("registry/digest/sha512-is-verified")
async def sha512_blobs_fail(commit_blob: Any, name: str, digest: str, content: bytes) -> None:
    """API Reference, Error Handling: a blob with a sha512 digest is answered 500."""
    await commit_blob(name, digest, content)
    if digest.startswith("sha512:"):
        raise unsupported_error()


@defect("registry/digest/sha512-is-verified")
async def sha512_blobs_stored_under_another(store_blob: Any, name: str, digest: str, content: bytes) -> None:
    """distribution-spec 1.1, Pulling blobs: a blob with a sha512 digest is stored under its sha256 digest only."""
    await store_blob(name, grammar.digest_of(content), content)


@defect("registry/digest/sha512-is-verified", "registry/digest/sha512-manifest-can-be-pulled")
def head_by_sha512_not_found(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Pulling blobs, Pulling manifests: HEAD by a sha512 digest is answered 404."""
    if request.method == "HEAD" and "/sha512:" in request.path:
        return Answer(404)
    return answer


@defect("registry/digest/sha512-manifest-can-be-pulled")
async def sha512_manifest_not_deleted(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: a deletion by a sha512 digest is answered 202, and not done."""
    if not digest.startswith("sha512:"):
        await remove_manifest(name, digest)


@defect("registry/digest/sha512-manifest-can-be-pulled")
async def sha512_manifests_fail(put_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a manifest with a sha512 digest is answered 500."""
    if call.reference.startswith("sha512:"):
        raise Refusal("UNSUPPORTED", status=500)
    return await put_manifest(call)


@defect("registry/digest/sha512-manifest-can-be-pulled")
def sha512_manifests_not_found(resolve: Any, name: str, reference: str) -> Any:
    """distribution-spec 1.1, Pulling manifests: a manifest is not found by its sha512 digest."""
    return None if reference.startswith("sha512:") else resolve(name, reference)


class ManyChunksUnverified(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a blob in several chunks is not verified."""

    noticed_by = ("registry/digest/wrong-is-refused#chunks", "registry/digest/refused-bytes-are-stored-nowhere#chunks")
    chunks: dict[str, int] = {}

    async def patch_upload(self, original: Any, call: Call) -> Answer:
        self.chunks[call.reference] = self.chunks.get(call.reference, 0) + 1
        return await original(call)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if self.chunks.get(upload.session, 0) < 2:
            await original(upload, digest, content)
        else:
            registry_of(original).close_session(upload)
            await registry_of(original).store_blob(upload.repository, digest, content)


@defect("registry/digest/wrong-is-refused#continued,of-a-mebibyte,post,put", "registry/digest/sha512-is-verified")
async def blob_digest_not_verified(commit_blob: Any, name: str, digest: str, content: bytes) -> None:
    """distribution-spec 1.1, Pushing blobs: the digest of a blob is not verified."""
    await registry_of(commit_blob).store_blob(name, digest, content)


@defect("registry/digest/wrong-manifest-is-refused")
def sha512_manifest_unverified(manifest_digest_matches: Any, digest: str, content: bytes) -> bool:
    """distribution-spec 1.1, Pushing Manifests: the sha512 digest of a manifest is not verified."""
    return digest.startswith("sha512:") or bool(manifest_digest_matches(digest, content))


@defect("registry/digest/wrong-manifest-is-refused", state=set)
def digest_once_wrong_stays_wrong(wrong: set[str], manifest_digest_matches: Any, digest: str, content: bytes) -> bool:
    """distribution-spec 1.1, Pushing Manifests: a manifest is refused if an earlier push under its digest failed."""
    if not manifest_digest_matches(digest, content):
        wrong.add(digest)
    return digest not in wrong


class ManifestsOfWrongDigestsStored(_RefusedManifestsStored):
    """Docker Registry V2, Content Digests: a manifest refused for its digest is stored under its right one."""

    noticed_by = ("registry/digest/wrong-manifest-is-refused",)
    codes = ("DIGEST_INVALID",)


@defect("registry/digest/wrong-manifest-is-refused")
def index_digest_unverified(manifest_digest_matches: Any, digest: str, content: bytes) -> bool:
    """distribution-spec 1.1, Pushing Manifests: the digest of an index is not verified."""
    return b'"manifests"' in content or bool(manifest_digest_matches(digest, content))


def blob_anywhere(registry: Registry, digest: str) -> bytes | None:
    """Return the blob from any repository that has it."""
    return next((each.blobs[digest] for each in registry.repositories.values() if digest in each.blobs), None)


@defect(
    "registry/manifest/reference-copies-no-blob#organization,repository",
    "registry/manifest/missing-reference-is-refused#known-elsewhere,layer-elsewhere",
)
def manifest_brings_its_blobs(check_blobs: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
    """Docker Registry V2, Pulling a Layer: a manifest makes another repository's blobs available in its own."""
    registry = registry_of(check_blobs)
    for digest in (each["digest"] for each in descriptors):
        content = blob_anywhere(registry, digest)
        if content is not None:
            registry.opened(name).blobs[digest] = content
    check_blobs(name, descriptors)


@defect("registry/upload/any-closing-digest-is-verified", shortest=2)
def closing_algorithm_unread(closing_digest: Any, request: Any, upload: Any) -> str:
    """distribution-spec 1.1, Pushing blobs: a digest with the right digits and a wrong algorithm is accepted."""
    algorithm, _, digits = (request.parameter("digest") or "").partition(":")
    own = digest_of(bytes(upload.content) + request.body)
    return own if algorithm and own == f"sha256:{digits}" else str(closing_digest(request, upload))


@defect("registry/pull/digest-header-is-correct#blob-get,blob-head,digest-get,digest-head,tag-get")
def digest_reported_without_algorithm(reported_digest: Any, digest: str) -> str:
    """Docker Registry V2, Content Digests: Docker-Content-Digest lacks the algorithm."""
    return digest.partition(":")[2]


@defect("registry/pull/digest-header-is-correct#of-the-whole-run")
def digest_of_a_part(part_answer: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
    """Docker Registry V2, Digest Header: a part of one byte has a wrong Docker-Content-Digest."""
    answer: Answer = part_answer(digest, content, first, end)
    if end - first == 1:
        answer.headers["Docker-Content-Digest"] = f"sha256:{'0' * 64}"
    return answer


@defect("registry/pull/digest-header-is-present#tag-get,digest-get,tag-head,digest-head")
def manifest_without_digest_header(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """Docker Registry V2, Pulling an Image Manifest: a manifest has no Docker-Content-Digest."""
    return without(manifest_answer(request, manifest), "Docker-Content-Digest")
