"""Helpers that defects and variants of the identity surface share."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from typing import Any, cast

from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.seeds import Client

Claims = dict[str, Any]

PAUSE_S = 0.003


def decoded(part: str) -> bytes:
    """Decode a part of a JWT; ValueError if it is malformed."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def header_of(token: str) -> Claims:
    """Return the JOSE header of a JWT; {} if it is malformed."""
    try:
        header = json.loads(decoded(token.split(".")[0]))
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def service_error() -> Answer:
    """Return a 500 response of the organization API."""
    return Answer.json(500, {"error": {"code": "internal", "message": "The service failed."}})


def surface_of(original: Callable[..., Any]) -> Identity:
    """Return the surface of the method that an alteration replaces."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Identity, original.__self__)  # type: ignore[attr-defined]


def client_of_claims(original: Callable[..., Any], claims: Claims) -> Client | None:
    """Return the client of a token, even if it is revoked or expired."""
    return surface_of(original).clients.get(str(claims.get("client_id")))


def is_token_request(request: Request) -> bool:
    """Return whether a request is for the token endpoint."""
    return request.raw_path == "/oauth/token"


def is_api_request(request: Request) -> bool:
    """Return whether a request is for the organization API."""
    return request.raw_path.startswith("/api/")


def is_registry_token_request(request: Request) -> bool:
    """Return whether a request is for the registry's token endpoint."""
    return request.raw_path == "/registry/token"


def edited(answer: Answer, edit: Callable[[dict[str, Any]], Any]) -> Answer:
    """Return the response with its JSON object, if any, edited in place."""
    if answer.body.startswith(b"{"):
        document = json.loads(answer.body)
        edit(document)
        answer.body = json.dumps(document).encode()
    return answer


def of_unstated_length(request: Request, answer: Answer) -> Answer:
    """Omit the length of a response to HEAD (RFC 9110 section 9.3.2 permits that)."""
    if is_api_request(request) and request.method == "HEAD" and "Content-Length" in answer.headers:
        del answer.headers["Content-Length"]
        answer.headers["Transfer-Encoding"] = "chunked"
    return answer
