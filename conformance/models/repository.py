"""A model of a registry repository: blobs, manifests and tags, and the effect of each operation.

The contract does not say whether an untagged manifest, or a blob without a manifest, remains. The model marks them as
``uncertain``, and checks do not judge them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from conformance.clients.registry.images import Manifest


@dataclass
class AcceptedPushes:
    """Accepted pushes as bytes by tag, for contents and tags that may be invalid."""

    tags: dict[str, bytes] = field(default_factory=dict)

    def put(self, tag: str, content: bytes) -> None:
        """Add a successful PUT; the tag is percent-encoded."""
        self.tags[unquote(tag)] = content

    def named(self, tag: str) -> bytes | None:
        """Return the content of a tag; None without one."""
        return self.tags.get(unquote(tag))


@dataclass
class RepositoryModel:
    """Digests of blobs, manifests by digest, digests by tag."""

    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uncertain: set[str] = field(default_factory=set)

    def put_blob(self, digest: str) -> None:
        """Push a blob."""
        self.blobs.add(digest)
        self.uncertain.discard(digest)

    def certainly_has(self, digest: str) -> bool:
        """Return whether a blob certainly exists: an unreferenced one may have been garbage-collected."""
        return digest in self.blobs and digest not in self.uncertain

    def deletion_statuses(self, digest: str) -> set[int]:
        """Return the permitted statuses of a blob's deletion."""
        if digest not in self.blobs:
            return {404}
        return {202, 404} if digest in self.uncertain else {202}

    def delete_blob(self, digest: str) -> None:
        """Delete a blob."""
        self.blobs.discard(digest)
        self.uncertain.discard(digest)

    def lacks(self, image: Manifest) -> bool | None:
        """Return whether a blob of the image is missing; None if that is uncertain."""
        if any(blob.digest not in self.blobs for blob in image.blobs):
            return True
        return None if any(blob.digest in self.uncertain for blob in image.blobs) else False

    def put(self, image: Manifest, tag: str | None) -> None:
        """PUT a manifest, by tag or by its digest."""
        self.manifests[image.digest] = image
        self.uncertain.discard(image.digest)
        if tag is not None and self.tags.get(tag) != image.digest:
            self._loses_tag(tag)
            self.tags[tag] = image.digest

    def named(self, tag: str) -> Manifest | None:
        """Return the manifest of a tag."""
        return self.manifests.get(self.tags.get(tag, ""))

    def delete_tag(self, tag: str) -> bool:
        """Delete a tag; return whether it existed."""
        if tag not in self.tags:
            return False
        self._loses_tag(tag)
        del self.tags[tag]
        return True

    def delete_manifest(self, digest: str) -> None:
        """Delete a manifest by digest, with all its tags."""
        deleted = self.manifests.pop(digest)
        self.uncertain.discard(digest)
        self._leaves(deleted)
        self.tags = {tag: named for tag, named in self.tags.items() if named != digest}

    def certain(self, digest: str) -> bool:
        """Return whether the contract determines if a manifest exists."""
        return digest not in self.uncertain

    def in_use(self, digest: str) -> bool:
        """Return whether a manifest refers to a blob, whose deletion a registry may then refuse."""
        return any(blob.digest == digest for image in self.manifests.values() for blob in image.blobs)

    def _loses_tag(self, tag: str) -> None:
        """Mark a manifest that loses its last tag as uncertain."""
        digest = self.tags.get(tag)
        if digest is not None and list(self.tags.values()).count(digest) == 1:
            self.uncertain.add(digest)
            self._leaves(self.manifests[digest])

    def _leaves(self, image: Manifest) -> None:
        """Mark the blobs of a removed image as uncertain, unless another certain manifest refers to them."""
        needed = {blob.digest for each in self.manifests.values() if self.certain(each.digest) for blob in each.blobs}
        self.uncertain |= {blob.digest for blob in image.blobs} & self.blobs - needed
