"""What is told of buckets: their list, page by page, and where one is."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.storage import S3
from conformance.oracles.s3_documents import buckets_of, expect_document
from conformance.sandbox.space import Space
from conformance.target.description import Storage
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import some, worded

OLD_REGIONS = {"": "us-east-1", "EU": "eu-west-1"}
"""Regions that GetBucketLocation tells by an older name, or by none."""
MOST_PAGES = 10
"""An organization may have many buckets: so many pages tell whether one leads to the next."""


def _pages(s3: S3) -> Iterator[tuple[Exchange, bool]]:
    """The pages of the list, one bucket each where the gateway pages it, and whether each is the last one."""
    token = ""
    for _ in range(MOST_PAGES):
        reply = s3.call("GET", query={"max-buckets": "1", **({"continuation-token": token} if token else {})})
        token = expect_document(reply, "ListAllMyBucketsResult").findtext("ContinuationToken") or ""
        yield reply, not token
        if not token:
            return


@verifies("storage/service/buckets-are-listed-page-by-page")
def test_buckets_are_listed_page_by_page(s3: S3, storage: Storage) -> None:
    """Purpose: the pages of the list of buckets have each bucket once; a gateway may have one page of all.

    Method: 1. list the buckets with max-buckets=1, going on from each ContinuationToken, ten pages at most
            2. expect no bucket twice, and after the last page every bucket of the target file
    """
    found: list[str] = []
    for reply, last in _pages(s3):
        names = buckets_of(reply).names
        if again := set(names) & set(found):
            raise NonConformance("each bucket once", f"{some(again)} on a later page again", reply)
        found += names
        if last and (missing := set(storage.buckets) - set(found)):
            raise NonConformance(f"the buckets {worded(storage.buckets)}", f"missing: {some(missing)}", reply)


@verifies("storage/service/location-is-told")
def test_bucket_location_is_told(space: Space) -> None:
    """Purpose: a client can ask where a bucket is.

    Method: 1. GetBucketLocation, and HEAD the bucket
            2. expect 200 and a LocationConstraint; of HEAD the same region, where it tells one
    """
    reply, head = space.call("GET", query={"location": ""}), space.call("HEAD")
    constraint = (expect_document(reply, "LocationConstraint").text or "").strip()

    region, told = OLD_REGIONS.get(constraint, constraint), head.headers.get("x-amz-bucket-region") or ""
    if told and told != region:
        raise NonConformance(f"x-amz-bucket-region: {region}, the bucket's location", told, reply, head)
