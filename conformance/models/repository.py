"""What a registry repository is: blobs, manifests and tags, and what each operation does to them.

Where the contract leaves more than one thing open (whether a manifest that lost its tag stays, or a blob that lost
its last manifest) the model is ``uncertain``, and the check does not look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from conformance.clients.registry.images import Manifest


@dataclass
class Taken:
    """What a repository took, as bytes by tag: for pushes of what may be no manifest, under what may be no tag."""

    tags: dict[str, bytes] = field(default_factory=dict)
    first: dict[str, bytes] = field(default_factory=dict)

    def put(self, tag: str, content: bytes) -> None:
        """A PUT that was answered with success; the tag as it stands in a path."""
        self.tags[unquote(tag)] = content

    def begin(self, tag: str, content: bytes) -> None:
        """What a tag names before anything is tried."""
        self.first[tag] = content
        self.put(tag, content)

    def named(self, tag: str) -> bytes | None:
        """What a tag names; None where nothing was taken under it."""
        return self.tags.get(unquote(tag))

    def first_named(self, tag: str) -> bytes | None:
        """What a tag named before anything was tried; None where it named nothing."""
        return self.first.get(unquote(tag))


@dataclass
class RepositoryModel:
    """Digests of the blobs that are there, manifests by digest, digests by tag."""

    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uncertain: set[str] = field(default_factory=set)

    def put_blob(self, digest: str) -> None:
        """A blob was pushed."""
        self.blobs.add(digest)
        self.uncertain.discard(digest)

    def surely_has(self, digest: str) -> bool:
        """Whether a blob is there, beyond doubt: one that no manifest refers to any more may have been collected."""
        return digest in self.blobs and digest not in self.uncertain

    def deleting(self, digest: str) -> set[int]:
        """What the deletion of a blob is answered."""
        if digest not in self.blobs:
            return {404}
        return {202, 404} if digest in self.uncertain else {202}

    def delete_blob(self, digest: str) -> None:
        """A blob was deleted."""
        self.blobs.discard(digest)
        self.uncertain.discard(digest)

    def lacks(self, image: Manifest) -> bool | None:
        """Whether a blob of the image is not there; None where that is uncertain."""
        if any(blob.digest not in self.blobs for blob in image.blobs):
            return True
        return None if any(blob.digest in self.uncertain for blob in image.blobs) else False

    def put(self, image: Manifest, tag: str | None) -> None:
        """PUT of a manifest, by tag or by its digest."""
        self.manifests[image.digest] = image
        self.uncertain.discard(image.digest)
        if tag is not None and self.tags.get(tag) != image.digest:
            self._loses_tag(tag)
            self.tags[tag] = image.digest

    def named(self, tag: str) -> Manifest | None:
        """What a tag names."""
        return self.manifests.get(self.tags.get(tag, ""))

    def delete_tag(self, tag: str) -> bool:
        """DELETE of a tag; False where there is none."""
        if tag not in self.tags:
            return False
        self._loses_tag(tag)
        del self.tags[tag]
        return True

    def delete_manifest(self, digest: str) -> None:
        """DELETE of a manifest by digest, with every tag of it."""
        deleted = self.manifests.pop(digest)
        self.uncertain.discard(digest)
        self._leaves(deleted)
        self.tags = {tag: named for tag, named in self.tags.items() if named != digest}

    def certain(self, digest: str) -> bool:
        """Whether the contract says if a manifest is there."""
        return digest not in self.uncertain

    def in_use(self, digest: str) -> bool:
        """Whether a manifest refers to a blob: deleting it then is the registry's choice."""
        return any(blob.digest == digest for image in self.manifests.values() for blob in image.blobs)

    def _loses_tag(self, tag: str) -> None:
        """A registry may collect a manifest that no tag names any more."""
        digest = self.tags.get(tag)
        if digest is not None and list(self.tags.values()).count(digest) == 1:
            self.uncertain.add(digest)
            self._leaves(self.manifests[digest])

    def _leaves(self, image: Manifest) -> None:
        """An image is gone, or may be: the blobs that no other surely refers to may have been collected."""
        needed = {blob.digest for each in self.manifests.values() if self.certain(each.digest) for blob in each.blobs}
        self.uncertain |= {blob.digest for blob in image.blobs} & self.blobs - needed
