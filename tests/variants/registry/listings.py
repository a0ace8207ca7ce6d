"""Variants of listings."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.registry.errors import Refusal
from conformance.reference.support.registry import registry_of

LARGEST_PAGE = 1000


@variant()
def link_absolute(listing_url: Any, request: Request, query: str) -> str:
    """RFC 8288 section 3.1: the target of a Link may be an absolute URL."""
    return request.base_url + str(listing_url(request, query))


@variant()
def tags_sorted_without_case(order: Any, name: str) -> tuple[str, str]:
    """distribution-spec 1.1, Listing Tags: lexical order may be case-insensitive."""
    return name.lower(), name


@variant()
def link_loses_the_page_size(next_page: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
    """Docker Registry V2, Pagination: n may change in the Link, or be omitted."""
    return registry_of(next_page).listing_url(request, urlencode({"last": last}))


@variant()
def large_pages_refused(page_size: Any, request: Request) -> int | None:
    """Docker Registry V2, Errors: PAGINATION_NUMBER_INVALID also where n is "bigger than the maximum allowed"."""
    size: int | None = page_size(request)
    if size is not None and size > LARGEST_PAGE:
        raise Refusal("PAGINATION_NUMBER_INVALID", {"n": size})
    return size


@variant()
def link_to_an_empty_page(page_answer: Any, request: Request, document: Any, member: str, names: list[str]) -> Answer:
    """RFC 8288: a Link may lead to an empty page if the previous one was full."""
    answer: Answer = page_answer(request, document, member, names)
    registry, page = registry_of(page_answer), json.loads(answer.body)[member]
    if page and len(page) == registry.page_size(request):
        answer.headers["Link"] = f'<{registry.next_page(request, len(page), page[-1], page)}>; rel="next"'
    return answer


class AddressesInCapitals(Variant):
    """RFC 3986 section 6.2.2.1: scheme and host may be written in capitals."""

    def url(self, original: Any, request: Request, path: str) -> str:
        return f"{request.base_url.upper()}{path}"

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"{request.base_url.upper()}{original(request, query)}"


class LinkWithAToken(Variant):
    """RFC 8288: a Link's target is opaque; its relation may be unquoted and one of several."""

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        query = urlencode({"next_page": last.encode().hex(), "n": size})
        return str(registry_of(original).listing_url(request, query))

    def page_answer(self, original: Any, request: Request, document: Any, member: str, names: list[str]) -> Answer:
        if token := request.parameter("next_page"):
            names = registry_of(original).names_after(names, bytes.fromhex(token).decode())
        answer: Answer = original(request, document, member, names)
        if link := answer.headers.get("link"):
            link_value = link.replace('rel="next"', 'title="more, and more"; rel=next')
            answer.headers["Link"] = f'<{request.raw_path}>; rel="self first"; title="not; rel=next", {link_value}'
        return answer


@variant()
def no_tags_no_repository(tags_of: Any, name: str) -> list[str]:
    """distribution-spec 1.1, Listing Tags: a repository without tags may be reported as missing."""
    tags: list[str] = tags_of(name)
    if not tags:
        raise Refusal("NAME_UNKNOWN", {"name": name})
    return tags


@variant()
def lists_report_more(page_answer: Any, request: Request, document: dict[str, Any], member: str, names: Any) -> Answer:
    """RFC 8259 section 4: a list may have further members."""
    further: dict[str, Any] = {
        "child": [],
        "manifest": {"sha256:": {"tag": ["none"], "imageSizeBytes": "0"}},
        "next_page": None,
    }
    return page_answer(request, {**further, **document}, member, names)
