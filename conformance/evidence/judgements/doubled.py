"""What stands twice in an answer and may stand there once: which of both counts, each reader decides for itself."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from conformance.evidence.judgements import DETAIL
from conformance.vocabulary.exchange import Exchange

# Fields of one value that say what an answer is and where it leads (RFC 9110 section 5.3); fronts add others.
SINGLE = frozenset(
    ["content-type", "content-range", "location", "content-location", "etag", "last-modified", "retry-after"]
)
OF_REGISTRIES = frozenset(["docker-content-digest", "docker-upload-uuid", "range", "oci-subject"])
FIELD, NAME = "a single-valued header field twice", "a JSON object with a repeated member name"
LARGEST = 65_536


def doubled_field(exchange: Exchange, further: frozenset[str] = frozenset()) -> str:
    """What is wrong where a field of one value stands in several lines, or a ``further`` one; "" where none does."""
    names = [name.lower() for name, _ in exchange.headers]
    if len(names) == len(set(names)):
        return ""
    twice = next((each for each in names if each in SINGLE | further and names.count(each) > 1), "")
    return f"{FIELD}{DETAIL}{twice}" if twice else ""


def doubled_name(exchange: Exchange) -> str:
    """What is wrong where an object of a JSON body has a name twice (RFC 8259 section 4); "" where none has."""
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
