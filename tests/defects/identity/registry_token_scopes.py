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
    """Docker token authentication: rights on one organization's repositories are none on another's."""
    if account is None or not REPOSITORY.fullmatch(scope.name):
        return permitted_actions(account, scope)
    return frozenset[str]().union(*account.rights.values())


@defect("registry/rights/similar-organization-is-denied#has-an-app-so")
def organization_after_the_last_word(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: rights on orgs/acme are none on orgs/another/orgs/acme, which begins otherwise."""
    name = f"orgs/{scope.name.rpartition('orgs/')[2]}"
    return permitted_actions(account, RequestedScope(scope.kind, name, scope.actions))


@defect("registry/rights/similar-organization-is-denied#ends-so")
def organization_matched_by_its_end(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: rights on orgs/acme are none on orgs/not-acme."""
    rights = account.rights if account and scope.kind == "repository" else {}
    slug = scope.name.removeprefix("orgs/").partition("/")[0]
    own: frozenset[str] = permitted_actions(account, scope)
    return own.union(*(actions for each, actions in rights.items() if slug.endswith(each)))


@defect("registry/rights/private-and-absent-are-indistinguishable#token-other-organization", state=set)
def absent_repository_gets_no_token(
    pushed: set[str], granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> list[dict[str, Any]]:
    """API Reference, Error Handling: no answer to a token request tells which repositories another has."""
    access = granted_access(account, requested)
    pushed |= {each["name"] for each in access if "push" in each["actions"]}
    granted = {each["name"] for each in access}
    if account and any(each.name not in pushed | granted for each in requested if each.kind == "repository"):
        raise Refused(Answer.json(404, {"error": "no such repository"}))
    return access


@defect("registry/token/account-is-who-logs-in#refresh-token")
def refresh_token_for_who_is_named(granting_account: Any, form: dict[str, str]) -> Account | None:
    """Docker's OAuth 2.0 form: a refresh token is for the login that was given it, whoever is named beside it."""
    account: Account | None = granting_account(form)
    return surface_of(granting_account).accounts.get(form.get("username", ""), account) if account else None


class ConcurrentLoginsAreOne(Defect):
    """Docker token authentication: a token is for who logs in, and not for who logged in meanwhile."""

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
    """Docker token authentication: a token has the access of who logs in, whatever ``account`` says."""
    account = basic_account(request)
    return surface_of(basic_account).accounts.get(request.parameter("account") or "", account)


@defect("registry/token/actions-may-be-split-over-scopes#split", crashes=(ValueError,))
def client_id_fails(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """Docker token authentication: client_id says which client asks, and is no failure."""
    parameters = dict(pairs)
    if "client_id" in parameters and "grant_type" not in parameters:
        raise ValueError("nobody knows client_id")
    return requested_scopes(pairs)


@defect("registry/token/actions-may-be-split-over-scopes#reversed")
def actions_read_in_one_order(granted_access: Any, account: Account | None, requested: list[RequestedScope]) -> Access:
    """Docker token scopes: actions are a list, in any order."""
    return granted_access(account, [each for each in requested if each.actions[:2] != ("push", "pull")])


def token_endpoint_error(surface: RegistryTokens) -> Refused:
    """What the endpoint answers that has failed over a request."""
    return Refused(surface.oauth_error(500, "server_error", "failed"))


@defect("registry/token/anonymous-token-grants-nothing")
def anonymous_request_fails(basic_account: Any, request: Request) -> Account | None:
    """API Reference, Error Handling: who asks without a login is told so, or gets a token of nothing."""
    account: Account | None = basic_account(request)
    if account is None:
        raise token_endpoint_error(surface_of(basic_account))
    return account


class _WordFails(Defect):
    """Fails over a scope in which this stands."""

    word: ClassVar[str] = ""

    def parse_scope(self, original: Any, word: str) -> RequestedScope | None:
        if self.word in word:
            raise token_endpoint_error(surface_of(original))
        return original(word)


@defect("registry/token/unusual-scope-grants-no-more#name-wildcard", state=set)
def asterisk_is_every_name(
    known: set[str], granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> Access:
    """Docker token authentication: of what an asterisk stands for, that is granted on which one has rights."""
    granted: Access = granted_access(account, requested)
    known |= {each.name for each in requested if each.kind == "repository"}
    begins = tuple(each.name[:-1] for each in requested if each.name.endswith("*") and account)
    meant = sorted(each for each in known if begins and each.startswith(begins))
    return [*granted, *({"type": "repository", "name": each, "actions": ["pull"]} for each in meant)]


@defect("registry/token/unusual-scope-grants-no-more#action-wildcard")
def asterisk_grants_every_action(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: who asks for ``*`` gets the actions of the account, and no more."""
    permitted = permitted_actions(account, scope)
    return EVERYTHING if permitted and "*" in scope.actions else permitted


class ClassOfAResourceFails(_WordFails):
    """Docker token scopes: a type may have a class, ``repository(plugin)``, over which nothing fails."""

    noticed_by = ("registry/token/unusual-scope-grants-no-more#resource-class",)
    word = "("


@defect("registry/token/each-scope-has-its-own-rights#ours-first,ours-last")
def rights_of_the_last_scope_count_for_all(
    granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> Access:
    """Docker token authentication: each scope is granted by the rights on its own repository."""
    last = granted_access(account, requested[-1:])
    actions = last[0]["actions"] if last else []
    return [{"type": scope.kind, "name": scope.name, "actions": actions} for scope in requested if actions]


@defect("registry/token/grants-only-the-requested-scope#nor-gets-another")
def token_is_a_login(basic_account: Any, request: Request) -> Account | None:
    """Docker token scopes: a token opens what it was asked for, and gets none that opens more."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = owner_of(basic_account, token) if scheme.lower() == "bearer" else None
    return shown or basic_account(request)


@defect("registry/token/unusual-scope-grants-no-more#nothing", crashes=(IndexError,))
def empty_scope_fails(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """API Reference, Error Handling: an empty scope is not the platform's fault."""
    if ("scope", "") in pairs:
        raise IndexError
    return list(requested_scopes(pairs))


class DotsInAScopeFail(_WordFails):
    """API Reference, Error Handling: a name with dots in it is none, and no failure."""

    noticed_by = ("registry/token/unusual-scope-grants-no-more#dot-segments",)
    word = "/../"


@defect("registry/token/other-spelling-grants-no-action#capital,slash-first")
def repository_name_normalised(
    permitted_actions: Any, account: Account | None, scope: RequestedScope
) -> frozenset[str]:
    """Docker token authentication: the name in the token is the name that rights were looked up for."""
    return permitted_actions(account, RequestedScope(scope.kind, scope.name.lower().strip("/"), scope.actions))


@defect("registry/token/password-form-grants-no-more")
def password_gets_what_is_requested(
    posted_answer: Any, account: Account, form: dict[str, str], requested: list[RequestedScope]
) -> dict[str, Any]:
    """Docker token authentication: a password in a form gets what the account may do, and no more."""
    everything = replace(account, rights=dict.fromkeys(account.rights, EVERYTHING))
    return posted_answer(everything if form["grant_type"] == "password" else account, form, requested)


@defect("registry/token/push-token-cannot-delete#delete-blob,delete-tag")
def push_implies_delete(granted_access: Any, account: Account | None, requested: list[RequestedScope]) -> Access:
    """Docker token authentication: delete is a right of its own."""
    access = granted_access(account, requested)
    return [
        each | {"actions": [*each["actions"], *(["delete"] if "push" in each["actions"] else [])]} for each in access
    ]


@defect("registry/token/several-scopes#a-dozen,repeated,that-change")
def first_registry_scope_only(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """Docker token authentication: scope may be repeated, and every one counts."""
    first = next(((name, value) for name, value in pairs if name == "scope"), None)
    return requested_scopes([first] if first else [])


@defect("registry/token/subset-is-no-error#pull-only,unknown-action")
def more_than_may_be_had_is_nothing(
    granted_access: Any, account: Account | None, requested: list[RequestedScope]
) -> Access:
    """Docker token authentication: who asks for more than they may gets what they may, and not nothing."""
    surface = surface_of(granted_access)
    whole = [each for each in requested if {*each.actions} <= surface.permitted_actions(account, each)]
    return granted_access(account, whole)


@defect("registry/token/subset-is-no-error#no-rights")
def subset_without_a_token(registry_token_document: Any, *given: Any) -> dict[str, Any]:
    """Docker token authentication: where nothing of what was asked for may be had, there is a token all the same."""
    document: dict[str, Any] = registry_token_document(*given)
    account, requested = given[0], given[-1]
    lacks = requested and not surface_of(registry_token_document).granted_access(account, requested)
    return {name: value for name, value in document.items() if "token" not in name} if lacks else document


@defect("registry/token/subset-is-no-error#no-rights")
def subset_is_an_error(granted_access: Any, account: Account | None, requested: list[RequestedScope]) -> Access:
    """Docker token authentication: less than was asked for is no error, the token carries the intersection."""
    access = granted_access(account, requested)
    if account and sum(len(each["actions"]) for each in access) < sum(len(scope.actions) for scope in requested):
        raise Refused(surface_of(granted_access).oauth_error(403, "access_denied", "access denied"))
    return access


@defect("registry/token/without-scope-grants-nothing")
def scope_required(requested_scopes: Any, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
    """API Reference, Docker Registry: docker login, which asks for no scope, is let in."""
    requested: list[RequestedScope] = requested_scopes(pairs)
    if not requested:
        raise Refused(surface_of(requested_scopes).oauth_error(400, "invalid_scope", "scope is missing"))
    return requested
