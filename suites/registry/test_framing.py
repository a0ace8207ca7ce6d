"""Where answers end that have no content, as they come over the wire (RFC 9112 section 6.3)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import EVERY_TYPE, Repository, StoredImage
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_bare
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


def asked(repository: Repository, method: str, path: str, *fields: tuple[str, str]) -> Exchange:
    """The answer to one who may pull, with what comes behind its head."""
    registry = repository.registry
    login = registry.presenter.authorization(repository.scopes)
    given = [*([("Authorization", login)] if login else []), EVERY_TYPE, *fields]
    return Wire(registry.http).ask(method, repository.path(path), given)


@verifies("registry/pull/head-and-304-end-with-their-head")
@pytest.mark.parametrize("how", [case("head", "HEAD"), case("absent", "absent"), case("not-modified", "GET")])
def test_head_and_304_end_with_their_head(stored: StoredImage, once: Once, how: str) -> None:
    """Purpose: what comes behind an answer that has no content is not taken for the next answer.

    Method: 1. HEAD a manifest, and one that was never pushed; GET it with its ETag in If-None-Match, where that is
               answered 304
            2. read what comes until the connection ends: expect nothing behind the head
    """
    repository, digest = stored.repository, stored.image.digest
    if how != "GET":
        expect_bare(asked(repository, "HEAD", f"manifests/{digest if how == 'HEAD' else stored.tag[:-2]}"))
        return
    etag = once(("stored", "digest-get"), lambda: repository.get_manifest(digest)).headers.get("etag")
    reply = asked(repository, "GET", f"manifests/{digest}", ("If-None-Match", etag or f'"{digest}"'))
    if reply.status != 304:
        raise NotApplicable("an entity tag saves no pull")

    expect_bare(reply)
