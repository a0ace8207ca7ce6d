"""Blobs of any size, pushed and pulled without ever being whole in memory."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from conformance.clients.http import followed
from conformance.clients.registry.client import Repository
from conformance.clients.s3.streams import Comparison, Content, Parts
from conformance.vocabulary.exchange import Exchange


def digest_of(content: Content) -> str:
    """The sha256 digest."""
    digest = hashlib.sha256()
    for part in content.parts():
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def push(repository: Repository, content: Content) -> tuple[Exchange, str]:
    """POST and PUT of a blob with its Content-Length; the answer to the PUT, and the blob's digest."""
    digest = digest_of(content)
    length = ("Content-Length", str(content.size))
    return repository.open_upload().put(digest, Parts(content), headers=[length]), digest


def pull(repository: Repository, digest: str, content: Content) -> tuple[Exchange, Comparison]:
    """GET of a blob, redirects followed, compared with what it should be as it comes.

    The exchange has the body's beginning alone.
    """
    registry, compared = repository.registry, Comparison(content)

    def asked(address: str) -> Exchange:
        nonlocal compared
        compared = Comparison(content)
        return replace(registry, http=registry.http.into(compared.take)).send("GET", address, scopes=repository.scopes)

    reply = followed(asked(repository.path(f"blobs/{digest}")), asked)
    return reply, compared
