"""Right ways for an identity service that are seldom taken."""

from __future__ import annotations

import itertools
import json
import random
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import LimitShared, edited, is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import strict_object
from conformance.reference.seeds import Client
from conformance.reference.variants.identity_answers import of_unstated_length

Claims = dict[str, Any]
Api = Callable[[Request, Segments], Awaitable[Answer]]


BEYOND = b'\xe9\xfe"'
NEW: dict[str, Any] = {"name": None, "description": "", "members": []}


class _Opaque(Variant):
    """Tokens that mean nothing by themselves (RFC 6749 section 1.4)."""

    without = ("identity.jwt",)

    def __init__(self) -> None:
        self.issued: dict[str, Claims] = {}

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        token = self._new_token()
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        claims = self.issued.get(token)
        return claims if claims and claims["exp"] > time.time() else None

    def _new_token(self) -> str:
        raise NotImplementedError


class TokensBeginWithTheTime(_Opaque):
    """RFC 6749 section 10.10: what cannot be guessed may stand behind a clock, by which tokens are in order."""

    surface = "identity"

    def _new_token(self) -> str:
        return f"ref_{time.time_ns():x}_{secrets.token_urlsafe(32)}"


class TokensInHexadecimalDigits(_Opaque):
    """Numbers in hexadecimal digits, which mean the same in either case."""

    surface = "identity"

    def _new_token(self) -> str:
        return secrets.token_hex(32)

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        return super().read_access_token(original, token.lower())


class TokensEndInEqualsSigns(_Opaque):
    """RFC 6750 sections 2.1 and 3.1: where they stand within, the token is malformed, and the request invalid."""

    surface = "identity"

    def _new_token(self) -> str:
        return secrets.token_urlsafe(32) + "=="

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        try:
            return original(request)
        except Refused as refusal:
            if 'error="invalid_token"' in refusal.answer.headers["WWW-Authenticate"]:
                raise Refused(surface_of(original).sent_twice()) from None
            raise


class TokensOfEightKibibytes(_Opaque):
    """RFC 6749 section 4.2.2: a client makes no assumptions about the size of a token."""

    surface = "identity"

    def _new_token(self) -> str:
        return secrets.token_urlsafe(6144)


class TextsWrittenWithEscapes(Variant):
    """RFC 8259 section 7: any character of a text may be escaped."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.body.startswith(b"{"):
            answer.body = answer.body.replace(b"-", b"\\u002d").replace(b"/", b"\\/")
            del answer.headers["Content-Length"]
        return of_unstated_length(request, answer)


class ListsInAnyOrder(Variant):
    """The contract promises no order, neither of the things in a list nor of the words in a member."""

    surface = "identity"

    def listing(
        self, original: Callable[[Request, list[dict[str, Any]]], Answer], request: Request, entries: list[Any]
    ) -> Answer:
        return original(request, random.sample(entries, len(entries)))

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and b'"version"' in answer.body and b'"items"' not in answer.body:
            return edited(answer, lambda document: document.update(labels=random.sample(["a", "b"], 2)))
        return of_unstated_length(request, answer)


class ReadsAreCounted(Variant):
    """What is told of a thing may change with each read, and its length with it; some of it has few values."""

    surface = "identity"

    def __init__(self) -> None:
        self.numbers = itertools.count()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200:
            told = {"reads": next(self.numbers), "node": random.choice("abc"), "load": random.random()}
            edited(answer, lambda document: document.update(told))
        return of_unstated_length(request, answer)


class ErrorsInAList(Variant):
    """The contract leaves the shape of errors open: each in a list, as JSON:API has them."""

    surface = "identity"

    def api_error(
        self, original: Callable[..., Answer], status: int, code: str, message: str, **headers: str
    ) -> Answer:
        error = {"id": secrets.token_hex(4), "status": str(status), "code": code, "title": message}
        return Answer.json(status, {"errors": [error]}, **headers)


class RefusalsAreNumbered(Variant):
    """RFC 6749 section 5.2: parameters may be added, here the time and an id that each refusal has of its own."""

    surface = "identity"

    def oauth_error(
        self, original: Callable[[int, str, str], Answer], status: int, error: str, description: str
    ) -> Answer:
        told = {"trace_id": str(uuid.uuid4()), "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ"), "error_codes": [7]}
        answer = original(status, error, description)
        return edited(answer, lambda document: document.update(told))


class ShortTextsAlone(Variant):
    """The contract's table of errors: 400 for what a member cannot hold, here more than 64 characters."""

    surface = "identity"

    def is_acceptable(
        self, original: Callable[[Organization, str, Any], bool], organization: Organization, name: str, value: Any
    ) -> bool:
        short = not isinstance(value, str) or len(value) <= 64
        return short and original(organization, name, value)


class CookieOfABalancer(Variant):
    """RFC 6265 section 3: what stands in front may keep a caller to one server, whoever it is."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers.append("Set-Cookie", f"balancer={secrets.token_urlsafe(12)}; Path=/")
        return answer


class HeadTellsLess(Variant):
    """RFC 9110 section 9.3.2: fields that only making the content would tell may be left out."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD":
            del answer.headers["Content-Type"]
        return of_unstated_length(request, answer)


class DotsAreRedirected(Variant):
    """RFC 3986 section 6.2.2: a path with dots in it names another, and may be led there; so may slashes too many."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        kept: list[str] = []
        for segment in unquote(request.raw_path, "latin-1").split("/"):
            if segment == "..":
                kept = kept[:-1]
            elif segment not in ("", "."):
                kept.append(segment)
        if "/" + "/".join(kept) == unquote(request.raw_path, "latin-1"):
            return None
        answer = Answer(301)
        answer.headers["Location"] = json.dumps("/" + "/".join(kept))[1:-1]
        return answer


class WindowsOfTheClock(Variant):
    """RFC 6585 section 4 leaves open how requests are counted: here in windows that begin at full seconds."""

    surface = "identity"

    def seconds_until_allowed(
        self, original: Callable[[Client, int, float], float], client: Client, requests: int, seconds: float
    ) -> float:
        surface = surface_of(original)
        window, now = surface.window_of(client), surface.monotonic()
        begun = now - now % seconds
        while window and window[0] < begun:
            window.popleft()
        return begun + seconds - now if len(window) >= requests else 0.0


class NoRetryAfter(Variant):
    """RFC 6585 section 4: a 429 may tell how long to wait, and need not."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 429:
            del answer.headers["Retry-After"]
        return answer


class OrganizationsLookedUpBeforeScopes(Variant):
    """The contract's table of errors: 404 where there is nothing, and what is not the caller's, whatever its scopes."""

    surface = "identity"

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if surface.route(segments):
            surface.visible_organization(surface.caller(request), segments[3])
        return await original(request, segments)


class UndeclaredMethods(Variant):
    """A resource may have methods that a target file does not declare: PUT, which is told that its body is missing."""

    surface = "identity"

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if request.method != "PUT" or not surface.route(segments):
            return await original(request, segments)
        surface.visible_organization(surface.caller(request), segments[3])
        return surface.api_error(415, "unsupported_media_type", "The body is not JSON.")


class DeletingAgainIsNoError(Variant):
    """RFC 9110 section 9.2.2: what was deleted stays deleted, and who asks for that once more has it."""

    surface = "identity"

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str | None]] = set()

    async def delete_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        gone = (call.organization.slug, call.slug)
        if gone in self.deleted and surface_of(original).find_project(call.organization, call.slug) is None:
            return Answer(204)
        answer = await original(call)
        if answer.status == 204:
            self.deleted.add(gone)
        return answer


class EntityTagsBeyondAscii(Variant):
    """RFC 9110 section 8.8.3: an entity tag may have any octet from 0x80 on, and means nothing to who has it."""

    surface = "identity"

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        given = [(name, value.replace(BEYOND, b'"')) for name, value in request.headers.raw]
        answer = await original(replace(request, headers=Headers(raw=given)), segments)
        if "ETag" in answer.headers:
            answer.headers["ETag"] = answer.headers["ETag"].removesuffix('"') + BEYOND.decode("latin-1")
        return answer


class PutReplacesTheWhole(Variant):
    """RFC 9110 section 9.3.4: what a PUT leaves out is as in something new, who sees it too."""

    surface = "identity"

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if request.method != "PUT" or surface.route(segments) != "project":
            return await original(request, segments)
        return await original(replace(request, method="PATCH", body=_whole(request.body)), segments)

    def allow(self, original: Callable[[str], Answer], route: str) -> Answer:
        answer = original(route)
        if route == "project":
            answer.headers["Allow"] += ", PUT"
        return answer


def _whole(body: bytes) -> bytes:
    """A body with what a new project has where it says nothing; one that is no object as it is."""
    try:
        return json.dumps(NEW | strict_object(body)).encode()
    except (ValueError, RecursionError):
        return body


class RegistryTokenAlone(Variant):
    """Docker token authentication: expires_in and issued_at are optional, and a token lives for 60 s without them."""

    surface = "identity"

    def registry_token_document(self, original: Callable[..., Claims], *given: Any) -> Claims:
        return {"token": original(*given)["token"]}

    def posted_answer(self, original: Callable[..., Claims], *given: Any) -> Claims:
        document = original(*given)
        return document | {"access_token": document["token"]}


class RegistryAccessTokenAlone(Variant):
    """Docker token authentication: the token may be called access_token, as OAuth 2.0 does, and nothing said of it."""

    surface = "identity"

    def registry_token_document(self, original: Callable[..., Claims], *given: Any) -> Claims:
        return {"access_token": original(*given)["access_token"]}


class RegistryTokensBehindARedirect(Variant):
    """RFC 9110 section 15.4: the token endpoint may lead elsewhere on its host, where engines follow it."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        if request.method != "GET" or request.raw_path != "/registry/token" or request.parameter("led"):
            return None
        answer = Answer(307)
        answer.headers["Location"] = f"{request.raw_path}?{request.query_string}&led=here"
        return answer


class LimitOfTheOrganization(LimitShared, Variant):
    """The former API pages: "Rate limits per organization": its other credentials wait as well."""

    surface = "identity"


class PortalReadsWithCredentials(Variant):
    """Fetch standard, CORS protocol: the pages of one origin may read with credentials, and every answer says so."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Access-Control-Allow-Origin"] = "https://portal.example"
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        return answer


class ProofOfPossessionAskedForToo(Variant):
    """RFC 9449 section 9: beside the Bearer challenge one of DPoP may stand, and tell an error of its own."""

    surface = "identity"

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return f'DPoP error="use_dpop_nonce", algs="ES256", {original(error, scope)}'
