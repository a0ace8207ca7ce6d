"""Attempts to bypass the login or the access rights: respelled paths, method overrides, headers, malformed logins."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import EVERY_TYPE, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.oracles.registry import (
    expect_nothing_changed,
)
from conformance.oracles.status import NOT_OFFERED, expect_status, unlike
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof
from conformance.vocabulary.values import basic_login

IDENTITY_HEADERS = ("X-Forwarded-User", "X-Remote-User", "Remote-User", "X-WEBAUTH-USER", "X-Auth-Request-User")
URL_HEADERS = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Original-URI")
METHOD_OVERRIDES = [(name, "DELETE") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
DONE = (201, 202)
"""An upload that is there, and a deletion."""


def expect_not_revealed(reply: Exchange, content: bytes) -> None:
    """Expect a response without this content; the status may be 200, for example of an HTML page."""
    if content in reply.body:
        raise NonConformance("an answer without the image", f"{reply.status} with the image", reply)


@verifies("registry/login/no-spelling-of-a-path-opens")
@pytest.mark.parametrize(
    "spelling",
    [
        case("slash-before", "//v2/{name}/manifests/{tag}"),
        case("slash-within", "/v2//{name}//manifests/{tag}"),
        case("slash-behind", "/v2/{name}/manifests/{tag}/"),
        case("slash-escaped", "/v2/{escaped}/manifests/{tag}"),
        case("letter-escaped", "/v2/{name}/%6Danifests/{tag}"),
        case("dot", "/v2/./{name}/manifests/{tag}"),
        case("dots", "/v2/x/../{name}/manifests/{tag}"),
        case("capital", "/V2/{name}/manifests/{tag}"),
        case("parameter", "/v2/{name}/manifests/{tag};x=.js"),
        case("query", "/v2/{name}/manifests/{tag}?x=.js"),
    ],
)
def test_respelled_path_opens_nothing(guarded: StoredImage, spelling: str) -> None:
    """Purpose: whatever a path is taken for, the login is asked for what it is taken for.

    Method: 1. GET a manifest without a login, its path spelled in another way
            2. expect any answer that does not hold the manifest
    """
    stranger, name = guarded.repository.registry.as_role(None), guarded.repository.name
    stranger.door.expect_locked()
    path = spelling.format(name=name, tag=guarded.tag, escaped=name.replace("/", "%2F"))

    expect_not_revealed(stranger.send("GET", path), guarded.image.content)


@verifies("registry/login/no-method-opens")
@pytest.mark.parametrize("method", [case("other", "PROPFIND"), case("options", "OPTIONS")])
def test_unusual_method_opens_nothing(guarded: StoredImage, method: str) -> None:
    """Purpose: whatever a method is taken for, the login is asked for what it is taken for.

    Method: 1. send a request for a manifest without a login, by a method that no registry knows
            2. expect any answer that does not hold the manifest
    """
    stranger = guarded.repository.as_role(None)
    stranger.registry.door.expect_locked()

    expect_not_revealed(stranger.send(method, f"manifests/{guarded.tag}", [EVERY_TYPE]), guarded.image.content)


@verifies("registry/rights/no-path-leads-to-others")
@pytest.mark.parametrize("up", [case("plain", "../"), case("escaped", "%2E%2E/"), case("slash-escaped", "..%2F")])
def test_path_traversal_opens_nothing(guarded: StoredImage, up: str) -> None:
    """Purpose: the rights that count are those on what is read, and not on what the path begins with.

    Method: 1. with another organization's login, GET a manifest of ours by a path that begins in its own repository
            2. expect any answer that does not hold the manifest
    """
    registry = guarded.repository.registry.as_role("foreign")
    own = registry.described.foreign_repository
    if own is None:
        raise Inconclusive("no repository of another organization", "foreign_repository in [targets.X.registry]")
    path = f"/v2/{own}/{up * len(own.split('/'))}{guarded.repository.name}/manifests/{guarded.tag}"

    expect_not_revealed(registry.send("GET", path, scopes=(registry.scope(own, "pull"),)), guarded.image.content)


@verifies("registry/rights/no-path-leads-to-others")
@pytest.mark.parametrize("place", [case("in-a-field", "in a field")])
def test_path_in_a_header_opens_nothing(guarded: StoredImage, place: str) -> None:
    """Purpose: access is checked for the path of the request, not for a path in a header.

    Method: 1. with another organization's login, GET a manifest of its own repository, under fields in which proxies
               tell a path: that of a manifest of ours
            2. expect any answer that does not hold the manifest
    """
    registry = guarded.repository.registry.as_role("foreign")
    own, path = registry.described.foreign_repository, guarded.repository.path(f"manifests/{guarded.tag}")
    if own is None:
        raise Inconclusive("no repository of another organization", "foreign_repository in [targets.X.registry]")
    fields = [EVERY_TYPE, *((name, path) for name in URL_HEADERS)]

    expect_not_revealed(registry.repository(own).get_manifest(guarded.tag, fields), guarded.image.content)


@verifies("registry/rights/method-is-the-requests-own")
@pytest.mark.parametrize("method", [case("get", "GET"), case("post", "POST")])
def test_method_override_is_ignored(guarded: StoredImage, new_blob: NewBlob, method: str) -> None:
    """Purpose: who may only read does not delete by saying so elsewhere than in the method.

    Method: 1. with a pull-only login, GET and POST a manifest with X-HTTP-Method-Override: DELETE and the like, and
               _method=DELETE in the query
            2. expect the image as it was
    """
    guarded.repository.as_role("puller").send(
        method, f"manifests/{guarded.image.digest}?_method=DELETE", METHOD_OVERRIDES
    )

    expect_nothing_changed("delete-manifest", Occasion(guarded, new_blob(), "unused"))


@verifies("registry/login/name-alone-opens-nothing")
@pytest.mark.parametrize("password", [case("none", ""), case("its-own-name", None)])
def test_username_without_its_password_opens_nothing(guarded: StoredImage, password: str | None) -> None:
    """Purpose: whichever way a registry takes a login, it looks at the password.

    Method: 1. GET a manifest with the pusher's name, and no password or the name in its place, by Basic
            2. expect 401 (or 400)
    """
    registry = guarded.repository.registry
    registry.door.expect_locked()
    account = registry.account("pusher")
    shown = account.username if password is None else password
    if shown == account.password:
        raise NotApplicable("the name is the password")
    credentials = basic_login(account.username, shown)

    expect_status(guarded.repository.presenting(credentials).get_manifest(guarded.tag), {400, 401}, "for a name alone")


@verifies("registry/login/name-alone-opens-nothing")
@pytest.mark.parametrize("place", [case("in-a-field", "in a field")])
def test_username_in_a_header_opens_nothing(guarded: StoredImage, place: str) -> None:
    """Purpose: who asks is told by a login, and by no field of a proxy's that any caller can send.

    Method: 1. GET a manifest without a login, under fields that name the pusher and an address of the server's own
            2. expect 401 (or 400; or 403, as of what stands before it and lets no such field through)
    """
    registry = guarded.repository.registry
    registry.door.expect_locked()
    fields = [(name, registry.account("pusher").username) for name in IDENTITY_HEADERS]
    fields += [(name, "127.0.0.1") for name in ("X-Forwarded-For", "X-Real-IP")]

    reply = guarded.repository.as_role(None).get_manifest(guarded.tag, [EVERY_TYPE, *fields])
    expect_status(reply, {400, 401, 403}, f"for a name {place}")


@verifies("registry/login/head-of-a-list-needs-a-login")
def test_head_of_a_tag_list_needs_a_login(guarded: StoredImage) -> None:
    """Purpose: HEAD of a list asks for the login that GET asks for.

    Method: 1. HEAD a list of tags without a login, and with another organization's
            2. expect 401, for the other 403 or 404 as well, or that there is no such method (404, 405, 501)
    """
    repository = guarded.repository
    repository.registry.door.expect_locked()

    expect_status(repository.as_role(None).head_tags(), {401, 404, *NOT_OFFERED}, "without a login")
    if "foreign" in repository.registry.described.credentials:
        reply = repository.as_role("foreign").head_tags()
        expect_status(reply, {401, 403, 404, *NOT_OFFERED}, "for another organization's login")


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
def test_respelled_path_reads_nothing(guarded: StoredImage, path: str, within: str) -> None:
    """Purpose: a respelled path does not reveal tags, blobs or the catalog without a login.

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
def test_respelled_path_changes_nothing(guarded: StoredImage, new_blob: NewBlob, method: str, rest: str) -> None:
    """Purpose: a respelled path changes nothing without a login.

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
    """Purpose: an empty Authorization header permits no upload and no deletion.

    Method: 1. POST an upload and DELETE an image with an empty Authorization field, and one of a scheme alone
            2. expect 401 (or 400; 405 where that deletion is not offered), and the image as it was
    """
    guarded.repository.registry.door.expect_locked()
    on = Occasion(guarded, new_blob(), "unused")
    reply = OPERATIONS[operation].request(guarded.repository.presenting(value), on)

    expect_status(reply, {400, 401, *OPERATIONS[operation].unoffered}, "for a malformed login")
    expect_nothing_changed(operation, on)
