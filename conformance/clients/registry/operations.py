"""The operations on a repository, and the action that each needs (token scope documentation)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.clients.registry.client import CODED, EVERY_TYPE, Repository, StoredImage, require_stored
from conformance.clients.registry.image_kinds import docker_image
from conformance.clients.registry.images import Blob, Manifest, index, variation
from conformance.vocabulary.exchange import Exchange


@dataclass(frozen=True)
class Occasion:
    """The content for operations: a stored image, a new blob and a new tag."""

    stored: StoredImage
    blob: Blob
    tag: str

    @property
    def untagged(self) -> Manifest:
        """A new index of the stored image with the image as its subject."""
        return variation(index([self.stored.image], subject=self.stored.image.descriptor), self.tag)


NOT_OFFERED = frozenset({400, 405})
"""The statuses if deletion is disabled (OCI Distribution 1.1, "Content Management")."""


@dataclass(frozen=True)
class Operation:
    """One operation: the action that it needs, and the request.

    ``unoffered`` are statuses by which a registry states, before authentication, that it does not support it.
    """

    action: str
    request: Callable[[Repository, Occasion], Exchange]
    unoffered: frozenset[int] = frozenset()


def _put_manifest(repository: Repository, occasion: Occasion) -> Exchange:
    image = occasion.stored.image
    return repository.put_manifest(occasion.tag, image.content, image.media_type)


def _get_known_manifest(repository: Repository, occasion: Occasion) -> Exchange:
    digest = occasion.stored.image.digest
    # The registry's own ETag, which may differ from the digest.
    etag = occasion.stored.repository.get_manifest(digest).headers.get("etag")
    return repository.get_manifest(digest, [EVERY_TYPE, ("If-None-Match", etag or f'"{digest}"')])


def _get_coded_manifest(repository: Repository, occasion: Occasion) -> Exchange:
    digest, fields = occasion.stored.image.digest, [EVERY_TYPE, CODED]
    # The owner's request fills a cache in front of the registry.
    occasion.stored.repository.get_manifest(digest, fields)
    return repository.get_manifest(digest, fields)


def _get_docker_manifest(repository: Repository, occasion: Occasion) -> Exchange:
    docker = docker_image(occasion.stored.image)
    require_stored(occasion.stored.repository.push(docker))
    return repository.get_manifest(docker.digest)


def _put_manifest_by_digest(repository: Repository, occasion: Occasion) -> Exchange:
    # A new manifest: after a refusal it must not exist.
    listing = occasion.untagged
    return repository.put_manifest(listing.digest, listing.content, listing.media_type)


READS: dict[str, Operation] = {
    "tags": Operation("pull", lambda repository, occasion: repository.tags()),
    "manifest": Operation("pull", lambda repository, occasion: repository.get_manifest(occasion.stored.tag)),
    "manifest-by-digest": Operation(
        "pull", lambda repository, occasion: repository.get_manifest(occasion.stored.image.digest)
    ),
    "manifest-head": Operation("pull", lambda repository, occasion: repository.head_manifest(occasion.stored.tag)),
    "blob": Operation("pull", lambda repository, occasion: repository.get_blob(occasion.stored.image.blobs[-1].digest)),
    "blob-head": Operation(
        "pull", lambda repository, occasion: repository.head_blob(occasion.stored.image.blobs[-1].digest)
    ),
}
WRITES: dict[str, Operation] = {
    "upload": Operation("push", lambda repository, occasion: repository.post_upload()),
    "upload-at-once": Operation(
        "push", lambda repository, occasion: repository.post_upload(occasion.blob.content, digest=occasion.blob.digest)
    ),
    "mount": Operation(
        "push",
        lambda repository, occasion: repository.post_upload(
            mount=occasion.stored.image.blobs[-1].digest, from_=occasion.stored.repository.name
        ),
    ),
    "put-manifest": Operation("push", _put_manifest),
    "put-manifest-by-digest": Operation("push", _put_manifest_by_digest),
}
DELETIONS: dict[str, Operation] = {
    "delete-manifest": Operation(
        "delete", lambda repository, occasion: repository.delete_manifest(occasion.stored.image.digest), NOT_OFFERED
    ),
    "delete-tag": Operation(
        "delete", lambda repository, occasion: repository.delete_manifest(occasion.stored.tag), NOT_OFFERED
    ),
    "delete-blob": Operation(
        "delete",
        lambda repository, occasion: repository.delete_blob(occasion.stored.image.blobs[-1].digest),
        NOT_OFFERED,
    ),
}
OPERATIONS = {**READS, **WRITES, **DELETIONS}
READ_FORMS: dict[str, Operation] = {
    "manifest-head-by-digest": Operation(
        "pull", lambda repository, occasion: repository.head_manifest(occasion.stored.image.digest)
    ),
    "tags-in-pages": Operation("pull", lambda repository, occasion: repository.tags("?n=100&last=0")),
    "manifest-known": Operation("pull", _get_known_manifest),
    "manifest-coded": Operation("pull", _get_coded_manifest),
    "manifest-of-dockers-type": Operation("pull", _get_docker_manifest),
}
"""Other forms of these reads, for which an access rule may be missing."""
