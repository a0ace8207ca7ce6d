"""Defects that break the promise "The catalog lists repositories completely, in order and page by page"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.support.registry import edited_document, kind_of, registry_of
from tests.defects.rows import row
from tests.defects.support.registry import unsupported_error

BEYOND_MEMORY = 10**9
OF_OTHERS = 2

ROWS = (
    row(
        "catalog-gets-no-answer",
        "Docker Registry V2, Listing Repositories: 200 with the repositories.",
        "registry/catalog/n-limits-the-page",
        intercept=lambda request: Answer.none() if kind_of(request) == "catalog" else None,
    ),
)


class BadPageOfTheCatalogIgnored(Defect):
    """Docker Registry V2, Errors: PAGINATION_NUMBER_INVALID where n is none, of the catalog as well."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-400#negative", "registry/catalog/bad-n-is-400#word")

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            whole = Asked(replace(asked.request, query_string=""), asked.name, asked.reference, asked.caller)
            answer = await original(whole)
        return answer


class LargePageFails(Defect):
    """API Reference, Error Handling: no memory is made ready for as many names as are asked for (CVE-2023-2253)."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-no-server-error#large", "registry/tags/bad-n-is-no-server-error#large")
    shipped = True
    crashes = (MemoryError,)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size is not None and size > BEYOND_MEMORY:
            raise MemoryError
        return size


class BadPageOfTheCatalogFails(Defect):
    """API Reference, Error Handling: an invalid parameter of the catalog is the caller's fault."""

    surface = "registry"
    noticed_by = (
        "registry/catalog/bad-n-is-no-server-error#negative",
        "registry/catalog/bad-n-is-no-server-error#word",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return Answer(500) if kind_of(request) == "catalog" and answer.status == 400 else answer


class CatalogOfNoneFails(Defect):
    """API Reference, Error Handling: to ask for no repositories is odd, and no reason for a 5xx."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-no-server-error#nought",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("n") == "0":
            raise unsupported_error()
        answer: Answer = await original(asked)
        return answer


class CatalogLosesTheLast(Defect):
    """Docker Registry V2, Listing Repositories: every repository of the caller's is listed."""

    surface = "registry"
    noticed_by = ("registry/catalog/lists-what-was-pushed",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "catalog" and answer.status == 200:
            return edited_document(
                answer,
                lambda document: document.update(
                    repositories=[name for name in document["repositories"] if not name.endswith("-stored")][:-1]
                ),
            )
        return answer


class CatalogTypedAsText(Defect):
    """Docker Registry V2, Listing Repositories: the catalog is application/json, and says so."""

    surface = "registry"
    noticed_by = ("registry/catalog/is-json",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = "text/plain"
        return answer


class CatalogKnowsNoLast(Defect):
    """Docker Registry V2, Catalog Fetch Paginated: what comes behind ``last``, where no n is told as well."""

    surface = "registry"
    noticed_by = ("registry/catalog/last-continues-after-the-name",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("n") is None:
            asked = Asked(replace(asked.request, query_string=""), asked.name, asked.reference, asked.caller)
        answer: Answer = await original(asked)
        return answer


class CatalogBeginsAnewBehindNoName(Defect):
    """Docker Registry V2, Catalog: what comes after ``last`` is listed, though no repository has that name any more."""

    surface = "registry"
    noticed_by = ("registry/catalog/last-need-not-exist",)

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        return list(original(names, None if last and "/" in last and last not in names else last))


class CatalogEndsBehindNoName(Defect):
    """Docker Registry V2, Catalog: what comes after ``last`` is listed, though no repository has that name any more."""

    surface = "registry"
    noticed_by = ("registry/catalog/last-need-not-exist",)

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        if last is not None and "/" in last and last not in names:
            return []
        return list(original(names, last))


class CatalogCountsWhatItLeavesOut(Defect):
    """Docker Registry V2, Pagination: no Link says that all was received, though a page be of others' (europa #45)."""

    surface = "registry"
    noticed_by = ("registry/catalog/links-leave-nothing-out",)
    shipped = True

    def page_answer(
        self, original: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
    ) -> Answer:
        size = registry_of(original).page_size(request)
        if member == "repositories" and size is not None and size <= OF_OTHERS and not request.parameter("last"):
            return Answer.json(200, {member: []})
        answer: Answer = original(request, document, member, names)
        return answer


class CatalogGoesOnBehindTheFirst(Defect):
    """Docker Registry V2, Pagination: the Link goes on behind a page's last name, and not behind its first."""

    surface = "registry"
    noticed_by = ("registry/catalog/links-leave-nothing-out",)

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        reference: str = original(request, size, rest[0] if kind_of(request) == "catalog" else last, rest)
        return reference
