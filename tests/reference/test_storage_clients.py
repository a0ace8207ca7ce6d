"""The storage surface as boto3 sees it, with its defaults: chunked signing, checksums, transfers."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from conformance.reference.seeds import Seeds
from conformance.reference.storage import Storage
from tests.reference.storage_support import FOREIGN, KEY, A, B, boto_client, served


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return Seeds()


@pytest.fixture(scope="module")
def url(seeds: Seeds) -> Iterator[str]:
    with served(Storage(seeds, KEY)) as address:
        yield address


@pytest.fixture(scope="module")
def s3(url: str, seeds: Seeds) -> Any:
    return boto_client(url, seeds)


def test_round_trip_with_metadata(s3: Any) -> None:
    s3.put_object(
        Bucket=A,
        Key="r/ü +%25 a//b",
        Body=b"data",
        Metadata={"one": "1"},
        ContentType="text/x",
        CacheControl="no-store",
        Tagging="a=b",
    )
    found = s3.get_object(Bucket=A, Key="r/ü +%25 a//b")
    assert found["Body"].read() == b"data"
    assert found["Metadata"] == {"one": "1"}
    assert (found["ContentType"], found["CacheControl"], found["TagCount"]) == ("text/x", "no-store", 1)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=A, Prefix="r/")["Contents"]] == ["r/ü +%25 a//b"]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"])
def test_checksums_of_boto3(s3: Any, algorithm: str) -> None:
    value = {
        "CRC32": "NhCmhg==",
        "CRC32C": "mnG7TA==",
        "SHA1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        "SHA256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        "CRC64NVME": "M3eFcAZSQlc=",
    }[algorithm]
    name = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=A, Key="c", Body=b"hello", **{name: value})
    head = s3.head_object(Bucket=A, Key="c", ChecksumMode="ENABLED")
    assert put[name] == head[name] == value


def test_trailing_checksum_over_chunks(s3: Any) -> None:
    put = s3.put_object(Bucket=A, Key="t", Body=io.BytesIO(b"x" * 200_000), ChecksumAlgorithm="CRC32")
    head = s3.head_object(Bucket=A, Key="t", ChecksumMode="ENABLED")
    assert put["ChecksumCRC32"] == head["ChecksumCRC32"]
    assert head["ContentLength"] == 200_000
    assert "ContentEncoding" not in head


def test_transfer_of_a_large_object(s3: Any) -> None:
    data = os.urandom(16 * 1024 * 1024 + 17)
    s3.upload_fileobj(io.BytesIO(data), A, "large", Config=TransferConfig(multipart_threshold=5 << 20))
    assert s3.head_object(Bucket=A, Key="large")["ETag"].endswith('-3"')
    back = io.BytesIO()
    s3.download_fileobj(A, "large", back)
    assert back.getvalue() == data
    s3.copy({"Bucket": A, "Key": "large"}, B, "large", Config=TransferConfig(multipart_threshold=6 << 20))
    assert s3.get_object(Bucket=B, Key="large")["Body"].read() == data
    s3.copy_object(Bucket=B, Key="whole", CopySource={"Bucket": A, "Key": "large"})
    assert s3.get_object(Bucket=B, Key="whole")["Body"].read() == data


def test_paginators_and_multi_delete(s3: Any) -> None:
    for number in range(25):
        s3.put_object(Bucket=A, Key=f"p/{number % 5}/{number:02}\r\n", Body=b"")
    for name in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(name).paginate(Bucket=A, Prefix="p/", PaginationConfig={"PageSize": 7})
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
        assert len(keys) == len(set(keys)) == 25
        rolled = s3.get_paginator(name).paginate(Bucket=A, Prefix="p/", Delimiter="/", PaginationConfig={"PageSize": 2})
        assert [each["Prefix"] for page in rolled for each in page["CommonPrefixes"]] == [f"p/{n}/" for n in range(5)]
    result = s3.delete_objects(Bucket=A, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(result["Deleted"]) == 25
    assert "Contents" not in s3.list_objects_v2(Bucket=A, Prefix="p/")


def test_upload_listings(s3: Any) -> None:
    started = [s3.create_multipart_upload(Bucket=A, Key=key)["UploadId"] for key in ("u/a", "u/a", "u/b", "u/c/d")]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=A, Prefix="u/", PaginationConfig={"PageSize": 1})
    assert [each["UploadId"] for page in pages for each in page["Uploads"]] == started
    for number in (5, 1, 10_000):
        s3.upload_part(Bucket=A, Key="u/b", UploadId=started[2], PartNumber=number, Body=b"x")
    parts = s3.get_paginator("list_parts").paginate(
        Bucket=A, Key="u/b", UploadId=started[2], PaginationConfig={"PageSize": 2}
    )
    assert [each["PartNumber"] for page in parts for each in page["Parts"]] == [1, 5, 10_000]
    for upload_id, key in zip(started, ("u/a", "u/a", "u/b", "u/c/d"), strict=True):
        s3.abort_multipart_upload(Bucket=A, Key=key, UploadId=upload_id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=A)


def test_presigned_urls(s3: Any) -> None:
    put = s3.generate_presigned_url("put_object", {"Bucket": A, "Key": "pre signed"})
    assert httpx.put(put, content=b"signed").status_code == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": A, "Key": "pre signed", "ResponseContentType": "a/b"})
    answer = httpx.get(get)
    assert (answer.content, answer.headers["content-type"]) == (b"signed", "a/b")
    assert httpx.put(get, content=b"x").status_code == 403
    assert httpx.get(get + "&x=y").status_code == 403
    head = s3.generate_presigned_url("head_object", {"Bucket": A, "Key": "pre signed"})
    assert httpx.head(head).headers["content-length"] == "6"


def test_buckets_and_tenancy(s3: Any, url: str, seeds: Seeds) -> None:
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [A, B]
    assert s3.get_bucket_location(Bucket=A)["LocationConstraint"] is None
    s3.head_bucket(Bucket=B)
    for name in (FOREIGN, "never-was"):
        with pytest.raises(ClientError, match="NoSuchBucket"):
            s3.list_objects_v2(Bucket=name)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.create_bucket(Bucket=name)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_bucket(Bucket=A)
    foreign = boto_client(url, seeds, owner=1)
    assert [each["Name"] for each in foreign.list_buckets()["Buckets"]] == [FOREIGN]
    foreign.put_object(Bucket=FOREIGN, Key="k", Body=b"theirs")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.copy_object(Bucket=A, Key="stolen", CopySource={"Bucket": FOREIGN, "Key": "k"})


def test_tagging(s3: Any) -> None:
    s3.put_object(Bucket=A, Key="tagged", Body=b"")
    tags = [{"Key": "ü", "Value": ""}, {"Key": "b", "Value": "c d"}]
    s3.put_object_tagging(Bucket=A, Key="tagged", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=A, Key="tagged")["TagSet"] == tags
    s3.delete_object_tagging(Bucket=A, Key="tagged")
    assert s3.get_object_tagging(Bucket=A, Key="tagged")["TagSet"] == []


def test_conditional_reads_and_writes(s3: Any) -> None:
    etag = s3.put_object(Bucket=A, Key="cond", Body=b"1", IfNoneMatch="*")["ETag"]
    for arguments in ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'}):
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.put_object(Bucket=A, Key="cond", Body=b"2", **arguments)
    with pytest.raises(ClientError) as not_modified:
        s3.get_object(Bucket=A, Key="cond", IfNoneMatch=etag)
    assert not_modified.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    assert s3.put_object(Bucket=A, Key="cond", Body=b"3", IfMatch=etag)["ETag"] != etag
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.put_object(Bucket=A, Key="absent", Body=b"2", IfMatch=etag)
