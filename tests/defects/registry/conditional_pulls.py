"""Defects that break the promise "Conditional pulls follow RFC 9110 section 13"."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.routing import Asked
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.rows import row

ROWS = (
    row(
        "blobs-without-entity-tags",
        'Docker Registry V2, Pulling a Layer: layers "should be cacheable", for which an ETag is told.',
        "registry/pull/if-none-match-returns-304#blob",
        blob_answer=lambda original, *given: without(original(*given), "ETag"),
    ),
    row(
        "entity-tag-not-heeded",
        "Docker Registry V2, Pulling a Layer: ETags save a pull of what the client has.",
        "registry/pull/if-none-match-returns-304#manifest",
        not_modified=lambda original, request, digest: False,
    ),
)


class UnchangedForAnyCache(Defect):
    """RFC 9110 section 15.4.5: 304 has the Cache-Control that 200 has, or it is kept for longer, and by others."""

    surface = "registry"
    noticed_by = (
        "registry/pull/304-has-the-header-fields-of-200#blob",
        "registry/pull/304-has-the-header-fields-of-200#manifest",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) in ("blob", "manifest") and answer.status in (200, 206):
            answer.headers["Cache-Control"] = "private, no-cache"
        return answer


class UnchangedUnderAnotherTag(Defect):
    """RFC 9110 section 15.4.5: 304 has the ETag that 200 would have had."""

    surface = "registry"
    noticed_by = ("registry/pull/304-has-the-header-fields-of-200#blob",)

    def unchanged(self, original: Any, digest: str) -> Answer:
        answer: Answer = original(digest)
        answer.headers["ETag"] = f'"{digest}-304"'
        return answer


class HeadOfWhatIsKnownTellsNoTag(Defect):
    """RFC 9110 section 15.4.5: a 304 has the entity tag, to HEAD as well."""

    surface = "registry"
    noticed_by = ("registry/pull/304-has-the-header-fields-of-200#manifest-head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 304:
            del answer.headers["ETag"]
        return answer


class UnchangedOfNoLength(Defect):
    """RFC 9110 section 8.6: 304 tells the length that 200 would have had, or none."""

    surface = "registry"
    noticed_by = (
        "registry/pull/304-has-the-header-fields-of-200#blob",
        "registry/pull/304-has-the-header-fields-of-200#manifest",
    )

    def unchanged(self, original: Any, digest: str) -> Answer:
        answer: Answer = original(digest)
        answer.headers["Content-Length"] = "0"
        return answer


class EntityTagsWithoutQuotationMarks(Defect):
    """RFC 9110 section 8.8.3: an entity tag is in quotation marks; who sends it back as it came is understood."""

    surface = "registry"
    noticed_by = (
        "registry/pull/entity-tag-is-quoted#blob",
        "registry/pull/entity-tag-is-quoted#manifest",
        "registry/pull/entity-tag-is-quoted#manifest-head",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["etag"].replace('"', "")
        return answer

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return digest in request.headers.get("if-none-match", "")


class HeadKnowsNoEntityTag(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is heeded of HEAD as of GET."""

    surface = "registry"
    noticed_by = ("registry/pull/if-none-match-returns-304#manifest-head",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        await original(asked)
        registry = registry_of(original)
        answer: Answer = registry.manifest_answer(asked.request, registry.manifest_of(asked))
        return answer


class OneEntityTagRead(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is a list of entity tags."""

    surface = "registry"
    noticed_by = (
        "registry/pull/if-none-match-returns-304#blob-among-others",
        "registry/pull/if-none-match-returns-304#manifest-among-others",
    )

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return request.headers.get("if-none-match", "").strip() in ("*", f'"{digest}"')


class HeadOfAnotherNotModified(Defect):
    """RFC 9110 section 13.1.2: 304 is for who has this very content, to HEAD as to GET."""

    surface = "registry"
    noticed_by = ("registry/pull/if-none-match-of-another-etag-is-200",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        known: bool = original(request, digest)
        return known or (request.method == "HEAD" and "if-none-match" in request.headers)
