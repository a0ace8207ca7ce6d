"""Variants of bearer tokens."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import SCOPES
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import scheme_and_rest
from conformance.reference.support.identity import surface_of


class NeededScopeNotNamed(Variant):
    """RFC 6750 section 3.1: the scope attribute of insufficient_scope is OPTIONAL."""

    surface = "identity"

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original(error)


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


class BareUnauthorized(Variant):
    """RFC 6750 section 3.1: error and its like are asked for by SHOULD; the challenge names the realm alone."""

    surface = "identity"
    misses = (
        "authorization/bearer/bad-token-is-invalid-token",
        "authorization/bearer/lacking-scope-is-insufficient-scope",
    )

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original(None)


class MalformedTokenIsInvalidRequest(Variant):
    """RFC 6750 section 3.1: a field that is otherwise malformed is 400 invalid_request.

    So is one with a character that no token has (section 2.1).
    """

    surface = "identity"

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        surface = surface_of(original)
        for value in request.headers.getlist("authorization"):
            scheme, rest = scheme_and_rest(value)
            if surface.is_bearer(scheme) and rest and not surface.is_token(rest):
                raise Refused(surface.sent_twice())
        return original(request)


class ErrorsInAList(Variant):
    """The contract leaves the shape of errors open: each in a list, as JSON:API has them."""

    surface = "identity"

    def api_error(
        self, original: Callable[..., Answer], status: int, code: str, message: str, **headers: str
    ) -> Answer:
        error = {"id": secrets.token_hex(4), "status": str(status), "code": code, "title": message}
        return Answer.json(status, {"errors": [error]}, **headers)


class ProofOfPossessionAskedForToo(Variant):
    """RFC 9449 section 9: beside the Bearer challenge one of DPoP may stand, and tell an error of its own."""

    surface = "identity"

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return f'DPoP error="use_dpop_nonce", algs="ES256", {original(error, scope)}'
