"""The AWS command line, rclone, s3cmd and mc transfer, synchronize and delete objects."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.runner import Outcome
from conformance.clients.programs.s3_tools import Aws, Mc, Rclone, S3cmd, S3Program
from conformance.clients.registry.images import random_bytes
from conformance.evidence.recorder import Recorder
from conformance.oracles.programs import expect_program_failure, expect_program_success, expect_same_files
from conformance.oracles.s3_documents import expect_keys, listing_of
from conformance.oracles.s3_pages import found_under, version_2, whole_listing
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Secret, Storage, Target
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance

PROGRAMS: dict[str, type[S3Program]] = {each.name: each for each in (Aws, Rclone, S3cmd, Mc)}
MULTIPART = "storage.multipart"
TWENTY_MB = 20_000_000
HOUR_S = 3600


@dataclass
class Uploads:
    """Uploads of one folder by each program, made once, each under its own prefix."""

    folder: Path
    space: Space
    _made: dict[str, tuple[str, Outcome]] = field(default_factory=dict)

    def of(self, program: S3Program) -> tuple[str, Outcome]:
        """Return the prefix and the result of the upload."""
        if program.name not in self._made:
            prefix = self.space.prefix(program.name)
            self._made[program.name] = prefix, program.upload(self.folder, self.space.name, prefix)
        return self._made[program.name]

    def given(self, program: S3Program) -> str:
        """Return the prefix of a successful upload; Inconclusive if it failed."""
        prefix, outcome = self.of(program)
        if outcome.exit_code != 0:
            raise Inconclusive(f"the upload failed: {outcome}", f"{program.name} that uploads a folder")
        return prefix


@pytest.fixture(scope="session", params=PROGRAMS)
def program(request: pytest.FixtureRequest, recorder: Recorder, storage: Storage, home: Home) -> S3Program:
    """One of the programs, where it is installed."""
    return PROGRAMS[request.param](recorder, storage, home)


@pytest.fixture(scope="session")
def folder(home: Home, target: Target) -> Path:
    """Return a folder with small, empty and unusually named files, and a large one if multipart uploads are claimed.

    All programs send 20 MB in parts. The files are an hour old, so that clock differences of less do not matter.
    """
    made = home.new_folder()
    contents = {"data.csv": b"id,name\r\n1,Ada\r\n" * 40, "empty": b"", "deep/er/a b+c&d=é.txt": b"unusual"}
    if MULTIPART in target.features:
        contents["in-parts.bin"] = random_bytes("in parts", TWENTY_MB)
    for name, content in contents.items():
        # A locale may not support every name.
        path = made / name.encode(sys.getfilesystemencoding(), "ignore").decode(sys.getfilesystemencoding())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - HOUR_S,) * 2)
    return made


@pytest.fixture(scope="session")
def uploads(folder: Path, space: Space) -> Uploads:
    """The uploads of the programs."""
    return Uploads(folder, space)


def names_of(folder: Path) -> list[str]:
    """The files of a folder, as keys."""
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


@verifies("interoperability/storage/upload")
def test_upload(program: S3Program, uploads: Uploads, space: Space) -> None:
    """Purpose: a client uploads a folder, whatever the sizes and names of its files.

    Method: 1. synchronize a folder to a prefix; 2. expect success, and a key for each file in a listing by HTTP
    """
    prefix, outcome = uploads.of(program)

    expect_program_success(outcome, f"{program.name} upload of a folder")
    listing = whole_listing(version_2(space, prefix, encoding_type="url"))
    expect_keys(listing, sorted((prefix + name for name in names_of(uploads.folder)), key=str.encode))


@verifies("interoperability/storage/second-upload-transfers-nothing")
def test_second_upload(program: S3Program, uploads: Uploads, space: Space) -> None:
    """Purpose: a client recognizes an uploaded folder by listing and metadata.

    Method: 1. synchronize a folder to a prefix, twice; 2. expect success, and no transferred file in the second output
    """
    prefix = uploads.given(program)

    again = program.upload(uploads.folder, space.name, prefix)

    expect_program_success(again, f"{program.name} second upload of a folder")
    transferred = [name for name in names_of(uploads.folder) if name in again.text]
    if transferred:
        raise NonConformance("a second upload that transfers no file", f"its output names {', '.join(transferred)}")


@verifies("interoperability/storage/download-gets-what-was-uploaded")
def test_download(program: S3Program, uploads: Uploads, space: Space, home: Home) -> None:
    """Purpose: a client downloads the bytes that it uploaded.

    Method: 1. synchronize a folder to a prefix, and the prefix to another folder; 2. expect success and the same files
    """
    prefix, restored = uploads.given(program), home.new_folder()

    outcome = program.download(space.name, prefix, restored)

    expect_program_success(outcome, f"{program.name} download of a prefix")
    expect_same_files(uploads.folder, restored)


@verifies("interoperability/storage/recursive-removal-keeps-to-its-prefix")
def test_recursive_removal(program: S3Program, space: Space) -> None:
    """Purpose: a client removes all objects under a prefix, and no others.

    Method: 1. put objects under a prefix and next to it by HTTP; expect listings to respect the prefix
            2. remove the prefix; expect success, nothing under it, and the other objects unchanged
    """
    prefix = space.prefix(f"{program.name}-removal")
    under = space.stored_all(prefix, ["one", "deep/two"])
    other = space.stored(key=prefix.rstrip("/") + "-other")
    for reply in (space.listing(prefix), space.listing_v1(prefix)):
        if not set(listing_of(reply).keys) <= set(under):
            raise Inconclusive("a listing has keys without its prefix", "listings that respect their prefix")

    outcome = program.remove(space.name, prefix)

    expect_program_success(outcome, f"{program.name} removal of a prefix")
    expect_keys(found_under(space, prefix.rstrip("/"), encoding_type="url"), [other])


@verifies("interoperability/storage/wrong-secret-fails")
def test_wrong_secret(program: S3Program, space: Space, recorder: Recorder, storage: Storage, home: Home) -> None:
    """Purpose: a person must see that the secret key is wrong.

    Method: 1. list an existing object with another secret key; 2. expect an exit code other than 0
    """
    wrong = Secret("WRONG_SECRET_KEY", "not-the-secret-key-of-this-organization")
    other = type(program)(recorder, storage, home, wrong)

    key = space.stored()
    right, outcome = program.list(space.name, key), other.list(space.name, key)

    if right.exit_code != 0:
        raise Inconclusive(f"the listing with the right secret key fails: {right}", f"{program.name} that can list")
    expect_program_failure(outcome, f"{program.name} listing with a wrong secret key")


@verifies("interoperability/storage/missing-bucket-fails")
def test_missing_bucket(program: S3Program, space: Space) -> None:
    """Purpose: a person must see that a bucket does not exist.

    Method: 1. list a bucket name that does not exist; 2. expect an exit code other than 0
    """
    outcome = program.list(space.names.new("absent"), "")

    expect_program_failure(outcome, f"{program.name} listing of a missing bucket")
