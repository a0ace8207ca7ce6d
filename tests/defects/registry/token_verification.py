"""Defects of token verification.

They break these promises:

- A token that expires mid-upload does not lose the upload.
- Only a token signed for this registry is accepted.
- Registry tokens are never cached, logged or echoed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

import jwt

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, find_route
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import decoded, kind_of, registry_of, without
from tests.defects.rows import row
from tests.defects.support.registry import _Led, everything_for

ROWS = (
    row(
        "expired-registry-token-accepted",
        "Docker token authentication: a token is valid up to its ``exp``, and not as long as its signature is good.",
        "registry/token/expired-is-refused",
        claims_of=lambda original, token: decoded(original, token, verify_exp=False),
    ),
    row(
        "invalid-token-not-told",
        'RFC 6750 section 3.1: a token that is no good is told by ``error="invalid_token"`` (SHOULD).',
        "registry/token/invalid-token-is-reported",
        challenge_parameters=lambda original, wanted, error: list(original(wanted, None)),
    ),
)


class BadLoginEndsTheUpload(Defect):
    """Docker Registry V2, Resumable Push: an upload is there until it is completed or cancelled by who may do that."""

    surface = "registry"
    noticed_by = (
        "registry/login/upload-resumes-after-a-refused-login",
        "registry/rights/session-belongs-to-its-opener#anonymous",
        "registry/rights/session-belongs-to-its-opener#puller",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal:
            found = find_route(request.path)
            if kind == "upload" and found:
                registry_of(original).uploads.pop(found[2], None)
            raise
        return caller


class BadLoginsChunkIsHashed(Defect):
    """Docker Registry V2, Chunked Upload: what was sent under a login that is none does not count for the digest."""

    surface = "registry"
    noticed_by = ("registry/login/upload-resumes-after-a-refused-login",)

    def __init__(self) -> None:
        self.hashed: set[str] = set()

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal:
            if request.method == "PATCH":
                self.hashed.add(request.path.rpartition("/")[2])
            raise
        return caller

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if upload.session in self.hashed:
            registry_of(original).close_session(upload)
            raise registry_of(original).wrong_digest(digest)
        await original(upload, digest, content)


class TokenSignatureUnchecked(Defect):
    """RFC 7515 section 5.2: a token whose signature is not that of its content is refused."""

    surface = "registry"
    noticed_by = (
        "registry/token/altered-is-refused#alg-none",
        "registry/token/altered-is-refused#and-more",
        "registry/token/altered-is-refused#longer-life",
        "registry/token/altered-is-refused#no-signature",
        "registry/token/altered-is-refused#one-letter",
        "registry/token/altered-is-refused#other-subject",
        "registry/token/altered-is-refused#own-certificate",
        "registry/token/altered-is-refused#own-key",
        "registry/token/altered-is-refused#own-key-by-its-name",
        "registry/token/altered-is-refused#own-key-in-its-chain",
        "registry/token/altered-is-refused#public-key",
    )

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims


class TokensKnownInAnyCase(Defect):
    """API Reference, Error Handling: a token whose letters are in other case is none, though it was looked up so."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused#letters-in-other-case",)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        remembered = registry_of(original).remembered
        known = next((each for each in remembered if each.lower() == token.lower()), token)
        claims: dict[str, Any] = original(known)
        return claims


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


class _ExpiredRegistryTokenForgiven(Defect):
    """One kind of request takes a token that has expired."""

    def _here(self, request: Request) -> bool:
        raise NotImplementedError

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        registry = registry_of(original)
        token = registry.bearer_token(request) if self._here(request) else None
        with suppress(jwt.InvalidTokenError):
            claims = decoded(original, token, verify_exp=False) if token else {}
            return Caller(str(claims["sub"]), registry.grants_of(claims)) if claims else original(request, wanted)
        caller: Caller | None = original(request, wanted)
        return caller


class ExpiredRegistryTokenPulls(_ExpiredRegistryTokenForgiven):
    """Docker token authentication: a token that has expired reads nothing, though a login with it is refused."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def _here(self, request: Request) -> bool:
        return kind_of(request) != "support" and request.method in ("GET", "HEAD")


class ExpiredRegistryTokenHeads(_ExpiredRegistryTokenForgiven):
    """Docker token authentication: a token that has expired is none to HEAD of a manifest, either."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def _here(self, request: Request) -> bool:
        return request.method == "HEAD"


class ExpiredRegistryTokenPullsBlobs(_ExpiredRegistryTokenForgiven):
    """Docker token authentication: a token that has expired pulls no blob, either."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def _here(self, request: Request) -> bool:
        return kind_of(request) == "blob"


class ErrorOfAChallengeRunsOn(Defect):
    """RFC 9110 section 11.2, RFC 6750 section 3.1: nor does anything come directly behind ``error="invalid_token"``."""

    surface = "registry"
    noticed_by = ("registry/token/invalid-token-is-reported",)

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        told: list[str] = original(wanted, error)
        return [value + "x" for value in told] if error else told


class TokenForOtherServiceHeads(_OneFlawOverlooked):
    """RFC 7519 section 4.1.3: nor does a token for another audience tell by HEAD what is there."""

    surface = "registry"
    noticed_by = ("registry/token/other-audience-is-refused",)
    flaw = jwt.InvalidAudienceError
    methods = ("HEAD",)


class RefreshTokenOpens(Defect):
    """RFC 6749 section 1.5: a refresh token is for the token endpoint, and opens nothing itself."""

    surface = "registry"
    noticed_by = ("registry/token/refresh-token-is-no-access-token",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        if re.fullmatch("Bearer [A-Za-z0-9_-]{43}", request.headers.get("authorization", "")):
            return everything_for("somebody", wanted)
        caller: Caller | None = original(request, wanted)
        return caller


class SchemeIsCaseSensitive(Defect):
    """RFC 9110 section 11.1: the scheme of Authorization is compared without regard to case."""

    surface = "registry"
    noticed_by = ("registry/token/bearer-scheme-is-case-insensitive",)

    def bearer_token(self, original: Any, request: Request) -> str | None:
        return original(request) if request.headers.get("authorization", "").startswith("Bearer ") else None


class HeadsForSharedCaches(Defect):
    """RFC 9111 section 3.5: nor does the answer to HEAD let a shared cache give out what was asked for with a login."""

    surface = "registry"
    noticed_by = (
        "registry/pull/is-not-for-shared-caches#blob",
        "registry/pull/is-not-for-shared-caches#list",
        "registry/pull/is-not-for-shared-caches#tag",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200 and "authorization" in request.headers:
            answer.headers["Cache-Control"] = "public, max-age=60"
        return answer


class AbsenceForSharedCaches(Defect):
    """RFC 9111 section 3.5: ``public`` lets a shared cache tell everybody for a minute that an image is not there."""

    surface = "registry"
    noticed_by = ("registry/pull/is-not-for-shared-caches#absent",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.headers["Cache-Control"] = "public, max-age=60"
        return answer


class PullsLedThereByCaches(_Led):
    """RFC 9111 section 3.5: ``public`` lets a shared cache give to everybody the address that a login was led to."""

    surface = "registry"
    noticed_by = ("registry/pull/is-not-for-shared-caches#redirect",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer = await super().get_blob(original, asked)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer


class TokenToldBack(Defect):
    """OWASP API8: an error does not expose what it was given to keep, such as a token."""

    surface = "registry"
    noticed_by = ("registry/token/is-not-told-back", "registry/token/is-not-told-back#of-no-use")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        given = request.headers.get("authorization")
        if answer.status == 401 and given and answer.body:
            document = json.loads(answer.body)
            document["errors"][0]["message"] = f"{given} is not enough"
            answer.body = json.dumps(document).encode()
            return without(answer, "Content-Length")
        return answer
