"""The organization API of the clean reference: projects, concealment, conflicts, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.reference.identity.records import CANARY
from tests.reference.identity_world import (
    ABSENT,
    ACME,
    ATLAS,
    GLOBEX,
    HIDDEN,
    NOBODY,
    PROJECTS,
    World,
    alike,
    comparable,
)

JSON = {"content-type": "application/json"}
NO_JSON = (
    b"",
    b"[]",
    b"1",
    b"{",
    b'{"name": NaN}',
    b'{"name":"a","name":"b"}',
    b"\xff",
    b'\xef\xbb\xbf{"name":"a"}',
    b'{"name":' + b"[" * 20_000,
    b'{"name":' + b"1" * 5000 + b"}",
)
BAD_PROJECTS = (
    {"slug": "a"},
    {"slug": "A-b"},
    {"slug": "-ab"},
    {"slug": "ab-"},
    {"slug": "ab\n"},
    {"slug": "a" * 64},
    {"slug": 1},
    {"slug": None},
    {"name": ""},
    {"name": "  "},
    {"name": None},
    {"name": "a\0"},
    {"name": "\ud800"},
    {"name": "x" * 201},
    {"description": None},
    {"description": 1},
    {"members": "ct-full"},
    {"members": ["ct-foreign"]},
    {"members": [1]},
    {"members": ["never-existed"]},
    {"id": 1},
    {"organization": "globex"},
    {"version": 2},
    {"members": [["ct-full"]]},
)


@pytest.fixture
def world() -> World:
    return World()


def test_a_project_lives(world: World) -> None:
    made = world.create(description="d\u00e9\n", members=["ct-full", "ct-outsider"])
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, f"{PROJECTS}/made", '"1"')
    assert made.json()["description"] == "d\u00e9\n"
    assert world.create().status_code == 409
    there = f"{PROJECTS}/made"
    changed = world.patch(there, name="Other", headers={"if-match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["name"]) == (200, '"2"', "Other")
    assert world.api(there).json() == changed.json()
    assert world.patch(there, name="x", headers={"if-match": '"1"'}).status_code == 409
    assert world.patch(there, name="x", headers={"if-match": 'W/"2"'}).status_code == 409
    assert world.patch(there, name="x", version=1).status_code == 409
    assert world.patch(there, version=2, headers={"if-match": '"7", "2"'}).json()["version"] == 3
    assert world.api(there, method="DELETE", headers={"if-match": '"1"'}).status_code == 409
    assert world.api(there, headers={"if-none-match": '"3"'}).status_code == 304
    assert world.api(there).json()["name"] == "Other"
    assert world.api(there, method="DELETE").status_code == 204
    assert (world.api(there).status_code, world.api(there, method="DELETE").status_code) == (404, 404)
    assert world.create().status_code == 201


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bodies_that_are_no_json_object(world: World, method: str) -> None:
    url = PROJECTS if method == "POST" else ATLAS
    for body in NO_JSON:
        assert world.api(url, method=method, content=body, headers=JSON).status_code == 400, body
    for kind in ("text/plain", "", "application/x-www-form-urlencoded"):
        assert world.api(url, method=method, content=b'{"name":"a"}', headers={"content-type": kind}).status_code == 400
    assert world.api(url, method=method, content=b" " * 1_048_577, headers=JSON).status_code == 413
    good = b'{"name":"a","slug":"bb"}' if method == "POST" else b'{"name":"a"}'
    parameters = {"content-type": "Application/JSON; charset=utf-8"}
    assert world.api(url, method=method, content=good, headers=parameters).status_code in (200, 201)


@pytest.mark.parametrize("body", BAD_PROJECTS, ids=json.dumps)
def test_projects_that_are_refused(world: World, body: dict[str, Any]) -> None:
    whole = json.dumps({"slug": "made", "name": "Made"} | body).encode()
    assert world.api(PROJECTS, method="POST", content=whole, headers=JSON).status_code == 400
    assert world.api(f"{PROJECTS}/made").status_code == 404
    if body != {"version": 2}:
        assert world.api(ATLAS, method="PATCH", content=json.dumps(body).encode(), headers=JSON).status_code == 400
        assert world.api(ATLAS).json()["version"] == 1


def test_concurrent_writes_have_one_winner(world: World) -> None:
    headers = {"authorization": f"Bearer {world.bearer()}", "if-match": '"1"'}
    updates = [("PATCH", ATLAS, {"headers": headers, "json": {"name": str(n)}}) for n in range(5)]
    assert sorted(answer.status_code for answer in world.at_once(updates)) == [200, 409, 409, 409, 409]
    creates = [("POST", PROJECTS, {"headers": headers, "json": {"slug": "one", "name": str(n)}}) for n in range(5)]
    assert sorted(answer.status_code for answer in world.at_once(creates)) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize(("method", "details"), [
    ("GET", {}), ("HEAD", {}), ("OPTIONS", {}), ("DELETE", {}), ("PUT", {}), ("PATCH", {"json": {"name": "x"}}),
    ("PATCH", {"content": b"{"}), ("PATCH", {"json": [1]}), ("PATCH", {"json": {"name": 1}}), ("POST", {}),
    ("PATCH", {"json": {}, "headers": {"if-match": '"9"'}}), ("GET", {"headers": {"if-none-match": "*"}}),
    ("GET", {"headers": {"accept": "text/xml"}}), ("GET", {"scope": "member:read"}), ("GET", {"client": None}),
])  # fmt: skip
@pytest.mark.parametrize("suffix", ["", "/", "/x"])
def test_what_is_hidden_is_as_if_absent(world: World, method: str, details: dict[str, Any], suffix: str) -> None:
    assert alike(world, method, HIDDEN + suffix, ABSENT + suffix, **details)
    pairs = [("", ""), ("/members", "/members"), ("/projects", "/projects"), ("/projects/globex-vault", "/projects/x")]
    for existing, absent in pairs:
        assert alike(world, method, GLOBEX + existing + suffix, NOBODY + absent + suffix, **details)
    assert alike(world, method, f"{ACME}/projects/globex-vault{suffix}", ABSENT + suffix, **details)


def test_lists_count_what_the_caller_sees(world: World) -> None:
    mine, theirs = (world.api(PROJECTS, client).json() for client in ("ct-full", "ct-outsider"))
    assert [item["slug"] for item in mine["items"]] == ["atlas", "secret-lab"]
    assert ([item["slug"] for item in theirs["items"]], theirs["total"]) == (["atlas"], 1)
    page = world.api(PROJECTS, params={"limit": 1, "offset": 1}).json()
    assert ([item["slug"] for item in page["items"]], page["total"]) == (["secret-lab"], 2)
    for query in (
        "limit=0",
        "limit=x",
        "limit=-1",
        "limit=201",
        "limit=1&limit=1",
        "offset=-1",
        "offset=",
        "limit=%FF",
        "limit=\u0661",
        "offset=9999999999",
    ):
        assert world.api(f"{PROJECTS}?{query}").status_code == 400, query


def test_nothing_of_another_organization_is_told(world: World) -> None:
    for path in ("", "/members", "/projects", "/projects/globex-vault"):
        assert CANARY in world.api(GLOBEX + path, "ct-foreign").text
        assert CANARY not in world.api(GLOBEX + path).text + world.api(ACME + path).text
    assert world.create(slug="globex-vault").status_code == 201


def test_errors_have_one_shape_and_methods_are_told(world: World) -> None:
    for answer in (
        world.api(ABSENT),
        world.api(ATLAS, None),
        world.create(slug="atlas"),
        world.create(slug="A"),
        world.api(ATLAS, method="PUT"),
        world.create("ct-full", x=1),
        world.api("/api/x"),
        world.ask("GET", "/"),
    ):
        assert answer.json().keys() == {"error"}
        assert answer.json()["error"].keys() == {"code", "message"}
        assert answer.headers["x-request-id"]
    assert world.api(ATLAS, method="PUT").headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    options = world.api(PROJECTS, method="OPTIONS")
    assert (options.status_code, options.headers["allow"], options.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    head, get = world.api(ATLAS, method="HEAD"), world.api(ATLAS)
    assert (head.content, comparable(head)[:2]) == (b"", comparable(get)[:2])


@pytest.mark.parametrize("path", [
    "/%61pi/v1/organizations/acme", "/api/v1/organizations/%00", "/api/v1/organizations/%zz",
    "/api/v1/organizations/acme/", "/api/v1//organizations/acme", "/API/v1/organizations/acme",
    "/api/v1/organizations/acme%2Fprojects", "/api/v1/organizations/%FF", "/oauth/token/",
])  # fmt: skip
def test_odd_paths(world: World, path: str) -> None:
    answer = world.api(path)
    assert answer.status_code == (200 if path.startswith("/%61pi") else 404)
