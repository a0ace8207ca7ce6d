"""The content that a run put into one repository, reported to the ledger before it is created."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from conformance.evidence.recorder import Recorded

if TYPE_CHECKING:
    from conformance.clients.registry.client import Upload


class Note(Protocol):
    """Receives notes of content that is about to be created in a repository."""

    def __call__(self, kind: str, **details: str) -> None:
        """``blob`` and ``manifest`` have a digest; ``upload`` and ``closed`` a location, a moved upload ``was`` too."""


def _ignore(kind: str, **details: str) -> None:
    pass


@dataclass
class Inventory:
    """The content of one repository to clean up; ``note`` is called before each creation.

    ``parts`` are the exchanges that pushed each blob of manifests.
    """

    note: Note = _ignore
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, None] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    parts: dict[str, list[Recorded]] = field(default_factory=dict)

    def for_repository(self, repository: str) -> Inventory:
        """Return the inventory of another repository that shares this one's upload sessions."""
        return Inventory(partial(self.note, under=repository), uploads=self.uploads)

    def opened(self, upload: Upload) -> Upload:
        """Add an opened session."""
        self.note("upload", location=upload.location)
        self.uploads.append(upload)
        return upload

    def moved(self, upload: Upload, location: str) -> None:
        """Note a new location of a session."""
        if location != upload.location:
            self.note("upload", location=location, was=upload.location)
            upload.location = location

    def ended(self, upload: Upload) -> None:
        """Note the end of a session."""
        upload.open = False
        self.note("closed", location=upload.location)
