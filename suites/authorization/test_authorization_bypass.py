"""Path spellings, header fields and other methods bypass no access check."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest

from conformance.clients.oauth.client import FORM_TYPE, bearer
from conformance.oracles.proofs import lacks
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import (
    expect_no_success,
    expect_refused,
    observed,
)
from conformance.sandbox.baseline_access import PlainlyOpen, strangers
from conformance.sandbox.platform import JSON_TYPE, HeaderFields, Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared

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


def path_back_to_root(path: str, dots: str) -> str:
    """Return a path followed by as many parent segments as it has."""
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
                path = path.replace(name, path_back_to_root(platform.oauth.identity.token_path, dots))
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


UNSEEN = {
    "line-end": "{path}%0a", "tab": "{path}%09", "encoded-dot": "{head}/%2e/{tail}", "encoded-hash": "{path}%23x",
    "encoded-parameter": "{path}%3bx", "overlong-slash": "{head}%c0%af{tail}",
}  # fmt: skip
EXEMPT = {
    "underscores": {"X_Forwarded_User": "{client}", "X_Client_Id": "{client}", "X_User_Id": "{client}"},
    "claims": {"X-Userinfo": "{claims}", "X-Apigateway-Api-Userinfo": "{claims}", "X-Jwt-Payload": "{claims}"},
    "preflight": {"Origin": "https://cf.example", "Access-Control-Request-Method": "GET",
                  "X-Requested-With": "XMLHttpRequest"},
    "prober": {"User-Agent": "kube-probe/1.29 ELB-HealthChecker/2.0"},
    "connection": {"Connection": "close, X-Client-Id, X-Forwarded-User, X-Auth-Token, Authorization"},
    "address": {"X-Forwarded-For": "cf-none"},
    "within": {"Forwarded": "for=127.0.0.1;host=localhost;proto=https", "X-Forwarded-Host": "localhost",
               "X-Client-IP": "127.0.0.1", "True-Client-IP": "127.0.0.1"},
    "certificate": {"X-SSL-Client-Verify": "SUCCESS", "X-Client-Verify": "SUCCESS", "SSL-Client-Verify": "SUCCESS",
                    "X-SSL-Client-CN": "{client}", "X-Forwarded-Client-Cert": 'Hash=cf;Subject="CN={client}"'},
    "upgrade": {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "Y29uZm9ybWFuY2UtY2hlY2s="},
}  # fmt: skip


def first_of_each(platform: Platform) -> list[Operation]:
    """A declared resource and an item, as far as there are any."""
    shut = platform.shut("read", "read-item")
    return [next(each for each in shut if each.kind == kind) for kind in dict.fromkeys(each.kind for each in shut)]


@verifies("authorization/isolation/path-tricks-open-nothing")
@pytest.mark.parametrize("spelling", [case(name, value) for name, value in UNSEEN.items()])
def test_spellings_that_patterns_overlook_open_nothing(platform: Platform, spelling: str) -> None:
    """Purpose: a guard that compares paths, and what it stands before, read a path alike.

    Method: 1. ask for a declared resource and an item, without a token, by a path with a line end, a tab, a hash or a
               parameter behind it, each encoded, with a dot too many, or a slash in two bytes
            2. expect no 2xx, but a page for everybody
    """
    plainly_open = PlainlyOpen(platform)
    for operation in first_of_each(platform):
        head, _, tail = operation.path.rpartition("/")
        path = spelling.replace("{path}", operation.path).replace("{head}", head).replace("{tail}", tail)
        reply = platform.http.get(path)
        if not plainly_open.to(operation, None, reply):
            expect_no_success(reply, or_page=True)
    plainly_open.tell()


@verifies("authorization/isolation/path-tricks-open-nothing")
@pytest.mark.parametrize("file", [case("file-behind", "/{name}.css"), case("file-behind-a-parameter", ";{name}.css")])
def test_what_looks_like_a_file_is_kept_for_nobody(platform: Platform, file: str) -> None:
    """Purpose: a cache that takes an address for a file's keeps nothing for everybody of what one reader was shown.

    Method: 1. ask for each declared resource and an item as the owner, with the name of a file behind the path
            2. where that is 2xx, ask for the same without a token: expect no 2xx, but a page for everybody
    """
    for operation in platform.shut("read", "read-item"):
        path = operation.path + file.replace("{name}", platform.names.new())
        owners = platform.as_role("full", operation, path=path)
        if owners.ok:
            expect_no_success(platform.http.get(path), "without a token, behind the owner", owners, or_page=True)


@verifies("authorization/isolation/forwarded-headers-open-nothing")
@pytest.mark.parametrize("fields", [case(name, value) for name, value in EXEMPT.items()])
def test_fields_exempt_nobody(platform: Platform, fields: dict[str, str]) -> None:
    """Purpose: no field makes up for a token, in whatever letters, and none keeps the guard from looking for one.

    Method: 1. ask for a declared resource and an item, without a token, under fields that name the owner's client in
               letters that only some see through, its claims as a gateway hands them on, what a preflight or a prober
               has, an address that is none, or of the machine itself, a certificate that a front would have seen, the
               wish for a WebSocket, or the guard's own fields among those that a proxy is to drop
            2. expect a refusal
    """
    owner = platform.oauth.credential("full")
    claims = {"sub": owner.client_id, "client_id": owner.client_id, "scope": " ".join(owner.scopes)}
    told = {"{client}": owner.client_id, "{claims}": base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}
    given = [
        (name, told[value] if value in told else value.replace("{client}", owner.client_id))
        for name, value in fields.items()
    ]
    plainly_open = PlainlyOpen(platform)
    for operation in first_of_each(platform):
        reply = platform.send(operation, None, given)
        if not plainly_open.to(operation, None, reply):
            expect_refused(reply, f"under {', '.join(fields)}")
    plainly_open.tell()


@verifies("authorization/isolation/forwarded-headers-open-nothing")
@pytest.mark.parametrize(
    "wanted", [case("browser", "text/html, application/xhtml+xml, */*;q=0.8"), case("script", "text/javascript, */*")]
)
def test_what_is_wanted_exempts_nobody(platform: Platform, wanted: str) -> None:
    """Purpose: nor is it open to who looks like a page, or the browser that shows it, and is kept out by other means.

    Method: 1. ask for a declared resource and an item, without a token, with the Accept of a browser, for a page and
               for a script
            2. expect no 2xx, but a page for everybody
    """
    for operation in first_of_each(platform):
        expect_no_success(platform.send(operation, None, [("Accept", wanted)]), or_page=True)


def overridden_to_delete(path: str, where: str) -> tuple[str, HeaderFields, bytes]:
    """Return the path, fields and body of a request that overrides its method with DELETE."""
    if where == "query":
        return f"{path}?_method=DELETE", [], b""
    return (path, [FORM_TYPE], b"_method=DELETE") if where == "form" else (path, [(where, "DELETE")], b"")


@verifies("authorization/matrix/method-override-is-ignored")
@pytest.mark.parametrize(
    "where",
    [
        *(case(name.lower(), name) for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")),
        case("query", "query"),
        case("form", "form"),
    ],
)
def test_method_override_is_ignored(platform: Platform, where: str) -> None:
    """Purpose: a read token does not write by naming another method in a header, in the query or in a form.

    Method: 1. read an item, and post to it, with its read scope and an override header, or the parameter _method, that
               says DELETE
            2. expect the owner to find it unchanged
    """
    operations = [each for each in platform.operations("read-item") if each.resource.delete]
    if not operations:
        raise NotDeclared("no declared item can be deleted", "identity.resources.delete")
    for operation in operations:
        token = platform.oauth.token("full", operation.scope) if operation.scope else platform.oauth.token("narrow")
        path, fields, body = overridden_to_delete(operation.path, where)
        for method in ("GET", "POST") if not body else ("POST",):
            before = platform.state(operation)
            reply = platform.request(method, path, [bearer(token), *fields], body)
            expect_unchanged(before, platform.state(operation), reply)


@verifies("authorization/matrix/another-method-is-no-way-in")
@pytest.mark.parametrize("method", [case("put-of-what-is-not-there", "PUT")])
def test_another_method_makes_nothing(platform: Platform, method: str) -> None:
    """Purpose: what no document says to create things does not create them for who may not.

    Method: 1. send PUT with the declared body of a creation to an item that is not there, without the scope of that
            2. expect the owner to find nothing there
    """
    asked = 0
    for resource in platform.resources_with("create", "item"):
        slug = platform.names.new()
        read, create = (platform.operation(resource, kind, slug) for kind in ("read-item", "create"))
        if not create.scope:
            continue
        fields = [JSON_TYPE, bearer(platform.oauth.token_without(create.scope))]
        reply = platform.request(method, read.path, fields, create.body)
        if reply.ok:
            platform.remember(resource, slug)
        found = platform.as_role("full", read)
        if found.ok:
            raise NonConformance(f"nothing that {method} has made without the scope", observed(found), reply, found)
        asked += 1
    if not asked:
        raise NotDeclared("no declared creation needs a scope", "identity.resources.create.scope")


@verifies("authorization/matrix/another-method-is-no-way-in")
@pytest.mark.parametrize("method", [case("propfind", "PROPFIND"), case("no-such-method", "CF")])
def test_method_of_no_api_is_no_way_in(platform: Platform, method: str) -> None:
    """Purpose: what guards the methods that it knows, and reads by all others, guards nothing.

    Method: 1. ask for a declared resource and an item, without a token, by a method of another protocol, and by none
            2. expect no 2xx
    """
    for operation in first_of_each(platform):
        expect_no_success(platform.send(operation, None, method=method), f"for {method} without a token")


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
