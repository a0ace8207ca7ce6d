"""Tag list and catalogue, in pages (distribution-spec 1.1, "Listing Tags"; Docker Registry V2, "Catalog")."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import AccessControl
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call

DIGITS_OF_N = 18


class Listings(AccessControl):
    """Lists names in order, page by page."""

    async def list_tags(self, call: Call) -> Answer:
        """Return the tags of a repository; NAME_UNKNOWN if it does not exist."""
        tags = self.in_order(self.tags_of(call.name))
        return self.page_answer(call.request, {"name": call.name}, "tags", tags)

    def tags_of(self, name: str) -> list[str]:
        if name not in self.repositories:
            raise Refusal("NAME_UNKNOWN", {"name": name})
        return list(self.stored(name).tags)

    async def list_repositories(self, call: Call) -> Answer:
        names = self.in_order([name for name in self.repositories if self.may_see(call.caller, name)])
        return self.page_answer(call.request, {}, "repositories", names)

    def in_order(self, names: list[str]) -> list[str]:
        return sorted(names, key=self.order)

    def order(self, name: str) -> tuple[str, str]:
        """Return the sort key: the bytes, since every name is ASCII."""
        return name, ""

    def page_answer(self, request: Request, document: dict[str, Any], member: str, names: list[str]) -> Answer:
        """Return a page, with a Link to the next one, if any."""
        size = self.page_size(request)
        rest = self.names_after(names, request.parameter("last"))
        page = rest if size is None else rest[:size]
        answer = Answer.json(200, {**document, member: self.reported_names(page)})
        if page and len(page) < len(rest):
            answer.headers["Link"] = f'<{self.next_page(request, len(page), page[-1], rest)}>; rel="next"'
        return answer

    def reported_names(self, page: list[str]) -> list[str] | None:
        return page

    def page_size(self, request: Request) -> int | None:
        """Return ``n``, None without it; PAGINATION_NUMBER_INVALID if it is not a number."""
        text = request.parameter("n")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_OF_N):
            raise Refusal("PAGINATION_NUMBER_INVALID", {"n": text})
        return int(text)

    def names_after(self, names: list[str], last: str | None) -> list[str]:
        """Return the names after ``last``, which need not be one of them."""
        return names if last is None else [name for name in names if self.order(name) > self.order(last)]

    def next_page(self, request: Request, size: int, last: str, rest: list[str]) -> str:
        """Return the relative reference of the next page (RFC 8288 section 3)."""
        return self.listing_url(request, urlencode({"n": size, "last": last}))

    def listing_url(self, request: Request, query: str) -> str:
        return f"{request.raw_path}?{query}"
