"""Manifests that were refused before, and are right by now."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import image, index
from conformance.oracles.status import expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable


@verifies("registry/manifest/taken-once-it-is-whole")
@pytest.mark.parametrize("kind", [case("image", "image"), case("index", "index")])
def test_taken_once_it_is_whole(repository: Repository, names: Names, kind: str) -> None:
    """Purpose: a push that failed for what was lacking is made good by pushing that, and the manifest again.

    Method: 1. PUT an image whose config was never pushed, or an index of an image that was not
            2. where that is refused, push what is lacking, and the manifest again: expect 2xx
    """
    part = image(names.new("late"), layers=0)
    late = part if kind == "image" else index([part])
    reply = repository.put_manifest(late.digest, late.content, late.media_type)
    if not 400 <= reply.status < 500:
        raise NotApplicable(f"the registry takes it before what it names ({reply.status})")

    expect_success(repository.push(late), "for a manifest that lacks nothing any more")
