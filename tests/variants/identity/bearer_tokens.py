"""Variants of bearer tokens."""

from __future__ import annotations

import secrets
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import SCOPES
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import scheme_and_rest
from conformance.reference.one_method import variant
from conformance.reference.support.identity import surface_of


@variant()
def needed_scope_not_named(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 6750 section 3.1: the scope attribute of insufficient_scope is OPTIONAL."""
    return challenge(error)


@variant()
def errors_without_content(api_error: Any, status: int, code: str, message: str, **headers: str) -> Answer:
    """The contract leaves the form of errors open: only the status is sent."""
    answer = api_error(status, code, message, **headers)
    bare = Answer(status, headers=answer.headers)
    del bare.headers["Content-Type"]
    return bare


@variant()
def challenges_in_one_field(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 9110 section 11.6.1: several challenges may be in one field, in any case, with unquoted values.

    Two of them may have one scheme and different realms; the error is in the one that was used.
    """
    words = challenge(error, scope).replace("Bearer realm=", "BEARER Realm=").replace('"reference"', "reference")
    return f'DPoP algs="ES256 PS256", Bearer realm="partners", {words}'


@variant()
def every_scope_named_to_anonymous_clients(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 6750 section 3: a challenge without a token may name all scopes of the API."""
    scopes = sorted({each for methods in SCOPES.values() for each in methods.values()})
    return challenge(error, scope or " ".join(scopes))


@variant(
    misses=(
        "authorization/bearer/bad-token-is-invalid-token",
        "authorization/bearer/lacking-scope-is-insufficient-scope",
    )
)
def bare_unauthorized(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 6750 section 3.1: error and its description are SHOULDs; the challenge contains only the realm."""
    return challenge(None)


@variant()
def malformed_token_is_invalid_request(bearer_token: Any, request: Request) -> str:
    """RFC 6750 sections 2.1 and 3.1: a malformed Authorization field or token is 400 invalid_request."""
    surface = surface_of(bearer_token)
    for value in request.headers.getlist("authorization"):
        scheme, rest = scheme_and_rest(value)
        if surface.is_bearer(scheme) and rest and not surface.is_token(rest):
            raise Refused(surface.sent_twice())
    return bearer_token(request)


@variant()
def errors_in_a_list(api_error: Any, status: int, code: str, message: str, **headers: str) -> Answer:
    """The contract leaves the form of errors open: they are in a list, as in JSON:API."""
    error = {"id": secrets.token_hex(4), "status": str(status), "code": code, "title": message}
    return Answer.json(status, {"errors": [error]}, **headers)


@variant()
def proof_of_possession_also_requested(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 9449 section 9: a DPoP challenge may accompany the Bearer challenge, with its own error."""
    return f'DPoP error="use_dpop_nonce", algs="ES256", {challenge(error, scope)}'
