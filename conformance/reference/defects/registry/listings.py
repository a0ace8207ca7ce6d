"""Defects of tag list, catalogue and referrers."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest


class TagsInReverse(Defect):
    """distribution-spec 1.1, Listing Tags: the order is ascending."""

    surface = "registry"
    noticed_by = ("registry/tags/are-sorted", "registry/catalog/is-sorted#name-below")

    def in_order(self, original: Any, names: list[str]) -> list[str]:
        return sorted(names, reverse=True)

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        return [name for name in names if last is None or name < last]


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


class LastIgnored(Defect):
    """distribution-spec 1.1, Listing Tags: the list begins after ``last``."""

    surface = "registry"
    noticed_by = (
        "registry/tags/pages-by-last-lead-to-the-end",
        "registry/tags/last-goes-on-behind#alone",
        "registry/tags/last-goes-on-behind#with-n",
    )

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        return names

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        return str(original(request, 10_000, last, rest))


class UnknownLastEndsTheList(Defect):
    """distribution-spec 1.1, Listing Tags: ``last`` need not be a tag that is there."""

    surface = "registry"
    noticed_by = ("registry/tags/last-need-not-be-there#empty", "registry/tags/last-need-not-be-there#letter")

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        found: list[str] = original(names, last)
        return found if last is None or last in names else []


class LinkMissing(Defect):
    """distribution-spec 1.1, Listing Tags: where there is more, Link says where."""

    surface = "registry"
    noticed_by = (
        "registry/tags/links-lead-to-the-end#five",
        "registry/tags/links-lead-to-the-end#four",
        "registry/tags/links-lead-to-the-end#three",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Link")


class LinkNeverEnds(Defect):
    """Docker Registry V2, Pagination: the last page has no Link; following Link comes to an end."""

    surface = "registry"
    noticed_by = (
        "registry/tags/links-lead-to-the-end#hundred",
        "registry/tags/links-lead-to-the-end#seven",
        "registry/tags/links-lead-to-the-end#two",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.parameter("n") and answer.status == 200 and "Link" not in answer.headers:
            answer.headers["Link"] = f'<{request.raw_path}?n={request.parameter("n")}&last=zzzz>; rel="next"'
        return answer


class PageOfNoneFails(Defect):
    """distribution-spec 1.1, Listing Tags: ``n=0`` is an empty list, not 500."""

    surface = "registry"
    noticed_by = ("registry/tags/n-nought-is-empty",)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size == 0:
            raise Refusal("UNSUPPORTED", status=500)
        return size


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


class UnknownRepositoryListsNoTags(Defect):
    """distribution-spec 1.1, Listing Tags: a repository that is not there is 404 NAME_UNKNOWN."""

    surface = "registry"
    noticed_by = (
        "registry/pull/absent-repository-is-404#tags",
        "registry/pull/absent-repository-is-404#tags-asked-again",
        "registry/pull/absent-repository-is-404#tags-behind-a-refusal",
    )

    def tags_of(self, original: Any, name: str) -> list[str]:
        return list(registry_of(original).stored(name).tags)


class NoTagsAreNull(Defect):
    """distribution-spec 1.1, Listing Tags: ``tags`` is a list, an empty one where there are none."""

    surface = "registry"
    noticed_by = ("registry/tags/none-are-an-empty-list", "registry/tags/none-are-an-empty-list#after-deletion")

    def names_told(self, original: Any, page: list[str]) -> list[str] | None:
        return page or None


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


class TagListShowsDigests(Defect):
    """distribution-spec 1.1, Listing Tags: manifests without a tag are not listed."""

    surface = "registry"
    noticed_by = ("registry/tags/digests-are-no-tags", "registry/at-once/one-tag")

    def tags_of(self, original: Any, name: str) -> list[str]:
        tags: list[str] = original(name)
        stored = registry_of(original).stored(name)
        return tags + [each.replace(":", "-") for each in stored.manifests if each not in stored.tags.values()]


class CatalogShowsOtherOrganizations(Defect):
    """API Reference, Error Handling: what another organization has is hidden, in the catalogue, too."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    def may_see(self, original: Any, caller: Any, name: str) -> bool:
        return True


class FilterNotTold(Defect):
    """distribution-spec 1.1, Listing Referrers: an applied filter is told by OCI-Filters-Applied."""

    surface = "registry"
    noticed_by = ("registry/referrers/applied-filter-is-named",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        return without(await original(asked), "OCI-Filters-Applied")


class ReferrersWithoutArtifactType(Defect):
    """distribution-spec 1.1, Listing Referrers: artifactType is the config's media type where it is not set."""

    surface = "registry"
    noticed_by = ("registry/referrers/say-their-type#of-the-config",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        entry = dict(original(manifest))
        if not manifest.document.get("artifactType"):
            entry.pop("artifactType", None)
        return entry


class ReferrersOfEveryRepository(Defect):
    """distribution-spec 1.1, Listing Referrers: those of this repository are listed."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-this-repository-only",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [entry for each in registry_of(original).repositories for entry in original(each, digest)]


class ReferrersTypedAsJson(Defect):
    """distribution-spec 1.1, Listing Referrers: Content-Type is that of an image index."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-an-index", "registry/referrers/are-an-index#of-one-type")

    def referrers_answer(self, original: Any, descriptors: list[dict[str, Any]]) -> Answer:
        answer: Answer = original(descriptors)
        answer.headers["Content-Type"] = "application/json"
        return answer


class ReferrersOfMalformedDigest(Defect):
    """distribution-spec 1.1, Listing Referrers: a malformed digest is 400."""

    surface = "registry"
    noticed_by = (
        "registry/referrers/malformed-digest-is-400#short",
        "registry/referrers/malformed-digest-is-400#tag",
        "registry/referrers/malformed-digest-is-400#word",
    )

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            answer = registry_of(original).referrers_answer([])
        return answer
