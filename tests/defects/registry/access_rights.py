"""Defects of access rights.

They break these promises:

- Pushing requires push access, pulling requires pull access.
- Images of another organization are inaccessible.
- A registry token grants the intersection of what was requested and what the login may do.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.access import Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Repository
from conformance.reference.support.registry import registry_of
from tests.defects.support.registry import _RedirectedPulls, answered

OWN_NAME = re.compile("/v2/(orgs/[^/]+/[^/]+)/")


def _one_for_all(name: str, clause: str, cases: str, enough: Callable[[str, str], bool]) -> type[Defect]:
    """Make a defect that lets a token for one repository do the same in all of its organization."""

    def authorize(original: Any, kind: str, name: str, request: Request) -> Caller:
        registry, organization = registry_of(original), organization_of(name)
        caller = registry.authenticate(request, []) if enough(kind, request.method) else None
        actions = registry.actions_wanted(request.method) if caller else ()
        for granted in {each for _, each, _ in caller.grants} if caller else ():
            access = Access("repository", granted, actions)
            if caller and organization_of(granted) == organization and registry.permits(caller, access):
                return caller
        return original(kind, name, request)

    clause = f"Docker token scopes: a token for one repository {clause} another."
    return row(name, clause, f"registry/token/is-for-one-repository#{cases}", authorize=authorize)


ROWS = (
    row(
        "catalog-needs-no-scope",
        "Docker token scopes: the catalog needs no scope, although its challenge names one.",
        "registry/token/catalog-needs-its-scope",
        permits=lambda original, caller, access: access.kind == "registry" or bool(original(caller, access)),
    ),
    row(
        "too-little-without-challenge",
        "Docker token scopes: a token without the needed rights is refused without a challenge.",
        "registry/token/insufficient-scope-names-the-scope",
        insufficient=lambda original, wanted: Refusal("UNAUTHORIZED"),
    ),
    _one_for_all(
        "token-of-one-reads-blobs-of-all",
        "reads blobs of",
        "blob,blob-head",
        lambda kind, method: kind == "blob" and method != "DELETE",
    ),
    _one_for_all(
        "token-of-one-heads-manifests-of-all",
        "sends HEAD for manifests of",
        "manifest-head",
        lambda kind, method: kind == "manifest" and method == "HEAD",
    ),
    _one_for_all("token-of-one-lists-tags-of-all", "lists tags of", "tags", lambda kind, method: kind == "tags"),
    _one_for_all(
        "token-of-one-sends-chunks-to-all",
        "sends chunks to upload sessions of",
        "chunk",
        lambda kind, method: kind == "upload" and method == "PATCH",
    ),
    _one_for_all(
        "token-of-one-pushes-manifests-to-all",
        "pushes manifests to",
        "put-manifest",
        lambda kind, method: kind == "manifest" and method == "PUT",
    ),
    _one_for_all(
        "token-of-one-deletes-from-all", "deletes from", "delete-manifest", lambda kind, method: method == "DELETE"
    ),
)


@defect("registry/rights/method-override-is-ignored#get")
async def method_in_the_query(get_manifest: Any, call: Call) -> Answer:
    """Docker token scopes: the query overrides the method, so a token to pull deletes."""
    if call.request.parameter("_method") == "DELETE":
        return await registry_of(get_manifest).delete_manifest(call)
    return await get_manifest(call)


@defect("registry/rights/range-needs-pull#other-organization")
def parts_for_every_login(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token scopes: a Range request for a blob needs only a login."""
    if kind == "blob" and "range" in request.headers:
        caller: Caller | None = registry_of(authorize).authenticate(request, [])
        if caller:
            return caller
    return authorize(kind, name, request)


@defect("registry/rights/puller-can-list-referrers")
def referrers_need_push(accesses_wanted: Any, kind: str, name: str, request: Request) -> list[Access]:
    """Docker token scopes: the referrers list needs push in addition to pull."""
    found: list[Access] = accesses_wanted(kind, name, request)
    return [Access("repository", name, ("pull", "push"))] if kind == "referrers" else found


@defect(
    "registry/rights/puller-can-pull#blob,blob-head,manifest,manifest-by-digest,manifest-head,tags",
    "registry/token/several-scopes#joined",
    "registry/token/refresh-token-gets-tokens",
)
def pull_needs_push(actions_wanted: Any, method: str) -> tuple[str, ...]:
    """Docker token scopes: reading needs push in addition to pull."""
    return (*actions_wanted(method), "push") if method in ("GET", "HEAD") else tuple(actions_wanted(method))


@defect("registry/rights/no-path-reaches-other-organizations#in-a-header")
async def path_in_a_field_is_unguarded(answer: Any, request: Request) -> Answer:
    """Docker token scopes: the path in X-Original-URL is served with rights on another repository."""
    path = request.headers.get("x-original-url")
    own = OWN_NAME.match(request.path)
    if request.method == "GET" and own and path:
        registry = registry_of(answer)
        registry.authorize("manifest", own[1], request)
        return await answered(registry, request, path)
    return await answer(request)


@defect("registry/rights/no-path-reaches-other-organizations#escaped,plain,slash-escaped")
async def rights_of_the_first_name_in_the_path(answer: Any, request: Request) -> Answer:
    """Docker token scopes: rights are checked before dots in the path are resolved."""
    own = OWN_NAME.match(request.path)
    if request.method == "GET" and own and "/../" in request.path:
        registry = registry_of(answer)
        registry.authorize("manifest", own[1], request)
        return await answered(registry, request, posixpath.normpath(request.path))
    return await answer(request)


@defect("registry/rights/other-organization-cannot-list-referrers")
def referrers_for_every_login(accesses_wanted: Any, kind: str, name: str, request: Request) -> list[Access]:
    """Docker token scopes: the referrers list needs only a login."""
    wanted: list[Access] = accesses_wanted(kind, name, request)
    return [] if kind == "referrers" and registry_of(accesses_wanted).bearer_token(request) else wanted


class StorageLooksAtNoSignature(_RedirectedPulls):
    """Docker Registry V2, Pulling a Layer: the storage behind a redirect gives every blob to every signature."""

    noticed_by = ("registry/rights/redirect-opens-no-other-blob",)

    def _signature(self, name: str, digest: str) -> str:
        return "31f7a65e315586ac"


@defect("registry/rights/same-app-of-another-organization#blob,manifest")
def apps_of_all_organizations_are_one(stored: Any, name: str) -> Repository:
    """API Reference, Docker Registry: ``orgs/acme/app`` and ``orgs/globex/app`` are one repository."""
    known: dict[str, Repository] = registry_of(stored).repositories
    app = name.split("/")[2:]
    return next((known[each] for each in known if each.split("/")[2:] == app), None) or stored(name)


@defect("registry/token/catalog-token-opens-no-repository")
def catalog_token_opens_all(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token scopes: a token for the catalog opens every repository."""
    return ("registry", "catalog", "*") in caller.grants or bool(permits(caller, access))


@defect("registry/token/delete-token-cannot-push")
def deletion_implies_push(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token scopes: delete includes push."""
    deletes = {(kind, name) for kind, name, action in caller.grants if action == "delete"}
    more = {(*each, action) for each in deletes for action in ("pull", "push")}
    return bool(permits(Caller(caller.subject, caller.grants | more), access))


@defect("registry/token/each-scope-has-its-own-actions")
def actions_of_every_scope_together(grants_of: Any, claims: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
    """Docker token scopes: an action granted on one repository counts for all repositories of the token."""
    granted: frozenset[tuple[str, str, str]] = grants_of(claims)
    return frozenset((kind, name, action) for kind, name, _ in granted for _, _, action in granted)


@defect("registry/token/grants-only-the-requested-scope")
def token_of_other_repository_accepted(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token flow: a token for another repository is accepted."""
    granted = {(kind, action) for kind, _, action in caller.grants}
    return all((access.kind, action) in granted for action in access.actions)


@defect("registry/token/similar-name-is-another-repository#child-pull")
def token_goes_upwards(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token scopes: a token for ``app/below`` opens ``app``."""
    above = {(kind, name.rpartition("/")[0], action) for kind, name, action in caller.grants}
    return bool(permits(Caller(caller.subject, caller.grants | above), access))


@defect("registry/token/similar-name-is-another-repository#parent-push")
def token_goes_downwards(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token scopes: a token for ``app`` opens ``app/below``."""
    above = Access(access.kind, access.name.rpartition("/")[0], access.actions)
    return bool(permits(caller, access) or permits(caller, above))


@defect("registry/token/similar-name-is-another-repository#prefix-pull,prefix-push")
def token_goes_by_prefix(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token flow: a token for ``orgs/acme/app`` opens ``orgs/acme/app-two``."""
    granted = {(kind, action) for kind, name, action in caller.grants if access.name.startswith(name)}
    return all((access.kind, action) in granted for action in access.actions)


def _app(name: str) -> str:
    """Return the last component of a repository name."""
    return name.rpartition("/")[2]


@defect("registry/token/similar-name-is-another-repository#same-app")
def token_checked_by_app_name_only(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token scopes: a token for the app of one organization opens that of another."""
    alike = {(kind, access.name, action) for kind, name, action in caller.grants if _app(name) == _app(access.name)}
    return bool(permits(Caller(caller.subject, caller.grants | alike), access))


@defect("registry/token/referrers-are-of-its-repository")
def referrers_of_ones_organization(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token scopes: the referrers list needs only a token for some repository of the organization."""
    caller: Caller | None = registry_of(authorize).authenticate(request, []) if kind == "referrers" else None
    if caller and organization_of(name) in {organization_of(each) for _, each, _ in caller.grants}:
        return caller
    return authorize(kind, name, request)


@defect("registry/token/several-scopes#that-change")
def deletion_by_the_first_scope(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token authentication: only the first repository of a token counts for a deletion."""
    caller: Caller = authorize(kind, name, request)
    if request.method == "DELETE":
        registry = registry_of(authorize)
        access = registry.claims_of(registry.bearer_token(request) or "").get("access") or [{}]
        if access[0].get("name") != name:
            raise registry.insufficient(registry.accesses_wanted(kind, name, request))
    return caller


@defect(
    "registry/token/subset-is-no-error#no-rights",
    "registry/token/without-scope-grants-nothing",
    "registry/token/unusual-scope-grants-no-more#empty-name,host-and-port,nul,two-colons,unknown-type,word",
)
def token_without_rights_opens_all(permits: Any, caller: Caller, access: Access) -> bool:
    """Docker token authentication: a token without access opens everything."""
    return not caller.grants or bool(permits(caller, access))


@defect("registry/token/insufficient-scope-is-not-invalid-token")
def short_body_not_reported(
    challenge_parameters: Any, wanted: list[Access], error: str | None
) -> list[tuple[str, str]]:
    """RFC 6750 section 3: the challenge to a token with too little access has no error."""
    return list(challenge_parameters(wanted, None if error == "insufficient_scope" else error))


@defect("registry/token/without-scope-grants-nothing")
async def support_check_redirected(support: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Determining Support: ``GET /v2/`` redirects to a login page."""
    answer = Answer(302)
    answer.headers["Location"] = "/login?next=/v2/"
    return answer
