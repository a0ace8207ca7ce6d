"""Defects that break the promise "Buckets of another organization are inaccessible"."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.storage import Storage, xml
from conformance.reference.storage.call import Call, decoded, query_of
from conformance.reference.storage.copies import SOURCE, Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import (
    fields_of,
    key_is_permitted,
    leaving_an_object,
    not_expired,
    signed,
    size_is_permitted,
)


@contextmanager
def opened_to(bucket: Bucket, organization: str) -> Iterator[None]:
    """Assign a bucket to another organization for a while."""
    owner, bucket.organization = bucket.organization, organization
    try:
        yield
    finally:
        bucket.organization = owner


@defect("storage/presigned/opens-no-foreign-bucket#get,list,put")
async def urls_open_foreign_buckets(answered: Any, request: Request) -> Answer:
    """Provisioning Storage: a presigned URL opens another organization's bucket."""
    surface = gateway(answered)
    bucket = surface.buckets.get(surface.target(request)[0])
    if bucket is None or "X-Amz-Signature" not in request.query_string:
        return await answered(request)
    with opened_to(bucket, surface.authenticate(request).organization):
        let_in: Answer = await answered(request)
    return let_in


@defect(
    "storage/service/concealed-equals-absent#copy,create-upload,delete,delete-many,list,list-uploads",
    "storage/service/concealed-equals-absent#list-version-1,location,put",
)
async def concealed_bucket_has_its_own_words(answered: Any, request: Request) -> Answer:
    """API Reference, Error Handling: another organization's bucket gets another message than a missing one."""
    surface = gateway(answered)
    try:
        return await answered(request)
    except Fault as fault:
        if fault.code == "NoSuchBucket" and surface.target(request)[0] in surface.buckets:
            raise Fault("NoSuchBucket", "The specified bucket does not exist in your account.") from None
        raise


class UploadsLookedForInForeignBuckets(Defect):
    """Provisioning Storage: upload ids are looked up in another organization's bucket."""

    noticed_by: ClassVar[tuple[str, ...]] = ("storage/service/foreign-bucket-is-refused#abort,list-parts,put-part",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        bucket = gateway(original).buckets.get(call.bucket)
        if bucket is not None and bucket.organization != call.organization:
            raise self._missing(call)
        return await original(call)

    def _missing(self, call: Call) -> Fault:
        if "uploadId" in call.query:
            return Fault("NoSuchUpload")
        return Fault("AccessDenied")


class ConditionsFirstInForeignBuckets(UploadsLookedForInForeignBuckets):
    """Provisioning Storage: If-Match is evaluated in another organization's bucket."""

    noticed_by = ("storage/service/foreign-bucket-is-refused#put-with-if-match",)

    def _missing(self, call: Call) -> Fault:
        return Fault("NoSuchKey" if "if-match" in call.headers else "AccessDenied")


@defect("storage/service/foreign-bucket-is-refused#bucket-acl")
async def foreign_access_list_reported(on_bucket: Any, call: Call) -> Answer:
    """Provisioning Storage: another organization's access control list can be read."""
    surface = gateway(on_bucket)
    if call.request.method == "GET" and "acl" in call.query and call.bucket in surface.buckets:
        return surface.document("AccessControlPolicy")
    return await on_bucket(call)


@defect("storage/service/foreign-bucket-is-refused#double-slash")
async def foreign_bucket_after_two_slashes(answered: Any, request: Request) -> Answer:
    """API Reference, Error Handling: two slashes before another organization's bucket open it."""
    surface, name = gateway(answered), request.raw_path.removeprefix("//")
    bucket = surface.buckets.get(name) if name != request.raw_path else None
    if bucket is not None and request.method == "GET":
        call = Call(request, surface.authenticate(request), name, "", query_of(request))
        return await surface.bucket_operation(call)(call, bucket)
    return await answered(request)


class ForeignHeadsAnswered(Defect):
    """Provisioning Storage: HEAD is answered for objects of another organization's bucket, other requests with 403."""

    noticed_by = ("storage/service/foreign-bucket-is-refused#head",)

    def no_such_bucket(self, original: Any) -> Fault:
        return Fault("AccessDenied")

    async def on_object(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(call.bucket)
        if bucket is not None and call.request.method == "HEAD":
            return await surface.object_operation(call)(call, bucket)
        return await original(call)


def stored_by(surface: Storage, request: Request, fields: dict[str, str]) -> Answer:
    """Return the response to a form whose file is stored."""
    body = fields["file"].encode("latin-1")
    surface.buckets[surface.target(request)[0]].put(fields["key"], StoredObject(body, "0" * 32, surface.seconds()))
    return Answer(204)


class _FormPolicyNotRead(Defect):
    """SigV4, "Browser-based uploads using POST": the policy of a form is not checked."""

    async def answered(self, original: Any, request: Request) -> Answer:
        fields, surface = fields_of(request), gateway(original)
        if "policy" in fields:
            if not signed(surface, fields):
                raise Fault("SignatureDoesNotMatch")
            if not self._permits(surface, request, fields):
                raise Fault("AccessDenied")
            return stored_by(surface, request, fields)
        return await original(request)

    def _permits(self, surface: Storage, request: Request, fields: dict[str, str]) -> bool:
        return True


class FormsIntoForeignBuckets(_FormPolicyNotRead):
    """Provisioning Storage: a form uploads to another organization's bucket."""

    noticed_by = ("storage/service/foreign-bucket-is-refused#by-a-form",)

    def _permits(self, surface: Storage, request: Request, fields: dict[str, str]) -> bool:
        policy, bucket = json.loads(base64.b64decode(fields["policy"])), surface.target(request)[0]
        named = {"bucket": bucket} in policy["conditions"]
        return (
            named
            and not_expired(policy, surface.now())
            and size_is_permitted(policy, fields)
            and key_is_permitted(policy, fields)
        )


def _as_the_owner(original: Any, call: Call) -> Call:
    """Return the call as if the bucket's organization had signed it."""
    bucket = gateway(original).buckets.get(call.bucket)
    return replace(call, signer=replace(call.signer, organization=bucket.organization)) if bucket else call


@defect("storage/service/foreign-bucket-is-refused#copy")
async def copies_within_foreign_buckets(on_object: Any, call: Call) -> Answer:
    """Provisioning Storage: copies within another organization's bucket are made."""
    return await on_object(_as_the_owner(on_object, call) if "x-amz-copy-source" in call.headers else call)


class ForeignBucketByItsHost(Defect):
    """API Reference, Error Handling: another organization's bucket opens if the Host field names it."""

    noticed_by = ("storage/service/foreign-bucket-is-refused#by-host-name,by-host-name-v1",)
    named = ""

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        self.named = request.headers.get("host", "").partition(".")[0]
        if self.named in gateway(original).buckets:
            return self.named, decoded(request.raw_path).removeprefix("/")
        return original(request)

    def bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        return gateway(original).buckets[name] if name == self.named else original(organization, name)


async def _without_access_check(on_object: Any, call: Call, *methods: str) -> Answer:
    """Run the operation on any organization's bucket, for these methods."""
    surface = gateway(on_object)
    bucket = surface.buckets.get(call.bucket)
    if bucket is not None and call.request.method in methods:
        return await surface.object_operation(call)(call, bucket)
    return await on_object(call)


@defect(
    "storage/service/foreign-bucket-is-refused#get",
    "storage/service/concealed-equals-absent#get",
    "storage/subresource/unknown-version-is-refused",
)
async def foreign_object_readable(on_object: Any, call: Call) -> Answer:
    """Provisioning Storage: objects of another organization can be read."""
    return await _without_access_check(on_object, call, "GET", "HEAD")


@defect("storage/service/foreign-bucket-is-refused#copy-into,delete,put")
async def foreign_object_writable(on_object: Any, call: Call) -> Answer:
    """Provisioning Storage: objects of another organization can be written."""
    return await _without_access_check(on_object, call, "PUT", "DELETE")


@defect("storage/service/foreign-bucket-is-refused#encoded-letter,list,list-uploads,list-version-1,location")
async def foreign_bucket_listed(on_bucket: Any, call: Call) -> Answer:
    """Provisioning Storage: another organization's bucket can be listed."""
    surface = gateway(on_bucket)
    bucket = surface.buckets.get(call.bucket)
    if bucket is not None and call.request.method == "GET":
        return await surface.bucket_operation(call)(call, bucket)
    return await on_bucket(call)


@defect("storage/service/foreign-bucket-is-refused#versions")
async def foreign_versions_listed(on_bucket: Any, call: Call) -> Answer:
    """Provisioning Storage: the versions in another organization's bucket can be listed."""
    surface = gateway(on_bucket)
    bucket = surface.buckets.get(call.bucket)
    if bucket is not None and call.request.method == "GET" and "versions" in call.query:
        versions = [xml.group("Version", xml.element("Key", key)) for key in bucket.objects]
        return surface.document("ListVersionsResult", *versions)
    return await on_bucket(call)


class ForeignSourceEncodedWhole(Defect):
    """S3 API Reference, CopyObject: a fully percent-encoded source opens another organization's bucket."""

    noticed_by = ("storage/service/foreign-source-is-refused",)
    encoded = False

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        self.encoded = "/" not in call.headers[SOURCE]
        bucket, key = original(call)
        return str(bucket), str(key)

    def source_bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        found = gateway(original).buckets.get(name) if self.encoded else None
        return found or original(organization, name)


@defect("storage/service/foreign-source-is-refused", "storage/key/traversal-reaches-no-other-bucket#copied")
async def refused_copy_leaves_an_object(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject: a refused copy creates an empty object."""
    return await leaving_an_object(copy_object, call, bucket)


@defect("storage/service/foreign-source-of-a-part-is-refused")
async def part_of_foreign_bucket(source: Any, call: Call) -> Source:
    """S3 API Reference, UploadPartCopy: a part can be copied from another organization's bucket."""
    surface = gateway(source)
    bucket = surface.buckets.get(surface.copy_source(call)[0])
    if bucket is not None and "uploadId" in call.query:
        call = replace(call, signer=replace(call.signer, organization=bucket.organization))
    return await source(call)


@defect("storage/service/foreign-tags-are-refused#deleted,read,written")
async def foreign_tags_open(on_object: Any, call: Call) -> Answer:
    """Provisioning Storage: the tags in another organization's bucket can be read."""
    bucket = gateway(on_object).buckets.get(call.bucket)
    if bucket is None or "tagging" not in call.query:
        return await on_object(call)
    with opened_to(bucket, call.organization):
        let_in: Answer = await on_object(call)
    return let_in


@defect("storage/service/foreign-objects-are-not-revealed#condition,head")
async def head_reveals_foreign_objects(on_object: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a refused HEAD reveals whether another organization's object exists."""
    surface = gateway(on_object)
    bucket = surface.buckets.get(call.bucket)
    is_head = call.request.method == "HEAD"
    if is_head and bucket and not surface.owns(call.organization, bucket) and call.key in bucket.objects:
        raise Fault("AccessDenied")
    return await on_object(call)
