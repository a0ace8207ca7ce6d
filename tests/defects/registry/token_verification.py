"""Defects of token verification.

They break these promises:

- A token that expires mid-upload does not lose the upload.
- Only a token signed for this registry is accepted.
- Registry tokens are never cached, logged or echoed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar

import jwt

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call, find_route
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import decoded, kind_of, registry_of, without
from tests.defects.support.registry import _RedirectedPulls, everything_for


def _expiry_ignored(name: str, clause: str, here: Callable[[Request], bool]) -> type[Defect]:
    """Make a defect that accepts an expired token for some requests."""

    def authenticate(original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        registry = registry_of(original)
        token = registry.bearer_token(request) if here(request) else None
        with suppress(jwt.InvalidTokenError):
            claims = decoded(original, token, verify_exp=False) if token else {}
            return Caller(str(claims["sub"]), registry.grants_of(claims)) if claims else original(request, wanted)
        return original(request, wanted)

    clause = f"Docker token authentication: an expired token {clause}."
    return row(name, clause, "registry/token/expired-is-refused", authenticate=authenticate)


ROWS = (
    row(
        "expired-registry-token-accepted",
        "Docker token authentication: an expired token is accepted.",
        "registry/token/expired-is-refused",
        claims_of=lambda original, token: decoded(original, token, verify_exp=False),
    ),
    row(
        "invalid-token-not-reported",
        "RFC 6750 section 3.1: the challenge to an invalid token has no error, although it SHOULD.",
        "registry/token/invalid-token-is-reported",
        challenge_parameters=lambda original, wanted, error: list(original(wanted, None)),
    ),
    _expiry_ignored(
        "expired-registry-token-pulls",
        "reads, although a login with it is refused",
        lambda request: kind_of(request) != "support" and request.method in ("GET", "HEAD"),
    ),
    _expiry_ignored(
        "expired-registry-token-heads", "opens HEAD of a manifest", lambda request: request.method == "HEAD"
    ),
    _expiry_ignored("expired-registry-token-pulls-blobs", "pulls blobs", lambda request: kind_of(request) == "blob"),
)


@defect(
    "registry/login/upload-resumes-after-a-refused-login",
    "registry/rights/session-belongs-to-its-opener#anonymous,puller",
)
def bad_login_ends_the_upload(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker Registry V2, Resumable Push: a request with a bad login ends the upload."""
    try:
        return authorize(kind, name, request)
    except Refusal:
        found = find_route(request.path)
        if kind == "upload" and found:
            registry_of(authorize).uploads.pop(found[2], None)
        raise


class BadLoginsChunkIsHashed(Defect):
    """Docker Registry V2, Chunked Upload: a chunk with a bad login counts for the digest."""

    noticed_by = ("registry/login/upload-resumes-after-a-refused-login",)
    hashed: set[str] = set()

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            return original(kind, name, request)
        except Refusal:
            if request.method == "PATCH":
                self.hashed.add(request.path.rpartition("/")[2])
            raise

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if upload.session in self.hashed:
            registry_of(original).close_session(upload)
            raise registry_of(original).wrong_digest(digest)
        await original(upload, digest, content)


@defect(
    "registry/token/altered-is-refused#alg-none,and-more,longer-life,no-signature,one-letter,other-subject",
    "registry/token/altered-is-refused#own-certificate,own-key,own-key-by-its-name,own-key-in-its-chain",
    "registry/token/altered-is-refused#public-key",
)
def token_signature_unchecked(claims_of: Any, token: str) -> dict[str, Any]:
    """RFC 7515 section 5.2: the signature of a token is not verified."""
    return jwt.decode(token, options={"verify_signature": False})


@defect("registry/token/altered-is-refused#letters-in-other-case")
def tokens_known_in_any_case(claims_of: Any, token: str) -> dict[str, Any]:
    """API Reference, Error Handling: a token is accepted in other letter case."""
    remembered = registry_of(claims_of).remembered
    known = next((each for each in remembered if each.lower() == token.lower()), token)
    return claims_of(known)


class _OneFlawOverlooked(Defect):
    """Overlooks a flaw of a token for some methods."""

    flaw: ClassVar[type[Exception]]
    methods: ClassVar[Iterable[str]]
    method = ""

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        self.method = request.method
        return original(kind, name, request)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = original(token)
        except self.flaw:
            if self.method not in self.methods:
                raise
            claims = jwt.decode(token, options={"verify_signature": False})
        return claims


class ExpiredRegistryTokenPushes(_OneFlawOverlooked):
    """Docker token authentication: an expired token pushes."""

    noticed_by = ("registry/token/expired-is-refused",)
    flaw = jwt.ExpiredSignatureError
    methods = ("POST", "PATCH", "PUT")


class ExpiredRegistryTokenDeletes(_OneFlawOverlooked):
    """Docker token authentication: an expired token deletes."""

    noticed_by = ("registry/token/expired-is-refused",)
    flaw = jwt.ExpiredSignatureError
    methods = ("DELETE",)


@defect("registry/token/invalid-token-is-reported")
def error_of_a_challenge_runs_on(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 section 11.2, RFC 6750 section 3.1: text follows ``error="invalid_token"`` directly."""
    values: list[str] = challenges(wanted, error)
    return [value + "x" for value in values] if error else values


class TokenForOtherServiceHeads(_OneFlawOverlooked):
    """RFC 7519 section 4.1.3: a token for another audience opens HEAD."""

    noticed_by = ("registry/token/other-audience-is-refused",)
    flaw = jwt.InvalidAudienceError
    methods = ("HEAD",)


@defect("registry/token/refresh-token-is-no-access-token")
def refresh_token_opens(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """RFC 6749 section 1.5: a refresh token opens the registry."""
    if re.fullmatch("Bearer [A-Za-z0-9_-]{43}", request.headers.get("authorization", "")):
        return everything_for("somebody", wanted)
    return authenticate(request, wanted)


@defect("registry/token/bearer-scheme-is-case-insensitive")
def scheme_is_case_sensitive(bearer_token: Any, request: Request) -> str | None:
    """RFC 9110 section 11.1: the scheme Bearer is compared with case."""
    return bearer_token(request) if request.headers.get("authorization", "").startswith("Bearer ") else None


@defect("registry/pull/is-not-for-shared-caches#blob,list,tag")
def heads_for_shared_caches(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 3.5: shared caches may store the response to HEAD with a login."""
    if request.method == "HEAD" and answer.status == 200 and "authorization" in request.headers:
        answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


@defect("registry/pull/is-not-for-shared-caches#absent")
def absence_for_shared_caches(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 3.5: shared caches may store a 404 for a minute."""
    if answer.status == 404:
        answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


class PullsLedThereByCaches(_RedirectedPulls):
    """RFC 9111 section 3.5: shared caches may store the redirect of a pull with a login."""

    noticed_by = ("registry/pull/is-not-for-shared-caches#redirect",)

    async def get_blob(self, original: Any, call: Call) -> Answer:
        answer = await super().get_blob(original, call)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer


@defect("registry/token/credentials-are-not-echoed", "registry/token/credentials-are-not-echoed#of-no-use")
def token_echoed(request: Request, answer: Answer) -> Answer:
    """OWASP API8: an error repeats the token."""
    given = request.headers.get("authorization")
    if answer.status == 401 and given and answer.body:
        document = json.loads(answer.body)
        document["errors"][0]["message"] = f"{given} is not enough"
        answer.body = json.dumps(document).encode()
        return without(answer, "Content-Length")
    return answer


@defect("registry/token/is-accepted-until-expires-in")
def token_lost_after_two_seconds(claims_of: Any, token: str) -> dict[str, Any]:
    """Docker token authentication, Token Response Fields: a token expires after two seconds instead of expires_in."""
    claims: dict[str, Any] = claims_of(token)
    if claims["iat"] < time.time() - 2:
        raise jwt.InvalidTokenError("forgotten")
    return claims
