"""S3 result documents are well-formed and match their request."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.result_documents import (
    ANOTHER_LIST,
    ANOTHER_UPLOAD,
    INCOMPLETE,
    MALFORMED,
    TWICE,
    read_result,
    result_flaws,
)
from conformance.vocabulary.exchange import Exchange, Headers

LISTED, UPLOADS = "/b?list-type=2&prefix=a%20b%2B&delimiter=%2F", "/b?uploads&prefix=A"
PARTS = "/b/k%C3%A9?uploadId=u1"
OF_UPLOADS, COMPLETED = "ListMultipartUploadsResult", "CompleteMultipartUploadResult"


def told_of(reply: Exchange, path: str) -> list[str]:
    result = read_result(reply)
    return [] if result is None else list(result_flaws(reply, path, result))


def flaws(path: str, body: str, status: int = 200, media_type: str = "text/xml; charset=utf-8") -> list[str]:
    content, told = body.encode(), Headers([("content-type", media_type)] if media_type else [])
    reply = Exchange("x-1", "GET", f"http://h{path}", Headers([]), b"", status, told, content, 0.0, 0.0)
    return [each for each in told_of(reply, path) if not each.startswith(INCOMPLETE)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (LISTED, "<ListBucketResult><Name>b</Name><Prefix>a b+</Prefix><Delimiter>/</Delimiter></ListBucketResult>"),
        (LISTED, '<?xml version="1.0"?>\n<ListBucketResult><Prefix>a+b%2B</Prefix></ListBucketResult>'),
        (LISTED, "<ListBucketResult><Prefix>a%20b%2B</Prefix><Prefix/></ListBucketResult"),
        ("/b?prefix=", "<ListBucketResult><Prefix/><Contents/><Contents/></ListBucketResult>"),
        (LISTED, '<ListBucketResult xmlns:x="urn:x"><Name>b</Name><x:Name>c</x:Name></ListBucketResult>'),
        (LISTED, "<!DOCTYPE ListBucketResult><ListBucketResult><Name>c</Name></ListBucketResult>"),
        (LISTED, "<html><Name/><Name/></html>"),
        ("/b?prefix=a&prefix=b", "<ListBucketResult><Prefix>b</Prefix></ListBucketResult>"),
        ("/b?prefix=%0D", "<ListBucketResult><Prefix>\n</Prefix></ListBucketResult>"),
        ("/b?prefix=", "<ListBucketResult><IsTruncated> true </IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"),
        ("/b?max-keys=0", "<ListBucketResult><MaxKeys>1000</MaxKeys></ListBucketResult>"),
        ("/b?max-keys=2000", "<ListBucketResult><MaxKeys>1000</MaxKeys></ListBucketResult>"),
        ("/b//k?uploadId=u1", "<ListPartsResult><Key>k</Key></ListPartsResult>"),
        (PARTS, "<ListPartsResult><Bucket>b</Bucket><Key>ké</Key><UploadId>u1</UploadId></ListPartsResult>"),
        ("/", "<ListAllMyBucketsResult><Buckets><Bucket/><Bucket/></Buckets></ListAllMyBucketsResult>"),
        ("/b/k?tagging", "<Tagging><TagSet><Tag><Key>z</Key><Value>Size</Value></Tag></TagSet></Tagging>"),
    ],
)
def test_a_correct_document_passes(path: str, body: str) -> None:
    assert not flaws(path, body)


@pytest.mark.parametrize(
    ("path", "body", "wrong", "detail"),
    [
        ("/b", "<ListBucketResult><Prefix/><Prefix/></ListBucketResult>", TWICE, "Prefix in ListBucketResult"),
        (PARTS, "<ListPartsResult><Part><ETag/><ETag/></Part></ListPartsResult>", TWICE, "ETag in Part"),
        (LISTED, "<ListBucketResult><IsTruncated>no</IsTruncated></ListBucketResult>", MALFORMED, "IsTruncated 'no'"),
        (PARTS, "<ListPartsResult><Part><Size>0x1</Size></Part></ListPartsResult>", MALFORMED, "Size '0x1'"),
        ("/b/k", "<CopyPartResult><LastModified>4</LastModified></CopyPartResult>", MALFORMED, "LastModified '4'"),
        (LISTED, "<ListBucketResult><Name>c</Name></ListBucketResult>", ANOTHER_LIST, "Name 'c'"),
        (LISTED, "<ListBucketResult><Prefix>a</Prefix></ListBucketResult>", ANOTHER_LIST, "Prefix 'a'"),
        ("/b", "<ListBucketResult><Prefix>a</Prefix></ListBucketResult>", ANOTHER_LIST, "Prefix 'a'"),
        (PARTS, "<ListPartsResult><UploadId/></ListPartsResult>", ANOTHER_UPLOAD, "UploadId ''"),
        ("/b?max-keys=7", "<ListBucketResult><MaxKeys>10</MaxKeys></ListBucketResult>", ANOTHER_LIST, "MaxKeys '10'"),
        (UPLOADS, f"<{OF_UPLOADS}><Prefix>a</Prefix></{OF_UPLOADS}>", ANOTHER_UPLOAD, "Prefix 'a'"),
        (PARTS, "<ListPartsResult><UploadId>u2</UploadId></ListPartsResult>", ANOTHER_UPLOAD, "UploadId 'u2'"),
        (PARTS, f"<{COMPLETED}><Key>k</Key></{COMPLETED}>", ANOTHER_UPLOAD, "Key 'k'"),
    ],
)
def test_a_wrong_document_is_reported(path: str, body: str, wrong: str, detail: str) -> None:
    assert flaws(path, body) == [f"{wrong}{DETAIL}{detail}"]
    assert not flaws(path, body, 404)
