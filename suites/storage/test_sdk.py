"""What users of an SDK do: boto3 with its defaults."""

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
from conformance.vocabulary.finding import NonConformance, NotOffered
from conformance.vocabulary.wording import worded

CHECKSUMS = pytest.mark.parametrize("checksums", [case("base", BASE_CHECKSUMS), case("default", DEFAULT_CHECKSUMS)])


REQUESTS = 4
"""Of which a managed transfer consists one after another; each has the time of an answer."""


@pytest.fixture(scope="session")
def clients(storage: Storage, target: Target, s3: S3, recorder: Recorder) -> dict[str, Any]:
    """boto3 clients by when they add checksums."""
    return {
        each: s3_client(storage.endpoint, s3.keys, recorder, each, target.ca_file, s3.raw.limits)
        for each in (BASE_CHECKSUMS, DEFAULT_CHECKSUMS)
    }


@verifies("storage/sdk/put-and-get")
@CHECKSUMS
def test_sdk_puts_and_gets(space: Space, clients: dict[str, Any], checksums: str) -> None:
    """Purpose: an SDK's upload and download work, with the checksums it adds by default and without.

    Method: 1. put_object and get_object with boto3, and get_object of a part; with its defaults, of the rest
            2. expect the same bytes and metadata, and the part (or the whole)
    """
    key = space.key()
    with sdk_succeeds("put and get an object"):
        clients[checksums].put_object(Bucket=space.name, Key=key, Body=b"from the SDK", Metadata={"owner": "alice"})
        got = clients[checksums].get_object(Bucket=space.name, Key=key)
        body = got["Body"].read()

    # Header names have no case, and boto3 tells them as they came; a gateway may add metadata of its own.
    told = {name.lower(): text for name, text in got.get("Metadata", {}).items()}
    if body != b"from the SDK" or told.get("owner") != "alice":
        raise NonConformance("the bytes and metadata that were put", f"{worded(body)}, {worded(got.get('Metadata'))}")
    asked, wanted = ("5-7", b"the") if checksums == BASE_CHECKSUMS else ("9-", b"SDK")
    with sdk_succeeds("get a part of an object"):
        part = clients[checksums].get_object(Bucket=space.name, Key=key, Range=f"bytes={asked}")["Body"].read()
    if part not in (wanted, body):
        raise NonConformance(f"{worded(wanted)}, which are bytes {asked} of them", worded(part))


@verifies("storage/sdk/delete-objects")
@CHECKSUMS
def test_sdk_deletes_objects(space: Space, clients: dict[str, Any], checksums: str) -> None:
    """Purpose: an SDK's deletion of several objects works.

    Method: 1. delete_objects with boto3
            2. expect no errors in the result, and the objects gone
    """
    keys = [space.stored(), space.stored()]
    with sdk_succeeds("delete two objects"):
        result = clients[checksums].delete_objects(
            Bucket=space.name, Delete={"Objects": [{"Key": key} for key in keys]}
        )

    if result.get("Errors"):
        raise NonConformance("no errors", worded(result["Errors"]))
    for key in keys:
        expect_nothing_stored(space.get(key), "for a key that was deleted")


@verifies("storage/sdk/managed-transfer")
@CHECKSUMS
def test_sdk_transfers_large_files(
    space: Space, clients: dict[str, Any], checksums: str, features: frozenset[str]
) -> None:
    """Purpose: an SDK's managed transfer, in parts and in parallel, works for large files.

    Method: 1. upload somewhat over 5 MiB in parts of 5 with upload_fileobj, download with download_fileobj
            2. expect each to end, and the same bytes
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    longest_s = REQUESTS * space.s3.raw.limits.answer_s
    from boto3.s3.transfer import TransferConfig

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
    """Purpose: an SDK's paginator reads a listing to its end, keys decoded.

    Method: 1. put seven objects, read them two a page with boto3's paginator, then their groups
            2. expect every key once, and every common prefix once
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, ["a", "b c", "d+e", "f/1", "f/2", "g/é", "h&i"])
    paginator = clients[BASE_CHECKSUMS].get_paginator("list_objects_v2")
    with sdk_succeeds("read a listing page by page"):
        found = [
            each["Key"]
            for page in paginator.paginate(Bucket=space.name, Prefix=prefix, PaginationConfig={"PageSize": 2})
            for each in page.get("Contents", [])
        ]
        groups = [
            each["Prefix"]
            for page in paginator.paginate(Bucket=space.name, Prefix=prefix, Delimiter="/")
            for each in page.get("CommonPrefixes", [])
        ]

    if sorted(found) != sorted(keys) or groups != [f"{prefix}f/", f"{prefix}g/"]:
        raise NonConformance(
            f"{worded(sorted(keys))}, groups f/ and g/", f"{worded(sorted(found))}, groups {worded(groups)}"
        )


@verifies("storage/sdk/presigned-url")
def test_sdk_presigns(space: Space, clients: dict[str, Any], s3: S3) -> None:
    """Purpose: a URL that an SDK presigns opens the object to who holds it.

    Method: 1. presign get_object with boto3, GET the URL
            2. expect the bytes
    """
    key = space.stored(b"shared")
    url = clients[BASE_CHECKSUMS].generate_presigned_url(
        "get_object", Params={"Bucket": space.name, "Key": key}, ExpiresIn=3600
    )

    expect_bytes(s3.raw.get(url), b"shared")


@verifies("storage/sdk/errors-are-typed")
def test_sdk_knows_errors(space: Space, clients: dict[str, Any]) -> None:
    """Purpose: an SDK can tell by type that a key is missing.

    Method: 1. get_object of a missing key with boto3
            2. expect its NoSuchKey exception; and for head_object, code 404
    """
    from botocore.exceptions import ClientError

    client = clients[BASE_CHECKSUMS]
    told = []
    for call in (client.get_object, client.head_object):
        with sdk_succeeds("tell that there is no object"):
            try:
                call(Bucket=space.name, Key=space.key("missing"))
                told.append("no error")
            except ClientError as error:
                expect_not_throttled(error)
                told.append(error.response["Error"]["Code"])
    if told != ["NoSuchKey", "404"]:
        raise NonConformance("NoSuchKey from get_object, 404 from head_object", worded(told))
