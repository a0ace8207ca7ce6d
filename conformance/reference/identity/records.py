"""Organizations with their members and projects, as provisioned at the start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION, Seeds

CANARY = "canary-globex-9d41c7e05ba2"
"""In every text of the other organization: callers of acme must never receive it."""

ROLES = ("Owner", "Admin", "Contributor", "User", "Viewer")


@dataclass
class Project:
    """A project. ``members`` are client ids; without any, everyone in the organization. ``version`` counts from 1."""

    organization: str
    slug: str
    name: str
    description: str = ""
    members: list[str] = field(default_factory=list)
    version: int = 1

    @property
    def etag(self) -> str:
        """The strong validator of this version (RFC 9110 section 8.8.3)."""
        return f'"{self.version}"'

    def document(self) -> dict[str, Any]:
        """Return the project as JSON data."""
        return {
            "organization": self.organization,
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "members": list(self.members),
            "version": self.version,
        }


@dataclass
class Organization:
    """An organization: ``members`` as JSON data, ``projects`` by slug, and the last version of deleted ones."""

    slug: str
    name: str
    description: str
    members: list[dict[str, str]]
    projects: dict[str, Project]
    last_versions: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the organization as JSON data."""
        return {"slug": self.slug, "name": self.name, "description": self.description}


def _members(seeds: Seeds, organization: str, remark: str) -> list[dict[str, str]]:
    own = [client.client_id for client in seeds.clients if client.organization == organization]
    return [
        {"id": client_id, "name": f"Automation {client_id}{remark}", "role": ROLES[min(number, len(ROLES) - 1)]}
        for number, client_id in enumerate(own)
    ]


def _organization(seeds: Seeds, slug: str, name: str, remark: str, projects: list[Project]) -> Organization:
    by_slug = {project.slug: project for project in projects}
    members = _members(seeds, slug, remark)
    return Organization(slug, name + remark, f"Provisioned at the start{remark}", members, by_slug)


def provisioned_organizations(seeds: Seeds) -> dict[str, Organization]:
    """Return ``acme`` with an open and a hidden project, and ``globex`` with a vault, as new objects."""
    own = [
        Project(ORGANIZATION, "atlas", "Atlas", "Open to the whole organization"),
        Project(ORGANIZATION, "secret-lab", "Secret lab", "Known to its member only", ["ct-full"]),
    ]
    vault = Project(OTHER_ORGANIZATION, "globex-vault", f"Vault {CANARY}", f"Kept from everybody else {CANARY}")
    return {
        ORGANIZATION: _organization(seeds, ORGANIZATION, "Acme", "", own),
        OTHER_ORGANIZATION: _organization(seeds, OTHER_ORGANIZATION, "Globex", f" {CANARY}", [vault]),
    }
