"""The token endpoint, bearer tokens, revocation and the limit: what the clean reference promises."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from conformance.reference.identity import Identity
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import SCOPES
from tests.reference.identity_world import ACME, ATLAS, FORM, PROJECTS, World, basic, claims, comparable, forged


@pytest.fixture
def world() -> World:
    return World()


def test_a_token_is_what_the_standards_say(world: World) -> None:
    answer = world.token(scope="project:read organization:read")
    document = answer.json()
    assert answer.status_code == 200
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert document.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 3600)
    assert document["scope"] == "project:read organization:read"
    token = claims(document["access_token"])
    assert {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope"} <= token.keys()
    assert token["exp"] - token["iat"] == 3600
    assert jwt.get_unverified_header(document["access_token"])["typ"] == "at+jwt"


def test_the_published_key_verifies_tokens(world: World) -> None:
    token = world.bearer()
    key = jwt.PyJWKSet.from_dict(world.ask("GET", "/.well-known/jwks.json").json())[
        jwt.get_unverified_header(token)["kid"]
    ]
    assert jwt.decode(token, key, ["ES256"], audience="urn:nextepoch:reference:api")["client_id"] == "ct-full"


@pytest.mark.parametrize(("form", "status", "error"), [
    ({"grant_type": None}, 400, "invalid_request"), ({"grant_type": ""}, 400, "invalid_request"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials\0"}, 400, "unsupported_grant_type"),
    ({"grant_type": ["client_credentials"] * 2}, 400, "invalid_request"),
    ({"client_secret": ["right", "wrong"]}, 400, "invalid_request"), ({"x": ["1", "2"]}, 400, "invalid_request"),
    ({"scope": ["project:read", "member:read"]}, 400, "invalid_request"),
    ({"scope": "nothing:known"}, 400, "invalid_scope"), ({"scope": " project:read"}, 400, "invalid_scope"),
    ({"scope": "project:read  member:read"}, 400, "invalid_scope"), ({"scope": "PROJECT:READ"}, 400, "invalid_scope"),
    ({"scope": 'a"b'}, 400, "invalid_scope"), ({"scope": "a\0"}, 400, "invalid_scope"),
    ({"client_secret": "wrong"}, 401, "invalid_client"), ({"client_secret": None}, 401, "invalid_client"),
    ({"client_secret": ""}, 401, "invalid_client"), ({"client_id": None}, 401, "invalid_client"),
    ({"client_secret": "\u00e9\0\U0001f600"}, 401, "invalid_client"), ({"client_id": "a\0b"}, 401, "invalid_client"),
    ({"client_secret": "x" * 500_000}, 401, "invalid_client"), ({"x": "y" * 1_100_000}, 413, "invalid_request"),
    ({"raw": b"grant_type=client_credentials&client_id=%FF"}, 400, "invalid_request"),
    ({"raw": b"\xff\xfe"}, 400, "invalid_request"), ({"raw": b"&&&=="}, 400, "invalid_request"),
    ({"raw": b"client_id=%zz"}, 400, "invalid_request"), ({"raw": b"client_id=%ED%A0%80"}, 400, "invalid_request"),
    ({"headers": {"content-type": "application/json"}}, 400, "invalid_request"),
    ({"headers": {"content-type": ""}}, 400, "invalid_request"),
    ({"query": "?client_id=ct-full&client_secret=x"}, 400, "invalid_request"),
    ({"headers": {"authorization": basic("ct-full", "x")}}, 400, "invalid_request"),
])  # fmt: skip
def test_refusals(world: World, form: dict[str, Any], status: int, error: str) -> None:
    answer = world.token(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.json()["error_description"])
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("form", [
    {"unknown": "x"}, {"resource": ["urn:a", "urn:b"]}, {"audience": ["a", "b"]}, {"scope": ""}, {"query": "?x=1"},
    {"headers": {"content-type": FORM.upper()}}, {"headers": {"content-type": FORM + ";charset=UTF-8"}},
])  # fmt: skip
def test_what_changes_nothing(world: World, form: dict[str, Any]) -> None:
    assert world.token(**form).json()["scope"] == " ".join(SCOPES)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_issues_tokens(world: World, method: str) -> None:
    answer = world.token(method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_failing_clients_are_told_nothing(world: World) -> None:
    answers = [world.token("never-existed"), world.token(client_secret="wrong")]
    answers += [world.token("ct-revoked"), world.token("ct-expired"), world.by_basic(basic("never-existed", "x"))]
    answers += [world.by_basic("Basic ???"), world.by_basic("Basic"), world.by_basic("Bearer x")]
    assert len({json.dumps(comparable(answer), default=repr) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Basic ")


def test_basic_is_form_decoded(world: World) -> None:
    encoded = "".join(f"%{ord(letter):02x}" for letter in world.secret())
    assert world.by_basic(basic(quote("ct-full"), encoded)).status_code == 200
    assert world.by_basic(basic("ct-full", world.secret()).replace("Basic", "bASIC")).status_code == 200
    assert world.by_basic(basic("ct-full", world.secret()), client_id="ct-full").status_code == 200
    assert world.by_basic(basic("ct-full", world.secret()), client_id="ct-narrow").status_code == 400
    assert world.by_basic([basic("ct-full", world.secret())] * 2).status_code == 400


def test_scopes_are_kept_to_the_credential(world: World) -> None:
    assert world.token("ct-narrow").json()["scope"] == "organization:read"
    for scope in ("project:read", "organization:read project:read", "*"):
        assert world.token("ct-narrow", scope=scope).json()["error"] == "invalid_scope"


def test_bearer_tokens_are_taken_from_the_header_only(world: World) -> None:
    token = world.bearer()
    good = {"authorization": f"bearer {token}"}
    assert world.ask("GET", ATLAS, headers=good).status_code == 200
    assert world.ask("GET", ATLAS, params={"access_token": token}, headers=good).status_code == 400
    refused = [world.ask("GET", ATLAS), world.ask("GET", ATLAS, params={"access_token": token})]
    refused += [world.ask("GET", ATLAS, headers={"authorization": "Basic x"})]
    assert [answer.headers["www-authenticate"] for answer in refused] == ['Bearer realm="reference"'] * 3
    for values in (
        [token],
        [f"Bearer {token} x"],
        [f"Bearer {token}"] * 2,
        ["Bearer"],
        [f"Bearer Bearer {token}"],
        [f"Bearer {token}\u00e9".encode()],
        ["Bearer " + "a" * 40_000],
    ):
        answer = world.ask("GET", ATLAS, headers=[("authorization", value) for value in values])
        assert answer.status_code == 401


def test_only_tokens_of_ours_are_taken(world: World) -> None:
    token, key = world.bearer(), SigningKey()
    header = {"alg": "ES256", "kid": key.key_id, "typ": "at+jwt"}
    bad = [
        forged(token, header),
        forged(token, header | {"alg": "none"}, ""),
        forged(token, header, "", scope="x"),
        key.sign(claims(token), typ="at+jwt"),
        token.rpartition(".")[0],
        token + "x",
        "..",
        "a.b.c",
        "e30.e30.",
        world.identity.key.sign(claims(token), typ="JWT"),
        world.identity.key.sign(claims(token) | {"aud": "x"}),
        world.identity.key.sign(claims(token), typ="at+jwt", crit=["x"], x=1),
        world.identity.key.sign(claims(token) | {"iss": "x"}, typ="at+jwt"),
        world.identity.key.sign(claims(token) | {"nbf": time.time() + 99}, typ="at+jwt"),
        world.identity.key.sign(claims(token) | {"exp": 1}, typ="at+jwt"),
        "[" * 4000,
        world.secret(),
    ]
    for each in bad:
        answer = world.ask("GET", ACME, headers={"authorization": f"Bearer {each}"})
        assert answer.status_code == 401, each
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_401_comes_before_everything(world: World) -> None:
    for method, url in [("GET", "/api/v9/x"), ("PUT", ATLAS), ("POST", PROJECTS), ("OPTIONS", ATLAS), ("GET", "/api")]:
        assert world.ask(method, url, content=b"{").status_code == 401


def test_a_scope_that_is_lacking_is_403_before_any_look_up(world: World) -> None:
    for method, url in [("PATCH", ATLAS), ("DELETE", f"{PROJECTS}/absent"), ("POST", PROJECTS)]:
        answer = world.api(url, method=method, scope="project:read", content=b"{")
        assert answer.status_code == 403
        assert 'error="insufficient_scope", scope="project:write"' in answer.headers["www-authenticate"]
    assert world.api("/api/v1/organizations/nobody", scope="project:read").status_code == 403


def test_revocation_is_immediate_and_final(world: World) -> None:
    warm, cold = world.bearer("ct-revocable"), world.bearer("ct-revocable")

    def status(token: str) -> int:
        return world.ask("GET", ACME, headers={"authorization": f"Bearer {token}"}).status_code

    assert status(warm) == 200
    world.identity.revoke("ct-revocable")
    assert (status(warm), status(cold), world.token("ct-revocable").status_code) == (401, 401, 401)
    assert world.api(ACME).status_code == 200
    world.identity.restore("ct-revocable")
    assert (status(warm), status(world.bearer("ct-revocable"))) == (401, 200)
    world.identity.revoke("ct-revocable")
    world.identity.reset()
    assert world.token("ct-revocable").status_code == 200
    for change in (world.identity.revoke, world.identity.restore):
        with pytest.raises(KeyError):
            change("never-existed")


def test_tokens_expire(world: World) -> None:
    token = world.bearer("ct-short")
    assert world.ask("GET", ACME, headers={"authorization": f"Bearer {token}"}).status_code == 200
    time.sleep(1.05)
    assert world.ask("GET", ACME, headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_the_limit_slides_and_is_told_honestly(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    clock = [1000.0]
    monkeypatch.setattr(Identity, "monotonic", lambda self: clock[0])
    assert [world.token("ct-limited").status_code for _ in range(10)] == [200] * 10
    refused = world.token("ct-limited")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error_description"] == "rate limit exceeded"
    assert (world.token().status_code, world.token("ct-limited", client_secret="x").status_code) == (200, 401)
    clock[0] += 0.9
    assert world.token("ct-limited").status_code == 429
    clock[0] += 0.1
    assert world.token("ct-limited").status_code == 200
