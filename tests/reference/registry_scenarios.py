"""Short conversations with the registry, each about one part of its contract."""

from __future__ import annotations

import asyncio
import json

from tests.reference.registry_support import (
    APP,
    CONFIG,
    FOREIGN,
    IMAGE,
    INDEX,
    LAYER,
    SCHEMA2,
    TWO,
    Driver,
    descriptor,
    digest,
    image_of,
    scope,
    token,
    with_digest,
)

BLOB = bytes(range(200))
MISSING = digest(b"never pushed")
UPLOADS = f"/v2/{APP}/blobs/uploads/"


async def session(d: Driver) -> str:
    return (await d.ask("POST", UPLOADS)).headers.get("location", "/")


async def upload(d: Driver) -> None:
    """POST and PUT, then the session is over."""
    location = await session(d)
    await d.ask("GET", location)
    created = await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB)
    await d.ask("GET", created.headers.get("location", "/"))
    for method in ("GET", "PATCH", "DELETE"):
        await d.ask(method, location)
    await d.push_blob(b"")


async def chunks(d: Driver) -> None:
    location = await session(d)
    for first, end in ((0, 50), (50, 100)):
        await d.ask("PATCH", location, BLOB[first:end], Content_Range=f"{first}-{end - 1}")
        await d.ask("GET", location)
    await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB[100:], Content_Range="100-199")
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(BLOB)}")
    location = await session(d)
    for part in (b"one", b"two"):
        await d.ask("PATCH", location, part)
    await d.ask("PUT", with_digest(location, MISSING))


async def chunk_of_other_length(d: Driver) -> None:
    location = await session(d)
    await d.ask("PATCH", location, BLOB[:50], Content_Range="0-59")
    await d.ask("GET", location)
    await d.ask("GET", location)


async def many_chunks(d: Driver) -> None:
    location = await session(d)
    for first in range(40):
        await d.ask("PATCH", location, b"x", Content_Range=f"{first}-{first}")


async def many_sessions(d: Driver) -> None:
    for _ in range(40):
        await d.ask("GET", await session(d))


async def cancel(d: Driver) -> None:
    location = await session(d)
    await d.ask("DELETE", location)
    await d.ask("GET", location)
    await d.ask("PATCH", f"{UPLOADS}no-such-session", b"x")


async def wrong_digest(d: Driver) -> None:
    await d.ask("PUT", with_digest(await session(d), MISSING), BLOB)
    await d.ask("GET", f"/v2/{APP}/blobs/{MISSING}")
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(BLOB)}")
    await d.ask("PUT", await session(d), BLOB)


async def malformed_digests(d: Driver) -> None:
    await d.ask("PUT", with_digest(await session(d), "sha256:zzz"), BLOB)
    for path in ("blobs", "manifests", "referrers"):
        await d.ask("GET", f"/v2/{APP}/{path}/sha256:zzz")
    await d.ask("PUT", f"/v2/{APP}/manifests/sha256:zzz", b"{}", Content_Type=IMAGE)


async def single_post(d: Driver) -> None:
    await d.ask("POST", f"{UPLOADS}?digest={digest(BLOB)}", BLOB)
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(BLOB)}")
    await d.ask("POST", f"{UPLOADS}?digest={MISSING}", BLOB)


async def mount(d: Driver) -> None:
    named = await d.push_blob(BLOB)
    await d.ask("POST", f"/v2/{TWO}/blobs/uploads/?mount={named}&from={APP}")
    for name in (TWO, APP):
        await d.ask("GET", f"/v2/{name}/blobs/{named}")


async def mount_from_anywhere(d: Driver) -> None:
    await d.push_blob(BLOB)
    await d.ask("POST", f"/v2/{TWO}/blobs/uploads/?mount={digest(BLOB)}")


async def blob(d: Driver) -> None:
    for content in (BLOB, b"a\r\nb", b"x" * 70_000):
        named = await d.push_blob(content)
        await d.ask("HEAD", f"/v2/{APP}/blobs/{named}")
        await d.ask("GET", f"/v2/{APP}/blobs/{named}")
        await d.ask("GET", f"/v2/{APP}/blobs/{named}", If_None_Match=f'"{named}"')


async def blob_of_sha512(d: Driver) -> None:
    named = await d.push_blob(BLOB, algorithm="sha512")
    for method in ("GET", "HEAD"):
        await d.ask(method, f"/v2/{APP}/blobs/{named}")


async def blob_missing(d: Driver) -> None:
    await d.push_blob(BLOB)
    for method in ("HEAD", "GET", "DELETE"):
        await d.ask(method, f"/v2/{APP}/blobs/{MISSING}")
    await d.ask("GET", f"/v2/{TWO}/blobs/{digest(BLOB)}")


async def ranges(d: Driver) -> None:
    named = await d.push_blob(BLOB)
    for wanted in ("0-0", "10-19", "150-", "-20", "190-500", "0-"):
        await d.ask("GET", f"/v2/{APP}/blobs/{named}", Range=f"bytes={wanted}")
    for wanted in ("bytes=200-", "bytes=50-0", "bytes=-0", "bytes=x", "items=0-1", "bytes=0-1,3-4"):
        await d.ask("GET", f"/v2/{APP}/blobs/{named}", Range=wanted)
    await d.ask("HEAD", f"/v2/{APP}/blobs/{named}", Range="bytes=0-1")
    await d.ask("GET", f"/v2/{APP}/blobs/{named}", Range="bytes=0-1", If_Range='"other"')


async def blob_deleted(d: Driver) -> None:
    await d.image("v1")
    layer = digest(b"layer\r\n")
    await d.push_blob(b"layer\r\n", TWO)
    await d.ask("DELETE", f"/v2/{APP}/blobs/{layer}")
    for name in (APP, TWO):
        await d.ask("GET", f"/v2/{name}/blobs/{layer}")
    await d.ask("GET", f"/v2/{APP}/manifests/v1")


async def manifest(d: Driver) -> None:
    pushed = await d.image("v1")
    for reference in ("v1", pushed):
        for method in ("HEAD", "GET"):
            await d.ask(method, f"/v2/{APP}/manifests/{reference}")
    await d.ask("GET", f"/v2/{APP}/manifests/v1", Accept=f"{SCHEMA2}, {IMAGE}")
    await d.ask("GET", f"/v2/{APP}/manifests/v1", Accept="text/html")
    await d.ask("GET", f"/v2/{APP}/manifests/v1", If_None_Match=f'W/"x", "{pushed}"')


async def manifest_references(d: Driver) -> None:
    document = await d.image_document()
    await d.push_blob(b"elsewhere", TWO)
    for content in (b"missing", b"elsewhere"):
        await d.push_manifest(document | {"layers": [descriptor(content)]}, "v1")
    await d.push_manifest(document | {"config": descriptor(b"missing", CONFIG)}, "v1")
    await d.push_manifest(document | {"layers": [descriptor(b"foreign", LAYER, urls=["https://a.example/"])]}, "v1")
    await d.push_manifest({"schemaVersion": 2, "manifests": [descriptor(b"none", IMAGE)]}, "v1", media_type=INDEX)


async def tags(d: Driver) -> None:
    for tag in ("a" * 128, "a" * 129, ".bad", "Upper", "upper", "v1%0A", f"sha256-{'0' * 64}.sig"):
        await d.image(tag)
        await d.ask("GET", f"/v2/{APP}/manifests/{tag}")
    await d.image("chart", artifactType="application/vnd.example.chart")
    await d.ask("GET", f"/v2/{APP}/tags/list")


async def names(d: Driver) -> None:
    await d.ask("GET", f"/v2/{APP}/manifests/v%201")
    for name in ("orgs/acme/UPPER", "orgs/acme/a__b", "orgs/acme/a.b", "orgs/acme/-a", "orgs/acme/" + "a" * 300):
        allowed = token(scope(name, "pull", "push"))
        await d.ask("POST", f"/v2/{name}/blobs/uploads/", bearer=allowed)


async def names_alike(d: Driver) -> None:
    """A blob is pushed under the first of two names, and asked for under both."""
    long = "orgs/acme/" + "a" * 220
    for both in (
        ("orgs/acme/a-b", "orgs/acme/a.b"),
        (f"{long}1", f"{long}2"),
        ("orgs/acme/app/b", "orgs/acme/app//b"),
    ):
        allowed = token(*(scope(name, "pull", "push") for name in both))
        opened = await d.ask("POST", f"/v2/{both[0]}/blobs/uploads/", bearer=allowed)
        location = opened.headers.get("location", "/")
        await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB, bearer=allowed)
        for name in both:
            await d.ask("GET", f"/v2/{name}/blobs/{digest(BLOB)}", bearer=allowed)


async def tag_moved(d: Driver) -> None:
    await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/manifests/v1")
    await d.image("v1", annotations={"a": "b"})
    await d.ask("GET", f"/v2/{APP}/manifests/v1")
    await d.push_manifest(json.dumps(await d.image_document()).encode() + b"\r\n", "v1")
    await d.ask("GET", f"/v2/{APP}/manifests/v1")


async def many_tags(d: Driver) -> None:
    document = await d.image_document()
    for number in range(25):
        await d.push_manifest(document, f"t{number}")
        await d.ask("GET", f"/v2/{APP}/tags/list")


async def manifest_deleted(d: Driver) -> None:
    pushed = await d.image("v1")
    await d.image("v2")
    await d.image("v1.1")
    await d.image("V1")
    await d.ask("DELETE", f"/v2/{APP}/manifests/v1")
    for reference in ("v1", "v2", "v1.1", "V1", pushed):
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}")
    await d.image("v2")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}")
    for reference in ("v2", pushed):
        await d.ask("GET", f"/v2/{APP}/manifests/{reference}")
    await d.ask("GET", f"/v2/{APP}/tags/list")
    await d.ask("GET", f"/v2/{APP}/blobs/{digest(b'{}')}")


async def tag_list(d: Driver) -> None:
    for tag in ("c", "B", "a", "10", "9"):
        await d.image(tag)
    await d.image()
    await d.image(annotations={"a": "untagged"})
    for query in ("", "?n=2", "?n=2&last=10", "?n=5", "?n=9", "?last=a", "?last=a1", "?n=0"):
        await d.ask("GET", f"/v2/{APP}/tags/list{query}")


async def tag_list_refused(d: Driver) -> None:
    await d.push_blob(BLOB)
    await d.ask("GET", f"/v2/{APP}/tags/list")
    for number in ("-1", "x", "", "1.5", "9" * 40, "%D9%A3"):
        await d.ask("GET", f"/v2/{APP}/tags/list?n={number}")
    await d.ask("GET", "/v2/orgs/acme/absent/tags/list")


async def catalog(d: Driver) -> None:
    for name in (TWO, APP, FOREIGN):
        await d.push_blob(BLOB, name)
    for query in ("", "?n=1", f"?n=1&last={APP}"):
        await d.ask("GET", f"/v2/_catalog{query}")
    await d.ask("GET", "/v2/_catalog", bearer=token(scope(APP, "pull")))


async def referrers(d: Driver) -> None:
    subject = await d.image("v1")
    present, absent = descriptor(b"", IMAGE, digest=subject, size=1), descriptor(b"later", IMAGE)
    first = await d.image(subject=present, artifactType="application/vnd.a+json", annotations={"k": "v"})
    await d.image(subject=present)
    await d.image(subject=present, annotations={"k": "w"})
    await d.image(subject=absent)
    await d.push_blob(b"{}", TWO)
    await d.push_manifest(image_of(b"{}", subject=present), name=TWO)
    for named in (subject, absent["digest"], MISSING):
        await d.ask("GET", f"/v2/{APP}/referrers/{named}")
    await d.ask("GET", f"/v2/{APP}/referrers/{subject}?artifactType=application/vnd.a%2Bjson")
    for deleted in (first, subject):
        await d.ask("DELETE", f"/v2/{APP}/manifests/{deleted}")
        await d.ask("GET", f"/v2/{APP}/referrers/{subject}")


async def support(d: Driver) -> None:
    await d.ask("GET", "/v2/")
    await d.ask("GET", "/v2/", bearer=None)
    for method, path in (("POST", "/v2/"), ("PUT", UPLOADS), ("get", "/v2/"), ("PATCH", f"/v2/{APP}/tags/list")):
        await d.ask(method, path)
    await d.ask("GET", "/v2/unknown")


async def at_once(d: Driver) -> None:
    """Requests that meet: chunks, pushes, reads."""
    location = await session(d)
    chunk = d.ask("PATCH", location, b"x", Content_Range="0-0")
    await asyncio.gather(chunk, d.ask("PATCH", location, b"x", Content_Range="0-0"))
    document = await d.image_document()
    named, pushed = await d.push_blob(BLOB), await d.image("v1")
    await asyncio.gather(
        d.push_blob(BLOB),
        d.push_blob(BLOB),
        d.push_manifest(document, "v1"),
        d.push_manifest(document, "v2"),
        d.push_manifest(document, "v3"),
        *(later(d, delay, path) for delay in (0.005, 0.015, 0.04) for path in (f"blobs/{named}", "manifests/v1")),
        d.ask("GET", f"/v2/{APP}/manifests/{pushed}"),
    )
    await d.ask("GET", f"/v2/{APP}/tags/list")
    d.asked.sort(key=repr)


async def later(d: Driver, delay: float, path: str) -> None:
    await asyncio.sleep(delay)
    await d.ask("GET", f"/v2/{APP}/{path}")
