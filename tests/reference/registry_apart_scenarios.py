"""Conversations about what is another repository's, was so before, or is like what is asked for; what shows which."""

from __future__ import annotations

import asyncio
import gzip
import json
from urllib.parse import quote

from tests.reference.registry_scenarios import BLOB, MISSING, UPLOADS, session
from tests.reference.registry_support import (
    APP,
    CONFIG,
    FOREIGN,
    IMAGE,
    INDEX,
    TWO,
    Driver,
    descriptor,
    digest,
    image_of,
    scope,
    token,
    with_digest,
)

HEX = "0123456789abcdef" * 4
SHOWN_BY: dict[str, tuple[str, ...]] = {
    "absent_then_pushed": ("AbsentBlobRemembered", "AbsentTagRemembered"),
    "behind_a_slash": ("CatalogFolderByFolder",),
    "looked_for_then_pushed": ("AbsentImageRememberedForHead", "HeadsForSharedCaches"),
    "latest_of_others": ("LatestIsWhateverThereIs",),
    "among_blobs": ("ManifestOfAnyRepositoryAsABlob",),
    "two_sources": ("MountOfTheSecondSource",),
    "ends_of_tags": ("TagWithoutItsLastDash", "TagWithoutItsLastDot"),
    "ended_by_sha512": ("Sha512OfChunksUnverified",),
    "accepted_compressed": (
        "AnswersCompressed",
        "CodedUnderTheSameEntityTag",
        "CodedWithoutSayingSo",
        "PackedLayerSaidToBeCoded",
    ),
    "accepted": ("AcceptHeeded", "FirstAcceptFieldAlone", "LastAcceptFieldAlone", "WeightTakenForTheType"),
    "begins_so": ("DeletionInNamesThatBeginSo", "TagsOfNamesThatBeginSo"),
    "blobs_at_once": ("BlobsAtOnceMixed",),
    "blob_elsewhere": ("BlobOfAbsentRepositoryFails", "KnownBlobOfAnyRepository", "PartOfBlobOfAnyRepository"),
    "deleted_here": (
        "BlobDeletionUnsupported",
        "DeletedTagNeverComesBack",
        "DeletionTakesTagsThatMovedAway",
        "IndexDeletionTakesItsImages",
        "ManifestDeletedInEveryRepository",
        "TagDeletedInEveryRepository",
    ),
    "indexes": (
        "FirstListedAlone",
        "FirstMissingTold",
        "IndexWithLayersTaken",
        "ListedDescriptorUnchecked",
        "ListedImagesOfAnyRepository",
    ),
    "in_use": ("BlobInUseKept", "DeletedBlobStillCounts", "ListedImageKept", "TaggedImageKept"),
    "known": ("KnownNeedsNoLogin", "KnownWhateverIsKnown"),
    "like": (
        "BlobServedAsManifest",
        "CapitalsTakenForSmallLetters",
        "ConfigOfOtherTypeRefused",
        "DigestFoundByItsBeginning",
        "DigestsInCapitals",
        "LettersOfFourBytesFail",
        "LettersOfTwoSignsJoined",
        "ManifestTrimmed",
        "MediaTypeWanted",
        "SameLayerTwiceRefused",
        "SuffixOfMoreThanThereIsRefused",
        "TagFoundByItsBeginning",
        "TagOfHexTakenForDigest",
    ),
    "manifest_elsewhere": ("HeadOfManifestOfAnyRepository", "ManifestBringsItsBlobs", "ManifestOfAnyRepository"),
    "mount_without_source": ("MountFindsItAnywhere", "MountOfAnyBlobWithoutSource"),
    "moving": (
        "EntityTagOfTheTagsName",
        "HeadOfTagFromCache",
        "TagDigestFromCache",
        "TagNeverGoesBack",
        "UntaggedImagesCollected",
    ),
    "namesakes": ("AppsOfAllOrganizationsAreOne",),
    "of_an_index": ("HeadTypeIsAlwaysImage", "IndexServedAsItsChild"),
    "other_grants": (
        "ActionsOfEveryScopeTogether",
        "ForbiddenWithoutChallenge",
        "ManifestReadBeforeItsSender",
        "PushTokenDeletesBlobs",
        "PushTokenDeletesTags",
        "ReferrersForEveryLogin",
        "StrangersFindNothing",
        "TokenOfOneDeletesFromAll",
        "TokenOfOneListsTagsOfAll",
        "TokenOfOnePushesManifestsToAll",
        "TokenOfOneReadsBlobsOfAll",
        "TooLittleWithoutChallenge",
        "TooLittleWithoutScope",
    ),
    "pages": (
        "CatalogPageBeginsWithTheLast",
        "CatalogPassesOverOne",
        "CatalogWithoutLink",
        "LinkToAnEmptyPage",
        "TagsBehindLastWithoutCase",
    ),
    "referrers_again": (
        "FilterOfOwnTypesAlone",
        "FilterOfTypesThatBeginSo",
        "IndexWithoutArtifactType",
        "NothingFilteredIsUnknown",
        "OneReferrerOfAType",
        "ReferrerListedForEachPush",
        "ReferrerWithTagNotListed",
        "ReferrersFromCache",
        "ReferrersOfReferrers",
        "SubjectToldOfDigestsAlone",
    ),
    "refused": (
        "RefusedBlobTakesTheOther",
        "RefusedManifestTakesItsDigest",
        "RefusedManifestTakesItsTag",
        "Sha512ManifestUnverified",
    ),
    "session_elsewhere": (
        "BytesBeyondAPartLost",
        "CancellingEndsEveryUpload",
        "CancellingUnsupported",
        "UploadsEndByThemselves",
        "UploadsHaveAState",
        "WarningsTold",
        "ChunkRefusedWithoutBody",
        "ChunkTakenByAnotherRepository",
        "LocationOfEachMoment",
        "SessionOfNamesThatBeginSo",
        "UploadCancelledByAnotherRepository",
    ),
    "session_with_pull": (
        "AnonymousLearnsHowFar",
        "CancellingNeedsPullAlone",
        "ChunkNeedsPullAlone",
        "ClosingNeedsPullAlone",
    ),
}


async def absent_then_pushed(d: Driver) -> None:
    for _ in range(2):
        await d.ask("GET", f"/v2/{APP}/blobs/{digest(BLOB)}")
        await d.ask("GET", f"/v2/{APP}/manifests/v1")
        await d.push_blob(BLOB)
        await d.image("v1")


async def behind_a_slash(d: Driver) -> None:
    for name in (APP, f"{APP}/below", f"{APP}-beside"):
        path = f"/v2/{name}/blobs/uploads/?digest={digest(BLOB)}"
        await d.ask("POST", path, BLOB, bearer=token(scope(name, "pull", "push")))
    await d.ask("GET", "/v2/_catalog", bearer=token(scope("catalog", "*", kind="registry")))


async def looked_for_then_pushed(d: Driver) -> None:
    path = f"/v2/{APP}/manifests/{await d.image('v1')}"
    await d.ask("DELETE", path)
    await d.ask("HEAD", path)
    await d.image("v1")
    await d.ask("HEAD", path)


async def latest_of_others(d: Driver) -> None:
    await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/manifests/latest")


async def among_blobs(d: Driver) -> None:
    await d.ask("GET", f"/v2/{TWO}/blobs/{await d.image('v1')}")


async def two_sources(d: Driver) -> None:
    named = await d.push_blob(BLOB, FOREIGN)
    own = token(scope(APP, "pull", "push"), scope(TWO, "pull"))
    await d.ask("POST", f"{UPLOADS}?mount={named}&from={TWO}&from={FOREIGN}", bearer=own)


async def ends_of_tags(d: Driver) -> None:
    for tag in ("v1.", "v1-"):
        await d.image(tag)
        await d.ask("GET", f"/v2/{APP}/manifests/v1")


async def ended_by_sha512(d: Driver) -> None:
    location = await session(d)
    patched = await d.ask("PATCH", location, BLOB, Content_Range=f"0-{len(BLOB) - 1}")
    await d.ask("PUT", with_digest(patched.headers.get("location", location), digest(b"another", "sha512")))


async def accepted(d: Driver) -> None:
    pushed = await d.image("v1")
    for told in (f"{INDEX}, {IMAGE};q=0.5", (IMAGE, INDEX), (INDEX, IMAGE)):
        await d.ask("GET", f"/v2/{APP}/manifests/{pushed}", Accept=told)
    await d.ask("GET", f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}", Accept=IMAGE)


async def accepted_compressed(d: Driver) -> None:
    named = await d.push_blob(gzip.compress(BLOB, mtime=0))
    for path in (f"blobs/{named}", f"manifests/{await d.image('v1')}"):
        await d.ask("GET", f"/v2/{APP}/{path}", Accept_Encoding="gzip")


async def begins_so(d: Driver) -> None:
    pushed = await d.image("v2", TWO)
    await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/tags/list")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}")
    await d.ask("GET", f"/v2/{TWO}/manifests/v2")


async def blobs_at_once(d: Driver) -> None:
    named = await asyncio.gather(d.push_blob(BLOB), d.push_blob(b"another"))
    for each in named:
        await d.ask("GET", f"/v2/{APP}/blobs/{each}")
    d.asked.sort(key=repr)


async def blob_elsewhere(d: Driver) -> None:
    named = await d.push_blob(BLOB)
    await d.ask("GET", f"/v2/{TWO}/blobs/{named}", Range="bytes=0-9")
    await d.ask("GET", f"/v2/{TWO}/blobs/{named}", If_None_Match=f'"{named}"')


async def index_of(d: Driver, child: str) -> str:
    """Pushes an index of an image that is there."""
    content = (await d.ask("GET", f"/v2/{APP}/manifests/{child}")).body
    return (await d.push_manifest({"schemaVersion": 2, "manifests": [descriptor(content, IMAGE)]}, media_type=INDEX))[0]


async def deleted_here(d: Driver) -> None:
    await d.image("v1", TWO)
    pushed = await d.image("v1")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{await index_of(d, pushed)}")
    await d.ask("GET", f"/v2/{APP}/manifests/v1")
    for reference in ("v1", pushed):
        await d.ask("DELETE", f"/v2/{APP}/manifests/{reference}")
        await d.ask("GET", f"/v2/{TWO}/manifests/v1")
    await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/manifests/v1")
    await d.image("v1", annotations={"a": "moved"})
    await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}")
    await d.ask("GET", f"/v2/{APP}/tags/list")
    await d.ask("DELETE", f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}")


async def indexes(d: Driver) -> None:
    document = await d.image_document()
    pushed = await d.image("v1")
    content = (await d.ask("GET", f"/v2/{APP}/manifests/{pushed}")).body
    listed = descriptor(content, IMAGE)
    for told in (
        {"manifests": [listed], "config": document["config"], "layers": document["layers"]},
        {"manifests": [{name: value for name, value in listed.items() if name != "mediaType"}]},
    ):
        await d.push_manifest({"schemaVersion": 2, **told}, "v2", media_type=INDEX)
    await d.push_manifest({"schemaVersion": 2, "manifests": [listed]}, "v2", TWO, INDEX)
    missing = [descriptor(told, IMAGE) for told in (b"one", b"two")]
    await d.push_manifest({"schemaVersion": 2, "manifests": [listed, *missing]}, "v3", media_type=INDEX)
    await d.push_manifest({"schemaVersion": 2, "manifests": missing}, "v3", media_type=INDEX)


async def in_use(d: Driver) -> None:
    await d.image("v1")
    await d.ask("DELETE", f"/v2/{APP}/blobs/{digest(b'{}')}")
    await d.ask("DELETE", f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}")
    await d.push_manifest(image_of(b"{}", BLOB), "v2")
    pushed = await d.image()
    await index_of(d, pushed)
    await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}")


async def known(d: Driver) -> None:
    pushed = await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/manifests/v1", bearer=None, If_None_Match=f'"{pushed}"')
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(b'{}')}", If_None_Match=f'"{pushed}"')


async def like(d: Driver) -> None:
    pushed = await d.image("v1.0.0")
    named = await d.push_blob(BLOB)
    for reference in ("v1", pushed[:19], named, HEX):
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}")
    await d.image(HEX)
    await d.ask("GET", f"/v2/{APP}/blobs/{named}", Range="bytes=-5000")
    await d.push_manifest(image_of(b"{}", b"layer\r\n", b"layer\r\n"), "twice")
    await d.push_manifest(image_of(b"{}") | {"config": descriptor(b"{}", "application/vnd.other.config")}, "other")
    await d.push_manifest(json.dumps(image_of(b"{}", b"layer\r\n")).encode() + b"\n", "line-end")
    await d.ask("GET", f"/v2/{APP}/manifests/line-end")
    for text in ("e\N{COMBINING ACUTE ACCENT}", "\N{ROCKET}"):
        lettered = image_of(b"{}", b"layer\r\n", annotations={"org.example.text": text})
        await d.push_manifest(json.dumps(lettered, ensure_ascii=False).encode(), "lettered")
        await d.ask("GET", f"/v2/{APP}/manifests/lettered")
    untyped = {name: value for name, value in image_of(b"{}", b"layer\r\n").items() if name != "mediaType"}
    await d.push_manifest(untyped, "untyped")
    await d.ask("PUT", with_digest(await session(d), f"sha256:{named[7:].upper()}"), BLOB)


async def manifest_elsewhere(d: Driver) -> None:
    pushed = await d.image("v1")
    for method in ("GET", "HEAD"):
        await d.ask(method, f"/v2/{TWO}/manifests/{pushed}")
    await d.push_manifest(image_of(b"{}", b"layer\r\n"), "v1", TWO)
    await d.ask("GET", f"/v2/{TWO}/blobs/{digest(b'{}')}")


async def mount_without_source(d: Driver) -> None:
    named = await d.push_blob(BLOB, FOREIGN)
    await d.ask("POST", f"{UPLOADS}?mount={named}", bearer=token(scope(APP, "pull", "push")))
    both = token(scope(APP, "pull", "push"), scope(TWO, "pull"))
    await d.ask("POST", f"{UPLOADS}?mount={named}&from={TWO}", bearer=both)


async def moving(d: Driver) -> None:
    for told in ({"a": "first"}, {"a": "second"}, {"a": "first"}):
        pushed = await d.image("v1", annotations=told)
        head = await d.ask("HEAD", f"/v2/{APP}/manifests/v1")
        await d.ask("GET", f"/v2/{APP}/manifests/v1", If_None_Match=head.headers.get("etag", ""))
        await d.ask("GET", f"/v2/{APP}/manifests/v1")
    await d.image("v1", annotations={"a": "third"})
    await d.ask("GET", f"/v2/{APP}/manifests/{pushed}")


async def namesakes(d: Driver) -> None:
    await d.image("v1")
    name = APP.replace("acme", "globex")
    await d.ask("GET", f"/v2/{name}/manifests/v1", bearer=token(scope(name, "pull")))


async def of_an_index(d: Driver) -> None:
    for method in ("GET", "HEAD"):
        await d.ask(method, f"/v2/{APP}/manifests/{await index_of(d, await d.image('v1'))}", Accept=IMAGE)


async def other_grants(d: Driver) -> None:
    await d.image("v1")
    push = token(scope(APP, "pull", "push"))
    await d.ask("DELETE", f"/v2/{APP}/manifests/v1", bearer=push)
    await d.ask("DELETE", f"/v2/{APP}/blobs/{digest(b'{}')}", bearer=push)
    both = token(scope(APP, "pull"), scope(TWO, "pull", "push"))
    await d.ask("POST", UPLOADS, bearer=both)
    missing = json.dumps(image_of(b"{}", b"missing")).encode()
    await d.ask("PUT", f"/v2/{APP}/manifests/v2", missing, bearer=None, Content_Type=IMAGE)
    everything = token(scope(TWO, "pull", "push", "delete"))
    await d.ask("GET", f"/v2/{APP}/referrers/{MISSING}", bearer=everything)
    await d.ask("GET", f"/v2/{APP}/tags/list", bearer=everything)
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(b'{}')}", bearer=everything)
    await d.ask("PUT", f"/v2/{APP}/manifests/v2", missing, bearer=everything, Content_Type=IMAGE)
    await d.ask("DELETE", f"/v2/{APP}/manifests/v1", bearer=everything)


async def pages(d: Driver) -> None:
    for tag in ("a", "b"):
        await d.image(tag)
    await d.ask("GET", f"/v2/{APP}/tags/list?n=2")
    await d.ask("GET", f"/v2/{APP}/tags/list?last=A")
    for name in (TWO, f"{APP}-three"):
        await d.push_blob(BLOB, name)
    link = (await d.ask("GET", "/v2/_catalog?n=1")).headers.get("link", "")
    await d.ask("GET", link.partition("<")[2].partition(">")[0] or "/v2/_catalog")


async def referrers_again(d: Driver) -> None:
    subject = descriptor(b"later", IMAGE)
    for _ in range(2):
        await d.ask("GET", f"/v2/{APP}/referrers/{subject['digest']}")
        await d.image(subject=subject)
    await d.ask("GET", f"/v2/{APP}/referrers/{subject['digest']}")
    await d.ask("GET", f"/v2/{APP}/referrers/{MISSING}?artifactType=application/vnd.a")
    for number in range(2):
        await d.image(
            f"v{number}", subject=subject, artifactType="application/vnd.a+json", annotations={"n": str(number)}
        )
    direct = await d.image(subject=subject)
    content = (await d.ask("GET", f"/v2/{APP}/manifests/{direct}")).body
    await d.image(subject=descriptor(content, IMAGE))
    index = {"schemaVersion": 2, "manifests": [], "artifactType": "application/vnd.b", "subject": subject}
    await d.push_manifest(index, media_type=INDEX)
    for query in ("", "?artifactType=application/vnd.a", f"?artifactType={quote(CONFIG)}"):
        await d.ask("GET", f"/v2/{APP}/referrers/{subject['digest']}{query}")


async def refused(d: Driver) -> None:
    pushed, named = await d.image("v1"), await d.push_blob(BLOB)
    await d.ask("PUT", with_digest(await session(d), named), b"other")
    await d.ask("GET", f"/v2/{APP}/blobs/{named}")
    for reference in (pushed, "v1"):
        await d.ask("PUT", f"/v2/{APP}/manifests/{reference}", b"other", Content_Type=IMAGE)
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}")
    image = (await d.ask("GET", f"/v2/{APP}/manifests/v1")).body
    await d.ask("PUT", f"/v2/{APP}/manifests/{digest(b'other', 'sha512')}", image, Content_Type=IMAGE)


async def session_elsewhere(d: Driver) -> None:
    location = await session(d)
    await d.ask("PATCH", location, b"x", Content_Range="5-5")
    for method in ("PATCH", "DELETE"):
        await d.ask(method, location.replace(APP, TWO), b"x")
    await d.ask("PATCH", location, BLOB)
    await d.ask("PUT", with_digest(location, digest(BLOB)))
    await d.ask("PATCH", await session(d), bytes(5 * 1024 * 1024 + 1))
    beside = await session(d)
    await d.ask("DELETE", await session(d))
    await d.ask("GET", beside)


async def session_with_pull(d: Driver) -> None:
    location, pull = await session(d), token(scope(APP, "pull"))
    await d.ask("PATCH", location, BLOB, bearer=pull)
    await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB, bearer=pull)
    for method, bearer in (("GET", None), ("DELETE", pull)):
        await d.ask(method, await session(d), bearer=bearer)
