"""Sweep of the registry: repositories of runs with their tags, manifests, blobs and open uploads.

Repositories are found in the catalog, if claimed, and in ledgers. Only ledgers know upload sessions and untagged
manifests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from conformance.clients.http import HttpClient
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, Repository, Upload
from conformance.clients.registry.images import digest_of
from conformance.oracles.registry import pages_from
from conformance.sandbox.ledger import ABSENT
from conformance.sandbox.registry_cleanup import UNCLAIMED, delete_manifests, end, list_in, tags_of, texts
from conformance.sandbox.swept import Removal, Swept
from conformance.target import description
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Unreachable

DIGEST = ("sha256:", "sha512:")
UNREADABLE = 400


@dataclass
class Known:
    """What ledgers contain about one repository.

    ``uploads`` are the locations of open sessions, each with its repository. ``made``: by the operator's hook.
    """

    manifests: dict[str, None] = field(default_factory=dict)
    blobs: dict[str, None] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    made: bool = False

    def add(self, entry: dict[str, Any]) -> None:
        """Add one ledger line."""
        kind, digest, location = entry["kind"], entry.get("digest", ""), entry.get("location", "")
        if kind in ("manifest", "blob") and digest.startswith(DIGEST):
            (self.manifests if kind == "manifest" else self.blobs)[digest] = None
        elif kind == "upload":
            self.uploads.pop(entry.get("was", ""), None)
            self.uploads[location] = entry.get("under", entry["repository"])
        elif kind == "closed":
            self.uploads.pop(location, None)
        elif kind == "made":
            self.made = True


def sweep_registry(
    http: HttpClient, target: Target, removal: Removal, entries: Iterable[dict[str, Any]]
) -> Iterator[Swept]:
    """Clear the repositories of runs, also those made with the other organization's login."""
    if target.registry is None:
        return
    registry, operator = Registry.enter(http, target.registry), Operator(target.hooks, http.recorder)
    known: dict[str, Known] = {}
    for entry in entries:
        if "repository" in entry:
            known.setdefault(entry["repository"], Known()).add(entry)
    for name in _named(registry, known, "registry.catalog" in target.features):
        owner = _owner(registry, target.registry, name, removal)
        if owner is not None:
            found = known.get(name, Known())
            yield from _RepositorySweep(owner.repository(name), found, target.features, removal).all()
            if found.made and operator.has("remove_repository"):
                yield _removed(operator, name, removal)


def _named(registry: Registry, known: Iterable[str], listed: bool) -> Iterator[str]:
    """Yield the known names, then those of the catalog: reading it may fail."""
    yield from known
    if listed:
        yield from sorted({*_catalogued(registry)} - {*known})


def _owner(registry: Registry, described: description.Registry, name: str, removal: Removal) -> Registry | None:
    """Return the registry with the login that made a repository; None if no selected run did."""
    for base, role in ((described.repository, "pusher"), (described.foreign_repository, "foreign")):
        if base is not None and name.startswith(f"{base}-") and removal.ours(name.removeprefix(f"{base}-")):
            return registry.as_role(role) if role in described.credentials else registry
    return None


def _removed(operator: Operator, name: str, removal: Removal) -> Swept:
    """Remove a repository that the operator's hook made."""
    refused = list[str]()
    if not removal.dry:
        try:
            operator.remove_repository(name)
        except Inconclusive as failure:
            refused.append(failure.why)
    return removal.done(f"repository {name}", refused)


def _catalogued(registry: Registry) -> list[str]:
    first = registry.catalog("?n=500")
    if not first.ok:
        return []
    return [name for page in pages_from(first, registry.follow_catalog) for name in texts(page, "repositories")]


@dataclass
class _RepositorySweep:
    """The sweep of one repository."""

    repository: Repository
    known: Known
    features: list[str]
    removal: Removal

    def all(self) -> Iterator[Swept]:
        """Remove everything that is found, and yield the results."""
        yield from self._uploads()
        manifests, blobs = dict(self.known.manifests), dict(self.known.blobs)
        tags = tags_of(self.repository)
        for reference in [*tags, *manifests]:
            self._collect(reference, manifests, blobs)
        yield from self._content("manifest", manifests)
        yield from self._content("blob", blobs)
        if not self.removal.dry:
            yield from self._stubborn_tags(tags)

    def _uploads(self) -> Iterator[Swept]:
        ended, unreached = 0, set[str]()
        for location, name in self.known.uploads.items():
            upload = Upload(self.repository.named(name), location)
            if self.removal.dry:
                with suppress(NonConformance, Unreachable):
                    ended += upload.status().ok
            elif leftover := end(upload, unreached):
                yield Swept(leftover[0], "stays", leftover[1])
            else:
                ended += not upload.open
        if ended:
            yield self.removal.done(f"{ended} upload sessions in {self.repository.name}", [])

    def _collect(self, reference: str, manifests: dict[str, None], blobs: dict[str, None]) -> None:
        """Add a manifest, and what it refers to, to the content to remove."""
        reply = self.repository.get_manifest(reference)
        document = reply.members()
        if not reply.ok or not document:
            return
        manifests[digest_of(reply.body)] = None
        config = document.get("config")
        for each in [config, *list_in(document, "layers")]:
            if isinstance(each, dict) and isinstance(each.get("digest"), str):
                blobs[each["digest"]] = None
        for each in list_in(document, "manifests"):
            child = each.get("digest") if isinstance(each, dict) else None
            if isinstance(child, str) and child.startswith(DIGEST) and child not in manifests:
                manifests[child] = None
                self._collect(child, manifests, blobs)

    def _content(self, kind: str, digests: Iterable[str]) -> Iterator[Swept]:
        deletes = "registry.delete" in self.features
        found, refused = 0, []
        for path, reply in self._answers(kind, digests, deletes and not self.removal.dry).items():
            if self._is_gone(reply, path):
                continue
            found += 1
            if not deletes and reply.ok:
                refused.append(UNCLAIMED)
            elif not reply.ok:
                refused.append(f"{path}: {reply.method} is answered {reply.status}")
        if found:
            yield self.removal.done(f"{found} {kind}s in {self.repository.name}", refused)

    def _answers(self, kind: str, digests: Iterable[str], deletes: bool) -> dict[str, Exchange]:
        if deletes and kind == "manifest":
            return delete_manifests(self.repository, digests)
        method, paths = "DELETE" if deletes else "HEAD", [f"{kind}s/{digest}" for digest in digests]
        return {path: self.repository.send(method, path) for path in paths}

    def _is_gone(self, reply: Exchange, path: str) -> bool:
        """Return whether content is gone; a registry may refuse to look for the malformed digests that checks push."""
        unreadable = reply.status == UNREADABLE
        gone = reply.status in ABSENT
        return gone or (unreadable and self.repository.send("HEAD", path).status in {*ABSENT, UNREADABLE})

    def _stubborn_tags(self, tags: list[str]) -> Iterator[Swept]:
        """Delete tags that remain after their manifests."""
        for tag in tags_of(self.repository) if tags else []:
            reply = self.repository.delete_manifest(tag)
            if not reply.ok and reply.status not in ABSENT:
                yield Swept(f"tag {self.repository.name}:{tag}", "stays", f"DELETE is answered {reply.status}")
