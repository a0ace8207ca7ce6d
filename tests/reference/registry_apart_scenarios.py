"""Conversations about what is another repository's, was so before, or is like what is asked for; what shows which."""

from __future__ import annotations

import gzip
import json

from tests.reference.registry_scenarios import BLOB, MISSING, UPLOADS, session
from tests.reference.registry_support import (
    APP,
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
    "accepted_compressed": ("AnswersCompressed",),
    "accepted": ("AcceptHeeded",),
    "deleted_here": ("BlobDeletionUnsupported",),
    "in_use": (
        "BlobInUseKept",
        "ListedImageKept",
        "TaggedImageKept",
    ),
    "like": ("CapitalsTakenForSmallLetters",),
    "moving": ("UntaggedImagesCollected",),
    "other_grants": (
        "ForbiddenWithoutChallenge",
        "StrangersFindNothing",
    ),
    "pages": ("LinkToAnEmptyPage",),
    "session_elsewhere": (
        "CancellingUnsupported",
        "UploadsEndByThemselves",
        "UploadsHaveAState",
        "WarningsTold",
        "ChunkRefusedWithoutBody",
        "LocationOfEachMoment",
    ),
}


async def accepted(d: Driver) -> None:
    pushed = await d.image("v1")
    for told in (f"{INDEX}, {IMAGE};q=0.5", (IMAGE, INDEX), (INDEX, IMAGE)):
        await d.ask("GET", f"/v2/{APP}/manifests/{pushed}", Accept=told)
    await d.ask("GET", f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}", Accept=IMAGE)


async def accepted_compressed(d: Driver) -> None:
    named = await d.push_blob(gzip.compress(BLOB, mtime=0))
    for path in (f"blobs/{named}", f"manifests/{await d.image('v1')}"):
        await d.ask("GET", f"/v2/{APP}/{path}", Accept_Encoding="gzip")


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


async def in_use(d: Driver) -> None:
    await d.image("v1")
    await d.ask("DELETE", f"/v2/{APP}/blobs/{digest(b'{}')}")
    await d.ask("DELETE", f"/v2/{APP}/blobs/{await d.push_blob(BLOB)}")
    await d.push_manifest(image_of(b"{}", BLOB), "v2")
    pushed = await d.image()
    await index_of(d, pushed)
    await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}")


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


async def moving(d: Driver) -> None:
    for told in ({"a": "first"}, {"a": "second"}, {"a": "first"}):
        pushed = await d.image("v1", annotations=told)
        head = await d.ask("HEAD", f"/v2/{APP}/manifests/v1")
        await d.ask("GET", f"/v2/{APP}/manifests/v1", If_None_Match=head.headers.get("etag", ""))
        await d.ask("GET", f"/v2/{APP}/manifests/v1")
    await d.image("v1", annotations={"a": "third"})
    await d.ask("GET", f"/v2/{APP}/manifests/{pushed}")


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
