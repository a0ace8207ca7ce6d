"""A repository against a model of it: any sequence of operations leaves both in the same state.

A failure is reported as the shortest sequence of requests that shows it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from conformance.clients.registry.client import NewRepository, Repository
from conformance.clients.registry.images import Blob, Manifest, image, layer, manifest_of, random_bytes
from conformance.clients.registry.tags import is_immutable
from conformance.clients.registry.uploads import CANCELS_NONE, least_chunk
from conformance.models.repository import RepositoryModel
from conformance.oracles.registry import expect_bytes, expect_complete, expect_not_stored, expect_range, pages_from
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.strategies.properties import Machine, initialize, rule, run_machine
from conformance.vocabulary.check import verifies

STEPS, SHARE = 12, 0.8
SHARED = layer("model shared")[0]
LARGE = Blob(random_bytes("model upload", 90))
ONE = image("model one")
# Two images that share a layer: what happens to one must not happen to the other.
TWO = manifest_of(ONE.blobs[0], [ONE.blobs[1], SHARED])
IMAGES = [ONE, TWO]
BLOBS = [*{blob.digest: blob for each in IMAGES for blob in each.blobs}.values(), LARGE]
TAGS = ["v1", "latest"]
images, blobs, tags = st.sampled_from(IMAGES), st.sampled_from(BLOBS), st.sampled_from(TAGS)
PUSHES = st.tuples(images, tags)
# Mostly there is something to begin with, and a tag that named another image before.
PUSHED = st.lists(PUSHES, max_size=3) | st.lists(PUSHES, min_size=2, max_size=4)


class RepositoryMachine(Machine):
    """Applies the same operations to a repository and to its model; each rule is one operation."""

    new_repository: NewRepository
    features: frozenset[str]
    upload: Any  # an Upload or none: the rules that use it are not asked for without one

    @initialize(pushed=PUSHED)
    def begin(self, pushed: list[tuple[Manifest, str]]) -> None:
        """Begin with a repository that only this sequence pushes to."""
        self.repository: Repository = self.new_repository("model")
        self.model = RepositoryModel()
        self.upload = None
        self.taken = self.least = 0
        for image_tag in pushed:
            self.push_image(*image_tag)

    @rule(blob=blobs)
    def push_blob(self, blob: Blob) -> None:
        """Push a blob in one PUT."""
        expect_success(self.repository.open_upload().put(blob.digest, blob.content))
        self.model.put_blob(blob.digest)

    @rule(pushed=images, tag=tags)
    def push_image(self, pushed: Manifest, tag: str | None) -> None:
        """Push an image as clients do: the blobs that are missing, then the manifest."""
        for blob in pushed.blobs:
            if not self.model.certainly_has(blob.digest):
                self.push_blob(blob)
        self.push_manifest(pushed, tag)

    @precondition(lambda self: not self.upload)
    @rule()
    def begin_upload(self) -> None:
        """Open an upload session."""
        opened = self.repository.post_upload()
        self.upload, self.taken, self.least = self.repository.upload_of(opened), 0, least_chunk(opened)

    @precondition(lambda self: self.upload and self.taken < len(LARGE.content))
    @rule(size=st.integers(1, 60))
    def send_chunk(self, size: int) -> None:
        """Send the next chunk of the large blob."""
        chunk = LARGE.content[self.taken : self.taken + max(size, self.least)]
        expect_success(self.upload.patch(chunk, f"{self.taken}-{self.taken + len(chunk) - 1}"))
        self.taken += len(chunk)

    @precondition(lambda self: self.upload and self.taken > 1)
    @rule()
    def ask_for_status(self) -> None:
        """Read how many bytes a session has received; one byte and none look alike."""
        reply = self.upload.status()
        expect_success(reply)
        expect_range(reply, self.taken - 1)

    @precondition(lambda self: self.upload)
    @rule(wrong=st.booleans())
    def close_upload(self, wrong: bool) -> None:
        """Close the session with the remaining bytes, under the blob's digest or another one."""
        digest = ONE.digest if wrong else LARGE.digest
        reply = self.upload.put(digest, LARGE.content[self.taken :])
        if wrong:
            expect_refused(reply, "for a digest that is not the content's")
            self.upload.cancel()
        else:
            expect_success(reply)
            self.model.put_blob(LARGE.digest)
        self.upload = None

    @precondition(lambda self: self.upload)
    @rule()
    def cancel_upload(self) -> None:
        """Cancel a session, which a registry may not offer."""
        reply = self.upload.cancel()
        expect_status(reply, {200, 202, 204, *CANCELS_NONE})
        self.upload = None if reply.ok else self.upload

    @rule(pushed=images, tag=tags | st.none())
    def push_manifest(self, pushed: Manifest, tag: str | None) -> None:
        """PUT a manifest by tag or digest; refused if its blobs are missing and the target validates references."""
        lacks = self.model.lacks(pushed)
        if lacks is None or (lacks and "registry.validation" not in self.features):
            return
        reply = self.repository.put_manifest(tag or pushed.digest, pushed.content, pushed.media_type)
        if lacks:
            expect_refused(reply, "for a manifest whose blobs are not there")
        elif not (tag in self.model.tags and is_immutable(reply)):
            expect_success(reply)
            self.model.put(pushed, tag)

    @rule(tag=tags)
    def read_tag(self, tag: str) -> None:
        """GET and HEAD a tag."""
        named = self.model.named(tag)
        if named is None:
            expect_not_stored([self.repository.get_manifest(tag), self.repository.head_manifest(tag)])
        else:
            expect_bytes(self.repository.get_manifest(tag), named.content)
            expect_status(self.repository.head_manifest(tag), 200)

    @rule(read=images, blob=blobs)
    def read_by_digest(self, read: Manifest, blob: Blob) -> None:
        """GET a manifest and a blob by digest."""
        reply = self.repository.get_manifest(read.digest)
        if read.digest not in self.model.manifests:
            expect_not_stored([reply])
        elif self.model.certain(read.digest):
            expect_bytes(reply, read.content)
        reply = self.repository.get_blob(blob.digest)
        if self.model.certainly_has(blob.digest):
            expect_bytes(reply, blob.content)
        elif blob.digest not in self.model.blobs:
            expect_not_stored([reply])

    @rule(size=st.sampled_from([0, 1, 2, 100]))
    def list_tags(self, size: int) -> None:
        """List the tags, in pages or not; a repository without tags may be unknown."""
        reply = self.repository.tags(f"?n={size}" if size else "")
        if not self.model.tags and reply.status == 404:
            return
        expect_complete(pages_from(reply, self.repository.follow), "tags", self.model.tags)

    @rule(tag=tags)
    def delete_tag(self, tag: str) -> None:
        """Delete only a tag."""
        if "registry.delete-tag" in self.features:
            reply = self.repository.delete_manifest(quote(tag))
            expect_status(reply, 202 if self.model.delete_tag(tag) else 404)

    @precondition(lambda self: "registry.delete" in self.features)
    @rule(tag=tags, pushed_again=st.booleans())
    def delete_named(self, tag: str, pushed_again: bool) -> None:
        """Delete the manifest that a tag names by digest."""
        if named := self.model.named(tag):
            self.delete_manifest(named, pushed_again)

    @precondition(lambda self: "registry.delete" in self.features)
    @rule(deleted=images, pushed_again=st.booleans())
    def delete_manifest(self, deleted: Manifest, pushed_again: bool) -> None:
        """Delete a manifest by digest; it may be pushed again by digest immediately."""
        if not self.model.certain(deleted.digest):
            return
        reply = self.repository.delete_manifest(deleted.digest)
        if deleted.digest not in self.model.manifests:
            expect_status(reply, 404)
            return
        missing = [tag for tag, named in self.model.tags.items() if named == deleted.digest]
        if missing and is_immutable(reply):
            return
        expect_status(reply, 202)
        self.model.delete_manifest(deleted.digest)
        if pushed_again:
            self.push_image(deleted, None)
        for tag in missing:
            self.read_tag(tag)

    @rule(blob=blobs)
    def delete_blob(self, blob: Blob) -> None:
        """Delete a blob that no manifest refers to."""
        if "registry.delete" not in self.features or self.model.in_use(blob.digest):
            return
        reply = self.repository.delete_blob(blob.digest)
        if reply.status in (400, 405):  # A registry may delete manifests and no blobs.
            return
        expect_status(reply, self.model.deletion_statuses(blob.digest))
        self.model.delete_blob(blob.digest)


@verifies("registry/model/repository-matches-the-model")
def test_repository_is_as_its_model(new_repository: NewRepository, features: frozenset[str]) -> None:
    """Purpose: a repository stores exactly what clients pushed, whatever operations come in whatever order.
    Method: 1. send a sequence of pushes (whole, in chunks, closed wrongly, cancelled), reads, lists and deletions
            2. compare each response with a model; on a difference, find the shortest sequence that shows it
    """
    attributes = {"new_repository": staticmethod(new_repository), "features": features}
    run_machine(type("RepositoryMachine", (RepositoryMachine,), attributes), SHARE, STEPS)
