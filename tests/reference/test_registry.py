"""The main promises of the clean registry, and of variants that take more than another header."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from conformance.reference.alteration import Alteration
from conformance.reference.registry import Registry
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application, http_server, listening_socket
from conformance.reference.variants.registry import (
    BasicLogin,
    BlobsRedirected,
    LocationElsewhere,
    OwnPageSize,
    ReferrersInPages,
)
from tests.reference.registry_support import (
    APP,
    CONFIG,
    EVERYTHING,
    FOREIGN,
    IMAGE,
    INDEX,
    KEY,
    TWO,
    Driver,
    code,
    descriptor,
    digest,
    image_of,
    scope,
    token,
    with_digest,
)

BLOB = b"some bytes of a blob"


def driven(check: Callable[[Driver], Awaitable[None]], *altered: type[Alteration]) -> None:
    asyncio.run(check(Driver(altered)))  # type: ignore[arg-type]


def test_a_pushed_blob_is_pulled_byte_for_byte_and_only_from_its_repository() -> None:
    async def check(d: Driver) -> None:
        named = await d.push_blob(BLOB)
        pulled = await d.ask("GET", f"/v2/{APP}/blobs/{named}")
        assert (pulled.status, pulled.body, pulled.headers["docker-content-digest"]) == (200, BLOB, named)
        assert code(await d.ask("GET", f"/v2/{TWO}/blobs/{named}")) == "BLOB_UNKNOWN"

    driven(check)


def test_a_session_is_over_when_it_is_closed_refused_or_cancelled() -> None:
    async def check(d: Driver) -> None:
        for method, query in (("PUT", digest(b"")), ("PUT", digest(b"other")), ("DELETE", "")):
            location = (await d.ask("POST", f"/v2/{APP}/blobs/uploads/")).headers["location"]
            await d.ask(method, with_digest(location, query))
            gone = await d.ask("GET", location)
            assert (gone.status, code(gone)) == (404, "BLOB_UPLOAD_UNKNOWN")
            assert gone.headers["docker-distribution-api-version"] == "registry/2.0"

    driven(check)


@pytest.mark.parametrize("content_range", ["10-19", "x", "5-4", "bytes 0-9/10", ""])
def test_a_chunk_that_is_not_next_is_refused_and_the_session_goes_on(content_range: str) -> None:
    async def check(d: Driver) -> None:
        location = (await d.ask("POST", f"/v2/{APP}/blobs/uploads/")).headers["location"]
        refused = await d.ask("PATCH", location, BLOB[:10], Content_Range=content_range)
        assert (refused.status, code(refused), refused.headers["range"]) == (416, "RANGE_INVALID", "0-0")
        accepted = await d.ask("PATCH", refused.headers["location"], BLOB[:10], Content_Range="0-9")
        assert (accepted.status, accepted.headers["range"]) == (202, "0-9")
        closed = await d.ask("PUT", with_digest(location, digest(BLOB)), BLOB[10:])
        assert closed.status == 201

    driven(check)


@pytest.mark.parametrize(
    "named",
    ["", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, "sha512:" + "a" * 64, "x" * 99],
)
def test_a_malformed_digest_is_told_and_the_session_stays(named: str) -> None:
    async def check(d: Driver) -> None:
        location = (await d.ask("POST", f"/v2/{APP}/blobs/uploads/")).headers["location"]
        refused = await d.ask("PUT", with_digest(location, named), BLOB)
        assert (refused.status, code(refused)) == (400, "DIGEST_INVALID")
        assert (await d.ask("GET", location)).status == 204

    driven(check)


def test_a_manifest_is_kept_as_it_was_pushed() -> None:
    async def check(d: Driver) -> None:
        document = await d.image_document()
        odd = json.dumps(document, indent=3).encode() + b"\n \n"
        named, created = await d.push_manifest(odd, "v1", media_type=f"{IMAGE}; charset=utf-8")
        assert (created.status, created.headers["docker-content-digest"]) == (201, named)
        for reference in ("v1", named):
            pulled = await d.ask("GET", f"/v2/{APP}/manifests/{reference}", Accept="text/plain")
            assert (pulled.body, pulled.headers["content-type"], pulled.headers["etag"]) == (odd, IMAGE, f'"{named}"')

    driven(check)


INVALID: list[dict[str, Any] | bytes] = [
    b"",
    b"[]",
    b"\xff",
    b"[" * 100_000,
    b'{"schemaVersion": NaN}',
    b'{"schemaVersion": 2}',
    image_of(b"{}") | {"schemaVersion": "2"},
    image_of(b"{}") | {"schemaVersion": True},
    image_of(b"{}") | {"layers": "none"},
    image_of(b"{}") | {"layers": [1]},
    image_of(b"{}") | {"config": None},
    image_of(b"{}") | {"layers": [descriptor(b"{}", size=-2)]},
    image_of(b"{}") | {"layers": [descriptor(b"{}", size=2.0)]},
    image_of(b"{}") | {"layers": [descriptor(b"{}", digest="sha256:abc")]},
    image_of(b"{}") | {"layers": [descriptor(b"{}", urls="x")]},
    image_of(b"{}") | {"layers": [descriptor(b"{}", data="e30")]},
    image_of(b"{}") | {"layers": [descriptor(b"{}", data="eH0=")]},
    image_of(b"{}") | {"subject": "x"},
    image_of(b"{}") | {"artifactType": 5},
    image_of(b"{}") | {"annotations": []},
]


@pytest.mark.parametrize("number", range(len(INVALID)))
def test_what_is_no_manifest_is_refused_and_no_tag_is_set(number: int) -> None:
    async def check(d: Driver) -> None:
        await d.push_blob(b"{}")
        _, refused = await d.push_manifest(INVALID[number], "v1")
        assert (refused.status, code(refused)) == (400, "MANIFEST_INVALID")
        assert code(await d.ask("GET", f"/v2/{APP}/manifests/v1")) == "MANIFEST_UNKNOWN"

    driven(check)


def test_every_missing_blob_is_told() -> None:
    async def check(d: Driver) -> None:
        _, refused = await d.push_manifest(image_of(b"a", b"b", b"b"), "v1")
        errors = json.loads(refused.body)["errors"]
        assert [each["code"] for each in errors] == ["MANIFEST_BLOB_UNKNOWN"] * 2
        assert [each["detail"]["digest"] for each in errors] == [digest(b"a"), digest(b"b")]

    driven(check)


@pytest.mark.parametrize("member", ["layers", "manifests"])
def test_no_layers_and_no_children_are_allowed(member: str) -> None:
    async def check(d: Driver) -> None:
        await d.push_blob(b"{}")
        for none in (list[Any](), None):
            document = image_of(b"{}") | {"layers": none}
            if member == "manifests":
                document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": none}
            _, created = await d.push_manifest(document, media_type=document["mediaType"])
            assert created.status == 201

    driven(check)


def test_following_link_gives_every_tag_once() -> None:
    async def check(d: Driver) -> None:
        document = await d.image_document()
        tags = sorted(f"t{number}" for number in range(7))
        for tag in reversed(tags):
            await d.push_manifest(document, tag)
        target, found = f"/v2/{APP}/tags/list?n=2", []
        while target:
            page = await d.ask("GET", target)
            found += json.loads(page.body)["tags"]
            target = page.headers.get("link", "<>").partition(">")[0].removeprefix("<")
        assert found == tags

    driven(check)
    driven(check, OwnPageSize)


def test_referrers_have_type_annotations_and_filter() -> None:
    async def check(d: Driver) -> None:
        subject = descriptor(b"not here yet", IMAGE)
        pushed = await d.image(subject=subject, artifactType="application/vnd.a", annotations={"k": "v"})
        await d.image(subject=subject)
        listed = json.loads((await d.ask("GET", f"/v2/{APP}/referrers/{subject['digest']}")).body)["manifests"]
        assert [each["artifactType"] for each in listed] == ["application/vnd.a", CONFIG]
        assert listed[0]["annotations"] == {"k": "v"}
        filtered = await d.ask("GET", f"/v2/{APP}/referrers/{subject['digest']}?artifactType=application/vnd.a")
        assert [each["digest"] for each in json.loads(filtered.body)["manifests"]] == [pushed]
        assert filtered.headers["oci-filters-applied"] == "artifactType"

    driven(check)


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "", None),
        ("GET", "_catalog", "registry:catalog:*"),
        ("HEAD", f"{APP}/manifests/v1", f"repository:{APP}:pull"),
        ("GET", f"{APP}/tags/list", f"repository:{APP}:pull"),
        ("POST", f"{APP}/blobs/uploads/", f"repository:{APP}:pull,push"),
        ("POST", f"{APP}/blobs/uploads/?mount=x&from={TWO}", f"repository:{APP}:pull,push repository:{TWO}:pull"),
        ("PATCH", f"{APP}/blobs/uploads/x", f"repository:{APP}:pull,push"),
        ("PUT", f"{APP}/manifests/v1", f"repository:{APP}:pull,push"),
        ("DELETE", f"{APP}/manifests/v1", f"repository:{APP}:delete"),
    ],
)
def test_the_challenge_names_realm_service_and_scope(method: str, path: str, wanted: str) -> None:
    async def check(d: Driver) -> None:
        refused = await d.ask(method, f"/v2/{path}", bearer=None)
        plain = 'Bearer realm="https://identity.example/registry/token",service="nextepoch-reference"'
        told = plain + (f',scope="{wanted}"' if wanted else "")
        assert (refused.status, code(refused), refused.headers["www-authenticate"]) == (401, "UNAUTHORIZED", told)
        narrow = await d.ask(method, f"/v2/{path}", bearer="junk")
        assert narrow.headers["www-authenticate"] == told + ',error="invalid_token"'

    driven(check)


def test_a_token_that_grants_too_little_is_told_so_whether_the_repository_exists_or_not() -> None:
    async def check(d: Driver) -> None:
        await d.image("v1", FOREIGN)
        told = []
        for name in (FOREIGN, "orgs/globex/none"):
            refused = await d.ask("GET", f"/v2/{name}/tags/list", bearer=token(scope(APP, "pull")))
            assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
            told.append((refused.status, refused.body.replace(name.encode(), b"NAME"), len(refused.headers)))
        assert told[0] == told[1]

    driven(check)


def test_a_remembered_token_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(d: Driver) -> None:
        await d.push_blob(BLOB)
        bearer = token(scope(APP, "pull"))
        assert (await d.ask("GET", f"/v2/{APP}/tags/list", bearer=bearer)).status == 200
        d.registry.remembered[bearer]["exp"] = 1
        monkeypatch.setattr(d.registry.key, "verify", refuse)
        assert (await d.ask("GET", f"/v2/{APP}/tags/list", bearer=bearer)).status == 401

    driven(check)


def refuse(*_: object) -> None:
    import jwt

    raise jwt.ExpiredSignatureError


def test_basic_login_knows_accounts_and_their_rights() -> None:
    async def check(d: Driver) -> None:
        push, pull, foreign = (d.basic(name) for name in ("ct-push", "ct-pull", "ct-foreign"))
        statuses = {
            (method, authorization): (await d.ask(method, f"/v2/{APP}/{path}", Authorization=authorization)).status
            for authorization in (push, pull, foreign, "Basic !", "Bearer x")
            for method, path in (("POST", "blobs/uploads/"), ("GET", "manifests/v1"))
        }
        assert [statuses["POST", each] for each in (push, pull, foreign)] == [202, 403, 403]
        assert [statuses["GET", each] for each in (push, pull, foreign)] == [404, 404, 403]
        refused = await d.ask("GET", "/v2/", Authorization="Basic !")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Basic realm="nextepoch-reference"')

    driven(check, BasicLogin)


def test_an_upload_elsewhere_needs_its_state() -> None:
    async def check(d: Driver) -> None:
        location = (await d.ask("POST", f"/v2/{APP}/blobs/uploads/")).headers["location"]
        assert "/v2/" not in location
        assert (await d.ask("PATCH", location.partition("?")[0], BLOB)).status == 404
        accepted = await d.ask("PATCH", location, BLOB)
        assert (await d.ask("PUT", with_digest(accepted.headers["location"], digest(BLOB)))).status == 201

    driven(check, LocationElsewhere)


def test_a_redirected_blob_is_given_without_a_token_and_in_parts() -> None:
    async def check(d: Driver) -> None:
        named = await d.push_blob(BLOB)
        redirect = await d.ask("GET", f"/v2/{APP}/blobs/{named}")
        part = await d.ask("GET", redirect.headers["location"], bearer=None, Range="bytes=0-3")
        assert (redirect.status, part.status, part.body) == (307, 206, BLOB[:4])
        await d.ask("DELETE", f"/v2/{APP}/blobs/{named}")
        assert (await d.ask("GET", redirect.headers["location"], bearer=None)).status == 404

    driven(check, BlobsRedirected)


def test_referrers_in_pages_are_complete() -> None:
    async def check(d: Driver) -> None:
        subject = descriptor(b"x", IMAGE)
        pushed = {await d.image(subject=subject, annotations={"n": str(number)}) for number in range(5)}
        target, found = f"/v2/{APP}/referrers/{subject['digest']}", []
        while target:
            page = await d.ask("GET", target)
            found += [each["digest"] for each in json.loads(page.body)["manifests"]]
            target = page.headers.get("link", "<>").partition(">")[0].removeprefix("<")
        assert (set(found), len(found)) == (pushed, 5)

    driven(check, ReferrersInPages)


def test_it_is_served_over_http() -> None:
    async def check() -> None:
        sock = listening_socket(0)
        server = http_server(Application(Registry(Seeds(), KEY)))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started:
            await asyncio.sleep(0.005)
        base = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {EVERYTHING}"}) as client:
            opened = await client.post(f"/v2/{APP}/blobs/uploads/")
            assert opened.headers["location"].startswith(base)
            created = await client.put(opened.headers["location"], params={"digest": digest(BLOB)}, content=BLOB)
            head = await client.head(created.headers["location"])
            assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(BLOB)), b"")
            known = {"If-None-Match": f'"{digest(BLOB)}"'}
            assert (await client.get(created.headers["location"], headers=known)).status_code == 304
            refused = await client.head("/v2/", headers={"Authorization": ""})
            assert (refused.status_code, refused.content) == (401, b"")
        server.should_exit = server.force_exit = True
        await serving

    asyncio.run(check())


def test_reset_forgets_everything() -> None:
    async def check(d: Driver) -> None:
        await d.image("v1")
        d.registry.reset()
        assert code(await d.ask("GET", f"/v2/{APP}/tags/list")) == "NAME_UNKNOWN"

    driven(check)
