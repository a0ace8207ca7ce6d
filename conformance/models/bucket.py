"""A model of a bucket: a dict from keys to objects, and the effect of each operation.

If the contract permits several results, the model returns them all (``either``, several statuses).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Metadata = tuple[tuple[str, str], ...]
DONE = frozenset(range(200, 300))


@dataclass(frozen=True)
class Stored:
    """An object: its bytes and metadata. Objects of equal content are different: compare with ``is``."""

    body: bytes
    metadata: Metadata = ()


@dataclass
class Upload:
    """An open multipart upload: the key and metadata of its object, and its parts by number.

    ``overtaken``: the key was written or deleted since the upload was opened. Such a write "might take precedence"
    (S3 User Guide, "Concurrent multipart upload operations").
    """

    key: str
    metadata: Metadata = ()
    parts: dict[int, bytes] = field(default_factory=dict)
    overtaken: bool = False


@dataclass(frozen=True)
class Page:
    """A whole listing: keys and common prefixes, in order; prefixes in ``either`` are optional."""

    keys: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    either: frozenset[str] = frozenset()


class Condition(StrEnum):
    """The precondition of a request: by the object's ETag, by another one, or by any (``*``)."""

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
"""The preconditions of writes: S3 supports If-None-Match only with ``*``."""
READS = (Condition.MATCH_OWN, Condition.MATCH_OTHER, Condition.NONE_MATCH_OWN, Condition.NONE_MATCH_OTHER)


def grouped(keys: Sequence[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    """Return the keys under a prefix: those without a further delimiter, and the common prefixes of the others."""
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
        """CopyObject with its own or other metadata; return False without a source."""
        found = self.objects.get(source)
        if found is None:
            return False
        self.put(key, found.body, found.metadata if replaced is None else replaced)
        return True

    def read_statuses(self, key: str, condition: Condition) -> frozenset[int]:
        """Return the permitted statuses of a conditional read; 404 and 412 may take precedence for a missing key."""
        exists = key in self.objects
        if condition is Condition.MATCH_OTHER or (condition is Condition.MATCH_OWN and not exists):
            return frozenset({412} if exists else {404, 412})
        if not exists:
            return frozenset({404})
        return frozenset({304} if condition is Condition.NONE_MATCH_OWN else {200})

    def write_statuses(self, key: str, condition: Condition) -> frozenset[int]:
        """Return the permitted statuses of a conditional write; only 2xx has an effect."""
        exists = key in self.objects
        if condition is Condition.NONE_MATCH_ANY:
            return frozenset({412}) if exists else DONE
        if not exists:
            return frozenset({404, 412})
        return DONE if condition is Condition.MATCH_OWN else frozenset({412})

    def open(self, upload: str, key: str, metadata: Metadata = ()) -> None:
        """CreateMultipartUpload, which does not change the key."""
        self.uploads[upload] = Upload(key, metadata)

    def send(self, upload: str, number: int, body: bytes) -> None:
        """UploadPart; the last part of a number counts."""
        self.uploads[upload].parts[number] = body

    def complete(self, upload: str, numbers: Sequence[int]) -> list[Stored | None]:
        """CompleteMultipartUpload with some of the parts.

        Return the objects that the key may have then; ``settle`` selects the actual one.
        """
        done = self.uploads.pop(upload)
        before = self.objects.get(done.key)
        stored = Stored(b"".join(done.parts[number] for number in numbers), done.metadata)
        self._set(done.key, stored)
        return [stored, before] if done.overtaken else [stored]

    def settle(self, key: str, possible: Sequence[Stored | None], found: bytes | None) -> bool:
        """Store the possible object with the observed bytes (None: no object); return whether there is one."""
        matching = [each for each in possible if (each.body if each else None) == found]
        if matching:
            self._set(key, matching[0])
        return bool(matching)

    def abort(self, upload: str) -> None:
        """AbortMultipartUpload, which does not change the key."""
        del self.uploads[upload]

    def listing(self, prefix: str, delimiter: str = "", start_after: str = "") -> Page:
        """Return all pages of a listing together.

        S3 does not say whether a listing contains the common prefix of ``start_after``, so it is in ``either``.
        """
        keys = [key for key in self.objects if key.encode() > start_after.encode()]
        direct, prefixes = grouped(keys, prefix, delimiter)
        _, all_prefixes = grouped(list(self.objects), prefix, delimiter)
        either = frozenset(each for each in all_prefixes if start_after and start_after.startswith(each))
        return Page(tuple(direct), tuple(prefixes), either)
