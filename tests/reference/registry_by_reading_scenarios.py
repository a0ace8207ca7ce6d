"""Conversations that show what reading the checks found: what goes with an image, and what only codes tell apart."""

from __future__ import annotations

from tests.reference.registry_support import APP, INDEX, TWO, Driver, digest, scope, token

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "another_algorithm": ("MalformedDigestsLeadNowhere",),
    "cancel": ("CancellingNotImplemented",),
    "gone_with_its_image": ("BlobsGoWithTheirImage", "DeletedIsAsItWas"),
    "index_of_nothing": ("EmptyIndexesRefused",),
    "in_use": ("DeletionsOfListedImagesDisallowed",),
    "manifest_references": ("MissingBlobsToldAsBlobs",),
    "manifest_deleted": ("PusherMayNotDelete", "UnchangedForAnyCache"),
    "mount_without_right": ("RefusedMountToldByItsCode",),
    "other_methods": ("AbsenceToldBeforeTheMethod",),
    "pages_of_two": ("LinkedPagesUnsorted", "LinkLeadsBack"),
    "known_without_right": ("KnownTagNeedsNoRight",),
    "without_right": ("AbsentImageToldByItsCode",),
}


async def gone_with_its_image(d: Driver) -> None:
    named, config = await d.image("v1"), digest(b"{}")
    read = await d.ask("GET", f"/v2/{APP}/manifests/{named}")
    await d.ask("DELETE", f"/v2/{APP}/blobs/{config}")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{named}")
    await d.ask("GET", f"/v2/{APP}/manifests/{named}", If_None_Match=read.headers["etag"])
    await d.ask("GET", f"/v2/{APP}/blobs/{config}")


async def index_of_nothing(d: Driver) -> None:
    await d.push_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}, "none", media_type=INDEX)


async def other_methods(d: Driver) -> None:
    for rest in ("manifests/v1", f"blobs/{digest(b'{}')}"):
        await d.ask("PATCH", f"/v2/{APP}/{rest}")
    await d.image("v1")
    await d.ask("PATCH", f"/v2/{APP}/manifests/v1")


async def without_right(d: Driver) -> None:
    await d.image("v1")
    for name in (APP, "orgs/acme/absent"):
        await d.ask("GET", f"/v2/{name}/manifests/v2", bearer=token(scope("orgs/globex/app", "pull")))


async def pages_of_two(d: Driver) -> None:
    for tag, name in (("v1", APP), ("v2", APP), ("v3", APP), ("v4", APP), ("v1", TWO), ("v1", "orgs/acme/absent")):
        await d.image(tag, name)
    for path in (f"/v2/{APP}/tags/list?n=2", "/v2/_catalog?n=2"):
        link = (await d.ask("GET", path)).headers["link"]
        await d.ask("GET", link[1:].partition(">")[0])


async def known_without_right(d: Driver) -> None:
    pushed = await d.image("v1")
    read = await d.ask("GET", f"/v2/{APP}/manifests/{pushed}")
    strange = token(scope("orgs/globex/app", "pull"))
    await d.ask("GET", f"/v2/{APP}/manifests/{pushed}", bearer=strange, If_None_Match=read.headers["etag"])
