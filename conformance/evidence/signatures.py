"""The lengths of signatures of all issued tokens: an implementation that strips zeros fails for one in a hundred."""

from __future__ import annotations

import json

from conformance.vocabulary.values import base64url

OCTETS = {"ES256": 64, "ES384": 96, "ES512": 132}
"""The signature lengths of ECDSA algorithms: two integers with leading zeros (RFC 7518 section 3.4)."""


def wrong_length(token: str) -> str:
    """Describe a wrong signature length of a JWT; "" for a correct one or another algorithm or token."""
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
