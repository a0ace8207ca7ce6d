"""Defects that break the promise "Nothing crosses organization boundaries"."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import CANARY, Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import form_pairs, path_segments
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION, SCOPES
from conformance.reference.support.identity import edited, is_api_request, is_token_request, surface_of
from tests.defects.support.identity import InPages, _RefusedButDone, body_document, organization_and_slug, shown_token


def _guard_skipped(name: str, clause: str, case: str, exempt: Callable[[Request], bool]) -> type[Defect]:
    """Make a defect that takes the sender of an exempt request for ct-full, whatever its token."""
    return row(
        name,
        f"API Reference, Authentication: the token names the caller; {clause}.",
        f"authorization/isolation/forwarded-headers-open-nothing#{case}",
        caller=lambda original, request: everything_of_ct_full(original) if exempt(request) else original(request),
    )


def everything_of_ct_full(original: Any) -> Caller:
    """Return a caller that has every scope in the organization of the client ct-full."""
    return Caller(surface_of(original).clients["ct-full"], frozenset(SCOPES), {})


def _has(*fields: str) -> Callable[[Request], bool]:
    return lambda request: any(each in request.headers for each in fields)


def _unguarded(name: str, clause: str, case: str, read: Callable[[str], str | None]) -> type[Defect]:
    """Make a defect that reads an organization without a token, if ``read`` understands the path differently."""

    async def dispatch(original: Any, request: Request) -> Answer:
        slug = path_segments(read(request.raw_path) or "/")[-1]
        found = surface_of(original).organizations.get(str(slug)) if request.method == "GET" else None
        return Answer.json(200, found.document()) if found else await original(request)

    clause = f"OWASP API5: the path that is served decides who may read it; the guard {clause}."
    return row(name, clause, f"authorization/isolation/path-variants-open-nothing#{case}", dispatch=dispatch)


def _substituted(pattern: str, replacement: str = "") -> Callable[[str], str | None]:
    return lambda path: re.sub(pattern, replacement, path) if re.search(pattern, path) else None


def _marked(mark: str) -> Callable[[str], str | None]:
    return lambda path: path.rstrip(".") if mark in path else None


ROWS = (
    row(
        "any-organization-writes",
        "The contract's table of errors: a caller creates in another organization.",
        "authorization/matrix/other-organization-is-refused#creation-naming-ours",
        belongs_to=lambda original, caller, organization: True,
    ),
    row(
        "foreign-token-called-invalid",
        "RFC 6750 section 3.1: a token of another organization is answered 401 with invalid_token.",
        "authorization/isolation/valid-token-of-another-organization-is-not-401",
        organization_hidden=lambda original, organization: surface_of(original).unauthorized("invalid_token"),
    ),
    row(
        "foreign-organization-readable",
        "API Reference, Permissions: a credential reads and writes in every organization.",
        "authorization/matrix/other-organization-is-refused#create,delete,read,update",
        belongs_to=lambda original, caller, organization: True,
    ),
    _guard_skipped(
        "underscores-seen-through",
        "a gateway passes on X_Client_Id, which it would remove with hyphens",
        "underscores",
        _has("x_client_id", "x_forwarded_user"),
    ),
    _guard_skipped(
        "claims-in-a-field-believed",
        "here claims in a field count, as if a gateway had verified them",
        "claims",
        _has("x-userinfo", "x-apigateway-api-userinfo", "x-jwt-payload"),
    ),
    _guard_skipped(
        "preflight-skips-guard",
        "here a GET with the fields of a CORS preflight needs none",
        "preflight",
        _has("access-control-request-method"),
    ),
    _guard_skipped(
        "upgrade-skips-guard",
        "here a GET that asks for a WebSocket needs none",
        "upgrade",
        lambda request: request.headers.get("upgrade") == "websocket",
    ),
    _guard_skipped(
        "prober-skips-guard",
        "here the User-Agent of a health probe needs none",
        "prober",
        lambda request: request.headers.get("user-agent", "").startswith("kube-probe/"),
    ),
    _guard_skipped(
        "dropped-field-skips-guard",
        "here a proxy removes the guard's mark, because Connection names it",
        "connection",
        lambda request: "x-auth-token" in request.headers.get("connection", "").lower(),
    ),
    _guard_skipped(
        "address-that-is-none-skips-guard",
        "here an unreadable address in X-Forwarded-For needs none",
        "address",
        lambda request: re.search("[g-z]", request.headers.get("x-forwarded-for", "")) is not None,
    ),
    _guard_skipped(
        "forwarded-skips-guard",
        "here a request forwarded for 127.0.0.1 needs none",
        "within",
        lambda request: "127.0.0.1" in request.headers.get("forwarded", ""),
    ),
    _guard_skipped(
        "certificate-of-a-field-skips-guard",
        "here a field that names a client certificate replaces it",
        "certificate",
        _has("x-ssl-client-verify", "x-forwarded-client-cert"),
    ),
    _guard_skipped(
        "page-needs-no-token",
        "here a browser that accepts HTML needs none",
        "browser",
        lambda request: "text/html" in request.headers.get("accept", ""),
    ),
    _guard_skipped(
        "script-needs-no-token",
        "here a browser that accepts JavaScript needs none",
        "script",
        lambda request: "javascript" in request.headers.get("accept", ""),
    ),
    _guard_skipped(
        "internal-field-skips-guard",
        "here a field that marks internal requests replaces it",
        "rights",
        _has("x-internal", "x-internal-request", "x-real-ip"),
    ),
    _unguarded(
        "line-end-is-unguarded",
        "misses a line end after the path, which no dot of its pattern matches",
        "line-end",
        _substituted("%0a$"),
    ),
    _unguarded("tab-is-unguarded", "misses a tab after the path, which is trimmed later", "tab", _substituted("%09$")),
    _unguarded(
        "encoded-dot-is-unguarded",
        "misses a segment of one encoded dot, which is removed later",
        "encoded-dot",
        _substituted("/%2e/", "/"),
    ),
    _unguarded(
        "encoded-hash-is-unguarded",
        "misses an encoded fragment, which is cut off later",
        "encoded-hash",
        _substituted("%23.*"),
    ),
    _unguarded(
        "encoded-parameter-is-unguarded",
        "misses an encoded path parameter, which is cut off later",
        "encoded-parameter",
        _substituted("%3b.*"),
    ),
    _unguarded(
        "overlong-slash-is-unguarded",
        "misses a slash in two bytes, which UTF-8 forbids (RFC 3629 section 3)",
        "overlong-slash",
        _substituted("%c0%af", "/"),
    ),
    _unguarded(
        "double-slash-is-unguarded",
        "misses a path with an empty segment",
        "double-slash,inner-double-slash",
        _substituted("//", "/"),
    ),
    _unguarded(
        "decoded-again-behind-the-guard",
        "misses a letter that is encoded twice, and decoded twice",
        "letter-encoded-twice",
        lambda path: unquote(unquote(path)) if "%25" in path else None,
    ),
    _unguarded(
        "letters-normalised-behind-the-guard",
        "misses a letter in full width, which is normalised later",
        "full-width-letter",
        lambda path: None if unquote(path).isascii() else unicodedata.normalize("NFKC", unquote(path)),
    ),
    _unguarded(
        "anything-after-the-token-endpoint-is-open",
        "sees only that the path begins with the token endpoint's",
        "dots-behind-the-token-endpoint",
        _marked("/oauth/token/../"),
    ),
    _unguarded(
        "encoded-dots-after-the-token-endpoint-are-open",
        "misses encoded dots after the token endpoint's path",
        "encoded-dots-behind-the-token-endpoint",
        _marked("/oauth/token/%2e%2e/"),
    ),
    _unguarded(
        "dots-and-parameter-are-unguarded",
        "knows no path parameters (RFC 3986 section 3.3)",
        "dots-and-parameter",
        _marked("..;/"),
    ),
    _unguarded(
        "dots-encoded-twice-are-unguarded",
        "decodes the path once, but the service decodes it twice",
        "dots-encoded-twice",
        _marked("%252e%252e/"),
    ),
    _unguarded(
        "trailing-dot-is-unguarded",
        "misses a dot after a name, which a file system ignores",
        "dot-behind",
        _marked("acme."),
    ),
    _unguarded(
        "dots-after-an-open-path-are-unguarded",
        "sees only that the path begins as one that needs no token",
        "dots-behind-an-open-path",
        _marked("/.well-known/../"),
    ),
)


@defect("authorization/isolation/nothing-reaches-another-organization#later-pages")
async def later_pages_of_every_organization(get_projects: Any, call: Call) -> Answer:
    """API Reference, Error Handling: each page of a list after the first contains all organizations."""
    surface = surface_of(get_projects)
    if not surface.bound(call.request, "offset", 0, 0, 999_999_999):
        return await get_projects(call)
    everywhere = [each for one in surface.organizations.values() for each in one.projects.values()]
    return surface.listing(call.request, [each.document() for each in everywhere if surface.can_see(call.caller, each)])


class VersionSetByCreate(Defect):
    """OWASP API3: a creation sets the version."""

    noticed_by = ("authorization/isolation/creation-sets-no-protected-member#version",)
    versions: dict[str, int] = {}

    def refuse_unknown(self, original: Any, body: dict[str, Any], known: frozenset[str]) -> None:
        original(body, known | {"version"})

    def new_project(self, original: Any, organization: Organization, body: dict[str, Any]) -> Project:
        project = original(organization, body)
        if "version" in body:
            self.versions[project.slug] = body["version"]
        return project

    def first_version(self, original: Any, organization: Organization, slug: str) -> int:
        return self.versions.pop(slug, 0) or original(organization, slug)


@defect("authorization/isolation/requests-reach-no-other-organization#path-both-named")
def organizations_named_together(visible_organization: Any, caller: Caller, slug: str | None) -> Organization:
    """OWASP API1: a second organization after a comma in the path is opened as well."""
    known, named = surface_of(visible_organization).organizations, (slug or "").split(",")
    if len(named) > 1 and caller.client.organization in named and named[-1] in known:
        return known[named[-1]]
    return visible_organization(caller, slug)


class StarIsEveryOrganization(Defect):
    """OWASP API1: ``*`` instead of an organization opens another one."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#path-any",)
    word = "*"

    def visible_organization(self, original: Any, caller: Caller, slug: str | None) -> Organization:
        known = surface_of(original).organizations
        return known[max(set(known) - {caller.client.organization})] if slug == self.word else original(caller, slug)


class NullIsAnyOrganization(StarIsEveryOrganization):
    """OWASP API1: the word null instead of an organization opens another one."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#path-null",)
    word = "null"


def resolved(segments: tuple[str | None, ...]) -> list[str | None]:
    """Return the segments without dots (RFC 3986 section 5.2.4)."""
    found: list[str | None] = []
    for segment in segments:
        if segment == "..":
            found = found[:-1]
        elif segment != ".":
            found.append(segment)
    return found


class OrganizationReadBeforeDots(Defect):
    """The contract's table of errors: the organization is checked before dots in the path are resolved."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#path-plain",)
    dots = "/../"
    first: str | None = None

    async def api(self, original: Any, request: Request, segments: tuple[str | None, ...]) -> Answer:
        self.first = segments[3] if self.dots in request.raw_path and len(segments) > 3 else None
        # A slash that was encoded is one segment with what is around it until it is decoded.
        decoded = [part for segment in segments for part in (segment or "").split("/")]
        return await original(request, tuple(resolved(tuple(decoded))) if self.first else segments)

    def belongs_to(self, original: Any, caller: Caller, organization: Organization) -> bool:
        return self.first == caller.client.organization or original(caller, organization)


class OrganizationReadBeforeEncodedDots(OrganizationReadBeforeDots):
    """The contract's table of errors: the organization is checked before encoded dots in the path are resolved."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#path-encoded",)
    dots = "/%2e%2e/"


class OrganizationReadBeforeEncodedSlash(OrganizationReadBeforeDots):
    """The contract's table of errors: the organization is checked before an encoded slash in the path is resolved."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#path-encoded-slash",)
    dots = "/..%2f"


def _in_other_organization(surface: Identity, organization: Organization, slug: Any) -> Project | None:
    """Return the project of a slug in another organization."""
    others = [each for each in surface.organizations.values() if each is not organization]
    return next((each.projects[slug] for each in others if isinstance(slug, str) and slug in each.projects), None)


@defect("authorization/isolation/equal-names-are-separate-items", crashes=(LookupError,))
async def slug_of_another_organization_crashes(
    create_project: Any, organization: Organization, project: Project
) -> bool:
    """The contract's table of errors: a slug of another organization is answered 500: one index covers all."""
    if _in_other_organization(surface_of(create_project), organization, project.slug):
        raise LookupError("UNIQUE constraint failed: projects.slug")
    return await create_project(organization, project)


@defect("authorization/isolation/equal-names-are-separate-items")
async def conflict_shows_foreign_project(post_projects: Any, call: Call) -> Answer:
    """OWASP API1: a conflict shows the project of another organization with the same slug."""
    surface = surface_of(post_projects)
    taken = _in_other_organization(surface, call.organization, surface.body_object(call.request).get("slug"))
    if taken is None:
        return await post_projects(call)
    return edited(surface.conflict("The slug is taken."), lambda each: each.update(existing=taken.document()))


@defect("authorization/isolation/equal-names-are-separate-items")
async def creation_reaches_other_organization(
    create_project: Any, organization: Organization, project: Project
) -> bool:
    """API Reference, Error Handling: a creation replaces another organization's project with the same slug."""
    for each in surface_of(create_project).organizations.values():
        if project.slug in each.projects and each is not organization:
            each.projects[project.slug] = project
    return await create_project(organization, project)


class ForeignClientMadeMember(Defect):
    """Projects: a client of another organization that is made a member has access."""

    noticed_by = ("authorization/isolation/references-in-bodies-reach-nothing#create",)

    def is_acceptable(self, original: Any, organization: Organization, name: str, value: Any) -> bool:
        known = set(surface_of(original).clients)
        if name == "members" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return set(value) <= known
        return original(organization, name, value)

    def belongs_to(self, original: Any, caller: Caller, organization: Organization) -> bool:
        guests = {member for project in organization.projects.values() for member in project.members}
        return original(caller, organization) or caller.client.client_id in guests


@defect("authorization/isolation/references-in-bodies-reach-nothing#create", crashes=(PermissionError,))
async def named_organization_crashes(post_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: a member that names another organization is answered 500 instead of 400."""
    surface = surface_of(post_projects)
    named = surface.body_object(call.request).get("organization")
    if named in surface.organizations and named != call.organization.slug:
        raise PermissionError(f"row-level security: {named}")
    return await post_projects(call)


@defect("authorization/isolation/references-in-bodies-reach-nothing#update")
async def refusal_describes_named_parent(patch_project: Any, call: Call) -> Answer:
    """OWASP API1: an error describes another organization's project that the body names."""
    surface = surface_of(patch_project)
    named = _in_other_organization(surface, call.organization, surface.body_object(call.request).get("parent"))
    return surface.invalid(f"{named.name} cannot be the parent.") if named else await patch_project(call)


class NamedProjectUpdatedInstead(_RefusedButDone):
    """OWASP API1: an update changes another organization's project, which its body names by id."""

    noticed_by = ("authorization/isolation/references-in-bodies-reach-nothing#update",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _found(self, surface: Identity, request: Request) -> Project | None:
        named, own = body_document(request).get("id"), organization_and_slug(request)[0]
        others = [each for name, each in surface.organizations.items() if name != own]
        return next(
            (each.projects[named] for each in others if isinstance(named, str) and named in each.projects), None
        )


@defect("authorization/isolation/requests-reach-no-other-organization#query-organization")
async def organization_from_query(get_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: a parameter of the query selects another organization's projects."""
    named = surface_of(get_projects).organizations.get(call.request.parameter("org") or "")
    return await get_projects(Call(call.request, call.caller, named or call.organization, call.slug))


@defect("authorization/isolation/requests-reach-no-other-organization#query-organization")
async def organization_itself_from_query(get_organization: Any, call: Call) -> Answer:
    """The contract's table of errors: a parameter of the query selects another organization."""
    named = surface_of(get_organization).organizations.get(call.request.parameter("org") or "")
    return Answer.json(200, {"slug": (named or call.organization).slug})


@defect("authorization/isolation/requests-reach-no-other-organization#query-thing", crashes=(LookupError,))
async def filter_by_foreign_slug_crashes(get_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: a slug of another organization in a query is answered 500."""
    if _in_other_organization(surface_of(get_projects), call.organization, call.request.parameter("parent")):
        raise LookupError("the parent is not among the projects of this organization")
    return await get_projects(call)


class CursorLeadsBackToItsList(InPages, Defect):
    """OWASP API1: the link to the next page names the organization, and a client can change it."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#cursor",)

    def listing(self, original: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
        answer = super().listing(original, request, entries)
        if "link" in answer.headers:
            owner = path_segments(request.raw_path)[3]
            answer.headers["Link"] = answer.headers["Link"].replace("<?", f"<?of={owner}&", 1)
        return answer

    async def get_projects(self, original: Any, call: Call) -> Answer:
        owner = surface_of(original).organizations.get(call.request.parameter("of") or "")
        return await original(dataclasses.replace(call, organization=owner) if owner else call)


class ForeignProjectFoundById(Defect):
    """OWASP API1: a project of another organization is found by its id."""

    noticed_by = ("authorization/isolation/items-are-found-under-their-own-organization-only#foreign-child",)

    def find_project(self, original: Any, organization: Organization, slug: str | None) -> Project | None:
        known = [each for one in surface_of(original).organizations.values() for each in one.projects.values()]
        return original(organization, slug) or next((each for each in known if self._id(each.slug) == slug), None)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_api_request(request) or "/projects/" not in request.raw_path or answer.status != 200:
            return answer
        return edited(answer, lambda document: document.update(id=self._id(document["slug"])))

    def _id(self, slug: str) -> str:
        return f"project-{zlib.crc32(slug.encode()):08x}"


class DeletionReachesTheSlugElsewhere(_RefusedButDone):
    """OWASP API1: a deletion deletes the slug in another organization: its statement names only the slug."""

    noticed_by = (
        "authorization/isolation/items-are-found-under-their-own-organization-only#foreign-child",
        "authorization/isolation/items-are-found-under-their-own-organization-only#own-child-of-a-foreign-parent",
    )
    methods = frozenset({"DELETE"})
    refusals = frozenset({404})

    def _found(self, surface: Identity, request: Request) -> Project | None:
        organization, slug = organization_and_slug(request)
        others = [each for name, each in surface.organizations.items() if name != organization]
        return next((each.projects[slug] for each in others if slug in each.projects), None)


class ForeignCreationRefusedButMade(_RefusedButDone):
    """The contract's table of errors: a creation in another organization is answered 404, and done."""

    noticed_by = ("authorization/matrix/other-organization-is-refused#creation-naming-ours",)
    methods = frozenset({"POST"})
    refusals = frozenset({404})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return "slug" in body_document(request)

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        organization = surface.organizations.get(organization_and_slug(request)[0])
        if organization is not None:
            document = body_document(request)
            made = Project(
                organization.slug, document["slug"], document.get("name", ""), document.get("description", "")
            )
            organization.projects.setdefault(made.slug, made)


@defect("authorization/isolation/paths-of-another-organization-open-nothing#create,items,read")
def trust_in_one_direction(belongs_to: Any, caller: Caller, organization: Organization) -> bool:
    """The contract's table of errors: a credential of the first organization opens the other one."""
    return belongs_to(caller, organization) or caller.client.organization == ORGANIZATION


@defect("authorization/isolation/paths-of-another-organization-open-nothing#items")
def foreign_read_is403_only_if_it_exists(request: Request, answer: Answer) -> Answer:
    """OWASP API1: another organization's project is answered 403 if it exists, else 404."""
    if answer.status == 404 and request.raw_path.endswith("/projects/globex-vault"):
        answer.status = 403
    return answer


class ForeignDeletionRefusedButMade(_RefusedButDone):
    """OWASP API1: a deletion in another organization is answered 404, and done."""

    noticed_by = ("authorization/isolation/paths-of-another-organization-open-nothing#items",)
    methods = frozenset({"DELETE"})
    refusals = frozenset({404})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        # Its own organization sees it, so a caller that is answered 404 is of another one.
        return found is not None and not found.members


@defect("authorization/isolation/forwarded-headers-open-nothing#client,organization")
def identity_header_trusted(caller: Any, request: Request) -> Caller:
    """API Reference, Authentication: a header such as X-Client-Id names the caller, instead of the token."""
    found = caller(request)
    named = ("x-client-id", "x-user-id", "x-organization-id", "x-org-id", "x-forwarded-user")
    values = {request.headers[name] for name in named if name in request.headers}
    for client in surface_of(caller).seeds.clients:
        if client.client_id in values or client.organization in values:
            return dataclasses.replace(found, client=client)
    return found


@defect("authorization/isolation/forwarded-headers-open-nothing#path")
async def path_of_a_field_served(dispatch: Any, request: Request) -> Answer:
    """OWASP API5: the path in X-Original-URL is served without a check."""
    named = request.headers.get("x-original-url", "").rpartition("/")[2]
    organization = surface_of(dispatch).organizations.get(named)
    if request.raw_path == "/" and organization:
        return Answer.json(200, organization.document())
    return await dispatch(request)


@defect("authorization/isolation/requests-reach-no-other-organization#header-path")
async def path_from_header(api: Any, request: Request, segments: Segments) -> Answer:
    """OWASP API2: the path in X-Rewrite-URL selects another organization's projects."""
    answer = await api(request, segments)
    path = request.headers.get("x-rewrite-url", "")
    named = surface_of(api).organizations.get(OTHER_ORGANIZATION)
    if answer.status == 200 and named and path.endswith(f"/{OTHER_ORGANIZATION}/projects"):
        return surface_of(api).listing(request, [each.document() for each in named.projects.values()])
    return answer


class OrganizationOfFieldIsEntered(Defect):
    """OWASP API1: X-Tenant-Id makes a caller a member of another organization."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#header-organization",)
    entered: str | None = None

    def caller(self, original: Any, request: Request) -> Caller:
        found = original(request)
        self.entered = request.headers.get("x-tenant-id")
        return found

    def belongs_to(self, original: Any, caller: Caller, organization: Organization) -> bool:
        return original(caller, organization) or organization.slug == self.entered


@defect("authorization/isolation/requests-reach-no-other-organization#header-host")
async def organization_from_forwarded_host(api: Any, request: Request, segments: tuple[str | None, ...]) -> Answer:
    """OWASP API2: X-Forwarded-Host selects another organization."""
    host = request.headers.get("x-forwarded-host", "").partition(".")[0]
    answer = await api(request, segments)
    named = surface_of(api).organizations.get(host)
    if answer.status == 200 and named and len(segments) == 4 and request.method == "GET":
        return Answer.json(200, named.document())
    return answer


@defect("authorization/isolation/no-response-shows-another-organization")
def foreign_client_named_by_token_endpoint(request: Request, answer: Answer) -> Answer:
    """API Reference, Permissions: a refused token request shows a text of another organization in a field."""
    if is_token_request(request) and answer.status == 401:
        answer.headers["X-Recently-Used"] = f"Vault {CANARY}"
    return answer


@defect("authorization/isolation/nothing-reaches-another-organization#no-token")
def refused_put_shows_what_is_there(finish: Any, request: Request, answer: Answer) -> Answer:
    """The contract's table of errors: a refused PUT shows the stored project without a token."""
    segments = path_segments(request.raw_path)
    if is_api_request(request) and request.method == "PUT" and answer.status >= 400 and len(segments) > 5:
        organization = surface_of(finish).organizations.get(str(segments[3]))
        found = organization.projects.get(str(segments[5])) if organization else None
        if found is not None:
            answer = edited(answer, lambda document: document.update(current=found.document()))
    return finish(request, answer)


@defect("authorization/isolation/path-variants-open-nothing#deletions")
async def deletion_by_slash_is_unguarded(api: Any, request: Request, segments: tuple[str | None, ...]) -> Answer:
    """OWASP API5: a deletion with a slash after its path needs no token."""
    if request.method != "DELETE" or len(segments) != 7 or segments[-1]:
        return await api(request, segments)
    organization = surface_of(api).organizations.get(str(segments[3]))
    gone = organization.projects.pop(str(segments[5]), None) if organization else None
    return Answer(204) if gone else surface_of(api).not_found()


class TrailingSlashDeletesWithoutCheck(_RefusedButDone):
    """The contract's table of errors: a deletion with a slash after its path is answered 401, and done."""

    noticed_by = ("authorization/isolation/path-variants-open-nothing#deletions",)
    methods = frozenset({"DELETE"})
    refusals = frozenset({401})

    def _found(self, surface: Identity, request: Request) -> Project | None:
        return super()._found(surface, request) if request.raw_path.endswith("/") else None


@defect("authorization/isolation/path-variants-open-nothing#file-behind,file-behind-a-parameter", state=dict)
async def files_cached_for_everybody(
    responses: dict[str, Answer], api: Any, request: Request, segments: Segments
) -> Answer:
    """Error Handling: a path with a file name after it is cached, and served without a token."""
    path, is_file = request.raw_path, str(segments[-1]).endswith(".css")
    if path not in responses:
        answer = await api(request, segments[:-1] if is_file else segments)
        if not is_file or answer.status != 200:
            return answer
        responses[path] = answer
    cached = responses[path]
    return Answer(cached.status, cached.body, cached.headers)


@defect("authorization/isolation/path-variants-open-nothing#query")
async def open_path_in_the_query_is_open(dispatch: Any, request: Request) -> Answer:
    """OWASP API5: a request needs no token if its query contains a path that needs none."""
    organization = surface_of(dispatch).organizations.get(request.raw_path.rpartition("/")[2])
    if "/.well-known/" in request.query_string and organization:
        return Answer.json(200, organization.document())
    return await dispatch(request)


@defect("authorization/isolation/requests-reach-no-other-organization#token-parameters", crashes=(LookupError,))
def foreign_tenant_of_token_crashes(refuse_duplicates: Any, pairs: list[tuple[str, str]]) -> None:
    """RFC 6749 section 3.2: a parameter that names another organization is answered 500 instead of ignored."""
    if dict(pairs).get("tenant") in surface_of(refuse_duplicates).organizations:
        raise LookupError("the client is not in this tenant")
    refuse_duplicates(pairs)


class AccountParameterHeeded(Defect):
    """API Reference, Error Handling: the credential decides the organization; here the parameter account does."""

    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#token-parameters",)
    named: dict[str, str] = {}

    async def token(self, original: Any, request: Request) -> Answer:
        answer = await original(request)
        if answer.status == 200:
            organization = dict(form_pairs(request.body)).get("account")
            if organization:
                self.named[json.loads(answer.body)["access_token"]] = organization
        return answer

    def caller(self, original: Any, request: Request) -> Caller:
        caller = original(request)
        organization = self.named.get(shown_token(request), caller.client.organization)
        return replace(caller, client=replace(caller.client, organization=organization))


class ForeignOrganizationAsOwner(Defect):
    """OWASP API3: an update moves a project into another organization."""

    noticed_by = ("authorization/isolation/writes-set-no-protected-member#organization",)

    def refuse_unknown(self, original: Any, body: dict[str, Any], known: frozenset[str]) -> None:
        original({name: value for name, value in body.items() if name != "organization"}, known)

    async def patch_project(self, original: Any, call: Call) -> Answer:
        surface = surface_of(original)
        answer = await original(call)
        project = surface.find_project(call.organization, call.slug)
        if answer.status == 200 and project:
            project.organization = str(surface.body_object(call.request).get("organization", project.organization))
            return surface.shown(project)
        return answer


class SlugChangedByPatch(Defect):
    """RFC 5789 section 2: an update changes the slug, so the project is not found where it was."""

    noticed_by = ("authorization/isolation/writes-set-no-protected-member#slug",)

    def refuse_unknown(self, original: Any, body: dict[str, Any], known: frozenset[str]) -> None:
        original(body, known | {"slug"})

    async def patch_project(self, original: Any, call: Call) -> Answer:
        surface = surface_of(original)
        answer = await original(call)
        slug = surface.body_object(call.request).get("slug") if answer.status == 200 else None
        project = surface.find_project(call.organization, call.slug)
        if slug and project:
            del call.organization.projects[project.slug]
            project.slug = str(slug)
            return surface.shown(project)
        return answer


@defect(
    "authorization/matrix/other-organization-is-refused#read-item",
    "authorization/isolation/nothing-reaches-another-organization#foreign",
)
async def foreign_project_readable(api: Any, request: Request, segments: Segments) -> Answer:
    """API Reference, Permissions: a project of another organization can be read by its slug."""
    surface = surface_of(api)
    try:
        return await api(request, segments)
    except Refused as refusal:
        organization = surface.organizations.get(str(segments[3])) if len(segments) == 6 else None
        project = surface.find_project(organization, segments[5]) if organization else None
        if refusal.answer.status == 404 and project and organization and request.method == "GET":
            return refusal.answer if project.members else surface.shown(project)
        raise


@defect("authorization/matrix/status-does-not-depend-on-existence#delete,read-item,update")
async def foreign_project_distinguishable_from_absent(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: another organization's project is answered 403 if it exists, else 404."""
    surface = surface_of(api)
    organization = surface.organizations.get(str(segments[3])) if len(segments) == 6 else None
    try:
        return await api(request, segments)
    except Refused as refusal:
        exists = organization and surface.find_project(organization, segments[5])
        if exists and organization and not surface.belongs_to(surface.caller(request), organization):
            refusal.answer.status = 403
        raise
