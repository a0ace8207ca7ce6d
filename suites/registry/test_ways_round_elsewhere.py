"""Ways round the login where no manifest is read: lists, blobs, uploads and deletions."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.oracles.registry import expect_nothing_changed
from conformance.oracles.status import expect_status, unlike
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, Proof

DONE = (201, 202)
"""An upload that is there, and a deletion."""


@verifies("registry/login/no-spelling-of-a-path-opens")
@pytest.mark.parametrize(
    ("path", "within"),
    [
        case("tags", "{name}/%74ags/list", '"{tag}"'),
        case("blob", "{name}/%62lobs/{digest}", "{text}"),
        case("catalog", "%5Fcatalog", '"{name}"'),
        case("catalog-and-slash", "_catalog/", '"{name}"'),
    ],
)
def test_no_spelling_of_a_read_opens(guarded: StoredImage, path: str, within: str) -> None:
    """Purpose: nor is anything else but a manifest given to whom the login was not asked of.

    Method: 1. GET a list of tags, a blob and the catalog without a login, a letter of the path escaped, and the catalog
               with a slash behind it
            2. expect any answer that does not hold the tag, the blob or the name
    """
    stranger, blob = guarded.repository.registry.as_role(None), guarded.image.blobs[-1]
    stranger.door.expect_locked()
    told = {"name": guarded.repository.name, "tag": guarded.tag, "digest": blob.digest}
    reply = stranger.send("GET", f"/v2/{path.format(**told)}")

    if (kept := within.format(**told, text=blob.content.decode())) in reply.text:
        proof = Proof(reply.id, unsaid=(kept,), or_statuses=tuple(range(300, 500)))
        raise NonConformance("an answer without what is there", f"{reply.status} with {kept[:40]}", reply, proof=proof)


@verifies("registry/login/no-spelling-of-a-path-opens")
@pytest.mark.parametrize(
    ("method", "rest"),
    [case("upload", "POST", "blobs/%75ploads/"), case("deletion", "DELETE", "%6Danifests/{digest}")],
)
def test_no_spelling_of_a_change_opens(guarded: StoredImage, new_blob: NewBlob, method: str, rest: str) -> None:
    """Purpose: nor is anything changed by whom the login was not asked of.

    Method: 1. POST an upload and DELETE an image without a login, a letter of the path escaped
            2. expect no upload, and the image as it was
    """
    stranger = guarded.repository.as_role(None)
    stranger.registry.door.expect_locked()
    reply = stranger.send(method, rest.format(digest=guarded.image.digest))

    if reply.status in DONE:
        raise unlike("another answer than 201 or 202 without a login", reply, {*range(200, 600)} - {*DONE})
    expect_nothing_changed("delete-manifest", Occasion(guarded, new_blob(), "unused"))


@verifies("registry/login/malformed-login-is-refused")
@pytest.mark.parametrize("operation", [case("upload", "upload"), case("deletion", "delete-manifest")])
@pytest.mark.parametrize("value", [case("empty", ""), case("bearer-nothing", "Bearer")])
def test_malformed_login_changes_nothing(guarded: StoredImage, new_blob: NewBlob, value: str, operation: str) -> None:
    """Purpose: nor does an Authorization field that says nothing open what changes something.

    Method: 1. POST an upload and DELETE an image with an empty Authorization field, and one of a scheme alone
            2. expect 401 (or 400; 405 where that deletion is not offered), and the image as it was
    """
    guarded.repository.registry.door.expect_locked()
    on = Occasion(guarded, new_blob(), "unused")
    reply = OPERATIONS[operation].request(guarded.repository.presenting(value), on)

    expect_status(reply, {400, 401, *OPERATIONS[operation].unoffered}, "for a malformed login")
    expect_nothing_changed(operation, on)
