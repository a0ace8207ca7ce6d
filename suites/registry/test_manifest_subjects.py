"""Manifests with a subject: absent, deleted or in another repository (OCI Distribution 1.1, "Listing Referrers")."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage, require_stored
from conformance.clients.registry.images import (
    OCI_INDEX,
    Manifest,
    NewImage,
    artifact,
    digest_of,
    image,
    index,
    manifest_of,
)
from conformance.clients.registry.tags import IMMUTABLE, is_immutable
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header, expect_media_type
from conformance.oracles.registry import descriptors_of, expect_bytes, expect_no_referrer, expect_referrer, pages_from
from conformance.oracles.status import expect_no_server_error, expect_success, unlike_field
from conformance.sandbox.names import Names
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

SBOM = "application/vnd.example.sbom.v1+json"
DeletedReferrer = tuple[Repository, Manifest, Manifest, list[Exchange]]
"""A repository, its image, the deleted referrer of the image, and the lists of referrers afterwards."""


def give_again(repository: Repository, manifest: Manifest, *tags: str) -> None:
    """Push a manifest again, with its blobs: those that no manifest references may have been collected."""
    repository.inventory.blobs.difference_update(each.digest for each in manifest.blobs)
    repository.given(manifest, *tags)


def referrer_of(subject: dict[str, Any], base: Manifest) -> Manifest:
    """Return an artifact with this subject, made of the blobs of an image that exists."""
    return manifest_of(base.blobs[0], base.blobs[1:], artifactType=SBOM, subject=subject)


@verifies("registry/referrers/listed-for-an-absent-subject")
def test_referrers_of_an_absent_subject(new_repository: NewRepository, features: frozenset[str]) -> None:
    """Purpose: a referrer is found whether its subject is pushed later, exists or was deleted.
    Method: 1. Push a referrer of an image that was never pushed: expect it in the list, also filtered by type.
            2. Push the image: expect the referrer in the list.
            3. DELETE the image, then push it again: expect the referrer each time, if it still exists.
    """
    repository = new_repository("early")
    subject = image(f"{repository.name} never pushed", layers=0, docker=True)
    for kind in (None, SBOM):
        expect_no_server_error(repository.referrers(subject.digest, kind))
    referrer = repository.given(artifact(repository.name, SBOM, subject=subject.descriptor))

    for kind in (None, SBOM):
        expect_referrer([repository.referrers(subject.digest, kind)], referrer.digest)
    repository.given(subject, "v1")
    expect_referrer([repository.referrers(subject.digest)], referrer.digest)
    if "registry.delete" in features and repository.delete_manifest(subject.digest).ok:
        listed = repository.referrers(subject.digest)
        if repository.get_manifest(referrer.digest).ok:
            expect_referrer([listed], referrer.digest)
            give_again(repository, subject, "v1")
            expect_referrer([repository.referrers(subject.digest)], referrer.digest)


@verifies("registry/referrers/subject-is-acknowledged")
@pytest.mark.parametrize("kind", ["artifact", "index"])
def test_subject_is_acknowledged(repository: Repository, base: Manifest, names: Names, kind: str) -> None:
    """Purpose: a client learns that it need not maintain a list of referrers itself.
    Method: 1. Push an artifact by digest and by tag, or an index by digest, with a subject that does not exist.
            2. Expect OCI-Subject with the subject's digest.
    """
    seed = names.new("subject")
    subject = image(f"{seed} never pushed", layers=0).descriptor
    referrer = artifact(seed, SBOM, subject=subject) if kind == "artifact" else index([base], subject=subject)
    tags = [None, seed] if kind == "artifact" else [None]
    for reply in [repository.push(referrer, each) for each in tags]:
        expect_success(reply)
        expect_header(reply, "OCI-Subject", subject["digest"])


@verifies("registry/referrers/of-this-repository-only")
def test_referrers_of_another_repository(new_repository: NewRepository, stored: StoredImage) -> None:
    """Purpose: a repository does not list referrers that were pushed to another one.
    Method: 1. Push to one repository a referrer of an image in another, and list its referrers there.
            2. List the image's referrers in its own repository: expect the referrer not to be among them.
    """
    repository = new_repository("elsewhere")
    referrer = repository.given(artifact(repository.name, SBOM, subject=stored.image.descriptor))
    repository.referrers(stored.image.digest)
    expect_no_referrer([stored.repository.referrers(stored.image.digest)], referrer.digest, "from another repository")


@pytest.fixture
def deleted_referrer(new_repository: NewRepository, features: frozenset[str], once: Once) -> DeletedReferrer:
    """Pushes an image and a referrer, lists referrers, deletes the referrer, lists again; once."""

    def made() -> DeletedReferrer:
        repository = new_repository("unreferred")
        subject = repository.given(image(repository.name, layers=0), "v1")
        referrer = repository.given(artifact(repository.name, SBOM, subject=subject.descriptor))
        for kind in (None, SBOM):
            repository.referrers(subject.digest, kind)
        deleted = repository.delete_manifest(referrer.digest)
        if deleted.status in (400, 405) or not (deleted.ok or "registry.delete" in features):
            reason = f"the registry does not delete manifests for this login ({deleted.status}), which is optional"
            raise NotApplicable(reason)
        if not deleted.ok and deleted.status != 404:
            raise Inconclusive(f"a manifest could not be deleted: {deleted}", "a login that may delete")
        listed = [repository.referrers(subject.digest, kind) for kind in (None, SBOM)]
        return repository, subject, referrer, listed

    return once("unreferred", made)


@verifies("registry/referrers/deleted-is-not-listed")
def test_deleted_referrer(deleted_referrer: DeletedReferrer) -> None:
    """Purpose: a deleted signature no longer counts.
    Method: 1. Push an image and a referrer, DELETE the referrer. 2. List all referrers and by type: expect none.
    """
    *_, lists = deleted_referrer
    for listed in lists:
        if descriptors_of(listed):
            raise NonConformance("no referrers", listed.text[:300], listed)


@verifies("registry/delete/deleting-a-referrer-keeps-its-subject")
def test_subject_of_a_deleted_referrer(deleted_referrer: DeletedReferrer) -> None:
    """Purpose: deleting a signature does not delete the image.
    Method: 1. Push an image and a referrer, DELETE the referrer. 2. GET the image's tag: expect exactly its bytes.
    """
    repository, subject, _, _ = deleted_referrer
    expect_bytes(repository.get_manifest("v1"), subject.content)


@verifies("registry/referrers/pushed-again-is-listed")
def test_referrer_pushed_again(deleted_referrer: DeletedReferrer) -> None:
    """Purpose: an image that is signed again is found to be signed.
    Method: 1. Push an image and a referrer, DELETE the referrer, push it again. 2. Expect it among the referrers.
    """
    repository, subject, referrer, _ = deleted_referrer
    give_again(repository, referrer)

    expect_referrer(pages_from(repository.referrers(subject.digest), repository.follow), referrer.digest)


@verifies("registry/referrers/refused-is-not-listed")
def test_refused_referrer(stored: StoredImage) -> None:
    """Purpose: a manifest that was refused does not appear as a referrer.
    Method: 1. PUT a manifest whose subject exists and whose config does not.
            2. Where it is refused, expect it not to be among the referrers.
    """
    repository, subject = stored.repository, stored.image
    absent = image(f"{repository.name} never pushed", layers=0, subject=subject.descriptor)
    if repository.put_manifest(absent.digest, absent.content, absent.media_type).ok:
        raise NotApplicable("the registry accepts manifests before their blobs, which is permitted")
    pages = pages_from(repository.referrers(subject.digest), repository.follow)

    expect_no_referrer(pages, absent.digest, "that was refused")


@verifies("registry/referrers/sha512-subject-is-listed")
def test_referrers_of_sha512(repository: Repository, base: Manifest, new_image: NewImage) -> None:
    """Purpose: a referrer is found by the digest in its subject, whatever the algorithm.
    Method: 1. Push an artifact whose subject has a sha512 digest. 2. Expect it among the referrers of that digest.
    """
    subject = new_image()
    digest = digest_of(subject.content, "sha512")
    referrer = referrer_of({**subject.descriptor, "digest": digest}, base)
    if not repository.push(referrer).ok:
        raise NotApplicable("the registry does not accept sha512 digests, which are optional")
    reply = repository.referrers(digest)
    if reply.status == 400:
        raise NotApplicable("the registry does not support sha512 digests, which are optional")

    expect_referrer([reply], referrer.digest)


@verifies("registry/manifest/missing-subject-is-accepted")
def test_missing_subject(repository: Repository, base: Manifest, new_image: NewImage) -> None:
    """Purpose: an image and its referrers may be pushed in either order.
    Method: 1. Push a manifest whose subject does not exist: expect 2xx.
    """
    expect_success(repository.push(referrer_of(new_image().descriptor, base)))


@verifies("registry/referrers/tag-schema-works")
def test_tag_schema(repository: Repository, base: Manifest, new_image: NewImage) -> None:
    """Purpose: clients of a registry without a referrers list can maintain one under a tag made of the digest.
    Method: 1. Push a referrer; PUT two indexes of it, one after the other, under sha256-<hex of the subject>.
            2. Expect 2xx each time, and from GET of the tag the second index, byte for byte and as an index.
    """
    subject = new_image()
    referrer = referrer_of(subject.descriptor, base)
    require_stored(repository.push(referrer))
    tag, second = subject.digest.replace(":", "-"), index([referrer], annotations={"org.again": "2"})
    for listed in (index([referrer]), second):
        put = repository.put_manifest(tag, listed.content, listed.media_type)
        if listed is second and is_immutable(put):
            raise NotApplicable(IMMUTABLE)
        expect_success(put, "for a list of referrers")

    reply = repository.get_manifest(tag)
    expect_bytes(reply, second.content)
    expect_media_type(reply, OCI_INDEX)


@verifies("registry/referrers/no-oci-subject-without-subject")
def test_no_subject(repository: Repository, base: Manifest) -> None:
    """Purpose: a client does not mistake a manifest without a subject for a listed referrer.
    Method: 1. Push an image that has no subject: expect no OCI-Subject.
    """
    reply = repository.put_manifest(base.digest, base.content, base.media_type)
    expect_success(reply)
    if "oci-subject" in reply.headers:
        raise unlike_field("no OCI-Subject", reply, "OCI-Subject")
