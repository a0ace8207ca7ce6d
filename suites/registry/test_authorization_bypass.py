"""Attempts to bypass the login or the access rights: respelled paths, method overrides, headers, malformed logins."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import EVERY_TYPE, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.oracles.registry import expect_nothing_changed
from conformance.oracles.status import NOT_OFFERED, expect_status, unlike
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.values import basic_login

IDENTITY_HEADERS = ("X-Forwarded-User", "X-Remote-User", "Remote-User", "X-WEBAUTH-USER", "X-Auth-Request-User")
ADDRESS_HEADERS = ("X-Forwarded-For", "X-Real-IP")
URL_HEADERS = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Original-URI")
METHOD_OVERRIDES = [(name, "DELETE") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
CONFIG = "{config}"
"""The digest in an image's manifest, which only a response with the manifest contains."""


def expect_not_revealed(reply: Exchange, secret: str) -> None:
    """Expect a response without this text; the status may be 200, for example of an HTML page."""
    if secret in reply.text:
        raise NonConformance(f"a response without {secret[:80]}", f"{reply.status} with it", reply)


@verifies("registry/login/is-not-bypassed")
@pytest.mark.parametrize(
    ("method", "path", "secret"),
    [
        case("slash-before", "GET", "//v2/{name}/manifests/{tag}", CONFIG),
        case("slash-within", "GET", "/v2//{name}//manifests/{tag}", CONFIG),
        case("slash-behind", "GET", "/v2/{name}/manifests/{tag}/", CONFIG),
        case("slash-escaped", "GET", "/v2/{escaped}/manifests/{tag}", CONFIG),
        case("letter-escaped", "GET", "/v2/{name}/%6Danifests/{tag}", CONFIG),
        case("dot", "GET", "/v2/./{name}/manifests/{tag}", CONFIG),
        case("dots", "GET", "/v2/x/../{name}/manifests/{tag}", CONFIG),
        case("capital", "GET", "/V2/{name}/manifests/{tag}", CONFIG),
        case("parameter", "GET", "/v2/{name}/manifests/{tag};x=.js", CONFIG),
        case("query", "GET", "/v2/{name}/manifests/{tag}?x=.js", CONFIG),
        case("unknown-method", "PROPFIND", "/v2/{name}/manifests/{tag}", CONFIG),
        case("options", "OPTIONS", "/v2/{name}/manifests/{tag}", CONFIG),
        case("tags", "GET", "/v2/{name}/%74ags/list", '"{tag}"'),
        case("blob", "GET", "/v2/{name}/%62lobs/{config}", "{text}"),
        case("catalog", "GET", "/v2/%5Fcatalog", '"{name}"'),
        case("catalog-and-slash", "GET", "/v2/_catalog/", '"{name}"'),
    ],
)
def test_login_is_not_bypassed(guarded: StoredImage, method: str, path: str, secret: str) -> None:
    """Purpose: the login is required for whatever the registry resolves a path or a method to.
    Method: 1. read a manifest, tags, a blob and the catalog without a login, by a respelled path or an unusual method
            2. expect any response without the content
    """
    anonymous, name, config = guarded.repository.registry.as_role(None), guarded.repository.name, guarded.image.blobs[0]
    anonymous.auth.expect_login_required()
    values = {"name": name, "escaped": name.replace("/", "%2F"), "tag": guarded.tag, "config": config.digest}
    reply = anonymous.send(method, path.format(**values), [EVERY_TYPE])
    expect_not_revealed(reply, secret.format(**values, text=config.content.decode()))


@verifies("registry/login/is-not-bypassed")
@pytest.mark.parametrize(
    ("method", "rest"), [case("upload", "POST", "blobs/%75ploads/"), case("deletion", "DELETE", "%6Danifests/{digest}")]
)
def test_respelled_path_changes_nothing(guarded: StoredImage, new_blob: NewBlob, method: str, rest: str) -> None:
    """Purpose: a respelled path permits no upload and no deletion without a login.
    Method: 1. POST an upload and DELETE an image without a login, one letter of the path escaped
            2. expect neither 201 nor 202, and the image unchanged
    """
    anonymous = guarded.repository.as_role(None)
    anonymous.registry.auth.expect_login_required()
    reply = anonymous.send(method, rest.format(digest=guarded.image.digest))
    if reply.status in (201, 202):
        raise unlike("no 201 or 202 without a login", reply, {*range(200, 600)} - {201, 202})
    expect_nothing_changed("delete-manifest", Occasion(guarded, new_blob(), "unused"))


@verifies("registry/rights/no-path-reaches-other-organizations")
@pytest.mark.parametrize(
    "up", [case("plain", "../"), case("escaped", "%2E%2E/"), case("slash-escaped", "..%2F"), case("in-a-header", "")]
)
def test_path_reaches_no_other_organization(guarded: StoredImage, up: str) -> None:
    """Purpose: access is checked for the resource that is read, not for the start of the path or a header.
    Method: 1. with another organization's login, GET a manifest of ours by a path through its own repository, or a
               manifest of its own with our path in the headers by which proxies report a path
            2. expect any response without our manifest
    """
    registry, rest = guarded.repository.registry.as_role("foreign"), f"manifests/{guarded.tag}"
    own = registry.described.declared_foreign_repository()
    path = f"{own}/{up * len(own.split('/'))}{guarded.repository.name}" if up else own
    fields = [] if up else [(name, guarded.repository.path(rest)) for name in URL_HEADERS]

    reply = registry.send("GET", f"/v2/{path}/{rest}", [EVERY_TYPE, *fields], scopes=(registry.scope(own, "pull"),))
    expect_not_revealed(reply, guarded.image.blobs[0].digest)


@verifies("registry/rights/method-override-is-ignored")
@pytest.mark.parametrize("method", [case("get", "GET"), case("post", "POST")])
def test_method_override_is_ignored(guarded: StoredImage, new_blob: NewBlob, method: str) -> None:
    """Purpose: a user who may only read cannot delete by a method override.
    Method: 1. with a pull-only login, GET and POST a manifest with X-HTTP-Method-Override: DELETE and the like, and
               _method=DELETE in the query
            2. expect the image unchanged
    """
    rest = f"manifests/{guarded.image.digest}?_method=DELETE"
    guarded.repository.as_role("puller").send(method, rest, METHOD_OVERRIDES)
    expect_nothing_changed("delete-manifest", Occasion(guarded, new_blob(), "unused"))


@verifies("registry/login/username-alone-opens-nothing")
@pytest.mark.parametrize("password", [case("none", ""), case("its-own-name", None)])
def test_username_without_its_password_opens_nothing(guarded: StoredImage, password: str | None) -> None:
    """Purpose: the registry verifies the password, whatever kind of login it takes.
    Method: 1. GET a manifest with the pusher's name by Basic, the password empty or the name; 2. expect 401 (or 400)
    """
    registry = guarded.repository.registry
    registry.auth.expect_login_required()
    account = registry.account("pusher")
    shown = account.username if password is None else password
    if shown == account.password:
        raise NotApplicable("the name is the password")

    reply = guarded.repository.presenting(basic_login(account.username, shown)).get_manifest(guarded.tag)
    expect_status(reply, {400, 401}, "for a username without its password")


@verifies("registry/login/username-alone-opens-nothing#in-a-header")
def test_username_in_a_header_opens_nothing(guarded: StoredImage) -> None:
    """Purpose: any client can send a proxy's headers, so they are no login.
    Method: 1. GET a manifest without a login, with headers that name the pusher and the server's own address
            2. expect 401 (or 400; or 403 of a proxy that refuses such headers)
    """
    registry = guarded.repository.registry
    registry.auth.expect_login_required()
    fields = [(name, registry.account("pusher").username) for name in IDENTITY_HEADERS]
    fields += [(name, "127.0.0.1") for name in ADDRESS_HEADERS]
    reply = guarded.repository.as_role(None).get_manifest(guarded.tag, [EVERY_TYPE, *fields])
    expect_status(reply, {400, 401, 403}, "for a username in a header")


@verifies("registry/login/head-of-a-list-needs-a-login")
def test_head_of_a_tag_list_needs_a_login(guarded: StoredImage) -> None:
    """Purpose: HEAD of a list requires the login that GET requires.
    Method: 1. HEAD a list of tags without a login, and with another organization's
            2. expect 401, or that HEAD is not offered (404, 405, 501); for the other login also 403
    """
    repository = guarded.repository
    repository.registry.auth.expect_login_required()
    expect_status(repository.as_role(None).head_tags(), {401, 404, *NOT_OFFERED}, "without a login")
    if "foreign" in repository.registry.described.credentials:
        reply = repository.as_role("foreign").head_tags()
        expect_status(reply, {401, 403, 404, *NOT_OFFERED}, "for another organization's login")


@verifies("registry/login/malformed-login-is-refused")
@pytest.mark.parametrize("operation", [case("upload", "upload"), case("deletion", "delete-manifest")])
@pytest.mark.parametrize("value", [case("empty", ""), case("bearer-nothing", "Bearer")])
def test_malformed_login_changes_nothing(guarded: StoredImage, new_blob: NewBlob, value: str, operation: str) -> None:
    """Purpose: an empty Authorization header permits no upload and no deletion.
    Method: 1. POST an upload and DELETE an image with an Authorization header that is empty, or only a scheme
            2. expect 401 (or 400; 405 if that deletion is not offered), and the image unchanged
    """
    guarded.repository.registry.auth.expect_login_required()
    on = Occasion(guarded, new_blob(), "unused")
    reply = OPERATIONS[operation].request(guarded.repository.presenting(value), on)
    expect_status(reply, {400, 401, *OPERATIONS[operation].unoffered}, "for a malformed login")
    expect_nothing_changed(operation, on)
