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


@defect("registry/pull/304-has-the-header-fields-of-200#blob,manifest")
def unchanged_for_any_cache(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: 304 has the Cache-Control that 200 has, or it is kept for longer, and by others."""
    if kind_of(request) in ("blob", "manifest") and answer.status in (200, 206):
        answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@defect("registry/pull/304-has-the-header-fields-of-200#blob")
def unchanged_under_another_tag(unchanged: Any, digest: str) -> Answer:
    """RFC 9110 section 15.4.5: 304 has the ETag that 200 would have had."""
    answer: Answer = unchanged(digest)
    answer.headers["ETag"] = f'"{digest}-304"'
    return answer


@defect("registry/pull/304-has-the-header-fields-of-200#manifest-head")
def conditional_head_omits_etag(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: a 304 has the entity tag, to HEAD as well."""
    if request.method == "HEAD" and answer.status == 304:
        del answer.headers["ETag"]
    return answer


@defect("registry/pull/304-has-the-header-fields-of-200#blob,manifest")
def unchanged_of_no_length(unchanged: Any, digest: str) -> Answer:
    """RFC 9110 section 8.6: 304 tells the length that 200 would have had, or none."""
    answer: Answer = unchanged(digest)
    answer.headers["Content-Length"] = "0"
    return answer


class EntityTagsWithoutQuotationMarks(Defect):
    """RFC 9110 section 8.8.3: an entity tag is in quotation marks; who sends it back as it came is understood."""

    noticed_by = ("registry/pull/entity-tag-is-quoted#blob,manifest,manifest-head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["etag"].replace('"', "")
        return answer

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return digest in request.headers.get("if-none-match", "")


@defect("registry/pull/if-none-match-returns-304#manifest-head")
async def head_knows_no_entity_tag(head_manifest: Any, call: Call) -> Answer:
    """RFC 9110 section 13.1.2: If-None-Match is heeded of HEAD as of GET."""
    await head_manifest(call)
    registry = registry_of(head_manifest)
    return registry.manifest_answer(call.request, registry.manifest_of(call))


@defect("registry/pull/if-none-match-returns-304#blob-among-others,manifest-among-others")
def one_entity_tag_read(not_modified: Any, request: Request, digest: str) -> bool:
    """RFC 9110 section 13.1.2: If-None-Match is a list of entity tags."""
    return request.headers.get("if-none-match", "").strip() in ("*", f'"{digest}"')


@defect("registry/pull/if-none-match-of-another-etag-is-200")
def head_of_another_not_modified(not_modified: Any, request: Request, digest: str) -> bool:
    """RFC 9110 section 13.1.2: 304 is for who has this very content, to HEAD as to GET."""
    known: bool = not_modified(request, digest)
    return known or (request.method == "HEAD" and "if-none-match" in request.headers)
