"""One defect for each promise on what the registry stores and lists."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Manifest
from conformance.reference.support.registry import (
    PAUSE_S,
    _RefusedManifestsStored,
    edited_document,
    kind_of,
    registry_of,
    without,
)

LONGEST_LIST = 100


@defect("registry/pull/blob-has-the-pushed-bytes#text", promise="RG-22", surface="registry")
async def line_ends_converted(get_blob: Any, call: Call) -> Answer:
    """Line ends in a blob are converted, so the pulled bytes differ from the pushed ones."""
    answer: Answer = await get_blob(call)
    answer.body = answer.body.replace(b"\r\n", b"\n")
    return without(answer, "Content-Length")


@defect("registry/pull/type-has-no-parameters", promise="RG-23", surface="registry")
def type_reported_with_parameters(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """The Content-Type of a pulled manifest has an additional parameter."""
    answer: Answer = manifest_answer(request, manifest)
    answer.headers["Content-Type"] = f"{manifest.media_type}; charset=utf-8"
    return answer


@defect("registry/pull/digest-header-is-present#blob-get,blob-head", promise="RG-24", surface="registry")
def blob_without_digest_header(blob_answer: Any, status: int, digest: str, content: bytes) -> Answer:
    """The response to a blob pull has no Docker-Content-Digest field."""
    return without(blob_answer(status, digest, content), "Docker-Content-Digest")


@defect("registry/pull/head-states-the-length#large-manifest,manifest", promise="RG-25", surface="registry")
async def head_manifest_without_length(head_manifest: Any, call: Call) -> Answer:
    """HEAD of a manifest has no Content-Length field."""
    answer: Answer = await head_manifest(call)
    answer.body = b""
    return without(answer, "Content-Length")


@defect("registry/pull/unknown-range-unit-is-ignored", promise="RG-26", surface="registry")
def range_unit_not_heeded(byte_range: Any, header: str, size: int) -> tuple[int, int] | None:
    """A range in an unknown unit is applied as if it were bytes."""
    part: tuple[int, int] | None = byte_range(f"bytes={header.partition('=')[2]}", size)
    return part


@defect("registry/pull/if-none-match-of-another-etag-is-200", promise="RG-27", surface="registry")
def known_whatever_is_known(not_modified: Any, request: Request, digest: str) -> bool:
    """A conditional pull of a blob is answered 304 for any entity tag."""
    known = "if-none-match" in request.headers and kind_of(request) == "blob"
    return known or bool(not_modified(request, digest))


@defect("registry/pull/redirect-can-be-reached", promise="RG-28", surface="registry")
async def pulls_lead_nowhere(get_blob: Any, call: Call) -> Answer:
    """A pull is redirected to a host that clients cannot reach."""
    registry_of(get_blob).blob_of(call.name, call.reference)
    answer = Answer(307)
    answer.headers["Location"] = f"http://storage.invalid:9000/registry/{call.reference}"
    return answer


@defect("registry/manifest/optional-forms-are-accepted#no-media-type", promise="RG-29", surface="registry")
def media_type_wanted(check_media_type: Any, media_type: str, document: dict[str, Any]) -> None:
    """A manifest without the optional mediaType field is rejected."""
    check_media_type(media_type, {"mediaType": "", **document})


@defect("registry/manifest/wrong-size-is-refused", promise="RG-30", surface="registry")
def descriptor_size_unchecked(check_size: Any, descriptor: dict[str, Any], content: bytes | None) -> None:
    """A manifest is accepted although the size of a layer is wrong."""


class IncompleteManifestsStored(_RefusedManifestsStored):
    """A manifest that was rejected for a missing blob is stored nevertheless."""

    surface = "registry"
    promise = "RG-31"
    noticed_by = (
        "registry/manifest/missing-reference-is-refused#config,deleted,layer",
        "registry/manifest/missing-child-is-refused#child,child-elsewhere,deleted-child,docker-child",
    )
    codes = ("MANIFEST_BLOB_UNKNOWN",)


@defect("registry/manifest/moving-a-tag-affects-no-other", promise="RG-32", surface="registry")
async def latest_follows_every_push(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """The tag latest moves to every manifest that is pushed."""
    await set_tag(name, tag, digest)
    tags = registry_of(set_tag).opened(name).tags
    if "latest" in tags:
        tags["latest"] = digest


@defect("registry/name/similar-tags-are-distinct", promise="RG-33", surface="registry")
def tag_case_folded(check_reference: Any, text: str) -> str:
    """Two tags that differ only in letter case are the same tag."""
    return str(check_reference(text)).lower()


@defect("registry/tags/long-list-is-complete", promise="RG-34", surface="registry")
def long_tag_list_cut_short(reported_names: Any, page: list[str]) -> list[str] | None:
    """A long list of tags is cut short without a link to the next page."""
    names: list[str] | None = reported_names(page[:LONGEST_LIST])
    return names


@defect("registry/catalog/lists-each-repository-once", promise="RG-35", surface="registry")
def catalog_repeats(request: Request, answer: Answer) -> Answer:
    """The catalog lists a repository twice."""
    if kind_of(request) == "catalog" and answer.status == 200:
        return edited_document(answer, lambda document: document["repositories"].extend(document["repositories"][-1:]))
    return answer


@defect("registry/delete/image-stays-in-other-repositories#tag", promise="RG-36", surface="registry")
async def tag_deleted_in_every_repository(remove_tag: Any, name: str, tag: str) -> None:
    """Deleting a tag in one repository deletes it in every repository."""
    for each in list(registry_of(remove_tag).repositories):
        await remove_tag(each, tag)


@defect("registry/referrers/applied-filter-is-named", promise="RG-37", surface="registry")
async def filter_not_reported(list_referrers: Any, call: Call) -> Answer:
    """The response to a filtered referrers request does not state that the filter was applied."""
    return without(await list_referrers(call), "OCI-Filters-Applied")


@defect("registry/errors/code-is-known#absent-blob", promise="RG-39", surface="registry")
def error_codes_of_its_own(request: Request, answer: Answer) -> Answer:
    """A missing blob is reported with an error code that the specification does not define."""
    if answer.status == 404:
        answer.body = answer.body.replace(b'"BLOB_UNKNOWN"', b'"BLOB_NOT_FOUND"')
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("registry/concurrency/no-pushed-tag-is-lost", promise="RG-40", surface="registry")
async def concurrent_tags_lost(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """Of several tags that are pushed concurrently, some are lost."""
    repository = registry_of(set_tag).opened(name)
    tags = dict(repository.tags)
    await asyncio.sleep(PAUSE_S)
    repository.tags = {**tags, tag: digest}
