"""Defects of lists that are read in part, of parts of blobs, and of what a cache between may keep."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of, without
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload

MOST_READ = 4 * 1024 * 1024


class AbsentRepositoryRemembered(Defect):
    """distribution-spec 1.1, Listing Tags: a repository that was asked for in vain is there when it was pushed to."""

    surface = "registry"
    noticed_by = ("registry/tags/are-listed",)

    def __init__(self) -> None:
        self.absent: set[str] = set()

    def tags_of(self, original: Any, name: str) -> list[str]:
        if name not in registry_of(original).repositories:
            self.absent.add(name)
        if name in self.absent:
            raise Refusal("NAME_UNKNOWN", {"name": name})
        return list(original(name))


class DeletedTagsInPages(Defect):
    """distribution-spec 1.1, Deleting tags: a deleted tag is not listed, in pages neither."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def __init__(self) -> None:
        self.deleted: dict[str, list[str]] = {}

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.setdefault(name, []).append(tag)
        await original(name, tag)

    async def list_tags(self, original: Any, asked: Asked) -> Answer:
        registry, deleted = registry_of(original), self.deleted.get(asked.name, [])
        if asked.request.parameter("n") is None or not deleted:
            answer: Answer = await original(asked)
            return answer
        tags = registry.in_order([*registry.tags_of(asked.name), *deleted])
        return registry.page_answer(asked.request, {"name": asked.name}, "tags", tags)


class LinkOfConfiguredHost(Defect):
    """RFC 8288 section 3: a Link can be followed by whoever asked, under whatever Host."""

    surface = "registry"
    noticed_by = ("registry/tags/links-lead-to-the-end#one", "registry/catalog/links-leave-nothing-out")

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return "http://registry.internal:5000" + str(original(request, query))


class HeadOfTagListFails(Defect):
    """RFC 9110 section 9.3.2: HEAD of a list is answered as GET is."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#list",)

    async def list_tags(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.request.method == "HEAD":
            raise failed()
        return answer


class PartWithoutEntityTag(Defect):
    """RFC 9110 section 15.3.7: 206 has the ETag that 200 would have."""

    surface = "registry"
    noticed_by = ("registry/pull/part-has-the-fields-of-the-whole",)

    def part_answer(self, original: Any, *given: Any) -> Answer:
        return without(original(*given), "ETag")


class EntityTagOfThePart(Defect):
    """RFC 9110 section 15.3.7: the ETag of 206 is that of the whole, or no parts could be put together."""

    surface = "registry"
    noticed_by = ("registry/pull/part-has-the-fields-of-the-whole",)

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        answer: Answer = original(digest, content, first, end)
        answer.headers["ETag"] = f'"{digest}-{first}-{end}"'
        return answer


class DigestOfThePart(Defect):
    """Docker Registry V2, Content Digests: the digest that is told is the blob's, with a part of it as well."""

    surface = "registry"
    noticed_by = (
        "registry/pull/part-is-what-it-says#beyond-the-end",
        "registry/pull/part-is-what-it-says#first-byte",
        "registry/pull/part-is-what-it-says#last",
        "registry/pull/part-is-what-it-says#last-byte",
        "registry/pull/part-is-what-it-says#middle",
        "registry/pull/part-is-what-it-says#to-the-end",
    )

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        answer: Answer = original(digest, content, first, end)
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(content[first:end])
        return answer


class SeveralRangesSentWhole(Defect):
    """RFC 9110 section 15.3.7: 206 says which part it is, also where several were asked for."""

    surface = "registry"
    noticed_by = ("registry/pull/any-range-is-a-callers-affair",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 200 and "," in request.headers.get("range", ""):
            answer.status = 206
        return answer


class PartFarInRefused(Defect):
    """RFC 9110 section 14.1.2: a range that begins beyond 4 MiB is satisfiable where there is more (ocx #237)."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says#beyond-4-mib",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        part: tuple[int, int] | None = original(header, size)
        if part and part[0] >= MOST_READ:
            raise grammar.UnsatisfiableRange(header)
        return part


class AbsenceForSharedCaches(Defect):
    """RFC 9111 section 3.5: ``public`` lets a shared cache tell everybody for a minute that an image is not there."""

    surface = "registry"
    noticed_by = ("registry/pull/is-not-for-shared-caches#absent",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.headers["Cache-Control"] = "public, max-age=60"
        return answer


class UploadStatusFromCache(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: how far a session has come is told as it is now."""

    surface = "registry"
    noticed_by = ("registry/upload/answers-tell-the-range",)

    def __init__(self) -> None:
        self.told: dict[str, Answer] = {}

    async def get_upload(self, original: Any, asked: Asked) -> Answer:
        told = self.told.get(asked.reference) or await original(asked)
        self.told[asked.reference] = told
        return Answer(told.status, told.body, told.headers)


class EmptyChunkBeginsAnew(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk of no bytes takes none away."""

    surface = "registry"
    noticed_by = ("registry/upload/empty-chunk-is-no-server-error",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if not request.body:
            upload.content.clear()
        await original(request, upload)


class MountedDigestOfOther(Defect):
    """Docker Registry V2, Digest Header: the digest that a mounted blob's answer names is the blob's own."""

    surface = "registry"
    noticed_by = ("registry/mount/location-is-in-the-target",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        if answer.status == 201:
            answer.headers["Docker-Content-Digest"] = grammar.digest_of(digest.encode())
        return answer
