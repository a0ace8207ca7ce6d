"""Paginated lists: the next page is named by a link (RFC 8288), or by the member that the target file names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any
from urllib.parse import parse_qsl, urlencode

from conformance.clients.http import address_in
from conformance.oracles.registry import next_link
from conformance.target.description import Pages, Resource
from conformance.vocabulary.exchange import Exchange


def pages_of(read: Callable[[str], Exchange], resource: Resource, base_url: str, most: int) -> Iterator[Exchange]:
    """Yield at most so many pages of a list; an address outside ``base_url`` is not followed."""
    following: str | None = resource.path
    for _ in range(most):
        if following is None:
            return
        reply = read(following)
        yield reply
        address = next_address(reply, resource) if reply.ok else None
        following = address if address and address.startswith(f"{base_url}/") else None


def next_address(reply: Exchange, resource: Resource) -> str | None:
    """Return the address of the next page, by a link or else by the declared member; None on the last page."""
    link = next_link(reply)
    if link is None and resource.pages:
        link = _named(reply, resource.path.partition("?")[2], resource.pages)
    return address_in(reply.url, link) if link else None


def states_no_next_page(reply: Exchange, resource: Resource) -> bool:
    """Return whether a page states that it is the last: the declared member is empty, and there is no link."""
    *above, name = resource.pages.member.split(".") if resource.pages else [""]
    try:
        holder = reduce(_member, above, reply.json())
    except (ValueError, RecursionError):
        return False
    return isinstance(holder, dict) and holder.get(name, reply) in (None, "", False) and next_link(reply) is None


def _named(reply: Exchange, query: str, pages: Pages) -> str | None:
    try:
        next_page = reduce(_member, pages.member.split("."), reply.json())
    except (ValueError, RecursionError):
        return None
    if isinstance(next_page, bool) or not isinstance(next_page, str | int) or next_page == "":
        return None
    if pages.parameter is None:
        return str(next_page)
    parameters = [each for each in parse_qsl(query, keep_blank_values=True) if each[0] != pages.parameter]
    return f"?{urlencode([*parameters, (pages.parameter, next_page)])}"


def _member(document: Any, name: str) -> Any:
    return document.get(name) if isinstance(document, dict) else None
