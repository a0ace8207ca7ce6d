"""The state of the gateway: buckets with their objects and open multipart uploads."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StoredObject:
    """An object. ``etag`` is without quotes, ``modified`` in whole seconds since the epoch.

    ``headers`` are the system headers as given, ``metadata`` is by name without ``x-amz-meta-``,
    ``checksums`` are base64 by algorithm, ``checksum_type`` is FULL_OBJECT or COMPOSITE.
    """

    body: bytes
    etag: str
    modified: int
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    checksum_type: str = "FULL_OBJECT"
    storage_class: str = "STANDARD"

    @property
    def size(self) -> int:
        return len(self.body)


@dataclass(frozen=True)
class Part:
    """An uploaded part."""

    number: int
    body: bytes
    etag: str
    modified: int
    checksums: dict[str, str]


@dataclass
class Upload:
    """An open multipart upload; its id grows with time, so that uploads of one key sort by age."""

    upload_id: str
    key: str
    initiated: int
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: dict[str, str]
    storage_class: str
    algorithm: str | None
    checksum_type: str
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass
class Bucket:
    """A provisioned bucket; its keys are in UTF-8 binary order, which is code point order."""

    name: str
    organization: str
    created: int
    objects: dict[str, StoredObject] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def put(self, key: str, stored: StoredObject) -> None:
        if key not in self.objects:
            bisect.insort(self.keys, key)
        self.objects[key] = stored

    def remove(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            del self.keys[bisect.bisect_left(self.keys, key)]
