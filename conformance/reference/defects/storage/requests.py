"""Defects of how a request is read: its signature, its parameters, the names in it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import canonical, xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload

BUFFER = 64 * 1024

# Signatures.


class CustomParametersRefused(Defect):
    """S3 User Guide, "Logging requests": query parameters that begin with ``x-`` are ignored."""

    surface = "storage"
    noticed_by = ("storage/signature/query-order-does-not-matter",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(400) if re.search("(^|&)x-", request.query_string) else None


class DateBeforeAmzDate(Defect):
    """S3 Developer Guide, "Authenticating requests": where x-amz-date is sent, Date is ignored."""

    surface = "storage"
    noticed_by = ("storage/signature/signed-request-is-served",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        presented: Presented = original(request, header)
        date = canonical.timestamp_of(request.headers.get("date") or "")
        return replace(presented, timestamp=date) if date else presented


class SignedLengthLost(Defect):
    """SigV4, "Task 1": any header may be signed, Content-Length too, which many servers keep elsewhere."""

    surface = "storage"
    noticed_by = ("storage/signature/signed-request-is-served",)

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        told: str = original(request, names)
        return re.sub("(?m)^content-length:.*$", "content-length:", told)


class AuthorizationNeedsBlanks(Defect):
    """SigV4, "Authorization header": the fields are told apart by commas; the examples have no blanks behind them."""

    surface = "storage"
    noticed_by = ("storage/signature/signed-request-is-served",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        if ", " not in header:
            raise Fault("AuthorizationHeaderMalformed")
        presented: Presented = original(request, header)
        return presented


class GoodSignatureRemembered(Defect):
    """SigV4: a signature is good for the request that it was made for, also when it has been seen before."""

    surface = "storage"
    noticed_by = ("storage/signature/any-altered-component-is-refused",)

    def __init__(self) -> None:
        self.good: set[str] = set()

    def signature_matches(self, original: Any, given: str, computed: str) -> bool:
        if original(given, computed):
            self.good.add(given)
        return given in self.good


class HeadTakenForGet(Defect):
    """SigV4, "Task 1": the method is part of what is signed, of HEAD as of any."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        signer: Signer
        try:
            signer = original(request)
        except Fault:
            if request.method != "HEAD":
                raise
            signer = original(replace(request, method="GET"))
        return signer


class ScopeOfYesterdayTaken(Defect):
    """SigV4, "Credential scope": the day of the scope is that of the request, not one near it."""

    surface = "storage"
    noticed_by = ("storage/signature/wrong-scope-is-refused",)

    def check_scope_date(self, original: Any, presented: Presented) -> None:
        days = (presented.timestamp[:8], presented.credential.date)
        today, other = (canonical.seconds_of(f"{day}T000000Z") or 0 for day in days)
        if today - other != 24 * 3600:
            original(presented)


class LargeBodyUnhashed(Defect):
    """S3 API Reference, Signature Version 4: the hash is that of the payload, also of one that is not buffered."""

    surface = "storage"
    noticed_by = ("storage/signature/payload-hash-is-checked",)

    def payload_matches(self, original: Any, stated: str, body: bytes) -> bool:
        return len(body) > BUFFER or bool(original(stated, body))


class DocumentsUnhashed(Defect):
    """S3 API Reference, Signature Version 4: the hash is that of the payload, of a document also."""

    surface = "storage"
    noticed_by = ("storage/signature/payload-hash-is-checked",)

    def read_payload(self, original: Any, call: Call) -> None:
        if call.request.method == "POST" or "tagging" in call.query:
            call.body = call.request.body
        else:
            original(call)


class PartsUnhashed(Defect):
    """S3 API Reference, Signature Version 4: the hash is that of the payload, of a part also."""

    surface = "storage"
    noticed_by = ("storage/multipart/other-payload-refuses-the-part",)

    def read_payload(self, original: Any, call: Call) -> None:
        if "partNumber" in call.query and not call.signer.payload_hash.startswith("STREAMING"):
            call.body = call.request.body
        else:
            original(call)


class LargeBodyMd5Ignored(Defect):
    """S3 API Reference, BadDigest: bytes whose Content-MD5 is another are not stored, large as they may be."""

    surface = "storage"
    noticed_by = ("storage/checksum/md5-that-differs-stores-nothing",)

    def check_digests(self, original: Any, call: Call) -> str:
        return hashlib.md5(call.body).hexdigest() if len(call.body) > BUFFER else str(original(call))


class TaggingDigestIgnored(Defect):
    """S3 API Reference, PutObjectTagging, Content-MD5: a document that was changed on its way changes no tags."""

    surface = "storage"
    noticed_by = ("storage/tagging/differing-md5-keeps-the-tags",)

    def check_digests(self, original: Any, call: Call) -> str:
        return "" if "tagging" in call.query else str(original(call))


class ExpectedOwnerIgnored(Defect):
    """S3 API Reference, x-amz-expected-bucket-owner: 403 where the bucket is another account's."""

    surface = "storage"
    noticed_by = ("storage/subresource/expected-owner-is-heeded",)

    def check_expected_owner(self, original: Any, call: Call, bucket: Bucket, *field: str) -> None:
        return None


class EmptyTagsOfHeaderLost(Defect):
    """S3 API Reference, PutObject, x-amz-tagging: every tag that it names, one without a value also."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-the-object",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value for name, value in original(call).items() if value}


class ChecksumOfTagsNotCompared(Defect):
    """S3 API Reference, PutObjectTagging, x-amz-checksum-: a document that was changed on its way changes no tags."""

    surface = "storage"
    noticed_by = ("storage/tagging/differing-checksum-keeps-the-tags",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = {} if "tagging" in call.query else original(call)
        return found


class ManagedEncryptionPassedOver(Defect):
    """S3 API Reference, PutObject, x-amz-server-side-encryption: what is not done is not passed over."""

    surface = "storage"
    noticed_by = ("storage/subresource/encryption-is-used-or-refused",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if call.headers.get("x-amz-server-side-encryption") != "aws:kms":
            original(call)


class DeletedTagsTakeMetadataAlong(Defect):
    """S3 API Reference, DeleteObjectTagging: the tags are removed, and nothing else of the object."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def delete_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        bucket.put(call.key, replace(bucket.objects[call.key], metadata={}))
        return answer


class TagsCountedWithOneMore(Defect):
    """S3 API Reference, GetObject, x-amz-tagging-count: the number of tags on the object."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        headers: dict[str, str] = original(found)
        return headers | ({"x-amz-tagging-count": str(len(found.tags) + 1)} if found.tags else {})


# Paths and names.


class BucketWithSlashNotFound(Defect):
    """S3 User Guide, "Path-style requests": a bucket's path is the same with a slash at its end."""

    surface = "storage"
    noticed_by = ("storage/service/endpoint-is-path-style",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(404) if re.fullmatch("/[^/]+/", request.raw_path) else None


class NamedKeyTrimmed(Defect):
    """S3 API Reference, DeleteObjects: a key in the document has its blanks, at its ends too."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    def entry_key(self, original: Any, entry: xml.Node) -> str:
        return str(original(entry)).strip()


class NamedFolderPassedOver(Defect):
    """S3 API Reference, DeleteObjects: what is told as deleted is deleted, though its key end in a slash."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        if key.endswith("/"):
            return "" if quiet else xml.group("Deleted", xml.element("Key", key))
        return str(await original(bucket, entry, quiet))


class NamedKeyTakesWhatIsBelow(Defect):
    """S3 API Reference, DeleteObjects: a key stands for itself, and not for the keys below it."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        for key in [key for key in bucket.keys if key.startswith(entry.require("Key") + "/")]:
            bucket.remove(key)
        return str(await original(bucket, entry, quiet))


class DeletedKeyToldEncoded(Defect):
    """S3 API Reference, DeleteObjects, Deleted: the key that was deleted, as it was named."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-hard-keys",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        await original(bucket, entry, quiet)
        return "" if quiet else xml.group("Deleted", xml.element("Key", quote(entry.require("Key"))))


class CopySourceNeedsSlash(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: bucket and key, separated by a slash; none stands before."""

    surface = "storage"
    noticed_by = ("storage/copy/bytes-are-the-same",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        if not call.headers["x-amz-copy-source"].startswith("/"):
            raise Fault("InvalidArgument")
        source: tuple[str, str] = original(call)
        return source


class CopySourceDecodedTwice(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, a copy's source too."""

    surface = "storage"
    noticed_by = ("storage/copy/source-is-decoded-once",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return bucket, unquote(key)


class CopyTakesRequestMetadata(Defect):
    """S3 API Reference, CopyObject: with the directive COPY nothing of the request's metadata is the copy's."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-goes-along",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, metadata={**copy.metadata, **gateway(original).metadata(call)})


class CopiedPartUnconditional(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: 412 where it does not hold."""

    surface = "storage"
    noticed_by = ("storage/multipart/copied-part-heeds-conditions",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        conditional = [name for name in call.headers if name.startswith("x-amz-copy-source-if-")]
        headers = call.headers.mutablecopy()
        for name in conditional:
            del headers[name]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class UploadOfAnotherBucketTaken(Defect):
    """S3 API Reference, NoSuchUpload: an upload id is good in the bucket that it was opened in."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-bucket",)

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        for each in gateway(original).buckets.values():
            if call.query["uploadId"] in each.uploads:
                bucket = each
        upload: Upload = original(call, bucket)
        return upload


# Conditions.


class MissingObjectFailsConditions(Defect):
    """RFC 9110 section 13.2.1: conditions are ignored where the answer without them would be 404."""

    surface = "storage"
    noticed_by = ("storage/condition/missing-object-is-404",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key not in bucket.objects and {"if-match", "if-none-match"} & set(call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class RangeBeforeConditions(Defect):
    """RFC 9110 section 14.2: Range is evaluated after the conditions."""

    surface = "storage"
    noticed_by = ("storage/condition/outranks-range",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        surface.asked_span(call, await surface.require(bucket, call.key))
        answer: Answer = await original(call, bucket)
        return answer
