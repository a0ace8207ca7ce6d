"""A request in the form of another client library: the specifications treat both forms alike."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.clients.oauth.client import bearer
from conformance.sandbox.platform import HeaderFields, Operation, Platform
from conformance.vocabulary.exchange import Exchange

PATH, ACCEPT, TYPE, LENGTH = "a letter of the path encoded", "a blank in Accept", "a charset", "Content-Length: 0"
"""RFC 9110 sections 4.2.3, 5.6.1, 8.3.2 and 8.6."""


def equivalent_forms_of(operation: Operation) -> list[str]:
    """Return the equivalent forms that an operation has."""
    has_item = operation.kind not in ("read", "create")
    bodiless = operation.document is None
    forms = {PATH: has_item, ACCEPT: True, TYPE: not bodiless, LENGTH: bodiless and operation.method == "DELETE"}
    return [form for form, applies in forms.items() if applies]


def sent_in_equivalent_form(
    platform: Platform, operation: Operation, headers: HeaderFields = (), forms: Iterable[str] | None = None
) -> Exchange:
    """Send an operation as the owner in these forms (default: all), and note for removal what it creates."""
    chosen = {*equivalent_forms_of(operation)} if forms is None else {*forms}
    path = _encoded(operation.path, platform.slug_of(operation)) if PATH in chosen else operation.path
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


def _encoded(path: str, slug: str | None) -> str:
    """Encode the last letter of the item's name: a reproduction script recognizes the name by the rest."""
    return path.replace(f"/{slug}", f"/{slug[:-1]}%{ord(slug[-1]):02X}") if slug else path
