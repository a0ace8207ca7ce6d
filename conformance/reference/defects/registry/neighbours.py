"""Promises that are kept where they are mostly looked at, and broken beside it: another method, page, size or step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload


class _OneFlawOverlooked(Defect):
    """A flaw of a token that is seen, but by some methods."""

    flaw: ClassVar[type[Exception]]
    methods: ClassVar[Iterable[str]]

    def __init__(self) -> None:
        self.method = ""

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        self.method = request.method
        caller: Caller = original(kind, name, request)
        return caller

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = original(token)
        except self.flaw:
            if self.method not in self.methods:
                raise
            claims = jwt.decode(token, options={"verify_signature": False})
        return claims


class ExpiredRegistryTokenPushes(_OneFlawOverlooked):
    """Docker token authentication: a token that has expired pushes nothing, as it pulls nothing."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)
    flaw = jwt.ExpiredSignatureError
    methods = ("POST", "PATCH", "PUT")


class ExpiredRegistryTokenDeletes(_OneFlawOverlooked):
    """Docker token authentication: a token that has expired deletes nothing, though it is refused whoever reads."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)
    flaw = jwt.ExpiredSignatureError
    methods = ("DELETE",)


class TokenForOtherServiceHeads(_OneFlawOverlooked):
    """RFC 7519 section 4.1.3: nor does a token for another audience tell by HEAD what is there."""

    surface = "registry"
    noticed_by = ("registry/token/other-audience-is-refused",)
    flaw = jwt.InvalidAudienceError
    methods = ("HEAD",)


class _UploadsUnderAnyToken(Defect):
    """A token's signature is not looked at where an upload goes on."""

    method: ClassVar[str]

    def __init__(self) -> None:
        self.looked_at = True

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        self.looked_at = kind != "upload" or request.method != self.method
        caller: Caller = original(kind, name, request)
        return caller

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = (
            original(token) if self.looked_at else jwt.decode(token, options={"verify_signature": False})
        )
        return claims


class UploadsEndUnderAnyToken(_UploadsUnderAnyToken):
    """RFC 7515 section 5.2: a token's signature is looked at at the end of an upload as at its beginning."""

    surface = "registry"
    noticed_by = ("registry/login/bad-login-opens-nothing#upload-end",)
    method = "PUT"


class UploadsGivenUpUnderAnyToken(_UploadsUnderAnyToken):
    """RFC 7515 section 5.2: a token's signature is looked at of who gives an upload up."""

    surface = "registry"
    noticed_by = ("registry/login/bad-login-opens-nothing#upload-given-up",)
    method = "DELETE"


class UploadsToldUnderAnyToken(_UploadsUnderAnyToken):
    """RFC 7515 section 5.2: a token's signature is looked at of who asks how far an upload has come."""

    surface = "registry"
    noticed_by = ("registry/login/bad-login-opens-nothing#upload-status",)
    method = "GET"


class _ListsOpen(Defect):
    """A list is told to whom it is not for: to every login, or to everybody."""

    every: ClassVar[str]

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal as refusal:
            if not self._open(kind, request) or self.every not in str(refusal.headers):
                raise
            return Caller("")
        return caller

    def _open(self, kind: str, request: Request) -> bool:
        raise NotImplementedError


class HeadOfTagsForEveryLogin(_ListsOpen):
    """Docker token scopes: HEAD of a list of tags needs pull, as GET of it does."""

    surface = "registry"
    noticed_by = ("registry/login/head-of-a-list-needs-a-login",)
    every = "insufficient_scope"

    def _open(self, kind: str, request: Request) -> bool:
        return kind == "tags" and request.method == "HEAD"


class RealmOfAPushRelative(Defect):
    """Docker token flow: the realm is an absolute URL wherever it is told, and not on ``/v2/`` alone."""

    surface = "registry"
    noticed_by = ("registry/login/realm-is-a-url#upload",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        told = answer.headers.get("www-authenticate")
        if told and kind_of(request) != "support":
            answer.headers["WWW-Authenticate"] = told.replace('realm="http://', 'realm="//').replace("https://", "//")
        return answer


class RangeOfOneByteTooManyRefused(Defect):
    """RFC 9110 section 14.1.2: a last position at the length or beyond it is that of the last byte."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says#beyond-the-end",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        if header.endswith(f"-{size}") and not header.endswith(f"=-{size}"):
            raise grammar.UnsatisfiableRange(header)
        found: tuple[int, int] | None = original(header, size)
        return found


class HeadOfAnotherNotModified(Defect):
    """RFC 9110 section 13.1.2: 304 is for who has this very content, to HEAD as to GET."""

    surface = "registry"
    noticed_by = ("registry/pull/if-none-match-of-another-is-the-whole",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        known: bool = original(request, digest)
        return known or (request.method == "HEAD" and "if-none-match" in request.headers)


class StatusToldInAnotherRepository(Defect):
    """distribution-spec 1.1, Pushing blobs: how far a session has come is told in its own repository alone."""

    surface = "registry"
    noticed_by = ("registry/upload/session-belongs-to-its-repository",)

    def find_upload(self, original: Any, asked: Asked) -> Upload:
        upload = registry_of(original).uploads.get(asked.reference)
        if upload and asked.request.method == "GET" and upload.subject == asked.caller.subject:
            return upload
        found: Upload = original(asked)
        return found
