"""The registry's token endpoint, alone and with a real registry that trusts its key."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.reference.identity_world import World, claims

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
def world() -> World:
    return World()


def test_a_token_is_what_docker_says(world: World) -> None:
    document = world.registry("ct-push", scope=f"{APP}:pull,push").json()
    assert document.keys() == {"token", "access_token", "expires_in", "issued_at"}
    assert (document["token"], document["expires_in"]) == (document["access_token"], 300)
    token = claims(document["token"])
    assert (token["iss"], token["aud"], token["sub"]) == ("nextepoch-reference", "registry.test", "ct-push")
    assert token["access"] == [{"type": "repository", "name": "orgs/acme/app", "actions": ["pull", "push"]}]
    assert {"exp", "nbf", "iat", "jti"} <= token.keys()
    assert {"kid", "x5c"} <= jwt.get_unverified_header(document["token"]).keys()


@pytest.mark.parametrize(("account", "scope", "granted"), [
    ("ct-pull", f"{APP}:pull,push", ["orgs/acme/app:pull"]),
    ("ct-push", f"{APP}:*", ["orgs/acme/app:delete,pull,push"]),
    ("ct-pull", [f"{APP}:pull", "repository:orgs/acme/b:pull"], ["orgs/acme/app:pull", "orgs/acme/b:pull"]),
    ("ct-pull", f"{APP}:pull repository:orgs/acme/b:pull", ["orgs/acme/app:pull", "orgs/acme/b:pull"]),
    ("ct-push", [f"{APP}:pull", f"{APP}:push"], ["orgs/acme/app:pull,push"]), (None, f"{APP}:pull", []),
    ("ct-foreign", f"{APP}:pull", []), ("ct-push", "repository:orgs/acme-evil/app:pull", []),
    ("ct-push", "repository:orgs/acme/../globex/app:pull", []), ("ct-push", "repository:orgs/acme:pull", []),
    ("ct-push", "repository(plugin):orgs/acme/app:pull", []), ("ct-push", "nonsense", []), ("ct-push", ":::", []),
    ("ct-push", "repository:localhost:5000/orgs/acme/app:pull", []), ("ct-pull", "registry:catalog:*", ["catalog:*"]),
])  # fmt: skip
def test_the_intersection_is_granted(
    world: World, account: str | None, scope: str | list[str], granted: list[str]
) -> None:
    assert world.granted(account, scope) == granted


def test_logins_that_fail(world: World) -> None:
    answers = [world.registry("ct-pull", "wrong"), world.registry("nobody", "x"), world.registry("ct-pull", "\u00e9\0")]
    answers += [world.ask("GET", "/registry/token?service=x", headers={"authorization": value})
                for value in ("Basic", "Basic ?", "Bearer x", "Basic " + "eDp5", "Basic /w==")]  # fmt: skip
    for answer in answers:
        assert (answer.status_code, answer.json()) == (401, answers[0].json())
        assert answer.headers["www-authenticate"].startswith("Basic ")
    assert world.ask("GET", "/registry/token").status_code == 400
    assert world.ask("GET", "/registry/token?service=%FF").status_code == 400
    assert world.ask("PUT", "/registry/token").headers["allow"] == "GET, HEAD, POST"


def test_refresh_tokens(world: World) -> None:
    refresh = world.registry(offline_token="true").json()["refresh_token"]
    assert "refresh_token" not in world.registry(None, offline_token="true").json()
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": f"{APP}:pull,push"}
    answer = world.registry_form(**form)
    assert (answer.status_code, answer.json()["scope"], answer.json()["refresh_token"]) == (200, f"{APP}:pull", refresh)
    assert world.registry_form(**form | {"service": "another"}).json()["error"] == "invalid_grant"
    assert world.registry_form(**form | {"refresh_token": "x"}).json()["error"] == "invalid_grant"


def test_the_form(world: World) -> None:
    login = {"username": "ct-push", "password": world.identity.accounts["ct-push"].password}
    answer = world.registry_form(**login, scope=f"{APP}:pull", access_type="offline")
    assert claims(answer.json()["access_token"])["access"][0]["actions"] == ["pull"]
    assert answer.json()["refresh_token"]
    wrong: list[tuple[dict[str, Any], str]] = [
        (login | {"password": "x"}, "invalid_grant"),
        (login | {"service": ""}, "invalid_request"),
        (login | {"client_id": ""}, "invalid_request"),
        ({}, "invalid_grant"),
        ({"grant_type": "x"}, "unsupported_grant_type"),
        ({"service": ["a", "b"]}, "invalid_request"),
    ]
    for form, error in wrong:
        answer = world.registry_form(**form)
        assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.fixture
def registry(world: World, tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry, trusting the reference's certificate."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "bundle.pem").write_bytes(world.identity.key.certificate_pem)
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


def test_a_real_registry_takes_the_tokens(world: World, registry: str) -> None:
    def ask(method: str, path: str, account: str | None, scope: str) -> int:
        token = world.registry(account, scope=scope).json()["token"]
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
