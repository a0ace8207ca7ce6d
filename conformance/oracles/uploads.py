"""The result of a completed upload (OCI Distribution Specification 1.1, "Pushing blobs")."""

from __future__ import annotations

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Blob
from conformance.oracles.registry import expect_bytes, expect_location
from conformance.oracles.status import expect_success
from conformance.vocabulary.exchange import Exchange


def expect_created(repository: Repository, reply: Exchange, blob: Blob) -> None:
    """Expect a created blob that is returned byte for byte."""
    expect_success(reply, "when the upload is complete")
    expect_location(reply)
    expect_bytes(repository.get_blob(blob.digest), blob.content)
