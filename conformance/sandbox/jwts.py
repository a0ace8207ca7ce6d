"""JWT access tokens that open something: what is forged of one that does not is refused for that."""

from __future__ import annotations

from conformance.oracles.token_quality import claims_of
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


def require_open(operation: Operation, token: str, control: Exchange) -> None:
    """The genuine token is a JWT, and was let in to an operation; Inconclusive where it was not."""
    if not claims_of(token):
        raise Inconclusive("the access token is no JWT", "a target that issues JWTs, or does not claim identity.jwt")
    if not control.ok:
        told = f"a token is answered {control.status} at {operation.path}"
        raise Inconclusive(told, "a JWT that opens a declared resource")


def require_opening(platform: Platform, operation: Operation, token: str) -> None:
    """The same, asked for now."""
    require_open(operation, token, platform.send(operation, token))
