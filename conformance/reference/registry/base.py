"""What the parts of the registry have in common: the state, and the words of every answer."""

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
    """The state of the registry and how it is looked at."""

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

    def contents(self) -> list[str]:
        uploads = [f"{upload.repository} upload {session}" for session, upload in self.uploads.items()]
        held = [
            f"{name} {each}"
            for name, repository in self.repositories.items()
            for each in (*repository.blobs, *repository.manifests, *repository.tags)
        ]
        return uploads + held

    def stored(self, name: str) -> Repository:
        """The repository of that name; an empty one, not kept, where there is none."""
        return self.repositories.get(name) or Repository()

    def opened(self, name: str) -> Repository:
        """The repository of that name, brought into being where there is none."""
        return self.repositories.setdefault(name, Repository())

    def url(self, request: Request, path: str) -> str:
        """A Location: absolute, under the Host that the caller asked."""
        return request.base_url + path

    def is_name(self, text: str) -> bool:
        return grammar.is_name(text)

    def is_digest(self, text: str) -> bool:
        return grammar.is_supported_digest(text)

    def check_digest(self, text: str | None) -> str:
        """The digest as given; DIGEST_INVALID where it is malformed, absent or of another algorithm."""
        if text is None or not self.is_digest(text):
            raise Refusal("DIGEST_INVALID", {"digest": text})
        return text

    def digest_matches(self, digest: str, content: bytes | bytearray) -> bool:
        """Whether the content has that digest."""
        return grammar.digest_of(content, digest.partition(":")[0]) == digest
