"""How guessable tokens are, measured over many tokens and never by one.

The entropy of one string accepts ``constant + counter`` and rejects most genuine 128-bit tokens. So the variation
from token to token is measured, position by position.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

from conformance.evidence.recorder import RECORDER
from conformance.oracles.oauth import expect_token
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import part_of_jwt
from conformance.vocabulary.wording import worded

REQUIRED_BITS = 128
DESIRED_BITS = 160
POSITION_BITS = 100
LEAST_DISTANCE = 8


def varying_part(token: str) -> str:
    """Return the part of a token that must be unguessable: the signature of a JWT, else the whole token.

    A signature needs the key, even if the claims can be guessed; jti is unique but no secret (RFC 7519 section 4.1.7).
    """
    parts = token.split(".")
    return parts[2] if len(parts) == 3 and token.startswith("eyJ") else token


def expect_jwt(reply: Exchange) -> str:
    """Return the access token of a token response, which must be a JWT."""
    token = str(expect_token(reply)["access_token"])
    if not claims_of(token):
        raise NonConformance("a JWT, as the target file declares", "an access_token that is not a JWT", reply)
    return token


def claims_of(token: str) -> dict[str, object]:
    """Return the claims of a JWT, unverified; {} if the token is not a JWT."""
    return _part(token, 1)


def header_of(token: str) -> dict[str, object]:
    """Return the JOSE header of a JWT; {} if the token is not a JWT."""
    return _part(token, 0)


def _part(token: str, index: int) -> dict[str, object]:
    RECORDER.reads_secret("what a token says")
    return part_of_jwt(token, index) or {}


def capacity_bits(tokens: Sequence[str]) -> float:
    """Return the most bits that tokens of this length and alphabet can have."""
    RECORDER.reads_secret("how a token looks")
    return min(map(len, tokens)) * math.log2(max(2, _alphabet(tokens)))


def room_bits(tokens: Sequence[str]) -> float:
    """Return the most bits that can vary in these tokens: in the signature of a JWT, or in positions that differ.

    A constant part (a prefix, the version in a UUID) has none.
    """
    RECORDER.reads_secret("how a token looks")
    parts = [token.split(".")[2] if token.startswith("eyJ") and token.count(".") == 2 else token for token in tokens]
    varying = [letters for letters in zip(*parts, strict=False) if len(set(letters)) > 1]
    return len(varying) * math.log2(max(2, _alphabet("".join(letters) for letters in varying)))


def _alphabet(tokens: Iterable[str]) -> int:
    used = set("".join(tokens))
    for size, letters in ((10, "0123456789"), (16, "0123456789abcdef"), (16, "0123456789ABCDEF")):
        if used <= set(letters):
            return size
    if all(each.isalnum() or each in "-_" for each in used):
        return 64 if any(each.islower() for each in used) and any(each.isupper() for each in used) else 36
    return 64


def position_bits(tokens: Sequence[str]) -> float:
    """Return the sum of the observed entropy per position (Miller-Madow corrected, capped by the sample size)."""
    width = min(map(len, tokens))
    cap = math.log2(len(tokens))
    return sum(min(cap, _entropy([token[position] for token in tokens])) for position in range(width))


def _entropy(letters: Sequence[str]) -> float:
    counts = Counter(letters)
    total = len(letters)
    plain = -sum(count / total * math.log2(count / total) for count in counts.values())
    return plain + (len(counts) - 1) / (2 * total * math.log(2))


def least_distance(tokens: Sequence[str]) -> int:
    """Return the least Hamming distance between any two tokens."""
    return min(sum(a != b for a, b in zip(one, other, strict=False)) for one, other in combinations(tokens, 2))


def weakness(tokens: Sequence[str], issued_at: float = 0.0, words: Iterable[str] = ()) -> str | None:
    """Return why tokens can be guessed, or None. ``words`` are names that may have been hashed."""
    parts = [varying_part(token) for token in tokens]
    if len(set(parts)) < len(parts):
        return "a token that was issued twice"
    if capacity_bits(parts) < REQUIRED_BITS - 12:
        # UUIDs of version 4 have 122 random bits of 128; fewer than 116 cannot be a rounding error.
        return f"tokens with at most {capacity_bits(parts):.0f} bits in the part that varies"
    if position_bits(parts) < POSITION_BITS:
        return f"tokens with about {position_bits(parts):.0f} bits of entropy in the part that varies"
    if _ascending(parts) and _is_short(_after_sort_key(parts)):
        return "tokens in ascending order, as of a counter or clock"
    if least_distance(parts) < LEAST_DISTANCE:
        return f"two tokens that differ in {least_distance(parts)} characters"
    return _known_hash(parts, issued_at, words)


def _ascending(parts: Sequence[str]) -> bool:
    return list(parts) in (sorted(parts), sorted(parts, reverse=True))


def _after_sort_key(parts: Sequence[str]) -> list[str]:
    """Return the rest of tokens after the characters that sort them: a timestamp may precede the random part."""
    alike = max(_first_difference(*pair) for pair in pairwise(parts))
    return [part[alike + 1 :] for part in parts]


def _first_difference(one: str, other: str) -> int:
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _is_short(parts: Sequence[str]) -> bool:
    return not all(parts) or capacity_bits(parts) < REQUIRED_BITS - 12 or position_bits(parts) < POSITION_BITS


def _known_hash(parts: Sequence[str], issued_at: float, words: Iterable[str]) -> str | None:
    known = {part.lower() for part in parts}
    guesses = [str(number) for number in range(2000)]
    guesses += [str(int(issued_at) + shift) for shift in range(-5, 6)] + list(words)
    for name in ("md5", "sha1", "sha256"):
        for guess in guesses:
            if hashlib.new(name, guess.encode()).hexdigest() in known:
                return f"a token that is the {name} of {worded(guess)}"
    return None
