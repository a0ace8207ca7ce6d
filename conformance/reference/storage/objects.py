"""Objects: PUT, GET, HEAD, DELETE."""

from __future__ import annotations

import re
from dataclasses import replace

from conformance.reference.http import Answer
from conformance.reference.storage.base import http_time
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import META, Properties
from conformance.reference.storage.ranges import one_range, span
from conformance.reference.storage.state import Bucket, StoredObject

OVERRIDABLE = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
OVERRIDES = {f"response-{name}": name for name in OVERRIDABLE}
_UNSENDABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


class Objects(Properties):
    """Operations on one object."""

    # State. Every read and every write of an object uses these methods.

    async def current(self, bucket: Bucket, key: str) -> StoredObject | None:
        return bucket.objects.get(key)

    async def commit(self, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions) -> None:
        """Store the object, if the conditions hold for the current one, atomically."""
        self.check_write(conditions, bucket.objects.get(key))
        bucket.put(key, stored)

    async def erase(self, bucket: Bucket, key: str, conditions: Conditions) -> None:
        self.check_write(conditions, bucket.objects.get(key))
        bucket.remove(key)

    def check_write(self, conditions: Conditions, found: StoredObject | None) -> None:
        """Evaluate conditions on a write: PreconditionFailed, or NoSuchKey for If-Match without an object."""
        if conditions.match is not None and found is None:
            raise Fault("NoSuchKey")
        if self.precondition(conditions, found, reading=False) is not None:
            raise Fault("PreconditionFailed")

    async def require(self, bucket: Bucket, key: str) -> StoredObject:
        found = await self.current(bucket, key)
        if found is None:
            raise Fault("NoSuchKey")
        return found

    # Writing.

    def require_length(self, call: Call) -> None:
        """Require that the request states the payload's length, by Content-Length or for its chunks."""
        if "content-length" not in call.headers and "x-amz-decoded-content-length" not in call.headers:
            raise Fault("MissingContentLength")

    def new_object(self, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        """Return the object that a PUT describes, without anything of an earlier one."""
        return StoredObject(
            body=call.body,
            etag=md5,
            modified=self.seconds(),
            headers=self.system_headers(call),
            metadata=self.metadata(call),
            tags=self.header_tags(call),
            checksums=checksums,
            storage_class=self.storage_class(call),
        )

    async def put_object(self, call: Call, bucket: Bucket) -> Answer:
        self.refuse_unsupported(call)
        self.check_key(call.key)
        self.require_length(call)
        stored = self.new_object(call, self.check_digests(call), self.check_checksum(call))
        await self.commit(bucket, call.key, stored, Conditions.of(call.headers))
        return self.stored_answer(stored.etag, stored.checksums)

    def stored_answer(self, etag: str, checksums: dict[str, str]) -> Answer:
        answer = Answer(200)
        answer.headers["ETag"] = self.quoted(etag)
        answer.headers.update(self.checksum_headers(checksums))
        return answer

    def quoted(self, etag: str) -> str:
        """Return an entity tag in quotes (RFC 9110 section 8.8.3)."""
        return f'"{etag}"'

    def checksum_headers(self, checksums: dict[str, str]) -> dict[str, str]:
        return {f"x-amz-checksum-{algorithm}": value for algorithm, value in checksums.items()}

    # Reading.

    async def get_object(self, call: Call, bucket: Bucket) -> Answer:
        """Handle GET, and HEAD, which omits the body."""
        self.refuse_unsupported(call)
        overrides = self.overrides(call)
        found = await self.require(bucket, call.key)
        status = self.precondition(Conditions.of(call.headers), found, reading=True)
        if status == 412:
            raise Fault("PreconditionFailed")
        if status == 304:
            return self.not_modified(found)
        return self.object_answer(call, found, overrides)

    def overrides(self, call: Call) -> dict[str, str]:
        """Return the response-* parameters, by the header that they replace."""
        found = {header: call.query[name] for name, header in OVERRIDES.items() if name in call.query}
        for value in found.values():
            if _UNSENDABLE.search(value):
                raise Fault("InvalidArgument", "A response header may not contain control characters.")
        return {name: value.encode().decode("latin-1") for name, value in found.items()}

    def not_modified(self, found: StoredObject) -> Answer:
        """Return 304 with the headers of RFC 9110 section 15.4.5."""
        answer = Answer(304)
        answer.headers.update({"ETag": self.quoted(found.etag), "Last-Modified": http_time(found.modified)})
        for name in {"cache-control", "expires"} & found.headers.keys():
            answer.headers[name] = found.headers[name]
        return answer

    def object_answer(self, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        part = self.requested_span(call, found)
        start, end = part or (0, found.size)
        answer = Answer(206 if part else 200)
        answer.headers.update(self.object_headers(found) | overrides)
        if part:
            answer.headers["Content-Range"] = self.content_range(start, end, found.size)
        elif call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and found.checksums:
            answer.headers.update(self.checksum_headers(found.checksums))
            answer.headers["x-amz-checksum-type"] = found.checksum_type
        answer.body = self.object_body(call, found, start, end)
        answer.headers["Content-Length"] = str(end - start)
        return answer

    def object_body(self, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        if call.request.method == "HEAD":
            return b""
        return found.body if end - start == found.size else found.body[start:end]

    def requested_span(self, call: Call, found: StoredObject) -> tuple[int, int] | None:
        """Return start and end of the requested range; None for the whole object; Fault InvalidRange."""
        requested_range = self.requested_range(call.headers.get("range", ""))
        if requested_range is None or not self.range_condition_holds(call.headers.get("if-range"), found):
            return None
        part = self.span(*requested_range, found.size)
        if part is None:
            raise self.unsatisfiable(found.size)
        return part

    def requested_range(self, value: str) -> tuple[int | None, int | None] | None:
        return one_range(value)

    def span(self, first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
        return span(first, last, size)

    def unsatisfiable(self, size: int) -> Fault:
        return Fault("InvalidRange", headers={"Content-Range": f"bytes */{size}"})

    def content_range(self, start: int, end: int, size: int) -> str:
        return f"bytes {start}-{end - 1}/{size}"

    def object_headers(self, found: StoredObject) -> dict[str, str]:
        headers = {
            "ETag": self.quoted(found.etag),
            "Last-Modified": http_time(found.modified),
            "Accept-Ranges": "bytes",
            **found.headers,
            **{META + name: value for name, value in found.metadata.items()},
        }
        if found.storage_class != "STANDARD":
            headers["x-amz-storage-class"] = found.storage_class
        if found.tags:
            headers["x-amz-tagging-count"] = str(len(found.tags))
        return headers

    # Deleting.

    async def delete_object(self, call: Call, bucket: Bucket) -> Answer:
        """Delete the object; return 204 whether it existed or not."""
        await self.erase(bucket, call.key, Conditions.of(call.headers))
        return Answer(204)

    # Tags.

    async def replace_tags(self, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        bucket.put(key, replace(await self.require(bucket, key), tags=tags))
