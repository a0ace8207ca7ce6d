"""The size of each object, as all reads and listings of a run state it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.result_documents import local_name
from conformance.evidence.judgements.successes import ENTITY_TAG, STORED
from conformance.vocabulary.exchange import Exchange

ANOTHER_SIZE = "a size of an object that differs from an earlier response"
MOST = 20_000
"""The most object sizes that are stored, whatever a target sends."""
_OF_ITSELF = re.compile(r"(?:(?:X-Amz-|response-)[A-Za-z-]+|x-id|versionId)=.*")
"""Query parameters of a read of the whole object, not of a part or a subresource."""
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
"""Keys that are the same percent-encoded."""
Content = tuple[str, str]
"""Path and ETag."""


class Sizes:
    """The stated sizes by key and ETag: an ETag never identifies two contents (RFC 9110 section 8.8.1)."""

    def __init__(self) -> None:
        self._sizes: dict[Content, str] = {}
        self._lock = threading.Lock()

    def flaw(self, exchange: Exchange, path: str, result: Element | None) -> str:
        """Return the flaw of a response, or of the result in it, that states a different size than an earlier one."""
        sizes = list(_read(exchange, path) if STORED.match(path) else _listed(result, path))
        with self._lock:
            wrong = next((each for each in sizes if self._sizes.get(each[0], each[1]) != each[1]), None)
            before = self._sizes[wrong[0]] if wrong else ""
            for content, size in sizes[: MOST - len(self._sizes)]:
                self._sizes.setdefault(content, size)
        if wrong is None:
            return ""
        return f"{ANOTHER_SIZE}{DETAIL}{wrong[1]} bytes of {wrong[0][0]} under {wrong[0][1]}, not {before}"


def _read(exchange: Exchange, path: str) -> Iterator[tuple[Content, str]]:
    # A content or transfer coding changes the length.
    coded = "content-encoding" in exchange.headers or "transfer-encoding" in exchange.headers
    # The length in a response to HEAD with a Range is that of the range (S3 API Reference, HeadObject, Range).
    ranged = exchange.method == "HEAD" and "range" in exchange.request_headers
    where, _, query = path.partition("?")
    tag, length = exchange.headers.get("etag"), exchange.headers.get("content-length")
    if exchange.method not in ("GET", "HEAD") or exchange.status != 200 or coded or ranged or not tag or not length:
        return
    if query and not all(map(_OF_ITSELF.fullmatch, query.split("&"))):
        return
    if ENTITY_TAG.fullmatch(tag) and _PLAIN.fullmatch(unquote(where)):
        yield (unquote(where), tag.strip('"')), length


def _listed(root: Element | None, path: str) -> Iterator[tuple[Content, str]]:
    if root is None or local_name(root) != "ListBucketResult":
        return
    bucket = unquote(path.partition("?")[0]).rstrip("/")
    for entry in root:
        members = {local_name(each): each.text or "" for each in entry}
        known = local_name(entry) == "Contents" and members.get("ETag") and members.get("Size")
        if known and _PLAIN.fullmatch(members.get("Key", "")):
            yield (f"{bucket}/{members['Key']}", members["ETag"].strip('"')), members["Size"]
