"""What programs push: each an image of its own, once, noted for removal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from conformance.clients.programs.image_files import Held, image_of
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
    """The programs by name, each looked for once; ``unfit`` says of which, and why, they cannot take this registry."""

    find: dict[str, type[ImageProgram]]
    given: tuple[object, ...]
    unfit: dict[str, str] = field(default_factory=dict)
    _found: dict[str, ImageProgram | NotApplicable] = field(default_factory=dict)

    def get(self, name: str) -> ImageProgram:
        """One of them; NotApplicable where it is not installed."""
        if name in self.unfit:
            raise NotApplicable(self.unfit[name])
        if name not in self._found:
            try:
                self._found[name] = self.find[name](*self.given)  # type: ignore[arg-type]
            except NotApplicable as absent:
                self._found[name] = absent
        found = self._found[name]
        if isinstance(found, NotInstalled):
            raise NotInstalled(str(found), name)
        if isinstance(found, NotApplicable):
            raise NotApplicable(str(found))
        return found

    def after(self, program: ImageProgram) -> Iterator[ImageProgram]:
        """The others that are installed, in the order of a ring that begins behind one."""
        names = list(self.find)
        place = names.index(program.name) + 1
        for name in [*names[place:], *names[: place - 1]]:
            with suppress(NotApplicable):
                yield self.get(name)

    def close(self) -> None:
        """Ends what they keep open."""
        for each in self._found.values():
            if isinstance(each, ImageProgram):
                each.close()


@dataclass
class Pushes:
    """What each program pushed to a repository, under a tag of its name."""

    repository: Repository
    login: Login | None
    names: Names
    _made: dict[str, Pushed] = field(default_factory=dict)

    def of(self, program: ImageProgram) -> Pushed:
        """How it pushed an image that nobody else pushes."""
        if program.name not in self._made:
            content = image(self.names.new(program.name), layers=2)
            self._made[program.name] = program.push(content, self.repository.name, program.name, self.login)
            note(self.repository, self.stored(program))
        return self._made[program.name]

    def stored(self, program: ImageProgram) -> Exchange:
        """What the registry gives for its tag."""
        return self.repository.get_manifest(program.name)

    def held_by_manifest(self, program: ImageProgram) -> Held | None:
        """What the manifest of the pushed digest refers to; None if nothing was pushed.

        None also if it is no image, which the check of the push reports.
        """
        digest = self.of(program).digest
        content = self.repository.get_manifest(digest) if digest else None
        if content is None or not content.ok:
            return None
        try:
            return image_of(content.body)
        except (ValueError, LookupError, TypeError):
            return None


def note(repository: Repository, stored: Exchange) -> None:
    """Has what a program pushed removed at the end, as far as its manifest can be read."""
    document = stored.members()
    if stored.ok and document:
        described = [each for each in (document.get("config"), *list_in(document, "layers")) if isinstance(each, dict)]
        digests = [each.get("digest") for each in described]
        _note(repository, [digest_of(stored.body)], [each for each in digests if isinstance(each, str)])


def note_all(repository: Repository, manifest: Manifest) -> None:
    """Has everything that an image or index refers to removed at the end, as far as it was pushed."""
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
    """The login in the first of these roles that there is; None for an open registry."""
    there = set(map(str, registry.credentials))
    if not there:
        return None
    return registry.login(next((role for role in roles if role in there), roles[0]))
