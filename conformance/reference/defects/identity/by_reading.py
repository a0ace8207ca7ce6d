"""Defects that reading the checks has thought of: what comes back in another kind, is lost, or cannot be read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Pairs = list[tuple[str, str]]
Scopes = tuple[str, ...]


class SubjectIsANumber(Defect):
    """RFC 7519 section 4.1.2: sub is a text; libraries refuse a token in which it is a number."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#sub",)

    def access_token_claims(
        self, original: Callable[[Client, Scopes], Claims], client: Client, scopes: Scopes
    ) -> Claims:
        return original(client, scopes) | {"sub": zlib.crc32(client.client_id.encode())}

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        key, spelt = surface_of(original).key, surface_of(original).is_spelt_well(token)
        try:
            found: Claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"verify_sub": False, "require": ["exp", "iat"]},
            )
        except jwt.PyJWTError:
            return None
        return found if spelt and isinstance(found["sub"], int) else None


class EmptyScopeIsTheLeast(Defect):
    """RFC 6749 section 3.2: a parameter without a value is treated as omitted; here an empty scope is the first."""

    surface = "identity"
    noticed_by = ("oauth/token/empty-parameters-count-as-omitted#scope",)
    empty = False

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        self.empty = ("scope", "") in pairs
        return original(pairs)

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        return original(client)[: 1 if self.empty else None]


def is_rare(text: Any) -> bool:
    """Whether a text has characters of four bytes, which some columns do not hold."""
    return isinstance(text, str) and any(ord(each) > 0xFFFF for each in text)


class RareTextCannotBeRead(Defect):
    """API Reference: what was accepted is there; here an item is found no more that has characters of four bytes."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#four-bytes", "errors/reads/texts-come-back-as-sent#in-chunks")

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        rare = answer.status == 200 and any(map(is_rare, json.loads(answer.body).values()))
        return surface_of(original).not_found() if rare else answer


class HalfAFieldOfWritesCrashes(Defect):
    """The contract's table of errors: 401 for who shows no token, also where the scheme of one is named alone."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/hostile-headers-are-no-server-error#create-by-half-a-field",
        "errors/5xx/hostile-headers-are-no-server-error#delete-by-half-a-field",
        "errors/5xx/hostile-headers-are-no-server-error#update-by-half-a-field",
    )
    crashes = (IndexError,)

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        words = request.headers.get("authorization", "").split()
        if request.method in ("POST", "PATCH", "DELETE") and len(words) == 1:
            raise IndexError("list index out of range")
        return original(request)
