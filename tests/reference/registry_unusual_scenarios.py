"""Conversations about what is unusual and allowed, in part or at once; what shows which."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import urlsafe_b64encode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.reference.registry_scenarios import BLOB, session
from tests.reference.registry_support import APP, EVERYTHING, IMAGE, KEY, TWO, Driver, descriptor, digest, with_digest

INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
NOWHERE = digest(b"nowhere")
SHOWN_BY: dict[str, tuple[str, ...]] = {
    "absent": ("AbsentRepositoryRemembered", "DeletionInAnAbsentRepositoryFails"),
    "of_no_bytes": (
        "BlobOfNoBytesUnknownToHead",
        "PartOfNoBytesFails",
        "LayerOfNoBytesRefused",
        "EmptyChunkBeginsAnew",
    ),
    "odd_lists": (
        "HeadOfListsNotImplemented",
        "CatalogBehindNoNameFails",
        "CatalogOfNoneFails",
        "DeletedTagsInPages",
        "HeadOfTagListFails",
        "LargePagesRefused",
        "TwoPageSizesFail",
        "ReadingUploadsFails",
    ),
    "odd_images": (
        "ConfigReadWhateverItsType",
        "DescriptorAnnotationsRefused",
        "EmptyDescriptorOnceAlone",
        "ManyLayersRefused",
        "PlatformOfNoMachineRefused",
        "IndexDigestUnverified",
        "DockerImagesNotDeleted",
    ),
    "odd_digests": ("DeletionOfAMalformedDigestFails", "HeadOfAMalformedDigestFails"),
    "mounted_and_deleted": ("DeletionReachesTheSource",),
    "strangers": ("IndexesForEveryLogin", "QueryNeedsNoLogin", "MethodInTheQuery"),
    "forged": ("KeyOfATokenTrusted", "PublicKeyTakenForASecret"),
    "far_in": ("PartFarInRefused",),
    "several_at_once": (
        "ManifestsAtOnceMixed",
        "ReferrersAtOnceLost",
        "ClosingAgainAnsweredAgain",
        "SecondClosingFails",
        "SecondDeletionFails",
        "TagsDeletedAtOnceComeBack",
    ),
    "subjects": (
        "ReferrersForgottenWhenATagIsSet",
        "ReferrersForgottenWhenTheSubjectComes",
        "ReferrersOfDockerImagesNotListed",
        "ReferrersOfIndexesNotListed",
        "ReferrersWithAnnotationsCutShort",
        "ReferrersWithAnnotationsInSmallLetters",
        "ReferrersWithOneAnnotation",
        "ReferrersWithAnnotationsOfALayer",
    ),
    "bad_tokens": ("BadTokenUnchallenged", "CertificateOfATokenTrusted"),
    "catalog": ("CatalogTypedAsText", "LinkOfConfiguredHost", "ListsTakeAnyToken"),
    "anonymous": ("ChallengeInQuotedPairs", "ChallengeMissingForAChunk", "ChallengeOfAChunkToPull"),
    "ranges": ("DigestOfThePart", "EntityTagOfThePart", "PartWithoutEntityTag", "SeveralRangesSentWhole"),
    "manifest_elsewhere": ("HeadInAnAbsentRepositoryFails",),
    "of_an_index": ("HeadOfIndexOfItsImagesLength",),
    "at_once": ("ImagesForSharedCachesToRevalidate", "ListsForSharedCaches"),
    "referrers_again": ("IndexOfATypeRefused", "ReferringIndexOfAnotherSize"),
    "mount": ("MountedDigestOfOther",),
    "cancel": ("OddSessionFails",),
    "manifest_references": ("PlatformWanted",),
    "stream": ("RangeOfAStreamUntold",),
    "malformed_digests": ("ReferrersInAnAbsentRepositoryFail",),
    "session_with_pull": ("SessionsTellOfRepositories",),
    "manifest_deleted": ("UnnamedBlobsCollected",),
    "chunks": ("UploadStatusFromCache",),
}


async def absent(d: Driver) -> None:
    await d.ask("GET", f"/v2/{APP}/tags/list")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{NOWHERE}")
    await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/tags/list")


async def of_no_bytes(d: Driver) -> None:
    empty = await d.push_blob(b"")
    await d.ask("HEAD", f"/v2/{APP}/blobs/{empty}")
    await d.ask("GET", f"/v2/{APP}/blobs/{empty}", Range="bytes=0-0")
    document = await d.image_document()
    await d.push_manifest({**document, "layers": [descriptor(b"")]}, "empty")
    location = (await d.ask("PATCH", await session(d), BLOB)).headers["location"]
    location = (await d.ask("PATCH", location)).headers["location"]
    await d.ask("PUT", with_digest(location, digest(BLOB)))


async def odd_lists(d: Driver) -> None:
    await d.image("v1")
    await d.image("v2")
    await d.ask("DELETE", f"/v2/{APP}/manifests/v1")
    for query in ("?n=5", "?n=5000", "?n=1&n=2"):
        await d.ask("GET", f"/v2/{APP}/tags/list{query}")
    await d.ask("HEAD", f"/v2/{APP}/tags/list")
    await d.ask("GET", "/v2/_catalog?n=0")
    await d.ask("GET", "/v2/_catalog?last=b")
    await d.ask("GET", f"/v2/{APP}/blobs/uploads/")


async def odd_images(d: Driver) -> None:
    document = await d.image_document()
    other = descriptor(b"layer\r\n", "application/vnd.other")
    await d.push_manifest({**document, "config": other}, "other")
    await d.push_manifest({**document, "layers": [{**other, "annotations": {"a": "b"}}]}, "annotated")
    await d.push_manifest({**document, "layers": [document["config"]]}, "same")
    await d.push_manifest({**document, "layers": [other] * 127}, "many")
    named, _ = await d.push_manifest(document, "v1")
    listed = descriptor(b"", IMAGE, digest=named, size=len(json.dumps(document, indent=1)))
    listed["platform"] = {"architecture": "unknown", "os": "unknown"}
    listing = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}
    await d.push_manifest(listing, "index", media_type=INDEX)
    await d.push_manifest(listing, NOWHERE, media_type=INDEX)
    docker, _ = await d.push_manifest({**document, "mediaType": DOCKER}, "docker", media_type=DOCKER)
    await d.ask("DELETE", f"/v2/{APP}/manifests/{docker}")
    await d.ask("GET", f"/v2/{APP}/manifests/docker")


async def odd_digests(d: Driver) -> None:
    for method in ("HEAD", "DELETE"):
        await d.ask(method, f"/v2/{APP}/blobs/sha256:abc")


async def mounted_and_deleted(d: Driver) -> None:
    named = await d.push_blob(BLOB)
    await d.ask("POST", f"/v2/{TWO}/blobs/uploads/?mount={named}&from={APP}")
    await d.ask("DELETE", f"/v2/{TWO}/blobs/{named}")
    await d.ask("GET", f"/v2/{APP}/blobs/{named}")


async def strangers(d: Driver) -> None:
    named = await d.image("v1")
    nothing = jwt.encode({**_claims(), "access": []}, KEY.private, algorithm="ES256")
    listing = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    await d.ask("PUT", f"/v2/{APP}/manifests/x", listing, bearer=nothing, Content_Type=INDEX)
    await d.ask("GET", f"/v2/{APP}/manifests/v1?x", bearer=None)
    await d.ask("GET", f"/v2/{APP}/manifests/{named}?_method=DELETE")


def _claims() -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(EVERYTHING, options={"verify_signature": False})
    return claims


async def forged(d: Driver) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = KEY.private.public_key().public_bytes(serialization.Encoding.PEM, form)
    signed = ".".join([urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("="), EVERYTHING.split(".")[1]])
    made = urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).decode().rstrip("=")
    for token in (jwt.encode(_claims(), key, algorithm="ES256", headers={"jwk": public}), f"{signed}.{made}"):
        await d.ask("GET", f"/v2/{APP}/tags/list", bearer=token)


async def far_in(d: Driver) -> None:
    named = await d.push_blob(bytes(5 * 1024 * 1024))
    await d.ask("GET", f"/v2/{APP}/blobs/{named}", Range="bytes=4200000-4200009")


async def several_at_once(d: Driver) -> None:
    document = await d.image_document()
    subject = descriptor(b"", IMAGE, digest=NOWHERE, size=1)
    documents = [{**document, "subject": subject, "annotations": {"n": str(number)}} for number in range(3)]
    await asyncio.gather(*(d.push_manifest(each, f"t{number}") for number, each in enumerate(documents)))
    d.asked.clear()
    await d.ask("GET", f"/v2/{APP}/referrers/{NOWHERE}")
    location = with_digest(await session(d), digest(BLOB))
    closed = await asyncio.gather(*(d.ask("PUT", location, BLOB) for _ in range(2)))
    gone = await asyncio.gather(*(d.ask("DELETE", f"/v2/{APP}/manifests/t{number}") for number in range(2)))
    named, _ = await d.push_manifest(document, "kept")
    deleted = await asyncio.gather(*(d.ask("DELETE", f"/v2/{APP}/manifests/{named}") for _ in range(2)))
    await d.ask("GET", f"/v2/{APP}/tags/list")
    d.asked = d.asked[:1] + d.asked[-1:]
    for reply in (*closed, *gone, *deleted):
        d.asked.append(("", "", reply.status, [], b""))


async def subjects(d: Driver) -> None:
    document = await d.image_document()
    early = {**document, "mediaType": DOCKER}
    content = json.dumps(early, indent=1).encode()
    listing = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    index, _ = await d.push_manifest(listing, media_type=INDEX)
    titled = {
        "layers": [{**document["layers"][0], "annotations": {"title": "x"}}],
        "annotations": {"A": "b" * 300, "c": ""},
    }
    for named in (digest(content), index):
        await d.push_manifest({**document, **titled, "subject": descriptor(b"", IMAGE, digest=named, size=1)})
    await d.push_manifest(content, media_type=DOCKER)
    await d.push_manifest(content, "v1", media_type=DOCKER)
    for named in (digest(content), index):
        await d.ask("GET", f"/v2/{APP}/referrers/{named}")
