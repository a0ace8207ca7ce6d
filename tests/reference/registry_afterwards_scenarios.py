"""Conversations about what comes after something else, and about ways round; what shows which."""

from __future__ import annotations

import base64

from tests.reference.registry_scenarios import BLOB, UPLOADS, session
from tests.reference.registry_support import (
    APP,
    FOREIGN,
    TWO,
    Driver,
    digest,
    scope,
    token,
)

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "rounds": ("RegistryBehindAGuardOfFields",),
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
}


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
