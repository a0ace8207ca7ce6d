"""Creations that are refused because of a quota: a check that needs the new item is inconclusive."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conformance.sandbox.versions import Change
from conformance.target.description import Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

REFUSALS = (402, 403, 409, 422)
"""API Reference, Error Handling: 403 and 409; services also use the others. A 429 is waited for."""
FULL = re.compile(r"quota|(?:limit|maximum|max|too)[ _-]?(?:number|count|many)", re.IGNORECASE)


def expect_room(resources: Iterable[Resource], change: Change, reply: Exchange) -> None:
    """Raise Inconclusive if the refusal of a creation mentions a quota, and the request itself does not."""
    if reply.status not in REFUSALS or FULL.search(change.body.decode("utf-8", "replace")):
        return
    found = FULL.search(reply.text)
    for resource in resources:
        paths = (resource.path, resource.foreign.path if resource.foreign else None)
        if found and resource.create and change.method == resource.create.method and change.path in paths:
            raise Inconclusive(
                f"no more {resource.name} can be created: {reply.status} with {found[0]!r}",
                f"an organization that may have 20 {resource.name} more than it has, for each worker of the run",
            )
