"""Defects that break the promise "An unsupported operation is rejected, never mistaken for another"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.gateway import Operation
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import crashing, gateway, server_error
from tests.defects.support.storage import done_though_refused, failing

ROWS = (
    row(
        "encryption-key-ignored",
        'S3 User Guide, "Server-side encryption with customer-provided keys": the given key is ignored.',
        "storage/subresource/encryption-key-is-used-or-refused#put,copy",
        refuse_unsupported=lambda original, call: None,
    ),
    row(
        "options-is-server-error",
        "RFC 9110 section 9.3.7: OPTIONS is answered with a 5xx.",
        "storage/subresource/unknown-method-is-refused#options",
        intercept=lambda request: Answer(500) if request.method == "OPTIONS" else None,
    ),
    row(
        "part-numbers-are-server-errors",
        "S3 API Reference, GetObject, partNumber: it is answered with a 5xx.",
        "storage/subresource/missing-part-is-refused",
        "storage/multipart/reads-by-part-number-are-described",
        on_object=failing(lambda call: call.request.method in ("GET", "HEAD") and "partNumber" in call.query),
    ),
    row(
        "unknown-versions-are-server-errors",
        "S3 API Reference, versionId: an unknown version is answered with a 5xx.",
        "storage/subresource/unknown-version-is-refused",
        "storage/subresource/unknown-version-deletes-nothing#malformed",
        on_object=failing(lambda call: call.query.get("versionId", "null") != "null"),
    ),
    row(
        "done-before-its-owner-is-known",
        'S3 User Guide, "Verifying bucket ownership": a request with a wrong expected owner is refused, but done.',
        "storage/subresource/expected-owner-is-checked#abortion,completion,delete,delete-many,part,put",
        answered=done_though_refused(
            "AccessDenied", when=lambda surface, request: "x-amz-expected-bucket-owner" in request.headers
        ),
    ),
    row(
        "protections-are-server-errors",
        "S3 API Reference, PutObject, CopyObject: an unsupported protection is answered with a 5xx.",
        "storage/subresource/encryption-key-is-used-or-refused#put,copy",
        "storage/subresource/encryption-is-used-or-refused",
        "storage/subresource/lock-is-applied-or-refused#put,copy",
        refuse_unsupported=lambda original, call: crashing(lambda: original(call)),
    ),
)


@defect(
    "storage/subresource/expected-owner-is-checked#copy,delete,delete-tags,get,get-tags,head-bucket,list",
    "storage/subresource/expected-owner-is-checked#open-upload,open-uploads,parts",
)
def expected_owner_ignored(check_expected_owner: Any, call: Call, bucket: Bucket, *field: str) -> None:
    """S3 API Reference, x-amz-expected-bucket-owner: it is ignored."""
    return


@defect("storage/subresource/lock-is-applied-or-refused#put,copy")
def lock_passed_over(refuse_unsupported: Any, call: Call) -> None:
    """S3 API Reference, PutObject, x-amz-object-lock-mode: it is ignored."""
    if "x-amz-object-lock-mode" not in call.headers:
        refuse_unsupported(call)


def _unless_unsupported(original: Any, call: Call, instead: Operation, *methods: str) -> Operation:
    """Return the operation of a call, or another one if these methods do not support it."""
    try:
        return original(call)
    except Fault as fault:
        if fault.code != "NotImplemented" or call.request.method not in methods:
            raise
        return instead


@defect(
    "storage/subresource/of-a-bucket-is-no-listing#accelerate,acl,cors,encryption,lifecycle,logging,object-lock",
    "storage/subresource/of-a-bucket-is-no-listing#policy,publicAccessBlock,requestPayment,versioning,website",
)
def subresource_answered_as_listing(bucket_operation: Any, call: Call) -> Operation:
    """S3 API Reference, NotImplemented: an unsupported subresource of a bucket returns the listing."""
    return _unless_unsupported(bucket_operation, call, gateway(bucket_operation).list_objects, "GET")


@defect(
    "storage/subresource/of-a-bucket-is-no-listing#accelerate,notification,ownershipControls,policyStatus",
    "storage/subresource/of-a-bucket-is-no-listing#replication,tagging,versions",
    "storage/subresource/of-an-object-is-not-the-object#acl",
    "storage/subresource/write-never-overwrites-the-object#acl",
    "storage/subresource/delete-never-deletes-the-object#delete-acl,delete-retention",
)
def unknown_subresources_are_server_errors(from_table: Any, table: Any, call: Any, subresources: set[str]) -> Operation:
    """S3 API Reference, NotImplemented: an unsupported subresource is answered with a 5xx."""
    try:
        return from_table(table, call, subresources)
    except Fault as fault:
        raise server_error() if fault.code == "NotImplemented" and subresources else fault from None


@defect(
    "storage/subresource/of-an-object-is-not-the-object#acl,attributes,legal-hold,retention,torrent",
    "storage/subresource/missing-part-is-refused",
)
def subresource_answered_as_object(object_operation: Any, call: Call) -> Operation:
    """S3 API Reference, NotImplemented: an unsupported subresource of an object returns its bytes."""
    return _unless_unsupported(object_operation, call, gateway(object_operation).get_object, "GET", "HEAD")


@defect("storage/subresource/unknown-method-is-refused#patch")
async def patch_is_a_read(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 15.5.6: PATCH is answered as GET."""
    read = replace(call.request, method="GET")
    return await on_object(replace(call, request=read) if call.request.method == "PATCH" else call)


@defect("storage/subresource/unknown-method-is-refused#patch")
async def patch_writes_and_is_refused(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 15.5.6: PATCH is refused, but writes the object."""
    held = gateway(on_object).buckets[call.bucket].objects
    if call.request.method == "PATCH" and call.key in held:
        held[call.key] = replace(held[call.key], body=call.body)
    return await on_object(call)


class VersionOfDeletionPassedOver(Defect):
    """S3 API Reference, DeleteObject, versionId: it is ignored, so that the current object is deleted."""

    noticed_by = ("storage/subresource/unknown-version-deletes-nothing#many,one",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method == "DELETE":
            call.query.pop("versionId", None)
        return await original(call)

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        return None


@defect("storage/subresource/unknown-version-is-not-tagged")
async def unknown_version_tagged_silently(on_object: Any, call: Call) -> Answer:
    """S3 API Reference, PutObjectTagging, versionId: it is ignored, so that the current object is tagged."""
    written = call.request.method == "PUT" and {"tagging", "versionId"} <= set(call.query)
    if written:
        call = replace(call, query={"tagging": ""})
    return await on_object(call)


@defect("storage/subresource/unknown-version-is-not-tagged")
async def tags_reported_for_unknown_versions(on_object: Any, call: Call) -> Answer:
    """S3 API Reference, GetObjectTagging, versionId: it is ignored, so that the current object's tags are returned."""
    query = {name: value for name, value in call.query.items() if name != "versionId"}
    reads = call.request.method == "GET" and "tagging" in call.query
    return await on_object(replace(call, query=query) if reads else call)


@defect("storage/subresource/write-never-overwrites-the-object#acl,encryption,legal-hold,restore,retention")
def subresource_overwrites_object(object_operation: Any, call: Call) -> Operation:
    """S3 API Reference, NotImplemented: a PUT of an unsupported subresource overwrites the object."""
    try:
        return object_operation(call)
    except Fault as fault:
        if fault.code != "NotImplemented" or call.request.method != "PUT":
            raise
        return gateway(object_operation).put_object
