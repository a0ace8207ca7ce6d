"""Registry reads: the digest of the content, and the name and type of lists."""

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
"""Only valid repository names: a proxy may rewrite others."""
REFERRERS = re.compile(r"/v2/.+/referrers/sha256:[0-9a-f]{64}(?:\?.*)?")
PULLED = re.compile(r"/v2/.+/(?:blobs|manifests)/(sha256:[0-9a-f]{64})")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
READ = (200, 206, 304)
LARGEST = 65_536


def digest_flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw of a read by digest that states a different digest.

    A digest of another algorithm may be of the same content (Docker Registry V2, "Digest Header").
    """
    pulled = PULLED.fullmatch(path) if exchange.method in ("GET", "HEAD") and exchange.status in READ else None
    digest = exchange.headers.get("docker-content-digest") or ""
    return f"{ANOTHER_DIGEST}{DETAIL}{digest}" if pulled and DIGEST.fullmatch(digest) and digest != pulled[1] else ""


def list_flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw of a list of tags or referrers with a wrong type or name."""
    if exchange.method != "GET" or exchange.status != 200:
        return ""
    if REFERRERS.fullmatch(path):
        return "" if exchange.media_type == INDEX else NO_INDEX
    requested = TAGS.fullmatch(path)
    if requested is None:
        return ""
    if exchange.media_type != "application/json":
        return NO_JSON
    name = _name_in(exchange)
    return f"{ANOTHER_NAME}{DETAIL}{name!r:.80}" if name not in (requested[1], None) else ""


def _name_in(exchange: Exchange) -> object:
    """Return the name in a list of tags; "" without one, None for a body that is not read."""
    if "content-encoding" in exchange.headers or len(exchange.body) > LARGEST:
        return None
    try:
        document = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return None
    return (document.get("name") or "") if isinstance(document, dict) and "tags" in document else None
