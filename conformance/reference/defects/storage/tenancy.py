"""Defects of who may do what: strangers, other organizations, and the buckets themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject


def let_in(original: Any, request: Request, allowed: bool) -> Signer:
    """Lets a caller without any authorization in as the bucket's owner, where ``allowed``."""
    surface = gateway(original)
    bucket = surface.buckets.get(surface.target(request)[0])
    anonymous = "authorization" not in request.headers and "X-Amz-" not in request.query_string
    if allowed and bucket is not None and anonymous:
        return Signer(bucket.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
    signer: Signer = original(request)
    return signer


class AnonymousObjectRead(Defect):
    """Provisioning Storage: objects are reached with the organization's access key, not without."""

    surface = "storage"
    noticed_by = (
        "storage/signature/anonymous-is-refused#get",
        "storage/signature/anonymous-is-refused#head",
        "storage/errors/code-access-denied",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        allowed = request.method in ("GET", "HEAD") and gateway(original).target(request)[1] != ""
        return let_in(original, request, allowed)


class AnonymousToldWhatExists(Defect):
    """API Reference, Error Handling: who may not see a resource does not learn whether it exists."""

    surface = "storage"
    noticed_by = (
        "storage/errors/head-has-no-body#anonymous",
        "storage/signature/signature-is-not-reusable-for-another-body",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault:
            surface = gateway(original)
            name, key = surface.target(request)
            bucket = surface.buckets.get(name)
            if bucket is not None and key and key not in bucket.objects:
                raise Fault("NoSuchKey") from None
            raise
        return signer


class ForeignObjectReadable(Defect):
    """Provisioning Storage: an access key opens the buckets of its own organization only."""

    surface = "storage"
    noticed_by = (
        "storage/service/foreign-bucket-is-refused#get",
        "storage/service/concealed-equals-absent#get",
        "storage/subresource/versions-of-the-null-version",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(call.bucket)
        if bucket is not None and call.request.method in ("GET", "HEAD"):
            return await surface.object_operation(call)(call, bucket)
        answer: Answer = await original(call)
        return answer


class ForeignObjectWritable(Defect):
    """Provisioning Storage: an access key writes to the buckets of its own organization only."""

    surface = "storage"
    noticed_by = (
        "storage/service/foreign-bucket-is-refused#copy-into",
        "storage/service/foreign-bucket-is-refused#delete",
        "storage/service/foreign-bucket-is-refused#put",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(call.bucket)
        if bucket is not None and call.request.method in ("PUT", "DELETE"):
            return await surface.object_operation(call)(call, bucket)
        answer: Answer = await original(call)
        return answer


class ForeignBucketListed(Defect):
    """Provisioning Storage: an access key lists the buckets of its own organization only."""

    surface = "storage"
    noticed_by = (
        "storage/service/foreign-bucket-is-refused#by-an-encoded-letter",
        "storage/service/foreign-bucket-is-refused#list",
        "storage/service/foreign-bucket-is-refused#list-uploads",
        "storage/service/foreign-bucket-is-refused#list-version-1",
        "storage/service/foreign-bucket-is-refused#location",
    )

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(call.bucket)
        if bucket is not None and call.request.method == "GET":
            return await surface.bucket_operation(call)(call, bucket)
        answer: Answer = await original(call)
        return answer


class ForeignVersionsListed(Defect):
    """Provisioning Storage: an access key lists the buckets of its own organization only, their versions as well."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-refused#versions",)

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(call.bucket)
        if bucket is not None and call.request.method == "GET" and "versions" in call.query:
            told = [xml.group("Version", xml.element("Key", key)) for key in bucket.objects]
            return surface.document("ListVersionsResult", *told)
        answer: Answer = await original(call)
        return answer


class ForeignCopySource(Defect):
    """S3 API Reference, CopyObject: who copies must be allowed to read the source."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-source-is-refused",)

    def source_bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        bucket: Bucket = gateway(original).buckets.get(name) or original(organization, name)
        return bucket


class OneBucketAKey(Defect):
    """Provisioning Storage: one access key is shared across all the buckets of an organization."""

    surface = "storage"
    noticed_by = ("storage/service/one-key-opens-all-buckets", "storage/copy/between-buckets")

    def owns(self, original: Any, organization: str, bucket: Bucket) -> bool:
        first = min(each.name for each in gateway(original).buckets.values() if each.organization == organization)
        return bucket.name == first


class BucketMissingFromList(Defect):
    """S3 API Reference, ListBuckets: all the buckets that the caller owns."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed", "interoperability/storage/aws-s3-ls")

    def own_buckets(self, original: Any, organization: str) -> list[Bucket]:
        found: list[Bucket] = original(organization)
        return found[:1]


class BucketsShareObjects(Defect):
    """S3 User Guide, "Buckets overview": a key names an object within its bucket."""

    surface = "storage"
    noticed_by = (
        "storage/service/same-key-in-two-buckets",
        "storage/service/same-key-in-two-buckets#deleted-with-others",
    )

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        every = [each for each in gateway(original).buckets.values() if each.organization == bucket.organization]
        found: StoredObject | None = await original(max(every, key=lambda each: key in each.objects), key)
        return found


class BucketMadeByAnyone(Defect):
    """Provisioning Storage: buckets are provisioned in the portal, not through S3."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-not-self-service",)

    def create_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        if call.bucket not in surface.buckets:
            surface.buckets[call.bucket] = Bucket(call.bucket, call.organization, surface.seconds())
        return Answer(200)


class CreateBucketEmpties(Defect):
    """S3 API Reference, CreateBucket: one that exists already is not made anew."""

    surface = "storage"
    noticed_by = ("storage/service/create-bucket-harms-nothing",)

    def create_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.bucket_of(call.organization, call.bucket)
        surface.buckets[call.bucket] = Bucket(bucket.name, bucket.organization, surface.seconds())
        return Answer(200)


class DeleteBucketDestroys(Defect):
    """S3 API Reference, DeleteBucket: a bucket with objects in it is not deleted, nor are they."""

    surface = "storage"
    noticed_by = ("storage/service/delete-bucket-destroys-nothing",)

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        bucket.objects.clear()
        bucket.keys.clear()
        return Answer(204)


class BoundToOneHost(Defect):
    """RFC 9110 section 7.2: the Host that was asked is the one that was signed, whatever a proxy calls the server."""

    surface = "storage"
    noticed_by = (
        "storage/signature/signed-request-is-served#all-that-is-sent",
        "storage/signature/signed-request-is-served#blanks-are-folded",
        "storage/signature/signed-request-is-served#content-type",
        "storage/signature/signed-request-is-served#date-beside-x-amz-date",
        "storage/signature/signed-request-is-served#default-class",
        "storage/signature/signed-request-is-served#fields-without-blanks",
        "storage/signature/signed-request-is-served#from-a-page",
        "storage/signature/signed-request-is-served#plain",
        "storage/signature/signed-request-is-served#text-with-comma",
    )

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        headers = request.headers.mutablecopy()
        headers["host"] = "gateway.internal"
        text: str = original(replace(request, headers=headers), names)
        return text
