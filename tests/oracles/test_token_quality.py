"""Token quality: generators that are good are taken, those that can be guessed are found."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import random
import secrets
import time
import uuid
from collections.abc import Callable

import pytest

from conformance.oracles.token_quality import claims_of, header_of, room_bits, weakness

COUNT = 40
KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes in each run: by chance a good generator looks like a bad one, in one run of very many."""
    monkeypatch.setattr(secrets, "token_bytes", random.Random(1).randbytes)
    monkeypatch.setattr(os, "urandom", random.Random(2).randbytes)


def signed(claims: dict[str, object]) -> str:
    """A JWT whose signature follows from its claims and a key that nobody else has."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "HS256"}, claims)
    ]
    signature = hmac.digest(KEY, ".".join(parts).encode(), "sha256")
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


GOOD: dict[str, Callable[[int], str]] = {
    "urlsafe-256": lambda n: secrets.token_urlsafe(32),
    "urlsafe-128": lambda n: secrets.token_urlsafe(16),
    "hex-128": lambda n: secrets.token_hex(16),
    "uuid4": lambda n: str(uuid.uuid4()),
    "clock-and-256-bits": lambda n: f"nx_{time.time_ns():x}_{secrets.token_urlsafe(32)}",
    "prefixed": lambda n: f"nx_{secrets.token_urlsafe(24)}",
    "jwt-with-counted-jti": lambda n: signed({"jti": str(n), "iat": 1_800_000_000}),
}
BAD: dict[str, Callable[[int], str]] = {
    "constant-and-counter": lambda n: "k" * 30 + f"{1000 + n:06d}",
    "counter": lambda n: f"{n:032d}",
    "clock": lambda n: f"client-{time.time_ns()}",
    "uuid1": lambda n: str(uuid.uuid1()),
    "md5-of-counter": lambda n: hashlib.md5(str(n).encode()).hexdigest(),
    "64-bits": lambda n: "0" * 40 + secrets.token_hex(8),
    "clock-and-80-bits": lambda n: f"{time.time_ns():x}{secrets.token_hex(10)}",
    "one-for-all": lambda n: "A9f" * 20,
    "short": lambda n: secrets.token_urlsafe(6),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_generators_raise_no_alarm(name: str) -> None:
    for _ in range(5):
        assert weakness([GOOD[name](n) for n in range(COUNT)], time.time()) is None


@pytest.mark.parametrize("name", BAD)
def test_guessable_tokens_are_found(name: str) -> None:
    assert weakness([BAD[name](n) for n in range(COUNT)], time.time())


def test_order_alone_is_found() -> None:
    assert "order" in str(weakness(sorted(secrets.token_hex(15) for _ in range(COUNT)), time.time()))


def test_parts_of_what_is_no_jwt_are_empty() -> None:
    for text in ("", "a.b.c", "opaque", "e30.e30", "x"):
        assert claims_of(text) == {} and isinstance(header_of(text), dict)


@pytest.mark.parametrize(
    ("make", "least", "most"),
    [
        (lambda: secrets.token_urlsafe(20), 160, 163),
        (lambda: secrets.token_hex(20), 160, 160),
        (lambda: f"nx_{secrets.token_urlsafe(16)}", 125, 133),
        (lambda: str(uuid.uuid4()), 120, 128),
        (lambda: f"eyJ{secrets.token_hex(2)}.{secrets.token_hex(2)}.{secrets.token_urlsafe(64)}", 500, 520),
    ],
    ids=["urlsafe-160", "hex-160", "prefixed-128", "uuid4", "jwt"],
)
def test_room_is_what_differs(make: Callable[[], str], least: int, most: int) -> None:
    for _ in range(20):
        assert least <= room_bits([make() for _ in range(10)]) <= most


def test_one_token_for_all_has_no_room() -> None:
    assert room_bits(["A9f" * 20] * COUNT) == 0
