"""Listing referrers, where offered, and who may list them (OCI Distribution 1.1, "Listing Referrers")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import (
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    Manifest,
    artifact,
    digest_of,
    image,
    index,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header, expect_media_type
from conformance.oracles.oauth import expect_json_object
from conformance.oracles.registry import descriptors_of, expect_annotations, expect_denied, expect_scope, pages_from
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import differing, some, worded

SBOM = "application/vnd.example.sbom.v1+json"
# The first begins like SBOM, the second has a capital letter.
SIGNATURE, TYPED = f"{SBOM}-seq", "application/vnd.example.List"
ANNOTATIONS = {"org.example.X-Kind": "1.0", "org.example.none": "", "org.example.of": "v1, für 世界 & <Co>, " * 30}


@dataclass(frozen=True)
class Referred:
    """An image, its referrers by kind, and the referrer of one of these, an index."""

    repository: Repository
    subject: Manifest
    by: dict[str, Manifest]
    of_index: Manifest
    once: Once

    @property
    def sboms(self) -> list[Manifest]:
        """The referrers of type SBOM."""
        return [self.by["sbom"], self.by["second-sbom"]]

    def listed(self, artifact_type: str | None = None) -> tuple[list[dict[str, Any]], Exchange]:
        """The descriptors on all pages, of one artifact type or of all, and the first page; requested once each."""
        repository, digest = self.repository, self.subject.digest
        pages = self.once(
            (digest, artifact_type), lambda: pages_from(repository.referrers(digest, artifact_type), repository.follow)
        )
        return [each for page in pages for each in descriptors_of(page)], pages[0]

    def descriptor(self, kind: str, artifact_type: str | None = None) -> tuple[dict[str, Any], Exchange]:
        """The descriptor of one referrer; Inconclusive where it is not listed (another check's finding)."""
        found, reply = self.listed(artifact_type)
        for each in found:
            if each.get("digest") == self.by[kind].digest:
                return each, reply
        raise Inconclusive(f"the {kind} is not listed among the referrers", "a registry that lists referrers")


@pytest.fixture(scope="session")
@at_second_try
def referred(new_repository: NewRepository, features: frozenset[str], once: Once) -> Referred:
    """An image with two SBOMs, a tagged signature, an image and two indexes as referrers; an index with an SBOM."""
    repository = new_repository("referred")
    subject = repository.given(image(repository.name, layers=0), "v1")
    members: dict[str, Any] = {"subject": subject.descriptor, "annotations": ANNOTATIONS}
    second = {**members, "annotations": {"org.example.no": "2"}}
    by = {
        "sbom": artifact(f"{repository.name} sbom", SBOM, **members),
        "second-sbom": artifact(f"{repository.name} sbom", SBOM, **second),
        "signature": artifact(f"{repository.name} signature", SIGNATURE, **members),
        "image": image(f"{repository.name} image", layers=0, **members),
        "index": index([subject], subject=subject.descriptor),
        "typed-index": index([subject], artifactType=TYPED, **members),
    }
    for kind, each in (*by.items(), ("sbom", by["sbom"])):
        repository.given(each, *(["signature", "signed", "once"] if kind == "signature" else []))
    if "registry.delete-tag" in features:
        repository.delete_manifest("once")  # Its other tags still name it.
    of_index = repository.given(artifact(f"{repository.name} beyond", SBOM, subject=by["index"].descriptor))
    return Referred(repository, subject, by, of_index, once)


def expect_digests(found: list[dict[str, Any]], reply: Exchange, manifests: list[Manifest]) -> None:
    """Expect descriptors of exactly these manifests, each once."""
    digests, expected = sorted(str(each.get("digest")) for each in found), sorted(each.digest for each in manifests)
    if digests != expected:
        raise NonConformance(some(expected), differing(expected, digests), reply)


@verifies("registry/referrers/are-listed")
def test_referrers_are_listed(referred: Referred) -> None:
    """Purpose: a client finds the signatures and SBOMs of an image.
    Method: 1. Push an image and six referrers: one twice, one under three tags of which one is deleted, two of one
               type. List its referrers, following links: expect exactly the six, each once.
            2. List those of one of the six: expect exactly its own referrer.
    """
    expect_digests(*referred.listed(), list(referred.by.values()))
    of_index = referred.repository.referrers(referred.by["index"].digest)
    expect_digests(descriptors_of(of_index), of_index, [referred.of_index])


@verifies("registry/referrers/are-an-index")
def test_referrers_are_an_index(referred: Referred) -> None:
    """Purpose: clients can parse the list as an image index.
    Method: 1. List referrers: expect 200 with the Content-Type of an OCI index, and schemaVersion 2.
    """
    _, reply = referred.listed()
    expect_media_type(reply, OCI_INDEX)
    if (version := expect_json_object(reply).get("schemaVersion")) != 2:
        raise NonConformance('"schemaVersion": 2', worded(version), reply)


@verifies("registry/referrers/artifact-type-is-listed")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        case("own", "sbom", SBOM),
        case("of-the-config", "image", OCI_CONFIG),
        case("of-an-index", "typed-index", TYPED),
        case("index-has-none", "index", None),
    ],
)
def test_artifact_type_is_listed(referred: Referred, kind: str, expected: str | None) -> None:
    """Purpose: a client selects a referrer by its artifact type.
    Method: 1. list referrers; 2. expect the manifest's artifactType, or its config's type; none for an index without it
    """
    found, reply = referred.descriptor(kind)

    if found.get("artifactType") != expected:
        raise NonConformance(f'"artifactType": {worded(expected)}', worded(found.get("artifactType")), reply)


@verifies("registry/referrers/carry-annotations")
@pytest.mark.parametrize(
    ("kind", "artifact_type", "expected"),
    [
        case("artifact", "sbom", None, ANNOTATIONS),
        case("image", "image", None, ANNOTATIONS),
        case("index", "typed-index", None, ANNOTATIONS),
        case("filtered", "sbom", SBOM, ANNOTATIONS),
        case("none", "index", None, {}),
    ],
)
def test_referrers_carry_annotations(
    referred: Referred, kind: str, artifact_type: str | None, expected: dict[str, str]
) -> None:
    """Purpose: a client selects a referrer by its annotations.
    Method: 1. List referrers, and those of one artifact type.
            2. Expect the manifest's annotations in its descriptor; of one that has none, no such member or a map.
    """
    found, reply = referred.descriptor(kind, artifact_type)
    expect_annotations(reply, found, expected)


@verifies("registry/referrers/descriptors-match-the-manifests")
def test_descriptors_match_the_manifests(referred: Referred) -> None:
    """Purpose: a client can rely on the media type and size in a descriptor.
    Method: 1. List referrers: expect mediaType and size of each pushed manifest.
    """
    for kind, expected in ((kind, each.descriptor) for kind, each in referred.by.items()):
        found, reply = referred.descriptor(kind)
        for name, value in expected.items():
            if found.get(name) != value:
                raise NonConformance(f"{name} {worded(value)}", f"{name} {worded(found.get(name))}", reply)


@verifies("registry/referrers/none-is-an-empty-index")
def test_no_referrers(referred: Referred, names: Names) -> None:
    """Purpose: a client sees an empty list, not an error, where nothing refers to a digest.
    Method: 1. List the referrers of a missing digest and of a manifest without referrers, also of one type.
            2. Expect 200 with an empty index.
    """
    lonely = referred.by["sbom"].digest
    for digest, kind in ((digest_of(names.new("absent").encode()), None), (lonely, None), (lonely, SBOM)):
        reply = referred.repository.referrers(digest, kind)
        expect_digests(descriptors_of(reply), reply, [])


@verifies("registry/referrers/filter-is-applied")
def test_filter_is_applied(referred: Referred) -> None:
    """Purpose: a client requests only the referrers of one type.
    Method: 1. List referrers of one artifact type: expect exactly those.
    """
    expect_digests(*referred.listed(SBOM), referred.sboms)


@verifies("registry/referrers/applied-filter-is-named")
def test_applied_filter_is_named(referred: Referred) -> None:
    """Purpose: a client knows whether it must filter the list itself.
    Method: 1. List referrers of one artifact type, and of one that no referrer has.
            2. Expect OCI-Filters-Applied: artifactType with a filtered list, and a filtered list with that header.
    """
    for artifact_type, expected in ((SBOM, referred.sboms), (OCI_EMPTY, [])):
        found, reply = referred.listed(artifact_type)
        named = "artifacttype" in (reply.headers.get("oci-filters-applied") or "").lower()
        if len(found) < len(referred.by) and not named:
            expect_header(reply, "OCI-Filters-Applied", "artifactType")
        if named:
            expect_digests(found, reply, expected)


@verifies("registry/referrers/filter-uses-the-config-type")
def test_filter_uses_the_config_type(referred: Referred) -> None:
    """Purpose: an image without an artifactType is found by the type that it is listed with.
    Method: 1. List referrers of the type of an image's config: expect the image only, where the filter is applied.
            2. List those of the artifacts' config type: expect none, since the artifacts have their own type.
    """
    found, reply = referred.listed(OCI_CONFIG)
    if len(found) == len(referred.by):
        raise NotApplicable("the registry does not filter, which is optional")
    expect_digests(found, reply, [referred.by["image"]])
    expect_digests(*referred.listed(OCI_EMPTY), [])


@pytest.fixture
def anonymous_response(guarded: StoredImage, once: Once) -> Exchange:
    """The response to a request for referrers without a login."""
    anonymous, digest = guarded.repository.as_role(None), guarded.image.digest
    return once("referrers without a login", lambda: anonymous.referrers(digest))


@verifies("registry/login/anonymous-cannot-list-referrers")
def test_anonymous_cannot_list_referrers(guarded: StoredImage, bad_login: str, anonymous_response: Exchange) -> None:
    """Purpose: unauthenticated clients do not see what refers to an organization's images.
    Method: 1. List referrers, also of one type, without a login, and with an invalid one: expect 401.
    """
    of_a_type = guarded.repository.as_role(None).referrers(guarded.image.digest, SBOM)
    for each in (anonymous_response, of_a_type):
        expect_status(each, 401, "without a login")
    reply = guarded.repository.presenting(bad_login).referrers(guarded.image.digest)
    expect_status(reply, 401, "for an invalid login")


@verifies("registry/login/referrers-challenge-names-the-scope")
def test_challenge_of_referrers(guarded: StoredImage, anonymous_response: Exchange) -> None:
    """Purpose: a client that lists referrers learns which token it needs.
    Method: 1. List referrers without a login: expect a Bearer challenge whose scope names the repository and pull.
    """
    expect_scope(anonymous_response, f"repository:{guarded.repository.name}", "pull")


@verifies("registry/rights/puller-can-list-referrers")
def test_puller_can_list_referrers(guarded: StoredImage) -> None:
    """Purpose: a client that may pull an image finds its signatures, which some engines require.
    Method: 1. List referrers with a pull-only login: expect 200.
    """
    expect_status(guarded.repository.as_role("puller").referrers(guarded.image.digest), 200)


@verifies("registry/rights/other-organization-cannot-list-referrers")
def test_other_organization_cannot_list_referrers(guarded: StoredImage) -> None:
    """Purpose: another organization does not see what refers to our images.
    Method: 1. List referrers, also of one type, with another organization's login: expect 401, 403 or 404.
    """
    for kind in (None, SBOM):
        reply = guarded.repository.as_role("foreign").referrers(guarded.image.digest, kind)
        expect_denied(reply, "for another organization's login")


@verifies("registry/referrers/malformed-digest-is-400")
@pytest.mark.parametrize("digest", [case("short", "sha256:abc"), case("word", "nonsense"), case("tag", "v1")])
def test_referrers_of_a_malformed_digest(stored: StoredImage, digest: str) -> None:
    """Purpose: a client learns that its digest is malformed.
    Method: 1. List the referrers of a malformed digest: expect 400.
    """
    expect_status(stored.repository.referrers(digest), 400, "for a malformed digest")
