"""What was put into one repository, told to whoever keeps a ledger before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from conformance.evidence.recorder import Kept

if TYPE_CHECKING:
    from conformance.clients.registry.client import Upload


class Note(Protocol):
    """Takes note of what is about to be made in a repository."""

    def __call__(self, kind: str, **details: str) -> None:
        """``blob`` and ``manifest`` have a digest; ``upload`` a location, and where it ``was``; ``closed`` one too."""


def _unnoted(kind: str, **details: str) -> None:
    pass


@dataclass
class Inventory:
    """What was put into one repository, so that it can be taken out again; ``note`` is told before it is made.

    ``parts``: how each blob that manifests need came there.
    """

    note: Note = _unnoted
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, None] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    parts: dict[str, list[Kept]] = field(default_factory=dict)

    def beside(self, repository: str) -> Inventory:
        """That of another repository, whose sessions are this one's to end, ``under`` the other's name."""
        return Inventory(partial(self.note, under=repository), uploads=self.uploads)

    def opened(self, upload: Upload) -> Upload:
        """Takes in a session that was opened."""
        self.note("upload", location=upload.location)
        self.uploads.append(upload)
        return upload

    def moved(self, upload: Upload, location: str) -> None:
        """Notes that a session goes on elsewhere."""
        if location != upload.location:
            self.note("upload", location=location, was=upload.location)
            upload.location = location

    def ended(self, upload: Upload) -> None:
        """Notes that a session is over."""
        upload.open = False
        self.note("closed", location=upload.location)
