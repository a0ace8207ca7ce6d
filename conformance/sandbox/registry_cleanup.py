"""How a repository is cleared: of what may be kept for something else, when that is gone."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from conformance.clients.http import authority_of
from conformance.clients.registry.client import Repository, Upload
from conformance.oracles.registry import pages_from
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Unreachable

GONE = 404
UNCLAIMED = "the target does not claim registry.delete"


def clear(repository: Repository, deletes: bool) -> list[tuple[str, str]]:
    """Delete what was pushed, as far as the registry can, and return what stays and why."""
    inventory, unreached = repository.inventory, set[str]()
    opened = [upload.by(repository.registry) for upload in inventory.uploads if upload.open]
    left = [each for upload in opened if (each := end(upload, unreached))]
    if not deletes:
        stays = inventory.manifests or inventory.blobs
        return left + ([(f"repository {repository.name}", UNCLAIMED)] if stays else [])
    replies = delete_manifests(repository, reversed(inventory.manifests))
    replies |= {f"blobs/{digest}": repository.send("DELETE", f"blobs/{digest}") for digest in inventory.blobs if digest}
    return left + [(f"{repository.name} {path}", str(replies[path])) for path in _kept(replies)]


def end(upload: Upload, unreached: set[str]) -> tuple[str, str] | None:
    """Ends a session; what stays and why, where it may still be there.

    It may be said to be on a host that there is not, which keeps nothing else from being removed: such a host is noted
    in ``unreached``, and asked no more.
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
    """The last answer to the DELETE of each manifest, by its path in the repository.

    A registry may keep what a tag or an index names: what is refused is asked for again when the tags are gone, and as
    long as others go.
    """
    replies = _deleted(repository, [f"manifests/{digest}" for digest in digests])
    refused = _kept(replies)
    if refused:
        for tag in tags_of(repository):
            if not repository.delete_manifest(tag).ok:
                break
        repository.tags()  # Which is answered when they are gone.
    fewer = bool(refused)
    while fewer:
        again = _deleted(repository, refused)
        replies |= again
        fewer = 0 < len(_kept(again)) < len(refused)
        refused = _kept(again)
    return replies


def list_in(document: dict[str, Any], member: str) -> list[Any]:
    """The list under a member; an empty one where there is none."""
    found = document.get(member)
    return found if isinstance(found, list) else []


def texts(reply: Exchange, member: str) -> list[str]:
    """The strings of a list in a response; none of a refusal."""
    return [each for each in list_in(reply.members(), member) if isinstance(each, str)] if reply.ok else []


def tags_of(repository: Repository) -> list[str]:
    """The tags that a repository lists; none where it lists them without end."""
    with suppress(NonConformance):
        return [tag for page in pages_from(repository.tags(), repository.follow) for tag in texts(page, "tags")]
    return []


def _deleted(repository: Repository, paths: Iterable[str]) -> dict[str, Exchange]:
    return {path: repository.send("DELETE", path) for path in paths}


def _kept(replies: dict[str, Exchange]) -> list[str]:
    return [path for path, reply in replies.items() if not _gone(reply)]


def _gone(reply: Exchange) -> bool:
    return reply.ok or reply.status == GONE
