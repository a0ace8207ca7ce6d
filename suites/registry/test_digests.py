"""Digests of blobs that do not match, are malformed or missing, and that what they refused is stored nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.images import Blob, NewBlob
from conformance.clients.registry import Repository, StoredImage
from conformance.clients.registry_uploads import pushed
from conformance.evidence.once import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.status import expect_refused, expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange

FORMS = pytest.mark.parametrize("form", [case("put", "put"), case("chunks", "chunks"), case("post", "post")])
MALFORMED = [
    case("short", "sha256:abc"),
    case("letters", "sha256:" + "z" * 64),
    case("no-algorithm", "0" * 64),
    case("empty-hex", "sha256:"),
    case("longer", "sha256:" + "0" * 65),
    case("unknown-algorithm", "tarsum.v1+md5:" + "0" * 32),
]
BEGINNING = "the beginning of that of what is there"
CAPITALS = "its own, in capitals"


@dataclass(frozen=True)
class Swapped:
    """What was answered to a blob that was pushed under another digest than its own."""

    blob: Blob
    named: str
    reply: Exchange


@pytest.fixture
def swapped(repository: Repository, new_blob: NewBlob, once: Once) -> Callable[[str], Swapped]:
    """Pushes a blob under the digest of another in a form, in chunks under one like its own but for the end; once."""

    def made(form: str) -> Swapped:
        blob = new_blob()
        nearly = blob.digest[:-1] + ("1" if blob.digest.endswith("0") else "0")
        named = nearly if form == "chunks" else new_blob().digest
        return Swapped(blob, named, pushed(repository, blob.content, named, form))

    return lambda form: once(("swapped", form), lambda: made(form))


@verifies("registry/digest/wrong-is-refused")
@FORMS
def test_wrong_digest_is_refused(swapped: Callable[[str], Swapped], form: str) -> None:
    """Purpose: the registry verifies what it is given.

    Method: 1. push a blob under the digest of another, in each form of upload; in chunks under its own with another end
            2. expect 400
    """
    expect_status(swapped(form).reply, 400, "for a digest that does not match")


@verifies("registry/digest/refused-bytes-are-stored-nowhere")
@FORMS
def test_refused_bytes_are_stored_nowhere(repository: Repository, swapped: Callable[[str], Swapped], form: str) -> None:
    """Purpose: what was refused is nowhere.

    Method: 1. push a blob under the digest of another, in each form of upload
            2. expect 404 to GET of the named digest, and of the digest of the bytes
    """
    tried = swapped(form)
    expect_refused(tried.reply)

    expect_not_stored([repository.get_blob(tried.named), repository.get_blob(tried.blob.digest)])


@dataclass
class Refusing:
    """A session that refuses what it is closed with, again and again; another where it is over."""

    repository: Repository
    once: Once
    opened: int = 0
    used: bool = False

    def put(self, digest: str | None, content: bytes) -> Exchange:
        """The closing PUT; of a session that was open before and is over now, that to a new one."""
        reply = self.once(("refusing", self.opened), self.repository.open_upload).put(digest, content)
        again, self.used = self.used and reply.status == 404, True
        if again or not 400 <= reply.status < 500:
            self.opened, self.used = self.opened + 1, False
        return self.put(digest, content) if again else reply


@pytest.fixture(scope="session")
def refusing(repository: Repository, once: Once) -> Refusing:
    """A session for what is refused before its bytes are looked at."""
    return Refusing(repository, once)


@verifies("registry/digest/malformed-is-400")
@pytest.mark.parametrize("digest", [*MALFORMED, case("capitals", CAPITALS)])
def test_malformed_digest(refusing: Refusing, new_blob: NewBlob, digest: str) -> None:
    """Purpose: a digest that is none is told as such.

    Method: 1. PUT a blob to a session with a malformed digest, its own in capitals among them
            2. expect 400; or 201 to capitals that are taken for small letters, and its bytes under these
    """
    blob, capitals = new_blob(), digest == CAPITALS
    reply = refusing.put(f"sha256:{blob.digest[7:].upper()}" if capitals else digest, blob.content)
    if capitals and reply.status == 201:
        expect_bytes(refusing.repository.get_blob(blob.digest), blob.content)
    else:
        expect_status(reply, 400, "for a malformed digest")


@verifies("registry/digest/malformed-in-a-post-is-a-callers-fault")
def test_malformed_digest_in_a_post(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a blob that is pushed at once under what is no digest is an upload, or refused.

    Method: 1. POST a blob with a malformed digest
            2. expect a 4xx, or 202 for an upload that has yet to be closed
    """
    reply = repository.post_upload(new_blob().content, digest="sha256:abc")

    expect_status(reply, {202, *range(400, 500)}, "for a malformed digest")


@verifies("registry/digest/missing-is-400")
@pytest.mark.parametrize("digest", [case("absent", None), case("empty", "")])
def test_missing_digest(repository: Repository, refusing: Refusing, new_blob: NewBlob, digest: str | None) -> None:
    """Purpose: an upload is not complete without a digest.

    Method: 1. PUT a blob to a session without a digest, or an empty one
            2. expect 400, and no such blob
    """
    blob = new_blob()

    expect_status(refusing.put(digest, blob.content), 400, "without a digest")
    expect_not_stored([repository.get_blob(blob.digest)])


@verifies("registry/digest/malformed-read-is-a-callers-fault")
@pytest.mark.parametrize("digest", [case("short", BEGINNING), *MALFORMED[1:]])
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("manifest", "manifest")])
def test_reading_under_a_malformed_digest(stored: StoredImage, kind: str, digest: str) -> None:
    """Purpose: a malformed digest in a path is the caller's fault, and never the platform's.

    Method: 1. GET a blob and a manifest under a malformed digest, the beginning of their own among them
            2. expect 400 or 404
    """
    there = stored.image.blobs[-1] if kind == "blob" else stored.image
    digest = there.digest[:19] if digest == BEGINNING else digest
    read = stored.repository.get_blob if kind == "blob" else stored.repository.get_manifest

    expect_status(read(digest), {400, 404}, "for a malformed digest")


@verifies("registry/digest/malformed-read-is-a-callers-fault")
@pytest.mark.parametrize("method", [case("head", "HEAD"), case("delete", "DELETE")])
@pytest.mark.parametrize("kind", [case("blob", "blobs"), case("manifest", "manifests")])
def test_other_methods_under_a_malformed_digest(stored: StoredImage, kind: str, method: str) -> None:
    """Purpose: nor is it where it is only asked for, or to be deleted.

    Method: 1. HEAD and DELETE a blob and a manifest under a malformed digest
            2. expect 400 or 404 (or 405 where that deletion is not offered)
    """
    reply = stored.repository.send(method, f"{kind}/sha256:{'z' * 64}")

    expect_status(reply, {400, 404, *({405} if method == "DELETE" else ())}, "for a malformed digest")
