"""Ways round the login and the rights: paths spelled otherwise, methods told elsewhere, a token for less."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import EVERY_TYPE, Registry, Repository, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import Occasion
from conformance.clients.registry.tokens import ask, token_for
from conformance.clients.registry.uploads import open_in_pieces
from conformance.oracles.registry import (
    expect_bytes,
    expect_denied,
    expect_not_mounted,
    expect_not_stored,
    expect_nothing_changed,
)
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.values import basic_login

NAMING = ("X-Forwarded-User", "X-Remote-User", "Remote-User", "X-WEBAUTH-USER", "X-Auth-Request-User")
LEADING = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Original-URI")
DELETE = [(name, "DELETE") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]


def expect_kept(reply: Exchange, content: bytes) -> None:
    """Whatever the answer is, it is not this content: a page for browsers, too, may be 200."""
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
def test_no_spelling_opens(guarded: StoredImage, spelling: str) -> None:
    """Purpose: whatever a path is taken for, the login is asked for what it is taken for.

    Method: 1. GET a manifest without a login, its path spelled in another way
            2. expect any answer that does not hold the manifest
    """
    stranger, name = guarded.repository.registry.as_role(None), guarded.repository.name
    stranger.door.expect_locked()
    path = spelling.format(name=name, tag=guarded.tag, escaped=name.replace("/", "%2F"))

    expect_kept(stranger.send("GET", path), guarded.image.content)


@verifies("registry/login/no-method-opens")
@pytest.mark.parametrize("method", [case("other", "PROPFIND"), case("options", "OPTIONS")])
def test_no_method_opens(guarded: StoredImage, method: str) -> None:
    """Purpose: whatever a method is taken for, the login is asked for what it is taken for.

    Method: 1. send a request for a manifest without a login, by a method that no registry knows
            2. expect any answer that does not hold the manifest
    """
    stranger = guarded.repository.as_role(None)
    stranger.registry.door.expect_locked()

    expect_kept(stranger.send(method, f"manifests/{guarded.tag}", [EVERY_TYPE]), guarded.image.content)


@verifies("registry/rights/no-path-leads-to-others")
@pytest.mark.parametrize("up", [case("plain", "../"), case("escaped", "%2E%2E/"), case("slash-escaped", "..%2F")])
def test_no_path_leads_to_others(guarded: StoredImage, up: str) -> None:
    """Purpose: the rights that count are those on what is read, and not on what the path begins with.

    Method: 1. with another organization's login, GET a manifest of ours by a path that begins in its own repository
            2. expect any answer that does not hold the manifest
    """
    registry = guarded.repository.registry.as_role("foreign")
    own = registry.described.foreign_repository
    if own is None:
        raise Inconclusive("no repository of another organization", "foreign_repository in [targets.X.registry]")
    path = f"/v2/{own}/{up * len(own.split('/'))}{guarded.repository.name}/manifests/{guarded.tag}"

    expect_kept(registry.send("GET", path, scopes=(registry.scope(own, "pull"),)), guarded.image.content)


@verifies("registry/rights/no-path-leads-to-others")
@pytest.mark.parametrize("place", [case("in-a-field", "in a field")])
def test_no_path_in_a_field_leads_to_others(guarded: StoredImage, place: str) -> None:
    """Purpose: nor is there another path than that of the request, on which the rights are looked at.

    Method: 1. with another organization's login, GET a manifest of its own repository, under fields in which proxies
               tell a path: that of a manifest of ours
            2. expect any answer that does not hold the manifest
    """
    registry = guarded.repository.registry.as_role("foreign")
    own, path = registry.described.foreign_repository, guarded.repository.path(f"manifests/{guarded.tag}")
    if own is None:
        raise Inconclusive("no repository of another organization", "foreign_repository in [targets.X.registry]")
    fields = [EVERY_TYPE, *((name, path) for name in LEADING)]

    expect_kept(registry.repository(own).get_manifest(guarded.tag, fields), guarded.image.content)


@verifies("registry/rights/method-is-the-requests-own")
@pytest.mark.parametrize("method", [case("get", "GET"), case("post", "POST")])
def test_method_is_its_own(guarded: StoredImage, new_blob: NewBlob, method: str) -> None:
    """Purpose: who may only read does not delete by saying so elsewhere than in the method.

    Method: 1. with a pull-only login, GET and POST a manifest with X-HTTP-Method-Override: DELETE and the like, and
               _method=DELETE in the query
            2. expect the image as it was
    """
    guarded.repository.as_role("puller").send(method, f"manifests/{guarded.image.digest}?_method=DELETE", DELETE)

    expect_nothing_changed("delete-manifest", Occasion(guarded, new_blob(), "unused"))


@verifies("registry/login/name-alone-opens-nothing")
@pytest.mark.parametrize("password", [case("none", ""), case("its-own-name", None)])
def test_name_alone(guarded: StoredImage, password: str | None) -> None:
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
def test_name_in_a_field(guarded: StoredImage, place: str) -> None:
    """Purpose: who asks is told by a login, and by no field of a proxy's that any caller can send.

    Method: 1. GET a manifest without a login, under fields that name the pusher and an address of the server's own
            2. expect 401 (or 400; or 403, as of what stands before it and lets no such field through)
    """
    registry = guarded.repository.registry
    registry.door.expect_locked()
    fields = [(name, registry.account("pusher").username) for name in NAMING]
    fields += [(name, "127.0.0.1") for name in ("X-Forwarded-For", "X-Real-IP")]

    reply = guarded.repository.as_role(None).get_manifest(guarded.tag, [EVERY_TYPE, *fields])
    expect_status(reply, {400, 401, 403}, f"for a name {place}")


@verifies("registry/token/mount-needs-pull-on-the-source")
def test_mount_with_a_token_for_the_target(bearer: Registry, stored: StoredImage, guarded: StoredImage) -> None:
    """Purpose: a mount takes nothing from where the token may not pull, though its login might.

    Method: 1. ask for a token to push to one repository; mount a layer of another of the same organization into it
            2. expect no 201, and 404 to GET of it
    """
    layer, name = stored.image.blobs[-1], guarded.repository.name
    token = token_for(bearer, "pusher", bearer.scope(name, "pull,push"))
    mounting = guarded.repository.presenting(f"Bearer {token}")
    reply = mounting.post_upload(mount=layer.digest, from_=stored.repository.name)

    expect_not_mounted(reply, (400, 401, 403, 404), "for a mount from where the token may not pull")
    expect_not_stored([guarded.repository.get_blob(layer.digest)])


@verifies("registry/token/referrers-are-of-its-repository")
def test_referrers_with_a_token_for_another(bearer: Registry, to_pull: str, guarded: StoredImage) -> None:
    """Purpose: a token for one repository lists no referrers in another of the same organization.

    Method: 1. ask for a token to pull from one repository; pull from it: expect 200 (the control)
            2. ask another for the referrers of its image with the token: expect 401, 403 or 404
    """
    reply = guarded.repository.presenting(f"Bearer {to_pull}").referrers(guarded.image.digest)

    expect_denied(reply, "for referrers in another repository")


@verifies("registry/upload/outlives-its-token")
def test_upload_with_a_new_token(bearer: Registry, repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: an upload that takes longer than a token lives goes on with the next.

    Method: 1. open a session with a token, PATCH it, and PUT the rest, each with a new token of the same login
            2. expect 202 and 201, and exactly the bytes
    """
    scope = bearer.scope(repository.name, "pull,push")

    def renewed() -> Repository:
        return repository.presenting(f"Bearer {token_for(bearer, 'pusher', scope)}")

    upload, length = open_in_pieces(renewed(), 300)
    blob = new_blob(2 * length)
    upload.repository = renewed()
    expect_success(upload.patch(blob.content[:length], f"0-{length - 1}"), "with a new token")
    upload.repository = renewed()
    rest, place = blob.content[length:], f"{length}-{2 * length - 1}"
    expect_success(upload.put(blob.digest, rest, place), "with a new token")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/token/deletion-does-not-push")
def test_deletion_does_not_push(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: where deleting is a right of its own, a token to delete does not push.

    Method: 1. ask for a token to delete alone; open an upload with it
            2. expect 401, 403 or 404
    """
    if bearer.door.delete_action != "delete":
        raise NotApplicable("deleting is no right of its own here")
    token = token_in(ask(bearer, "pusher", bearer.scope(guarded.repository.name, "delete")))
    if not token:
        raise NotApplicable("no token is given to delete alone")

    expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "with a token to delete")


@verifies("registry/login/head-of-a-list-needs-a-login")
def test_head_of_a_list(guarded: StoredImage) -> None:
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
