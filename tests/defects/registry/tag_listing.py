"""Defects that break the promise "Tags are listed completely, in order and page by page"."""

from __future__ import annotations

import json
import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import OCI_INDEX
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.support.common import server_error_page
from tests.defects.support.registry import _RefusalAsText

ROWS = (
    row(
        "tags-in-reverse",
        "distribution-spec 1.1, Listing Tags: tags are listed in descending order.",
        "registry/tags/are-sorted",
        "registry/catalog/is-sorted#name-below",
        in_order=lambda original, names: sorted(names, reverse=True),
        names_after=lambda original, names, last: [name for name in names if last is None or name < last],
    ),
    row(
        "link-missing",
        "distribution-spec 1.1, Listing Tags: a page has no Link to the next one.",
        "registry/tags/links-reach-every-tag#five,four,three",
        rewrite=lambda request, answer: without(answer, "Link"),
    ),
    row(
        "link-without-host",
        "RFC 9110 section 4.2.1: a Link is a URL without a host.",
        "registry/tags/links-reach-every-tag#six",
        "registry/catalog/links-leave-nothing-out",
        listing_url=lambda original, request, query: f"http://{original(request, query)}",
    ),
    row(
        "long-tags-not-listed",
        "distribution-spec 1.1, Listing Tags: a tag of 128 characters is not listed.",
        "registry/tags/moved-tag-is-listed-once",
        tags_of=lambda original, name: [tag for tag in original(name) if len(tag) < 128],
    ),
    row(
        "tag-list-gets-no-answer",
        "OCI 1.1, Listing Tags: a tag list gets no response.",
        "registry/tags/long-list-is-complete",
        intercept=lambda request: Answer.none() if kind_of(request) == "tags" else None,
    ),
    row(
        "no-tags-are-null",
        "distribution-spec 1.1, Listing Tags: ``tags`` is null instead of an empty list.",
        "registry/tags/none-are-an-empty-list",
        "registry/tags/none-are-an-empty-list#after-deletion",
        reported_names=lambda original, page: page or None,
    ),
    row(
        "last-ignored",
        "distribution-spec 1.1, Listing Tags: ``last`` is ignored.",
        "registry/tags/last-reaches-every-tag",
        "registry/tags/last-starts-after-the-tag#alone,with-n",
        names_after=lambda original, names, last: names,
        next_page=lambda original, request, size, last, rest: str(original(request, 10000, last, rest)),
    ),
)


@defect("registry/tags/any-query-is-no-server-error", shortest=1)
def last_that_is_no_tag_fails(request: Request) -> Answer | None:
    """distribution-spec 1.1, Listing Tags: a ``last`` that is no tag is answered 500."""
    last = request.parameter("last") or "" if kind_of(request) == "tags" else ""
    return server_error_page() if re.search("[^A-Za-z0-9-]", last) else None


class BadPagesReportedInAnotherForm(_RefusalAsText):
    """distribution-spec 1.1, Error Codes: the error for an invalid query has an unknown code."""

    noticed_by = ("registry/tags/any-query-is-no-server-error",)
    code = "PAGINATION_NUMBER_INVALID"
    instead = "n, invalid"


@defect("registry/tags/are-json#in-pages")
def tag_list_typed_as_text(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Listing Image Tags: a tag list is text/plain instead of application/json."""
    if kind_of(request) == "tags" and answer.status == 200:
        answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    return answer


@defect("registry/tags/are-listed", state=set)
def absent_repository_remembered(absent: set[str], tags_of: Any, name: str) -> list[str]:
    """distribution-spec 1.1, Listing Tags: a repository requested before its first push stays 404."""
    if name not in registry_of(tags_of).repositories:
        absent.add(name)
    if name in absent:
        raise Refusal("NAME_UNKNOWN", {"name": name})
    return list(tags_of(name))


@defect("registry/tags/are-listed", "registry/tags/are-listed#under-their-name")
def tag_list_names_the_app(
    page_answer: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
) -> Answer:
    """distribution-spec 1.1, Listing Tags: ``name`` is only the last component of the repository name."""
    renamed = {key: value.rpartition("/")[2] for key, value in document.items()}
    return page_answer(request, renamed, member, names)


class LinkedPagesUnsorted(Defect):
    """Docker Registry V2, Pagination: the pages after a Link are not sorted."""

    noticed_by = ("registry/tags/are-sorted", "registry/catalog/is-sorted")

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"{original(request, query)}&linked=yes"

    def page_answer(self, original: Any, request: Request, document: Any, member: str, names: list[str]) -> Answer:
        answer: Answer = original(request, document, member, names)
        if request.parameter("linked"):
            listing = json.loads(answer.body)
            answer.body = json.dumps({**listing, member: listing[member][::-1]}).encode()
        return answer


@defect("registry/tags/bad-n-is-400#negative,word")
def bad_page_size_ignored(page_size: Any, request: Request) -> int | None:
    """Docker Registry V2, Pagination: an ``n`` that is no number is ignored."""
    try:
        size: int | None = page_size(request)
    except Refusal:
        size = None
    return size


@defect("registry/tags/bad-n-is-no-server-error#fraction,huge,negative,word")
def bad_page_size_fails(page_size: Any, request: Request) -> int | None:
    """API Reference, Error Handling: an ``n`` that is no number is answered 500."""
    try:
        return page_size(request)
    except Refusal:
        raise Refusal("UNSUPPORTED", status=500) from None


@defect("registry/tags/untagged-manifests-are-not-listed", "registry/concurrency/tag-names-one-of-the-pushed-images")
def tag_list_shows_digests(tags_of: Any, name: str) -> list[str]:
    """distribution-spec 1.1, Listing Tags: a tag list contains untagged manifests."""
    tags: list[str] = tags_of(name)
    stored = registry_of(tags_of).stored(name)
    return tags + [each.replace(":", "-") for each in stored.manifests if each not in stored.tags.values()]


@defect("registry/tags/last-may-be-absent#empty,letter")
def unknown_last_ends_the_list(names_after: Any, names: list[str], last: str | None) -> list[str]:
    """distribution-spec 1.1, Listing Tags: a ``last`` that is no tag ends the list."""
    found: list[str] = names_after(names, last)
    return found if last is None or last in names else []


@defect("registry/tags/links-reach-every-tag#one", "registry/catalog/links-leave-nothing-out")
def link_of_configured_host(listing_url: Any, request: Request, query: str) -> str:
    """RFC 8288 section 3: a Link names a configured host instead of the requested one."""
    return "http://registry.internal:5000" + str(listing_url(request, query))


@defect("registry/tags/links-reach-every-tag#hundred,seven,two")
def link_never_ends(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Pagination: the last page has a Link."""
    if request.parameter("n") and answer.status == 200 and "Link" not in answer.headers:
        answer.headers["Link"] = f'<{request.raw_path}?n={request.parameter("n")}&last=zzzz>; rel="next"'
    return answer


@defect("registry/tags/n-limits-the-list#one,three", "registry/catalog/n-limits-the-page")
def page_size_ignored(page_size: Any, request: Request) -> int | None:
    """distribution-spec 1.1, Listing Tags: ``n`` is ignored."""
    page_size(request)
    return 0 if request.parameter("n") == "0" else None


@defect("registry/tags/n-limits-the-list#more")
def large_page_reported_as_unsupported(page_size: Any, request: Request) -> int | None:
    """Docker Registry V2, Errors: an ``n`` beyond the maximum is UNSUPPORTED instead of PAGINATION_NUMBER_INVALID."""
    size: int | None = page_size(request)
    if size is not None and size > 1000:
        raise Refusal("UNSUPPORTED", {"n": size}, status=400)
    return size


@defect("registry/tags/n-zero-is-empty")
def page_of_none_fails(page_size: Any, request: Request) -> int | None:
    """distribution-spec 1.1, Listing Tags: ``n=0`` is answered 500."""
    size: int | None = page_size(request)
    if size == 0:
        raise Refusal("UNSUPPORTED", status=500)
    return size


@defect("registry/tags/n-zero-is-empty")
async def page_of_none_has_a_link(list_tags: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Listing Tags: the page of ``n=0`` has a Link."""
    answer: Answer = await list_tags(call)
    if call.request.parameter("n") == "0":
        answer.headers["Link"] = f'<{call.request.path}?n=0>; rel="next"'
    return answer


@defect("registry/tags/of-indexes-are-listed")
def index_tags_not_listed(tags_of: Any, name: str) -> list[str]:
    """Docker Registry V2, Listing Image Tags: the tags of indexes are not listed."""
    tags: list[str] = tags_of(name)
    registry = registry_of(tags_of)
    found = {tag: registry.resolve(name, tag) for tag in tags}
    return [tag for tag, named in found.items() if named is None or named.media_type != OCI_INDEX]
