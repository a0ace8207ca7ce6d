"""A fresh identity surface to ask questions of, through the application that serves it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable
from typing import Any

import httpx

from conformance.reference.alteration import Alteration
from conformance.reference.identity import Identity
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application

ACME, GLOBEX, NOBODY = ("/api/v1/organizations/" + slug for slug in ("acme", "globex", "nobody"))
PROJECTS = f"{ACME}/projects"
ATLAS, HIDDEN, ABSENT = (f"{PROJECTS}/{slug}" for slug in ("atlas", "secret-lab", "absent-lab"))
FORM = "application/x-www-form-urlencoded"
KEY = SigningKey()


def unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


class World:
    """One deployment of the identity surface. Answers are httpx responses."""

    def __init__(self, *alterations: type[Alteration]) -> None:
        self.identity = Identity(Seeds(), KEY)
        self.application = Application(self.identity)
        self.application.alterations.put_in(alterations)

    def ask(self, method: str, url: str, **details: Any) -> httpx.Response:
        return self.at_once([(method, url, details)])[0]

    def at_once(self, requests: Iterable[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Sends all of these in one event loop without waiting in between."""

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://identity.test") as client:
                return await asyncio.gather(*(client.request(m, u, **details) for m, u, details in requests))

        return asyncio.run(send())

    def secret(self, client_id: str = "ct-full") -> str:
        return self.identity.clients[client_id].secret

    def token(self, client_id: str | None = "ct-full", **form: Any) -> httpx.Response:
        """A token request by form; None leaves a parameter out, a list repeats it, bytes as ``raw`` are the body."""
        headers = {"content-type": FORM, **form.pop("headers", {})}
        method, query = form.pop("method", "POST"), form.pop("query", "")
        secret = self.secret(client_id) if client_id and client_id in self.identity.clients else "x"
        fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        fields |= form
        plain = {name: value for name, value in fields.items() if value is not None}
        content = form.pop("raw", None) or str(httpx.QueryParams(plain)).encode()
        return self.ask(method, "/oauth/token" + query, content=content, headers=headers)

    def by_basic(self, authorization: str | list[str], **form: Any) -> httpx.Response:
        fields = {"grant_type": "client_credentials"} | form
        values = [authorization] if isinstance(authorization, str) else authorization
        headers = [("content-type", FORM), *(("authorization", value) for value in values)]
        return self.ask("POST", "/oauth/token", content=str(httpx.QueryParams(fields)), headers=headers)

    def bearer(self, client_id: str = "ct-full", scope: str | None = None) -> str:
        return str(self.token(client_id, scope=scope).json()["access_token"])

    def api(
        self, url: str, client_id: str | None = "ct-full", method: str = "GET", scope: str | None = None, **more: Any
    ) -> httpx.Response:
        """A call with a new token of that credential; ``client_id`` None sends none."""
        headers = dict(more.pop("headers", {}))
        if client_id:
            headers.setdefault("authorization", f"Bearer {self.bearer(client_id, scope)}")
        return self.ask(method, url, headers=headers, **more)

    def create(self, client_id: str = "ct-full", **body: Any) -> httpx.Response:
        return self.api(PROJECTS, client_id, "POST", json={"slug": "made", "name": "Made"} | body)

    def patch(self, url: str = ATLAS, client_id: str = "ct-full", headers: Any = (), **body: Any) -> httpx.Response:
        return self.api(url, client_id, "PATCH", json=body, headers=dict(headers))

    def registry(self, username: str | None = "ct-pull", password: str | None = None, **query: Any) -> httpx.Response:
        headers = {}
        if username is not None:
            account = self.identity.accounts.get(username)
            headers["authorization"] = basic(username, password or (account.password if account else "x"))
        return self.ask("GET", "/registry/token", params={"service": "registry.test"} | query, headers=headers)

    def granted(self, username: str | None, scope: Any) -> list[str]:
        """The access of a registry token as ``name:actions``."""
        answer = self.registry(username, scope=scope)
        access = claims(answer.json()["token"])["access"] if answer.status_code == 200 else []
        return [f"{each['name']}:{','.join(each['actions'])}" for each in access]

    def registry_form(self, **form: Any) -> httpx.Response:
        fields = {"grant_type": "password", "service": "registry.test", "client_id": "probe"} | form
        return self.ask("POST", "/registry/token", data=fields)


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def forged(token: str, header: dict[str, Any], signature: str | None = None, **changes: Any) -> str:
    """A token with another header and some other claims, its old signature or the one given."""
    changed = claims(token) | changes
    parts = [unpadded(json.dumps(part).encode()) for part in (header, changed)]
    return ".".join([*parts, token.split(".")[2] if signature is None else signature])


def comparable(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but what differs from one answer to the next."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, headers, answer.content


def alike(world: World, method: str = "GET", one: str = HIDDEN, other: str = ABSENT, **details: Any) -> bool:
    """Whether a member of the organization who is not of the project sees no difference between two paths."""
    client = details.pop("client", "ct-outsider")
    first, second = (world.api(url, client, method, **details) for url in (one, other))
    return comparable(first) == comparable(second)
