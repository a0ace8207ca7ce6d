"""What a bucket is: a dict from keys to objects, and what each operation does to it.

A model answers what must be; where the contract leaves more than one thing open it says so
(``either``), and the check accepts each.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stored:
    """An object: its bytes and metadata."""

    body: bytes
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Page:
    """A whole listing: keys and common prefixes, in order; prefixes in ``either`` may be there or not."""

    keys: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    either: frozenset[str] = frozenset()


def grouped(keys: list[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
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
    """The objects of a bucket by key."""

    objects: dict[str, Stored] = field(default_factory=dict)

    def put(self, key: str, body: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        """PutObject, and the completion of an upload."""
        self.objects[key] = Stored(body, metadata)

    def get(self, key: str) -> Stored | None:
        """GetObject."""
        return self.objects.get(key)

    def delete(self, *keys: str) -> None:
        """DeleteObject and DeleteObjects: missing keys do not matter."""
        for key in keys:
            self.objects.pop(key, None)

    def copy(self, source: str, key: str) -> bool:
        """CopyObject with its metadata; False where there is no source, and nothing changes."""
        if source not in self.objects:
            return False
        self.objects[key] = self.objects[source]
        return True

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
