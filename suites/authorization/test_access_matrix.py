"""Each declared operation needs a token with its scope and role, from its own organization."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import pytest

from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import expect_pair
from conformance.oracles.oauth import granted_scopes, issued
from conformance.oracles.proofs import alike, literal
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.platform import KINDS, Operation, Platform, key_of
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared

TAKEN = 409
UNKNOWN_TOKEN = "cf-0123456789abcdefghijklmnopqrstuvwxyz"
every_kind = pytest.mark.parametrize("kind", [case(name, name) for name in KINDS])
item_kinds = [case(name, name) for name in ("read-item", "update", "delete")]


def refused(platform: Platform, operation: Operation, token: str | None, statuses: set[int]) -> Exchange:
    """Sends an operation that must be refused, and has the owner look whether it was."""
    before = platform.state(operation)
    reply = platform.send(operation, token)
    expect_status(reply, statuses, f"for {operation}")
    expect_unchanged(before, platform.state(operation), reply)
    return reply


def scoped(platform: Platform, *kinds: str) -> list[Operation]:
    """Operations of these kinds that need a scope; NotApplicable where none does."""
    found = [each for each in platform.operations(*kinds) if each.scope]
    if not found:
        raise NotDeclared(
            f"no declared {' or '.join(kinds)} needs a scope", *(f"{key_of(kind)}.scope" for kind in kinds)
        )
    return found


@verifies("authorization/matrix/needed-scope-opens")
@every_kind
def test_needed_scope_opens(platform: Platform, kind: str) -> None:
    """Purpose: the scope of an operation opens it, without a second one.

    Method: 1. perform each declared operation with a token that has its scope alone
            2. expect 2xx
    """
    for operation in scoped(platform, kind):
        if kind == "delete":
            operation = platform.operation(operation.resource, kind, platform.new_item(operation.resource))
        slug = platform.slug_of(operation)
        reply = platform.send(operation, platform.oauth.token("full", str(operation.scope)))
        if kind == "create" and reply.ok and slug:
            platform.remember(operation.resource, slug)
        expect_success(reply, f"for {operation} with the scope {operation.scope}")


@verifies("authorization/matrix/no-token-is-401")
@every_kind
def test_no_token_is_401(platform: Platform, kind: str) -> None:
    """Purpose: nothing is done for nobody.

    Method: 1. perform each declared operation without a token
            2. expect 401, and the owner to find everything as before
    """
    for operation in platform.operations(kind):
        refused(platform, operation, None, {401})


@verifies("authorization/matrix/unknown-token-is-401")
@every_kind
def test_unknown_token_is_401(platform: Platform, kind: str) -> None:
    """Purpose: a token that was never issued is no token.

    Method: 1. perform each declared operation with an invented token
            2. expect 401, and the owner to find everything as before
    """
    for operation in platform.operations(kind):
        refused(platform, operation, UNKNOWN_TOKEN, {401})


@verifies("authorization/matrix/lacking-role-is-403")
@pytest.mark.parametrize("kind", [case(name, name) for name in ("create", "update", "delete")])
def test_lacking_role_is_403(platform: Platform, kind: str) -> None:
    """Purpose: a scope gives no more than the role in the organization does.

    Method: 1. send each change as each role to which the target file says that it is forbidden, with all its scopes
            2. expect 403 (404 where what it is about is hidden), and the owner to find nothing changed; and to create
               what was not created, of the same name
    """
    changes = [
        (operation, role)
        for operation in platform.operations(kind)
        for role in getattr(operation.resource, kind).forbidden_to
    ]
    if not changes:
        raise NotDeclared(f"no declared {kind} is said to be forbidden_to a role", f"{key_of(kind)}.forbidden_to")
    for operation, role in changes:
        if operation.scope and operation.scope not in platform.oauth.credential(role).scopes:
            raise Inconclusive(f"{role} has not the scope {operation.scope}", "a role that lacks the role alone")
        refused(platform, operation, platform.oauth.token(role), {403, 404})
        if kind == "create" and (slug := platform.slug_of(operation)) and operation.resource.item:
            reply = platform.create(operation.resource, slug)
            if reply.status == TAKEN:
                expect_success(reply, f"for {operation} by its owner, behind the refusal")


@verifies("authorization/matrix/service-policy-is-403")
def test_service_policy_is_403(platform: Platform) -> None:
    """Purpose: a scope gives no more than the service policy of the organization leaves.

    Method: 1. read each resource as each role to which the target file says that the policy refuses it
            2. expect 403, or 404 where the resource is hidden from that role
    """
    refusals = [
        (operation, role) for operation in platform.operations("read") for role in operation.resource.refused_by_policy
    ]
    if not refusals:
        raise NotDeclared("no declared resource is refused_by_policy to a role", "identity.resources.refused_by_policy")
    for operation, role in refusals:
        scopes = platform.oauth.credential(role).scopes
        if operation.scope and operation.scope not in scopes:
            raise Inconclusive(f"{role} has not the scope {operation.scope}", "a role that only the policy refuses")
        refused(platform, operation, platform.oauth.token(role), {403, 404})


@verifies("authorization/matrix/lacking-scope-is-403")
@every_kind
def test_lacking_scope_is_403(platform: Platform, kind: str) -> None:
    """Purpose: a valid token without the scope of an operation does not perform it; no scope implies another.

    Method: 1. perform each declared operation with every token that lacks its scope: one further scope each, all of
               them at once, and the narrow credential's; a creation also of a name that is taken
            2. expect 403, and the owner to find everything as before
    """
    for operation in scoped(platform, kind):
        asked = [operation]
        if kind == "create" and operation.resource.item:
            # Whether a name is taken is for those to learn who may create.
            asked.append(platform.operation(operation.resource, kind, platform.item(operation.resource)))
        for token in platform.oauth.tokens_without(str(operation.scope)):
            for each in asked:
                refused(platform, each, token, {403})


@verifies("authorization/matrix/head-needs-what-get-needs")
@pytest.mark.parametrize("who", [case("no-token", "none"), case("lacking-scope", "lacking")])
def test_head_needs_what_get_needs(platform: Platform, who: str) -> None:
    """Purpose: HEAD is no way around authorization.

    Method: 1. send HEAD to each declared resource and item, without a token, and with one that lacks the scope
            2. expect 401 and 403 (405 or 501 where there is no HEAD)
    """
    for operation in scoped(platform, "read", "read-item"):
        if operation.method == "GET":
            token = None if who == "none" else platform.oauth.token_without(str(operation.scope))
            due = {401 if token is None else 403, *NOT_OFFERED}
            expect_status(platform.send(operation, token, method="HEAD"), due, f"for HEAD {operation.path}")


@verifies("authorization/matrix/foreign-organization-is-kept-out")
@every_kind
def test_foreign_organization_is_kept_out(platform: Platform, kind: str) -> None:
    """Purpose: a credential of another organization, with every scope, does nothing here.

    Method: 1. perform each declared operation with the full token of the role foreign
            2. expect 403 or 404, and the owner to find everything as before
    """
    token = platform.oauth.token("foreign")
    for operation in platform.shut(kind):
        refused(platform, operation, token, {403, 404})


@verifies("authorization/matrix/not-yours-is-as-never-existed")
@pytest.mark.parametrize("kind", item_kinds)
def test_not_yours_is_as_never_existed(platform: Platform, kind: str) -> None:
    """Purpose: whether 403 or 404 is answered never depends on whether the thing exists.

    Method: 1. perform an operation of the role foreign on an item that exists, and on one that never existed
            2. expect one status for both, 403 or 404
    """
    token = platform.oauth.token("foreign")
    for operation in platform.operations(kind):
        absent = platform.operation(operation.resource, kind, platform.names.new())
        expect_pair(platform.send(operation, token), platform.send(absent, token))


def second_pages(platform: Platform, once: Once, lists: Iterable[Operation]) -> list[tuple[Operation, str]]:
    """Those of these lists that come in pages, each with the address of its second one, as the owner reads it."""
    whole = [(each, once(("pages", each.path), partial(platform.pages, "full", each))) for each in lists]
    found = [(operation, pages[1].url) for operation, pages in whole if len(pages) > 1 and pages[1].ok]
    if not found:
        raise NotApplicable("no declared list comes in pages")
    return found


@verifies("authorization/matrix/no-token-is-401")
@pytest.mark.parametrize("what", [case("second-page", "the second page")])
def test_pages_need_a_token(platform: Platform, once: Once, what: str) -> None:
    """Purpose: what stands behind the first page of a list is for nobody without a token, either.

    Method: 1. as the owner read each declared list that comes in pages to its end
            2. ask for the second page without a token: expect 401
    """
    for operation, address in second_pages(platform, once, platform.operations("read")):
        expect_status(platform.send(operation, None, path=address), 401, f"for {what} of {operation}")


@verifies("authorization/matrix/pages-need-what-their-list-needs")
@pytest.mark.parametrize("who", [case("lacking-scope", "lacking"), case("foreign", "foreign")])
def test_pages_need_what_their_list_needs(platform: Platform, once: Once, who: str) -> None:
    """Purpose: what stands behind the first page of a list is no less guarded than that.

    Method: 1. as the owner read each declared list that comes in pages to its end (what it shows of another
               organization is looked for behind the run)
            2. ask for the second page with a token that lacks the scope, as another organization that has no part in it
            3. expect 403; or 403 or 404, as for the first page, and 400 where an address is of its reader alone
    """
    foreign = who == "foreign"
    lists = platform.shut("read") if foreign else scoped(platform, "read")
    for operation, address in second_pages(platform, once, lists):
        token = platform.oauth.token("foreign") if foreign else platform.oauth.token_without(str(operation.scope))
        due = {400, 403, 404} if foreign else {403}
        expect_status(platform.send(operation, token, path=address), due, f"for the second page of {operation}")


@verifies("authorization/bearer/401-comes-first")
@pytest.mark.parametrize("methods", [case("method", ("PUT", "PATCH", "POST"))])
def test_no_method_tells_what_there_is(platform: Platform, methods: tuple[str, ...]) -> None:
    """Purpose: without a token nobody learns what there is by a method that it does not have.

    Method: 1. send a request without a token by a method that is not declared, to an item and to an absent one
            2. expect 401; or for both what a router says that knows which methods a path has: 404, 405 or 501
    """
    for operation in platform.operations("read-item"):
        resource = operation.resource
        declared = {change.method for change in (resource.update, resource.delete) if change}
        method = next(each for each in methods if each not in declared)
        there = platform.send(operation, None, method=method)
        expect_status(there, {401, 404, *NOT_OFFERED}, "without a token, by a method that is not declared")
        absent = platform.send(operation, None, method=method, path=platform.absent_path(resource))
        if absent.status != there.status:
            told = f"{absent.status} for what is absent"
            raise NonConformance(f"{there.status}, as for an item", told, there, absent, proof=alike(there, absent))


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
