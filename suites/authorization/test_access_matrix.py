"""Each declared operation needs a token with its scope and role, from its own organization."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import expect_pair
from conformance.oracles.oauth import granted_scopes, issued
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.platform import KINDS, Operation, Platform, key_of
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared

NAME_EXISTS = 409
UNKNOWN_TOKEN = "cf-0123456789abcdefghijklmnopqrstuvwxyz"
every_kind = pytest.mark.parametrize("kind", KINDS)
item_kinds = ["read-item", "update", "delete"]
NO_TOKEN = row("authorization/matrix/no-token-is-401", "no-token")
UNKNOWN = row("authorization/matrix/unknown-token-is-401", "unknown-token")
LACKING_SCOPE = row("authorization/matrix/lacking-scope-is-403", "lacking-scope")
OTHER_ORGANIZATION = row("authorization/matrix/other-organization-is-refused", "other-organization")
EXPECTED = {"no-token": {401}, "unknown-token": {401}, "lacking-scope": {403}, "other-organization": {403, 404}}


def scoped(platform: Platform, *kinds: str) -> list[Operation]:
    """Return the operations of these kinds that need a scope; NotDeclared without any."""
    found = [each for each in platform.operations(*kinds) if each.scope]
    if not found:
        keys = (f"{key_of(kind)}.scope" for kind in kinds)
        raise NotDeclared(f"no declared {' or '.join(kinds)} needs a scope", *keys)
    return found


def calls(platform: Platform, who: str, *kinds: str) -> Iterator[tuple[Operation, str | None]]:
    """Yield the operations of these kinds that a caller has no right to, with the caller's token."""
    if who == "lacking-scope":
        operations = scoped(platform, *kinds)
    else:
        operations = platform.shut(*kinds) if who == "other-organization" else platform.operations(*kinds)
    for operation in operations:
        if who == "lacking-scope":
            yield operation, platform.oauth.token_without(str(operation.scope))
        elif who == "other-organization":
            yield operation, platform.oauth.token("foreign")
        else:
            yield operation, UNKNOWN_TOKEN if who == "unknown-token" else None


def expect_refused(platform: Platform, operation: Operation, token: str | None, statuses: set[int]) -> None:
    """Expect a refusal, and the owner to find the item unchanged."""
    before = platform.state(operation)
    reply = platform.send(operation, token)
    expect_status(reply, statuses, f"for {operation}")
    expect_unchanged(before, platform.state(operation), reply)


@verifies("authorization/matrix/needed-scope-opens")
@every_kind
def test_needed_scope_opens(platform: Platform, kind: str) -> None:
    """Purpose: a program needs no more than the scope of the operation that it performs.

    Method: 1. perform each declared operation with a token that has its scope alone; 2. expect 2xx
    """
    for operation in scoped(platform, kind):
        if kind == "delete":
            operation = platform.operation(operation.resource, kind, platform.new_item(operation.resource))
        slug = platform.slug_of(operation)
        reply = platform.send(operation, platform.oauth.token("full", str(operation.scope)))
        if kind == "create" and reply.ok and slug:
            platform.remember(operation.resource, slug)
        expect_success(reply, f"for {operation} with the scope {operation.scope}")


@every_kind
@pytest.mark.parametrize("who", [NO_TOKEN, UNKNOWN, OTHER_ORGANIZATION])
def test_caller_without_access_is_refused(platform: Platform, who: str, kind: str) -> None:
    """Purpose: only members of the organization with a valid token may use its APIs.

    Method: 1. perform each declared operation without a token, with an invented one, and as another organization
            2. expect 401, 401, and 403 or 404, and the owner to find everything unchanged
    """
    for operation, token in calls(platform, who, kind):
        expect_refused(platform, operation, token, EXPECTED[who])


@verifies("authorization/matrix/lacking-scope-is-403")
@every_kind
def test_lacking_scope_is_403(platform: Platform, kind: str) -> None:
    """Purpose: no scope implies another one.

    Method: 1. perform each declared operation with every token that lacks its scope: each other scope separately,
               all of them, and the narrow credential's; create also an item whose name exists
            2. expect 403, and the owner to find everything unchanged
    """
    for operation in scoped(platform, kind):
        sent = [operation]
        if kind == "create" and operation.resource.item:
            # Only a caller that may create items may learn that a name exists.
            sent.append(platform.operation(operation.resource, kind, platform.item(operation.resource)))
        for token in platform.oauth.tokens_without(str(operation.scope)):
            for each in sent:
                expect_refused(platform, each, token, {403})


@pytest.mark.parametrize(
    "kind",
    [
        *(row(f"authorization/matrix/lacking-role-is-403#{kind}", kind) for kind in ("create", "update", "delete")),
        row("authorization/matrix/service-policy-is-403", "read"),
    ],
)
def test_lacking_role_or_policy_is_403(platform: Platform, kind: str) -> None:
    """Purpose: a scope grants no more than the organization role and the service policy permit.

    Method: 1. send each change as each role to which the target file forbids it, and each read as each role to which
               the policy refuses it, with all scopes of the role
            2. expect 403 (404 if hidden) and nothing changed; then the owner can create an item of the same name
    """
    declared = (
        (each, each.resource.refused_by_policy if kind == "read" else getattr(each.resource, kind).forbidden_to)
        for each in platform.operations(kind)
    )
    denied = [(operation, role) for operation, roles in declared for role in roles]
    if not denied:
        key = "identity.resources.refused_by_policy" if kind == "read" else f"{key_of(kind)}.forbidden_to"
        raise NotDeclared(f"the target file declares no {kind} that is forbidden to a role", key)
    for operation, role in denied:
        if operation.scope and operation.scope not in platform.oauth.credential(role).scopes:
            reason = f"{role} lacks the scope {operation.scope}"
            raise Inconclusive(reason, "a role that has the scope of the operation")
        expect_refused(platform, operation, platform.oauth.token(role), {403, 404})
        if kind == "create" and (slug := platform.slug_of(operation)) and operation.resource.item:
            reply = platform.create(operation.resource, slug)
            if reply.status == NAME_EXISTS:
                expect_success(reply, f"for {operation} by its owner, after the refusal")


@pytest.mark.parametrize("method", [case("head", "HEAD")])
@pytest.mark.parametrize("who", [NO_TOKEN, LACKING_SCOPE])
def test_head_needs_what_get_needs(platform: Platform, who: str, method: str) -> None:
    """Purpose: HEAD must not bypass authorization.

    Method: 1. send HEAD to each declared resource and item, without a token, and with one that lacks the scope
            2. expect 401 and 403 (405 or 501 if HEAD is not supported)
    """
    for operation, token in calls(platform, who, "read", "read-item"):
        if operation.method == "GET":
            reply = platform.send(operation, token, method=method)
            expect_status(reply, {*EXPECTED[who], *NOT_OFFERED}, f"for {method} {operation.path}")


@pytest.mark.parametrize("condition", [case("conditional", "If-None-Match")])
@pytest.mark.parametrize("who", [NO_TOKEN, LACKING_SCOPE, OTHER_ORGANIZATION])
def test_preconditions_come_after_access(platform: Platform, who: str, condition: str) -> None:
    """Purpose: a caller who may not read an item must not learn whether it has changed.

    Method: 1. read an item without a token, without its scope, and as another organization, with If-None-Match (its
               ETag and *) and with If-Modified-Since in the future
            2. expect 401, 403, and 403 or 404, as without a condition
    """
    for operation, token in calls(platform, who, "read-item"):
        etag = platform.as_role("full", operation).headers.get("etag")
        tags = [(condition, value) for value in ("*", etag) if value]
        for name, value in [*tags, ("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT")]:
            reply = platform.send(operation, token, [(name, value)])
            expect_status(reply, EXPECTED[who], f"for {operation} with {name}: {value}")


def second_page(platform: Platform, once: Once, operation: Operation) -> str | None:
    """Return the address of the second page that the owner gets of a list, if need be with a limit of 1; or None."""
    for limit in (None, 1):
        pages = once(("pages", operation.path, limit), partial(platform.pages, "full", operation, 2, limit))
        if len(pages) > 1 and pages[1].ok:
            return pages[1].url
    return None


@pytest.mark.parametrize("what", [case("second-page", "the second page")])
@pytest.mark.parametrize("who", [NO_TOKEN, LACKING_SCOPE, OTHER_ORGANIZATION])
def test_pages_need_what_their_list_needs(platform: Platform, once: Once, who: str, what: str) -> None:
    """Purpose: the later pages of a list are protected like the first one.

    Method: 1. as the owner read each declared list that has pages
            2. request the second page without a token, without its scope, and as another organization
            3. expect 401, 403, and 400, 403 or 404 (400 if the address is valid for its reader only)
    """
    judged = False
    for operation, token in calls(platform, who, "read"):
        if address := second_page(platform, once, operation):
            judged = True
            statuses = {*EXPECTED[who], *([400] if who == "other-organization" else [])}
            expect_status(platform.send(operation, token, path=address), statuses, f"for {what} of {operation}")
    if not judged:
        raise NotApplicable("no declared list has pages")


@verifies("authorization/matrix/status-does-not-depend-on-existence")
@pytest.mark.parametrize("kind", item_kinds)
def test_status_does_not_depend_on_existence(platform: Platform, kind: str) -> None:
    """Purpose: another organization must not learn from 403 or 404 which items exist.

    Method: 1. perform an operation of the role foreign on an item that exists, and on one that never existed
            2. expect the same status for both, 403 or 404
    """
    token = platform.oauth.token("foreign")
    for operation in platform.operations(kind):
        absent = platform.operation(operation.resource, kind, platform.names.new())
        expect_pair(platform.send(operation, token), platform.send(absent, token))


@verifies("authorization/matrix/absent-is-404")
@pytest.mark.parametrize("kind", item_kinds)
def test_absent_is_404(platform: Platform, kind: str) -> None:
    """Purpose: an authorized caller learns that an item does not exist.

    Method: 1. perform an operation of the owner on an item that never existed; 2. expect 404
    """
    for operation in platform.operations(kind):
        absent = platform.operation(operation.resource, kind, platform.names.new())
        expect_status(platform.as_role("full", absent), 404, f"for {absent}")


@verifies("authorization/matrix/absent-is-404#declared-path")
def test_declared_absent_path_is_404(platform: Platform) -> None:
    """Purpose: an authorized caller learns that a resource does not exist.

    Method: 1. read each declared absent path with the full token; 2. expect 404 (also 403 in another organization)
    """
    for resource in platform.resources_with("absent"):
        reply = platform.as_role("full", platform.operation(resource, "read"), path=platform.absent_path(resource))
        expect_status(reply, {403, 404} if platform.target.organization not in str(resource.absent) else 404)


@verifies("authorization/matrix/absent-is-404#deleted")
def test_deleted_is_404(platform: Platform) -> None:
    """Purpose: a deleted item no longer exists, for its owner too.

    Method: 1. create an item, read it, delete it
            2. read it, change it, send HEAD: expect 404 (405 or 501 if HEAD is not supported); delete it: 404 or 2xx
    """
    for resource in platform.resources_with("create", "item", "delete"):
        slug = platform.new_item(resource)
        expect_success(platform.as_role("full", platform.operation(resource, "read-item", slug)))
        expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
        for kind in ("read-item", "update", "delete"):
            if kind != "update" or resource.update:
                again = platform.as_role("full", platform.operation(resource, kind, slug))
                permitted = {404, 200, 202, 204} if kind == "delete" else {404}
                expect_status(again, permitted, f"for {kind} after delete")
        read = platform.operation(resource, "read-item", slug)
        head = platform.send(read, platform.oauth.token("full"), method="HEAD")
        expect_status(head, {404, *NOT_OFFERED}, "for HEAD after delete")


@verifies("authorization/matrix/lacking-scope-comes-before-absence")
def test_lacking_scope_comes_before_absence(platform: Platform) -> None:
    """Purpose: a caller without the scope must not learn from 404 what exists.

    Method: 1. with a token that lacks the scope, read items that never existed and each declared absent path
            2. expect 403 (also 404 for a path of another organization)
    """
    for operation, token in calls(platform, "lacking-scope", "read"):
        if operation.resource.absent or operation.resource.item:
            path, organization = platform.absent_path(operation.resource), platform.target.organization
            elsewhere = organization in operation.path and organization not in path
            reply = platform.send(operation, token, path=path)
            reason = f"for an absent {operation.resource.name} without the scope"
            expect_status(reply, {403, 404} if elsewhere else {403}, reason)


@verifies("authorization/matrix/stated-scope-is-enforced")
@pytest.mark.parametrize("role", ["full", "narrow"])
def test_stated_scope_is_enforced(platform: Platform, role: str) -> None:
    """Purpose: a token opens what its stated scope covers, no more and no less.

    Method: 1. request a token without a scope, or, if a scope is required, with all of the credential's
            2. read each declared resource: expect 2xx if the stated scope covers it, 403 if not
    """
    reply, requested = platform.oauth.request_token(role, scope=None), platform.oauth.credential(role).scopes
    reply, requested = (reply, []) if reply.ok else (platform.oauth.request_token(role), requested)
    token, granted = platform.oauth.learned_token(reply, role), granted_scopes(reply, requested)
    for operation in scoped(platform, "read"):
        answer = platform.send(operation, token)
        if operation.scope not in granted:
            lacks = f"lacks {operation.scope}" if '"scope"' in reply.text else "is none, and none was requested"
            expect_status(answer, 403, f"for {operation}: the stated scope {lacks}")
        elif role not in operation.resource.concealed_from:
            expect_status(answer, range(200, 300), f"for {operation}: the stated scope has {operation.scope}")


INVALID = {"unknown": "cf:unknown", "beyond": "{other}", "comma": "{own},{other}", "star": "*", "capitals": "{OWN}"}


@verifies("authorization/matrix/unstated-scope-opens-nothing")
@pytest.mark.parametrize("template", [case(name, template) for name, template in INVALID.items()])
def test_unstated_scope_opens_nothing(platform: Platform, template: str) -> None:
    """Purpose: a token that is issued for an invalid scope, without stating another one, must open nothing.

    Method: 1. with the narrow credential request an unknown scope, one that it lacks, two joined by a comma, a
               wildcard, and its own in capitals; continue if a token is issued without a stated scope
            2. read each declared resource that needs a scope: expect 403
    """
    oauth = platform.oauth
    own, full = oauth.credential("narrow").scopes, oauth.credential("full").scopes
    lacking = [each for each in full if each not in own]
    if not own or not lacking:
        reason = "the credential narrow has no scope, or every scope that full has"
        raise Inconclusive(reason, "a narrow credential with some scopes of full")
    scope = template.format(own=own[0], other=lacking[0], OWN=own[0].swapcase())
    if scope in own:
        raise NotApplicable(f"{scope} is a scope of the credential")
    oauth.token("narrow")
    reply = oauth.request_token("narrow", scope=scope)
    if not issued(reply) or granted_scopes(reply, []):
        return  # Other checks look at stated scopes.
    token = oauth.learned_token(reply, "narrow")
    for operation in scoped(platform, "read"):
        expect_status(platform.send(operation, token), 403, f"for {operation} without a scope")
