"""The state of the registry in memory: repositories with blobs, manifests and tags; open uploads."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_LIST)
OCI_TYPES = (OCI_MANIFEST, OCI_INDEX)


@dataclass(frozen=True)
class Manifest:
    """A manifest with its bytes as pushed; ``document`` is the parsed JSON."""

    digest: str
    media_type: str
    content: bytes
    document: dict[str, Any]

    @property
    def subject(self) -> str | None:
        """The digest of the manifest that this one refers to, or None; Docker's types have no subject."""
        subject = self.document.get("subject")
        return str(subject["digest"]) if subject and self.media_type in OCI_TYPES else None

    @cached_property
    def descriptor(self) -> dict[str, Any]:
        """The entry in a list of referrers (distribution-spec 1.1, "Listing Referrers")."""
        entry: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}
        artifact_type = self.document.get("artifactType") or self._config_type()
        if artifact_type:
            entry["artifactType"] = artifact_type
        if self.document.get("annotations"):
            entry["annotations"] = self.document["annotations"]
        return entry

    def _config_type(self) -> str | None:
        return self.document["config"]["mediaType"] if self.media_type in IMAGES else None


@dataclass
class Repository:
    """A repository; the first blob or manifest creates it."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Upload:
    """An open upload session: its repository, its caller, and the bytes so far."""

    repository: str
    subject: str
    content: bytearray = field(default_factory=bytearray)
    session: str = field(default_factory=lambda: str(uuid.uuid4()))
