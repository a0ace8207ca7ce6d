"""The base of the registry's parts: state, digests and addresses."""

from __future__ import annotations

from conformance.reference.http import Request
from conformance.reference.keys import SigningKey
from conformance.reference.rate_limit import Windows
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.state import Repository, Upload
from conformance.reference.seeds import Seeds
from conformance.reference.surface import Surface


class Base(Surface):
    """The state of the registry, and access to it."""

    name = "registry"

    def __init__(self, seeds: Seeds, key: SigningKey) -> None:
        self.seeds = seeds
        self.key = key
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, Upload] = {}
        self.windows = Windows()

    def reset(self) -> None:
        self.repositories.clear()
        self.uploads.clear()
        self.windows = Windows()

    def contents(self) -> list[str]:
        uploads = [f"{upload.repository} upload {session}" for session, upload in self.uploads.items()]
        content = [
            f"{name} {each}"
            for name, repository in self.repositories.items()
            for each in (*repository.blobs, *repository.manifests, *repository.tags)
        ]
        return uploads + content

    def stored(self, name: str) -> Repository:
        """Return the repository of that name, or an empty one that is not stored."""
        return self.repositories.get(name) or Repository()

    def opened(self, name: str) -> Repository:
        """Return the repository of that name, created if it does not exist."""
        return self.repositories.setdefault(name, Repository())

    def url(self, request: Request, path: str) -> str:
        """Return an absolute Location with the request's Host."""
        return request.base_url + path

    def is_name(self, text: str) -> bool:
        return grammar.is_name(text)

    def is_digest(self, text: str) -> bool:
        return grammar.is_supported_digest(text)

    def check_digest(self, text: str | None) -> str:
        """Return the digest; DIGEST_INVALID if it is malformed, absent or of an unsupported algorithm."""
        if text is None or not self.is_digest(text):
            raise Refusal("DIGEST_INVALID", {"digest": text})
        return text

    def digest_matches(self, digest: str, content: bytes | bytearray) -> bool:
        return grammar.digest_of(content, digest.partition(":")[0]) == digest
