"""The registry client against a small server of our own: login by challenge, locations, redirects, clearing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.registry import Registry, Repository, Upload, with_digest
from conformance.clients.registry_inventory import Inventory
from conformance.evidence.recorder import Recorder
from conformance.target.description import Login, Secret
from conformance.target.description import Registry as Described
from conformance.vocabulary.exchange import SESSION_LOST
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import basic_login
from tests.clients.servers import Handler, LocalServer

NAME = "orgs/acme/app"
Answer = tuple[int, dict[str, str], bytes]


class Server(LocalServer):
    """Answers by (method, path) from a table and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(Tabled)
        self.table: dict[tuple[str, str], Answer] = {}
        self.seen: list[tuple[str, str, str | None]] = []


class Tabled(Handler):
    def answer(self) -> None:
        self.asked()
        authorized = self.headers.get("authorization")
        self.server.seen.append((self.command, self.path, authorized))
        key = (self.command, self.path.split("?")[0])
        if key[1].startswith("/v2/") and not authorized and "challenge" in self.server.table:
            self.answered(*self.server.table["challenge"])
        else:
            self.answered(*self.server.table.get(key, (404, {}, b"")))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    with served.serving():
        yield served


def entered(server: Server) -> Registry:
    logins: Any = {"pusher": Login(username="ct-push", password=Secret("PUSHER_PASSWORD", "the-password"))}
    described = Described(url=server.url, repository=NAME, credentials=logins)
    return Registry.enter(HttpClient(server.url, Recorder()), described)


def challenged(server: Server, value: str) -> None:
    server.table["challenge"] = (401, {"WWW-Authenticate": value}, b"")  # type: ignore[index]


def test_basic_is_taken_where_basic_is_asked(server: Server) -> None:
    challenged(server, 'Basic realm="r"')
    entered(server).support()

    assert server.seen[-1][2] == basic_login("ct-push", "the-password")


@pytest.mark.parametrize("order", [
    'Bearer realm="{}/token",service="s",scope="x"', 'bearer service="s", scope="x", realm="{}/token"',
    'Basic realm="r", Bearer scope="x",service="s",realm="{}/token"',
])  # fmt: skip
def test_a_token_is_asked_for_where_the_challenge_says(server: Server, order: str) -> None:
    challenged(server, order.format(server.url))
    server.table["GET", "/token"] = (200, {}, b'{"token": "a-token-of-some-length"}')
    entered(server).repository(NAME).tags()

    asked = next(path for _, path, _ in server.seen if path.startswith("/token"))
    assert "service=s" in asked
    assert f"scope=repository:{NAME}:pull,push,delete" in asked
    assert server.seen[-1][2] == "Bearer a-token-of-some-length"


def test_a_challenge_of_any_length_is_read_in_one_go(server: Server) -> None:
    # Were each letter of it the beginning of another search, this would take minutes.
    challenged(server, f'Bearer realm="{server.url}/token",service="s",{"a" * 90_000}')
    assert entered(server).door.realm == f"{server.url}/token"


def test_a_token_is_asked_for_once(server: Server) -> None:
    challenged(server, f'Bearer realm="{server.url}/token",service="s"')
    server.table["GET", "/token"] = (200, {}, b'{"access_token": "a-token", "expires_in": 300}')
    repository = entered(server).repository(NAME)
    repository.tags()
    repository.tags()

    assert sum(path.startswith("/token") for _, path, _ in server.seen) == 1


def test_the_action_of_a_deletion_is_the_challenges(server: Server) -> None:
    challenged(server, f'Bearer realm="{server.url}/token",service="s",scope="repository:{NAME}:*"')

    assert entered(server).scope(NAME) == f"repository:{NAME}:pull,push,*"


def test_a_role_that_the_target_file_lacks_makes_a_check_inconclusive(server: Server) -> None:
    with pytest.raises(Inconclusive, match=r"credentials\.puller"):
        entered(server).as_role("puller")


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


def test_a_digest_is_added_to_what_a_location_has() -> None:
    assert with_digest("/u", "sha256:0") == "/u?digest=sha256%3A0"
    assert with_digest("/u?a=b#top", "sha256:0") == "/u?a=b&digest=sha256%3A0"


def test_what_was_put_in_is_taken_out(server: Server) -> None:
    paths = {"manifest": f"/v2/{NAME}/manifests/v1", "uploads": f"/v2/{NAME}/blobs/uploads/"}
    server.table["PUT", paths["manifest"]] = (201, {}, b"")
    server.table["POST", paths["uploads"]] = (202, {"Location": "/u1"}, b"")
    server.table["PUT", "/u1"] = (201, {}, b"")
    repository = entered(server).repository(NAME)
    repository.put_manifest("v1", b"{}", "application/json")
    repository.given_blob(b"blob")
    repository.open_upload()
    repository.clear(deletes=True)

    removed = [path for method, path, _ in server.seen if method == "DELETE"]
    assert "/u1" in removed
    assert sum("/manifests/sha256:" in path for path in removed) == 1
    assert sum("/blobs/sha256:" in path for path in removed) == 1


def test_what_cannot_be_taken_out_is_told(server: Server) -> None:
    server.table["PUT", f"/v2/{NAME}/manifests/v1"] = (201, {}, b"")
    repository = entered(server).repository(NAME)
    repository.put_manifest("v1", b"{}", "application/json")

    assert repository.clear(deletes=False) == [(f"repository {NAME}", "the target does not claim registry.delete")]
    assert "405" in stays(server, repository, (405, {}, b""))[0][1]


def stays(server: Server, repository: Repository, answer: Answer) -> list[tuple[str, str]]:
    """What clearing tells of the manifest in a repository, its deletion answered like this."""
    (digest,) = repository.inventory.manifests
    server.table["DELETE", f"/v2/{NAME}/manifests/{digest}"] = answer
    return repository.clear(deletes=True)


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        ((204, {}, b""), False),
        ((404, {}, b""), False),
        ((404, {}, b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}'), False),
        ((400, {}, b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}'), False),
        ((404, {}, b'{"errors": [{"code": "BLOB_UPLOAD_INVALID"}]}'), True),
        ((405, {}, b""), True),
    ],
)
def test_a_session_that_cannot_be_cancelled_is_told(server: Server, answer: Answer, stays: bool) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u1?state=1"}, b"")
    server.table["DELETE", "/u1"] = answer
    repository = entered(server).repository(NAME)
    repository.post_upload()

    told = repository.clear(deletes=True)
    assert told == ([(f"upload session of {NAME} at /u1", f"DELETE is answered {answer[0]}")] if stays else [])


def test_what_is_made_is_noted_before(server: Server) -> None:
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


@pytest.mark.parametrize("digest", [None, "sha256:1"])
def test_a_digest_that_stands_in_the_location_is_taken_out_as_well(server: Server, digest: str | None) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u?state=1&digest=sha256:0"}, b"")
    server.table["PUT", "/u"] = (201, {}, b"")
    repository = entered(server).repository(NAME)

    repository.open_upload().put(digest, b"content")

    assert repository.inventory.blobs == {"sha256:0", *filter(None, [digest])}


def test_a_session_that_did_not_open_makes_a_check_inconclusive(server: Server) -> None:
    repository = entered(server).repository(NAME)
    with pytest.raises(Inconclusive, match="opened no upload session"):
        repository.open_upload()
    assert isinstance(Upload(repository, "/u"), Upload)


@pytest.mark.parametrize(("status", "needed"), [(404, "of several servers"), (403, "takes blobs from this login")])
def test_a_session_that_is_not_known_when_it_was_opened_is_told_otherwise_than_a_refusal(
    server: Server, status: int, needed: str
) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u/1"}, b"")
    server.table["PUT", "/u/1"] = (status, {}, b"")
    with pytest.raises(Inconclusive) as caught:
        entered(server).repository(NAME).given_blob(b"content")
    assert needed in caught.value.needs


@pytest.mark.parametrize(
    ("chunk", "then", "lost"),
    [(202, "put", 1), (202, "status", 1), (404, "put", 1), (400, "put", 0), (201, "put", 0), (202, "by another", 0)],
)
def test_a_session_that_is_unknown_right_after_it_was_told_of_is_counted(
    server: Server, chunk: int, then: str, lost: int
) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u/1"}, b"")
    server.table["PATCH", "/u/1"] = (chunk, {}, b"")
    upload = entered(server).repository(NAME).open_upload()
    upload.patch(b"chunk")
    if then == "status":
        upload.status()
    else:
        (upload.by(upload.repository.registry) if then == "by another" else upload).put("sha256:0")
    assert upload.repository.registry.http.recorder.events.get(SESSION_LOST, 0) == lost


def test_a_session_that_was_cancelled_is_not_lost(server: Server) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u/1"}, b"")
    server.table["DELETE", "/u/1"] = (204, {}, b"")
    upload = entered(server).repository(NAME).open_upload()
    upload.cancel()
    upload.status()
    assert SESSION_LOST not in upload.repository.registry.http.recorder.events
