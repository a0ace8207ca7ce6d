"""The documented AWS commands work with the real AWS command line (API Reference, S3-Compatible Storage)."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.s3_tools import Aws
from conformance.evidence.recorder import Recorder
from conformance.oracles.programs import expect_program_success, expect_same_files
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Storage
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.finding import NonConformance


@pytest.fixture(scope="session")
def aws(recorder: Recorder, storage: Storage, home: Home) -> Aws:
    """The AWS command line with the organization's key."""
    return Aws(recorder, storage, home)


@verifies("interoperability/storage/aws-s3-ls")
def test_aws_s3_ls(aws: Aws, storage: Storage) -> None:
    """Purpose: each provisioned app appears as a bucket at the shared endpoint.

    Method: 1. aws s3 ls, as documented; 2. expect every bucket of the target file in its output
    """
    listing = aws.s3("ls")

    expect_program_success(listing, "aws s3 ls")
    shown = {line.split()[-1] for line in listing.output.splitlines() if line.strip()}
    if not shown.issuperset(storage.buckets):
        raise NonConformance(f"the buckets {', '.join(storage.buckets)}", listing.output.strip() or "no bucket")


@verifies("interoperability/storage/aws-s3-cp-round-trip")
def test_aws_s3_cp(aws: Aws, space: Space, tmp_path: Path) -> None:
    """Purpose: the documented commands move a file to a bucket and back, and list it.

    Method: 1. aws s3 cp a file to a key, aws s3 ls: expect key and size; 2. aws s3 cp it back: expect the same bytes
    """
    content = b"id,name\r\n1,Ada\r\n" * 40
    source, copy = tmp_path / "there", tmp_path / "back"
    source.mkdir()
    (source / "data.csv").write_bytes(content)
    prefix = f"s3://{space.name}/{space.prefix('aws')}"

    expect_program_success(aws.s3("cp", str(source / "data.csv"), f"{prefix}data.csv"), "aws s3 cp (upload)")
    listing = aws.s3("ls", prefix)
    expect_program_success(listing, "aws s3 ls of the prefix")
    if f" {len(content)} data.csv" not in listing.output:
        expected = f"data.csv with {len(content)} bytes in the listing"
        raise NonConformance(expected, listing.output.strip() or "an empty listing")
    expect_program_success(aws.s3("cp", f"{prefix}data.csv", str(copy / "data.csv")), "aws s3 cp (download)")
    expect_same_files(source, copy)


@pytest.mark.parametrize(
    "command",
    [row("interoperability/storage/aws-s3-cp-between-keys", "cp"), row("interoperability/storage/aws-s3-mv", "mv")],
)
def test_aws_s3_between_keys(aws: Aws, space: Space, command: str) -> None:
    """Purpose: the gateway copies or moves an object that the client does not download.

    Method: 1. aws s3 cp or mv from one key to another
            2. expect the bytes at the new key; at the old one the same bytes, or 404 after mv
    """
    key, other = space.stored(b"content"), space.key("other")

    outcome = aws.s3(command, f"s3://{space.name}/{key}", f"s3://{space.name}/{other}")

    expect_program_success(outcome, f"aws s3 {command} between keys")
    expect_bytes(space.get(other), b"content", "from GET of the new key")
    if command == "cp":
        expect_bytes(space.get(key), b"content", "from GET of the source")
    else:
        expect_status(space.head(key), {404}, "from HEAD of the old key")


@verifies("interoperability/storage/aws-s3-cp-from-standard-input")
def test_aws_s3_cp_from_standard_input(aws: Aws, space: Space) -> None:
    """Purpose: the output of another program can be stored without a file.

    Method: 1. aws s3 cp - to a key, with lines at its standard input; 2. expect these bytes at the key
    """
    key, content = space.key("streamed"), "line\r\n" * 1000

    outcome = aws.s3("cp", "-", f"s3://{space.name}/{key}", stdin=content)

    expect_program_success(outcome, "aws s3 cp from standard input")
    expect_bytes(space.get(key), content.encode(), "GET of the key")
