"""Defects of lists and their pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import DEFAULT_LIMIT, Call

Listing = Callable[[Request, list[dict[str, Any]]], Answer]
Bound = Callable[[Request, str, int, int, int], int]


class LastOfPageLost(Defect):
    """Lists: a page has as many entries as were asked for, where there are as many."""

    surface = "identity"

    def listing(self, original: Listing, request: Request, entries: list[dict[str, Any]]) -> Answer:
        answer = original(request, entries)
        return edited(answer, lambda document: document.update(items=document["items"][:-1]))


class PageOneTooLong(Defect):
    """Lists: a page has no more entries than its limit."""

    surface = "identity"

    def listing(self, original: Listing, request: Request, entries: list[dict[str, Any]]) -> Answer:
        def lengthen(document: dict[str, Any]) -> None:
            first, limit = document["offset"], document["limit"]
            document["items"] = entries[first : first + limit + 1]

        return edited(original(request, entries), lengthen)


class OffsetIgnored(Defect):
    """Lists: a page starts at its offset."""

    surface = "identity"

    def bound(self, original: Bound, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        number = original(request, name, default, lowest, highest)
        return 0 if name == "offset" else number


class OffsetCountsFromOne(Defect):
    """Lists: no entry is left out or shown twice between pages."""

    surface = "identity"

    def bound(self, original: Bound, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        number = original(request, name, default, lowest, highest)
        return max(number - 1, 0) if name == "offset" else number


class TotalIsOfThePage(Defect):
    """Lists: total counts every entry that the caller sees, not those of the page."""

    surface = "identity"

    def listing(self, original: Listing, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return edited(original(request, entries), lambda document: document.update(total=len(document["items"])))


class OrderChangesBetweenPages(Defect):
    """Lists: the order is the same from page to page."""

    surface = "identity"

    def __init__(self) -> None:
        self.turns = 0

    def listing(self, original: Listing, request: Request, entries: list[dict[str, Any]]) -> Answer:
        self.turns += 1
        return original(request, entries[:: -1 if self.turns % 2 == 0 else 1])


class BadBoundCrashes(Defect):
    """The contract's table of errors: 400 for an invalid parameter, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter",)

    def bound(self, original: Bound, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        int(request.parameter(name) or default)
        return original(request, name, default, lowest, highest)


class BadBoundIgnored(Defect):
    """The contract's table of errors: 400 for an invalid parameter."""

    surface = "identity"

    def bound(self, original: Bound, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        value = request.parameter(name) or ""
        return min(int(value), highest) if value.isascii() and value.isdigit() and int(value) else default


class NegativeBoundAccepted(Defect):
    """The contract's table of errors: 400 for a number out of range."""

    surface = "identity"

    def bound(self, original: Bound, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        if (request.parameter(name) or "").startswith("-"):
            return DEFAULT_LIMIT if name == "limit" else 0
        return original(request, name, default, lowest, highest)


class NewestNotListed(Defect):
    """Lists: what was created is in the list from then on."""

    surface = "identity"

    def __init__(self) -> None:
        self.hidden_for_now = ""

    async def post_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        if answer.status == 201:
            self.hidden_for_now = str(surface_of(original).body_object(call.request)["slug"])
        return answer

    def listing(self, original: Listing, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return original(request, [entry for entry in entries if entry.get("slug") != self.hidden_for_now])
