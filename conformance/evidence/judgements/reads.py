"""What a registry's reads tell of themselves, whatever was asked: which digest, whose tags, of which type."""

from __future__ import annotations

import json
import re

from conformance.evidence.judgements import DETAIL
from conformance.vocabulary.exchange import Exchange

INDEX = "application/vnd.oci.image.index.v1+json"
ANOTHER_DIGEST, ANOTHER_NAME = "content with a different digest than requested", "a list of tags with a different name"
NO_INDEX, NO_JSON = (
    "a list of referrers without the Content-Type of an index",
    "a list of tags without a JSON Content-Type",
)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
TAGS = re.compile(rf"/v2/({_COMPONENT}(?:/{_COMPONENT})*)/tags/list(?:\?.*)?")
"""Under a name of the grammar: what is none may be taken for another."""
REFERRERS = re.compile(r"/v2/.+/referrers/sha256:[0-9a-f]{64}(?:\?.*)?")
PULLED = re.compile(r"/v2/.+/(?:blobs|manifests)/(sha256:[0-9a-f]{64})")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
READ = (200, 206, 304)
LARGEST = 65_536


def digest_flaw(exchange: Exchange, path: str) -> str:
    """What is wrong with the digest of what was asked for by its digest; "" where nothing is. Another form is let pass.

    What is of another algorithm may be the same (Docker Registry V2, "Digest Header").
    """
    asked = PULLED.fullmatch(path) if exchange.method in ("GET", "HEAD") and exchange.status in READ else None
    digest = exchange.headers.get("docker-content-digest") or ""
    return f"{ANOTHER_DIGEST}{DETAIL}{digest}" if asked and DIGEST.fullmatch(digest) and digest != asked[1] else ""


def list_flaw(exchange: Exchange, path: str) -> str:
    """What is wrong with what a list of tags or referrers says that it is; "" where nothing is."""
    if exchange.method != "GET" or exchange.status != 200:
        return ""
    if REFERRERS.fullmatch(path):
        return "" if exchange.media_type == INDEX else NO_INDEX
    asked = TAGS.fullmatch(path)
    if asked is None:
        return ""
    if exchange.media_type != "application/json":
        return NO_JSON
    name = _name_in(exchange)
    return f"{ANOTHER_NAME}{DETAIL}{name!r:.80}" if name not in (asked[1], None) else ""


def _name_in(exchange: Exchange) -> object:
    """The name that a list tells; None of what cannot be read here, "" where it tells none."""
    if "content-encoding" in exchange.headers or len(exchange.body) > LARGEST:
        return None
    try:
        document = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return None
    return (document.get("name") or "") if isinstance(document, dict) and "tags" in document else None
