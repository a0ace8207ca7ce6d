"""Defects that break the promise "Nothing is accessible without a valid login"."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from typing import Any, ClassVar

import jwt

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import Registry
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.support.registry import everything, kind_of, registry_of
from tests.defects.support.registry import ANYBODY, _DoneBeforeAuthorization, answered, everything_for

KNOWN = ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH")


def _needs_no_login(name: str, endpoint: str, case: str, path: str, subject: str = "") -> type[Defect]:
    """Make a defect that asks for no login if the path as sent matches ``path``."""

    def authorize(original: Any, kind: str, name: str, request: Request) -> Caller:
        found = re.search(path, request.raw_path, re.IGNORECASE)
        return Caller(subject) if found else original(kind, name, request)

    clause = f"API Reference, Error Handling: a missing token is 401; here an escaped path of {endpoint} needs none."
    return row(name, clause, f"registry/login/is-not-bypassed#{case}", authorize=authorize)


ROWS = (
    _needs_no_login("escaped-tags-need-no-login", "a tag list", "tags", "/%74ags/"),
    _needs_no_login("escaped-blobs-need-no-login", "a blob", "blob", "/%62lobs/"),
    _needs_no_login("escaped-catalog-needs-no-login", "the catalog", "catalog", "/%5fcatalog", "ct-push"),
    _needs_no_login("escaped-uploads-need-no-login", "an upload", "upload", "/%75ploads/"),
)


@defect("registry/login/anonymous-cannot-list-referrers")
def anonymous_referrers(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """Docker token flow: the referrers list needs no login."""
    caller: Caller | None = authenticate(request, wanted)
    return everything(wanted) if caller is None and kind_of(request) == "referrers" else caller


@defect("registry/login/anonymous-cannot-list-referrers", "registry/login/anonymous-cannot-list-repositories")
def lists_take_any_token(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """RFC 7515 section 5.2: the signature of a token is not verified for lists."""
    token = registry_of(authenticate).bearer_token(request) or ""
    if kind_of(request) in ("referrers", "catalog") and token.count(".") == 2:
        claims = jwt.decode(token, options={"verify_signature": False})
        return everything(wanted, claims.get("sub", ""))
    return authenticate(request, wanted)


@defect("registry/login/anonymous-cannot-pull#blob-head,manifest-by-digest,manifest-head-by-digest,tags-in-pages")
def readers_need_no_login(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """API Reference, Docker Registry: reading needs no login."""
    caller: Caller | None = authenticate(request, wanted)
    return everything(wanted) if caller is None and request.method in ("GET", "HEAD") else caller


@defect(
    "registry/login/anonymous-cannot-push#mount,upload,upload-at-once", "registry/login/401-is-an-error-document#upload"
)
def anonymous_push(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """API Reference, Docker Registry: pushing needs no login."""
    caller: Caller | None = authenticate(request, wanted)
    return everything(wanted) if caller is None and request.method in ("POST", "PATCH", "PUT") else caller


class ManifestsStoredBeforeTheRights(_DoneBeforeAuthorization):
    """API Reference, Error Handling: a manifest push without rights is answered 401, and done."""

    noticed_by = (
        "registry/login/anonymous-cannot-push#put-manifest,put-manifest-by-digest",
        "registry/login/bad-login-opens-nothing#put-manifest,put-manifest-by-digest",
        "registry/rights/puller-cannot-push#put-manifest",
        "registry/rights/other-organization-cannot-push#put-manifest,put-manifest-by-digest",
    )
    done = ("manifest", "PUT")

    async def _do(self, registry: Registry, call: Call) -> None:
        await registry.put_manifest(call)


class ManifestsDeletedBeforeTheRights(_DoneBeforeAuthorization):
    """API Reference, Error Handling: a manifest deletion without rights is answered 401, and done."""

    noticed_by = (
        "registry/login/anonymous-cannot-push#delete-manifest,delete-tag",
        "registry/login/bad-login-opens-nothing#delete-manifest,delete-tag",
        "registry/rights/puller-cannot-push#delete-manifest,delete-tag",
        "registry/rights/other-organization-cannot-push#delete-manifest,delete-tag",
        "registry/token/push-token-cannot-delete#delete-manifest",
    )
    done = ("manifest", "DELETE")

    async def _do(self, registry: Registry, call: Call) -> None:
        await registry.delete_manifest(call)


class BlobsDeletedBeforeTheRights(_DoneBeforeAuthorization):
    """API Reference, Error Handling: a blob deletion without rights is answered 401, and done."""

    noticed_by = (
        "registry/login/anonymous-cannot-push#delete-blob",
        "registry/login/bad-login-opens-nothing#delete-blob",
        "registry/rights/puller-cannot-push#delete-blob",
        "registry/rights/other-organization-cannot-push#delete-blob",
        "registry/token/push-token-cannot-delete#delete-blob",
    )
    done = ("blob", "DELETE")

    async def _do(self, registry: Registry, call: Call) -> None:
        await registry.remove_blob(call.name, call.reference)


@defect("registry/login/bad-login-opens-nothing#mount,upload,upload-at-once")
def uploads_take_any_token(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """RFC 7515 section 5.2: the signature of a token is not verified for a new upload."""
    token = registry_of(authenticate).bearer_token(request) or ""
    if request.path.endswith("/blobs/uploads/") and token.count(".") == 2:
        return everything(wanted, jwt.decode(token, options={"verify_signature": False}).get("sub", ""))
    return authenticate(request, wanted)


@defect("registry/login/bad-login-opens-nothing#support")
def support_accepts_any_token(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """RFC 7515 section 5.2: ``GET /v2/`` accepts any token."""
    shown = registry_of(authenticate).bearer_token(request) and request.path == "/v2/"
    return everything(wanted) if shown else authenticate(request, wanted)


class _UploadsUnderAnyToken(Defect):
    """Does not verify the signature of a token for one method of an upload."""

    method: ClassVar[str]
    looked_at = True

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        self.looked_at = kind != "upload" or request.method != self.method
        return original(kind, name, request)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return original(token) if self.looked_at else jwt.decode(token, options={"verify_signature": False})


class UploadsEndUnderAnyToken(_UploadsUnderAnyToken):
    """RFC 7515 section 5.2: the signature of a token is not verified at the end of an upload."""

    noticed_by = ("registry/login/bad-login-opens-nothing#upload-end",)
    method = "PUT"


class UploadsGivenUpUnderAnyToken(_UploadsUnderAnyToken):
    """RFC 7515 section 5.2: the signature of a token is not verified for a cancellation."""

    noticed_by = ("registry/login/bad-login-opens-nothing#upload-given-up",)
    method = "DELETE"


class UploadsReportedUnderAnyToken(_UploadsUnderAnyToken):
    """RFC 7515 section 5.2: the signature of a token is not verified for the status of an upload."""

    noticed_by = ("registry/login/bad-login-opens-nothing#upload-status",)
    method = "GET"


@defect("registry/login/head-of-a-list-needs-a-login")
def anonymous_head_of_lists(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token flow: HEAD of a list needs no login."""
    if kind in ("tags", "referrers", "catalog") and request.method == "HEAD":
        return Caller("")
    return authorize(kind, name, request)


@defect("registry/login/head-of-a-list-needs-a-login")
def head_of_tags_for_every_login(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token scopes: HEAD of a tag list needs only a login, and not pull as GET does."""
    try:
        return authorize(kind, name, request)
    except Refusal as refusal:
        if kind != "tags" or request.method != "HEAD" or "insufficient_scope" not in str(refusal.headers):
            raise
        return Caller("")


@defect("registry/login/anonymous-cannot-pull#manifest-known")
def known_needs_no_login(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """RFC 9110 section 13.2.1: a request with If-None-Match needs no login."""
    return Caller("") if "if-none-match" in request.headers else authorize(kind, name, request)


@defect("registry/login/malformed-login-is-refused#bearer-junk", "registry/login/upload-resumes-after-a-refused-login")
def bad_token_fails(claims_of: Any, token: str) -> dict[str, Any]:
    """API Reference, Error Handling: a malformed token is answered 500."""
    if token.count(".") != 2:
        raise Refusal("UNAUTHORIZED", status=500)
    return claims_of(token)


@defect("registry/login/malformed-login-is-refused#empty-deletion,empty-upload")
def empty_login_changes(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """API Reference, Error Handling: an empty Authorization field opens uploads and deletes."""
    if request.method in ("POST", "DELETE") and request.headers.get("authorization") == "":
        return ANYBODY
    return authorize(kind, name, request)


@defect("registry/login/username-alone-opens-nothing#in-a-header")
def name_in_a_field_opens(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """API Reference, Error Handling: a username in X-WebAuth-User is accepted as a login."""
    name = None if "authorization" in request.headers else request.headers.get("x-webauth-user")
    return everything_for(name, wanted) if name else authenticate(request, wanted)


@defect("registry/login/username-alone-opens-nothing#none")
def username_without_password_accepted(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """API Reference, Error Handling: a username without a password is accepted as a login."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    with suppress(ValueError):
        username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        if scheme.lower() == "basic" and username and not password:
            return everything_for(username, wanted)
    return authenticate(request, wanted)


@defect("registry/login/is-not-bypassed#options,unknown-method")
async def other_methods_need_no_login(answer: Any, request: Request) -> Answer:
    """API Reference, Error Handling: an unknown method reads a manifest without a login."""
    if kind_of(request) == "manifest" and request.method not in KNOWN:
        return await answered(registry_of(answer), request, request.path)
    return await answer(request)


@defect("registry/login/is-not-bypassed#query")
def query_needs_no_login(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """API Reference, Error Handling: a GET with a query needs no login."""
    caller: Caller | None = authenticate(request, wanted)
    passed = caller is None and request.method == "GET" and request.query_string
    return everything(wanted) if passed else caller


@defect("registry/login/is-not-bypassed#deletion,letter-escaped,slash-escaped")
def escaped_paths_need_no_login(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """API Reference, Error Handling: an escaped path of a manifest needs no login."""
    if kind == "manifest" and re.search("%2f|%6d", request.raw_path, re.IGNORECASE):
        return ANYBODY
    return authorize(kind, name, request)


@defect("registry/login/is-not-bypassed#slash-before")
async def two_slashes_need_no_login(answer: Any, request: Request) -> Answer:
    """API Reference, Error Handling: a path that begins with ``//v2/`` needs no login."""
    if request.method == "GET" and request.path.startswith("//v2/"):
        return await answered(registry_of(answer), request, request.path[1:])
    return await answer(request)
