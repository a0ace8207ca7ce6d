"""Mounting a blob from another repository (OCI Distribution Specification 1.1, "Mounting a blob")."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import Blob, NewBlob, manifest_of, variation
from conformance.evidence.shared_requests import Once
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
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotOffered

AN_UPLOAD = "the registry answered the mount with an upload, as it may"


def expect_mounted_or_upload(repository: Repository, reply: Exchange, blob: Blob) -> None:
    """Expect 201 and the blob in the repository, or an upload session that takes the blob."""
    expect_success(reply)
    if reply.status != 201:
        expect_location(reply)
        expect_success(repository.upload_of(reply).put(blob.digest, blob.content), "for an upload instead of a mount")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@pytest.fixture
def mounted(repository: Repository, stored: StoredImage, once: Once) -> tuple[Exchange, Blob]:
    """The response to a mount of the stored image's config, and the config."""
    config = stored.image.blobs[0]
    mount = lambda: repository.post_upload(mount=config.digest, from_=stored.repository.name)  # noqa: E731
    return once("mounted", mount), config


@verifies("registry/mount/blob-or-upload")
def test_mount(repository: Repository, stored: StoredImage, mounted: tuple[Exchange, Blob]) -> None:
    """Purpose: a client need not push a blob that another repository has.
    Method: 1. mount a blob into another repository
            2. expect 201 and exactly its bytes there; or 202 and an upload session that takes the blob
            3. expect exactly its bytes in the source
    """
    reply, blob = mounted
    expect_mounted_or_upload(repository, reply, blob)
    expect_bytes(stored.repository.get_blob(blob.digest), blob.content)


@pytest.mark.parametrize(
    ("ending", "names_the_source"),
    [
        row("registry/mount/blob-or-upload#new-repository", "mounted", True),
        row("registry/mount/without-source-succeeds", "unnamed", False),
    ],
)
def test_mount_into_a_new_repository(
    new_repository: NewRepository, stored: StoredImage, ending: str, names_the_source: bool
) -> None:
    """Purpose: the first content of a repository may be a mounted base layer, also without the name of its source.
    Method: 1. mount a blob into an empty repository, naming its source or not
            2. expect 201 and exactly its bytes there; or 202 and an upload session that takes the blob
    """
    repository, blob = new_repository(ending), stored.image.blobs[-1]
    source = {"from_": stored.repository.name} if names_the_source else {}
    expect_mounted_or_upload(repository, repository.post_upload(b"", mount=blob.digest, **source), blob)


@verifies("registry/mount/location-is-in-the-target")
def test_location_is_in_the_target(repository: Repository, stored: StoredImage, mounted: tuple[Exchange, Blob]) -> None:
    """Purpose: a client with access to only the target can pull the mounted blob from its Location.
    Method: 1. mount a blob into another repository; not applicable without a 201
            2. expect a Location that returns its bytes and does not name the source, and no other digest
            3. HEAD it there: expect 200, and no other length or digest
    """
    reply, blob = mounted
    if reply.status != 201:
        raise NotApplicable(AN_UPLOAD)

    location = expect_location(reply)
    if f"/{stored.repository.name}/" in location:
        raise NonConformance(f"a Location in {repository.name}", f"Location: {location}", reply)
    expect_bytes_at(repository, reply, blob.content)
    head = repository.head_blob(blob.digest)
    expect_status(head, 200, "for a mounted blob")
    if "content-length" in head.headers:
        expect_content_length(head, len(blob.content))
    for each in (reply, head):
        expect_true_digest(each, blob.digest)


@verifies("registry/mount/serves-an-image")
def test_mounted_blob_serves_an_image(repository: Repository, names: Names, mounted: tuple[Exchange, Blob]) -> None:
    """Purpose: a client need not push again what it mounted.
    Method: 1. mount an image's config into another repository; not applicable without a 201
            2. push an image of that config to it: expect 2xx
    """
    reply, config = mounted
    if reply.status != 201:
        raise NotApplicable(AN_UPLOAD)
    manifest = variation(manifest_of(config, []), names.new("mounted"))
    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "for an image of a mounted blob")


@verifies("registry/mount/of-an-existing-blob-succeeds")
@pytest.mark.parametrize("source", ["again", "itself"])
def test_mount_of_an_existing_blob(
    repository: Repository, stored: StoredImage, mounted: tuple[Exchange, Blob], source: str
) -> None:
    """Purpose: a client that mounts a blob that the target already has gets it, or an upload.
    Method: 1. mount a blob into its own repository, and twice into another; 2. expect 201 or 202, and exactly its bytes
    """
    _, blob = mounted
    target = stored.repository if source == "itself" else repository
    reply = target.post_upload(mount=blob.digest, from_=stored.repository.name)
    expect_status(reply, {201, 202}, "for a blob that the target has")
    expect_bytes(stored.repository.get_blob(blob.digest), blob.content)


@pytest.mark.parametrize(
    ("source", "judges_upload"),
    [
        row("registry/mount/absent-blob-opens-an-upload", "stored", True),
        row("registry/mount/absent-blob-is-not-mounted#no-source", "", False),
        row("registry/mount/absent-blob-is-not-mounted#absent-source", "absent", False),
        row("registry/mount/absent-blob-is-not-mounted#source", "stored", False),
    ],
)
def test_mount_of_an_absent_blob(
    repository: Repository, stored: StoredImage, names: Names, new_blob: NewBlob, source: str, judges_upload: bool
) -> None:
    """Purpose: a client uploads a blob that cannot be mounted, and a mount creates no blob that was never pushed.
    Method: 1. mount a digest that was never pushed: without a source, from an absent one, from one that lacks it
            2. expect no 201 and no 5xx, and 404 to GET; from one that lacks it 202 and an upload that takes the blob
    """
    blob, absent = new_blob(), f"{repository.registry.described.repository}-{names.new('absent')}"
    name = {"absent": absent, "stored": stored.repository.name}.get(source)
    reply = repository.post_upload(b"", mount=blob.digest, **({"from_": name} if name else {}))
    if judges_upload:
        expect_status(reply, 202, "for a blob that cannot be mounted")
        expect_mounted_or_upload(repository, reply, blob)
    else:
        expect_not_mounted(reply, (400, 401, 403, 404), "for a blob that was never pushed")
        expect_not_stored([repository.get_blob(blob.digest)])


@verifies("registry/mount/malformed-is-handled")
@pytest.mark.parametrize("name", ["digest", "digest-not-ascii", "source"])
def test_malformed_mount(repository: Repository, stored: StoredImage, name: str) -> None:
    """Purpose: a malformed mount opens an upload, or is refused.
    Method: 1. mount a malformed digest, and a blob from a malformed name; 2. expect 202 or a 4xx
    """
    digest, source = stored.image.blobs[-1].digest, stored.repository.name
    reply = repository.post_upload(b"", **{
        "digest": {"mount": digest[:19], "from_": source},
        "digest-not-ascii": {"mount": f"sha256:{'ß' * 64}", "from_": source},
        "source": {"mount": digest, "from_": f"{source}..UP"},
    }[name])  # fmt: skip
    expect_not_mounted(reply, range(400, 500), "for a malformed mount")


@dataclass(frozen=True)
class MountAfterDeletion:
    """A blob that was mounted, deleted in the target and mounted again, deleted in both and mounted once more.

    ``first`` and ``second`` are the responses to the mounts, the same if the target deletes no blob; ``there`` that to
    GET after the second, ``kept`` that after the deletion in the source, ``last`` that to the last mount.
    """

    blob: Blob
    first: Exchange
    second: Exchange
    there: Exchange
    kept: Exchange
    last: Exchange


@pytest.fixture
def mount_after_deletion(
    repository: Repository, stored: StoredImage, new_blob: NewBlob, once: Once, features: frozenset[str]
) -> MountAfterDeletion:
    """Mounts a blob and deletes its source, once; not applicable if blobs cannot be deleted."""
    if "registry.delete" not in features:
        raise NotOffered("the target does not claim registry.delete")

    def delete(source: Repository, digest: str) -> None:
        reply = source.delete_blob(digest)
        if reply.status in (400, 405):
            raise NotApplicable("the registry deletes no blobs, which is optional")
        if not reply.ok:
            raise Inconclusive(f"a blob could not be deleted: {reply}", "a login that may delete")

    def made() -> MountAfterDeletion:
        blob, source = new_blob(), stored.repository
        source.given_blob(blob.content)
        first = second = repository.post_upload(mount=blob.digest, from_=source.name)
        if first.status == 201 and repository.delete_blob(blob.digest).ok:
            second = repository.post_upload(mount=blob.digest, from_=source.name)
        existing = repository.get_blob(blob.digest)
        delete(source, blob.digest)
        remaining = repository.get_blob(blob.digest)
        if remaining.ok:
            delete(repository, blob.digest)
        last = repository.post_upload(mount=blob.digest, from_=source.name)
        return MountAfterDeletion(blob, first, second, existing, remaining, last)

    return once("mount after deletion", made)


@verifies("registry/mount/deleted-can-be-mounted-again")
def test_deleted_blob_is_mounted_again(mount_after_deletion: MountAfterDeletion) -> None:
    """Purpose: a blob that was deleted in one repository can be mounted again from another.
    Method: 1. mount a blob, DELETE it in the target, mount it once more; 2. expect 202; or 201, and exactly its bytes
    """
    if mount_after_deletion.first.status != 201:
        raise NotApplicable(AN_UPLOAD)
    if mount_after_deletion.second is mount_after_deletion.first:
        raise NotApplicable("the registry did not delete the mounted blob")
    expect_success(mount_after_deletion.second, "for a blob that the source has")
    if mount_after_deletion.second.status == 201:
        expect_bytes(mount_after_deletion.there, mount_after_deletion.blob.content)


@verifies("registry/mount/outlives-its-source")
def test_mounted_blob_outlives_its_source(mount_after_deletion: MountAfterDeletion) -> None:
    """Purpose: a deletion in the source does not break images in the target.
    Method: 1. mount a blob, DELETE it in the source; 2. expect exactly its bytes from the target
    """
    if {mount_after_deletion.first.status, mount_after_deletion.second.status} != {201}:
        raise NotApplicable(AN_UPLOAD)
    if mount_after_deletion.second is not mount_after_deletion.first and not mount_after_deletion.there.ok:
        needs = "a blob that exists after its second mount"
        raise Inconclusive(f"the blob was missing before the deletion: {mount_after_deletion.there}", needs)
    expect_bytes(mount_after_deletion.kept, mount_after_deletion.blob.content)


@verifies("registry/mount/deleted-blob-is-not-mounted")
def test_deleted_blob_is_not_mounted(repository: Repository, mount_after_deletion: MountAfterDeletion) -> None:
    """Purpose: a mount does not bring back a deleted blob.
    Method: 1. mount a blob, DELETE it in both repositories, mount it once more; 2. expect no 201, and 404 to GET of it
    """
    expect_not_mounted(mount_after_deletion.last, (400, 404), "for a blob that was deleted in the source")
    expect_not_stored([repository.get_blob(mount_after_deletion.blob.digest)])


@verifies("registry/rights/mount-needs-pull-on-the-source")
@pytest.mark.usefixtures("one_organization")
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
    """Purpose: a mount reads nothing that the caller may not pull.
    Method: 1. mount a layer of another organization; as source name its repository, one of ours, both, or none
            2. expect no 201, and 404 to GET of it
    """
    layer, named = theirs.image.blobs[-1], {"theirs": theirs.repository.name, "ours": stored.repository.name}
    sources = {"from" + "_" * place: named[each] for place, each in enumerate(source, 1)}
    reply = repository.post_upload(b"", mount=layer.digest, **sources)

    existing = repository.get_blob(layer.digest)
    if existing.status == 200:
        # The next case would find it.
        repository.delete_blob(layer.digest)

    expect_not_mounted(reply, (400, 401, 403, 404), "for a mount from a repository that we may not pull from")
    expect_not_stored([existing])
