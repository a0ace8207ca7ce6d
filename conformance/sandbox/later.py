"""What is done later than it is answered (202, RFC 9110 section 15.3.3): where it will be seen that it is done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from conformance.sandbox.versions import Change
from conformance.target.description import Resource
from conformance.vocabulary.exchange import Exchange

LATER, GONE = 202, 404


def made_later(resources: Iterable[Resource], change: Change, reply: Exchange) -> tuple[str, str] | None:
    """Path of what a creation will have made, and the role that reads it; None where it is there, or none is told."""
    if reply.status != LATER:
        return None
    for resource in resources:
        places = [("full", resource.path, resource.item.path if resource.item else None)]
        if resource.foreign:
            places.append(("foreign", resource.foreign.path, resource.foreign.item))
        for role, path, item in places:
            if resource.create and item and (change.method, change.path) == (resource.create.method, path):
                name = _named(change.body, resource.unique or "slug")
                return (item.replace("{slug}", quote(name, safe="")), role) if name else None
    return None


def _named(body: bytes, member: str) -> str:
    """What a body says is the name; nothing where it says none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = document.get(member) if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""
