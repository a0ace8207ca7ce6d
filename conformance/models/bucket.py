"""What a bucket is: a dict from keys to objects, and what each operation does to it.

A model answers what must be; where the contract leaves more than one thing open it says so
(``either``, or several statuses), and the check accepts each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Metadata = tuple[tuple[str, str], ...]
DONE = frozenset(range(200, 300))


@dataclass(frozen=True)
class Stored:
    """An object: its bytes and metadata. Two of equal content are still two: compare with ``is``."""

    body: bytes
    metadata: Metadata = ()


@dataclass
class Upload:
    """A multipart upload under way: the key and metadata that the object will have, and its parts by number.

    ``overtaken``: the key was written or deleted since the upload was opened. What was received in between "might
    take precedence" over the upload (S3 User Guide, "Concurrent multipart upload operations").
    """

    key: str
    metadata: Metadata = ()
    parts: dict[int, bytes] = field(default_factory=dict)
    overtaken: bool = False


@dataclass(frozen=True)
class Page:
    """A whole listing: keys and common prefixes, in order; prefixes in ``either`` may be there or not."""

    keys: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    either: frozenset[str] = frozenset()


class Condition(StrEnum):
    """What a request asks of the object at hand: by its own entity tag, by another one, or by any (``*``)."""

    MATCH_OWN = "if-match: its own"
    MATCH_OTHER = "if-match: another"
    NONE_MATCH_OWN = "if-none-match: its own"
    NONE_MATCH_OTHER = "if-none-match: another"
    NONE_MATCH_ANY = "if-none-match: *"

    @property
    def field(self) -> str:
        """The header field."""
        return self.value.split(":")[0]


WRITES = (Condition.MATCH_OWN, Condition.MATCH_OTHER, Condition.NONE_MATCH_ANY)
"""What a write may ask: S3 knows If-None-Match with ``*`` alone there."""
READS = (Condition.MATCH_OWN, Condition.MATCH_OTHER, Condition.NONE_MATCH_OWN, Condition.NONE_MATCH_OTHER)


def grouped(keys: Sequence[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    """Keys under a prefix, split into those that stand alone and the common prefixes of the others."""
    direct: list[str] = []
    prefixes: list[str] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if not found:
            direct.append(key)
        elif prefix + head + delimiter not in prefixes:
            prefixes.append(prefix + head + delimiter)
    return direct, prefixes


@dataclass
class BucketModel:
    """The objects of a bucket by key, and its open uploads by id."""

    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def put(self, key: str, body: bytes, metadata: Metadata = ()) -> None:
        """PutObject."""
        self._set(key, Stored(body, metadata))

    def _set(self, key: str, stored: Stored | None) -> None:
        for upload in self.uploads.values():
            upload.overtaken |= upload.key == key
        if stored is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = stored

    def get(self, key: str) -> Stored | None:
        """GetObject."""
        return self.objects.get(key)

    def delete(self, *keys: str) -> None:
        """DeleteObject and DeleteObjects: missing keys do not matter."""
        for key in keys:
            self._set(key, None)

    def copy(self, source: str, key: str, replaced: Metadata | None = None) -> bool:
        """CopyObject with its metadata, or with other; False where there is no source, and nothing changes."""
        found = self.objects.get(source)
        if found is None:
            return False
        self.put(key, found.body, found.metadata if replaced is None else replaced)
        return True

    def reading(self, key: str, condition: Condition) -> frozenset[int]:
        """The statuses of a read under a condition; of a missing key either, since which comes first is not said."""
        there = key in self.objects
        if condition is Condition.MATCH_OTHER or (condition is Condition.MATCH_OWN and not there):
            return frozenset({412} if there else {404, 412})
        if not there:
            return frozenset({404})
        return frozenset({304} if condition is Condition.NONE_MATCH_OWN else {200})

    def writing(self, key: str, condition: Condition) -> frozenset[int]:
        """The statuses of a write under a condition; only 2xx changes anything."""
        there = key in self.objects
        if condition is Condition.NONE_MATCH_ANY:
            return frozenset({412}) if there else DONE
        if not there:
            return frozenset({404, 412})
        return DONE if condition is Condition.MATCH_OWN else frozenset({412})

    def open(self, upload: str, key: str, metadata: Metadata = ()) -> None:
        """CreateMultipartUpload: the key is as it was."""
        self.uploads[upload] = Upload(key, metadata)

    def send(self, upload: str, number: int, body: bytes) -> None:
        """UploadPart: the last of one number stands."""
        self.uploads[upload].parts[number] = body

    def complete(self, upload: str, numbers: Sequence[int]) -> list[Stored | None]:
        """CompleteMultipartUpload of some of the parts: the others are gone, and so is the upload.

        Returns what the key may hold then; ``settle`` takes what it does hold.
        """
        done = self.uploads.pop(upload)
        before = self.objects.get(done.key)
        made = Stored(b"".join(done.parts[number] for number in numbers), done.metadata)
        self._set(done.key, made)
        return [made, before] if done.overtaken else [made]

    def settle(self, key: str, possible: Sequence[Stored | None], found: bytes | None) -> bool:
        """Takes the one of these that has the bytes that were found (None: no object); False where none has."""
        matching = [each for each in possible if (each.body if each else None) == found]
        if matching:
            self._set(key, matching[0])
        return bool(matching)

    def abort(self, upload: str) -> None:
        """AbortMultipartUpload: the key is as it was."""
        del self.uploads[upload]

    def listing(self, prefix: str, delimiter: str = "", start_after: str = "") -> Page:
        """Everything that a listing shows, over all of its pages.

        Whether a common prefix counts that holds keys on both sides of ``start_after``, or that
        ``start_after`` lies in, S3 does not say: it is in ``either``.
        """
        keys = [key for key in self.objects if key.encode() > start_after.encode()]
        direct, prefixes = grouped(keys, prefix, delimiter)
        _, all_prefixes = grouped(list(self.objects), prefix, delimiter)
        either = frozenset(each for each in all_prefixes if start_after and start_after.startswith(each))
        return Page(tuple(direct), tuple(prefixes), either)
