"""Creations that are refused as the organization has as many things as it may: no check can tell what comes then."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conformance.sandbox.versions import Change
from conformance.target.description import Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

REFUSALS = (402, 403, 409, 422)
"""API Reference, Error Handling: 403 and 409; the others are what services answer beside. 429 is waited for."""
FULL = re.compile(r"quota|(?:limit|maximum|max|too)[ _-]?(?:number|count|many)", re.IGNORECASE)


def expect_room(resources: Iterable[Resource], change: Change, reply: Exchange) -> None:
    """Inconclusive where a creation is refused in words that tell of a quota, which the request itself does not say."""
    if reply.status not in REFUSALS or FULL.search(change.body.decode("utf-8", "replace")):
        return
    found = FULL.search(reply.text)
    for resource in resources:
        places = (resource.path, resource.foreign.path if resource.foreign else None)
        if found and resource.create and change.method == resource.create.method and change.path in places:
            raise Inconclusive(
                f"no more {resource.name} can be created: {reply.status} with {found[0]!r}",
                f"an organization that may have 20 {resource.name} more than it has, for each worker of the run",
            )
