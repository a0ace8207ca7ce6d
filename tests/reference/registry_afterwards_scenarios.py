"""Conversations about what comes after something else, and about ways round; what shows which."""

from __future__ import annotations

import base64
import json

from tests.reference.registry_apart_scenarios import index_of
from tests.reference.registry_scenarios import BLOB, UPLOADS, session
from tests.reference.registry_support import (
    ALL,
    APP,
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

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "blob_taken_out": (
        "DeletedBlobGivenInParts",
        "DeletedBlobNotModified",
        "DeletedBlobStillMounts",
        "HeadOfBlobFromCache",
    ),
    "read_before": (
        "AnonymousHeadOfLists",
        "BlobFromCache",
        "BlobsOfNamesBelow",
        "DeletedChildStillCounts",
        "DeletedManifestNotModified",
        "DeletedReferrerTakesItsSubject",
        "DeletionImpliesPush",
        "DigestOfTheFormerTold",
        "FilteredReferrersFromCache",
        "HeadOfManifestFromCache",
        "ImagesForSharedCaches",
        "LastByteSentEmpty",
        "LocationOfTheFormerTold",
        "ManifestByDigestFromCache",
        "PushByDigestForEveryLogin",
    ),
    "index_under_a_tag": (
        "DeletedIndexStillServed",
        "IndexTagsNotListed",
        "TagsOfADeletedIndexStay",
        "TypeOfATagRemembered",
    ),
    "known_digests": (
        "EscapedDigestAlone",
        "KnownDigestNeedsNoBytes",
        "KnownElsewhereUnverified",
        "LastDigestStored",
        "PostNeedsNoBytes",
        "SecondTryBelieved",
        "Sha512ManifestsFail",
        "Sha512ManifestsNotFound",
    ),
    "mounted_again": (
        "MountFromItselfTakesTheBlob",
        "MountOfWhatIsThereRefused",
        "MountedBlobsUnknownToManifests",
    ),
    "tokens_of_near_names": (
        "CatalogCutBeforeItIsFiltered",
        "CatalogTokenOpensAll",
        "MountWithinOneOrganization",
        "PartsForEveryLogin",
        "ReferrersOfOnesOrganization",
        "TokenGoesDownwards",
        "TokenGoesUpwards",
        "TokenToldBack",
        "LoginToldBack",
        "UploadOfOneToken",
    ),
    "referred_to_again": (
        "DeletedReferrerNeverComesBack",
        "LettersBeyondAsciiLostInReferrers",
        "RefusedManifestRefers",
        "Sha512SubjectsNotListed",
        "SubjectToldOfEveryManifest",
    ),
    "rounds": (
        "AbsentImagesTold",
        "EscapedPathsNeedNoLogin",
        "MethodOverridden",
        "NameAloneOpens",
        "NameInAFieldOpens",
        "RegistryBehindAGuardOfFields",
        "NearAddressOpens",
        "OtherMethodsNeedNoLogin",
        "PathInAFieldIsUnguarded",
        "RefreshTokenOpens",
        "RightsOfTheFirstNameInThePath",
        "TwoSlashesNeedNoLogin",
    ),
    "served_otherwise": (
        "ActionsInAnotherOrder",
        "BlobsRedirectedAgain",
        "ChunkMinimumKept",
        "ConnectionsClosed",
        "DigestToldWhereItIsReadAlone",
        "EntityTagsWeak",
        "LengthNotKnownBefore",
        "ListsRedirected",
        "LocationsRelativeToTheRequest",
        "LinkWithAToken",
        "ListsTellMore",
        "ManifestLocatedByItsTag",
        "ManifestsRedirected",
        "MoreToldInTheChallenge",
        "NoTagsNoRepository",
        "OpenedWithoutRange",
        "PullsAloneLedElsewhere",
        "PullsOfManifestsAloneLedElsewhere",
        "RealmWithQuery",
        "RegistryBehindAContentNetwork",
        "RegistryChallengesInOneField",
        "RequestsAreCounted",
        "StorageAnswersItself",
        "StorageKnowsNoIfRange",
        "StorageSpeaksJson",
        "UploadsOnAnotherHost",
    ),
    "small_chunks": ("ChunkOfOneByteRefused", "EmptyChunkFails", "EndedUploadTakesItsBlob", "OneByteToldAsTwo"),
    "tags_apart": (
        "DeletedTagGoesBack",
        "EmptyLastEndsTheList",
        "LatestFollowsEveryPush",
        "PushByDigestTakesTags",
        "TagsOfOneImageMoveTogether",
    ),
    "unusual_members": ("EmbeddedDataRefused", "UnknownDescriptorMembersRefused"),
}


async def blob_taken_out(d: Driver) -> None:
    path = f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}"
    for method in ("HEAD", "DELETE", "HEAD"):
        await d.ask(method, path)
    await d.ask("GET", path, Range="bytes=0-9")
    await d.ask("GET", path, If_None_Match=f'"{digest(BLOB)}"')
    await d.ask("POST", f"/v2/{TWO}/blobs/uploads/?mount={digest(BLOB)}&from={APP}")


async def read_before(d: Driver) -> None:
    subject = descriptor(b"", IMAGE, digest=await d.image("v1"), size=1)
    filtered = f"/v2/{APP}/referrers/{subject['digest']}?artifactType=application/vnd.a"
    await d.ask("GET", filtered)
    referrer = await d.image("v1", subject=subject, artifactType="application/vnd.a")
    await d.ask("GET", filtered)
    manifest, blob = f"/v2/{APP}/manifests/{referrer}", f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}"
    await d.ask("GET", blob, Range="bytes=-1")
    for path in (manifest, blob):
        for method in ("GET", "HEAD", "DELETE", "GET", "HEAD"):
            await d.ask(method, path)
    await d.ask("GET", manifest, If_None_Match=f'"{referrer}"')
    await d.ask("GET", f"/v2/{APP}/manifests/{subject['digest']}")
    listed = [descriptor(b"", IMAGE, digest=referrer, size=1)]
    await d.push_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, "list", media_type=INDEX)
    below = token(scope(f"{APP}/below", *ALL))
    await d.ask("POST", f"/v2/{APP}/below/blobs/uploads/?digest={digest(BLOB)}", BLOB, bearer=below)
    await d.ask("GET", blob)
    await d.ask("HEAD", f"/v2/{APP}/tags/list", bearer=None)
    await d.ask("POST", UPLOADS, bearer=token(scope(APP, "delete")))
    content = json.dumps(image_of(b"{}")).encode()
    path = f"/v2/{APP}/manifests/{digest(content)}"
    await d.ask("PUT", path, content, bearer=token(), Content_Type=IMAGE)


async def index_under_a_tag(d: Driver) -> None:
    await d.image("list")
    child = await d.image("v1")
    named = await index_of(d, child)
    content = (await d.ask("GET", f"/v2/{APP}/manifests/{named}")).body
    await d.push_manifest(content, "list", media_type="application/vnd.oci.image.index.v1+json")
    for reference in ("list", named):
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}")
    await d.ask("GET", f"/v2/{APP}/tags/list")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{named}")
    await d.ask("GET", f"/v2/{APP}/manifests/{named}")
    await d.ask("GET", f"/v2/{APP}/tags/list")


async def known_digests(d: Driver) -> None:
    await d.push_blob(BLOB, TWO)
    await d.ask("POST", f"{UPLOADS}?digest={digest(BLOB)}")
    for content in (b"", b"other"):
        await d.ask("PUT", with_digest(await session(d), digest(BLOB)), content)
    await d.ask("PUT", with_digest(with_digest(await session(d), digest(BLOB)), digest(b"other")), BLOB)
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(b'other')}")
    location = await session(d)
    for content in (b"one", b"two"):
        await d.ask("PUT", with_digest(location, digest(b"two")), content)
    content = json.dumps(await d.image_document()).encode()
    path = f"/v2/{APP}/manifests/{digest(content, 'sha512')}"
    await d.ask("PUT", path, content, Content_Type=IMAGE)
    await d.ask("GET", path)


async def mounted_again(d: Driver) -> None:
    named = await d.push_blob(b"{}")
    for target in (TWO, TWO, APP):
        await d.ask("POST", f"/v2/{target}/blobs/uploads/?mount={named}&from={APP}")
    await d.push_manifest(image_of(b"{}"), "v1", TWO)
    await d.ask("GET", f"/v2/{APP}/blobs/{named}")


async def tokens_of_near_names(d: Driver) -> None:
    await d.image("v1")
    await d.push_blob(BLOB, FOREIGN)
    path = f"/v2/{APP}/manifests/v1"
    catalog = token(scope("catalog", "*", kind="registry"))
    for narrow in (catalog, token(scope(f"{APP}/below", *ALL))):
        await d.ask("GET", path, bearer=narrow)
    await d.ask("POST", f"/v2/{APP}/below/blobs/uploads/", bearer=token(scope(APP, *ALL)))
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(b'{}')}", bearer=token(), Range="bytes=0-0")
    push = token(scope(TWO, *ALL))
    await d.ask("POST", f"/v2/{TWO}/blobs/uploads/?mount={digest(b'{}')}&from={APP}", bearer=push)
    await d.ask("GET", f"/v2/{APP}/referrers/{digest(b'{}')}", bearer=push)
    location = await session(d)
    for each in (token(scope(APP, *ALL)), token(scope(APP, *ALL), jti="another")):
        await d.ask("PATCH", location, b"x", bearer=each)
    foreign = token(scope("catalog", "*", kind="registry"), sub="ct-foreign")
    await d.ask("GET", "/v2/_catalog?n=1", bearer=foreign)


async def referred_to_again(d: Driver) -> None:
    subject = descriptor(b"", IMAGE, digest=await d.image("v1"), size=1)
    referrers = f"/v2/{APP}/referrers/{subject['digest']}"
    for _ in range(2):
        pushed = await d.image(subject=subject, annotations={"of": "Größe"})
        await d.ask("GET", referrers)
        await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}")
    await d.push_manifest(image_of(b"{}", b"never pushed", subject=subject))
    await d.ask("GET", referrers)
    named = digest(b"later", "sha512")
    await d.image(subject={**subject, "digest": named})
    await d.ask("GET", f"/v2/{APP}/referrers/{named}")


async def rounds(d: Driver) -> None:
    await d.image("v1")
    path = f"/v2/{APP}/manifests/v1"
    for spelled in (f"/{path}", path.replace("acme/", "acme%2F")):
        await d.ask("GET", spelled, bearer=None)
    own = token(scope(FOREIGN, "pull"), sub="ct-foreign")
    await d.ask("GET", f"/v2/{FOREIGN}/../../../{APP}/manifests/v1", bearer=own)
    for reference in ("v1", "absent"):
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}", bearer=own)
    await d.ask("GET", path, bearer="a" * 43)
    await d.ask("GET", path, bearer=None, X_WEBAUTH_USER="ct-push")
    await d.ask("GET", path, bearer=None, X_Forwarded_For="127.0.0.1")
    await d.ask("GET", f"/v2/{FOREIGN}/manifests/v1", bearer=own, X_Original_URL=path)
    name = base64.b64encode(b"ct-push:").decode()
    await d.ask("GET", path, bearer=None, Authorization=f"Basic {name}")
    await d.ask("PROPFIND", path, bearer=None)
    await d.ask("GET", path, bearer=token(scope(APP, "pull")), X_HTTP_Method_Override="DELETE")
    await d.ask("GET", path)


async def served_otherwise(d: Driver) -> None:
    await d.push_blob(BLOB, TWO)
    await d.ask("GET", f"/v2/{TWO}/tags/list")
    for tag in ("v1", "v2"):
        await d.image(tag)
    for method in ("GET", "HEAD"):
        location = (await d.ask(method, f"/v2/{APP}/blobs/{digest(b'{}')}")).headers.get("location", "/v2/")
        await d.ask("GET", location, bearer=None)
        await d.ask("GET", location, bearer=None, Range="bytes=0-0", If_Range='"of-another"')
        await d.ask(method, f"/v2/{APP}/manifests/v1")
    await d.ask("GET", f"/v2/{APP}/tags/list?n=1")
    await d.ask("POST", UPLOADS, bearer=None)
    location = await session(d)
    for _ in range(2):
        await d.ask("PATCH", location, b"x")


async def small_chunks(d: Driver) -> None:
    await d.ask("PATCH", await session(d), b"x", Content_Range="0-0")
    location = await session(d)
    try:
        await d.ask("PATCH", location)
    except ZeroDivisionError:
        d.asked.append(("PATCH", UPLOADS, 500, [], b""))
    await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB)
    await d.ask("DELETE", location)
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(BLOB)}")


async def tags_apart(d: Driver) -> None:
    document = await d.image_document()
    for reference in ("latest", "v1"):
        await d.push_manifest(document, reference)
    await d.push_manifest({**document, "annotations": {}}, "v1")
    for reference in ("latest", "v1"):
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}")
    await d.push_manifest(document)
    await d.ask("GET", f"/v2/{APP}/tags/list?last=")
    await d.ask("DELETE", f"/v2/{APP}/manifests/v1")
    await d.ask("GET", f"/v2/{APP}/manifests/v1")


async def unusual_members(d: Driver) -> None:
    document = await d.image_document()
    for name, value in (("data", base64.b64encode(b"{}").decode()), ("org.example", "x")):
        await d.push_manifest({**document, "config": {**document["config"], name: value}}, "v1")
