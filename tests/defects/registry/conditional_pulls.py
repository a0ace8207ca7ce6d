"""Defects that break the promise "Conditional pulls follow RFC 9110 section 13"."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.routing import Call
from conformance.reference.support.registry import kind_of, registry_of, without

ROWS = (
    row(
        "blobs-without-entity-tags",
        "Docker Registry V2, Pulling a Layer: a blob has no ETag, so clients cannot cache it.",
        "registry/pull/if-none-match-returns-304#blob",
        blob_answer=lambda original, *given: without(original(*given), "ETag"),
    ),
    row(
        "entity-tag-not-heeded",
        "Docker Registry V2, Pulling a Layer: If-None-Match is ignored.",
        "registry/pull/if-none-match-returns-304#manifest",
        not_modified=lambda original, request, digest: False,
    ),
)


@defect("registry/pull/304-has-the-header-fields-of-200#blob,manifest")
def unchanged_for_any_cache(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: the Cache-Control of a 304 differs from that of a 200."""
    if kind_of(request) in ("blob", "manifest") and answer.status in (200, 206):
        answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@defect("registry/pull/304-has-the-header-fields-of-200#blob")
def unchanged_under_another_tag(unchanged: Any, digest: str) -> Answer:
    """RFC 9110 section 15.4.5: a 304 has another ETag than a 200."""
    answer: Answer = unchanged(digest)
    answer.headers["ETag"] = f'"{digest}-304"'
    return answer


@defect("registry/pull/304-has-the-header-fields-of-200#manifest-head")
def conditional_head_omits_etag(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: the 304 to HEAD has no ETag."""
    if request.method == "HEAD" and answer.status == 304:
        del answer.headers["ETag"]
    return answer


@defect("registry/pull/304-has-the-header-fields-of-200#blob,manifest")
def unchanged_of_no_length(unchanged: Any, digest: str) -> Answer:
    """RFC 9110 section 8.6: a 304 states a length of 0."""
    answer: Answer = unchanged(digest)
    answer.headers["Content-Length"] = "0"
    return answer


class EntityTagsWithoutQuotationMarks(Defect):
    """RFC 9110 section 8.8.3: an entity tag has no quotation marks."""

    noticed_by = ("registry/pull/entity-tag-is-quoted#blob,manifest,manifest-head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["etag"].replace('"', "")
        return answer

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return digest in request.headers.get("if-none-match", "")


@defect("registry/pull/if-none-match-returns-304#manifest-head")
async def head_knows_no_entity_tag(head_manifest: Any, call: Call) -> Answer:
    """RFC 9110 section 13.1.2: HEAD ignores If-None-Match."""
    await head_manifest(call)
    registry = registry_of(head_manifest)
    return registry.manifest_answer(call.request, registry.manifest_of(call))


@defect("registry/pull/if-none-match-returns-304#blob-among-others,manifest-among-others")
def one_entity_tag_read(not_modified: Any, request: Request, digest: str) -> bool:
    """RFC 9110 section 13.1.2: If-None-Match with several entity tags is ignored."""
    return request.headers.get("if-none-match", "").strip() in ("*", f'"{digest}"')


@defect("registry/pull/if-none-match-of-another-etag-is-200")
def head_of_another_not_modified(not_modified: Any, request: Request, digest: str) -> bool:
    """RFC 9110 section 13.1.2: HEAD is answered 304 for every entity tag."""
    known: bool = not_modified(request, digest)
    return known or (request.method == "HEAD" and "if-none-match" in request.headers)
