"""Sharding: a stable split of the checks into N parts, by a digest of each id."""

from __future__ import annotations

import hashlib
import re


def parse_shard(text: str) -> tuple[int, int]:
    """``"2/4"`` as (2, 4); ValueError where it is not one of N parts."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard {text}: must be I/N with 1 <= I <= N")
    return int(match[1]), int(match[2])


def in_shard(check_id: str, shard: str) -> bool:
    """Whether a check belongs to a part."""
    part, parts = parse_shard(shard)
    return int.from_bytes(hashlib.sha256(check_id.encode()).digest()[:8]) % parts == part - 1
