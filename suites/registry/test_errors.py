"""Error responses: the error document, its codes, and the code that names the cause."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, StoredImage, Upload
from conformance.clients.registry.images import OCI_MANIFEST, NewBlob, digest_of
from conformance.clients.registry.uploads import Refusing
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.oracles.headers import expect_allowed, expect_header
from conformance.oracles.proofs import lacks
from conformance.oracles.registry_errors import CODES, codes_in, expect_code, expect_error_document, expect_json_error
from conformance.oracles.status import expect_refused, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded


@dataclass(frozen=True)
class Scene:
    """Where the refused requests are sent."""

    repository: Repository
    stored: StoredImage
    never: Repository
    absent: str
    tag: str
    content: bytes
    refusing: Refusing


@pytest.fixture
def scene(repository: Repository, stored: StoredImage, names: Names, new_blob: NewBlob, refusing: Refusing) -> Scene:
    """The shared repository, a stored image, a repository that never was, a digest of nothing; a session."""
    described = repository.registry.described.repository
    never = repository.registry.repository(f"{described}-{names.new('never')}")
    content = new_blob().content
    return Scene(repository, stored, never, digest_of(b"absent" + content), names.new("tag"), content, refusing)


def cancelled(scene: Scene) -> Exchange:
    """A chunk for a session that was cancelled."""
    upload = scene.repository.open_upload()
    upload.cancel()
    return upload.patch(scene.content)


def never_opened(scene: Scene) -> Upload:
    """A session that never was."""
    return scene.refusing.unknown(str(uuid.UUID(scene.absent[7:39])))


def unknown_cancelled(scene: Scene) -> Exchange:
    """Cancels a session that never was; not asked where none is cancelled, or not by this login."""
    if (reply := never_opened(scene).cancel()).status in (401, 403, 405):
        raise NotApplicable("the registry cancels no uploads, which it need not")
    return reply


INVALID = ("DIGEST_INVALID", "BLOB_UPLOAD_INVALID")
REFUSALS: dict[str, tuple[Callable[[Scene], Exchange], tuple[str, ...]]] = {
    "absent-blob": (lambda scene: scene.stored.repository.get_blob(scene.absent), ("BLOB_UNKNOWN",)),
    "absent-tag": (lambda scene: scene.stored.repository.get_manifest(scene.tag), ("MANIFEST_UNKNOWN",)),
    "absent-manifest": (lambda scene: scene.stored.repository.get_manifest(scene.absent), ("MANIFEST_UNKNOWN",)),
    "absent-repository": (lambda scene: scene.never.tags(), ("NAME_UNKNOWN",)),
    "absent-repositorys-tag": (lambda scene: scene.never.get_manifest("v1"), ("NAME_UNKNOWN", "MANIFEST_UNKNOWN")),
    "wrong-digest": (
        lambda scene: scene.repository.open_upload().put(scene.absent, scene.content),
        ("DIGEST_INVALID",),
    ),
    "malformed-digest": (lambda scene: scene.refusing.put("sha256:abc", scene.content), INVALID),
    "missing-digest": (lambda scene: scene.refusing.put(None, scene.content), INVALID),
    # UNSUPPORTED: where sessions are on another host there is no such endpoint; a session that ended is told below.
    "unknown-session": (
        lambda scene: never_opened(scene).patch(scene.content),
        ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "UNSUPPORTED"),
    ),
    "unknown-session-cancelled": (unknown_cancelled, ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "UNSUPPORTED")),
    "cancelled-session": (cancelled, ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID")),
    "out-of-order": (
        lambda scene: scene.refusing.patch(scene.content, f"100-{99 + len(scene.content)}"),
        ("RANGE_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID"),
    ),
    "nonsense-manifest": (
        lambda scene: scene.stored.repository.put_manifest(scene.tag, b"nonsense", OCI_MANIFEST),
        ("MANIFEST_INVALID",),
    ),
    "wrong-manifest-digest": (
        lambda scene: scene.stored.repository.put_manifest(scene.absent, scene.stored.image.content, OCI_MANIFEST),
        ("DIGEST_INVALID",),
    ),
    "malformed-manifest-digest": (
        lambda scene: scene.stored.repository.put_manifest("sha256:abc", scene.stored.image.content, OCI_MANIFEST),
        ("DIGEST_INVALID", "MANIFEST_INVALID", "TAG_INVALID"),
    ),
    "bad-number": (lambda scene: scene.stored.repository.tags("?n=-1"), ("PAGINATION_NUMBER_INVALID", "UNSUPPORTED")),
    "no-login": (lambda scene: scene.stored.repository.as_role(None).tags(), ("UNAUTHORIZED", "DENIED")),
    "denied-push": (lambda scene: scene.stored.repository.as_role("puller").post_upload(), ("DENIED", "UNAUTHORIZED")),
}
DELETIONS: dict[str, tuple[Callable[[Scene], Exchange], tuple[str, ...]]] = {
    "absent-blob": (lambda scene: scene.stored.repository.delete_blob(scene.absent), ("BLOB_UNKNOWN",)),
    "absent-manifest": (lambda scene: scene.stored.repository.delete_manifest(scene.absent), ("MANIFEST_UNKNOWN",)),
}
SAMPLE = (
    "absent-blob",
    "absent-tag",
    "absent-repository",
    "wrong-digest",
    "unknown-session",
    "nonsense-manifest",
    "no-login",
)
SOME_REFUSALS = pytest.mark.parametrize("refusal", [case(name, name) for name in SAMPLE])
EVERY_REFUSAL = pytest.mark.parametrize("refusal", [case(name, name) for name in REFUSALS])


def refused(once: Once, scene: Scene, refusal: str) -> Exchange:
    """The refusal; not asked where the registry did not refuse (whether it must is another check's affair)."""
    reply = once(("refusal", refusal), lambda: REFUSALS[refusal][0](scene))
    if not 400 <= reply.status < 500:
        raise NotApplicable(f"the request was not refused ({reply.status})")
    return reply


@verifies("registry/errors/json-has-the-form")
@SOME_REFUSALS
def test_error_document_has_the_form(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client can read every refusal.

    Method: 1. have a request refused
            2. where the body is JSON, expect {"errors": [{"code": …}]}, the code in capitals and underscores
    """
    expect_error_document(refused(once, scene, refusal))


@verifies("registry/errors/body-is-json")
@EVERY_REFUSAL
def test_body_is_json(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client learns what was wrong, in the body of the refusal.

    Method: 1. have a request refused
            2. expect a JSON list of errors, and a Content-Type that says so; 416 may say all in its header fields
    """
    reply = refused(once, scene, refusal)
    if reply.status != 416 or reply.body:
        expect_json_error(reply)


@verifies("registry/errors/code-is-of-the-lists")
@SOME_REFUSALS
def test_code_is_known(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client knows every code.

    Method: 1. have a request refused
            2. expect each code to be one of the OCI specification's or of Docker's
    """
    reply = refused(once, scene, refusal)
    unknown = [code for code in codes_in(reply) if code not in CODES]
    if unknown:
        told, proof = f"{reply.status} with {worded(unknown)}", lacks(reply, *unknown)
        raise NonConformance("a code of the lists", told, reply, proof=proof)


@verifies("registry/errors/code-tells-the-cause")
@EVERY_REFUSAL
def test_code_tells_the_cause(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client learns from the code what to do.

    Method: 1. have a request refused
            2. expect the code that is meant for the cause, where there is an error document; or NAME_UNKNOWN where a
               repository is hidden from who may not push to it (404)
    """
    reply = refused(once, scene, refusal)
    hidden = refusal == "denied-push" and reply.status == 404

    expect_code(reply, *REFUSALS[refusal][1], *(["NAME_UNKNOWN"] if hidden else []))


@verifies("registry/errors/code-of-a-deletion")
@pytest.mark.parametrize("what", [case(name, name) for name in DELETIONS])
def test_code_of_a_deletion(scene: Scene, what: str) -> None:
    """Purpose: a client learns that there was nothing to delete.

    Method: 1. DELETE a blob and a manifest that were never pushed
            2. expect BLOB_UNKNOWN or MANIFEST_UNKNOWN, where there is an error document; or UNSUPPORTED where deletion
               is disabled (400 or 405)
    """
    request, codes = DELETIONS[what]
    reply = request(scene)
    expect_refused(reply)
    expect_code(reply, *codes, *(["UNSUPPORTED"] if reply.status in (400, 405) else []))


@verifies("registry/errors/other-method-is-405")
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        case("post-manifest", "POST", "manifests/{tag}"),
        case("put-tags", "PUT", "tags/list"),
        case("patch-blob", "PATCH", "blobs/{digest}"),
    ],
)
def test_other_method(once: Once, stored: StoredImage, method: str, rest: str) -> None:
    """Purpose: a method that an endpoint does not know is told as such, with those that it knows.

    Method: 1. send a method that the endpoint does not have, of what is there
            2. expect 405
    """
    path = rest.format(tag=stored.tag, digest=stored.image.blobs[-1].digest)
    reply = once((method, rest), lambda: stored.repository.send(method, path))

    expect_status(reply, 405, "for a method that the endpoint does not have")


@verifies("registry/errors/405-has-allow")
def test_405_has_allow(once: Once, stored: StoredImage) -> None:
    """Purpose: the refusal of a method names those that there are.

    Method: 1. PUT the list of tags
            2. where the answer is 405, expect an Allow field that names GET, and not PUT
    """
    reply = once(("PUT", "tags/list"), lambda: stored.repository.send("PUT", "tags/list"))
    if reply.status != 405:
        raise NotApplicable(f"the method is refused otherwise ({reply.status})")

    expect_header(reply, "Allow", or_statuses=[*range(200, 300), 400, 403, 404, 501])
    expect_allowed(reply, "PUT", {"GET"})


@verifies("registry/errors/tell-nothing-of-the-inside")
@SOME_REFUSALS
def test_no_internal_details(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a refusal helps the caller and no attacker.

    Method: 1. have a request refused
            2. expect no stack trace, SQL, path or version of the server in the body, nor the login that was shown
    """
    reply = refused(once, scene, refusal)

    expect_no_leak(reply)
    expect_not_repeated(reply, [(reply.request_headers.get("authorization") or "").partition(" ")[2]], "the login")
