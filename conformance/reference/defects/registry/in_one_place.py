"""Defects that show in one of several places: by HEAD, in a part, by digest and not by tag, in one list."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import IMAGES, OCI_INDEX, OCI_MANIFEST, Manifest, Upload

MEBIBYTE = 1024 * 1024


class MountOpensNoUpload(Defect):
    """distribution-spec 1.1, Mounting a blob: where it is not mounted, 202 opens an upload, as for any other blob."""

    surface = "registry"
    noticed_by = (
        "registry/mount/absent-blob-opens-an-upload",
        "registry/mount/blob-or-upload",
        "registry/mount/blob-or-upload#new-repository",
        "registry/mount/without-source-is-answered",
    )

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        return registry_of(original).upload_answer(202, asked.request, Upload(asked.name, asked.caller.subject))


class MountsUnsupported(Defect):
    """distribution-spec 1.1, Mounting a blob: a registry that does not mount "SHOULD return a 202", and no error."""

    surface = "registry"
    noticed_by = ("registry/mount/blob-or-upload", "registry/mount/blob-or-upload#new-repository")

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        raise Refusal("UNSUPPORTED", {"mount": digest})


class MountedWithoutLocation(Defect):
    """distribution-spec 1.1, Mounting a blob: the Location of a mounted blob "will contain the registry URL"."""

    surface = "registry"
    noticed_by = ("registry/mount/location-is-in-the-target",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        return without(answer, "Location") if answer.status == 201 else answer


class MountedFromNowhere(Defect):
    """distribution-spec 1.1, Mounting a blob: what is answered 201 is there, whether the source was named or not."""

    surface = "registry"
    noticed_by = ("registry/mount/without-source-is-answered",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        if asked.request.parameter("from"):
            answer: Answer = await original(asked, digest)
            return answer
        return registry_of(original).blob_created(asked, digest)


class _Mounted(Defect):
    """Knows what was mounted."""

    def __init__(self) -> None:
        self.mounted: set[tuple[str, str]] = set()

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        mounted: bool = await original(source, target, digest)
        if mounted and source != target:
            self.mounted.add((target, digest))
        return mounted


class MountedUnknownToHead(_Mounted):
    """distribution-spec 1.1, Checking if content exists: a mounted blob is there for HEAD as well."""

    surface = "registry"
    noticed_by = ("registry/mount/location-is-in-the-target",)

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        if (asked.name, asked.reference) in self.mounted:
            raise Refusal("BLOB_UNKNOWN", {"digest": asked.reference})
        answer: Answer = await original(asked)
        return answer


class MountedUnderItsLinksDigest(_Mounted):
    """Docker Registry V2, Digest Header: HEAD of a mounted blob tells the blob's digest, and not that of its link."""

    surface = "registry"
    noticed_by = ("registry/mount/location-is-in-the-target",)

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if (asked.name, asked.reference) in self.mounted:
            answer.headers["Docker-Content-Digest"] = grammar.digest_of(asked.reference.encode())
        return answer


class BlobsWithoutEntityTags(Defect):
    """Docker Registry V2, Pulling a Layer: layers "should be cacheable", for which an ETag is told."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-saves-a-pull#blob",)

    def blob_answer(self, original: Any, *given: Any) -> Answer:
        return without(original(*given), "ETag")


class UnchangedUnderAnotherTag(Defect):
    """RFC 9110 section 15.4.5: 304 has the ETag that 200 would have had."""

    surface = "registry"
    noticed_by = ("registry/pull/304-has-its-etag#blob",)

    def unchanged(self, original: Any, digest: str) -> Answer:
        answer: Answer = original(digest)
        answer.headers["ETag"] = f'"{digest}-304"'
        return answer


class UnchangedOfNoLength(Defect):
    """RFC 9110 section 8.6: 304 tells the length that 200 would have had, or none."""

    surface = "registry"
    noticed_by = ("registry/pull/304-tells-no-other-length#blob", "registry/pull/304-tells-no-other-length#manifest")

    def unchanged(self, original: Any, digest: str) -> Answer:
        answer: Answer = original(digest)
        answer.headers["Content-Length"] = "0"
        return answer


class NonsenseAcceptFails(Defect):
    """API Reference, Error Handling: an Accept field that names no type is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/pull/manifest-is-never-converted#nonsense",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.request.headers.get("accept", "").startswith(";"):
            raise failed()
        answer: Answer = await original(asked)
        return answer


class PartToldAsTheWhole(Defect):
    """RFC 9110 section 15.3.1: what is answered 200 is the whole blob, and no part of it."""

    surface = "registry"
    noticed_by = (
        "registry/pull/part-is-what-it-says#beyond-4-mib",
        "registry/pull/part-is-what-it-says#beyond-the-end",
        "registry/pull/part-is-what-it-says#last-one",
        "registry/pull/part-is-what-it-says#of-what-is-had",
        "registry/pull/part-is-what-it-says#open",
    )

    def part_answer(self, original: Any, *given: Any) -> Answer:
        answer: Answer = without(original(*given), "Content-Range")
        answer.status = 200
        return answer


class NothingSentForWhatIsBeyond(Defect):
    """RFC 9110 section 14.2: of a range beyond the end 416 is answered, or the whole; 200 with nothing is neither."""

    surface = "registry"
    noticed_by = ("registry/pull/unsatisfiable-range#beyond", "registry/pull/unsatisfiable-range#far-beyond")

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            if refusal.code != "RANGE_INVALID":
                raise
            return registry_of(original).blob_answer(200, asked.reference, b"")
        return answer


class FirstOfSeveralRangesToldAsTheWhole(Defect):
    """RFC 9110 section 14.2: of several ranges parts are sent, or the whole with 200."""

    surface = "registry"
    noticed_by = ("registry/pull/any-range-is-a-callers-affair",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if answer.status == 200 and "," in asked.request.headers.get("range", ""):
            answer.body = answer.body[:10]
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class TagOfADigestNeverMoves(Defect):
    """distribution-spec 1.1, Referrers Tag Schema: what is pushed under the tag of a digest replaces the last."""

    surface = "registry"
    noticed_by = ("registry/referrers/tag-schema-works",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        if not (tag.startswith("sha256-") and tag in registry_of(original).stored(name).tags):
            await original(name, tag, digest)


class TagOfADigestIsOfAnImage(Defect):
    """distribution-spec 1.1, Referrers Tag Schema: what stands under the tag of a digest is an index, and says so."""

    surface = "registry"
    noticed_by = ("registry/referrers/tag-schema-works",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.reference.startswith("sha256-"):
            answer.headers["Content-Type"] = OCI_MANIFEST
        return answer


class PushByDigestMovesTagsBack(Defect):
    """distribution-spec 1.1, Pushing Manifests: what is pushed by digest moves no tag, though one named it before."""

    surface = "registry"
    noticed_by = ("registry/manifest/tags-move-alone",)

    def __init__(self) -> None:
        self.named: set[tuple[str, str, str]] = set()

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.named.add((name, tag, digest))
        await original(name, tag, digest)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        tags = registry_of(original).stored(asked.name).tags
        tags.update(
            {tag: digest for name, tag, digest in self.named if (name, digest) == (asked.name, asked.reference)}
        )
        return answer


class TagsKeptInSmallLetters(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may have capitals, and is then another than that without."""

    surface = "registry"
    noticed_by = ("registry/name/every-tag-of-the-grammar-is-taken#capital", "registry/name/tags-differ-in-case")

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag.lower(), digest)


class TagLikeAnotherNotSet(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that differs from another in case alone is set all the same."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        tags = registry_of(original).stored(name).tags
        if tag in tags or tag.lower() not in map(str.lower, tags):
            await original(name, tag, digest)


class TagsOfImagesStayWithImages(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag that named an image names the index that is pushed under it."""

    surface = "registry"
    noticed_by = ("registry/pull/type-goes-with-the-tag",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        named = stored.manifests.get(stored.tags.get(tag, ""))
        if not (named and named.media_type in IMAGES and stored.manifests[digest].media_type == OCI_INDEX):
            await original(name, tag, digest)


class LargeManifestCutShort(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest of up to 4 megabytes that was taken is given back whole."""

    surface = "registry"
    noticed_by = ("registry/manifest/four-megabytes-are-taken",)

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        answer: Answer = original(request, manifest)
        answer.body = answer.body[:MEBIBYTE]
        answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class PushByDigestRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: the reference of a manifest may be its digest, without a tag."""

    surface = "registry"
    noticed_by = ("registry/manifest/is-taken-by-digest",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if ":" in asked.reference and registry_of(original).media_type_of(asked.request) in IMAGES:
            raise Refusal("TAG_INVALID", {"tag": asked.reference})
        answer: Answer = await original(asked)
        return answer


class DeletedDigestTakesThatBesideIt(Defect):
    """distribution-spec 1.1, Deleting Manifests: what shares a config with what was deleted is there by digest."""

    surface = "registry"
    noticed_by = ("registry/delete/others-stay",)

    def __init__(self) -> None:
        self.configs: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        manifest = registry_of(original).stored(name).manifests[digest]
        if config := manifest.document.get("config"):
            self.configs.add((name, config["digest"]))
        await original(name, digest)

    def manifest_of(self, original: Any, asked: Asked) -> Manifest:
        manifest: Manifest = original(asked)
        config = manifest.document.get("config", {}).get("digest")
        if ":" in asked.reference and (asked.name, config) in self.configs:
            raise registry_of(original).unknown_manifest(asked)
        return manifest


class DeletedTagTakesItsDigest(Defect):
    """distribution-spec 1.1, Deleting tags: the image stays where other tags name it, by its digest, too."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        stored = registry_of(original).stored(name)
        digest = stored.tags.get(tag, "")
        await original(name, tag)
        stored.manifests.pop(digest, None)


class ChunkBehindAnEmptyOneRefused(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: behind a chunk of no bytes the upload is where it was."""

    surface = "registry"
    noticed_by = ("registry/upload/empty-chunk-is-no-server-error",)

    def __init__(self) -> None:
        self.counted: set[str] = set()

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if upload.session in self.counted and "content-range" in request.headers:
            raise registry_of(original).out_of_order(request, upload)
        original(request, upload)
        if kind_of(request) == "upload" and request.method == "PATCH" and not request.body:
            self.counted.add(upload.session)


class EmptyChunkLaterFails(Defect):
    """API Reference, Error Handling: a chunk of no bytes is no failure, whatever came before it."""

    surface = "registry"
    noticed_by = ("registry/upload/empty-chunk-is-no-server-error",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if upload.content and not request.body:
            raise failed()
        await original(request, upload)
