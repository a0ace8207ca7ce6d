"""Drives the registry without a socket, and keeps what it answered, so that two runs can be compared."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Alteration, Alterations
from conformance.reference.http import Answer, Request
from conformance.reference.keys import SigningKey
from conformance.reference.registry import Registry
from conformance.reference.seeds import Seeds

KEY = SigningKey()
IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
APP, TWO, FOREIGN = "orgs/acme/app", "orgs/acme/app-two", "orgs/globex/app"
ALL = ("pull", "push", "delete")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Recorded = tuple[str, str, int, list[tuple[str, str]], bytes]


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def scope(name: str, *actions: str, kind: str = "repository") -> dict[str, Any]:
    return {"type": kind, "name": name, "actions": list(actions)}


def token(*access: dict[str, Any], sub: str = "ct-push", key: SigningKey = KEY, **claims: Any) -> str:
    """A registry token as the identity surface signs it; keyword arguments replace claims."""
    now = int(time.time())
    plain = {
        "iss": "nextepoch-reference",
        "aud": "nextepoch-reference",
        "sub": sub,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "access": list(access),
    }
    return key.sign(plain | claims, x5c=key.x5c)


EVERYTHING = token(
    scope(APP, *ALL),
    scope(TWO, *ALL),
    scope(FOREIGN, *ALL),
    scope("orgs/acme/absent", *ALL),
    scope("catalog", "*", kind="registry"),
)


class Driver:
    """One registry with alterations; ``asked`` keeps every answer, sessions and secrets replaced by their kind."""

    def __init__(self, altered: Iterable[type[Alteration]] = ()) -> None:
        self.seeds = Seeds(public_url={"identity": "https://identity.example"})
        self.registry = Registry(self.seeds, KEY)
        self.alterations = Alterations(self.registry)
        self.alterations.put_in(altered)
        self.asked: list[Recorded] = []

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        bearer: str | None = EVERYTHING,
        **headers: str | tuple[str, ...],
    ) -> Answer:
        """One request; keyword names become header names, one field a value. ``bearer=None`` sends no token."""
        target = target.removeprefix("http://registry.example")
        path, _, query = target.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer is not None:
            sent.setdefault("Authorization", f"Bearer {bearer}")
        fields = [
            (name.lower().encode(), value.encode())
            for name, values in {"host": "registry.example", **sent}.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        request = Request(method, path, query, Headers(raw=fields), body)
        answer = await self.alterations.answer(request)
        told = [(name.decode(), UUID.sub("UUID", value.decode())) for name, value in answer.headers.raw]
        text = b"" if method == "HEAD" else re.sub(UUID.pattern.encode(), b"UUID", answer.body)
        self.asked.append((method, UUID.sub("UUID", target), answer.status, sorted(told), text))
        return answer

    def basic(self, username: str) -> str:
        account = next(each for each in self.seeds.accounts if each.username == username)
        return "Basic " + base64.b64encode(f"{username}:{account.password}".encode()).decode()

    async def push_blob(self, content: bytes, name: str = APP, algorithm: str = "sha256") -> str:
        """POST then PUT; returns the digest."""
        named = digest(content, algorithm)
        opened = await self.ask("POST", f"/v2/{name}/blobs/uploads/")
        await self.ask("PUT", with_digest(opened.headers.get("location", "/"), named), content)
        return named

    async def push_manifest(
        self, document: Any, reference: str = "", name: str = APP, media_type: str = IMAGE
    ) -> tuple[str, Answer]:
        """PUT by tag, or by digest without one; returns digest and answer."""
        content = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
        named = digest(content)
        return named, await self.ask(
            "PUT", f"/v2/{name}/manifests/{reference or named}", content, Content_Type=media_type
        )

    async def image(self, tag: str = "", name: str = APP, **members: Any) -> str:
        """Pushes an image of one layer; returns its digest."""
        return (await self.push_manifest(await self.image_document(name, **members), tag, name))[0]

    async def image_document(self, name: str = APP, **members: Any) -> dict[str, Any]:
        await self.push_blob(b"{}", name)
        await self.push_blob(b"layer\r\n", name)
        return image_of(b"{}", b"layer\r\n", **members)


def descriptor(content: bytes, media_type: str = LAYER, **members: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **members}


def image_of(config: bytes, *layers: bytes, **members: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(config, CONFIG),
        "layers": [descriptor(layer) for layer in layers],
        **members,
    }


def with_digest(location: str, named: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={named}"


def code(answer: Answer) -> str:
    """The code of an error body."""
    return str(json.loads(answer.body)["errors"][0]["code"])


def run(scenario: Any, *altered: type[Alteration]) -> list[Recorded]:
    """What a scenario is answered under alterations."""
    driver = Driver(altered)
    asyncio.run(scenario(driver))
    return driver.asked
