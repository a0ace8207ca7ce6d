"""Clearing of a repository: manifests that others refer to are deleted after those."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from conformance.clients.http import authority_of
from conformance.clients.registry.client import Repository, Upload
from conformance.oracles.registry import pages_from
from conformance.sandbox.ledger import ABSENT
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Unreachable

UNCLAIMED = "the target does not claim registry.delete"


def clear(repository: Repository, deletes: bool) -> list[tuple[str, str]]:
    """Delete what was pushed, as far as the registry can, and return the leftovers, each with its reason."""
    inventory, unreached = repository.inventory, set[str]()
    opened = [upload.by(repository.registry) for upload in inventory.uploads if upload.open]
    leftovers = [each for upload in opened if (each := end(upload, unreached))]
    if not deletes:
        pushed = inventory.manifests or inventory.blobs
        return leftovers + ([(f"repository {repository.name}", UNCLAIMED)] if pushed else [])
    replies = delete_manifests(repository, reversed(inventory.manifests))
    replies |= {f"blobs/{digest}": repository.send("DELETE", f"blobs/{digest}") for digest in inventory.blobs if digest}
    return leftovers + [(f"{repository.name} {path}", str(replies[path])) for path in _refused(replies)]


def end(upload: Upload, unreached: set[str]) -> tuple[str, str] | None:
    """End an upload session; return the leftover and the reason if it may still exist.

    Its location may name a host that cannot be reached. ``unreached`` notes such hosts, which are not tried again.
    """
    host, own = authority_of(upload.location), authority_of(upload.repository.registry.http.base_url)
    where = f"upload session of {upload.repository.name}"
    try:
        return upload.end() if host not in unreached else (where, f"{host} cannot be reached")
    except NonConformance as failure:
        return where, str(failure)
    except Unreachable as failure:
        if host == own:
            raise
        unreached.add(host)
        return where, str(failure)


def delete_manifests(repository: Repository, digests: Iterable[str]) -> dict[str, Exchange]:
    """Delete manifests; return the last response for each, by its path in the repository.

    A registry may refuse to delete what a tag or an index names: refused deletions are repeated after the tags are
    deleted, and as long as the number of refusals falls.
    """
    replies = _deleted(repository, [f"manifests/{digest}" for digest in digests])
    refused = _refused(replies)
    if refused:
        for tag in tags_of(repository):
            if not repository.delete_manifest(tag).ok:
                break
        repository.tags()  # The response comes after the tags are deleted.
    falling = bool(refused)
    while falling:
        retries = _deleted(repository, refused)
        replies |= retries
        falling = 0 < len(_refused(retries)) < len(refused)
        refused = _refused(retries)
    return replies


def list_in(document: dict[str, Any], member: str) -> list[Any]:
    """Return the list under a member; an empty one if there is none."""
    found = document.get(member)
    return found if isinstance(found, list) else []


def texts(reply: Exchange, member: str) -> list[str]:
    """Return the strings of a list in a response; none if it is an error."""
    return [each for each in list_in(reply.members(), member) if isinstance(each, str)] if reply.ok else []


def tags_of(repository: Repository) -> list[str]:
    """Return the tags that a repository lists; none if the list never ends."""
    with suppress(NonConformance):
        return [tag for page in pages_from(repository.tags(), repository.follow) for tag in texts(page, "tags")]
    return []


def _deleted(repository: Repository, paths: Iterable[str]) -> dict[str, Exchange]:
    return {path: repository.send("DELETE", path) for path in paths}


def _refused(replies: dict[str, Exchange]) -> list[str]:
    return [path for path, reply in replies.items() if not (reply.ok or reply.status in ABSENT)]
