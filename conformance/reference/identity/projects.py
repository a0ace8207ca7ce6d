"""Projects of an organization: visibility, validation and changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import BearerAuthentication, Caller
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import HIGHEST_BODY, is_text, media_type, strict_object

SLUG = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")
LONGEST_SLUG, LONGEST_NAME, LONGEST_DESCRIPTION, MOST_MEMBERS = 63, 200, 10_000, 100
MEMBERS_OF_CREATE = frozenset({"slug", "name", "description", "members"})
MEMBERS_OF_UPDATE = frozenset({"name", "description", "members", "version"})
ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class Projects(BearerAuthentication):
    """Visibility, validation and the three changes, each of them atomic."""

    def can_see(self, caller: Caller, project: Project) -> bool:
        """Return whether the caller sees a project: without members, everyone in the organization does."""
        return not project.members or caller.client.client_id in project.members

    def visible_projects(self, caller: Caller, organization: Organization) -> list[Project]:
        """Return the projects that the caller sees, sorted by slug."""
        return sorted(
            (project for project in organization.projects.values() if self.can_see(caller, project)),
            key=lambda project: project.slug,
        )

    def find_project(self, organization: Organization, slug: str | None) -> Project | None:
        return organization.projects.get(slug) if slug is not None else None

    def visible_project(self, caller: Caller, organization: Organization, slug: str | None) -> Project:
        """Return the project; Refused with 404 if it does not exist or the caller must not see it."""
        project = self.find_project(organization, slug)
        if project is None or not self.can_see(caller, project):
            raise Refused(self.not_found())
        return project

    def not_found(self) -> Answer:
        return self.api_error(404, "not_found", "There is no such resource.")

    def invalid(self, message: str) -> Answer:
        return self.api_error(400, "invalid_request", message)

    def conflict(self, message: str) -> Answer:
        """Return 409: a duplicate slug or a concurrent update."""
        return self.api_error(409, "conflict", message)

    def body_object(self, request: Request) -> dict[str, Any]:
        """Return the JSON object of a body; Refused with 400, or 413 above 1 MiB."""
        if len(request.body) > HIGHEST_BODY:
            raise Refused(self.api_error(413, "content_too_large", "The body is too large."))
        if not self.is_json(request):
            raise Refused(self.invalid("The content type is not application/json."))
        try:
            return self.parsed(request.body)
        except ValueError:
            raise Refused(self.invalid("The body is not a JSON object.")) from None

    def is_json(self, request: Request) -> bool:
        return media_type(request) == "application/json"

    def parsed(self, body: bytes) -> dict[str, Any]:
        return strict_object(body)

    def new_project(self, organization: Organization, body: dict[str, Any]) -> Project:
        """Return a project as a body describes it; Refused with 400 if the body is invalid."""
        self.refuse_unknown(body, MEMBERS_OF_CREATE)
        slug = body.get("slug")
        if not self.is_slug(slug):
            raise Refused(self.invalid("slug is missing or malformed."))
        fields = self.checked_fields(organization, {"name": None, **body})
        return Project(organization.slug, str(slug), **fields)

    def changes(self, organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
        """Return the fields that a PATCH sets; Refused with 400."""
        self.refuse_unknown(body, MEMBERS_OF_UPDATE)
        if "version" in body and (isinstance(body["version"], bool) or not isinstance(body["version"], int)):
            raise Refused(self.invalid("version is not an integer."))
        return self.checked_fields(organization, body)

    def refuse_unknown(self, body: dict[str, Any], known: frozenset[str]) -> None:
        """Refuse a body with members that are unknown or cannot be set, instead of ignoring them."""
        if not known >= body.keys():
            raise Refused(self.invalid("The body has a member that is unknown or cannot be set."))

    def is_slug(self, slug: Any) -> bool:
        return isinstance(slug, str) and len(slug) <= LONGEST_SLUG and SLUG.fullmatch(slug) is not None

    def checked_fields(self, organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
        """Return name, description and members of the body, if present; Refused with 400 for an invalid one."""
        fields: dict[str, Any] = {name: body[name] for name in ("name", "description", "members") if name in body}
        for name, value in fields.items():
            if not self.is_acceptable(organization, name, value):
                raise Refused(self.invalid(f"{name} is missing or malformed."))
        if "members" in fields:
            fields["members"] = list(dict.fromkeys(fields["members"]))
        return fields

    def is_acceptable(self, organization: Organization, name: str, value: Any) -> bool:
        """Return whether a field may have this value."""
        if name == "members":
            known = {member["id"] for member in organization.members}
            return (
                isinstance(value, list)
                and len(value) <= MOST_MEMBERS
                and all(isinstance(each, str) and each in known for each in value)
            )
        if name == "name":
            return is_text(value, 1, LONGEST_NAME) and bool(value.strip())
        return is_text(value, 0, LONGEST_DESCRIPTION)

    async def create_project(self, organization: Organization, project: Project) -> bool:
        """Add a project; return False if its slug is taken."""
        if project.slug in organization.projects:
            return False
        # A validator is never reused by another project with the same slug (RFC 9110 section 8.8.1).
        project.version = self.first_version(organization, project.slug)
        organization.projects[project.slug] = project
        return True

    async def update_project(self, project: Project, changes: dict[str, Any], still_holds: Callable[[], bool]) -> bool:
        """Change a project; return False, without a change, if the precondition does not hold."""
        if not still_holds():
            return False
        self.apply(project, changes)
        return True

    def apply(self, project: Project, changes: dict[str, Any]) -> None:
        """Set the fields and increment the version."""
        for name, value in changes.items():
            setattr(project, name, value)
        project.version += 1

    async def remove_project(
        self, organization: Organization, project: Project, still_holds: Callable[[], bool]
    ) -> bool:
        """Remove a project; return False, without a change, if the precondition does not hold."""
        if not still_holds():
            return False
        organization.projects.pop(project.slug, None)
        organization.last_versions[project.slug] = project.version
        return True

    def first_version(self, organization: Organization, slug: str) -> int:
        """Return the first version of a new project with a slug."""
        return organization.last_versions.get(slug, 0) + 1

    def if_match_holds(self, request: Request, project: Project) -> bool:
        """Evaluate If-Match by strong comparison (RFC 9110 section 13.1.1); True without it."""
        return "if-match" not in request.headers or _names(request, "if-match", project.etag, weakly=False)

    def if_none_match_holds(self, request: Request, project: Project) -> bool:
        """Evaluate If-None-Match by weak comparison (RFC 9110 section 13.1.2); True without it."""
        return not _names(request, "if-none-match", project.etag, weakly=True)

    def version_holds(self, body: dict[str, Any], project: Project) -> bool:
        return bool(body.get("version", project.version) == project.version)


def _names(request: Request, header: str, etag: str, weakly: bool) -> bool:
    value = ",".join(request.headers.getlist(header)).strip()
    if value == "*":
        return True
    tags = ENTITY_TAG.findall(value)
    return etag in ([tag.removeprefix("W/") for tag in tags] if weakly else tags)
