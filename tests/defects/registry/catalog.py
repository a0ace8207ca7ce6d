"""Defects that break the promise "The catalog lists repositories completely, in order and page by page"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.support.registry import edited_document, kind_of, registry_of
from tests.defects.support.registry import unsupported_error

BEYOND_MEMORY = 10**9
OF_OTHERS = 2

ROWS = (
    row(
        "catalog-gets-no-answer",
        "Docker Registry V2, Listing Repositories: the catalog gets no response.",
        "registry/catalog/n-limits-the-page",
        intercept=lambda request: Answer.none() if kind_of(request) == "catalog" else None,
    ),
)


@defect("registry/catalog/bad-n-is-400#negative,word")
async def bad_page_of_the_catalog_ignored(list_repositories: Any, call: Call) -> Answer:
    """Docker Registry V2, Errors: an invalid n of the catalog is ignored instead of PAGINATION_NUMBER_INVALID."""
    try:
        answer: Answer = await list_repositories(call)
    except Refusal:
        whole = Call(replace(call.request, query_string=""), call.name, call.reference, call.caller)
        answer = await list_repositories(whole)
    return answer


@defect(
    "registry/catalog/bad-n-is-no-server-error#large",
    "registry/tags/bad-n-is-no-server-error#large",
    shipped=True,
    crashes=(MemoryError,),
)
def large_page_fails(page_size: Any, request: Request) -> int | None:
    """API Reference, Error Handling: a huge n is answered 500, since memory is allocated for it (CVE-2023-2253)."""
    size: int | None = page_size(request)
    if size is not None and size > BEYOND_MEMORY:
        raise MemoryError
    return size


@defect("registry/catalog/bad-n-is-no-server-error#negative,word")
def bad_page_of_the_catalog_fails(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: an invalid parameter of the catalog is answered 500."""
    return Answer(500) if kind_of(request) == "catalog" and answer.status == 400 else answer


@defect("registry/catalog/bad-n-is-no-server-error#nought")
async def catalog_of_none_fails(list_repositories: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the catalog with ``n=0`` is answered 500."""
    if call.request.parameter("n") == "0":
        raise unsupported_error()
    return await list_repositories(call)


@defect("registry/catalog/pushed-repository-is-listed")
def catalog_loses_the_last(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Listing Repositories: the catalog lacks the last repository."""
    if kind_of(request) == "catalog" and answer.status == 200:
        return edited_document(
            answer,
            lambda document: document.update(
                repositories=[name for name in document["repositories"] if not name.endswith("-stored")][:-1]
            ),
        )
    return answer


@defect("registry/catalog/is-json")
async def catalog_typed_as_text(list_repositories: Any, call: Call) -> Answer:
    """Docker Registry V2, Listing Repositories: the catalog is text/plain instead of application/json."""
    answer: Answer = await list_repositories(call)
    answer.headers["Content-Type"] = "text/plain"
    return answer


@defect("registry/catalog/last-continues-after-the-name")
async def catalog_knows_no_last(list_repositories: Any, call: Call) -> Answer:
    """Docker Registry V2, Catalog Fetch Paginated: ``last`` is ignored if the request has no ``n``."""
    if call.request.parameter("n") is None:
        call = Call(replace(call.request, query_string=""), call.name, call.reference, call.caller)
    return await list_repositories(call)


@defect("registry/catalog/last-need-not-exist")
def catalog_ends_after_no_name(names_after: Any, names: list[str], last: str | None) -> list[str]:
    """Docker Registry V2, Catalog: the catalog ends after a ``last`` that is no repository."""
    if last is not None and "/" in last and last not in names:
        return []
    return list(names_after(names, last))


@defect("registry/catalog/links-leave-nothing-out", shipped=True)
def catalog_counts_what_it_leaves_out(
    page_answer: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
) -> Answer:
    """Docker Registry V2, Pagination: a page of hidden repositories has no Link, so the list ends (europa #45)."""
    size = registry_of(page_answer).page_size(request)
    if member == "repositories" and size is not None and size <= OF_OTHERS and not request.parameter("last"):
        return Answer.json(200, {member: []})
    return page_answer(request, document, member, names)


@defect("registry/catalog/links-leave-nothing-out")
def catalog_goes_on_after_the_first(next_page: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
    """Docker Registry V2, Pagination: the Link continues after the first remaining name, which is skipped."""
    return next_page(request, size, rest[0] if kind_of(request) == "catalog" else last, rest)
