"""Defects that break the promise "An unsupported operation is rejected, never mistaken for another"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.gateway import Operation
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import _DoneAllTheSame

ROWS = (
    row(
        "encryption-key-ignored",
        (
            'S3 User Guide, "Using server-side encryption with customer-provided keys": never stored as if none '
            "were given."
        ),
        "storage/subresource/encryption-key-is-used-or-refused#put",
        "storage/subresource/encryption-key-is-used-or-refused#copy",
        refuse_unsupported=lambda original, call: None,
    ),
    row(
        "options-is-server-error",
        "RFC 9110 section 9.3.7: OPTIONS may be asked of anything, as browsers do, and is no reason to fail.",
        "storage/subresource/unknown-method-is-refused#options",
        intercept=lambda request: Answer(500) if request.method == "OPTIONS" else None,
    ),
)


class ManagedEncryptionPassedOver(Defect):
    """S3 API Reference, PutObject, x-amz-server-side-encryption: what is not done is not passed over."""

    surface = "storage"
    noticed_by = ("storage/subresource/encryption-is-used-or-refused",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if call.headers.get("x-amz-server-side-encryption") != "aws:kms":
            original(call)


class ProtectionsAreServerErrors(Defect):
    """S3 API Reference, PutObject, CopyObject: protection that is not offered is refused, and no reason to crash."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/encryption-key-is-used-or-refused#put",
        "storage/subresource/encryption-key-is-used-or-refused#copy",
        "storage/subresource/encryption-is-used-or-refused",
        "storage/subresource/lock-is-kept-or-refused#put",
        "storage/subresource/lock-is-kept-or-refused#copy",
    )

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault:
            raise server_error() from None


class DoneBeforeItsOwnerIsKnown(_DoneAllTheSame):
    """S3 User Guide, "Verifying bucket ownership": where the owner is another the request is not done."""

    codes = ("AccessDenied",)
    noticed_by = (
        "storage/subresource/expected-owner-is-heeded#abortion",
        "storage/subresource/expected-owner-is-heeded#completion",
        "storage/subresource/expected-owner-is-heeded#delete",
        "storage/subresource/expected-owner-is-heeded#delete-many",
        "storage/subresource/expected-owner-is-heeded#part",
        "storage/subresource/expected-owner-is-heeded#put",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return "x-amz-expected-bucket-owner" in request.headers


class ExpectedOwnerIgnored(Defect):
    """S3 API Reference, x-amz-expected-bucket-owner: 403 where the bucket is another account's."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/expected-owner-is-heeded#copy",
        "storage/subresource/expected-owner-is-heeded#delete",
        "storage/subresource/expected-owner-is-heeded#delete-tags",
        "storage/subresource/expected-owner-is-heeded#get",
        "storage/subresource/expected-owner-is-heeded#get-tags",
        "storage/subresource/expected-owner-is-heeded#head-bucket",
        "storage/subresource/expected-owner-is-heeded#list",
        "storage/subresource/expected-owner-is-heeded#open-upload",
        "storage/subresource/expected-owner-is-heeded#open-uploads",
        "storage/subresource/expected-owner-is-heeded#parts",
    )

    def check_expected_owner(self, original: Any, call: Call, bucket: Bucket, *field: str) -> None:
        return None


class LockPassedOver(Defect):
    """S3 API Reference, PutObject, x-amz-object-lock-mode: what is not locked is not taken as if it were."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/lock-is-kept-or-refused#put",
        "storage/subresource/lock-is-kept-or-refused#copy",
    )

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if "x-amz-object-lock-mode" not in call.headers:
            original(call)


class SubresourceAnsweredAsListing(Defect):
    """S3 API Reference, NotImplemented: a subresource that is not supported is not answered as something else."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/of-a-bucket-is-no-listing#accelerate",
        "storage/subresource/of-a-bucket-is-no-listing#acl",
        "storage/subresource/of-a-bucket-is-no-listing#cors",
        "storage/subresource/of-a-bucket-is-no-listing#encryption",
        "storage/subresource/of-a-bucket-is-no-listing#lifecycle",
        "storage/subresource/of-a-bucket-is-no-listing#logging",
        "storage/subresource/of-a-bucket-is-no-listing#object-lock",
        "storage/subresource/of-a-bucket-is-no-listing#policy",
        "storage/subresource/of-a-bucket-is-no-listing#publicAccessBlock",
        "storage/subresource/of-a-bucket-is-no-listing#requestPayment",
        "storage/subresource/of-a-bucket-is-no-listing#versioning",
        "storage/subresource/of-a-bucket-is-no-listing#website",
    )

    def bucket_operation(self, original: Any, call: Call) -> Operation:
        try:
            operation: Operation = original(call)
        except Fault as fault:
            if fault.code != "NotImplemented" or call.request.method != "GET":
                raise
            return gateway(original).list_objects
        return operation


class UnknownSubresourcesAreServerErrors(Defect):
    """S3 API Reference, NotImplemented: what is not offered is told as that, and is no reason to crash."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/of-a-bucket-is-no-listing#accelerate",
        "storage/subresource/of-a-bucket-is-no-listing#notification",
        "storage/subresource/of-a-bucket-is-no-listing#ownershipControls",
        "storage/subresource/of-a-bucket-is-no-listing#policyStatus",
        "storage/subresource/of-a-bucket-is-no-listing#replication",
        "storage/subresource/of-a-bucket-is-no-listing#tagging",
        "storage/subresource/of-a-bucket-is-no-listing#versions",
        "storage/subresource/of-an-object-is-not-the-object#acl",
        "storage/subresource/write-never-overwrites-the-object#acl",
        "storage/subresource/delete-never-deletes-the-object#delete-acl",
        "storage/subresource/delete-never-deletes-the-object#delete-retention",
    )

    def from_table(
        self, original: Any, table: dict[tuple[str, str], Operation], call: Call, asked: set[str]
    ) -> Operation:
        try:
            operation: Operation = original(table, call, asked)
        except Fault as fault:
            raise server_error() if fault.code == "NotImplemented" and asked else fault from None
        return operation


class SubresourceAnsweredAsObject(Defect):
    """S3 API Reference, NotImplemented: ``GET ?acl`` and its like are not answered with the object's bytes."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/of-an-object-is-not-the-object#acl",
        "storage/subresource/of-an-object-is-not-the-object#attributes",
        "storage/subresource/of-an-object-is-not-the-object#legal-hold",
        "storage/subresource/of-an-object-is-not-the-object#retention",
        "storage/subresource/of-an-object-is-not-the-object#torrent",
        "storage/subresource/missing-part-is-refused",
    )

    def object_operation(self, original: Any, call: Call) -> Operation:
        try:
            operation: Operation = original(call)
        except Fault as fault:
            if fault.code != "NotImplemented" or call.request.method not in ("GET", "HEAD"):
                raise
            return gateway(original).get_object
        return operation


class PartNumbersAreServerErrors(Defect):
    """S3 API Reference, GetObject, partNumber: a part is read, or the request refused (416 InvalidPartNumber, 501)."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/missing-part-is-refused",
        "storage/multipart/reads-by-part-number-are-described",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method in ("GET", "HEAD") and "partNumber" in call.query:
            raise server_error()
        answer: Answer = await original(call)
        return answer


class PatchIsARead(Defect):
    """RFC 9110 section 15.5.6: a method that an object has not is refused, and not taken for another."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-method-is-refused#patch",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        read = replace(call.request, method="GET")
        answer: Answer = await original(replace(call, request=read) if call.request.method == "PATCH" else call)
        return answer


class PatchWritesAndIsRefused(Defect):
    """RFC 9110 section 15.5.6: a method that is refused as unknown has changed nothing."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-method-is-refused#patch",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        held = gateway(original).buckets[call.bucket].objects
        if call.request.method == "PATCH" and call.key in held:
            held[call.key] = replace(held[call.key], body=call.body)
        answer: Answer = await original(call)
        return answer


class VersionOfDeletionPassedOver(Defect):
    """S3 API Reference, DeleteObject, versionId: the version to delete, and not the present object in its place."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/unknown-version-deletes-nothing#many",
        "storage/subresource/unknown-version-deletes-nothing#one",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method == "DELETE":
            call.query.pop("versionId", None)
        answer: Answer = await original(call)
        return answer

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        return None


class UnknownVersionTaggedUntold(Defect):
    """S3 API Reference, PutObjectTagging, versionId: the version to tag, and not the present object in its place."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-version-is-not-tagged",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        written = call.request.method == "PUT" and {"tagging", "versionId"} <= set(call.query)
        if written:
            call = replace(call, query={"tagging": ""})
        answer: Answer = await original(call)
        return answer


class TagsToldOfUnknownVersions(Defect):
    """S3 API Reference, GetObjectTagging, versionId: the tags of that version, and not of the present object."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-version-is-not-tagged",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        asked = {name: value for name, value in call.query.items() if name != "versionId"}
        reads = call.request.method == "GET" and "tagging" in call.query
        answer: Answer = await original(replace(call, query=asked) if reads else call)
        return answer


class UnknownVersionsAreServerErrors(Defect):
    """S3 API Reference, versionId: an id of no version is the caller's mistake (NoSuchVersion, InvalidArgument)."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/unknown-version-is-refused",
        "storage/subresource/unknown-version-deletes-nothing#malformed",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.query.get("versionId", "null") != "null":
            raise server_error()
        answer: Answer = await original(call)
        return answer


class SubresourceOverwritesObject(Defect):
    """S3 API Reference, NotImplemented: ``PUT ?acl`` and its like never overwrite the object."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/write-never-overwrites-the-object#acl",
        "storage/subresource/write-never-overwrites-the-object#encryption",
        "storage/subresource/write-never-overwrites-the-object#legal-hold",
        "storage/subresource/write-never-overwrites-the-object#restore",
        "storage/subresource/write-never-overwrites-the-object#retention",
    )

    def object_operation(self, original: Any, call: Call) -> Operation:
        try:
            operation: Operation = original(call)
        except Fault as fault:
            if fault.code != "NotImplemented" or call.request.method != "PUT":
                raise
            return gateway(original).put_object
        return operation
