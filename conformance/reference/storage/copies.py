"""CopyObject, and the parts of it that UploadPartCopy shares."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.base import iso_time
from conformance.reference.storage.call import Call, decoded
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.digests import checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.objects import Objects
from conformance.reference.storage.state import Bucket, StoredObject

SOURCE = "x-amz-copy-source"


@dataclass(frozen=True)
class Source:
    """The source of a copy: bucket, key and object."""

    bucket: str
    key: str
    stored: StoredObject


class Copies(Objects):
    """Copies from one key to another, within an organization."""

    def copy_source(self, call: Call) -> tuple[str, str]:
        """Return bucket and key of x-amz-copy-source, percent-encoded or not; Fault InvalidArgument."""
        path, _, version = call.headers[SOURCE].partition("?")
        if version not in ("", "versionId=null"):
            raise Fault("InvalidArgument", "Invalid version id specified")
        bucket, slash, key = decoded(path, "InvalidArgument").removeprefix("/").partition("/")
        if not bucket or not slash or not key:
            raise Fault("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
        return bucket, self.object_key(key)

    def object_key(self, key: str) -> str:
        """Return the key that a path names, unchanged."""
        return key

    def check_expected_owner(self, call: Call, bucket: Bucket, field: str = "x-amz-expected-bucket-owner") -> None:
        """Refuse a request whose header names another owner than the bucket's."""
        expected = call.headers.get(field)
        if expected is not None and expected not in (bucket.organization, self.owner_id(bucket.organization)):
            raise Fault("AccessDenied")

    async def source(self, call: Call) -> Source:
        """Return the source if its conditions hold; one in another organization's bucket is concealed."""
        bucket_name, key = self.copy_source(call)
        bucket = self.source_bucket_of(call.organization, bucket_name)
        self.check_expected_owner(call, bucket, "x-amz-source-expected-bucket-owner")
        stored = await self.require(bucket, key)
        if not self.source_conditions_hold(Conditions.of(call.headers, "x-amz-copy-source-"), stored):
            raise Fault("PreconditionFailed")
        return Source(bucket.name, key, stored)

    def source_conditions_hold(self, conditions: Conditions, stored: StoredObject) -> bool:
        return self.precondition(conditions, stored, reading=True) is None

    def directive(self, call: Call, name: str) -> bool:
        """Return whether a directive is REPLACE; Fault InvalidArgument if it is neither that nor COPY."""
        given = call.headers.get(name, "COPY")
        if given not in ("COPY", "REPLACE"):
            raise Fault("InvalidArgument", f"Unknown {name}.")
        return given == "REPLACE"

    async def copy_object(self, call: Call, bucket: Bucket) -> Answer:
        self.refuse_unsupported(call)
        self.check_key(call.key)
        source = await self.source(call)
        replaced = self.directive(call, "x-amz-metadata-directive")
        if (source.bucket, source.key) == (bucket.name, call.key) and not self.changes(call, source, replaced):
            raise Fault(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to "
                "itself without changing its metadata or storage class.",
            )
        stored = self.copied(call, source.stored, replaced)
        await self.commit(bucket, call.key, stored, Conditions.of(call.headers))
        return self.document("CopyObjectResult", *self.copy_result(stored.etag, stored.modified, stored.checksums))

    def changes(self, call: Call, source: Source, replaced: bool) -> bool:
        given = call.headers.get("x-amz-storage-class", source.stored.storage_class)
        return replaced or given != source.stored.storage_class

    def copied(self, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        """Return the new object: the source's bytes, with metadata and tags of the source or the request."""
        copy = replace(
            stored,
            modified=self.seconds(),
            storage_class=self.storage_class(call),
            etag=self.copied_etag(stored),
            checksums=self.copied_checksums(stored, self.requested_algorithm(call)),
            checksum_type="FULL_OBJECT",
        )
        if replaced:
            copy = replace(copy, headers=self.system_headers(call), metadata=self.metadata(call))
        if self.directive(call, "x-amz-tagging-directive"):
            copy = replace(copy, tags=self.header_tags(call))
        return copy

    def copied_etag(self, stored: StoredObject) -> str:
        """Return the ETag of a copy, which has no parts even if its source had."""
        return stored.etag if "-" not in stored.etag else hashlib.md5(stored.body).hexdigest()

    def copied_checksums(self, stored: StoredObject, requested: str | None) -> dict[str, str]:
        """Return the source's checksums, recomputed if another algorithm is requested or they were of its parts."""
        if requested is None and stored.checksum_type == "FULL_OBJECT":
            return stored.checksums
        algorithms = stored.checksums if requested is None else {requested}
        return {algorithm: checksum(algorithm, stored.body) for algorithm in algorithms}

    def copy_result(self, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        elements = [xml.element("LastModified", iso_time(modified)), xml.element("ETag", self.quoted(etag))]
        return elements + [xml.element(f"Checksum{name.upper()}", value) for name, value in checksums.items()]
