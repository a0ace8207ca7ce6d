"""Defects of registry token scopes.

They break these promises:

- Images of another organization are inaccessible.
- Outsiders cannot learn which repositories exist.
- A registry token grants the intersection of what was requested and what the login may do.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import REPOSITORY, Access, RegistryTokens, RequestedScope
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect
from conformance.reference.seeds import Account
from conformance.reference.support.identity import surface_of
from tests.defects.support.identity import EVERYTHING, owner_of


@defect(
    "registry/rights/other-organization-cannot-pull#blob,blob-head,manifest,manifest-by-digest,manifest-coded",
    "registry/rights/other-organization-cannot-pull#manifest-head,manifest-head-by-digest,manifest-known",
    "registry/rights/other-organization-cannot-pull#manifest-of-dockers-type,tags,tags-in-pages",
    "registry/rights/images-of-another-organization-are-inaccessible#blob,blob-head,manifest,manifest-by-digest",
    "registry/rights/images-of-another-organization-are-inaccessible#manifest-head,tags",
    "registry/rights/other-organization-cannot-push#mount,upload,upload-at-once",
)
def rights_on_every_organization(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: rights on one organization's repositories count for all."""
    if account is None or not REPOSITORY.fullmatch(scope.name):
        return permitted_actions(account, scope)
    return frozenset[str]().union(*account.rights.values())


@defect("registry/rights/similar-organization-is-denied#has-an-app-so")
def organization_after_the_last_word(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: rights on orgs/acme count for orgs/another/orgs/acme."""
    name = f"orgs/{scope.name.rpartition('orgs/')[2]}"
    return permitted_actions(account, RequestedScope(scope.kind, name, scope.actions))


@defect("registry/rights/similar-organization-is-denied#ends-so")
def organization_matched_by_its_end(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: rights on orgs/acme count for orgs/not-acme."""
    rights = account.rights if account and scope.kind == "repository" else {}
    slug = scope.name.removeprefix("orgs/").partition("/")[0]
    own: frozenset[str] = permitted_actions(account, scope)
    return own.union(*(actions for each, actions in rights.items() if slug.endswith(each)))


@defect("registry/rights/private-and-absent-are-indistinguishable#token-other-organization", state=set)
def absent_repository_gets_no_token(
    pushed: set[str], granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> list[dict[str, Any]]:
    """API Reference, Error Handling: a token for an absent repository is refused, so others learn what exists."""
    access = granted_access(account, requested)
    pushed |= {each["name"] for each in access if "push" in each["actions"]}
    granted = {each["name"] for each in access}
    if account and any(each.name not in pushed | granted for each in requested if each.kind == "repository"):
        raise Refused(Answer.json(404, {"error": "no such repository"}))
    return access


@defect("registry/token/account-is-who-logs-in#refresh-token")
def refresh_token_for_who_is_named(granting_account: Any, form: dict[str, str]) -> Account | None:
    """Docker's OAuth 2.0 form: a refresh token gets tokens for the account that the request names."""
    account: Account | None = granting_account(form)
    return surface_of(granting_account).accounts.get(form.get("username", ""), account) if account else None


class ConcurrentLoginsAreOne(Defect):
    """Docker token authentication: of two concurrent logins one gets the other's token."""

    noticed_by = ("registry/token/account-is-who-logs-in#concurrent-logins",)
    newest: Request | None = None

    async def registry_token(self, original: Any, request: Request) -> Answer:
        if "authorization" in request.headers:
            self.newest = request
            await asyncio.sleep(0.01)
            request = replace(request, headers=self.newest.headers)
        return await original(request)


@defect("registry/token/account-is-who-logs-in", "registry/token/anonymous-token-grants-nothing")
def account_believed(basic_account: Any, request: Request) -> Account | None:
    """Docker token authentication: the parameter account decides the access instead of the login."""
    account = basic_account(request)
    return surface_of(basic_account).accounts.get(request.parameter("account") or "", account)


@defect("registry/token/actions-may-be-split-over-scopes#split", crashes=(ValueError,))
def client_id_fails(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """Docker token authentication: client_id is answered 500."""
    parameters = dict(pairs)
    if "client_id" in parameters and "grant_type" not in parameters:
        raise ValueError("nobody knows client_id")
    return requested_scopes(pairs)


@defect("registry/token/actions-may-be-split-over-scopes#reversed")
def actions_read_in_one_order(granted_access: Any, account: Account | None, requested: list[RequestedScope]) -> Access:
    """Docker token scopes: actions count in one order only."""
    return granted_access(account, [each for each in requested if each.actions[:2] != ("push", "pull")])


def token_endpoint_error(surface: RegistryTokens) -> Refused:
    """Return the response of a token endpoint that failed."""
    return Refused(surface.oauth_error(500, "server_error", "failed"))


@defect("registry/token/anonymous-token-grants-nothing")
def anonymous_request_fails(basic_account: Any, request: Request) -> Account | None:
    """API Reference, Error Handling: a request without a login is answered 500."""
    account: Account | None = basic_account(request)
    if account is None:
        raise token_endpoint_error(surface_of(basic_account))
    return account


class _WordFails(Defect):
    """Answers 500 to a scope that contains a word."""

    word: ClassVar[str] = ""

    def parse_scope(self, original: Any, word: str) -> RequestedScope | None:
        if self.word in word:
            raise token_endpoint_error(surface_of(original))
        return original(word)


@defect("registry/token/unusual-scope-grants-no-more#name-wildcard", state=set)
def asterisk_is_every_name(
    known: set[str], granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> Access:
    """Docker token authentication: a name that ends in an asterisk gets pull on each known repository it matches."""
    granted: Access = granted_access(account, requested)
    known |= {each.name for each in requested if each.kind == "repository"}
    begins = tuple(each.name[:-1] for each in requested if each.name.endswith("*") and account)
    matching = sorted(each for each in known if begins and each.startswith(begins))
    return [*granted, *({"type": "repository", "name": each, "actions": ["pull"]} for each in matching)]


@defect("registry/token/unusual-scope-grants-no-more#action-wildcard")
def asterisk_grants_every_action(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: the action ``*`` grants more than the account has."""
    permitted = permitted_actions(account, scope)
    return EVERYTHING if permitted and "*" in scope.actions else permitted


class ClassOfAResourceFails(_WordFails):
    """Docker token scopes: a resource class such as ``repository(plugin)`` is answered 500."""

    noticed_by = ("registry/token/unusual-scope-grants-no-more#resource-class",)
    word = "("


@defect("registry/token/each-scope-has-its-own-rights#ours-first,ours-last")
def rights_of_the_last_scope_count_for_all(
    granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> Access:
    """Docker token authentication: the rights on the last repository count for all scopes."""
    last = granted_access(account, requested[-1:])
    actions = last[0]["actions"] if last else []
    return [{"type": scope.kind, "name": scope.name, "actions": actions} for scope in requested if actions]


@defect("registry/token/grants-only-the-requested-scope#nor-gets-another")
def token_is_a_login(basic_account: Any, request: Request) -> Account | None:
    """Docker token scopes: an access token works as a login, and gets wider tokens."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = owner_of(basic_account, token) if scheme.lower() == "bearer" else None
    return shown or basic_account(request)


@defect("registry/token/unusual-scope-grants-no-more#nothing", crashes=(IndexError,))
def empty_scope_fails(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """API Reference, Error Handling: an empty scope is answered 500."""
    if ("scope", "") in pairs:
        raise IndexError
    return list(requested_scopes(pairs))


class DotsInAScopeFail(_WordFails):
    """API Reference, Error Handling: a repository name with dot segments is answered 500."""

    noticed_by = ("registry/token/unusual-scope-grants-no-more#dot-segments",)
    word = "/../"


@defect("registry/token/other-spelling-grants-no-action#capital,slash-first")
def repository_name_normalised(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: rights are checked for a normalized name, but the token contains the sent one."""
    return permitted_actions(account, RequestedScope(scope.kind, scope.name.lower().strip("/"), scope.actions))


@defect("registry/token/password-form-grants-no-more")
def password_gets_what_is_requested(
    posted_answer: Any, account: Account, form: dict[str, str], requested: list[RequestedScope]
) -> dict[str, Any]:
    """Docker token authentication: a password in a form gets every requested action."""
    everything = replace(account, rights=dict.fromkeys(account.rights, EVERYTHING))
    return posted_answer(everything if form["grant_type"] == "password" else account, form, requested)


@defect("registry/token/push-token-cannot-delete#delete-blob,delete-tag")
def push_implies_delete(granted_access: Any, account: Account | None, requested: list[RequestedScope]) -> Access:
    """Docker token authentication: push includes delete."""
    access = granted_access(account, requested)
    return [
        each | {"actions": [*each["actions"], *(["delete"] if "push" in each["actions"] else [])]} for each in access
    ]


@defect("registry/token/several-scopes#a-dozen,repeated,that-change")
def first_registry_scope_only(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """Docker token authentication: of repeated scopes only the first counts."""
    first = next(((name, value) for name, value in pairs if name == "scope"), None)
    return requested_scopes([first] if first else [])


@defect("registry/token/subset-is-no-error#pull-only,unknown-action")
def more_than_may_be_had_is_nothing(
    granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> Access:
    """Docker token authentication: a scope beyond the account's rights gets nothing instead of the intersection."""
    surface = surface_of(granted_access)
    whole = [each for each in requested if {*each.actions} <= surface.permitted_actions(account, each)]
    return granted_access(account, whole)


@defect("registry/token/subset-is-no-error#no-rights")
def subset_without_a_token(registry_token_document: Any, *given: Any) -> dict[str, Any]:
    """Docker token authentication: an empty intersection gets no token."""
    document: dict[str, Any] = registry_token_document(*given)
    account, requested = given[0], given[-1]
    lacks = requested and not surface_of(registry_token_document).granted_access(account, requested)
    return {name: value for name, value in document.items() if "token" not in name} if lacks else document


@defect("registry/token/subset-is-no-error#no-rights")
def subset_is_an_error(granted_access: Any, account: Account | None, requested: list[RequestedScope]) -> Access:
    """Docker token authentication: a smaller grant than requested is answered as an error."""
    access = granted_access(account, requested)
    if account and sum(len(each["actions"]) for each in access) < sum(len(scope.actions) for scope in requested):
        raise Refused(surface_of(granted_access).oauth_error(403, "access_denied", "access denied"))
    return access


@defect("registry/token/without-scope-grants-nothing")
def scope_required(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """API Reference, Docker Registry: a token request without a scope, as docker login sends it, is refused."""
    requested: list[RequestedScope] = requested_scopes(pairs)
    if not requested:
        raise Refused(surface_of(requested_scopes).oauth_error(400, "invalid_scope", "scope is missing"))
    return requested
