"""Support for registries with immutable tags, and with images that their tags protect from deletion.

No document promises that a tag may be pushed again. An open refusal is no finding, and checks that only need a
retagged or deleted image prepare it differently.
"""

from __future__ import annotations

from conformance.clients.registry.client import Repository, require_stored
from conformance.clients.registry.images import Manifest
from conformance.vocabulary.exchange import Exchange

IMMUTABLE = "the registry lets no tag that is there be pushed again, as it may"
REFUSALS = frozenset({400, 403, 405, 409, 412, 423})
# Prefixes of error codes for a wrong manifest or name (Docker Registry V2, OCI distribution spec).
OTHER_CAUSES = ("BLOB_", "DIGEST_", "MANIFEST_", "NAME_", "SIZE_", "RANGE_", "TOOMANYREQUESTS", "UNAUTHORIZED")


def is_immutable(reply: Exchange) -> bool:
    """Return whether a response states that a tag is immutable or protects its image: 4xx without another cause.

    Registries use DENIED, UNSUPPORTED, TAG_INVALID or their own codes.
    """
    if reply.status not in REFUSALS:
        return False
    try:
        codes = [str(each["code"]) for each in reply.json()["errors"]]
    except (ValueError, LookupError, TypeError):
        return False
    return bool(codes) and not any(code.startswith(OTHER_CAUSES) for code in codes)


def retag(repository: Repository, manifest: Manifest, tag: str, instead: str) -> str:
    """Push a manifest under an existing tag, or under ``instead`` if tags are immutable; return the tag used.

    Inconclusive if the registry refuses both.
    """
    reply = repository.push(manifest, tag)
    if is_immutable(reply):
        repository.given(manifest, instead)
        return instead
    require_stored(reply)
    return tag


def deleted(repository: Repository, manifest: Manifest, *tags: str) -> Exchange:
    """Delete a manifest by digest, after its tags if they protect it; return the response."""
    reply = repository.delete_manifest(manifest.digest)
    if is_immutable(reply) and all(repository.delete_manifest(tag).ok for tag in tags):
        for tag in tags:
            repository.head_manifest(tag)  # Waits for an accepted deletion.
        return repository.delete_manifest(manifest.digest)
    return reply
