"""A repository is cleared, and everything that remains is reported."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import digest_of
from conformance.sandbox.registry_cleanup import clear, delete_manifests
from tests.clients.registry_server import NAME, Answer, Server, entered
from tests.clients.registry_server import server as server


def test_everything_that_was_pushed_is_removed(server: Server) -> None:
    paths = {"manifest": f"/v2/{NAME}/manifests/v1", "uploads": f"/v2/{NAME}/blobs/uploads/"}
    server.table["PUT", paths["manifest"]] = (201, {}, b"")
    server.table["POST", paths["uploads"]] = (202, {"Location": "/u1"}, b"")
    server.table["PUT", "/u1"] = (201, {}, b"")
    repository = entered(server).repository(NAME)
    repository.put_manifest("v1", b"{}", "application/json")
    repository.given_blob(b"blob")
    repository.open_upload()
    clear(repository, deletes=True)

    removed = [path for method, path, _ in server.seen if method == "DELETE"]
    assert "/u1" in removed
    assert sum("/manifests/sha256:" in path for path in removed) == 1
    assert sum("/blobs/sha256:" in path for path in removed) == 1


def test_a_manifest_that_cannot_be_removed_is_reported(server: Server) -> None:
    server.table["PUT", f"/v2/{NAME}/manifests/v1"] = (201, {}, b"")
    repository = entered(server).repository(NAME)
    repository.put_manifest("v1", b"{}", "application/json")

    assert clear(repository, deletes=False) == [(f"repository {NAME}", "the target does not claim registry.delete")]
    assert "405" in stays(server, repository, (405, {}, b""))[0][1]


def stays(server: Server, repository: Repository, answer: Answer) -> list[tuple[str, str]]:
    """What clearing tells of the manifest in a repository, its deletion answered like this."""
    (digest,) = repository.inventory.manifests
    server.table["DELETE", f"/v2/{NAME}/manifests/{digest}"] = answer
    return clear(repository, deletes=True)


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
def test_an_upload_session_that_cannot_be_cancelled_is_reported(server: Server, answer: Answer, stays: bool) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "/u1?state=1"}, b"")
    server.table["DELETE", "/u1"] = answer
    repository = entered(server).repository(NAME)
    repository.post_upload()

    told = clear(repository, deletes=True)
    assert told == ([(f"upload session of {NAME} at /u1", f"DELETE is answered {answer[0]}")] if stays else [])


ONE, TWO, INDEX = (f"manifests/sha256:{digit * 64}" for digit in "123")


def keeping(server: Server, path: str, named_by: str) -> None:
    """The registry deletes one, but keeps the other as long as the one is there."""

    def answer() -> Answer:
        gone = any(method == "DELETE" and asked.endswith(named_by) for method, asked, _ in server.seen)
        return (202 if gone else 409, {}, b"")

    server.table["DELETE", f"/v2/{NAME}/{path}"] = answer


def test_manifests_are_removed_after_their_tags_and_indexes(server: Server) -> None:
    server.table["GET", f"/v2/{NAME}/tags/list"] = (200, {}, b'{"name": "app", "tags": ["v1", "v2"]}')
    for tag in ("v1", "v2"):
        server.table["DELETE", f"/v2/{NAME}/manifests/{tag}"] = (202, {}, b"")
    keeping(server, INDEX, "/v2")
    keeping(server, TWO, INDEX)
    keeping(server, ONE, TWO)
    digests = [path.removeprefix("manifests/") for path in (ONE, TWO, INDEX)]

    replies = delete_manifests(entered(server).repository(NAME), digests)

    assert {path: reply.status for path, reply in replies.items()} == {ONE: 202, TWO: 202, INDEX: 202}


def test_an_unreachable_upload_session_does_not_stop_the_removal(server: Server) -> None:
    server.table["POST", f"/v2/{NAME}/blobs/uploads/"] = (202, {"Location": "http://127.0.0.1:1/u1"}, b"")
    for method, reference in (("PUT", "v1"), ("DELETE", digest_of(b"{}"))):
        server.table[method, f"/v2/{NAME}/manifests/{reference}"] = (202, {}, b"")
    repository = entered(server).repository(NAME)
    for _ in range(2):
        repository.post_upload()
    repository.put_manifest("v1", b"{}", "application/json")

    told = clear(repository, deletes=True)
    assert [what for what, _ in told] == [f"upload session of {NAME}"] * 2
    assert told[1][1] == "127.0.0.1:1 cannot be reached"
    assert any(method == "DELETE" and "/manifests/" in path for method, path, _ in server.seen)
