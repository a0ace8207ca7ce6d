"""The matrix continued: what exists, what does not, and ways round."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from conformance.oracles.oauth import granted_scopes, issued
from conformance.oracles.proofs import lacks, literal
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform, key_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared

item_kinds = [case(name, name) for name in ("read-item", "update", "delete")]


def scoped(platform: Platform, kind: str) -> list[Operation]:
    """Operations of a kind that need a scope; NotApplicable where none does."""
    found = [each for each in platform.operations(kind) if each.scope]
    if not found:
        raise NotDeclared(f"no declared {kind} needs a scope", f"{key_of(kind)}.scope")
    return found


@verifies("authorization/matrix/absent-is-404")
@pytest.mark.parametrize("kind", item_kinds)
def test_absent_is_404(platform: Platform, kind: str) -> None:
    """Purpose: what does not exist is told as such to who might see it.

    Method: 1. perform an operation of the owner on an item that never existed
            2. expect 404
    """
    for operation in platform.operations(kind):
        absent = platform.operation(operation.resource, kind, platform.names.new())
        expect_status(platform.as_role("full", absent), 404, f"for {absent}")


@verifies("authorization/matrix/declared-absent-is-404")
def test_declared_absent_is_404(platform: Platform) -> None:
    """Purpose: a path of a known kind for something that never existed is 404.

    Method: 1. read each declared absent path with the full token
            2. expect 404 (403 where it lies in another organization's part)
    """
    for resource in platform.resources_with("absent"):
        operation = platform.operation(resource, "read")
        reply = platform.as_role("full", operation, path=platform.absent_path(resource))
        expect_status(reply, {403, 404} if platform.target.organization not in str(resource.absent) else 404)


@verifies("authorization/matrix/deleted-is-404")
def test_deleted_is_404(platform: Platform) -> None:
    """Purpose: what was deleted is gone, for its owner too.

    Method: 1. create an item, read it, delete it
            2. expect 404 for reading and changing it, for deleting it again 404 or 2xx; and 404 for HEAD,
               where there is one
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


@verifies("authorization/matrix/stated-scope-is-enforced")
@pytest.mark.parametrize("role", [case("full", "full"), case("narrow", "narrow")])
def test_stated_scope_is_enforced(platform: Platform, role: str) -> None:
    """Purpose: the scope that a token answer states is what the token opens, no more and no less.

    Method: 1. ask for a token without naming a scope; where one must be named, by naming all of the credential's
            2. read each declared resource: 2xx if the stated scope covers it, 403 if not
    """
    reply, asked = platform.oauth.request_token(role, scope=None), platform.oauth.credential(role).scopes
    reply, asked = (reply, []) if reply.ok else (platform.oauth.request_token(role), asked)
    token, granted = platform.oauth.taken(reply, role), granted_scopes(reply, asked)
    for operation in scoped(platform, "read"):
        answer = platform.send(operation, token)
        stated = f'"scope" *: *"([^"]* )?{literal(str(operation.scope))}[ "]'
        if operation.scope in granted:
            if operation.resource.concealed_from and role in operation.resource.concealed_from:
                continue
            # Nor is anything wrong where it has another one now, or none.
            unless = [(reply.id, f"!{stated}" if '"scope"' in reply.text else '"scope" *:')]
            expect_status(answer, range(200, 300), f"for {operation}: the stated scope has {operation.scope}", unless)
        else:
            lacks = f"lacks {operation.scope}" if '"scope"' in reply.text else "is none, and none was asked for"
            unless = [(reply.id, stated), *([(reply.id, '!"scope" *:')] if operation.scope in asked else [])]
            expect_status(answer, 403, f"for {operation}: the stated scope {lacks}", unless)


SILENT = {"unknown": "cf:unknown", "beyond": "{other}", "comma": "{own},{other}", "star": "*", "capitals": "{OWN}"}


@verifies("authorization/matrix/unstated-scope-opens-nothing")
@pytest.mark.parametrize("asked", [case(name, name) for name in SILENT])
def test_unstated_scope_opens_nothing(platform: Platform, asked: str) -> None:
    """Purpose: a token that is given for a scope which cannot be, without a word of another one, is good for nothing.

    Method: 1. ask with the narrow credential for an unknown scope, one beyond it, its own and another behind a comma,
               a wildcard, and its own in capitals; go on where a token is issued whose answer states no scope
            2. read each declared resource with it
            3. expect 403 where a scope is needed
    """
    oauth = platform.oauth
    own, others = oauth.credential("narrow").scopes, oauth.credential("full").scopes
    beyond = [each for each in others if each not in own]
    if not own or not beyond:
        raise Inconclusive("the credential narrow has no scope, or each that full has", "a narrow credential with some")
    scope = SILENT[asked].replace("{own}", own[0]).replace("{other}", beyond[0]).replace("{OWN}", own[0].swapcase())
    if scope in own:
        raise NotApplicable(f"{scope} is a scope of the credential")
    reply = oauth.request_token("narrow", scope=scope)
    if not issued(reply) or granted_scopes(reply, []):
        return  # What is stated is a promise of other checks.
    token = oauth.taken(reply, "narrow")
    for operation in scoped(platform, "read"):
        expect_status(platform.send(operation, token), 403, f"for {operation} without a scope", or_refused=reply)


@verifies("authorization/matrix/preconditions-come-after-access")
@pytest.mark.parametrize(
    "who", [case("no-token", "none"), case("lacking-scope", "lacking"), case("foreign", "foreign")]
)
def test_preconditions_come_after_access(platform: Platform, who: str) -> None:
    """Purpose: who may not read an item does not learn whether it is still as it was, either.

    Method: 1. read an item without a token, with one that lacks the scope, and as foreign, on condition that it has
               changed: If-None-Match with its own ETag, and with any; and since a day that is yet to come
            2. expect 401, 403, and 403 or 404, as without a condition
    """
    wanted = {"none": {401}, "lacking": {403}, "foreign": {403, 404}}[who]
    for operation in platform.operations("read-item"):
        if who == "lacking" and not operation.scope:
            continue
        etag = platform.as_role("full", operation).headers.get("etag")
        tokens: dict[str, Callable[[], str | None]] = {
            "none": lambda: None,
            "lacking": partial(platform.oauth.token_without, str(operation.scope)),
            "foreign": lambda: platform.oauth.token("foreign"),
        }
        token = tokens[who]()
        tags = [("If-None-Match", value) for value in ("*", etag) if value]
        for name, value in [*tags, ("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT")]:
            reply = platform.send(operation, token, [(name, value)])
            expect_status(reply, wanted, f"for {operation} with {name}: {value}")


@verifies("authorization/matrix/project-membership-narrows")
def test_project_membership_narrows(platform: Platform) -> None:
    """Purpose: what is visible to some members only is hidden from the others of the same organization.

    Method: 1. read each resource that is concealed from the role outsider, as full: 2xx
            2. read it as outsider
            3. expect 404, or 403
    """
    concealed = [each for each in platform.resources if "outsider" in each.concealed_from]
    if not concealed:
        raise NotDeclared(
            "no resource is declared concealed from the role outsider", "identity.resources.concealed_from"
        )
    for resource in concealed:
        operation = platform.operation(resource, "read")
        control = platform.as_role("full", operation)
        if not control.ok:
            raise Inconclusive(
                f"{operation} is answered {control.status} to its owner", "a resource that full may read"
            )
        expect_status(platform.as_role("outsider", operation), {403, 404}, f"for {operation} as outsider")


@verifies("authorization/matrix/another-method-is-no-way-in")
@pytest.mark.parametrize("who", [case(name, name) for name in ("no-token", "lacking-scope", "foreign")])
def test_another_method_is_no_way_in(platform: Platform, who: str) -> None:
    """Purpose: methods that no document names are not left unprotected.

    Method: 1. send PUT, POST, PATCH, OPTIONS, TRACE and an invented method to each item: without a token, with one
               that lacks every scope of the item, as foreign
            2. expect no 2xx with a body that shows the item, and nothing changed
    """
    for operation in platform.operations("read-item"):
        tokens: dict[str, Callable[[], str | None]] = {
            "no-token": lambda: None,
            "lacking-scope": partial(token_of_nothing, platform, operation.resource),
            "foreign": lambda: platform.oauth.token("foreign"),
        }
        token = tokens[who]()
        shown = f"text of {platform.slug_of(operation)}".encode()
        for method in ("PUT", "POST", "PATCH", "OPTIONS", "TRACE", "CFTEST"):
            before = platform.state(operation)
            reply = platform.send(operation, token, method=method)
            if reply.ok and shown in reply.body:
                told, proof = f"{reply.status} showing the item", lacks(reply, shown.decode())
                raise NonConformance(f"no content for {method} ({who})", told, reply, proof=proof)
            expect_unchanged(before, platform.state(operation), reply)


def token_of_nothing(platform: Platform, resource: Resource) -> str:
    """A token with a scope of the full role that opens no operation of a resource."""
    parts = (resource, resource.create, resource.item, resource.update, resource.delete)
    needed = {part.scope for part in parts if part}
    others = [each for each in platform.oauth.credential("full").scopes if each not in needed]
    for token in (platform.oauth.token("full", each) for each in others):
        if not any(platform.oauth.states(token, scope) for scope in filter(None, needed)):
            return token
    raise Inconclusive(f"every scope of the role full opens something of {resource.name}", "a role full with more")


@verifies("authorization/matrix/lacking-scope-comes-before-absence")
def test_lacking_scope_comes_before_absence(platform: Platform) -> None:
    """Purpose: who lacks the scope is told so, whether or not there is anything: else 404 would tell what exists.

    Method: 1. with a token that lacks the scope, read what never existed, of each kind and by each declared absent path
            2. expect 403; of an organization that is not the caller's own 404 too, since a scope says nothing there
    """
    for operation in scoped(platform, "read"):
        if operation.resource.absent or operation.resource.item:
            path = platform.absent_path(operation.resource)
            elsewhere = (organization := platform.target.organization) in operation.path and organization not in path
            reply = platform.send(operation, platform.oauth.token_without(str(operation.scope)), path=path)
            permitted = {403, 404} if elsewhere else {403}
            expect_status(reply, permitted, f"for an absent {operation.resource.name} without the scope")
