"""Sweeps the identity surface: items of declared resources that runs created, and what they changed of credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import OAuthClient, bearer
from conformance.clients.programs.operator_hooks import Operator
from conformance.sandbox.ledger import Ledger
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
    """Items of ours, by the lists of the resources and by the ledgers; what was changed of credentials, by these."""
    if target.identity is None:
        return
    entries = list(entries)
    yield from _changed_back(target, Operator(target.hooks, http.recorder), removal, entries)
    platform = Platform(target, OAuthClient(target.identity, http), http, Names("", ""), Ledger())
    noted = [(each["resource"], each.get("role", "full"), each["slug"]) for each in entries if each["kind"] == "item"]
    for resource in target.identity.resources:
        if not (resource.create and resource.item and resource.delete):
            continue
        for role, there in _places(platform, resource):
            slugs = [slug for name, by, slug in noted if (name, by) == (resource.name, role)]
            for slug in dict.fromkeys([*_listed(platform, role, there), *slugs]):
                if removal.ours(slug):
                    yield from _removed(platform, role, there, slug, removal)


def _places(platform: Platform, resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Where runs make items of a resource, and who may remove them there: also in the organization of the foreign."""
    yield "full", resource
    if (there := elsewhere(resource)) and platform.oauth.has("foreign"):
        yield "foreign", there


def _changed_back(
    target: Target, operator: Operator, removal: Removal, entries: Iterable[dict[str, Any]]
) -> Iterator[Swept]:
    """Credentials that the operator's commands had changed for a run, which ended before it had that undone."""
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
    """Every text in the answers of a list under the name that an item is created by."""
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
    """The texts that stand under one name, however deep."""
    if isinstance(document, list):
        return [value for each in document for value in _values(each, member)]
    if not isinstance(document, dict):
        return []
    own = [document[member]] if isinstance(document.get(member), str) else []
    return own + [value for each in document.values() for value in _values(each, member)]


def _removed(platform: Platform, role: str, resource: Resource, slug: str, removal: Removal) -> Iterator[Swept]:
    kind = "read-item" if removal.dry else "delete"
    reply = platform.as_role(role, platform.operation(resource, kind, slug), reader=role)
    if reply.status != 404:
        what = f"{resource.name} {slug}" + (" (foreign)" if role == "foreign" else "")
        yield removal.done(what, [] if reply.ok else [f"{kind} is answered {reply.status}"])
