"""A run's own part of a provisioned bucket: keys under the run's prefix, all of them removed at the end.

Removal goes by the bucket's listings. If a listing fails or omits objects, it goes by the keys that were written, which
the ledger stores as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from conformance.clients.s3.client import NO_FIELDS, S3, Bucket, Fields
from conformance.clients.s3.sigv4 import Request
from conformance.oracles.s3_documents import lists_uploads, uploads_of
from conformance.oracles.s3_errors import require, xml_root
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import observed
from conformance.sandbox.ledger import Ledger, Left
from conformance.sandbox.names import Names
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import plural

PATIENCE = 5000
"""Pages that clean-up reads before it gives up: a page may have a single name, and a hostile list never ends."""
ONE_BY_ONE = 50
"""Objects of a page that are removed each by itself where several at once are not."""
IN_VAIN = 5
"""Pages in a row with nothing but what was removed before, behind which it gives up too: a stale list, or a lock."""
SAMPLE, WRITERS, PUT_WITHIN_S = 100, 4, 120.0
"""Many objects are put in groups of this size, by this number of threads, within this time."""
PROBES = 200
"""How many of the keys that were written last must be gone for a listing without them to be right."""
STILL_LISTED = "they are still listed after they were deleted"
OBJECT = "object"
"""The kind of a ledger entry that names an object."""
T = TypeVar("T")
MAY_PUT = "a key that may put objects into the bucket"


@dataclass
class Space(Bucket):
    """A bucket in which the suite keeps to names of its own, and notes in the ledger which it writes.

    ``named`` are the keys of requests that may write, ``acknowledged`` those of writes that succeeded. Neither contains
    deleted keys. ``uploads`` are the open ones.
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
        """Make, sign and send a request, and note the key that it writes or deletes."""
        self._note(method, key)
        reply = super().call(method, key, query, headers, body)
        if isinstance(key, str) and (not query or "uploadId" in query):
            self._learn(method, key, query.get("uploadId", ""), reply)
        return reply

    def _learn(self, method: str, key: str, upload: str, reply: Exchange) -> None:
        """Note what a response says of an object or an upload."""
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
        """A request that is not yet signed; the key that it may write is noted."""
        self._note(method, key)
        return super().request(method, key, *more, **fields)

    def delete_many(self, keys: Sequence[str], quiet: bool = False) -> Exchange:
        """DeleteObjects with Content-MD5."""
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
        """A key that no one has used."""
        return self.names.new(hint)

    def prefix(self, hint: str = "objects") -> str:
        """A prefix that no one has used, with a slash at its end."""
        return f"{self.names.new(hint)}/"

    def stored(self, body: bytes = b"stored", headers: Fields = NO_FIELDS, key: str = "") -> str:
        """The key of an object that stands there; Inconclusive where it cannot be put."""
        key = key or self.key()
        put = self.put(key, body, headers)
        require(put, MAY_PUT if put.status in (401, 403) else "a target that stores this object")
        return key

    def stored_all(self, prefix: str, keys: list[str]) -> list[str]:
        """Keys of small objects that stand under a prefix."""
        return [self.stored(key.encode(), key=prefix + key) for key in keys]

    def stored_many(self, keys: list[str]) -> list[str]:
        """The same keys, each of a small object; Inconclusive if all of them would take longer than two minutes."""
        started = time.monotonic()
        for done in range(0, len(keys), SAMPLE):
            took = time.monotonic() - started
            if took * len(keys) > PUT_WITHIN_S * done > 0:
                reason = f"putting {done} objects took {took:.0f} s: {len(keys):,} would take over {PUT_WITHIN_S:.0f} s"
                raise Inconclusive(
                    reason, f"a target that stores {len(keys):,} small objects within {PUT_WITHIN_S:.0f} s"
                )
            with ThreadPoolExecutor(WRITERS) as pool:
                list(pool.map(lambda key: self.stored(key=key), keys[done : done + SAMPLE]))
        return keys

    def opened(self, key: str, headers: Fields = NO_FIELDS) -> str:
        """The id of an open multipart upload to a key, however the answer's document is named."""
        upload = id_of_upload(require(self.create_upload(key, headers), "multipart uploads"))
        self.uploads[key, upload] = None
        return upload

    def part(self, key: str, upload: str, number: int, body: bytes) -> tuple[int, str]:
        """A part that was taken: its number and ETag."""
        reply = require(self.put_part(key, upload, number, body), "multipart uploads")
        return number, reply.headers.get("etag") or ""

    def stored_in_parts(self, pieces: Sequence[bytes], headers: Fields = NO_FIELDS) -> str:
        """The key of an object that a multipart upload made; Inconclusive where it cannot."""
        upload = self.opened(key := self.key("parts"), headers)
        parts = [self.part(key, upload, number, piece) for number, piece in enumerate(pieces, 1)]
        require(self.complete(key, upload, parts), "multipart uploads")
        return key

    @contextmanager
    def removing(self, key: str) -> Iterator[None]:
        """Deletes a key that does not begin as ours do, which clean-up would not find, whatever is found of it."""
        try:
            yield
        finally:
            self.delete(key)

    def clean_up(self) -> list[Left]:
        """Remove every object and open upload under the run's prefix; return what stays, and why."""
        # Both are tried: an upload that cannot be aborted is no reason to leave the objects.
        reasons = [self._repeat(self._remove_uploads), self._repeat(self._remove_objects)]
        left = [*self._still_there(list(self.uploads), lambda each: self.abort(*each), "upload")]
        if reasons[1] or any(self.head(key).ok for key in list(self.acknowledged)[-PROBES:]):
            left += self._still_there(list(self.named), self.delete, OBJECT)
        if not left and STILL_LISTED in reasons:
            left = [(f"objects or uploads under {self.names.prefix} in {self.name}", STILL_LISTED)]
        return left

    def _still_there(self, things: list[T], remove: Callable[[T], Exchange], kind: str) -> Iterator[Left]:
        """Remove objects or uploads by their names, and yield how many stay."""
        with ThreadPoolExecutor(WRITERS) as pool:
            replies = zip(things, pool.map(partial(_answer_to, remove), things), strict=True)
        stay = [(thing, reply) for thing, reply in replies if not _is_gone(reply)]
        if stay:
            last = f"the last deletion is answered {_said(stay[-1][1])}"
            yield f"{plural(len(stay), kind)} under {self.names.prefix} in {self.name}", last

    def _repeat(self, remove_page: Callable[[], set[str]]) -> str:
        """Remove page after page; return "" if nothing is listed any more, else why not."""
        removed, in_vain = set[str](), 0
        try:
            for _ in range(PATIENCE):
                found = remove_page()
                in_vain = in_vain + 1 if found <= removed else 0
                if not found:
                    return ""
                if in_vain == IN_VAIN:
                    break
                removed |= found
        except (Inconclusive, NonConformance) as broken:
            return str(broken)
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
            keys = found_under(self, self.names.prefix, encoding_type="url").keys[:ONE_BY_ONE]
        for key in keys:
            self.delete(key)
        return set(keys)


def space_in(s3: S3, bucket: str, names: Names, ledger: Ledger) -> Space:
    """The run's part of a bucket, removed at the end of the run."""
    space = Space(s3, bucket, names, ledger)
    ledger.created(f"objects under {names.prefix} in {bucket}", space.clean_up)
    return space


def _is_gone(reply: Exchange | Exception) -> bool:
    return not isinstance(reply, Exception) and (reply.ok or reply.status == 404)


def _answer_to(remove: Callable[[T], Exchange], thing: T) -> Exchange | Exception:
    try:
        return remove(thing)
    except (Inconclusive, NonConformance) as failure:
        return failure


def _said(reply: Exchange | Exception) -> str:
    return str(reply) if isinstance(reply, Exception) else str(reply.status)


def id_of_upload(reply: Exchange) -> str:
    """The id of the upload that an answer opened, however its document is named; Inconclusive without one."""
    root = xml_root(reply)
    found = root.findtext(".//UploadId") if root is not None else None
    if not found:
        raise Inconclusive(f"the upload was opened without an upload id: {observed(reply)}", "multipart uploads")
    return found
