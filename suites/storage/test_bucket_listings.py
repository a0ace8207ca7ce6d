"""ListBuckets with its pages, the location of a bucket, and invalid limits of other lists."""

from __future__ import annotations

import pytest

from conformance.clients.s3.client import S3, Bucket
from conformance.oracles.proofs import field_matches, lacks, literal
from conformance.oracles.s3_documents import buckets_of, expect_dated, expect_document
from conformance.oracles.s3_pages import MOST_OF_BUCKETS, bucket_pages
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Storage
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof
from conformance.vocabulary.wording import some, worded

BUCKETS = {"max-buckets": "many"}
OLD_REGIONS = {"": "us-east-1", "EU": "eu-west-1"}
"""Regions that GetBucketLocation tells by an older name, or by none."""
MOST_PAGES = 10
"""An organization may have many buckets: so many pages tell whether one leads to the next."""


@verifies("storage/service/buckets-are-listed")
def test_buckets_of_the_organization_are_listed(s3: S3, storage: Storage) -> None:
    """Purpose: each provisioned application appears as a bucket, whichever instance of the gateway is asked.

    Method: 1. list the buckets, and go on where there is a ContinuationToken; three times
            2. expect every bucket of the target file among them, each with its date, which ``aws s3 ls`` prints
    """
    for _ in range(3):
        _expect_listed(s3, storage)


def _expect_listed(s3: S3, storage: Storage) -> None:
    missing, read = set(storage.buckets), list[Exchange]()
    for reply, last in bucket_pages(s3):
        expect_dated(reply)
        read.append(reply)
        missing -= set(buckets_of(reply).names)
        if not missing or last:
            break
    if missing and not last:
        raise Inconclusive(f"the list of buckets has more than {MOST_OF_BUCKETS} pages", "an organization of fewer")
    if missing:
        # Of a list that goes on, as it may without what is wrong, a script reads no more.
        there = f"<Buckets>.*<Name>{literal(min(missing))}</Name>|<ContinuationToken>[^<]"
        one = Proof(reply.id, matches=there)
        proof = one if len(read) == 1 else Proof(beyond="it is about the pages of the list together")
        raise NonConformance(f"the buckets {worded(storage.buckets)}", f"missing: {some(missing)}", *read, proof=proof)


@verifies("storage/service/foreign-bucket-is-not-listed")
def test_foreign_bucket_is_not_listed(s3: S3, foreign: Bucket) -> None:
    """Purpose: the listing of buckets shows none of another organization's.

    Method: 1. list the buckets, and go on where there is a ContinuationToken; list those that begin with its name
            2. expect the foreign bucket not to be among them
    """
    for reply in (*(page for page, _ in bucket_pages(s3)), s3.call("GET", query={"prefix": foreign.name})):
        if reply.ok and foreign.name in buckets_of(reply).names:
            proof = lacks(reply, f"<Name>{foreign.name}<")
            raise NonConformance(f"no {foreign.name}", "it is listed", reply, proof=proof)


@verifies("storage/service/buckets-are-listed-page-by-page")
def test_buckets_are_listed_page_by_page(s3: S3, storage: Storage) -> None:
    """Purpose: the pages of the list of buckets have each bucket once; a gateway may have one page of all.

    Method: 1. list the buckets with max-buckets=1, going on from each ContinuationToken, ten pages at most
            2. expect no bucket twice, and after the last page every bucket of the target file
    """
    found: list[str] = []
    for reply, last in bucket_pages(s3, MOST_PAGES, **{"max-buckets": "1"}):
        names = buckets_of(reply).names
        if again := {name for name in names if name in found or names.count(name) > 1}:
            name, told = literal(min(again)), f"{some(again)} again"
            proof = Proof(reply.id, lacks=f"<Name>{name}</Name>.*<Name>{name}<") if min(again) not in found else None
            raise NonConformance("each bucket once, over all pages", told, reply, proof=proof)
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
        proof, expected = field_matches(head, "x-amz-bucket-region", f"^{literal(region)}$"), "the bucket's location"
        raise NonConformance(f"x-amz-bucket-region: {region}, {expected}", told, reply, head, proof=proof)


@verifies("storage/listing/bad-parameters-are-no-server-error")
@pytest.mark.parametrize(
    "query",
    [
        case("max-uploads-word", {"uploads": "", "max-uploads": "many"}),
        case("marker-of-no-upload", {"uploads": "", "key-marker": "cf-", "upload-id-marker": "no-upload-of-yours"}),
        case("max-buckets-word", BUCKETS),
        case("prefix-long", {"list-type": "2", "prefix": "k" * 1100}),
        case("prefix-with-nought", {"list-type": "2", "prefix": "cf-\0"}),
    ],
)
def test_bad_parameter_of_other_lists_is_no_server_error(space: Space, query: dict[str, str]) -> None:
    """Purpose: no parameter of a caller's makes a list of uploads, of buckets or of keys fail on the server's side.

    Method: 1. list with a number that is none, behind an upload that never was, or under what begins no key
            2. expect 200 or a 4xx (501 where it is not offered)
    """
    expect_no_server_error(space.s3.call("GET", "" if query is BUCKETS else space.name, query=query))
