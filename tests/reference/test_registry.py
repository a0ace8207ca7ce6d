"""The registry remembers verified tokens only until they expire."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest
from starlette.datastructures import Headers

from conformance.reference.http import Request
from conformance.reference.keys import SigningKey
from conformance.reference.registry import Registry
from conformance.reference.seeds import Seeds


def test_a_remembered_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(Seeds(), SigningKey())
    issuer = "nextepoch-reference"
    now = int(time.time())
    claims: dict[str, Any] = {"iss": issuer, "aud": issuer, "sub": "ct-push", "iat": now, "nbf": now, "exp": now + 300}
    bearer = registry.key.sign(claims | {"access": []}, x5c=registry.key.x5c)
    request = Request("GET", "/v2/", "", Headers({"Host": "a", "Authorization": f"Bearer {bearer}"}), b"")

    def expired(*_: object) -> None:
        raise jwt.ExpiredSignatureError

    assert asyncio.run(registry.handle(request)).status == 200
    registry.remembered[bearer]["exp"] = 1
    monkeypatch.setattr(registry.key, "verify", expired)
    assert asyncio.run(registry.handle(request)).status == 401
