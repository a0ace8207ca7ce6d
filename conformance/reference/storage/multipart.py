"""Multipart uploads: create, upload parts and copy them, complete, abort."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import secrets

from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Copies
from conformance.reference.storage.digests import checksum, from_base64
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

SMALLEST_PART = 5 * 1024 * 1024
HIGHEST_PART = 10_000
_COPY_RANGE = re.compile("bytes=([0-9]{1,18})-([0-9]{1,18})")
_PART_NUMBER = re.compile(r"\s*([0-9]{1,5})\s*")
_SEQUENCE = itertools.count(1)


class Multipart(Copies):
    """Operations on multipart uploads, which are not visible under their key before their completion."""

    def checksum_type(self, call: Call, algorithm: str | None) -> str:
        """Return whether the object's checksum is of its bytes or of its parts' checksums."""
        default = "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"
        given = call.headers.get("x-amz-checksum-type", default)
        refused = {"FULL_OBJECT": ("sha1", "sha256"), "COMPOSITE": ("crc64nvme",)}
        if given not in refused or algorithm in refused[given]:
            raise Fault("InvalidRequest", "The checksum type cannot be used with this checksum algorithm.")
        return given

    async def create_upload(self, call: Call, bucket: Bucket) -> Answer:
        self.refuse_unsupported(call)
        self.check_key(call.key)
        algorithm = self.requested_algorithm(call)
        upload = Upload(
            f"{next(_SEQUENCE):012x}{secrets.token_urlsafe(24)}",
            call.key,
            self.seconds(),
            self.system_headers(call),
            self.metadata(call),
            self.header_tags(call),
            self.storage_class(call),
            algorithm,
            self.checksum_type(call, algorithm),
        )
        bucket.uploads[upload.upload_id] = upload
        answer = self.document(
            "InitiateMultipartUploadResult",
            xml.element("Bucket", bucket.name),
            xml.element("Key", call.key),
            xml.element("UploadId", upload.upload_id),
        )
        if algorithm:
            answer.headers["x-amz-checksum-algorithm"] = algorithm.upper()
            answer.headers["x-amz-checksum-type"] = upload.checksum_type
        return answer

    def upload_of(self, call: Call, bucket: Bucket) -> Upload:
        found = bucket.uploads.get(call.query["uploadId"])
        if found is None or not self.upload_is_of_key(found, call.key):
            raise Fault("NoSuchUpload")
        return found

    def upload_is_of_key(self, upload: Upload, key: str) -> bool:
        return upload.key == key

    def part_number(self, call: Call) -> int:
        """Return the part number, from 1 to 10000."""
        given = call.query.get("partNumber", "")
        found = _PART_NUMBER.fullmatch(given)
        if found is None or not self.part_number_allowed(int(found[1])):
            raise Fault("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        return int(found[1])

    def part_number_allowed(self, number: int) -> bool:
        return 1 <= number <= HIGHEST_PART

    async def upload_part(self, call: Call, bucket: Bucket) -> Answer:
        number = self.part_number(call)
        upload = self.upload_of(call, bucket)
        self.refuse_unsupported(call)
        self.require_length(call)
        md5, checksums = self.check_digests(call), self.check_checksum(call)
        if upload.algorithm and set(checksums) - {upload.algorithm}:
            raise Fault("InvalidRequest", "Checksum Type mismatch occurred, expected the upload's algorithm.")
        part = self.new_part(upload, number, call.body, md5, checksums)
        await self.keep_part(upload, part)
        return self.stored_answer(part.etag, part.checksums)

    def new_part(self, upload: Upload, number: int, body: bytes, md5: str, checksums: dict[str, str]) -> Part:
        if upload.algorithm and not checksums:
            checksums = {upload.algorithm: checksum(upload.algorithm, body)}
        return Part(number, body, md5, self.seconds(), checksums)

    async def keep_part(self, upload: Upload, part: Part) -> None:
        """Store a part; it replaces an earlier one with the same number."""
        upload.parts[part.number] = part

    async def copy_part(self, call: Call, bucket: Bucket) -> Answer:
        number = self.part_number(call)
        upload = self.upload_of(call, bucket)
        self.refuse_unsupported(call)
        body = self.copied_range(call, (await self.source(call)).stored)
        part = self.new_part(upload, number, body, hashlib.md5(body).hexdigest(), {})
        await self.keep_part(upload, part)
        return self.document("CopyPartResult", *self.copy_result(part.etag, part.modified, part.checksums))

    def copied_range(self, call: Call, source: StoredObject) -> bytes:
        given = call.headers.get("x-amz-copy-source-range")
        if given is None:
            return source.body
        found = _COPY_RANGE.fullmatch(given)
        if found is None or int(found[2]) < int(found[1]):
            raise Fault("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last.")
        first, last = int(found[1]), int(found[2])
        if last >= source.size:
            raise Fault("InvalidArgument", f"Range specified is not valid for source object of size: {source.size}")
        return source.body[first : last + 1]

    # Completion.

    def listed_parts(self, call: Call) -> list[xml.Node]:
        parts = self.request_document(call.body, "CompleteMultipartUpload").all("Part")
        if not parts or len(parts) > HIGHEST_PART:
            raise Fault("MalformedXML")
        return parts

    def listed_number(self, listed: xml.Node) -> int:
        found = _PART_NUMBER.fullmatch(listed.require("PartNumber"))
        if found is None:
            raise Fault("MalformedXML")
        return int(found[1])

    def chosen_parts(self, upload: Upload, listed: list[xml.Node]) -> list[Part]:
        """Return the parts of the object, which must be in ascending order, unchanged and large enough."""
        numbers = [self.listed_number(each) for each in listed]
        self.check_part_order(numbers)
        chosen = [self.chosen_part(upload, number, each) for number, each in zip(numbers, listed, strict=True)]
        self.check_part_sizes([len(part.body) for part in chosen])
        return chosen

    def check_part_order(self, numbers: list[int]) -> None:
        if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
            raise Fault("InvalidPartOrder")

    def chosen_part(self, upload: Upload, number: int, listed: xml.Node) -> Part:
        """Return the uploaded part; Fault InvalidPart if it is missing, or entity tag or checksum differ."""
        part = upload.parts.get(number)
        if part is None or not self.part_tag_matches(listed.require("ETag"), part):
            raise Fault("InvalidPart")
        for algorithm in ALGORITHMS:
            stated = listed.get(f"Checksum{algorithm.upper()}")
            if stated is not None and not self.part_checksum_matches(algorithm, stated.strip(), part):
                raise Fault("InvalidPart")
        return part

    def part_checksum_matches(self, algorithm: str, stated: str, part: Part) -> bool:
        return stated == (part.checksums.get(algorithm) or checksum(algorithm, part.body))

    def part_tag_matches(self, given: str, part: Part) -> bool:
        return given.strip().strip('"') == part.etag

    def check_part_sizes(self, sizes: list[int]) -> None:
        """Check that every part except the last has at least 5 MiB."""
        if any(size < SMALLEST_PART for size in sizes[:-1]):
            raise Fault("EntityTooSmall")

    def assembled(self, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        body = self.joined(parts)
        expected = call.headers.get("x-amz-mp-object-size")
        if expected is not None and expected != str(len(body)):
            raise Fault("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match the object.")
        return StoredObject(
            body=body,
            etag=self.multipart_etag(parts),
            modified=self.seconds(),
            headers=upload.headers,
            metadata=upload.metadata,
            tags=upload.tags,
            checksums=self.object_checksums(call, upload, parts, body),
            checksum_type=upload.checksum_type,
            storage_class=upload.storage_class,
        )

    def joined(self, parts: list[Part]) -> bytes:
        return b"".join(part.body for part in parts)

    def multipart_etag(self, parts: list[Part]) -> str:
        """Return the MD5 of the parts' MD5s, and the number of parts."""
        return f"{hashlib.md5(b''.join(bytes.fromhex(part.etag) for part in parts)).hexdigest()}-{len(parts)}"

    def object_checksums(self, call: Call, upload: Upload, parts: list[Part], body: bytes) -> dict[str, str]:
        """Return the object's checksum by the upload's algorithm; one stated in the request must be equal."""
        if upload.algorithm is None:
            return {}
        if upload.checksum_type == "FULL_OBJECT":
            computed = checksum(upload.algorithm, body)
        else:
            whole = b"".join(base64.b64decode(part.checksums[upload.algorithm]) for part in parts)
            computed = f"{checksum(upload.algorithm, whole)}-{len(parts)}"
        stated = call.headers.get(f"x-amz-checksum-{upload.algorithm}")
        # In CompleteMultipartUpload this header is about the object, not about the body.
        if stated is not None and stated not in (computed, computed.partition("-")[0]):
            well_formed = from_base64(stated.partition("-")[0], ALGORITHMS[upload.algorithm][1])
            raise Fault("BadDigest" if well_formed else "InvalidRequest")
        return {upload.algorithm: computed}

    async def complete_upload(self, call: Call, bucket: Bucket) -> Answer:
        """Make the object, and end the upload."""
        self.check_digests(call)
        listed = self.listed_parts(call)
        upload = self.upload_of(call, bucket)
        stored = self.assembled(call, upload, self.chosen_parts(upload, listed))
        await self.finish(bucket, upload, stored, Conditions.of(call.headers))
        return self.completed(call, stored)

    async def finish(self, bucket: Bucket, upload: Upload, stored: StoredObject, conditions: Conditions) -> None:
        """Store the object and remove the upload, atomically; if a condition fails, the upload stays."""
        await self.commit(bucket, upload.key, stored, conditions)
        bucket.uploads.pop(upload.upload_id, None)

    def completed(self, call: Call, stored: StoredObject) -> Answer:
        sums = [xml.element(f"Checksum{name.upper()}", value) for name, value in stored.checksums.items()]
        kind = [xml.element("ChecksumType", stored.checksum_type)] if sums else []
        return self.document(
            "CompleteMultipartUploadResult",
            xml.element("Location", call.request.base_url + call.request.raw_path),
            xml.element("Bucket", call.bucket),
            xml.element("Key", call.key),
            xml.element("ETag", self.quoted(stored.etag)),
            *sums,
            *kind,
        )

    async def abort_upload(self, call: Call, bucket: Bucket) -> Answer:
        upload = self.upload_of(call, bucket)
        await self.drop_upload(bucket, upload)
        return Answer(204)

    async def drop_upload(self, bucket: Bucket, upload: Upload) -> None:
        bucket.uploads.pop(upload.upload_id, None)
