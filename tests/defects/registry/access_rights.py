"""Defects of access rights.

They break these promises:

- Pushing requires push access, pulling requires pull access.
- Images of another organization are inaccessible.
- A registry token grants the intersection of what was requested and what the login may do.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, cast

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Repository
from conformance.reference.support.registry import registry_of
from tests.defects.rows import row
from tests.defects.support.registry import _Led, answered

OWN_NAME = re.compile("/v2/(orgs/[^/]+/[^/]+)/")

ROWS = (
    row(
        "catalog-needs-no-scope",
        "Docker token scopes: the catalogue needs ``registry:catalog:*`` where its challenge says so.",
        "registry/token/catalog-needs-its-scope",
        permits=lambda original, caller, access: access.kind == "registry" or bool(original(caller, access)),
    ),
    row(
        "too-little-without-challenge",
        "Docker token scopes: who has a token for too little is challenged like who has none.",
        "registry/token/insufficient-scope-names-the-scope",
        insufficient=lambda original, wanted: Refusal("UNAUTHORIZED"),
    ),
)


class MethodInTheQuery(Defect):
    """Docker token scopes: a deletion needs the right to delete, in the query as in the method."""

    surface = "registry"
    noticed_by = ("registry/rights/method-override-is-ignored#get",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("_method") == "DELETE":
            return await registry_of(original).delete_manifest(asked)
        return cast(Answer, await original(asked))


class PartsForEveryLogin(Defect):
    """Docker token scopes: a part of a blob needs pull, as the whole does."""

    surface = "registry"
    noticed_by = ("registry/rights/range-needs-pull#other-organization",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "blob" and "range" in request.headers:
            somebody: Caller | None = registry_of(original).authenticate(request, [])
            if somebody:
                return somebody
        caller: Caller = original(kind, name, request)
        return caller


class ReferrersNeedPush(Defect):
    """Docker token scopes: reading needs pull alone, a list of referrers as well."""

    surface = "registry"
    noticed_by = ("registry/rights/puller-can-list-referrers",)

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        found: list[Access] = original(kind, name, request)
        return [Access("repository", name, ("pull", "push"))] if kind == "referrers" else found


class PullNeedsPush(Defect):
    """Docker token scopes: reading needs pull alone."""

    surface = "registry"
    noticed_by = (
        "registry/rights/puller-can-pull#blob",
        "registry/rights/puller-can-pull#blob-head",
        "registry/rights/puller-can-pull#manifest",
        "registry/rights/puller-can-pull#manifest-by-digest",
        "registry/rights/puller-can-pull#manifest-head",
        "registry/rights/puller-can-pull#tags",
        "registry/token/several-scopes#joined",
        "registry/token/refresh-token-gets-tokens",
    )

    def actions_wanted(self, original: Any, method: str) -> tuple[str, ...]:
        return (*original(method), "push") if method in ("GET", "HEAD") else tuple(original(method))


class PathInAFieldIsUnguarded(Defect):
    """Docker token scopes: rights count for the path that is answered, also where a field says which that is."""

    surface = "registry"
    noticed_by = ("registry/rights/no-path-reaches-other-organizations#in-a-header",)

    async def answer(self, original: Any, request: Request) -> Answer:
        path = request.headers.get("x-original-url")
        own = OWN_NAME.match(request.path)
        if request.method == "GET" and own and path:
            registry = registry_of(original)
            registry.authorize("manifest", own[1], request)
            return await answered(registry, request, path)
        answer: Answer = await original(request)
        return answer


class RightsOfTheFirstNameInThePath(Defect):
    """Docker token scopes: rights count for what a path leads to, and not for where it begins."""

    surface = "registry"
    noticed_by = (
        "registry/rights/no-path-reaches-other-organizations#escaped",
        "registry/rights/no-path-reaches-other-organizations#plain",
        "registry/rights/no-path-reaches-other-organizations#slash-escaped",
    )

    async def answer(self, original: Any, request: Request) -> Answer:
        own = OWN_NAME.match(request.path)
        if request.method == "GET" and own and "/../" in request.path:
            registry = registry_of(original)
            registry.authorize("manifest", own[1], request)
            return await answered(registry, request, posixpath.normpath(request.path))
        answer: Answer = await original(request)
        return answer


class ReferrersForEveryLogin(Defect):
    """Docker token scopes: a list of referrers needs pull on the repository, and not a token alone."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-list-referrers",)

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        wanted: list[Access] = original(kind, name, request)
        return [] if kind == "referrers" and registry_of(original).bearer_token(request) else wanted


class StorageLooksAtNoSignature(_Led):
    """Docker Registry V2, Pulling a Layer: a blob is gated by its repository also in the storage that one is led to."""

    surface = "registry"
    noticed_by = ("registry/rights/redirect-opens-no-other-blob",)

    def _signature(self, name: str, digest: str) -> str:
        return "31f7a65e315586ac"


class AppsOfAllOrganizationsAreOne(Defect):
    """API Reference, Docker Registry: ``orgs/acme/app`` and ``orgs/globex/app`` are two images."""

    surface = "registry"
    noticed_by = (
        "registry/rights/same-app-of-another-organization#blob",
        "registry/rights/same-app-of-another-organization#manifest",
    )

    def stored(self, original: Any, name: str) -> Repository:
        known: dict[str, Repository] = registry_of(original).repositories
        app = name.split("/")[2:]
        found: Repository = next((known[each] for each in known if each.split("/")[2:] == app), None) or original(name)
        return found


class CatalogTokenOpensAll(Defect):
    """Docker token scopes: ``registry:catalog:*`` is for the list, and for no repository in it."""

    surface = "registry"
    noticed_by = ("registry/token/catalog-token-opens-no-repository",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return ("registry", "catalog", "*") in caller.grants or bool(original(caller, access))


class DeletionImpliesPush(Defect):
    """Docker token scopes: who may delete may not push for that."""

    surface = "registry"
    noticed_by = ("registry/token/delete-token-cannot-push",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        deletes = {(kind, name) for kind, name, action in caller.grants if action == "delete"}
        more = {(*each, action) for each in deletes for action in ("pull", "push")}
        return bool(original(Caller(caller.subject, caller.grants | more), access))


class ActionsOfEveryScopeTogether(Defect):
    """Docker token scopes: an action counts for the repository that it was granted on, and for no other."""

    surface = "registry"
    noticed_by = ("registry/token/each-scope-has-its-own-actions",)

    def grants_of(self, original: Any, claims: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
        granted: frozenset[tuple[str, str, str]] = original(claims)
        return frozenset((kind, name, action) for kind, name, _ in granted for _, _, action in granted)


class _TokenOfOneForAll(Defect):
    """A token that may do in one repository of an organization what is wanted may do it in every other."""

    surface = "registry"

    def _enough(self, kind: str, method: str) -> bool:
        """Whether it is so for a kind of endpoint and a method."""
        raise NotImplementedError

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry, organization = registry_of(original), organization_of(name)
        caller = registry.authenticate(request, []) if self._enough(kind, request.method) else None
        actions = registry.actions_wanted(request.method) if caller else ()
        for granted in {each for _, each, _ in caller.grants} if caller else ():
            access = Access("repository", granted, actions)
            if caller and organization_of(granted) == organization and registry.permits(caller, access):
                return caller
        found: Caller = original(kind, name, request)
        return found


class TokenOfOneReadsBlobsOfAll(_TokenOfOneForAll):
    """Docker token scopes: a token to pull from one repository reads no blob of another."""

    noticed_by = ("registry/token/is-for-one-repository#blob", "registry/token/is-for-one-repository#blob-head")

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "blob" and method != "DELETE"


class TokenOfOneHeadsManifestsOfAll(_TokenOfOneForAll):
    """Docker token scopes: nor does a token to pull from one tell by HEAD of the manifests of another."""

    noticed_by = ("registry/token/is-for-one-repository#manifest-head",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "manifest" and method == "HEAD"


class TokenOfOneListsTagsOfAll(_TokenOfOneForAll):
    """Docker token scopes: a token to pull from one repository lists no tags of another."""

    noticed_by = ("registry/token/is-for-one-repository#tags",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "tags"


class TokenOfOneSendsChunksToAll(_TokenOfOneForAll):
    """Docker token scopes: a token to push to one repository sends no chunk to a session of another."""

    noticed_by = ("registry/token/is-for-one-repository#chunk",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "upload" and method == "PATCH"


class TokenOfOnePushesManifestsToAll(_TokenOfOneForAll):
    """Docker token scopes: a token to push to one repository pushes no manifest to another."""

    noticed_by = ("registry/token/is-for-one-repository#put-manifest",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "manifest" and method == "PUT"


class TokenOfOneDeletesFromAll(_TokenOfOneForAll):
    """Docker token scopes: a token to delete from one repository deletes nothing from another."""

    noticed_by = ("registry/token/is-for-one-repository#delete-manifest",)

    def _enough(self, kind: str, method: str) -> bool:
        return method == "DELETE"


class TokenOfOtherRepositoryAccepted(Defect):
    """Docker token flow: a token grants what it names, on no other repository."""

    surface = "registry"
    noticed_by = ("registry/token/grants-only-the-requested-scope",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        granted = {(kind, action) for kind, _, action in caller.grants}
        return all((access.kind, action) in granted for action in access.actions)


class TokenGoesUpwards(Defect):
    """Docker token scopes: a token for ``app/below`` is none for ``app``."""

    surface = "registry"
    noticed_by = ("registry/token/similar-name-is-another-repository#child-pull",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        above = {(kind, name.rpartition("/")[0], action) for kind, name, action in caller.grants}
        return bool(original(Caller(caller.subject, caller.grants | above), access))


class TokenGoesDownwards(Defect):
    """Docker token scopes: a token for ``app`` is none for ``app/below``."""

    surface = "registry"
    noticed_by = ("registry/token/similar-name-is-another-repository#parent-push",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        above = Access(access.kind, access.name.rpartition("/")[0], access.actions)
        return bool(original(caller, access) or original(caller, above))


class TokenGoesByPrefix(Defect):
    """Docker token flow: a token for ``orgs/acme/app`` says nothing of ``orgs/acme/app-two``."""

    surface = "registry"
    noticed_by = (
        "registry/token/similar-name-is-another-repository#prefix-pull",
        "registry/token/similar-name-is-another-repository#prefix-push",
    )

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        granted = {(kind, action) for kind, name, action in caller.grants if access.name.startswith(name)}
        return all((access.kind, action) in granted for action in access.actions)


def _app(name: str) -> str:
    """The last word of a repository's name."""
    return name.rpartition("/")[2]


class TokenGoesByTheAppAlone(Defect):
    """Docker token scopes: a resource's name is compared whole, with the organization whose app it is."""

    surface = "registry"
    noticed_by = ("registry/token/similar-name-is-another-repository#same-app",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        alike = {(kind, access.name, action) for kind, name, action in caller.grants if _app(name) == _app(access.name)}
        return bool(original(Caller(caller.subject, caller.grants | alike), access))


class ReferrersOfOnesOrganization(Defect):
    """Docker token scopes: a list of referrers needs pull on that repository, and not on one of its organization's."""

    surface = "registry"
    noticed_by = ("registry/token/referrers-are-of-its-repository",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        somebody: Caller | None = registry_of(original).authenticate(request, []) if kind == "referrers" else None
        if somebody and organization_of(name) in {organization_of(each) for _, each, _ in somebody.grants}:
            return somebody
        caller: Caller = original(kind, name, request)
        return caller


class _FirstScopeOnly(Defect):
    """Of a token for several repositories the first counts alone, for one method."""

    surface = "registry"
    method = ""

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        caller: Caller = original(kind, name, request)
        if request.method == self.method:
            registry = registry_of(original)
            access = registry.claims_of(registry.bearer_token(request) or "").get("access") or [{}]
            if access[0].get("name") != name:
                raise registry.insufficient(registry.accesses_wanted(kind, name, request))
        return caller


class DeletionByTheFirstScope(_FirstScopeOnly):
    """Docker token authentication: a token for several repositories deletes in each that it may."""

    noticed_by = ("registry/token/several-scopes#that-change",)

    method = "DELETE"


class TokenOfNothingOpensAll(Defect):
    """Docker token authentication: a token that carries no access opens nothing, and not everything."""

    surface = "registry"
    noticed_by = (
        "registry/token/subset-is-no-error#no-rights",
        "registry/token/without-scope-grants-nothing",
        "registry/token/unusual-scope-grants-no-more#empty-name",
        "registry/token/unusual-scope-grants-no-more#host-and-port",
        "registry/token/unusual-scope-grants-no-more#nul",
        "registry/token/unusual-scope-grants-no-more#two-colons",
        "registry/token/unusual-scope-grants-no-more#unknown-type",
        "registry/token/unusual-scope-grants-no-more#word",
    )

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return not caller.grants or bool(original(caller, access))


class TooLittleNotTold(Defect):
    """RFC 6750 section 3: what is wrong with a token is told by an error, of one that grants too little as well."""

    surface = "registry"
    noticed_by = ("registry/token/insufficient-scope-is-not-invalid-token",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        return list(original(wanted, None if error == "insufficient_scope" else error))


class SupportCheckRedirected(Defect):
    """distribution-spec 1.1, Determining Support: ``GET /v2/`` is answered there, not on a login page."""

    surface = "registry"
    noticed_by = ("registry/token/without-scope-grants-nothing",)

    async def support(self, original: Any, asked: Asked) -> Answer:
        answer = Answer(302)
        answer.headers["Location"] = "/login?next=/v2/"
        return answer
