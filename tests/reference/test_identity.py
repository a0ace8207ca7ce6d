"""The identity surface answers any input without a 5xx, and a real registry accepts its tokens."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
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

    def registry_token(self, username: str | None, scope: str) -> str:
        login = httpx.BasicAuth(username, self.surface.accounts[username].password) if username else None
        parameters = {"service": "registry.test", "scope": scope}
        return str(self.ask("GET", "/registry/token", params=parameters, auth=login).json()["token"])


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


APP = "repository:orgs/acme/app"
CONFIGURATION = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth:
  token:
    realm: http://identity.test/registry/token
    service: registry.test
    issuer: nextepoch-reference
    rootcertbundle: {folder}/bundle.pem
"""


@pytest.fixture
def identity() -> Client:
    return Client()


@pytest.fixture
def registry(identity: Client, tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry, trusting the reference's certificate."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "bundle.pem").write_bytes(identity.surface.key.certificate_pem)
    (tmp_path / "config.yml").write_text(CONFIGURATION.format(folder=tmp_path, port=port))
    process = subprocess.Popen([program, "serve", str(tmp_path / "config.yml")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_a_real_registry_accepts_the_tokens(identity: Client, registry: str) -> None:
    def ask(method: str, path: str, account: str | None, scope: str) -> int:
        token = identity.registry_token(account, scope)
        headers = {"authorization": f"Bearer {token}"}
        return httpx.request(method, registry + path, headers=headers, trust_env=False).status_code

    assert httpx.get(f"{registry}/v2/", trust_env=False).status_code == 401
    assert ask("GET", "/v2/", "ct-pull", "") == 200
    uploads = "/v2/orgs/acme/app/blobs/uploads/"
    assert ask("POST", uploads, "ct-push", f"{APP}:pull,push") == 202
    assert ask("POST", uploads, "ct-pull", f"{APP}:pull,push") == 401
    assert ask("POST", uploads, "ct-foreign", f"{APP}:pull,push") == 401
    assert ask("GET", "/v2/orgs/acme/app/tags/list", "ct-pull", f"{APP}:pull") == 404
    assert ask("GET", "/v2/orgs/acme/app/tags/list", None, f"{APP}:pull") == 401
    assert ask("GET", "/v2/_catalog", "ct-pull", "registry:catalog:*") == 200
