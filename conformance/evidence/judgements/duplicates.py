"""Header fields and JSON members that occur twice: each client decides for itself which one counts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from conformance.evidence.judgements import DETAIL
from conformance.vocabulary.exchange import Exchange

# Single-valued fields of the service itself (RFC 9110 section 5.3); front ends add others.
SINGLE = frozenset(
    ["content-type", "content-range", "location", "content-location", "etag", "last-modified", "retry-after"]
)
OF_REGISTRIES = frozenset(["docker-content-digest", "docker-upload-uuid", "range", "oci-subject"])
FIELD, NAME = "a single-valued header field twice", "a JSON object with a repeated member name"
LARGEST = 65_536


def repeated_field(exchange: Exchange, further: frozenset[str] = frozenset()) -> str:
    """Return the flaw of a response with a repeated single-valued field, or a repeated ``further`` one."""
    names = [name.lower() for name, _ in exchange.headers]
    if len(names) == len(set(names)):
        return ""
    twice = next((each for each in names if each in SINGLE | further and names.count(each) > 1), "")
    return f"{FIELD}{DETAIL}{twice}" if twice else ""


def repeated_member(exchange: Exchange) -> str:
    """Return the flaw of a JSON body in which an object repeats a member name (RFC 8259 section 4)."""
    if not exchange.media_type.endswith("json") or len(exchange.body) > LARGEST:
        return ""
    twice = list[str]()

    def read(pairs: list[tuple[str, Any]]) -> None:
        twice.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)

    try:
        json.loads(exchange.body, object_pairs_hook=read)
    except (ValueError, RecursionError):
        return ""
    return f"{NAME}{DETAIL}{twice[0]!r:.80}" if twice else ""
