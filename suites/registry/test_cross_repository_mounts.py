"""Mounting a blob from another repository (OCI Distribution Specification 1.1, "Mounting a blob")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import Blob, NewBlob, digest_of, manifest_of, variation
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import field_says_no, literal
from conformance.oracles.registry import (
    expect_bytes,
    expect_bytes_at,
    expect_content_length,
    expect_location,
    expect_not_mounted,
    expect_not_stored,
    expect_true_digest,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotOffered

AN_UPLOAD = "the registry answered the mount with an upload, as it may"


def expect_upload(repository: Repository, reply: Exchange, content: bytes) -> None:
    """The answer opened an upload session, and the session takes the blob."""
    expect_location(reply)
    expect_success(repository.upload_of(reply).put(digest_of(content), content), "to the upload that was opened")
    expect_bytes(repository.get_blob(digest_of(content)), content)


@dataclass(frozen=True)
class AbsentBlobMount:
    """A blob that was never pushed, the responses to a mount of it and to GET afterwards."""

    blob: Blob
    reply: Exchange
    there: Exchange


@pytest.fixture
def mounted(repository: Repository, stored: StoredImage, once: Once) -> tuple[Exchange, Blob]:
    """The response to a mount of the stored image's config, and the config."""
    config = stored.image.blobs[0]
    mount = lambda: repository.post_upload(mount=config.digest, from_=stored.repository.name)  # noqa: E731
    return once("mounted", mount), config


@verifies("registry/mount/blob-or-upload")
def test_mount(repository: Repository, stored: StoredImage, mounted: tuple[Exchange, Blob]) -> None:
    """Purpose: a blob that is in one repository need not be pushed to another.

    Method: 1. push a blob to one repository, mount it into another
            2. expect 201 and exactly its bytes there; or 202 and an upload session that takes the blob
            3. expect exactly its bytes where it was pushed
    """
    reply, blob = mounted
    expect_success(reply)
    if reply.status != 201:
        expect_upload(repository, reply, blob.content)
    else:
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    expect_bytes(stored.repository.get_blob(blob.digest), blob.content)


@verifies("registry/mount/blob-or-upload")
@pytest.mark.parametrize("ending", [case("new-repository", "mounted")])
def test_mount_into_a_new_repository(new_repository: NewRepository, stored: StoredImage, ending: str) -> None:
    """Purpose: the first that a repository has may come by a mount, as where an image stands on another's layers.

    Method: 1. mount a blob into a repository that nothing was pushed to
            2. expect 201 and exactly its bytes there; or 202 and an upload session that takes the blob
    """
    repository, blob = new_repository(ending), stored.image.blobs[-1]
    reply = repository.post_upload(mount=blob.digest, from_=stored.repository.name)

    expect_success(reply)
    if reply.status != 201:
        expect_upload(repository, reply, blob.content)
    else:
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/mount/location-is-in-the-target")
def test_location_is_in_the_target(repository: Repository, stored: StoredImage, mounted: tuple[Exchange, Blob]) -> None:
    """Purpose: the Location of a mounted blob is where it can be pulled by those who may pull from the target.

    Method: 1. push a blob, mount it into another repository
            2. where it is mounted (201), expect a Location that gives its bytes and does not name the source, and no
               digest but its own
            3. HEAD it there: expect 200, and no other length or digest
    """
    reply, blob = mounted
    if reply.status != 201:
        raise NotApplicable("the registry answered the mount with an upload, as it may")

    location = expect_location(reply)
    if (source := f"/{stored.repository.name}/") in location:
        told, proof = f"Location: {location}", field_says_no(reply, "Location", literal(source))
        raise NonConformance(f"a Location in {repository.name}", told, reply, proof=proof)
    expect_bytes_at(repository, reply, blob.content)
    expect_true_digest(reply, blob.digest)
    head = repository.head_blob(blob.digest)
    expect_status(head, 200, "for a blob that was mounted")
    if "content-length" in head.headers:
        expect_content_length(head, len(blob.content))
    expect_true_digest(head, blob.digest)


@verifies("registry/mount/serves-an-image")
def test_mounted_blob_serves_an_image(repository: Repository, names: Names, mounted: tuple[Exchange, Blob]) -> None:
    """Purpose: what was mounted need not be pushed, which is what a mount is for.

    Method: 1. mount an image's config into another repository
            2. where it is mounted (201), push an image of that config to it: expect 2xx
    """
    reply, config = mounted
    if reply.status != 201:
        raise NotApplicable("the registry answered the mount with an upload, as it may")
    manifest = variation(manifest_of(config, []), names.new("mounted"))

    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "for an image of a blob that was mounted")


@verifies("registry/mount/of-what-is-there-is-answered")
@pytest.mark.parametrize("source", [case("again", "again"), case("itself", "itself")])
def test_mount_of_a_blob_in_the_target(
    repository: Repository, stored: StoredImage, mounted: tuple[Exchange, Blob], source: str
) -> None:
    """Purpose: who mounts what is there already gets it, or an upload.

    Method: 1. mount a blob into the repository that it is in, and a second time into another
            2. expect 201 or 202, and exactly its bytes
    """
    _, blob = mounted
    target = stored.repository if source == "itself" else repository
    reply = target.post_upload(mount=blob.digest, from_=stored.repository.name)

    expect_status(reply, {201, 202}, "for a blob that is there")
    expect_bytes(stored.repository.get_blob(blob.digest), blob.content)


@pytest.fixture
def absent_blob_mount(
    repository: Repository, stored: StoredImage, names: Names, new_blob: NewBlob, once: Once
) -> Callable[[str], AbsentBlobMount]:
    """Mounts a blob that nobody pushed and asks for it, once for each source."""

    def made(source: str) -> AbsentBlobMount:
        never = f"{repository.registry.described.repository}-{names.new('never')}"
        blob, name = new_blob(), {"none": "", "absent": never, "stored": stored.repository.name}[source]
        reply = repository.post_upload(b"", mount=blob.digest, **({"from_": name} if name else {}))
        return AbsentBlobMount(blob, reply, repository.get_blob(blob.digest))

    return lambda source: once(("absent blob mounted", source), lambda: made(source))


@verifies("registry/mount/absent-blob-opens-an-upload")
def test_mount_of_an_absent_blob(repository: Repository, absent_blob_mount: Callable[[str], AbsentBlobMount]) -> None:
    """Purpose: what cannot be mounted is uploaded.

    Method: 1. mount a blob that the source has not
            2. expect 202 and an upload session that takes the blob
    """
    tried = absent_blob_mount("stored")
    expect_status(tried.reply, 202, "for a blob that cannot be mounted")
    expect_upload(repository, tried.reply, tried.blob.content)


@verifies("registry/mount/absent-blob-is-not-made-up")
@pytest.mark.parametrize(
    "source", [case("no-source", "none"), case("absent-source", "absent"), case("source", "stored")]
)
def test_absent_blob_is_not_made_up(absent_blob_mount: Callable[[str], AbsentBlobMount], source: str) -> None:
    """Purpose: a mount makes no blob that nobody pushed.

    Method: 1. mount a digest that was never pushed: without a source, from an absent one, from one that has it not
            2. expect no 201, no 5xx, and 404 to GET
    """
    tried = absent_blob_mount(source)
    expect_not_mounted(tried.reply, (400, 401, 403, 404), "for a blob that nobody pushed")
    expect_not_stored([tried.there])


@verifies("registry/mount/malformed-is-a-callers-fault")
@pytest.mark.parametrize("what", [case(each, each) for each in ("digest", "digest-not-ascii", "source")])
def test_malformed_mount(repository: Repository, stored: StoredImage, what: str) -> None:
    """Purpose: what cannot be a mount is an upload, or is refused.

    Method: 1. mount what is no digest, and a blob from what is no name
            2. expect 202 or a 4xx
    """
    digest, source = stored.image.blobs[-1].digest, stored.repository.name
    reply = repository.post_upload(b"", **{
        "digest": {"mount": digest[:19], "from_": source},
        "digest-not-ascii": {"mount": f"sha256:{'ß' * 64}", "from_": source},
        "source": {"mount": digest, "from_": f"{source}..UP"},
    }[what])  # fmt: skip

    expect_not_mounted(reply, range(400, 500), "for a malformed mount")


@verifies("registry/mount/without-source-is-answered")
def test_mount_without_source(new_repository: NewRepository, stored: StoredImage) -> None:
    """Purpose: a mount that names no source finds the blob, or is an upload.

    Method: 1. push a blob to one repository, mount it into another without naming the first
            2. expect 201 and exactly its bytes there, or 202 and an upload session that takes the blob
    """
    repository, blob = new_repository("unnamed"), stored.image.blobs[-1]
    reply = repository.post_upload(mount=blob.digest)

    expect_success(reply)
    if reply.status != 201:
        expect_upload(repository, reply, blob.content)
    else:
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@dataclass(frozen=True)
class MountAfterDeletion:
    """A blob that was mounted, deleted there and mounted again: the answers to each mount, and to GET of it then.

    The second is the first where it could not be deleted. ``kept`` is the answer to GET after it was deleted in its
    source, ``mounted_again`` that to a mount after it was deleted here as well.
    """

    blob: Blob
    mounted: Exchange
    back: Exchange
    there: Exchange
    kept: Exchange
    mounted_again: Exchange


@pytest.fixture
def mount_after_deletion(
    repository: Repository, stored: StoredImage, new_blob: NewBlob, once: Once, features: frozenset[str]
) -> MountAfterDeletion:
    """Mounts a blob and deletes its source, once; not applicable where blobs cannot be deleted."""
    if "registry.delete" not in features:
        raise NotOffered("the target does not claim registry.delete")

    def deleted(source: Repository, digest: str) -> None:
        reply = source.delete_blob(digest)
        if reply.status in (400, 405):
            raise NotApplicable("the registry deletes no blobs, which it may")
        if not reply.ok:
            raise Inconclusive(f"a blob could not be deleted: {reply}", "a login that may delete")

    def made() -> MountAfterDeletion:
        blob, source = new_blob(), stored.repository
        source.given_blob(blob.content)
        mounted = back = repository.post_upload(mount=blob.digest, from_=source.name)
        if mounted.status == 201 and repository.delete_blob(blob.digest).ok:
            back = repository.post_upload(mount=blob.digest, from_=source.name)
        there = repository.get_blob(blob.digest)
        deleted(source, blob.digest)
        kept = repository.get_blob(blob.digest)
        if kept.ok:
            deleted(repository, blob.digest)
        mounted_again = repository.post_upload(mount=blob.digest, from_=source.name)
        return MountAfterDeletion(blob, mounted, back, there, kept, mounted_again)

    return once("passed on", made)


@verifies("registry/mount/deleted-can-be-mounted-again")
def test_mounted_again(mount_after_deletion: MountAfterDeletion) -> None:
    """Purpose: what was deleted from a repository may come back from another that has it still.

    Method: 1. push a blob, mount it into another repository, DELETE it there, mount it once more
            2. expect 202; or 201, and exactly its bytes
    """
    if mount_after_deletion.mounted.status != 201:
        raise NotApplicable(AN_UPLOAD)
    if mount_after_deletion.back is mount_after_deletion.mounted:
        raise NotApplicable("a mounted blob is not deleted, which is another check's affair")
    expect_success(mount_after_deletion.back, "for a blob that the source has")

    if mount_after_deletion.back.status == 201:
        expect_bytes(mount_after_deletion.there, mount_after_deletion.blob.content)


@verifies("registry/mount/stays-when-the-source-goes")
def test_mounted_blob_outlives_its_source(mount_after_deletion: MountAfterDeletion) -> None:
    """Purpose: a mounted blob is the target repository's own.

    Method: 1. push a blob, mount it into another repository, DELETE it from the first
            2. expect exactly its bytes from the second
    """
    if {mount_after_deletion.mounted.status, mount_after_deletion.back.status} != {201}:
        raise NotApplicable(AN_UPLOAD)
    if mount_after_deletion.back is not mount_after_deletion.mounted and not mount_after_deletion.there.ok:
        needs = "a blob that is there once it is mounted again"
        raise Inconclusive(f"it was not there before, either: {mount_after_deletion.there}", needs)

    expect_bytes(mount_after_deletion.kept, mount_after_deletion.blob.content)


@verifies("registry/mount/deleted-blob-is-not-mounted")
def test_deleted_blob_is_not_mounted(repository: Repository, mount_after_deletion: MountAfterDeletion) -> None:
    """Purpose: what was deleted from a repository cannot be had from there by a mount.

    Method: 1. push a blob to one repository, mount it into another, and DELETE it in both; mount it once more
            2. expect no 201, and 404 to GET of it
    """
    expect_not_mounted(mount_after_deletion.mounted_again, (400, 404), "for a blob that was deleted from the source")
    expect_not_stored([repository.get_blob(mount_after_deletion.blob.digest)])


@verifies("registry/rights/mount-needs-pull-on-the-source")
@pytest.mark.parametrize(
    "source",
    [
        *(case("named", ["theirs"]), case("unnamed", []), case("ours", ["ours"])),
        *(case("first-of-two", ["theirs", "ours"]), case("last-of-two", ["ours", "theirs"])),
    ],
)
def test_mount_from_another_organization(
    repository: Repository, stored: StoredImage, theirs: StoredImage, source: list[str]
) -> None:
    """Purpose: a mount takes nothing from where the caller may not pull.

    Method: 1. push an image with the other organization's login
            2. mount its layer into our repository; named as the source its repository, another of ours, both, and none
            3. expect no 201, and 404 to GET of it
    """
    layer, named = theirs.image.blobs[-1], {"theirs": theirs.repository.name, "ours": stored.repository.name}
    sources = {"from" + "_" * place: named[each] for place, each in enumerate(source, 1)}
    reply = repository.post_upload(b"", mount=layer.digest, **sources)

    there = repository.get_blob(layer.digest)
    if there.status == 200:
        # Or it would be found by the next case.
        repository.delete_blob(layer.digest)

    expect_not_mounted(reply, (400, 401, 403, 404), "for a mount from where we may not pull")
    expect_not_stored([there])
