"""Conversations about what is seldom asked for; what shows which."""

from __future__ import annotations

from tests.reference.registry_scenarios import BLOB, MISSING, session
from tests.reference.registry_support import (
    APP,
    FOREIGN,
    IMAGE,
    LAYER,
    TWO,
    Driver,
    descriptor,
    digest,
    scope,
    token,
    with_digest,
)

ARTIFACT = "application/vnd.a+json"
UNKNOWN = "4c1b2b6e-0f0e-4a38-8f0f-0d4bb7d7c5a1"
SHOWN_BY: dict[str, tuple[str, ...]] = {
    "another_algorithm": ("ManifestDigestOfAnyAlgorithm",),
    "behind_no_name": ("CatalogBeginsAnewBehindNoName", "CatalogEndsBehindNoName"),
    "beside_a_refusal": ("RefusedDigestEndsEveryUpload",),
    "deleted_compressed": ("CompressedIsKeptInTheCache",),
    "kept_for_everybody": ("CompressedManifestsKeptForEverybody",),
    "known_already": (
        "EntityTagsWithoutQuotationMarks",
        "OneEntityTagRead",
        "UnchangedWithoutEntityTag",
        "WeakenedDigestIsAnother",
    ),
    "last_behind_a_stream": ("LastBytesBehindStreamIgnored",),
    "long_blob": ("LongPostCutShort",),
    "long_list": ("LongTagListCutShort",),
    "made_good": ("MountedBeforeIsNotCreated", "RefusedManifestStaysRefused", "UnknownSessionCancelledByAnotherCode"),
    "nearly_manifests": ("LayersOfANumberFail", "NotANumberTaken", "SchemaVersionReadFromText"),
    "not_of_ascii": ("DigestBeyondAsciiFails", "NameBeyondAsciiFails"),
    "referred_to": ("FilteredReferrersWithoutAnnotations", "ReferringImagesWithoutAnnotations"),
    "resumed": ("LastBytesNotVerified", "ResumedFromTheStart"),
    "referrer_deleted": ("DeletedReferrerStaysInItsType",),
    "sha512_deleted": ("MountBySha512Refused", "Sha512BlobNotDeleted"),
}


async def another_algorithm(d: Driver) -> None:
    await d.push_manifest(await d.image_document(), f"md5:{'0' * 32}")


async def behind_no_name(d: Driver) -> None:
    for name in (APP, TWO):
        await d.push_blob(BLOB, name)
    await d.ask("GET", f"/v2/_catalog?last={TWO[:-1]}")


async def beside_a_refusal(d: Driver) -> None:
    beside = await session(d)
    await d.ask("PUT", with_digest(await session(d), MISSING), BLOB)
    await d.ask("PUT", with_digest(beside, digest(BLOB)), BLOB)


async def deleted_compressed(d: Driver) -> None:
    path = f"/v2/{APP}/manifests/{await d.image('v1')}"
    for method in ("GET", "DELETE", "GET"):
        await d.ask(method, path, Accept_Encoding="gzip")


async def kept_for_everybody(d: Driver) -> None:
    path = f"/v2/{APP}/manifests/{await d.image('v1')}"
    await d.ask("GET", path, Accept_Encoding="gzip")
    await d.ask("GET", path, bearer=token(scope(FOREIGN, "pull"), sub="ct-foreign"), Accept_Encoding="gzip")


async def known_already(d: Driver) -> None:
    named = await d.push_blob(BLOB)
    for known in (f'"{named}"', f'"other", "{named}"', f'"other", W/"{named}"'):
        await d.ask("GET", f"/v2/{APP}/blobs/{named}", If_None_Match=known)


async def last_behind_a_stream(d: Driver) -> None:
    location = (await d.ask("PATCH", await session(d), BLOB[:100])).headers["location"]
    await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB[100:])


async def long_blob(d: Driver) -> None:
    content = bytes((1 << 20) + 1)
    await d.ask("POST", with_digest(f"/v2/{APP}/blobs/uploads/", digest(content)), content)
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(content)}")


async def long_list(d: Driver) -> None:
    document = await d.image_document()
    for number in range(110):
        await d.push_manifest(document, f"t{number:03}")
    await d.ask("GET", f"/v2/{APP}/tags/list")


async def made_good(d: Driver) -> None:
    lacking = {**await d.image_document(), "layers": [descriptor(BLOB, LAYER)]}
    await d.push_manifest(lacking, "late")
    mounted = f"/v2/{TWO}/blobs/uploads/?mount={await d.push_blob(BLOB)}&from={APP}"
    await d.push_manifest(lacking, "late")
    for _ in range(2):
        await d.ask("POST", mounted)
    await d.ask("DELETE", f"/v2/{APP}/blobs/uploads/{UNKNOWN}")


async def nearly_manifests(d: Driver) -> None:
    document = await d.image_document()
    await d.push_manifest({**document, "schemaVersion": "2"}, "text")
    await d.push_manifest({**document, "org.example.number": float("nan")}, "number")
    await d.push_manifest({**document, "layers": 5}, "layers")


async def not_of_ascii(d: Driver) -> None:
    await d.ask("POST", f"/v2/{APP}/blobs/uploads/?mount=sha256%3A%C3%9F&from={TWO}")
    await d.ask("GET", f"/v2/{APP}%C3%9F/manifests/v1")


async def referred_to(d: Driver) -> None:
    subject = descriptor(b"", IMAGE, digest=await d.image("v1"), size=1)
    await d.image(subject=subject, annotations={"of": "an image"})
    await d.image(subject=subject, annotations={"of": "an artifact"}, artifactType=ARTIFACT)
    for query in ("", f"?artifactType={ARTIFACT.replace('+', '%2B')}"):
        await d.ask("GET", f"/v2/{APP}/referrers/{subject['digest']}{query}")


async def referrer_deleted(d: Driver) -> None:
    subject = descriptor(b"", IMAGE, digest=await d.image("v1"), size=1)
    referrer = await d.image(subject=subject, artifactType=ARTIFACT)
    listed = f"/v2/{APP}/referrers/{subject['digest']}?artifactType={ARTIFACT.replace('+', '%2B')}"
    for path in (listed, f"/v2/{APP}/manifests/{referrer}", listed):
        await d.ask("DELETE" if path != listed else "GET", path)


async def resumed(d: Driver) -> None:
    location = (await d.ask("PATCH", await session(d), BLOB[:100])).headers["location"]
    await d.ask("PUT", with_digest(location, digest(BLOB[:100])), BLOB[100:])
    named = await d.push_blob(BLOB)
    await d.ask("GET", f"/v2/{APP}/blobs/{named}", Range="bytes=5-9", If_Range=f'"{named}"')


async def sha512_deleted(d: Driver) -> None:
    named = await d.push_blob(BLOB, algorithm="sha512")
    await d.ask("POST", f"/v2/{TWO}/blobs/uploads/?mount={named}&from={APP}")
    for method in ("DELETE", "GET"):
        await d.ask(method, f"/v2/{APP}/blobs/{named}")
