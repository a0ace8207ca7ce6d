"""The documented AWS commands, by the real command line (API Reference, S3-Compatible Storage)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from conformance.clients.aws_cli import AwsCli
from conformance.oracles.programs import expect_program_failure, expect_program_success
from conformance.sandbox.names import Names
from conformance.target.description import Secret, Storage
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance


@verifies("interoperability/storage/aws-s3-ls")
def test_aws_s3_ls(aws: AwsCli, storage: Storage) -> None:
    """Purpose: each provisioned app appears as a bucket at the shared endpoint.

    Method: 1. aws s3 ls, as printed
            2. expect every bucket of the target file in its output
    """
    listing = aws.s3("ls")

    expect_program_success(listing, "aws s3 ls")
    shown = {line.split()[-1] for line in listing.output.splitlines() if line.strip()}
    if not shown.issuperset(storage.buckets):
        raise NonConformance(f"the buckets {', '.join(storage.buckets)}", listing.output.strip() or "no bucket")


@verifies("interoperability/storage/aws-s3-cp-round-trip")
def test_aws_s3_cp(aws: AwsCli, storage: Storage, names: Names, tmp_path: Path) -> None:
    """Purpose: the documented commands move a file to a bucket and back, and list it.

    Method: 1. aws s3 cp a file to a key of the run's own
            2. aws s3 ls of its prefix; expect the key with its size
            3. aws s3 cp it back; expect the same bytes
            4. aws s3 rm it
    """
    content = b"id,name\n1,Ada\n" * 40
    prefix = f"s3://{storage.buckets[0]}/{names.new('aws')}"
    (tmp_path / "data.csv").write_bytes(content)

    expect_program_success(aws.s3("cp", str(tmp_path / "data.csv"), f"{prefix}/data.csv"), "aws s3 cp (upload)")
    listing = aws.s3("ls", f"{prefix}/")
    expect_program_success(listing, "aws s3 ls of the prefix")
    if f" {len(content)} data.csv" not in listing.output:
        raise NonConformance(
            f"data.csv with {len(content)} bytes in the listing", listing.output.strip() or "an empty listing"
        )
    expect_program_success(aws.s3("cp", f"{prefix}/data.csv", str(tmp_path / "back.csv")), "aws s3 cp (download)")
    if (tmp_path / "back.csv").read_bytes() != content:
        raise NonConformance("the bytes that were uploaded", "other bytes")
    expect_program_success(aws.s3("rm", f"{prefix}/data.csv"), "aws s3 rm")


@verifies("interoperability/storage/aws-s3-fails-with-a-wrong-secret")
def test_aws_s3_with_a_wrong_secret(aws: AwsCli) -> None:
    """Purpose: a wrong secret key is told to a person as a failure.

    Method: 1. aws s3 ls with another secret key
            2. expect an exit code other than 0
    """
    other = replace(aws, secret_key=Secret("WRONG_SECRET_KEY", "not-the-secret-key-of-this-organization"))

    expect_program_failure(other.s3("ls"), "aws s3 ls with a wrong secret key")


@verifies("interoperability/storage/aws-s3-fails-for-a-missing-bucket")
def test_aws_s3_of_a_missing_bucket(aws: AwsCli, names: Names) -> None:
    """Purpose: a bucket that does not exist is told to a person as a failure.

    Method: 1. aws s3 ls of a bucket name that nothing has
            2. expect an exit code other than 0
    """
    expect_program_failure(aws.s3("ls", f"s3://{names.new('absent')}/"), "aws s3 ls of a missing bucket")
