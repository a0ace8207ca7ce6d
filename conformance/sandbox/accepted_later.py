"""Changes that take effect after a 202 response (RFC 9110 section 15.3.3), and where their effect shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from conformance.oracles.documents import member, shows, shows_member, texts
from conformance.sandbox.templates import named_in
from conformance.sandbox.versions import Change
from conformance.target.description import Resource
from conformance.vocabulary.documents import parsed_json
from conformance.vocabulary.exchange import Exchange

LATER, GONE = 202, 404
Members = dict[str, Any]


def made_later(resources: Iterable[Resource], change: Change, reply: Exchange) -> tuple[str, str] | None:
    """Return the path of the resource that a 202 announces and the role that reads it; None without either."""
    if reply.status != LATER:
        return None
    for resource in resources:
        candidates = [("full", resource.path, resource.item.path if resource.item else None)]
        if resource.foreign:
            candidates.append(("foreign", resource.foreign.path, resource.foreign.item))
        for role, path, item in candidates:
            if resource.create and item and (change.method, change.path) == (resource.create.method, path):
                name = _named(change.body, resource.unique or "slug")
                return (item.replace("{slug}", quote(name, safe="")), role) if name else None
    return None


def changed_later(resources: Iterable[Resource], change: Change, reply: Exchange) -> tuple[str, Members] | None:
    """Return the role that reads an updated item, and the members that the update sets; None unless it returns 202.

    Only members of declared bodies count, without the version: the update changes it.
    """
    if reply.status != LATER or change.method not in ("PUT", "PATCH"):
        return None
    for resource in resources:
        own = resource.item.path if resource.item else None
        for role, item in (("full", own), ("foreign", resource.foreign.item if resource.foreign else None)):
            if named_in(change.path, item):
                document, declared = _document(change.body), _declared(resource)
                written = document if isinstance(document, dict) else {}
                return role, {name: value for name, value in written.items() if name in declared}
    return None


def _declared(resource: Resource) -> set[str]:
    """Return the members that the target file declares in bodies of a resource, without its version."""
    bodies = [resource.create and resource.create.body, resource.update and resource.update.body]
    named = {name for each in [*bodies, resource.item and resource.item.hidden_body] for name in each or {}}
    return (named | {resource.unique or "slug"}) - {resource.update.concurrency if resource.update else None}


def is_as_written(reply: Exchange, written: Members) -> bool:
    """Return whether an item shows what an update wrote, or is gone."""
    return reply.status == GONE or all(_shows_written(reply, name, value) for name, value in written.items())


def _shows_written(reply: Exchange, name: str, value: Any) -> bool:
    if shows_member(reply, name):
        return bool(member(reply, name) == value)
    return all(shows(reply, text) for text in texts(value))


def _named(body: bytes, member: str) -> str:
    document = _document(body)
    name = document.get(member) if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""


def _document(body: bytes) -> Any:
    try:
        return parsed_json(body)
    except ValueError:
        return None
