"""Other right ways for an identity service to write its answers."""

from __future__ import annotations

import itertools
import json
import random
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import InPages, InPagesByCursor, edited, is_api_request
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import SCOPES, Call, Segments
from conformance.reference.registry.access import SERVICE
from conformance.reference.seeds import Account, Client

Operation = Callable[[Call], Awaitable[Answer]]
Api = Callable[[Request, Segments], Awaitable[Answer]]
Claims = dict[str, Any]
READ_NUMBER = re.compile(rb'~[0-9]+(?=")')


class VolatileAnswers(Variant):
    """RFC 9110 section 6.3: ids, quotas, times of few values and server names may differ from answer to answer."""

    surface = "identity"

    def __init__(self) -> None:
        self.numbers = itertools.count()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Request-Id"] = secrets.token_hex(8)
        answer.headers["X-RateLimit-Remaining"] = str(1000 - next(self.numbers) % 1000)
        answer.headers["X-RateLimit-Reset"] = str(int(time.time()) + 60)
        answer.headers["X-Response-Time"] = random.choice(["1ms", "1ms", "1ms", "2ms"])
        answer.headers["X-Served-By"] = random.choice(["node-a", "node-b"])
        if answer.status >= 400 and b'"error": {' in answer.body:
            return edited(answer, lambda document: document["error"].update(request_id=secrets.token_hex(8)))
        return answer


class EntityTagsOfEachRead(Variant):
    """RFC 9110 section 8.8.3: an entity tag is opaque; each read may tell another one, if all of them hold."""

    surface = "identity"

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        given = [(name, READ_NUMBER.sub(b"", value)) for name, value in request.headers.raw]
        answer = await original(replace(request, headers=Headers(raw=given)), segments)
        if "ETag" in answer.headers:
            answer.headers["ETag"] = answer.headers["ETag"].removesuffix('"') + f'~{next(self.numbers)}"'
        return answer


class CachesAskAgain(Variant):
    """RFC 9111 sections 5.2.2.4 and 5.2.2.7: no shared cache gives out unasked what is private, or to be asked for."""

    surface = "identity"
    ways = ("private, max-age=60, s-maxage=60", "public, no-cache", "max-age=0, must-revalidate, public")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request):
            answer.headers["Cache-Control"] = self.ways[len(request.raw_path) % len(self.ways)]
        return answer


def of_unstated_length(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: an answer to HEAD may leave out what only making the content would tell."""
    if is_api_request(request) and request.method == "HEAD" and "Content-Length" in answer.headers:
        del answer.headers["Content-Length"]
        answer.headers["Transfer-Encoding"] = "chunked"
    return answer


class EnvelopedAnswers(Variant):
    """The contract leaves the shape of answers open: content in an envelope, beside an id that is new each time."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.body.startswith(b"{"):
            document = json.loads(answer.body)
            content = document if answer.status >= 400 else {"data": document}
            answer.body = json.dumps(content | {"meta": {"request_id": secrets.token_hex(8)}}).encode()
            del answer.headers["Content-Length"]
        return of_unstated_length(request, answer)


class ListsAreArrays(Variant):
    """The contract leaves the shape of answers open: a list is an array, its total in a field of the head."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200 and answer.body.startswith(b'{"items"'):
            document = json.loads(answer.body)
            answer.body = json.dumps(document["items"]).encode()
            answer.headers["X-Total-Count"] = str(document["total"])
            del answer.headers["Content-Length"]
        return of_unstated_length(request, answer)


class ListsComeInPages(InPages, Variant):
    """The contract leaves open how lists come: in pages, each with a link to the next (RFC 8288)."""

    surface = "identity"


class ListsTellOfTheNextPage(InPagesByCursor, Variant):
    """The same by a text in the body that only the service can read, which the target file tells of."""

    surface = "identity"


class KeySetHasOtherKeys(Variant):
    """RFC 7517 section 5: a set may hold keys of other kinds and uses; who does not understand one ignores it."""

    surface = "identity"

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        others = [
            {"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc", "n": "AQAB" * 85 + "Aw", "e": "AQAB"},
            {"kty": "OKP", "crv": "X25519", "use": "enc", "kid": "okp", "x": "A" * 43},
            {"kty": "of-tomorrow", "kid": "new", "q": "public"},
        ]
        return Answer.json(200, {"keys": [*others, *json.loads(original().body)["keys"]]})


class ErrorsWithoutContent(Variant):
    """The contract leaves the shape of errors open: the status tells all."""

    surface = "identity"

    def api_error(
        self, original: Callable[..., Answer], status: int, code: str, message: str, **headers: str
    ) -> Answer:
        answer = original(status, code, message, **headers)
        bare = Answer(status, headers=answer.headers)
        del bare.headers["Content-Type"]
        return bare


class ChangesAnsweredWithoutContent(Variant):
    """RFC 9110 sections 15.3.2 and 15.3.5: a creation may tell where it is alone, a change be answered 204."""

    surface = "identity"

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        answer = await original(call)
        return Answer(201, headers=answer.headers) if answer.status == 201 else answer

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        answer = await original(call)
        if answer.status != 200:
            return answer
        bare = Answer(204)
        bare.headers["ETag"] = answer.headers["ETag"]
        return bare


class FailedPreconditionIs412(Variant):
    """RFC 9110 section 13.1.1: 412 where If-Match does not hold."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 409 and ("if-match" in request.headers or "if-none-match" in request.headers):
            answer.status = 412
        return answer


class ChallengesInOneField(Variant):
    """RFC 9110 section 11.6.1: several challenges may stand in one field, in any case, with unquoted values.

    Two of them may be of one scheme, each with a realm of its own; the error is told beside the realm that was meant.
    """

    surface = "identity"

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        words = original(error, scope).replace("Bearer realm=", "BEARER Realm=").replace('"reference"', "reference")
        return f'DPoP algs="ES256 PS256", Bearer realm="partners", {words}'


class EveryScopeNamedToStrangers(Variant):
    """RFC 6750 section 3: what is required may be told to who has shown no token, here of the whole API at once."""

    surface = "identity"

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        scopes = sorted({each for methods in SCOPES.values() for each in methods.values()})
        return original(error, scope or " ".join(scopes))


class AudienceIsAList(Variant):
    """RFC 7519 section 4.1.3: aud may be an array."""

    surface = "identity"

    def access_token_claims(self, original: Callable[..., Claims], client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return claims | {"aud": [claims["aud"], "urn:nextepoch:reference:other"]}


class TokensAreNumbered(Variant):
    """RFC 7519 section 4.1.7: jti is to be unique; a signature keeps others from making the next token."""

    surface = "identity"

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def access_token_claims(self, original: Callable[..., Claims], client: Client, scopes: tuple[str, ...]) -> Claims:
        return original(client, scopes) | {"jti": str(next(self.numbers))}


class HeadersOfAGateway(Variant):
    """RFC 9110: fields that gateways add to every answer promise and break nothing."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Server"] = "gateway"
        answer.headers["Via"] = "1.1 gateway"
        answer.headers["Strict-Transport-Security"] = "max-age=31536000"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Vary"] = "Origin, Accept-Encoding"
        return answer


class LifetimeNotStated(Variant):
    """RFC 6749 section 5.1: expires_in is RECOMMENDED."""

    surface = "identity"
    misses = ("oauth/answer/lifetime-is-stated",)

    def token_document(self, original: Callable[..., Claims], *given: Any) -> Claims:
        document = original(*given)
        del document["expires_in"]
        return document


class NoPragma(Variant):
    """RFC 9111 section 5.4: Pragma is deprecated."""

    surface = "identity"
    misses = ("oauth/answer/pragma-no-cache",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        del answer.headers["Pragma"]
        return answer


class BareUnauthorized(Variant):
    """RFC 6750 section 3.1: error and its like are asked for by SHOULD; the challenge names the realm alone."""

    surface = "identity"
    misses = (
        "authorization/bearer/bad-token-is-invalid-token",
        "authorization/bearer/expired-token-is-invalid-token",
        "authorization/revocation/revoked-token-is-invalid-token",
        "authorization/bearer/lacking-scope-is-insufficient-scope",
    )

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original(None)


class RegistryTokenBesideAnEmptyName(Variant):
    """Docker token authentication: one of token and access_token is told; where there is none it may be empty."""

    surface = "identity"

    def registry_token_document(
        self, original: Any, account: Account | None, service: str, asked: list[Any]
    ) -> dict[str, Any]:
        document: dict[str, Any] = original(account, service, asked)
        return document | {"access_token": "", "refresh_token": ""}

    def posted_answer(self, original: Any, account: Account, form: dict[str, str], asked: list[Any]) -> dict[str, Any]:
        document: dict[str, Any] = original(account, form, asked)
        return document | {"access_token": document["token"], "token": ""}


class RegistryTimesInSmallLetters(Variant):
    """RFC 3339 section 5.6: T and Z may be small letters; a second may have any number of digits behind it."""

    surface = "identity"

    def registry_token_document(
        self, original: Any, account: Account | None, service: str, asked: list[Any]
    ) -> dict[str, Any]:
        document: dict[str, Any] = original(account, service, asked)
        return document | {"issued_at": document["issued_at"].lower().replace("z", ".123456789z")}


class RegistryTokensOfAMinute(Variant):
    """Docker token authentication: a token lives for 60 s at least, and for as long where nothing is said of it."""

    surface = "identity"

    def registry_claims(self, original: Any, account: Account | None, service: str, access: Any) -> dict[str, Any]:
        claims: dict[str, Any] = original(account, service, access)
        return claims | {"exp": claims["iat"] + 60}

    def registry_token_document(
        self, original: Any, account: Account | None, service: str, asked: list[Any]
    ) -> dict[str, Any]:
        document: dict[str, Any] = original(account, service, asked)
        return {name: value for name, value in document.items() if name not in ("expires_in", "issued_at")}


class RegistryTokensForOneService(Variant):
    """Docker token authentication: an endpoint of one registry may give tokens for it alone, whatever is named."""

    surface = "identity"

    def registry_claims(self, original: Any, account: Account | None, service: str, access: Any) -> dict[str, Any]:
        claims: dict[str, Any] = original(account, SERVICE, access)
        return claims


class RegistryTokensOfShortQuestions(Variant):
    """RFC 9110 section 15.5.15: a server need not take any address; some take no query above 2,048 characters."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        return Answer(414) if len(request.query_string) > 2048 else None
