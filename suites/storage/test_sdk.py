"""boto3 with its defaults: reads, writes, transfers, listings, presigned URLs and errors work."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.clients.s3.bodies import SMALLEST_PART
from conformance.clients.s3.client import S3
from conformance.clients.s3.sdk import (
    BASE_CHECKSUMS,
    DEFAULT_CHECKSUMS,
    expect_not_throttled,
    in_time,
    s3_client,
    sdk_succeeds,
)
from conformance.clients.s3.streams import Comparison, Pattern
from conformance.evidence.recorder import Recorder
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Storage, Target
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

CHECKSUMS = pytest.mark.parametrize("checksums", [case("base", BASE_CHECKSUMS), case("default", DEFAULT_CHECKSUMS)])
REQUESTS = 4
"""The number of sequential requests of a managed transfer, each of which has the usual time limit."""


@pytest.fixture(scope="session")
def clients(storage: Storage, target: Target, s3: S3, recorder: Recorder) -> dict[str, Any]:
    """boto3 clients by when they add checksums."""
    return {
        each: s3_client(storage.endpoint, s3.keys, recorder, each, target.ca_file, s3.raw.limits, s3.raw.budget)
        for each in (BASE_CHECKSUMS, DEFAULT_CHECKSUMS)
    }


@verifies("storage/sdk/put-and-get")
@CHECKSUMS
def test_sdk_puts_and_gets(space: Space, clients: dict[str, Any], checksums: str) -> None:
    """Purpose: upload and download with an SDK work, with and without the checksums that it adds by default.
    Method: 1. put_object and get_object with boto3, and get_object of a range
            2. expect the same bytes and metadata, and the range or the whole
    """
    client, key = clients[checksums], space.key()
    with sdk_succeeds("put and get an object"):
        client.put_object(Bucket=space.name, Key=key, Body=b"from the SDK", Metadata={"owner": "alice"})
        got = client.get_object(Bucket=space.name, Key=key)
        body = got["Body"].read()

    # Header names have no case, boto3 returns them as they came, and a gateway may add metadata of its own.
    found = {name.lower(): text for name, text in got.get("Metadata", {}).items()}
    if body != b"from the SDK" or found.get("owner") != "alice":
        raise NonConformance("the bytes and metadata that were put", f"{worded(body)}, {worded(got.get('Metadata'))}")
    requested, expected = ("5-7", b"the") if checksums == BASE_CHECKSUMS else ("9-", b"SDK")
    with sdk_succeeds("get a range of an object"):
        part = client.get_object(Bucket=space.name, Key=key, Range=f"bytes={requested}")["Body"].read()
    if part not in (expected, body):
        raise NonConformance(f"{worded(expected)}, bytes {requested} of the object", worded(part))


@verifies("storage/sdk/delete-objects")
@CHECKSUMS
def test_sdk_deletes_objects(space: Space, clients: dict[str, Any], checksums: str) -> None:
    """Purpose: an SDK deletes several objects with one request.
    Method: 1. delete_objects with boto3; 2. expect no errors in the result, and the objects deleted
    """
    keys = [space.stored(), space.stored()]
    objects = {"Objects": [{"Key": key} for key in keys]}
    with sdk_succeeds("delete two objects"):
        result = clients[checksums].delete_objects(Bucket=space.name, Delete=objects)

    if result.get("Errors"):
        raise NonConformance("no errors", worded(result["Errors"]))
    for key in keys:
        expect_nothing_stored(space.get(key), "for a deleted key")


@verifies("storage/sdk/managed-transfer")
@CHECKSUMS
@pytest.mark.usefixtures("multipart")
def test_sdk_transfers_large_files(space: Space, clients: dict[str, Any], checksums: str) -> None:
    """Purpose: an SDK transfers large files in parts and in parallel.
    Method: 1. upload somewhat over 5 MiB in parts of 5 with upload_fileobj, download with download_fileobj
            2. expect both to end in time, and the same bytes
    """
    from boto3.s3.transfer import TransferConfig

    longest_s = REQUESTS * space.s3.raw.limits.answer_s
    parts = TransferConfig(multipart_threshold=SMALLEST_PART, multipart_chunksize=SMALLEST_PART, max_concurrency=2)
    key, content = space.key("large"), Pattern(SMALLEST_PART + 1000)
    received = Comparison(content)
    with sdk_succeeds("transfer a large file"):
        whole = [io.BytesIO(b"".join(content.parts()))]
        upload, download = clients[checksums].upload_fileobj, clients[checksums].download_fileobj
        in_time(lambda: upload(whole.pop(), space.name, key, Config=parts), longest_s)
        in_time(lambda: download(space.name, key, SimpleNamespace(write=received.take), Config=parts), longest_s)

    if not received.equal:
        raise NonConformance(f"the {content.size} bytes that were uploaded", str(received))
    space.delete(key)


@verifies("storage/sdk/paginator")
def test_sdk_paginates(space: Space, clients: dict[str, Any]) -> None:
    """Purpose: an SDK's paginator reads a listing to its end and decodes its keys.
    Method: 1. put seven objects, read them two per page with boto3's paginator, then with a delimiter
            2. expect every key once, and every common prefix once
    """
    prefix = space.prefix()
    keys = sorted(space.stored_all(prefix, ["a", "b c", "d+e", "f/1", "f/2", "g/é", "h&i"]))
    paginate = clients[BASE_CHECKSUMS].get_paginator("list_objects_v2").paginate
    with sdk_succeeds("read a listing page by page"):
        pages = list(paginate(Bucket=space.name, Prefix=prefix, PaginationConfig={"PageSize": 2}))
        grouped = list(paginate(Bucket=space.name, Prefix=prefix, Delimiter="/"))

    found = sorted(each["Key"] for page in pages for each in page.get("Contents", []))
    groups = [each["Prefix"] for page in grouped for each in page.get("CommonPrefixes", [])]
    if found != keys or groups != [f"{prefix}f/", f"{prefix}g/"]:
        raise NonConformance(f"{worded(keys)}, groups f/ and g/", f"{worded(found)}, groups {worded(groups)}")


@verifies("storage/sdk/presigned-url")
def test_sdk_presigns(space: Space, clients: dict[str, Any], s3: S3) -> None:
    """Purpose: a client reads an object by a URL that an SDK presigned.
    Method: 1. presign get_object with boto3, GET the URL; 2. expect the bytes
    """
    named = {"Bucket": space.name, "Key": space.stored(b"shared")}
    url = clients[BASE_CHECKSUMS].generate_presigned_url("get_object", Params=named, ExpiresIn=3600)

    expect_bytes(s3.raw.get(url), b"shared")


@verifies("storage/sdk/errors-are-typed")
def test_sdk_recognises_errors(space: Space, clients: dict[str, Any]) -> None:
    """Purpose: a program recognises by the exception that a key is missing.
    Method: 1. get_object and head_object of a missing key with boto3; 2. expect NoSuchKey, and for head_object code 404
    """
    from botocore.exceptions import ClientError

    client, codes = clients[BASE_CHECKSUMS], list[str]()
    for call in (client.get_object, client.head_object):
        with sdk_succeeds("report that there is no object"):
            try:
                call(Bucket=space.name, Key=space.key("missing"))
                codes.append("no error")
            except ClientError as error:
                expect_not_throttled(error)
                codes.append(error.response["Error"]["Code"])
    if codes != ["NoSuchKey", "404"]:
        raise NonConformance("NoSuchKey from get_object, 404 from head_object", worded(codes))
