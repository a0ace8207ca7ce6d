"""boto3 works with the storage surface by its defaults: chunked signing, checksums, transfers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application, http_server, listening_socket
from conformance.reference.storage import Storage

A, B, FOREIGN = "conformance-a", "conformance-b", "globex-archive"


@contextlib.contextmanager
def served(storage: Storage) -> Iterator[str]:
    """Serves the surface in a thread; yields its URL."""
    sock = listening_socket(0)
    server = http_server(Application(storage))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(5)


def boto_client(url: str, seeds: Seeds, owner: int = 0, **config: Any) -> Any:
    """A boto3 client without retries."""
    key = seeds.access_keys[owner]
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        config=Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **config),
    )


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return Seeds()


@pytest.fixture(scope="module")
def url(seeds: Seeds) -> Iterator[str]:
    with served(Storage(seeds, SigningKey())) as address:
        yield address


@pytest.fixture(scope="module")
def s3(url: str, seeds: Seeds) -> Any:
    return boto_client(url, seeds)


def test_an_object_keeps_its_metadata(s3: Any) -> None:
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
def test_checksums_are_stored_and_returned(s3: Any, algorithm: str) -> None:
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


def test_a_trailing_checksum_is_stored(s3: Any) -> None:
    put = s3.put_object(Bucket=A, Key="t", Body=io.BytesIO(b"x" * 200_000), ChecksumAlgorithm="CRC32")
    head = s3.head_object(Bucket=A, Key="t", ChecksumMode="ENABLED")
    assert put["ChecksumCRC32"] == head["ChecksumCRC32"]
    assert head["ContentLength"] == 200_000
    assert "ContentEncoding" not in head


def test_a_large_object_is_uploaded_and_copied_in_parts(s3: Any) -> None:
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


def test_paginators_return_every_key_once(s3: Any) -> None:
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


def test_buckets_of_another_organization_are_hidden(s3: Any, url: str, seeds: Seeds) -> None:
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
