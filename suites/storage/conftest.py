"""Fixtures of the storage checks: the gateway, and a part of each bucket that only this run uses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.s3.aws_chunked import UNSIGNED_TRAILER
from conformance.clients.s3.client import S3, Bucket
from conformance.clients.s3.sigv4 import UNSIGNED, Keys, Signing
from conformance.evidence.shared_requests import Once
from conformance.sandbox.bucket_prefix import Space, space_in
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.target.description import Storage, Target
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared, NotOffered


@pytest.fixture(scope="session")
def storage(target: Target) -> Storage:
    """The storage section of the target file."""
    if target.storage is None:
        raise NotOffered("the target describes no storage")
    return target.storage


@pytest.fixture(scope="session")
def s3(storage: Storage, http: Callable[[str], HttpClient]) -> S3:
    """The gateway, with the organization's access key."""
    return S3(http(storage.endpoint), Keys(storage.access_key.reveal(), storage.secret_key.reveal(), storage.region))


@pytest.fixture(scope="session")
def space(s3: S3, storage: Storage, names: Names, ledger: Ledger) -> Space:
    """The run's own part of the first bucket."""
    return space_in(s3, storage.buckets[0], names, ledger)


@pytest.fixture(scope="session")
def other_space(s3: S3, storage: Storage, names: Names, ledger: Ledger) -> Space:
    """The run's own part of the second bucket."""
    if len(storage.buckets) < 2:
        raise Inconclusive("only one bucket is named", "a second bucket in [targets.X.storage] buckets")
    return space_in(s3, storage.buckets[1], names, ledger)


@pytest.fixture(scope="session")
def foreign(s3: S3, storage: Storage) -> Bucket:
    """Another organization's bucket."""
    if storage.foreign_bucket is None:
        raise NotDeclared("the target file names no foreign_bucket", "storage.foreign_bucket")
    return s3.bucket(storage.foreign_bucket)


@pytest.fixture(scope="session")
def with_key_of(s3: S3, storage: Storage) -> Callable[[str], S3]:
    """The gateway with the access key of a role; NotDeclared if the target file has none."""
    keys = {str(role): key for role, key in storage.credentials.items()}

    def with_key(role: str) -> S3:
        if role not in keys:
            raise NotDeclared(f"the target file has no access key in the role {role}", f"storage.credentials.{role}")
        return s3.with_keys(access_key=keys[role].access_key.reveal(), secret_key=keys[role].secret_key.reveal())

    return with_key


@pytest.fixture(scope="session")
def foreign_object(foreign: Bucket, with_key_of: Callable[[str], S3], names: Names, ledger: Ledger) -> str:
    """The key of an object that the other organization has put into its bucket."""
    return space_in(with_key_of("foreign"), foreign.name, names, ledger).stored(b"of another organization")


@pytest.fixture(scope="session")
def absent(s3: S3, names: Names) -> Bucket:
    """A bucket that never existed."""
    return s3.bucket(names.new("absent"))


@pytest.fixture(scope="session")
def chunks_of(space: Space, once: Once) -> Callable[[str], None]:
    """Skip unsigned chunks where the target refuses unsigned payloads over plain HTTP."""

    def skip_refused(kind: str) -> None:
        if kind == UNSIGNED_TRAILER and not space.s3.origin.startswith("https"):
            request, unsigned = space.request("PUT", space.key(), body=b"unsigned"), Signing(payload=UNSIGNED)
            if once("unsigned payload", lambda: space.s3.send(request, unsigned)).status in (400, 403):
                raise NotApplicable("the target refuses unsigned payloads over plain HTTP")

    return skip_refused


@pytest.fixture(scope="session")
def features(target: Target) -> frozenset[str]:
    """The optional features that the target claims."""
    return frozenset(target.features)


@pytest.fixture(scope="session")
def multipart(features: frozenset[str]) -> None:
    """Skip checks where the target does not claim multipart uploads."""
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
