"""A run's own corner of a provisioned bucket: keys under the run's prefix, all of them removed at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.clients.s3.client import NO_FIELDS, S3, Bucket, Fields
from conformance.oracles.s3_documents import lists_uploads, uploads_of
from conformance.oracles.s3_errors import require, xml_root
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import observed
from conformance.sandbox.names import Names
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

PATIENCE = 5000
"""Pages that clean-up reads before it gives up: a page may have a single name, and a hostile list never ends."""
ONE_BY_ONE = 50
"""Objects of a page that are removed each by itself where several at once are not."""
IN_VAIN = 5
"""Pages in a row with nothing but what was removed before, behind which it gives up too: a stale list, or a lock."""
SAMPLE, WRITERS, PUT_WITHIN_S = 100, 4, 120.0
"""Many objects are put in groups of this size, by this number of threads, within this time."""
MAY_PUT = "a key that may put objects into the bucket"


@dataclass
class Space(Bucket):
    """A bucket in which the suite keeps to names of its own."""

    names: Names

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
        return id_of_upload(require(self.create_upload(key, headers), "multipart uploads"))

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

    def clean_up(self) -> None:
        """Removes every object and open upload under the run's prefix; Inconclusive where something stays."""
        # Both are tried: an upload that cannot be aborted is no reason to leave the objects.
        gone = [self._repeat(self._remove_uploads), self._repeat(self._remove_objects)]
        if not all(gone):
            raise Inconclusive(f"objects or uploads under {self.names.prefix} in {self.name} cannot be removed")

    def _repeat(self, remove_page: Callable[[], set[str]]) -> bool:
        """Whether nothing is left."""
        removed, in_vain = set[str](), 0
        for _ in range(PATIENCE):
            found = remove_page()
            in_vain = in_vain + 1 if found <= removed else 0
            if not found or in_vain == IN_VAIN:
                return not found
            removed |= found
        return False

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


def space_in(s3: S3, bucket: str, names: Names) -> Space:
    """The run's corner of a bucket."""
    return Space(s3, bucket, names)


def id_of_upload(reply: Exchange) -> str:
    """The id of the upload that an answer opened, however its document is named; Inconclusive without one."""
    root = xml_root(reply)
    found = root.findtext(".//UploadId") if root is not None else None
    if not found:
        raise Inconclusive(f"the upload was opened without an upload id: {observed(reply)}", "multipart uploads")
    return found
