"""The result documents of a gateway: what stands twice, has not its form or is of something else is told."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.result_documents import (
    INCOMPLETE,
    MISSHAPEN,
    OF_OTHER_UPLOADS,
    OF_OTHERS,
    TWICE,
    UNTYPED,
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


def test_what_is_told_otherwise_is_said() -> None:
    body = "<ListMultipartUploadsResult><MaxUploads>1000</MaxUploads></ListMultipartUploadsResult>"
    reply = Exchange("x-1", "GET", "http://h", Headers([]), b"", 200, Headers([]), body.encode(), 0.0, 0.0)

    assert f"{OF_OTHER_UPLOADS}{DETAIL}MaxUploads '1000'" in told_of(reply, "/b?uploads&max-uploads=2")
    assert f"{UNTYPED}{DETAIL}no Content-Type" in told_of(reply, "/b?uploads")


@pytest.mark.parametrize("told", ["²", "9" * 5000, "-1", "", "2"])
def test_a_limit_that_cannot_be_read_or_is_the_one_asked_is_no_other(told: str) -> None:
    assert not [
        each
        for each in flaws("/b?max-keys=2", f"<ListBucketResult><MaxKeys>{told}</MaxKeys></ListBucketResult>")
        if each.startswith(OF_OTHERS)
    ]


def lacking(path: str, body: str) -> str:
    reply = Exchange("x-1", "GET", "http://h", Headers([]), b"", 200, Headers([]), body.encode(), 0.0, 0.0)
    return "".join(each.partition(DETAIL)[2] for each in told_of(reply, path) if each.startswith(INCOMPLETE))


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
def test_what_may_be_is_not_told(path: str, body: str) -> None:
    assert not flaws(path, body)


@pytest.mark.parametrize(
    ("path", "body", "wrong", "detail"),
    [
        ("/b", "<ListBucketResult><Prefix/><Prefix/></ListBucketResult>", TWICE, "Prefix in ListBucketResult"),
        (PARTS, "<ListPartsResult><Part><ETag/><ETag/></Part></ListPartsResult>", TWICE, "ETag in Part"),
        (LISTED, "<ListBucketResult><IsTruncated>no</IsTruncated></ListBucketResult>", MISSHAPEN, "IsTruncated 'no'"),
        (PARTS, "<ListPartsResult><Part><Size>0x1</Size></Part></ListPartsResult>", MISSHAPEN, "Size '0x1'"),
        (
            "/b/k",
            "<CopyPartResult><LastModified>4</LastModified></CopyPartResult>",
            MISSHAPEN,
            "LastModified '4'",
        ),
        (LISTED, "<ListBucketResult><Name>c</Name></ListBucketResult>", OF_OTHERS, "Name 'c'"),
        (LISTED, "<ListBucketResult><Prefix>a</Prefix></ListBucketResult>", OF_OTHERS, "Prefix 'a'"),
        ("/b", "<ListBucketResult><Prefix>a</Prefix></ListBucketResult>", OF_OTHERS, "Prefix 'a'"),
        (PARTS, "<ListPartsResult><UploadId/></ListPartsResult>", OF_OTHER_UPLOADS, "UploadId ''"),
        ("/b?max-keys=7", "<ListBucketResult><MaxKeys>10</MaxKeys></ListBucketResult>", OF_OTHERS, "MaxKeys '10'"),
        (UPLOADS, f"<{OF_UPLOADS}><Prefix>a</Prefix></{OF_UPLOADS}>", OF_OTHER_UPLOADS, "Prefix 'a'"),
        (PARTS, "<ListPartsResult><UploadId>u2</UploadId></ListPartsResult>", OF_OTHER_UPLOADS, "UploadId 'u2'"),
        (PARTS, f"<{COMPLETED}><Key>k</Key></{COMPLETED}>", OF_OTHER_UPLOADS, "Key 'k'"),
    ],
)
def test_what_is_wrong_is_told(path: str, body: str, wrong: str, detail: str) -> None:
    assert flaws(path, body) == [f"{wrong}{DETAIL}{detail}"]
    assert not flaws(path, body, 404)


def test_what_does_not_say_that_it_is_xml_is_told() -> None:
    for media_type, told in (("", "no Content-Type"), ("text/html", "text/html"), ("application/octet-stream",) * 2):
        assert flaws("/b", "<ListBucketResult/>", media_type=media_type) == [f"{UNTYPED}{DETAIL}{told}"]
    assert not flaws("/b", "<ListBucketResult/>", media_type="application/s3+xml")
    assert not flaws("/b", "<html/>", media_type="text/html")


def test_what_lacks_what_it_is_known_by_is_told() -> None:
    head = "<Name>b</Name><IsTruncated>false</IsTruncated>"
    entry = "<Key>k</Key><LastModified>2026-11-30T10:00:00Z</LastModified><ETag>t</ETag><Size>0</Size>"
    of_version_1 = f"<ListBucketResult>{head}<Contents>{entry}</Contents></ListBucketResult>"

    counted = of_version_1.replace("<Name>", "<KeyCount>1</KeyCount><Name>")

    for path, body in (
        ("/b", of_version_1),
        ("/b", of_version_1.replace(">t<", "><")),
        ("/b/k?tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>"),
        ("/b?list-type=2", counted),
    ):
        assert lacking(path, body) == ""
    for path, body, told in (
        ("/b?list-type=2", of_version_1, "KeyCount '' of 1 entries"),
        ("/b?list-type=2", counted.replace(">1<", ">0<"), "KeyCount '0' of 1 entries"),
        ("/b?prefix=k", of_version_1, "no Prefix"),
        ("/b", of_version_1.replace("<Name>b</Name>", ""), "ListBucketResult without Name"),
        ("/b", of_version_1.replace("<IsTruncated>false</IsTruncated>", ""), "ListBucketResult without IsTruncated"),
        ("/b", of_version_1.replace("<ETag>t</ETag>", ""), "Contents without ETag"),
        ("/b", of_version_1.replace(">k<", "><"), "Contents without Key"),
        ("/b", of_version_1.replace(">0<", "><"), "Contents without Size"),
    ):
        assert lacking(path, body) == told
