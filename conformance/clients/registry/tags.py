"""Tags that stay, and that keep what they name: no document promises that a tag may be pushed again, or lost unasked.

Registries in use forbid the first, and let an image go when its tags are gone. What says so openly is no finding, and
what only needs two images of one name, or an image deleted, is made otherwise.
"""

from __future__ import annotations

from conformance.clients.registry.client import Repository, require_stored
from conformance.clients.registry.images import Manifest
from conformance.vocabulary.exchange import Exchange

STAYS = "the registry lets no tag that is there be pushed again, as it may"
REFUSALS = frozenset({400, 403, 405, 409, 412, 423})
# Codes of the Docker Registry V2 API and the OCI distribution spec that say of a manifest or a name that it is wrong.
OTHER_CAUSES = ("BLOB_", "DIGEST_", "MANIFEST_", "NAME_", "SIZE_", "RANGE_", "TOOMANYREQUESTS", "UNAUTHORIZED")


def stays(reply: Exchange) -> bool:
    """Whether an answer says that the tag may not be pushed again, or keeps its image: 4xx, a code of nothing else.

    Registries in use say DENIED, UNSUPPORTED, TAG_INVALID or a code of their own.
    """
    if reply.status not in REFUSALS:
        return False
    try:
        codes = [str(each["code"]) for each in reply.json()["errors"]]
    except (ValueError, LookupError, TypeError):
        return False
    return bool(codes) and not any(code.startswith(OTHER_CAUSES) for code in codes)


def given_over(repository: Repository, manifest: Manifest, tag: str, instead: str) -> str:
    """Has a manifest pushed under a tag that names another, or under ``instead`` where tags stay: which of the two.

    Inconclusive where the registry takes it under neither.
    """
    reply = repository.push(manifest, tag)
    if stays(reply):
        repository.given(manifest, instead)
        return instead
    require_stored(reply)
    return tag


def deleted(repository: Repository, manifest: Manifest, *tags: str) -> Exchange:
    """The answer to the DELETE of a manifest by its digest: when its tags are gone, where they keep it there."""
    reply = repository.delete_manifest(manifest.digest)
    if stays(reply) and all(repository.delete_manifest(tag).ok for tag in tags):
        for tag in tags:
            repository.head_manifest(tag)  # It may go a little later than that is answered.
        return repository.delete_manifest(manifest.digest)
    return reply
