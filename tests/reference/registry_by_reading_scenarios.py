"""Conversations that show what reading the checks found: what goes with an image, and what only codes tell apart."""

from __future__ import annotations

from tests.reference.registry_support import APP, INDEX, Driver, digest

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "another_algorithm": ("MalformedDigestsLeadNowhere",),
    "cancel": ("CancellingNotImplemented",),
    "gone_with_its_image": ("BlobsGoWithTheirImage",),
    "index_of_nothing": ("EmptyIndexesRefused",),
    "in_use": ("DeletionsOfListedImagesDisallowed",),
    "manifest_references": ("MissingBlobsToldAsBlobs",),
    "manifest_deleted": ("PusherMayNotDelete",),
    "other_methods": ("AbsenceToldBeforeTheMethod",),
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


async def another_algorithm(d: Driver) -> None:
    await d.push_manifest(await d.image_document(), f"md5:{'0' * 32}")
