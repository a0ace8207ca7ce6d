"""Parts of JWTs, written by hand: tokens that no library would make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any


def part(document: dict[str, Any]) -> str:
    """A part of a JWT in base64url without padding."""
    return unpadded(json.dumps(document).encode())


def unpadded(raw: bytes) -> str:
    """Bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hmac_signed(header: dict[str, Any], body: str, secret: bytes) -> str:
    """A token of this header over an encoded body, signed with HMAC SHA-256 whatever the header says."""
    signed = f"{part(header)}.{body}"
    return f"{signed}.{unpadded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
