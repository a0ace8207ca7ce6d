"""Sweep of the target file's buckets: objects and open uploads under names that runs of this suite made.

If a listing of objects fails or omits objects, the sweep uses the keys in the ledgers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from conformance.clients.http import HttpClient
from conformance.clients.s3.client import S3, Bucket
from conformance.clients.s3.sigv4 import Keys
from conformance.oracles.s3_documents import lists_uploads, uploads_of
from conformance.oracles.s3_pages import first_with_entry
from conformance.sandbox.bucket_prefix import OBJECT, PROBES
from conformance.sandbox.ledger import ABSENT
from conformance.sandbox.names import PREFIX, run_of
from conformance.sandbox.swept import Removal, Swept
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

MOST_PAGES = 1000
Item = tuple[str, str]
"""A key, and the upload id of an upload, else ""."""


def sweep_storage(
    http: HttpClient, target: Target, removal: Removal, entries: Iterable[dict[str, Any]]
) -> Iterator[Swept]:
    """Remove objects and uploads of selected runs in every bucket."""
    entries = list(entries)
    described = target.storage
    if described is None:
        return
    keys = Keys(described.access_key.reveal(), described.secret_key.reveal(), described.region)
    for name in described.buckets:
        bucket = S3(http, keys).bucket(name)
        try:
            yield from _swept(bucket, "open uploads", _uploads(bucket), removal)
        except (Inconclusive, NonConformance) as failure:
            yield Swept(f"open uploads in bucket {name}", "stays", str(failure), True)
        named = [each["key"] for each in entries if each.get("kind") == OBJECT and each.get("bucket") == name]
        named = list(dict.fromkeys(filter(removal.ours, named)))
        yield from _objects_removed(bucket, named, removal)


def _objects_removed(bucket: Bucket, named: list[str], removal: Removal) -> Iterator[Swept]:
    """Remove the listed objects; those that ledgers name if the listing fails or omits them."""
    fails = False
    try:
        yield from _swept(bucket, "objects", _objects(bucket), removal)
        if removal.dry or not _existing(bucket, named[-PROBES:]):
            return
    except (Inconclusive, NonConformance):
        fails = True
    yield from _swept(bucket, "unlisted objects", iter([_existing(bucket, named)]), removal)
    if fails:
        # An object whose key breaks the listing may be gone now.
        try:
            yield from _swept(bucket, "objects", _objects(bucket), removal)
        except (Inconclusive, NonConformance) as failure:
            yield Swept(f"objects in bucket {bucket.name} that no ledger names", "stays", str(failure), True)


def _swept(bucket: Bucket, kind: str, pages: Iterator[list[Item]], removal: Removal) -> Iterator[Swept]:
    found: dict[str, int] = defaultdict(int)
    refused: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        for key, upload in page:
            if not removal.ours(key):
                continue
            run = run_of(key) or ""
            found[run] += 1
            reply = None if removal.dry else bucket.abort(key, upload) if upload else bucket.delete(key)
            if reply is not None and not reply.ok and reply.status not in ABSENT:
                refused[run].append(f"{key}: DELETE is answered {reply.status}")
    for run, count in found.items():
        yield removal.done(f"{count} {kind} of run {run} in bucket {bucket.name}", refused[run])


def _existing(bucket: Bucket, keys: list[str]) -> list[Item]:
    """Return the keys that name an object, as far as the gateway answers."""
    return [(key, "") for key in keys if bucket.head(key).status not in ABSENT]


def _objects(bucket: Bucket) -> Iterator[list[Item]]:
    """Yield the keys with the suite's prefix page by page; the next page begins after the last key."""
    last: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        listing = first_with_entry(partial(_page, bucket, last))
        yield [(key, "") for key in listing.keys]
        if not listing.truncated or not listing.keys or listing.keys[-1] == last.get("start_after"):
            return
        last = {"start_after": listing.keys[-1]}


def _page(bucket: Bucket, last: dict[str, str], token: str) -> Exchange:
    reply = bucket.listing(PREFIX, encoding_type="url", **last, **({"continuation_token": token} if token else {}))
    _require(reply, bucket, "objects")
    return reply


def _uploads(bucket: Bucket) -> Iterator[list[Item]]:
    """Yield the open uploads page by page; none if the gateway does not implement the listing."""
    last: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        reply = bucket.list_uploads(PREFIX, encoding_type="url", **last)
        if reply.status in (404, 405, 501) or (reply.ok and not lists_uploads(reply)):
            return
        _require(reply, bucket, "uploads")
        found = uploads_of(reply)
        yield [(each.key, each.upload) for each in found]
        after = {"key_marker": found[-1].key, "upload_id_marker": found[-1].upload} if found else last
        if after == last or b"<IsTruncated>true<" not in reply.body:
            return
        last = after


def _require(reply: Exchange, bucket: Bucket, kind: str) -> None:
    if not reply.ok:
        raise Inconclusive(f"the {kind} of bucket {bucket.name} cannot be listed: {reply.status}")
