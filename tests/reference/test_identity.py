"""The identity surface answers any input without a 5xx."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.identity import Identity
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application

ACME = "/api/v1/organizations/acme"
PROJECTS = f"{ACME}/projects"
FORM = "application/x-www-form-urlencoded"


class Client:
    """Sends requests to an identity surface in this process."""

    def __init__(self) -> None:
        self.surface = Identity(Seeds(), SigningKey())
        self.application = Application(self.surface)

    def ask(self, method: str, url: str, **details: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://identity.test") as client:
                return await client.request(method, url, **details)

        return asyncio.run(send())

    def secret(self) -> str:
        return self.surface.clients["ct-full"].secret

    def token(self) -> str:
        form = {"grant_type": "client_credentials", "client_id": "ct-full", "client_secret": self.secret()}
        return str(self.ask("POST", "/oauth/token", data=form).json()["access_token"])


IDENTITY = Client()
TOKEN = IDENTITY.token()
NAMES = st.sampled_from([b"grant_type", b"client_id", b"client_secret", b"scope", b"resource", b"x", b""])
VALUES = st.one_of(
    st.sampled_from(
        [b"client_credentials", b"ct-full", IDENTITY.secret().encode(), b"project:read", b"%00", b"%FF", b""]
    ),
    st.binary(max_size=12),
)
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=7).map(lambda pairs: b"&".join(n + b"=" + v for n, v in pairs))
VISIBLE = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(body=st.one_of(FORMS, st.binary(max_size=60)), method=st.sampled_from(["POST", "POST", "POST", "PUT", "BREW"]))
def test_token_requests_of_any_bytes(body: bytes, method: str) -> None:
    answer = IDENTITY.ask(method, "/oauth/token", content=body, headers={"content-type": FORM})
    assert answer.status_code in {200, 400, 401, 405}
    assert ("access_token" in answer.json()) == (answer.status_code == 200)
    assert isinstance(answer.json().get("error", ""), str)


@settings(max_examples=40, deadline=None)
@given(value=st.one_of(VISIBLE, VISIBLE.map("Bearer {}".format), VISIBLE.map("Basic {}".format)))
def test_credentials_of_any_text(value: str) -> None:
    headers = {"authorization": value.encode("latin-1")}
    assert IDENTITY.ask("GET", ACME, headers=headers).status_code == 401
    form = {"content-type": FORM, **headers}
    answer = IDENTITY.ask("POST", "/oauth/token", content="grant_type=client_credentials", headers=form)
    assert answer.status_code in {400, 401}
    assert IDENTITY.ask("GET", "/registry/token?service=x", headers=headers).status_code == 401


@settings(max_examples=60, deadline=None)
@given(
    body=st.dictionaries(st.sampled_from(["slug", "name", "description", "members", "version", "x"]), JSON_VALUES),
    raw=st.one_of(st.none(), st.binary(max_size=30)),
)
def test_bodies_of_any_json(body: dict[str, Any], raw: bytes | None) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    sent = {"content": raw} if raw is not None else {"json": body}
    assert IDENTITY.ask("PATCH", f"{PROJECTS}/atlas", headers=headers, **sent).status_code in {200, 400, 409}
    assert IDENTITY.ask("POST", PROJECTS, headers=headers, **sent).status_code in {201, 400, 409}


@settings(max_examples=40, deadline=None)
@given(
    query=st.binary(max_size=30).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
    plain=st.text("aA%=&+,:/ *", max_size=20),
)
def test_registry_scopes_of_any_text(query: str, plain: str) -> None:
    for text in (query, plain.replace("%", "%25").replace("&", "%26")):
        answer = IDENTITY.ask("GET", f"/registry/token?service=x&scope={text}")
        assert answer.status_code in {200, 400}
