"""Error responses: the error document, its codes, and the code that names the cause."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, StoredImage, Upload
from conformance.clients.registry.images import OCI_MANIFEST, NewBlob, digest_of
from conformance.clients.registry.uploads import ReusableUpload
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.oracles.headers import expect_allowed, expect_header
from conformance.oracles.registry_errors import CODES, codes_in, expect_code, expect_json_error
from conformance.oracles.status import expect_refused, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded


@dataclass(frozen=True)
class Scene:
    """What refused requests use: repositories (shared, with an image, absent), names of nothing, bytes, a session."""

    shared: Repository
    there: Repository
    never: Repository
    image: bytes
    absent: str
    tag: str
    content: bytes
    refusing: ReusableUpload


@pytest.fixture
def scene(
    repository: Repository, stored: StoredImage, names: Names, new_blob: NewBlob, refusing: ReusableUpload
) -> Scene:
    """The scene of the refused requests."""
    never = repository.registry.repository(f"{repository.registry.described.repository}-{names.new('never')}")
    content, image = new_blob().content, stored.image.content
    absent = digest_of(b"absent" + content)
    return Scene(repository, stored.repository, never, image, absent, names.new("tag"), content, refusing)


def patch_cancelled(scene: Scene) -> Exchange:
    """Send a chunk to a session that was cancelled."""
    upload = scene.shared.open_upload()
    upload.cancel()
    return upload.patch(scene.content)


def unknown_session(scene: Scene) -> Upload:
    """Return a session that was never opened."""
    return scene.refusing.unknown(str(uuid.UUID(scene.absent[7:39])))


def cancel_unknown(scene: Scene) -> Exchange:
    """Cancel a session that was never opened; not applicable if this login can cancel none."""
    if (reply := unknown_session(scene).cancel()).status in (401, 403, 405):
        raise NotApplicable("the registry cancels no uploads, which is optional")
    return reply


INVALID = ("DIGEST_INVALID", "BLOB_UPLOAD_INVALID")
NO_SESSION = ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID")
# Docker Registry V2 lists all of these for a 400 to an upload, which is right for an id of another form.
UNKNOWN_SESSION = (*NO_SESSION, "NAME_INVALID", "DIGEST_INVALID", "UNSUPPORTED")
NO_RANGE = ("RANGE_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID")
NO_REFERENCE = ("DIGEST_INVALID", "MANIFEST_INVALID", "TAG_INVALID")
REFUSALS: dict[str, tuple[Callable[[Scene], Exchange], tuple[str, ...]]] = {
    "absent-blob": (lambda s: s.there.get_blob(s.absent), ("BLOB_UNKNOWN",)),
    "absent-tag": (lambda s: s.there.get_manifest(s.tag), ("MANIFEST_UNKNOWN",)),
    "absent-manifest": (lambda s: s.there.get_manifest(s.absent), ("MANIFEST_UNKNOWN",)),
    "absent-repository": (lambda s: s.never.tags(), ("NAME_UNKNOWN",)),
    "absent-repositorys-tag": (lambda s: s.never.get_manifest("v1"), ("NAME_UNKNOWN", "MANIFEST_UNKNOWN")),
    "wrong-digest": (lambda s: s.shared.open_upload().put(s.absent, s.content), ("DIGEST_INVALID",)),
    "malformed-digest": (lambda s: s.refusing.put("sha256:abc", s.content), INVALID),
    "missing-digest": (lambda s: s.refusing.put(None, s.content), INVALID),
    "unknown-session": (lambda s: unknown_session(s).patch(s.content), UNKNOWN_SESSION),
    "unknown-session-cancelled": (cancel_unknown, UNKNOWN_SESSION),
    "cancelled-session": (patch_cancelled, NO_SESSION),
    "out-of-order": (lambda s: s.refusing.patch(s.content, f"100-{99 + len(s.content)}"), NO_RANGE),
    "nonsense-manifest": (lambda s: s.there.put_manifest(s.tag, b"nonsense", OCI_MANIFEST), ("MANIFEST_INVALID",)),
    # Docker Registry V2, PUT Manifest, lists MANIFEST_INVALID for a 400, and no DIGEST_INVALID.
    "wrong-manifest-digest": (
        lambda s: s.there.put_manifest(s.absent, s.image, OCI_MANIFEST),
        ("DIGEST_INVALID", "MANIFEST_INVALID"),
    ),
    "malformed-manifest-digest": (lambda s: s.there.put_manifest("sha256:abc", s.image, OCI_MANIFEST), NO_REFERENCE),
    "bad-number": (lambda s: s.there.tags("?n=-1"), ("PAGINATION_NUMBER_INVALID", "UNSUPPORTED")),
    "no-login": (lambda s: s.there.as_role(None).tags(), ("UNAUTHORIZED", "DENIED")),
    "denied-push": (lambda s: s.there.as_role("puller").post_upload(), ("DENIED", "UNAUTHORIZED")),
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
SOME_REFUSALS = pytest.mark.parametrize("refusal", SAMPLE)
EVERY_REFUSAL = pytest.mark.parametrize("refusal", REFUSALS)


def refused(once: Once, scene: Scene, refusal: str) -> Exchange:
    """Return the refusal; not applicable if the request was not refused, which other checks judge."""
    reply = once(("refusal", refusal), lambda: REFUSALS[refusal][0](scene))
    if not 400 <= reply.status < 500:
        raise NotApplicable(f"the request was not refused ({reply.status})")
    return reply


@verifies("registry/errors/body-is-json")
@EVERY_REFUSAL
def test_body_is_json(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client learns from the body of a refusal what was wrong.
    Method: 1. send a request that is refused; 2. expect a JSON list of errors with a JSON type; a 416 may have no body
    """
    reply = refused(once, scene, refusal)
    if reply.status != 416 or reply.body:
        expect_json_error(reply)


@verifies("registry/errors/code-is-known")
@SOME_REFUSALS
def test_code_is_known(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client knows every error code.
    Method: 1. send a request that is refused; 2. expect each code to be one of the OCI specification's or of Docker's
    """
    reply = refused(once, scene, refusal)
    unknown = [code for code in codes_in(reply) if code not in CODES]
    if unknown:
        seen = f"{reply.status} with {worded(unknown)}"
        raise NonConformance("an error code of OCI or Docker Registry V2", seen, reply)


@verifies("registry/errors/code-matches-the-cause")
@EVERY_REFUSAL
def test_code_matches_the_cause(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a client learns from the code what to do.
    Method: 1. send a request that is refused
            2. expect the code for that cause if the body is an error document; NAME_UNKNOWN if a 404 hides the
               repository from a login that may not push
    """
    reply = refused(once, scene, refusal)
    hidden = refusal == "denied-push" and reply.status == 404
    expect_code(reply, *REFUSALS[refusal][1], *(["NAME_UNKNOWN"] if hidden else []))


@verifies("registry/errors/deletion-code-matches-the-cause")
@pytest.mark.parametrize("code", [case("absent-blob", "BLOB_UNKNOWN"), case("absent-manifest", "MANIFEST_UNKNOWN")])
def test_code_of_a_deletion(scene: Scene, code: str) -> None:
    """Purpose: a client learns that the content to delete does not exist.
    Method: 1. DELETE a blob and a manifest that were never pushed
            2. expect BLOB_UNKNOWN or MANIFEST_UNKNOWN if the body is an error document; UNSUPPORTED with 400 or 405
    """
    delete = scene.there.delete_blob if code == "BLOB_UNKNOWN" else scene.there.delete_manifest
    reply = delete(scene.absent)
    expect_refused(reply)
    expect_code(reply, code, *(["UNSUPPORTED"] if reply.status in (400, 405) else []))


@verifies("registry/errors/unsupported-method-is-405")
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        case("post-manifest", "POST", "manifests/{tag}"),
        case("put-tags", "PUT", "tags/list"),
        case("patch-blob", "PATCH", "blobs/{digest}"),
    ],
)
def test_unsupported_method(once: Once, stored: StoredImage, method: str, rest: str) -> None:
    """Purpose: a client learns that an endpoint does not support a method.
    Method: 1. send a method that the endpoint of existing content does not support; 2. expect 405
    """
    path = rest.format(tag=stored.tag, digest=stored.image.blobs[-1].digest)
    reply = once((method, rest), lambda: stored.repository.send(method, path))
    expect_status(reply, 405, "for a method that the endpoint does not support")


@verifies("registry/errors/405-has-allow")
def test_405_has_allow(once: Once, stored: StoredImage) -> None:
    """Purpose: a client learns which methods an endpoint supports.
    Method: 1. PUT the list of tags; 2. if that is 405, expect an Allow header that names GET, and not PUT
    """
    reply = once(("PUT", "tags/list"), lambda: stored.repository.send("PUT", "tags/list"))
    if reply.status != 405:
        raise NotApplicable(f"the method is refused with a status other than 405 ({reply.status})")
    expect_header(reply, "Allow")
    expect_allowed(reply, "PUT", {"GET"})


@verifies("registry/errors/reveal-no-internal-details")
@SOME_REFUSALS
def test_no_internal_details(once: Once, scene: Scene, refusal: str) -> None:
    """Purpose: a refusal does not help an attacker.
    Method: 1. send a request that is refused
            2. expect no stack trace, SQL, path or server version in the body, and not the login of the request
    """
    reply = refused(once, scene, refusal)
    expect_no_leak(reply)
    expect_not_repeated(reply, [(reply.request_headers.get("authorization") or "").partition(" ")[2]], "the login")
