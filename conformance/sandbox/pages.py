"""Lists that come in pages: what their links of the relation next lead to (RFC 8288)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.clients.http import address_in
from conformance.oracles.registry import next_link
from conformance.vocabulary.exchange import Exchange


def pages_of(read: Callable[[str], Exchange], path: str, base_url: str, most: int) -> Iterator[Exchange]:
    """A list and the pages behind it, at most so many; a link that leads away from ``base_url`` is not followed."""
    following: str | None = path
    for _ in range(most):
        if following is None:
            return
        reply = read(following)
        yield reply
        link = next_link(reply) if reply.ok else None
        address = address_in(reply.url, link) if link else None
        following = address if address and address.startswith(f"{base_url}/") else None
