"""The registry client logs in by challenge and follows upload locations."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.inventory import Inventory
from conformance.vocabulary.exchange import TOKEN_ENDED
from conformance.vocabulary.finding import Inconclusive, NotDeclared
from tests.clients.registry_server import NAME, Server, entered
from tests.clients.registry_server import server as server


def challenged(server: Server, value: str) -> None:
    server.table["challenge"] = (401, {"WWW-Authenticate": value}, b"")  # type: ignore[index]


@pytest.mark.parametrize("order", [
    'Bearer realm="{}/token",service="s",scope="x"', 'bearer service="s", scope="x", realm="{}/token"',
    'Basic realm="r", Bearer scope="x",service="s",realm="{}/token"',
])  # fmt: skip
def test_a_token_is_requested_from_the_realm(server: Server, order: str) -> None:
    challenged(server, order.format(server.url))
    server.table["GET", "/token"] = (200, {}, b'{"token": "a-token-of-some-length"}')
    entered(server).repository(NAME).tags()

    asked = next(path for _, path, _ in server.seen if path.startswith("/token"))
    assert "service=s" in asked
    assert f"scope=repository:{NAME}:pull,push,delete" in asked
    assert server.seen[-1][2] == "Bearer a-token-of-some-length"


def test_a_long_challenge_is_read_in_linear_time(server: Server) -> None:
    # Were each letter of it the beginning of another search, this would take minutes.
    challenged(server, f'Bearer realm="{server.url}/token",service="s",{"a" * 90_000}')
    assert entered(server).auth.realm == f"{server.url}/token"


def test_a_token_is_requested_once(server: Server) -> None:
    challenged(server, f'Bearer realm="{server.url}/token",service="s"')
    server.table["GET", "/token"] = (200, {}, b'{"access_token": "a-token", "expires_in": 300}')
    repository = entered(server).repository(NAME)
    repository.tags()
    repository.tags()

    assert sum(path.startswith("/token") for _, path, _ in server.seen) == 1


def test_a_role_without_a_login_is_not_declared(server: Server) -> None:
    with pytest.raises(NotDeclared, match="role puller") as raised:
        entered(server).as_role("puller")
    assert raised.value.lacks == ("registry.credentials.puller",)


def test_credentials_are_not_sent_to_another_host(server: Server) -> None:
    challenged(server, 'Basic realm="r"')
    elsewhere = Server()
    server.table["GET", f"/v2/{NAME}/blobs/d"] = (307, {"Location": f"{elsewhere.url}/stored"}, b"")
    elsewhere.table["GET", "/stored"] = (200, {}, b"content")

    with elsewhere.serving():
        assert entered(server).repository(NAME).get_blob("d").body == b"content"
    assert elsewhere.seen == [("GET", "/stored", None)]


@pytest.mark.parametrize("location", [
    "/elsewhere/u1?state=1", "{}/elsewhere/u1?state=1", "../../../../../../elsewhere/u1?state=1",
])  # fmt: skip
def test_an_upload_follows_its_location(server: Server, location: str) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": location.format(server.url)}, b"")
    server.table["PATCH", "/elsewhere/u1"] = (202, {"Location": "/elsewhere/u2?state=2", "Range": "0-0"}, b"")
    upload = entered(server).repository(NAME).open_upload()
    upload.patch(b"1", "0-0")
    upload.put("sha256:0")

    assert [(method, path) for method, path, _ in server.seen[-2:]] == [
        ("PATCH", "/elsewhere/u1?state=1"), ("PUT", "/elsewhere/u2?state=2&digest=sha256%3A0"),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [201, 202, 204])
def test_a_blob_location_is_not_taken_for_the_upload_session(server: Server, status: int) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u1"}, b"")
    server.table["PUT", "/u1"] = (status, {"Location": f"/v2/{NAME}/blobs/sha256:0"}, b"")
    upload = entered(server).repository(NAME).open_upload()
    upload.put("sha256:0")
    upload.cancel()

    assert server.seen[-1][:2] == ("DELETE", "/u1")


def test_created_things_are_recorded_beforehand(server: Server) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u1"}, b"")
    server.table["PATCH", "/u1"] = (202, {"Location": "/u2"}, b"")
    server.table["PUT", "/u2"] = (201, {}, b"")
    noted: list[tuple[str, ...]] = []
    inventory = Inventory(lambda kind, **details: noted.append((kind, *details.values())))
    repository = Repository(entered(server), NAME, inventory)
    upload = repository.open_upload()
    upload.patch(b"chunk")
    upload.put("sha256:0")
    repository.put_manifest("v1", b"{}", "application/json")

    at = server.url
    assert noted[:4] == [
        ("upload", f"{at}/u1"), ("upload", f"{at}/u2", f"{at}/u1"), ("blob", "sha256:0"), ("closed", f"{at}/u2"),
    ]  # fmt: skip
    assert noted[4][0] == "manifest", "a manifest that is refused may be there all the same"


@pytest.mark.parametrize(("status", "needed"), [(404, "of several servers"), (403, "takes blobs from this login")])
def test_an_unknown_upload_session_is_not_reported_as_a_refusal(server: Server, status: int, needed: str) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u/1"}, b"")
    server.table["PUT", "/u/1"] = (status, {}, b"")
    with pytest.raises(Inconclusive) as caught:
        entered(server).repository(NAME).given_blob(b"content")
    assert needed in caught.value.needs


@pytest.mark.parametrize(("old", "new", "ended"), [(401, 200, 1), (200, 200, 0), (401, 401, 0)])
def test_a_token_that_ended_before_its_stated_end_is_replaced(server: Server, old: int, new: int, ended: int) -> None:
    challenged(server, f'Bearer realm="{server.url}/token",service="s"')
    names = iter(["old", "new", "newer"])
    server.table["GET", "/token"] = lambda: (
        200,
        {},
        b'{"token": "%s-token", "expires_in": 300}' % next(names).encode(),
    )
    repository = entered(server).repository(NAME)
    tags = repository.path("tags/list")
    assert repository.tags().status == 404

    server.table["GET", "/v2/"] = lambda: (old if server.seen[-1][2] == "Bearer old-token" else new, {}, b"")
    server.table["GET", tags] = lambda: (401 if server.seen[-1][2] == "Bearer old-token" else 200, {}, b"")
    repository.registry.auth.accepted_at_s = 0.0

    assert repository.tags().status == (200 if ended else 401)
    assert repository.registry.http.recorder.events.get(TOKEN_ENDED, 0) == ended
