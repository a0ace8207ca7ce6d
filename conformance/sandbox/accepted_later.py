"""What is done later than it is answered (202, RFC 9110 section 15.3.3): where it will be seen that it is done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from conformance.oracles.documents import member, shows, shows_member, texts
from conformance.sandbox.templates import named_in
from conformance.sandbox.versions import Change
from conformance.target.description import Resource
from conformance.vocabulary.exchange import Exchange

LATER, GONE = 202, 404
Members = dict[str, Any]


def made_later(resources: Iterable[Resource], change: Change, reply: Exchange) -> tuple[str, str] | None:
    """Path of what a creation will have made, and the role that reads it; None if it is there, or without a name."""
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


def changed_later(resources: Iterable[Resource], change: Change, reply: Exchange) -> tuple[str, Members] | None:
    """Role that reads what an update will have changed, and the members that it sets; None where it is done.

    The version that it builds on is not what the thing has by then, and what no declared body has may be passed over.
    """
    if reply.status != LATER or change.method not in ("PUT", "PATCH"):
        return None
    for resource in resources:
        own = resource.item.path if resource.item else None
        for role, item in (("full", own), ("foreign", resource.foreign.item if resource.foreign else None)):
            if named_in(change.path, item):
                document, telling = _document(change.body), _declared(resource)
                written = document if isinstance(document, dict) else {}
                return role, {name: value for name, value in written.items() if name in telling}
    return None


def _declared(resource: Resource) -> set[str]:
    """The members that the target file has in bodies of a resource, its version aside."""
    bodies = [resource.create and resource.create.body, resource.update and resource.update.body]
    named = {name for each in [*bodies, resource.item and resource.item.hidden_body] for name in each or {}}
    return (named | {resource.unique or "slug"}) - {resource.update.concurrency if resource.update else None}


def is_as_written(reply: Exchange, written: Members) -> bool:
    """Whether a thing shows what an update wrote, or is gone."""
    return reply.status == GONE or all(_shows_written(reply, name, value) for name, value in written.items())


def _shows_written(reply: Exchange, name: str, value: Any) -> bool:
    if shows_member(reply, name):
        return bool(member(reply, name) == value)
    return all(shows(reply, text) for text in texts(value))


def _named(body: bytes, member: str) -> str:
    """What a body says is the name; nothing where it says none."""
    document = _document(body)
    name = document.get(member) if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""


def _document(body: bytes) -> Any:
    """The JSON document of a body; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
