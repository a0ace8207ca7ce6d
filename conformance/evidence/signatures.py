"""The lengths of the signatures of all tokens that a run is given: zeros are cut off in one of a hundred, if at all."""

from __future__ import annotations

import json

from conformance.vocabulary.values import base64url

OCTETS = {"ES256": 64, "ES384": 96, "ES512": 132}
"""Of the algorithms whose signatures are two numbers: how long both are, with their zeros (RFC 7518 section 3.4)."""


def misfit(token: str) -> str:
    """What is wrong with the length of a JWT's signature; "" where nothing is, and of all that is no JWT of these."""
    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        return ""
    try:
        algorithm = json.loads(base64url(parts[0])).get("alg")
        length = len(base64url(parts[2]))
        expected = OCTETS.get(algorithm, length)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ""
    return "" if length == expected else f"{length} octets for {algorithm}, which has {expected}"
