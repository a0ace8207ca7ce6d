"""One defect for each promise on what the registry stores and lists."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest
from conformance.reference.support.registry import (
    PAUSE_S,
    _RefusedManifestsKept,
    edited_document,
    kind_of,
    registry_of,
    without,
)

LONGEST_LIST = 100


class LineEndsConverted(Defect):
    """Line ends in a blob are converted, so the pulled bytes differ from the pushed ones."""

    surface = "registry"
    promise = "RG-22"
    noticed_by = ("registry/pull/blob-is-what-was-pushed#text",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.body = answer.body.replace(b"\r\n", b"\n")
        return without(answer, "Content-Length")


class TypeToldWithParameters(Defect):
    """The Content-Type of a pulled manifest has an additional parameter."""

    surface = "registry"
    promise = "RG-23"
    noticed_by = ("registry/pull/type-has-no-parameters",)

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        answer: Answer = original(request, manifest)
        answer.headers["Content-Type"] = f"{manifest.media_type}; charset=utf-8"
        return answer


class BlobWithoutDigestHeader(Defect):
    """The response to a blob pull has no Docker-Content-Digest field."""

    surface = "registry"
    promise = "RG-24"
    noticed_by = ("registry/pull/digest-header-is-present#blob-get,blob-head",)

    def blob_answer(self, original: Any, status: int, digest: str, content: bytes) -> Answer:
        return without(original(status, digest, content), "Docker-Content-Digest")


class HeadManifestWithoutLength(Defect):
    """HEAD of a manifest has no Content-Length field."""

    surface = "registry"
    promise = "RG-25"
    noticed_by = ("registry/pull/head-states-the-length#large-manifest,manifest",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.body = b""
        return without(answer, "Content-Length")


class RangeUnitNotHeeded(Defect):
    """A range in an unknown unit is applied as if it were bytes."""

    surface = "registry"
    promise = "RG-26"
    noticed_by = ("registry/pull/unknown-range-unit-is-ignored",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        part: tuple[int, int] | None = original(f"bytes={header.partition('=')[2]}", size)
        return part


class KnownWhateverIsKnown(Defect):
    """A conditional pull of a blob is answered 304 for any entity tag."""

    surface = "registry"
    promise = "RG-27"
    noticed_by = ("registry/pull/if-none-match-of-another-etag-is-200",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        known = "if-none-match" in request.headers and kind_of(request) == "blob"
        return known or bool(original(request, digest))


class PullsLeadNowhere(Defect):
    """A pull is redirected to a host that clients cannot reach."""

    surface = "registry"
    promise = "RG-28"
    noticed_by = ("registry/pull/redirect-can-be-reached",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        registry_of(original).blob_of(asked.name, asked.reference)
        answer = Answer(307)
        answer.headers["Location"] = f"http://storage.invalid:9000/registry/{asked.reference}"
        return answer


class MediaTypeWanted(Defect):
    """A manifest without the optional mediaType field is rejected."""

    surface = "registry"
    promise = "RG-29"
    noticed_by = ("registry/manifest/optional-forms-are-accepted#no-media-type",)

    def check_media_type(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        original(media_type, {"mediaType": "", **document})


class DescriptorSizeUnchecked(Defect):
    """A manifest is accepted although the size of a layer is wrong."""

    surface = "registry"
    promise = "RG-30"
    noticed_by = ("registry/manifest/wrong-size-is-refused",)

    def check_size(self, original: Any, descriptor: dict[str, Any], content: bytes | None) -> None:
        """Takes any."""


class IncompleteManifestsKept(_RefusedManifestsKept):
    """A manifest that was rejected for a missing blob is stored nevertheless."""

    surface = "registry"
    promise = "RG-31"
    noticed_by = (
        "registry/manifest/missing-reference-is-refused#config,deleted,layer",
        "registry/manifest/missing-child-is-refused#child,child-elsewhere,deleted-child,docker-child",
    )
    codes = ("MANIFEST_BLOB_UNKNOWN",)


class LatestFollowsEveryPush(Defect):
    """The tag latest moves to every manifest that is pushed."""

    surface = "registry"
    promise = "RG-32"
    noticed_by = ("registry/manifest/moving-a-tag-affects-no-other",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, digest)
        tags = registry_of(original).opened(name).tags
        if "latest" in tags:
            tags["latest"] = digest


class TagCaseFolded(Defect):
    """Two tags that differ only in letter case are the same tag."""

    surface = "registry"
    promise = "RG-33"
    noticed_by = ("registry/name/similar-tags-are-distinct",)

    def check_reference(self, original: Any, text: str) -> str:
        return str(original(text)).lower()


class LongTagListCutShort(Defect):
    """A long list of tags is cut short without a link to the next page."""

    surface = "registry"
    promise = "RG-34"
    noticed_by = ("registry/tags/long-list-is-complete",)

    def names_told(self, original: Any, page: list[str]) -> list[str] | None:
        told: list[str] | None = original(page[:LONGEST_LIST])
        return told


class CatalogRepeats(Defect):
    """The catalog lists a repository twice."""

    surface = "registry"
    promise = "RG-35"
    noticed_by = ("registry/catalog/lists-each-repository-once",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "catalog" and answer.status == 200:
            return edited_document(
                answer, lambda document: document["repositories"].extend(document["repositories"][-1:])
            )
        return answer


class TagDeletedInEveryRepository(Defect):
    """Deleting a tag in one repository deletes it in every repository."""

    surface = "registry"
    promise = "RG-36"
    noticed_by = ("registry/delete/image-stays-in-other-repositories#tag",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        for each in list(registry_of(original).repositories):
            await original(each, tag)


class FilterNotTold(Defect):
    """The response to a filtered referrers request does not state that the filter was applied."""

    surface = "registry"
    promise = "RG-37"
    noticed_by = ("registry/referrers/applied-filter-is-named",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        return without(await original(asked), "OCI-Filters-Applied")


class ErrorCodesOfItsOwn(Defect):
    """A missing blob is reported with an error code that the specification does not define."""

    surface = "registry"
    promise = "RG-39"
    noticed_by = ("registry/errors/code-is-known#absent-blob",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.body = answer.body.replace(b'"BLOB_UNKNOWN"', b'"BLOB_NOT_FOUND"')
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class TagsAtOnceLost(Defect):
    """Of several tags that are pushed concurrently, some are lost."""

    surface = "registry"
    promise = "RG-40"
    noticed_by = ("registry/at-once/several-tags",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        repository = registry_of(original).opened(name)
        tags = dict(repository.tags)
        await asyncio.sleep(PAUSE_S)
        repository.tags = {**tags, tag: digest}
