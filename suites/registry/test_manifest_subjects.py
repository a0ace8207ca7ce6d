"""Manifests with a subject: absent, deleted or in another repository (OCI Distribution 1.1, "Listing Referrers")."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage, need_taken
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
from conformance.clients.registry.tags import STAYS, stays
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header, expect_media_type
from conformance.oracles.proofs import has_no_member
from conformance.oracles.registry import descriptors_of, expect_bytes, expect_no_referrer, expect_referrer, pages_from
from conformance.oracles.status import expect_no_server_error, expect_success, unlike_field
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

SBOM = "application/vnd.example.sbom.v1+json"


@verifies("registry/referrers/of-an-absent-subject")
def test_referrers_of_an_absent_subject(new_repository: NewRepository, features: frozenset[str]) -> None:
    """Purpose: what refers to an image is found, whether the image has come already, has gone or not.

    Method: 1. ask for the referrers of an image of Docker's type that was never pushed, and for those of a type; push
               one, ask again: expect it in both lists
            2. push the image under a tag, and ask again: expect it still
            3. where manifests are deleted, DELETE the image and ask, push it and ask: expect it still, if it is there
    """
    repository = new_repository("early")
    subject = image(f"{repository.name} never pushed", layers=0, docker=True)
    for pushed_before_its_subject in (repository.referrers(subject.digest), repository.referrers(subject.digest, SBOM)):
        expect_no_server_error(pushed_before_its_subject)
    referrer = repository.given(artifact(repository.name, SBOM, subject=subject.descriptor))

    for arrived, kind in ((False, None), (False, SBOM), (True, None)):
        if arrived:
            repository.given(subject, "v1")
        expect_referrer([repository.referrers(subject.digest, kind)], referrer.digest)
    if "registry.delete" in features and repository.delete_manifest(subject.digest).ok:
        listed = repository.referrers(subject.digest)
        if repository.get_manifest(referrer.digest).ok:
            expect_referrer([listed], referrer.digest)
            # What no manifest names any more may have been collected.
            repository.inventory.blobs.difference_update(each.digest for each in subject.blobs)
            repository.given(subject, "v1")
            expect_referrer([repository.referrers(subject.digest)], referrer.digest)


@verifies("registry/referrers/subject-is-acknowledged")
@pytest.mark.parametrize("kind", [case("artifact", "artifact"), case("index", "index")])
def test_subject_is_acknowledged(repository: Repository, base: Manifest, names: Names, kind: str) -> None:
    """Purpose: a client knows that it need not keep a list of referrers itself.

    Method: 1. push a manifest with a subject that is not there: an artifact by digest and by tag, an index by digest
            2. expect OCI-Subject with the subject's digest
    """
    seed = names.new("subject")
    subject = image(f"{seed} never pushed", layers=0)
    told = subject.descriptor
    referrer = artifact(seed, SBOM, subject=told) if kind == "artifact" else index([base], subject=told)
    tags = [None, seed] if kind == "artifact" else [None]
    for reply in [repository.push(referrer, each) for each in tags]:
        expect_success(reply)
        expect_header(reply, "OCI-Subject", subject.digest)


@verifies("registry/referrers/of-this-repository-only")
def test_referrers_of_another_repository(new_repository: NewRepository, stored: StoredImage) -> None:
    """Purpose: what refers to an image in one repository is not seen in another.

    Method: 1. push to one repository a referrer of an image that another repository has
            2. ask the one for the image's referrers, and then the other: expect it not to be among those of the other
    """
    repository = new_repository("elsewhere")
    referrer = repository.given(artifact(repository.name, SBOM, subject=stored.image.descriptor))
    repository.referrers(stored.image.digest)
    expect_no_referrer([stored.repository.referrers(stored.image.digest)], referrer.digest, "from another repository")


@dataclass(frozen=True)
class DeletedReferrer:
    """A repository with an image, its deleted referrer, and the referrers listed afterwards: all, and by type."""

    repository: Repository
    subject: Manifest
    referrer: Manifest
    listed: list[Exchange]


@pytest.fixture
def deleted_referrer(new_repository: NewRepository, features: frozenset[str], once: Once) -> DeletedReferrer:
    """Pushes an image and a referrer, asks for referrers, deletes the referrer, asks again; once."""

    def made() -> DeletedReferrer:
        repository = new_repository("unreferred")
        subject = repository.given(image(repository.name, layers=0), "v1")
        referrer = repository.given(artifact(repository.name, SBOM, subject=subject.descriptor))
        for kind in (None, SBOM):
            repository.referrers(subject.digest, kind)
        deleted = repository.delete_manifest(referrer.digest)
        if deleted.status in (400, 405) or not (deleted.ok or "registry.delete" in features):
            raise NotApplicable(f"the registry deletes no manifests for this login ({deleted.status}), which it may")
        if not deleted.ok and deleted.status != 404:
            raise Inconclusive(f"a manifest could not be deleted: {deleted}", "a login that may delete")
        listed = [repository.referrers(subject.digest, kind) for kind in (None, SBOM)]
        return DeletedReferrer(repository, subject, referrer, listed)

    return once("unreferred", made)


@verifies("registry/referrers/deleted-is-not-listed")
def test_deleted_referrer(deleted_referrer: DeletedReferrer) -> None:
    """Purpose: what was deleted refers to nothing.

    Method: 1. push an image and a referrer, ask for referrers, and for those of its type, DELETE the referrer
            2. expect no referrers, and none of its type
    """
    for listed in deleted_referrer.listed:
        if descriptors_of(listed):
            raise NonConformance("no referrers", listed.text[:300], listed, proof=has_no_member(listed, "digest"))


@verifies("registry/delete/subject-stays")
def test_subject_stays(deleted_referrer: DeletedReferrer) -> None:
    """Purpose: a signature that is taken away takes nothing else away.

    Method: 1. push an image and a referrer, DELETE the referrer
            2. expect exactly the image's bytes by its tag
    """
    expect_bytes(deleted_referrer.repository.get_manifest("v1"), deleted_referrer.subject.content)


@verifies("registry/referrers/pushed-again-is-listed")
def test_referrer_pushed_again(deleted_referrer: DeletedReferrer) -> None:
    """Purpose: what is signed anew is signed.

    Method: 1. push an image and a referrer, DELETE the referrer, push it again
            2. expect it among the referrers
    """
    repository, referrer = deleted_referrer.repository, deleted_referrer.referrer
    # What no manifest names any more may have been collected.
    repository.inventory.blobs.difference_update(each.digest for each in referrer.blobs)
    repository.given(referrer)
    pages = pages_from(repository.referrers(deleted_referrer.subject.digest), repository.follow)

    expect_referrer(pages, referrer.digest)


@verifies("registry/referrers/refused-is-not-listed")
def test_refused_referrer(stored: StoredImage) -> None:
    """Purpose: what was not taken refers to nothing.

    Method: 1. push a manifest whose subject is there and whose config is not: where it is refused, ask for referrers
            2. expect it not to be among them
    """
    repository, subject = stored.repository, stored.image
    never = image(f"{repository.name} never pushed", layers=0, subject=subject.descriptor)
    if repository.put_manifest(never.digest, never.content, never.media_type).ok:
        raise NotApplicable("the registry takes manifests before their blobs, which it may")
    pages = pages_from(repository.referrers(subject.digest), repository.follow)

    expect_no_referrer(pages, never.digest, "that was refused")


@verifies("registry/referrers/of-a-sha512-subject")
def test_referrers_of_sha512(repository: Repository, base: Manifest, new_image: NewImage) -> None:
    """Purpose: what refers to an image is found by the digest that it names, of whichever algorithm.

    Method: 1. push an artifact whose subject is named by its sha512 digest; where it is refused, that is not asked
            2. ask for the referrers of that digest: expect it
    """
    subject = new_image()
    named = digest_of(subject.content, "sha512")
    named_so = {**subject.descriptor, "digest": named}
    referrer = manifest_of(base.blobs[0], base.blobs[1:], artifactType=SBOM, subject=named_so)
    if not repository.push(referrer).ok:
        raise NotApplicable("the registry takes no sha512 digests, as it may")
    reply = repository.referrers(named)
    if reply.status == 400:
        raise NotApplicable("the registry knows no sha512 digests, as it may")

    expect_referrer([reply], referrer.digest)


@pytest.fixture
def pushed_before_its_subject(
    repository: Repository, base: Manifest, new_image: NewImage, once: Once
) -> tuple[Manifest, str, Exchange]:
    """An artifact, the digest of its absent subject, and the response to its push."""

    def made() -> tuple[Manifest, str, Exchange]:
        subject = new_image()
        referrer = manifest_of(base.blobs[0], base.blobs[1:], artifactType=SBOM, subject=subject.descriptor)
        return referrer, subject.digest, repository.push(referrer)

    return once("early referrer", made)


@verifies("registry/manifest/missing-subject-is-taken")
def test_missing_subject(pushed_before_its_subject: tuple[Manifest, str, Exchange]) -> None:
    """Purpose: a manifest and what refers to it may be pushed in either order.

    Method: 1. push a manifest whose subject is not there
            2. expect 2xx
    """
    _, _, reply = pushed_before_its_subject

    expect_success(reply)


@verifies("registry/referrers/tag-schema-works")
def test_tag_schema(repository: Repository, pushed_before_its_subject: tuple[Manifest, str, Exchange]) -> None:
    """Purpose: where there is no list of referrers, clients keep one under a tag that is the image's digest.

    Method: 1. push a referrer of an image, which may come later; push an index of it under sha256-<the image's digest>
            2. push another index of it under that tag: expect 2xx each time
            3. expect the second index from GET of the tag, byte for byte and as an index
    """
    referrer, subject, reply = pushed_before_its_subject
    need_taken(reply)
    tag, first, second = subject.replace(":", "-"), index([referrer]), index([referrer], annotations={"org.again": "2"})
    for listed in (first, second):
        put = repository.put_manifest(tag, listed.content, listed.media_type)
        if listed is second and stays(put):
            raise NotApplicable(STAYS)
        expect_success(put, "for a list of referrers")

    reply = repository.get_manifest(tag)
    expect_bytes(reply, second.content)
    expect_media_type(reply, OCI_INDEX)


@verifies("registry/referrers/no-subject-none-told")
def test_no_subject(repository: Repository, base: Manifest) -> None:
    """Purpose: a client learns of a subject where there is one, and of none where there is none.

    Method: 1. push an image that has no subject
            2. expect no OCI-Subject
    """
    reply = repository.put_manifest(base.digest, base.content, base.media_type)
    expect_success(reply)
    if "oci-subject" in reply.headers:
        raise unlike_field("no OCI-Subject", reply, "OCI-Subject")
