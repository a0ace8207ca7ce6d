"""A request in the form of another client library: the specifications treat both forms alike."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.clients.oauth.client import bearer
from conformance.sandbox.platform import HeaderFields, Operation, Platform
from conformance.vocabulary.exchange import Exchange

PATH, ACCEPT, TYPE, LENGTH = "a letter of the path encoded", "a blank in Accept", "a charset", "Content-Length: 0"
"""RFC 9110 sections 4.2.3, 5.6.1, 8.3.2 and 8.6."""


def equivalent_forms_of(operation: Operation) -> list[str]:
    """In which other words an operation can be said."""
    named = operation.kind not in ("read", "create")
    bare = operation.document is None
    has = {PATH: named, ACCEPT: True, TYPE: not bare, LENGTH: bare and operation.method == "DELETE"}
    return [word for word, can in has.items() if can]


def sent_in_equivalent_form(
    platform: Platform, operation: Operation, headers: HeaderFields = (), words: Iterable[str] | None = None
) -> Exchange:
    """An operation of the owner's in these words, or in all that it has; what it makes is noted for removal."""
    chosen = {*equivalent_forms_of(operation)} if words is None else {*words}
    path = _spelt(operation.path, platform.slug_of(operation)) if PATH in chosen else operation.path
    fields: list[tuple[str, str | bytes]] = [bearer(platform.oauth.token("full")), *headers]
    if ACCEPT in chosen:
        fields.append(("Accept", "application/json , */*;q=0.1"))
    if operation.document is not None:
        fields.append(("Content-Type", operation.content_type + ("; charset=utf-8" if TYPE in chosen else "")))
    if LENGTH in chosen:
        fields.append(("Content-Length", "0"))
    reply = platform.request(operation.method, path, fields, operation.body)
    platform.note_created(operation, reply)
    return reply


def _spelt(path: str, slug: str | None) -> str:
    """A path with the last letter of the item's name encoded, where it has one: by the rest a script knows the name."""
    return path.replace(f"/{slug}", f"/{slug[:-1]}%{ord(slug[-1]):02X}") if slug else path
