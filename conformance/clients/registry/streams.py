"""Streamed pushes and pulls of blobs that may not fit into memory."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from conformance.clients.http import followed
from conformance.clients.registry.client import Repository
from conformance.clients.s3.streams import Comparison, Content, Parts
from conformance.vocabulary.exchange import Exchange


def digest_of(content: Content) -> str:
    """Return the sha256 digest of a content."""
    digest = hashlib.sha256()
    for part in content.parts():
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def push(repository: Repository, content: Content) -> tuple[Exchange, str]:
    """Push a blob with its Content-Length; return the response to the PUT, and the digest."""
    digest = digest_of(content)
    length = ("Content-Length", str(content.size))
    return repository.open_upload().put(digest, Parts(content), headers=[length]), digest


def pull(repository: Repository, digest: str, content: Content) -> tuple[Exchange, Comparison]:
    """GET a blob, following redirects, and compare it with the expected content.

    The exchange has only the start of the body.
    """
    registry, compared = repository.registry, Comparison(content)

    def get(address: str) -> Exchange:
        nonlocal compared
        compared = Comparison(content)
        return replace(registry, http=registry.http.into(compared.take)).send("GET", address, scopes=repository.scopes)

    reply = followed(get(repository.path(f"blobs/{digest}")), get)
    return reply, compared
