"""One defect for each promise on buckets, signatures and presigned URLs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway

SOME_BUCKET = (
    b"<ListAllMyBucketsResult><Buckets><Bucket><Name>of-another</Name></Bucket></Buckets></ListAllMyBucketsResult>"
)


@defect("storage/service/buckets-are-listed", "interoperability/storage/aws-s3-ls", promise="S3-01", surface="storage")
def bucket_missing_from_list(own_buckets: Any, organization: str) -> list[Bucket]:
    """The list of buckets contains only the first one of the organization."""
    found: list[Bucket] = own_buckets(organization)
    return found[:1]


@defect("storage/service/one-key-opens-all-buckets", "storage/copy/between-buckets", promise="S3-02", surface="storage")
def one_bucket_a_key(owns: Any, organization: str, bucket: Bucket) -> bool:
    """The access key opens only one of the organization's buckets."""
    first = min(each.name for each in gateway(owns).buckets.values() if each.organization == organization)
    return bucket.name == first


@defect("storage/service/foreign-source-is-refused", promise="S3-03", surface="storage")
def foreign_copy_source(source_bucket_of: Any, organization: str, name: str) -> Bucket:
    """An object can be copied from a bucket of another organization."""
    bucket: Bucket = gateway(source_bucket_of).buckets.get(name) or source_bucket_of(organization, name)
    return bucket


@defect(
    "storage/service/absent-bucket-is-refused#copy,create-upload,delete-many,head-bucket,list-uploads,location",
    "storage/service/absent-bucket-is-refused#name-begins-like-ours",
    "interoperability/storage/missing-bucket-fails",
    promise="S3-04",
    surface="storage",
)
def missing_bucket_listed_empty(bucket_of: Any, organization: str, name: str) -> Bucket:
    """A bucket that does not exist is listed as an empty one."""
    try:
        found: Bucket = bucket_of(organization, name)
    except Exception:
        found = Bucket(name, organization, created=0)
    return found


@defect("storage/service/buckets-are-not-self-service", promise="S3-05", surface="storage")
def bucket_made_by_anyone(create_bucket: Any, call: Call) -> Answer:
    """Buckets can be created through S3 instead of only in the portal."""
    surface = gateway(create_bucket)
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


@defect(
    "storage/signature/small-skew-is-served#ten-minutes-ahead,ten-minutes-behind", promise="S3-07", surface="storage"
)
def clock_skew_too_narrow(check_skew: Any, age: float) -> None:
    """A signed request is rejected if the client's clock is ten minutes off."""
    check_skew(age * 5)


@defect("storage/signature/anonymous-list-buckets-is-refused", promise="S3-08", surface="storage")
def buckets_listed_to_anyone(request: Request) -> Answer | None:
    """An unsigned request gets the list of buckets."""
    if request.raw_path != "/" or "authorization" in request.headers:
        return None
    return Answer(200, SOME_BUCKET)


@defect(
    "storage/signature/altered-request-is-refused#query-value-changed",
    "interoperability/storage/wrong-secret-fails",
    promise="S3-09",
    surface="storage",
)
def signature_ignored(signature_matches: Any, given: str, computed: str) -> bool:
    """The gateway does not verify signatures."""
    return True


@defect("storage/streaming/chunks-are-joined#empty-object", promise="S3-10", surface="storage")
def no_chunks_keep_their_framing(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """An empty aws-chunked upload is stored with its chunk framing."""
    stored: StoredObject = new_object(call, md5, checksums)
    unframed = stored.body or call.signer.payload_hash not in STREAMING
    return stored if unframed else replace(stored, body=call.request.body)


@defect("storage/presigned/other-operations-are-served", promise="S3-11", surface="storage")
def lists_by_url_refused(request: Request) -> Answer | None:
    """A presigned URL for a listing is rejected."""
    listed = "list-type=2" in request.query_string and "X-Amz-Signature" in request.query_string
    return Answer(403) if listed else None


@defect("storage/presigned/expiry-is-bounded#over-a-week", promise="S3-12", surface="storage")
def expiry_limit_ignored(expiry: Any, given: str) -> int:
    """A presigned URL may be valid for longer than seven days."""
    seconds: int = int(given) if given.isdecimal() and int(given) > 0 else expiry(given)
    return seconds
