"""Fields and addresses that answers should carry (Docker Registry V2; RFC 9110; RFC 6750)."""

from __future__ import annotations

import pytest

from conformance.clients.images import NewBlob, digest_of
from conformance.clients.registry import Registry, Repository, StoredImage
from conformance.clients.registry_operations import WRITES, Occasion
from conformance.evidence.once import Once
from conformance.oracles.headers import challenges, expect_header
from conformance.oracles.registry import expect_reachable
from conformance.oracles.status import expect_no_server_error
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable


@verifies("registry/pull/digest-is-told")
@pytest.mark.parametrize(
    "kind",
    [
        case("blob", "blob"),
        case("blob-head", "blob-head"),
        case("manifest", "manifest"),
        case("manifest-head", "manifest-head"),
    ],
)
def test_digest_is_told(stored: StoredImage, kind: str) -> None:
    """Purpose: a client learns the digest of what a tag names without hashing, and what to compare with.

    Method: 1. GET and HEAD a blob and a manifest
            2. expect a Docker-Content-Digest field
    """
    repository, layer = stored.repository, stored.image.blobs[-1]
    reply = {
        "blob": lambda: repository.get_blob(layer.digest),
        "blob-head": lambda: repository.head_blob(layer.digest),
        "manifest": lambda: repository.get_manifest(stored.tag),
        "manifest-head": lambda: repository.head_manifest(stored.tag),
    }[kind]()

    expect_header(reply, "Docker-Content-Digest")


@verifies("registry/pull/416-tells-the-size")
def test_416_tells_the_size(repository: Repository, content: bytes) -> None:
    """Purpose: the refusal of a range says how large the blob is.

    Method: 1. GET a blob of 2,048 bytes with a Range beyond its end
            2. where the answer is 416, expect Content-Range: bytes */2048
    """
    reply = repository.get_blob(digest_of(content), [("Range", "bytes=5000-6000")])
    if reply.status != 416:
        raise NotApplicable("the registry sends the whole blob instead, as it may")

    expect_header(reply, "Content-Range", f"bytes */{len(content)}")


@verifies("registry/upload/location-can-be-followed")
def test_location_can_be_followed(repository: Repository, once: Once) -> None:
    """Purpose: the Location of a session leads there for whoever opened it.

    Method: 1. open a session, GET its Location
            2. expect an answer, and no 5xx
    """
    upload = repository.upload_of(once("opened", repository.post_upload))

    expect_no_server_error(expect_reachable("a Location", upload.status))


@verifies("registry/login/realm-can-be-reached")
def test_realm_can_be_reached(registry: Registry) -> None:
    """Purpose: the realm of the challenge leads to the token endpoint for whoever asked.

    Method: 1. GET /v2/ without a login, GET the realm
            2. expect an answer, and no 5xx
    """
    if registry.door.scheme != "bearer":
        raise NotApplicable("the registry does not take bearer tokens")

    expect_no_server_error(expect_reachable("a realm", lambda: registry.door.ask_token([])))


@verifies("registry/login/mount-challenge-names-the-source")
def test_challenge_of_a_mount(bearer: Registry, stored: StoredImage, guarded: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a client that wants to mount learns that it needs to pull from the source as well.

    Method: 1. mount a blob from another repository without a login
            2. expect the Bearer challenge's scope to name both repositories
    """
    target = stored.repository.as_role(None)
    reply = WRITES["mount"].request(target, Occasion(guarded, new_blob(), "unused"))
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry does not take bearer tokens")
    scope = bearer.parameters.get("scope", "")

    for name in (stored.repository.name, guarded.repository.name):
        if f":{name}:" not in scope:
            raise NonConformance(f"a scope on {name}", f"scope {scope!r}", reply)


@verifies("registry/token/invalid-is-told")
def test_invalid_token_is_told(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a client learns that its token is no good, and not only that one is needed.

    Method: 1. pull with a token that is none
            2. expect error="invalid_token" in the challenge
    """
    reply = guarded.repository.presenting("Bearer junk").get_manifest(guarded.tag)
    told = [each.parameters.get("error") for each in challenges(reply)]

    if "invalid_token" not in told:
        raise NonConformance('error="invalid_token"', f"{reply.headers.get('www-authenticate')}", reply)
