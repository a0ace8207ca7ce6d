"""One defect for each promise on buckets, signatures and presigned URLs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway

SOME_BUCKET = (
    b"<ListAllMyBucketsResult><Buckets><Bucket><Name>of-another</Name></Bucket></Buckets></ListAllMyBucketsResult>"
)


class BucketMissingFromList(Defect):
    """The list of buckets contains only the first one of the organization."""

    surface = "storage"
    promise = "S3-01"
    noticed_by = ("storage/service/buckets-are-listed", "interoperability/storage/aws-s3-ls")

    def own_buckets(self, original: Any, organization: str) -> list[Bucket]:
        found: list[Bucket] = original(organization)
        return found[:1]


class OneBucketAKey(Defect):
    """The access key opens only one of the organization's buckets."""

    surface = "storage"
    promise = "S3-02"
    noticed_by = ("storage/service/one-key-opens-all-buckets", "storage/copy/between-buckets")

    def owns(self, original: Any, organization: str, bucket: Bucket) -> bool:
        first = min(each.name for each in gateway(original).buckets.values() if each.organization == organization)
        return bucket.name == first


class ForeignCopySource(Defect):
    """An object can be copied from a bucket of another organization."""

    surface = "storage"
    promise = "S3-03"
    noticed_by = ("storage/service/foreign-source-is-refused",)

    def source_bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        bucket: Bucket = gateway(original).buckets.get(name) or original(organization, name)
        return bucket


class MissingBucketListedEmpty(Defect):
    """A bucket that does not exist is listed as an empty one."""

    surface = "storage"
    promise = "S3-04"
    noticed_by = (
        "storage/service/absent-bucket-is-refused#copy,create-upload,delete-many,head-bucket,list-uploads,location",
        "storage/service/absent-bucket-is-refused#name-begins-like-ours",
        "interoperability/storage/missing-bucket-fails",
    )

    def bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        try:
            found: Bucket = original(organization, name)
        except Exception:
            found = Bucket(name, organization, created=0)
        return found


class BucketMadeByAnyone(Defect):
    """Buckets can be created through S3 instead of only in the portal."""

    surface = "storage"
    promise = "S3-05"
    noticed_by = ("storage/service/buckets-are-not-self-service",)

    def create_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        if call.bucket not in surface.buckets:
            surface.buckets[call.bucket] = Bucket(call.bucket, call.organization, surface.seconds())
        return Answer(200)


class CommonPrefixesUnsorted(Defect):
    """The common prefixes of a listing are not in order, which confuses aws s3 ls and sync."""

    surface = "storage"
    promise = "S3-06"
    noticed_by = ("storage/sdk/paginator",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.prefixes.reverse()
        return page


class ClockSkewTooNarrow(Defect):
    """A signed request is rejected if the client's clock is ten minutes off."""

    surface = "storage"
    promise = "S3-07"
    noticed_by = ("storage/signature/small-skew-is-served#ten-minutes-ahead,ten-minutes-behind",)

    def check_skew(self, original: Any, age: float) -> None:
        original(age * 5)


class BucketsListedToAnyone(Defect):
    """An unsigned request gets the list of buckets."""

    surface = "storage"
    promise = "S3-08"
    noticed_by = ("storage/signature/anonymous-list-buckets-is-refused",)

    def intercept(self, request: Request) -> Answer | None:
        if request.raw_path != "/" or "authorization" in request.headers:
            return None
        return Answer(200, SOME_BUCKET)


class SignatureIgnored(Defect):
    """The gateway does not verify signatures."""

    surface = "storage"
    promise = "S3-09"
    noticed_by = (
        "storage/signature/altered-request-is-refused#query-value-changed",
        "interoperability/storage/wrong-secret-fails",
    )

    def signature_matches(self, original: Any, given: str, computed: str) -> bool:
        return True


class NoChunksKeepTheirFraming(Defect):
    """An empty aws-chunked upload is stored with its chunk framing."""

    surface = "storage"
    promise = "S3-10"
    noticed_by = ("storage/streaming/chunks-are-joined#empty-object",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        unframed = stored.body or call.signer.payload_hash not in STREAMING
        return stored if unframed else replace(stored, body=call.request.body)


class ListsByUrlRefused(Defect):
    """A presigned URL for a listing is rejected."""

    surface = "storage"
    promise = "S3-11"
    noticed_by = ("storage/presigned/other-operations-are-served",)

    def intercept(self, request: Request) -> Answer | None:
        listed = "list-type=2" in request.query_string and "X-Amz-Signature" in request.query_string
        return Answer(403) if listed else None


class ExpiryLimitIgnored(Defect):
    """A presigned URL may be valid for longer than seven days."""

    surface = "storage"
    promise = "S3-12"
    noticed_by = ("storage/presigned/expiry-is-bounded#over-a-week",)

    def expiry(self, original: Any, given: str) -> int:
        seconds: int = int(given) if given.isdecimal() and int(given) > 0 else original(given)
        return seconds
