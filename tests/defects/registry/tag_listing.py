"""Defects that break the promise "Tags are listed completely, in order and page by page"."""

from __future__ import annotations

import json
import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import OCI_INDEX
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.rows import row
from tests.defects.support.common import server_error_page
from tests.defects.support.registry import _ToldInText

ROWS = (
    row(
        "tags-in-reverse",
        "distribution-spec 1.1, Listing Tags: the order is ascending.",
        "registry/tags/are-sorted",
        "registry/catalog/is-sorted#name-below",
        in_order=lambda original, names: sorted(names, reverse=True),
        names_after=lambda original, names, last: [name for name in names if last is None or name < last],
    ),
    row(
        "link-missing",
        "distribution-spec 1.1, Listing Tags: where there is more, Link says where.",
        "registry/tags/links-reach-every-tag#five",
        "registry/tags/links-reach-every-tag#four",
        "registry/tags/links-reach-every-tag#three",
        rewrite=lambda request, answer: without(answer, "Link"),
    ),
    row(
        "link-without-host",
        "RFC 9110 section 4.2.1: nor does a Link without a host lead anywhere.",
        "registry/tags/links-reach-every-tag#six",
        "registry/catalog/links-leave-nothing-out",
        listing_url=lambda original, request, query: f"http://{original(request, query)}",
    ),
    row(
        "long-tags-not-listed",
        "distribution-spec 1.1, Listing Tags: a tag of 128 letters is listed, as every other is.",
        "registry/tags/moved-tag-is-listed-once",
        tags_of=lambda original, name: [tag for tag in original(name) if len(tag) < 128],
    ),
    row(
        "tag-list-gets-no-answer",
        "OCI 1.1, Listing Tags: a repository's tags are listed.",
        "registry/tags/long-list-is-complete",
        intercept=lambda request: Answer.none() if kind_of(request) == "tags" else None,
    ),
    row(
        "no-tags-are-null",
        "distribution-spec 1.1, Listing Tags: ``tags`` is a list, an empty one where there are none.",
        "registry/tags/none-are-an-empty-list",
        "registry/tags/none-are-an-empty-list#after-deletion",
        names_told=lambda original, page: page or None,
    ),
    row(
        "last-ignored",
        "distribution-spec 1.1, Listing Tags: the list begins after ``last``.",
        "registry/tags/last-reaches-every-tag",
        "registry/tags/last-starts-after-the-tag#alone",
        "registry/tags/last-starts-after-the-tag#with-n",
        names_after=lambda original, names, last: names,
        next_page=lambda original, request, size, last, rest: str(original(request, 10000, last, rest)),
    ),
)


class LastThatIsNoTagFails(Defect):
    """distribution-spec 1.1, Listing Tags: ``last`` need not be a tag; it is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/tags/any-query-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        last = request.parameter("last") or "" if kind_of(request) == "tags" else ""
        return server_error_page() if re.search("[^A-Za-z0-9-]", last) else None


class BadPagesToldInAnotherForm(_ToldInText):
    """distribution-spec 1.1, Error Codes: what was wrong with a query stands in the list that every error stands in."""

    surface = "registry"
    noticed_by = ("registry/tags/any-query-is-no-server-error",)
    code = "PAGINATION_NUMBER_INVALID"
    instead = "n, invalid"


class TagListTypedAsText(Defect):
    """Docker Registry V2, Listing Image Tags: the list is application/json, and says so."""

    surface = "registry"
    noticed_by = ("registry/tags/are-json", "registry/tags/are-json#in-pages")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "tags" and answer.status == 200:
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
        return answer


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


class TagListNamesTheApp(Defect):
    """distribution-spec 1.1, Listing Tags: ``name`` is the whole repository name."""

    surface = "registry"
    noticed_by = ("registry/tags/are-listed", "registry/tags/are-listed#under-their-name")

    def page_answer(
        self, original: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
    ) -> Answer:
        told = {key: value.rpartition("/")[2] for key, value in document.items()}
        answer: Answer = original(request, told, member, names)
        return answer


class LinkedPagesUnsorted(Defect):
    """Docker Registry V2, Pagination: what a Link leads to is of a sorted list, as the first page is."""

    surface = "registry"
    noticed_by = ("registry/tags/are-sorted", "registry/catalog/is-sorted")

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"{original(request, query)}&linked=yes"

    def page_answer(self, original: Any, request: Request, document: Any, member: str, names: list[str]) -> Answer:
        answer: Answer = original(request, document, member, names)
        if request.parameter("linked"):
            told = json.loads(answer.body)
            answer.body = json.dumps({**told, member: told[member][::-1]}).encode()
        return answer


class BadPageSizeIgnored(Defect):
    """Docker Registry V2, Pagination: an ``n`` that is no number is PAGINATION_NUMBER_INVALID."""

    surface = "registry"
    noticed_by = ("registry/tags/bad-n-is-400#negative", "registry/tags/bad-n-is-400#word")

    def page_size(self, original: Any, request: Request) -> int | None:
        try:
            size: int | None = original(request)
        except Refusal:
            size = None
        return size


class BadPageSizeFails(Defect):
    """API Reference, Error Handling: an invalid parameter is 400, not 500."""

    surface = "registry"
    noticed_by = (
        "registry/tags/bad-n-is-no-server-error#fraction",
        "registry/tags/bad-n-is-no-server-error#huge",
        "registry/tags/bad-n-is-no-server-error#negative",
        "registry/tags/bad-n-is-no-server-error#word",
    )

    def page_size(self, original: Any, request: Request) -> int | None:
        try:
            size: int | None = original(request)
        except Refusal:
            raise Refusal("UNSUPPORTED", status=500) from None
        return size


class TagListShowsDigests(Defect):
    """distribution-spec 1.1, Listing Tags: manifests without a tag are not listed."""

    surface = "registry"
    noticed_by = ("registry/tags/untagged-manifests-are-not-listed", "registry/at-once/one-tag")

    def tags_of(self, original: Any, name: str) -> list[str]:
        tags: list[str] = original(name)
        stored = registry_of(original).stored(name)
        return tags + [each.replace(":", "-") for each in stored.manifests if each not in stored.tags.values()]


class UnknownLastEndsTheList(Defect):
    """distribution-spec 1.1, Listing Tags: ``last`` need not be a tag that is there."""

    surface = "registry"
    noticed_by = ("registry/tags/last-may-be-absent#empty", "registry/tags/last-may-be-absent#letter")

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        found: list[str] = original(names, last)
        return found if last is None or last in names else []


class LinkOfConfiguredHost(Defect):
    """RFC 8288 section 3: a Link can be followed by whoever asked, under whatever Host."""

    surface = "registry"
    noticed_by = ("registry/tags/links-reach-every-tag#one", "registry/catalog/links-leave-nothing-out")

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return "http://registry.internal:5000" + str(original(request, query))


class LinkNeverEnds(Defect):
    """Docker Registry V2, Pagination: the last page has no Link; following Link comes to an end."""

    surface = "registry"
    noticed_by = (
        "registry/tags/links-reach-every-tag#hundred",
        "registry/tags/links-reach-every-tag#seven",
        "registry/tags/links-reach-every-tag#two",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.parameter("n") and answer.status == 200 and "Link" not in answer.headers:
            answer.headers["Link"] = f'<{request.raw_path}?n={request.parameter("n")}&last=zzzz>; rel="next"'
        return answer


class PageSizeIgnored(Defect):
    """distribution-spec 1.1, Listing Tags: at most ``n`` are listed."""

    surface = "registry"
    noticed_by = (
        "registry/tags/n-limits-the-list#one",
        "registry/tags/n-limits-the-list#three",
        "registry/catalog/n-limits-the-page",
    )

    def page_size(self, original: Any, request: Request) -> int | None:
        original(request)
        return 0 if request.parameter("n") == "0" else None


class LargePageToldAsUnsupported(Defect):
    """Docker Registry V2, Errors: PAGINATION_NUMBER_INVALID where n is "bigger than the maximum allowed"."""

    surface = "registry"
    noticed_by = ("registry/tags/n-limits-the-list#more",)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size is not None and size > 1000:
            raise Refusal("UNSUPPORTED", {"n": size}, status=400)
        return size


class PageOfNoneFails(Defect):
    """distribution-spec 1.1, Listing Tags: ``n=0`` is an empty list, not 500."""

    surface = "registry"
    noticed_by = ("registry/tags/n-zero-is-empty",)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size == 0:
            raise Refusal("UNSUPPORTED", status=500)
        return size


class PageOfNoneHasALink(Defect):
    """distribution-spec 1.1, Listing Tags: "When n is zero … MUST NOT include a Link header"."""

    surface = "registry"
    noticed_by = ("registry/tags/n-zero-is-empty",)

    async def list_tags(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.request.parameter("n") == "0":
            answer.headers["Link"] = f'<{asked.request.path}?n=0>; rel="next"'
        return answer


class IndexTagsNotListed(Defect):
    """Docker Registry V2, Listing Image Tags: the tags are listed, those of manifest lists among them."""

    surface = "registry"
    noticed_by = ("registry/tags/of-indexes-are-listed",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        tags: list[str] = original(name)
        registry = registry_of(original)
        found = {tag: registry.resolve(name, tag) for tag in tags}
        return [tag for tag, named in found.items() if named is None or named.media_type != OCI_INDEX]
