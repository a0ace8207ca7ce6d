"""Organizations are kept apart: by path tricks, headers, bodies and content."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import member, shows
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.proofs import without_member
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_success, expect_refused, expect_status
from conformance.sandbox.baseline_access import PlainlyOpen, strangers
from conformance.sandbox.platform import KINDS, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared, Proof
from conformance.vocabulary.wording import worded


@verifies("authorization/isolation/nothing-reaches-another-organization")
@pytest.mark.parametrize("role", [case("foreign", "foreign"), case("no-token", None)])
def test_nothing_reaches_another_organization(platform: Platform, role: str | None) -> None:
    """Purpose: not a byte of what one organization stores reaches another, or nobody.

    Method: 1. create an item with a text of the run's own, and see that its owner reads the text
            2. perform every declared operation on it, and wrong ones, as the role foreign and without a token
            3. expect the text nowhere in the answers
    """
    token = platform.oauth.token(role) if role else None
    for item in platform.operations("read-item"):
        canary = f"text of {platform.slug_of(item)}"
        control = platform.as_role("full", item)
        if not shows(control, canary):
            raise Inconclusive("the owner does not read the text that was created", "a create.body with {text} in it")
        for kind in KINDS:
            if kind == "create":
                continue
            for operation in platform.operations(kind):
                expect_not_repeated(platform.send(operation, token), [canary], "what another organization stored")
        for method in ("OPTIONS", "TRACE", "PUT", "POST"):
            expect_not_repeated(platform.send(item, token, method=method), [canary], "what another organization stored")


TRICKS = {
    "trailing-slash": "{path}/", "double-slash": "/{path}", "inner-double-slash": "{head}//{tail}",
    "dot-segment": "{head}/./{tail}",
    "dot-dot": "{head}/x/../{tail}", "encoded-dots": "{head}/x/%2e%2e/{tail}", "encoded-slash": "{head}%2f{tail}",
    "dots-behind-an-open-path": "/.well-known/..{path}", "dots-behind-the-token-endpoint": "{up}{path}",
    "encoded-dots-behind-the-token-endpoint": "{up-encoded}{path}",
    "dots-and-parameter": "{head}/x/..;/{tail}", "dots-encoded-twice": "{head}/x/%252e%252e/{tail}",
    "suffix": "{path}.json", "dot-behind": "{path}.",
    "parameter": "{path};x=y", "upper-case": "{upper}", "encoded-letter": "{encoded}",
    "letter-encoded-twice": "{twice}", "full-width-letter": "{wide}", "nul": "{path}%00",
    "query": "{path}?admin=true&org=cf&to=/oauth/token/.well-known/jwks.json",
    "backslash": "{head}%5c{tail}", "blank": "{path}%20",
}  # fmt: skip


def up_from(path: str, dots: str) -> str:
    """A path, and from it up again to where it begins."""
    return path + f"/{dots}" * path.count("/")


def _tricked(path: str, trick: str) -> str:
    head, _, tail = path.rpartition("/")
    code = ord(tail[0])
    # U+FF01 to U+FF5E are what ASCII has from U+0021 on, in full width.
    letters = {"encoded": f"%{code:02x}", "twice": f"%25{code:02x}", "wide": quote(chr(code + 0xFEE0))}
    written = TRICKS[trick].replace("{path}", path).replace("{head}", head).replace("{tail}", tail)
    for name, letter in letters.items():
        written = written.replace(f"{{{name}}}", f"{head}/{letter}{tail[1:]}")
    return written.replace("{upper}", path.upper())


@verifies("authorization/isolation/path-tricks-open-nothing")
@pytest.mark.parametrize("trick", [case(name, name) for name in TRICKS])
def test_path_tricks_open_nothing(platform: Platform, trick: str) -> None:
    """Purpose: a path written in another way is decided on like the path itself.

    Method: 1. ask for the first declared resource, and each item, by a path with a slash, dots, an encoding … too
               many, without a token and as foreign, and each item with a token that lacks the scope as well
            2. expect no 2xx; but a page, as a portal may show at addresses that are none of its services'
    """
    plainly_open = PlainlyOpen(platform)
    for operation in [platform.shut("read")[0], *platform.operations("read-item")]:
        for token in strangers(platform, operation)[: 2 if operation.kind == "read" else 3]:
            path = _tricked(operation.path, trick)
            for name, dots in (("{up}", ".."), ("{up-encoded}", "%2e%2e")):
                path = path.replace(name, up_from(platform.oauth.identity.token_path, dots))
            reply = platform.http.get(path, [bearer(token)] if token else [])
            if not plainly_open.to(operation, token, reply):
                expect_no_success(reply, or_page=True)
    plainly_open.tell()


OF_CHANGES = ("trailing-slash", "double-slash", "encoded-letter")


@verifies("authorization/isolation/path-tricks-change-nothing")
def test_path_tricks_change_nothing(platform: Platform) -> None:
    """Purpose: nor is it a way to change things without the right to.

    Method: 1. delete an item without a token by a path with a slash too many, or an encoded letter; and, with a slash
               behind it, with a token that lacks the scope
            2. expect no 2xx, and the owner to find the item as before
    """
    for operation in platform.operations("delete"):
        before = platform.state(operation)
        asked: list[tuple[str, str | None]] = [(each, None) for each in OF_CHANGES]
        asked += [(OF_CHANGES[0], platform.oauth.token_without(operation.scope))] if operation.scope else []
        for trick, token in asked:
            reply = platform.send(operation, token, path=_tricked(operation.path, trick))
            expect_no_success(reply, "for a deletion that nobody may make")
            expect_unchanged(before, platform.state(operation), reply)


FORGED = {
    "path": {"X-Original-URL": "{path}", "X-Rewrite-URL": "{path}", "X-Forwarded-Uri": "{path}",
             "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "https",
             "X-Forwarded-Method": "OPTIONS", "X-Forwarded-Prefix": "/.well-known"},
    "client": {"X-User-Id": "{client}", "X-Client-Id": "{client}", "X-Forwarded-User": "{client}",
               "X-Authenticated-Userid": "{client}", "X-Consumer-Username": "{client}", "Remote-User": "{client}",
               "X-Remote-User": "{client}", "X-WebAuth-User": "{client}", "X-Auth-Request-User": "{client}"},
    "organization": {"X-Org-Id": "{organization}", "X-Organization": "{organization}", "X-Tenant-Id": "{organization}"},
    "rights": {"X-Scope": "{scopes}", "X-Role": "owner", "X-Internal": "true", "X-Internal-Request": "true",
               "X-Middleware-Subrequest": "middleware:middleware:middleware:middleware:middleware"},
}  # fmt: skip


@verifies("authorization/isolation/forwarded-headers-open-nothing")
@pytest.mark.parametrize("forged", [case(name, fields) for name, fields in FORGED.items()])
def test_forwarded_headers_open_nothing(platform: Platform, forged: dict[str, str]) -> None:
    """Purpose: who one is and what one may is decided by the token, not by a header that any caller can set.

    Method: 1. read each declared resource without a token, as foreign and without the scope, under headers that name
               the path, the organization, the owner's client, loopback, every scope, the role owner or a service within
            2. expect a refusal
            3. ask for / without a token, under headers that name the path: expect nothing that is read at the path
    """
    owner = platform.oauth.credential("full")
    values = {"client": owner.client_id, "organization": platform.target.organization, "scopes": " ".join(owner.scopes)}
    plainly_open = PlainlyOpen(platform)
    for operation in platform.shut("read", "read-item"):
        fields = [(name, value.format(path=operation.path, **values)) for name, value in forged.items()]
        for token in strangers(platform, operation):
            reply = platform.send(operation, token, fields)
            if not plainly_open.to(operation, token, reply):
                expect_refused(reply, f"under {', '.join(forged)}")
        if "X-Original-URL" in forged:
            elsewhere, shown = platform.http.get("/", fields), platform.as_role("full", operation)
            if elsewhere.ok and shown.body and elsewhere.body == shown.body:
                raise NonConformance("nothing of a path that a header names", f"{elsewhere.status} with it", elsewhere)
    plainly_open.tell()


SETTABLE = {
    "organization": "cf-other", "organization_id": "cf-other", "org": "cf-other", "owner": "cf-other",
    "id": "cf-other", "role": "owner", "scopes": ["organization:write"],
    "status": "revoked", "created": "1970-01-01T00:00:00Z", "slug": "",
}  # fmt: skip


@verifies("authorization/isolation/writes-set-nothing-else")
@pytest.mark.parametrize("name", [case(name.replace("_", "-"), name) for name in SETTABLE])
def test_writes_set_nothing_else(platform: Platform, name: str) -> None:
    """Purpose: a body sets what its caller may set, and neither the owner nor the organization of a thing.

    Method: 1. read an item; send the declared update with a member that no creation has: organization, id, role …
            2. read it again: expect that member as before; or the item by a new slug (only organizations keep theirs)
    """
    for operation in platform.operations("update"):
        resource, renames = operation.resource, name == operation.resource.unique
        if name in {**(operation.document or {}), **(resource.create.body if resource.create and not renames else {})}:
            continue
        # What gets another name is lost to the checks that share the usual one.
        slug = platform.new_item(resource) if renames else platform.slug_of(operation)
        operation, read = (platform.operation(resource, kind, slug) for kind in ("update", "read-item"))
        before = member(platform.as_role("full", read), name)
        sent = platform.names.new() if name == "slug" else SETTABLE[name]
        reply = platform.as_role("full", operation, document={**(operation.document or {}), name: sent})
        if renames and reply.ok:
            platform.remember(resource, str(sent))
        again, moved = platform.as_role("full", read), platform.operation(resource, "read-item", str(sent))
        if renames and reply.ok and not again.ok and platform.as_role("full", moved).ok:
            continue
        expect_status(again, 200, "for the item afterwards", or_refused=reply)
        if member(again, name) != before:
            told = f"{name} {worded(before)}, as before", f"{name} {worded(member(again, name))}"
            raise NonConformance(*told, reply, again, proof=_not_set(name, reply, again))


def _not_set(name: str, written: Exchange, read: Exchange) -> Proof | None:
    """A member would be another than it is, or the write refused."""
    proof = without_member(read, name)
    return replace(proof, or_refused=(written.id,)) if proof else None


@verifies("authorization/isolation/foreign-members-are-refused")
def test_creation_for_another_organization_is_refused(platform: Platform) -> None:
    """Purpose: nobody creates things in another organization by naming it in the body.

    Method: 1. create an item as the role foreign, also with the organization under test named in its body
            2. expect 4xx, and the owner to find no such item
    """
    for operation in platform.shut("create"):
        named = {**(operation.document or {}), "organization": platform.target.organization}
        before = platform.state(operation)
        for document in (operation.document, named):
            reply = platform.as_role("foreign", operation, document=document)
            expect_refused(reply)
            expect_unchanged(before, platform.state(operation), reply)


@verifies("authorization/isolation/token-opens-nothing-of-another-organization")
def test_token_of_another_organization_is_valid_at_home_only(platform: Platform) -> None:
    """Purpose: the foreign token is good, so that its refusal is a decision and no accident.

    Method: 1. read each declared resource as foreign: refused, though the token is valid
            2. expect 403 or 404, and not 401
    """
    if not platform.oauth.has("foreign"):
        raise NotDeclared("the target file has no credential in the role foreign", "identity.credentials.foreign")
    for operation in platform.shut("read"):
        expect_status(platform.as_role("foreign", operation), {403, 404}, f"for {operation} as foreign")


@verifies("authorization/isolation/creation-sets-nothing-else")
@pytest.mark.parametrize("name", [case(name, name) for name in ("organization", "owner", "version", "role", "id")])
def test_creation_sets_nothing_else(platform: Platform, name: str) -> None:
    """Purpose: nor does a creation set what is the server's to set.

    Method: 1. create an item with one more member: organization, owner, version …
            2. expect a refusal, or an item that does not have the value that was sent
    """
    sent = 4711 if name == "version" else "cf-other"
    for resource in platform.resources_with("create", "item"):
        operation = platform.operation(resource, "create", slug := platform.names.new())
        if name in (operation.document or {}):
            continue
        reply = platform.as_role("full", operation, document={**(operation.document or {}), name: sent})
        if reply.ok:
            platform.remember(resource, slug)
            again = platform.as_role("full", platform.operation(resource, "read-item", slug))
            if member(again, name) == sent:
                expected, seen = f"no {name} of the caller's choice", f"{name} {worded(sent)}"
                raise NonConformance(expected, seen, reply, again, proof=_not_set(name, reply, again))
