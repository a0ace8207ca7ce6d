"""A run's own part of a provisioned bucket: keys under the run's prefix, all removed at the end.

Removal uses the bucket's listings. If a listing fails or omits objects, it uses the keys that the run wrote.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from conformance.clients.concurrency import in_threads
from conformance.clients.s3.client import NO_FIELDS, S3, Bucket, Fields
from conformance.clients.s3.sigv4 import Request
from conformance.oracles.s3_documents import lists_uploads, uploads_of
from conformance.oracles.s3_errors import require, xml_root
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import observed
from conformance.sandbox.ledger import ABSENT, Ledger, Leftover
from conformance.sandbox.names import Names
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import plural

MOST_PAGES = 5000
"""Pages that clean-up reads before it gives up: a page may have a single name, and a hostile list never ends."""
MOST_SINGLE_DELETES = 50
"""Objects of a page that clean-up deletes separately after a multi-object delete."""
MOST_STALE_PAGES = 5
"""Clean-up gives up after so many pages in a row that list only removed names: a stale list, or a lock."""
SAMPLE, WRITERS, PUT_WITHIN_S = 100, 4, 120.0
"""Many objects are put in groups of this size, by this number of threads, within this time."""
PROBES = 200
"""Of the keys that were written last, so many are probed to tell whether a listing omits objects."""
STILL_LISTED = "they are still listed after they were deleted"
OBJECT = "object"
"""The kind of a ledger entry that names an object."""
T = TypeVar("T")
MAY_PUT = "a key that may put objects into the bucket"


@dataclass
class Space(Bucket):
    """A bucket in which the suite uses only its own key prefix, and notes in the ledger the keys that it writes.

    ``named`` are the keys of requests that may write, ``acknowledged`` those of successful writes, both without deleted
    keys. ``uploads`` are open uploads.
    """

    names: Names
    ledger: Ledger = field(default_factory=Ledger)
    named: dict[str, None] = field(default_factory=dict, init=False)
    acknowledged: dict[str, None] = field(default_factory=dict, init=False)
    uploads: dict[tuple[str, str], None] = field(default_factory=dict, init=False)

    def call(
        self,
        method: str,
        key: str | bytes = "",
        query: Fields = NO_FIELDS,
        headers: Fields = NO_FIELDS,
        body: bytes = b"",
    ) -> Exchange:
        """Sign and send a request, and note the key that it writes or deletes."""
        self._note(method, key)
        reply = super().call(method, key, query, headers, body)
        if isinstance(key, str) and (not query or "uploadId" in query):
            self._learn(method, key, query.get("uploadId", ""), reply)
        return reply

    def _learn(self, method: str, key: str, upload: str, reply: Exchange) -> None:
        """Update the known objects and uploads from a response."""
        if method == "DELETE" and _is_gone(reply):
            self._forget(key, upload)
        elif reply.ok and key in self.named and method == ("POST" if upload else "PUT"):
            self.acknowledged[key] = None
            self.uploads.pop((key, upload), None)

    def _forget(self, key: str, upload: str = "") -> None:
        """Forget an object, or an upload to it, that is gone."""
        if upload:
            self.uploads.pop((key, upload), None)
        else:
            self.named.pop(key, None)
            self.acknowledged.pop(key, None)

    def request(self, method: str, key: str | bytes = "", *more: Any, **fields: Any) -> Request:
        """Return an unsigned request, and note the key that it may write."""
        self._note(method, key)
        return super().request(method, key, *more, **fields)

    def delete_many(self, keys: Sequence[str], quiet: bool = False) -> Exchange:
        """Send DeleteObjects with Content-MD5."""
        reply = super().delete_many(keys, quiet)
        for key in keys if reply.ok else ():
            self._forget(key)
        return reply

    def _note(self, method: str, key: str | bytes) -> None:
        if method not in ("PUT", "POST") or not isinstance(key, str) or not key.startswith(self.names.prefix):
            return
        if key not in self.named:
            self.ledger.intends(OBJECT, bucket=self.name, key=key)
            self.named[key] = None

    def key(self, hint: str = "object") -> str:
        """Return an unused key."""
        return self.names.new(hint)

    def prefix(self, hint: str = "objects") -> str:
        """Return an unused prefix that ends with a slash."""
        return f"{self.names.new(hint)}/"

    def stored(self, body: bytes = b"stored", headers: Fields = NO_FIELDS, key: str = "") -> str:
        """Store an object and return its key; Inconclusive if that fails."""
        key = key or self.key()
        put = self.put(key, body, headers)
        require(put, MAY_PUT if put.status in (401, 403) else "a target that stores this object")
        return key

    def readable(self, body: bytes = b"stored", headers: Fields = NO_FIELDS) -> str:
        """Store an object and return its key; Inconclusive if a GET does not return its bytes and user metadata."""
        got = self.get(key := self.stored(body, headers))
        metadata = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
        if got.body != body or any(got.headers.get(name) != value for name, value in metadata.items()):
            raise Inconclusive("a GET does not return the object that the check stored", "a target that stores objects")
        return key

    def stored_all(self, prefix: str, keys: list[str]) -> list[str]:
        """Store small objects under a prefix and return their keys."""
        return [self.stored(key.encode(), key=prefix + key) for key in keys]

    def stored_many(self, keys: list[str]) -> list[str]:
        """Store a small object under each key; Inconclusive if all of them would take longer than two minutes."""
        started = time.monotonic()
        for done in range(0, len(keys), SAMPLE):
            took = time.monotonic() - started
            if took * len(keys) > PUT_WITHIN_S * done > 0:
                reason = f"putting {done} objects took {took:.0f} s: {len(keys):,} would take over {PUT_WITHIN_S:.0f} s"
                raise Inconclusive(
                    reason, f"a target that stores {len(keys):,} small objects within {PUT_WITHIN_S:.0f} s"
                )
            in_threads(lambda key: self.stored(key=key), keys[done : done + SAMPLE], WRITERS)
        return keys

    def opened(self, key: str, headers: Fields = NO_FIELDS) -> str:
        """Open a multipart upload to a key and return its id."""
        upload = id_of_upload(require(self.create_upload(key, headers), "multipart uploads"))
        self.uploads[key, upload] = None
        return upload

    def part(self, key: str, upload: str, number: int, body: bytes) -> tuple[int, str]:
        """Upload a part and return its number and ETag."""
        reply = require(self.put_part(key, upload, number, body), "multipart uploads")
        return number, reply.headers.get("etag") or ""

    def stored_in_parts(self, pieces: Sequence[bytes], headers: Fields = NO_FIELDS) -> str:
        """Store an object by a multipart upload and return its key; Inconclusive if that fails."""
        upload = self.opened(key := self.key("parts"), headers)
        parts = [self.part(key, upload, number, piece) for number, piece in enumerate(pieces, 1)]
        require(self.complete(key, upload, parts), "multipart uploads")
        return key

    @contextmanager
    def removing(self, key: str) -> Iterator[None]:
        """Delete a key without the run's prefix at the end of the context: clean-up would not find it."""
        try:
            yield
        finally:
            self.delete(key)

    def clean_up(self) -> list[Leftover]:
        """Remove every object and open upload under the run's prefix; return the leftovers."""
        # If an upload cannot be aborted, the objects are removed all the same.
        reasons = [self._repeat(self._remove_uploads), self._repeat(self._remove_objects)]
        leftovers = [*self._remove_each(list(self.uploads), lambda each: self.abort(*each), "upload")]
        if reasons[1] or any(self.head(key).ok for key in list(self.acknowledged)[-PROBES:]):
            leftovers += self._remove_each(list(self.named), self.delete, OBJECT)
        if not leftovers and STILL_LISTED in reasons:
            leftovers = [(f"objects or uploads under {self.names.prefix} in {self.name}", STILL_LISTED)]
        return leftovers

    def _remove_each(self, items: list[T], remove: Callable[[T], Exchange], kind: str) -> Iterator[Leftover]:
        """Remove objects or uploads by name, and yield how many stay."""
        replies = in_threads(partial(_reply_or_failure, remove), items, WRITERS)
        refusals = [reply for reply in replies if not _is_gone(reply)]
        if refusals:
            last = refusals[-1]
            answer = str(last) if isinstance(last, Exception) else str(last.status)
            where = f"{plural(len(refusals), kind)} under {self.names.prefix} in {self.name}"
            yield where, f"the last deletion is answered {answer}"

    def _repeat(self, remove_page: Callable[[], set[str]]) -> str:
        """Remove page after page until nothing is listed; return "", or why something is still listed."""
        removed, stale = set[str](), 0
        try:
            for _ in range(MOST_PAGES):
                found = remove_page()
                stale = stale + 1 if found <= removed else 0
                if not found:
                    return ""
                if stale == MOST_STALE_PAGES:
                    break
                removed |= found
        except (Inconclusive, NonConformance) as failure:
            return str(failure)
        return STILL_LISTED

    def _remove_uploads(self) -> set[str]:
        reply = self.list_uploads(self.names.prefix)
        if not lists_uploads(reply):
            return set()
        found = [each for each in uploads_of(reply) if each.key.startswith(self.names.prefix)]
        for each in found:
            self.abort(each.key, each.upload)
        return {each.upload for each in found}

    def _remove_objects(self) -> set[str]:
        keys = found_under(self, self.names.prefix, encoding_type="url").keys
        keys = [key for key in keys if key.startswith(self.names.prefix)]
        if len(keys) > 1:
            self.delete_many(keys)
            keys = found_under(self, self.names.prefix, encoding_type="url").keys[:MOST_SINGLE_DELETES]
        for key in keys:
            self.delete(key)
        return set(keys)


def space_in(s3: S3, bucket: str, names: Names, ledger: Ledger) -> Space:
    """Return the run's part of a bucket, which clean-up empties."""
    space = Space(s3, bucket, names, ledger)
    ledger.created(f"objects under {names.prefix} in {bucket}", space.clean_up)
    return space


def _is_gone(reply: Exchange | Exception) -> bool:
    return not isinstance(reply, Exception) and (reply.ok or reply.status in ABSENT)


def _reply_or_failure(remove: Callable[[T], Exchange], item: T) -> Exchange | Exception:
    try:
        return remove(item)
    except (Inconclusive, NonConformance) as failure:
        return failure


def id_of_upload(reply: Exchange) -> str:
    """Return the upload id in a response, whatever the root element's name; Inconclusive without one."""
    root = xml_root(reply)
    found = root.findtext(".//UploadId") if root is not None else None
    if not found:
        raise Inconclusive(f"the upload was opened without an upload id: {observed(reply)}", "multipart uploads")
    return found
