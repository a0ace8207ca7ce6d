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
    """One part of a JWT; ValueError where it is none."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def header_of(token: str) -> Claims:
    """The JOSE header of a JWT, empty where there is none."""
    try:
        header = json.loads(decoded(token.split(".")[0]))
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def service_error() -> Answer:
    """The answer of an organization API that failed."""
    return Answer.json(500, {"error": {"code": "internal", "message": "The service failed."}})


def surface_of(original: Callable[..., Any]) -> Identity:
    """The surface whose method an alteration was given."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Identity, original.__self__)  # type: ignore[attr-defined]


def client_of_claims(original: Callable[..., Any], claims: Claims) -> Client | None:
    """The client that a token was issued to, whatever has become of it."""
    return surface_of(original).clients.get(str(claims.get("client_id")))


def is_token_request(request: Request) -> bool:
    """Whether this goes to the token endpoint."""
    return request.raw_path == "/oauth/token"


def is_api_request(request: Request) -> bool:
    """Whether this goes to the organization API."""
    return request.raw_path.startswith("/api/")


def is_registry_token_request(request: Request) -> bool:
    """Whether this goes to the registry's token endpoint."""
    return request.raw_path == "/registry/token"


def edited(answer: Answer, edit: Callable[[dict[str, Any]], Any]) -> Answer:
    """The answer with its JSON object edited in place; as it is where it has none."""
    if answer.body.startswith(b"{"):
        document = json.loads(answer.body)
        edit(document)
        answer.body = json.dumps(document).encode()
    return answer


def of_unstated_length(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: an answer to HEAD may leave out what only making the content would tell."""
    if is_api_request(request) and request.method == "HEAD" and "Content-Length" in answer.headers:
        del answer.headers["Content-Length"]
        answer.headers["Transfer-Encoding"] = "chunked"
    return answer
