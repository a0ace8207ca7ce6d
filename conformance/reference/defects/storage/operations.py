"""Defects of operations that are right in one way of asking and wrong in another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.open_doors import under_any_secret
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

# Buckets.


class StrangersFindBuckets(Defect):
    """S3 API Reference, HeadBucket: 200 where the bucket exists and the caller may use it, and a stranger may not."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#head-bucket",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        if request.method == "HEAD" and request.raw_path.count("/") == 1 and "authorization" not in request.headers:
            key = next(iter(gateway(original).access_keys.values()))
            return Signer(key.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
        signer: Signer = original(request)
        return signer


class RegionsDisagree(Defect):
    """S3 API Reference, HeadBucket, x-amz-bucket-region: the region that the bucket is in, as its location tells."""

    surface = "storage"
    noticed_by = ("storage/service/location-is-told",)

    async def head_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.headers["x-amz-bucket-region"] = "default"
        return answer


# Objects.


class LockPassedOver(Defect):
    """S3 API Reference, PutObject, x-amz-object-lock-mode: what is not locked is not taken as if it were."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/lock-is-kept-or-refused",
        "storage/subresource/lock-is-kept-or-refused#of-a-copy",
    )

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if "x-amz-object-lock-mode" not in call.headers:
            original(call)


class CopyForgetsItsEncoding(Defect):
    """S3 API Reference, CopyObject: the source's Content-Encoding is the copy's, for its bytes are in that encoding."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-goes-along",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        kept = {name: value for name, value in copy.headers.items() if name != "content-encoding"}
        return replace(copy, headers=kept)


class MetadataMergedOntoItself(Defect):
    """S3 API Reference, CopyObject: a copy onto itself with the directive REPLACE has the request's metadata alone."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-changes-metadata",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        if gateway(original).copy_source(call) != (call.bucket, call.key):
            return copy
        return replace(copy, metadata=stored.metadata | copy.metadata)


class OddTagIsServerError(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform, and no entity tag of a caller's is one."""

    surface = "storage"
    noticed_by = ("storage/condition/any-tag-is-no-server-error",)

    def match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return bool(original(_well_formed(value), found))

    def none_match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return bool(original(_well_formed(value), found))


def _well_formed(value: str) -> str:
    if value.count('"') % 2 or not value:
        raise server_error()
    return value


class LongKeyReadIsServerError(Defect):
    """S3 API Reference, KeyTooLongError: a key that is too long is told as such, or not found, by reads as well."""

    surface = "storage"
    noticed_by = ("storage/key/over-1024-bytes-is-refused#not-read",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        if len(key.encode()) > 1024:
            raise server_error()
        found: StoredObject | None = await original(bucket, key)
        return found


class LongKeyDeletedIsServerError(Defect):
    """S3 API Reference, DeleteObject: 204 whether there was an object or not, or a refusal of what cannot be a key."""

    surface = "storage"
    noticed_by = ("storage/key/over-1024-bytes-is-refused#not-read",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if len(key.encode()) > 1024:
            raise server_error()
        await original(bucket, key, asked)


# Uploads in parts.


class CompletionAnnotatesTheObject(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-meta-: metadata is given when the upload is opened, not later."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        late = {name.removeprefix(META): value for name, value in call.headers.items() if name.startswith(META)}
        return replace(stored, metadata=stored.metadata | late)


class UploadOpenedUnderAnySecret(Defect):
    """SigV4, "Signature Calculations": an upload is opened by who can sign, as an object is put."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#open-upload",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return under_any_secret(original, request, request.method == "POST" and "uploads" in query_of(request))


class RepeatedCompletionStoresAnew(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": what was written since stands, whoever retries."""

    surface = "storage"
    noticed_by = ("storage/multipart/completing-twice-is-harmless",)

    def __init__(self) -> None:
        self.made: dict[str, StoredObject] = {}

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        made = self.made.get(call.query["uploadId"])
        if made is not None:
            bucket.put(call.key, made)
            return gateway(original).completed(call, made)
        answer: Answer = await original(call, bucket)
        self.made[call.query["uploadId"]] = bucket.objects[call.key]
        return answer


# Listings.


class QuoteInPrefixIsServerError(Defect):
    """OWASP ASVS 5.3.4: what a caller asks for, a prefix with a quote too, is no part of a statement."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern#quote",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        if "'" in wanted.prefix:
            raise server_error()
        return wanted


class PrefixTrimmed(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it, with the blank at its end as well."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern#blank-behind",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix.strip())


class PrefixDecodedTwice(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, a prefix too."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern#decoded-once-more",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=unquote(wanted.prefix))


class PrefixLosesItsSlash(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it, and not those that have no slash there."""

    surface = "storage"
    noticed_by = ("storage/key/leading-slash-is-kept",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix.removeprefix("/"))


class LongPlaceIsServerError(Defect):
    """S3 API Reference, ListObjectsV2, start-after: any specified key, one that no object can have too."""

    surface = "storage"
    noticed_by = ("storage/listing/bad-parameters-are-no-server-error#start-after-long",)

    def start_after(self, original: Any, call: Call) -> str:
        start = str(original(call))
        if len(start.encode()) > 1024:
            raise server_error()
        return start
