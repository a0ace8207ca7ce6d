"""Short conversations with the registry about login and rights."""

from __future__ import annotations

import time

import jwt

from conformance.reference.keys import SigningKey
from tests.reference.registry_scenarios import BLOB, UPLOADS
from tests.reference.registry_support import (
    APP,
    EVERYTHING,
    FOREIGN,
    TWO,
    Driver,
    digest,
    scope,
    token,
)


async def anonymous(d: Driver) -> None:
    named, pushed = await d.push_blob(BLOB), await d.image("v1")
    for method, path in (
        ("GET", "tags/list"),
        ("GET", "manifests/v1"),
        ("HEAD", "manifests/v1"),
        ("GET", f"blobs/{named}"),
        ("POST", "blobs/uploads/"),
        ("POST", f"blobs/uploads/?mount={named}&from={TWO}"),
        ("PUT", "manifests/v2"),
        ("PATCH", "blobs/uploads/x"),
        ("DELETE", f"manifests/{pushed}"),
        ("GET", f"referrers/{pushed}"),
    ):
        await d.ask(method, f"/v2/{APP}/{path}", bearer=None)
    await d.ask("GET", "/v2/_catalog", bearer=None)


async def bad_tokens(d: Driver) -> None:
    await d.push_blob(BLOB)
    await d.ask("GET", "/v2/", bearer="junk")
    good = token(scope(APP, "pull"))
    for bad in (
        "junk",
        good[:-8] + "AAAAAAAA",
        token(scope(APP, "pull"), key=SigningKey()),
        jwt.encode({"aud": "nextepoch-reference", "access": [scope(APP, "pull")]}, "", algorithm="none"),
        token(scope(APP, "pull"), exp=1),
        token(scope(APP, "pull"), exp=int(time.time()) - 30),
        token(scope(APP, "pull"), nbf=9_999_999_999),
        token(scope(APP, "pull"), aud="other"),
        token(scope(APP, "pull"), iss="other"),
    ):
        answer = await d.ask("GET", f"/v2/{APP}/tags/list", bearer=bad)
        d.asked[-1] = (*d.asked[-1][:2], answer.status, *d.asked[-1][3:])
    ended = token(scope(APP, "pull"), exp=1)
    for method in ("HEAD", "GET"):
        await d.ask(method, f"/v2/{APP}/blobs/{digest(BLOB)}", bearer=ended)
    for altered in (good, f"{good}AAAA", good.swapcase()):
        await d.ask("GET", f"/v2/{APP}/tags/list", bearer=altered)
    await d.ask("POST", f"/v2/{APP}/blobs/uploads/", bearer=good[:-8] + "AAAAAAAA")
    await d.ask("GET", f"/v2/{APP}/tags/list", Authorization=f"bearer {good}")
    await d.ask("GET", f"/v2/{APP}/tags/list", Authorization="Basic Og==")


async def narrow_tokens(d: Driver) -> None:
    pushed = await d.image("v1")
    for grant in (
        scope(APP, "pull"),
        scope(APP, "pull", "push"),
        scope(TWO, *("pull", "push", "delete")),
        scope("orgs/acme/ap", "pull"),
        scope(APP, "pull", kind="registry"),
    ):
        bearer = token(grant)
        await d.ask("GET", f"/v2/{APP}/tags/list", bearer=bearer)
        await d.ask("POST", UPLOADS, bearer=bearer)
        await d.ask("DELETE", f"/v2/{APP}/manifests/{pushed}", bearer=bearer)
        await d.image("v1")


async def concealed(d: Driver) -> None:
    await d.image("v1", FOREIGN)
    for name in (FOREIGN, "orgs/globex/absent"):
        await d.ask("GET", f"/v2/{name}/tags/list", bearer=token(scope(APP, "pull")))


async def basic(d: Driver) -> None:
    await d.image("v1")
    for username in ("ct-push", "ct-pull", "ct-foreign"):
        d.asked.append(("as", username, 0, [], b""))
        for method, path in (("GET", "/v2/"), ("GET", f"/v2/{APP}/tags/list"), ("POST", UPLOADS)):
            await d.ask(method, path, Authorization=d.basic(username))
    await d.ask("GET", "/v2/", Authorization="Basic Y3QtcHVzaDp3cm9uZw==")
    await d.ask("GET", "/v2/", bearer=EVERYTHING)
