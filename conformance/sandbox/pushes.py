"""Images that programs push: each program pushes its own image once, which is noted for removal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from conformance.clients.programs.image_files import ImageDigests, image_of
from conformance.clients.programs.image_tools import ImageProgram, Pushed
from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Manifest, digest_of, image
from conformance.sandbox.names import Names
from conformance.sandbox.registry_cleanup import list_in
from conformance.target.description import Login, Registry
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable, NotInstalled


@dataclass
class Programs:
    """The installed programs by name; ``unfit`` has the reason for each that cannot use this registry."""

    find: dict[str, type[ImageProgram]]
    arguments: tuple[object, ...]
    unfit: dict[str, str] = field(default_factory=dict)
    _found: dict[str, ImageProgram | NotApplicable] = field(default_factory=dict)

    def get(self, name: str) -> ImageProgram:
        """Return a program; NotApplicable if it is not installed or unfit."""
        if name in self.unfit:
            raise NotApplicable(self.unfit[name])
        if name not in self._found:
            try:
                self._found[name] = self.find[name](*self.arguments)  # type: ignore[arg-type]
            except NotApplicable as absent:
                self._found[name] = absent
        found = self._found[name]
        if isinstance(found, NotInstalled):
            raise NotInstalled(str(found), name)
        if isinstance(found, NotApplicable):
            raise NotApplicable(str(found))
        return found

    def after(self, program: ImageProgram) -> Iterator[ImageProgram]:
        """Yield the other installed programs, in order from the next one, wrapping around."""
        names = list(self.find)
        index = names.index(program.name)
        for name in names[index + 1 :] + names[:index]:
            with suppress(NotApplicable):
                yield self.get(name)

    def close(self) -> None:
        """Close the programs."""
        for each in self._found.values():
            if isinstance(each, ImageProgram):
                each.close()


@dataclass
class Pushes:
    """The image that each program pushed to a repository, under a tag of its name."""

    repository: Repository
    login: Login | None
    names: Names
    _made: dict[str, Pushed] = field(default_factory=dict)

    def of(self, program: ImageProgram) -> Pushed:
        """Return the result of pushing the program's image, which it does once."""
        if program.name not in self._made:
            content = image(self.names.new(program.name), layers=2)
            self._made[program.name] = program.push(content, self.repository.name, program.name, self.login)
            note(self.repository, self.stored(program))
        return self._made[program.name]

    def stored(self, program: ImageProgram) -> Exchange:
        """Return the manifest of the program's tag."""
        return self.repository.get_manifest(program.name)

    def held_by_manifest(self, program: ImageProgram) -> ImageDigests | None:
        """Return what the pushed manifest refers to; None if nothing was pushed, or no image."""
        digest = self.of(program).digest
        content = self.repository.get_manifest(digest) if digest else None
        if content is None or not content.ok:
            return None
        try:
            return image_of(content.body)
        except (ValueError, LookupError, TypeError):
            return None


def note(repository: Repository, stored: Exchange) -> None:
    """Note for removal what a program pushed, as far as its manifest can be read."""
    document = stored.members()
    if stored.ok and document:
        described = [each for each in (document.get("config"), *list_in(document, "layers")) if isinstance(each, dict)]
        digests = [each.get("digest") for each in described]
        _note(repository, [digest_of(stored.body)], [each for each in digests if isinstance(each, str)])


def note_all(repository: Repository, manifest: Manifest) -> None:
    """Note for removal everything that an image or index refers to."""
    _note(repository, [manifest.digest], [each.digest for each in manifest.blobs])
    for child in manifest.children:
        note_all(repository, child)


def _note(repository: Repository, manifests: Iterable[str], blobs: Iterable[str]) -> None:
    for digest in manifests:
        repository.inventory.note("manifest", digest=digest)
        repository.inventory.manifests[digest] = None
    for digest in blobs:
        repository.inventory.note("blob", digest=digest)
        repository.inventory.blobs.add(digest)


def login_as(registry: Registry, *roles: str) -> Login | None:
    """Return the login of the first of these roles that is declared; None for an open registry."""
    declared = set(map(str, registry.credentials))
    if not declared:
        return None
    return registry.login(next((role for role in roles if role in declared), roles[0]))
