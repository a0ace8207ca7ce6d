"""Sweep of the identity surface: items that runs created, and changes to credentials that they did not undo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import OAuthClient, bearer
from conformance.clients.programs.operator_hooks import Operator
from conformance.sandbox.ledger import ABSENT, Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.other_tenant import elsewhere
from conformance.sandbox.pages import pages_of
from conformance.sandbox.platform import Platform
from conformance.sandbox.swept import Removal, Swept
from conformance.target.description import Resource, Target
from conformance.vocabulary.finding import Inconclusive, NotApplicable

MOST_PAGES = 100


def sweep_identity(
    http: HttpClient, target: Target, removal: Removal, entries: Iterable[dict[str, Any]]
) -> Iterator[Swept]:
    """Undo changes to credentials, by the ledgers; remove items, by the resources' lists and the ledgers."""
    if target.identity is None:
        return
    entries = list(entries)
    yield from _changes_undone(target, Operator(target.hooks, http.recorder), removal, entries)
    platform = Platform(target, OAuthClient(target.identity, http), http, Names("", ""), Ledger())
    noted = [(each["resource"], each.get("role", "full"), each["slug"]) for each in entries if each["kind"] == "item"]
    for resource in target.identity.resources:
        if not (resource.create and resource.item and resource.delete):
            continue
        for role, located in _places(platform, resource):
            slugs = [slug for name, by, slug in noted if (name, by) == (resource.name, role)]
            for slug in dict.fromkeys([*_listed(platform, role, located), *slugs]):
                if removal.ours(slug):
                    yield from _removed(platform, role, located, slug, removal)


def _places(platform: Platform, resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Yield the roles that make items of a resource, each with the resource in its organization."""
    yield "full", resource
    if (located := elsewhere(resource)) and platform.oauth.has("foreign"):
        yield "foreign", located


def _changes_undone(
    target: Target, operator: Operator, removal: Removal, entries: Iterable[dict[str, Any]]
) -> Iterator[Swept]:
    """Undo changes to credentials that a killed run made by the operator's hooks."""
    undo = {"restore": operator.restore, "demote": operator.demote}
    names = target.credential_names()
    for entry in entries:
        if entry["kind"] != "changed" or entry["role"] not in names or not removal.ours(entry["by"]):
            continue
        reasons = []
        try:
            if not removal.dry:
                undo[entry["undo"]](names[entry["role"]])
        except (Inconclusive, NotApplicable) as failure:
            reasons = [str(failure)]
        yield removal.done(f"change of the credential {entry['role']} by {entry['by']} ({entry['undo']})", reasons)


def _listed(platform: Platform, role: str, resource: Resource) -> list[str]:
    """Return the names of all listed items: the texts of the member that names an item."""
    headers = [bearer(platform.oauth.token(role))]
    found: list[str] = []
    read = partial(platform.http.send, resource.method, headers=headers)
    for reply in pages_of(read, resource, platform.http.base_url, MOST_PAGES):
        if not reply.ok:
            raise Inconclusive(f"the list of {resource.name} returns {reply.status} to the role {role}")
        try:
            found += _values(reply.json(), resource.unique or "slug")
        except (ValueError, RecursionError):
            raise Inconclusive(f"the list of {resource.name} is not JSON") from None
    return found


def _values(document: Any, member: str) -> list[str]:
    """Return the texts of a member at any depth."""
    if isinstance(document, list):
        return [value for each in document for value in _values(each, member)]
    if not isinstance(document, dict):
        return []
    own = [document[member]] if isinstance(document.get(member), str) else []
    return own + [value for each in document.values() for value in _values(each, member)]


def _removed(platform: Platform, role: str, resource: Resource, slug: str, removal: Removal) -> Iterator[Swept]:
    kind = "read-item" if removal.dry else "delete"
    reply = platform.as_role(role, platform.operation(resource, kind, slug), reader=role)
    if reply.status not in ABSENT:
        label = f"{resource.name} {slug}" + (" (foreign)" if role == "foreign" else "")
        yield removal.done(label, [] if reply.ok else [f"{kind} is answered {reply.status}"])
