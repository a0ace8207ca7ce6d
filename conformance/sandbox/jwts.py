"""JWT access tokens that a declared resource accepts: only then does refusing a forged one prove anything."""

from __future__ import annotations

from conformance.oracles.token_quality import claims_of
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


def require_open(operation: Operation, token: str, control: Exchange) -> None:
    """Require that the genuine token is a JWT and that the operation accepted it; Inconclusive if not."""
    if not claims_of(token):
        raise Inconclusive("the access token is no JWT", "a target that issues JWTs, or does not claim identity.jwt")
    if not control.ok:
        reason = f"a token is answered {control.status} at {operation.path}"
        raise Inconclusive(reason, "a JWT that opens a declared resource")


def require_opening(platform: Platform, operation: Operation, token: str) -> None:
    """Send the operation with the token, and require that it is a JWT and accepted."""
    require_open(operation, token, platform.send(operation, token))
