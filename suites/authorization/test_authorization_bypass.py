"""Path spellings, header fields and other methods bypass no access check."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote

import pytest

from conformance.clients.oauth.client import FORM_TYPE, bearer
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_success, expect_refused, observed
from conformance.sandbox.baseline_access import Attempt, expect_no_bypass, strangers
from conformance.sandbox.platform import JSON_TYPE, HeaderFields, Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared

FULL_WIDTH = 0xFEE0
"""The distance of an ASCII character to its full-width form (U+FF01 to U+FF5E)."""


def first_of_each(platform: Platform) -> list[Operation]:
    """Return the first declared resource and item."""
    shut = platform.shut("read", "read-item")
    return [next(each for each in shut if each.kind == kind) for kind in dict.fromkeys(each.kind for each in shut)]


PATHS = {
    "trailing-slash": "{path}/", "double-slash": "/{path}", "inner-double-slash": "{head}//{tail}",
    "dot-segment": "{head}/./{tail}",
    "dot-dot": "{head}/x/../{tail}", "encoded-dots": "{head}/x/%2e%2e/{tail}", "encoded-slash": "{head}%2f{tail}",
    "dots-behind-an-open-path": "/.well-known/..{path}", "dots-behind-the-token-endpoint": "{up}{path}",
    "encoded-dots-behind-the-token-endpoint": "{up-encoded}{path}",
    "dots-and-parameter": "{head}/x/..;/{tail}", "dots-encoded-twice": "{head}/x/%252e%252e/{tail}",
    "suffix": "{path}.json", "dot-behind": "{path}.",
    "parameter": "{path};x=y", "upper-case": "{upper}", "encoded-letter": "{head}/%{code}{rest}",
    "letter-encoded-twice": "{head}/%25{code}{rest}", "full-width-letter": "{head}/{wide}{rest}", "nul": "{path}%00",
    "query": "{path}?admin=true&org=cf&to=/oauth/token/.well-known/jwks.json",
    "backslash": "{head}%5c{tail}", "blank": "{path}%20",
}  # fmt: skip
OVERLOOKED_PATHS = {
    "line-end": "{path}%0a", "tab": "{path}%09", "encoded-dot": "{head}/%2e/{tail}", "encoded-hash": "{path}%23x",
    "encoded-parameter": "{path}%3bx", "overlong-slash": "{head}%c0%af{tail}",
}  # fmt: skip
"""Spellings that path patterns often overlook: sent without a token, to one resource and one item."""


def spelled(path: str, template: str, token_path: str = "") -> str:
    """Return a path in another spelling; ``up`` goes through the token endpoint back to the root."""
    head, _, tail = path.rpartition("/")
    values = {
        "path": path, "head": head, "tail": tail, "rest": tail[1:], "upper": path.upper(),
        "code": f"{ord(tail[0]):02x}", "wide": quote(chr(ord(tail[0]) + FULL_WIDTH)),
        "up": token_path + "/.." * token_path.count("/"), "up-encoded": token_path + "/%2e%2e" * token_path.count("/"),
    }  # fmt: skip
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


@verifies("authorization/isolation/path-variants-open-nothing")
@pytest.mark.parametrize(
    ("template", "overlooked"),
    [
        *(case(name, template, False) for name, template in PATHS.items()),
        *(case(name, template, True) for name, template in OVERLOOKED_PATHS.items()),
    ],
)
def test_path_variants_open_nothing(platform: Platform, template: str, overlooked: bool) -> None:
    """Purpose: a proxy that checks access and the service behind it must read every path alike.

    Method: 1. request a declared resource and items by a path with additional slashes, dots, encodings …: without a
               token, as another organization, and without the scope
            2. expect no 2xx, except for a page, as a portal shows at unknown addresses
    """

    def attempts() -> Iterator[Attempt]:
        reads = [platform.shut("read")[0], *platform.operations("read-item")]
        for operation in first_of_each(platform) if overlooked else reads:
            callers = strangers(platform, operation)[: 1 if overlooked else 2 if operation.kind == "read" else 3]
            for token in callers:
                path = spelled(operation.path, template, platform.oauth.identity.token_path)
                yield operation, token, platform.http.get(path, [bearer(token)] if token else [])

    expect_no_bypass(platform, attempts(), partial(expect_no_success, or_page=True))


@verifies("authorization/isolation/path-variants-open-nothing#deletions")
def test_path_variants_delete_nothing(platform: Platform) -> None:
    """Purpose: another spelling of a path must not bypass the access check of a deletion either.

    Method: 1. delete an item without a token by paths with another slash or an encoded letter, and without the scope by
               a path with a trailing slash
            2. expect no 2xx, and the owner to find the item unchanged
    """
    for operation in platform.operations("delete"):
        before = platform.state(operation)
        spellings = ("trailing-slash", "double-slash", "encoded-letter")
        attempts: list[tuple[str, str | None]] = [(each, None) for each in spellings]
        attempts += [(spellings[0], platform.oauth.token_without(operation.scope))] if operation.scope else []
        for name, token in attempts:
            reply = platform.send(operation, token, path=spelled(operation.path, PATHS[name]))
            expect_no_success(reply, "for a deletion without access")
            expect_unchanged(before, platform.state(operation), reply)


@verifies("authorization/isolation/path-variants-open-nothing")
@pytest.mark.parametrize("file", [case("file-behind", "/{name}.css"), case("file-behind-a-parameter", ";{name}.css")])
def test_paths_of_files_are_not_cached(platform: Platform, file: str) -> None:
    """Purpose: a shared cache that mistakes a path for a static file must not serve one reader's response to all.

    Method: 1. request each declared resource and an item as the owner, with the name of a file appended to the path
            2. where that is 2xx, request the same without a token: expect no 2xx, except for a page
    """
    for operation in platform.shut("read", "read-item"):
        path = operation.path + file.replace("{name}", platform.names.new())
        shown = platform.as_role("full", operation, path=path)
        if shown.ok:
            expect_no_success(platform.http.get(path), "without a token, after the owner", or_page=True)


FIELDS = {
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
EXEMPTING_FIELDS = {
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
"""Fields that may exempt a request from the access check: sent without a token, to one resource and one item."""


def forged(platform: Platform, fields: dict[str, str], path: str) -> list[tuple[str, str]]:
    """Return the fields with the path and the owner's client, organization, scopes and claims in them."""
    owner = platform.oauth.credential("full")
    claims = {"sub": owner.client_id, "client_id": owner.client_id, "scope": " ".join(owner.scopes)}
    values = {
        "path": path, "client": owner.client_id, "organization": platform.target.organization,
        "scopes": claims["scope"], "claims": base64.urlsafe_b64encode(json.dumps(claims).encode()).decode(),
    }  # fmt: skip
    return [(name, value.format(**values)) for name, value in fields.items()]


@verifies("authorization/isolation/forwarded-headers-open-nothing")
@pytest.mark.parametrize(
    ("fields", "exempting"),
    [
        *(case(name, fields, False) for name, fields in FIELDS.items()),
        *(case(name, fields, True) for name, fields in EXEMPTING_FIELDS.items()),
    ],
)
def test_forwarded_headers_open_nothing(platform: Platform, fields: dict[str, str], exempting: bool) -> None:
    """Purpose: the token identifies the caller, not a header field that any caller can set.

    Method: 1. read declared resources and items without a token, as another organization and without the scope, with
               fields that name the path, the owner's client, loopback, a role, a health check, a certificate …
            2. expect a refusal; and if they name the path of another request, not the content of that path
    """

    def attempts() -> Iterator[Attempt]:
        for operation in first_of_each(platform) if exempting else platform.shut("read", "read-item"):
            sent = forged(platform, fields, operation.path)
            for token in [None] if exempting else strangers(platform, operation):
                yield operation, token, platform.send(operation, token, sent)
            if "X-Original-URL" in fields:
                elsewhere, shown = platform.http.get("/", sent), platform.as_role("full", operation)
                if elsewhere.ok and shown.body and elsewhere.body == shown.body:
                    seen = f"{elsewhere.status} with its content"
                    raise NonConformance("no content of the path in a header field", seen, elsewhere)

    expect_no_bypass(platform, attempts(), partial(expect_refused, because=f"under {', '.join(fields)}"))


@verifies("authorization/isolation/forwarded-headers-open-nothing")
@pytest.mark.parametrize(
    "accept", [case("browser", "text/html, application/xhtml+xml, */*;q=0.8"), case("script", "text/javascript, */*")]
)
def test_accept_opens_nothing(platform: Platform, accept: str) -> None:
    """Purpose: a guard that redirects browsers to a login page must not let everything else through.

    Method: 1. request a declared resource and an item, without a token, with the Accept field of a browser
            2. expect no 2xx, except for a page
    """
    for operation in first_of_each(platform):
        expect_no_success(platform.send(operation, None, [("Accept", accept)]), or_page=True)


def overridden_to_delete(path: str, where: str) -> tuple[str, HeaderFields, bytes]:
    """Return the path, fields and body of a request that overrides its method with DELETE."""
    if where == "query":
        return f"{path}?_method=DELETE", [], b""
    return (path, [FORM_TYPE], b"_method=DELETE") if where == "form" else (path, [(where, "DELETE")], b"")


@verifies("authorization/matrix/undeclared-methods-are-protected")
@pytest.mark.parametrize(
    "where",
    [
        *(case(name.lower(), name) for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")),
        case("override-in-the-query", "query"),
        case("override-in-a-form", "form"),
    ],
)
def test_method_override_is_ignored(platform: Platform, where: str) -> None:
    """Purpose: a read token must not write by naming another method in a header, the query or a form.

    Method: 1. send GET and POST to an item with its read scope, and DELETE in an override header or in _method
            2. expect the owner to find the item unchanged
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


@verifies("authorization/matrix/undeclared-methods-are-protected#put-to-an-absent-item")
def test_undeclared_put_creates_nothing(platform: Platform) -> None:
    """Purpose: an undocumented way to create items needs the scope as well.

    Method: 1. send PUT with the declared body of a creation to an absent item, without the scope of the creation
            2. expect the owner to find no item
    """
    creations = [each for each in platform.resources_with("create", "item") if each.create and each.create.scope]
    if not creations:
        raise NotDeclared("no declared creation needs a scope", "identity.resources.create.scope")
    for resource in creations:
        slug = platform.names.new()
        read, create = (platform.operation(resource, kind, slug) for kind in ("read-item", "create"))
        fields = [JSON_TYPE, bearer(platform.oauth.token_without(str(create.scope)))]
        reply = platform.request("PUT", read.path, fields, create.body)
        if reply.ok:
            platform.remember(resource, slug)
        found = platform.as_role("full", read)
        if found.ok:
            expected = "404, since PUT without the scope creates nothing"
            raise NonConformance(expected, observed(found), reply, found)


@verifies("authorization/matrix/undeclared-methods-are-protected")
@pytest.mark.parametrize("method", [case("propfind", "PROPFIND"), case("no-such-method", "CF")])
def test_unknown_methods_are_protected(platform: Platform, method: str) -> None:
    """Purpose: a guard must not let through the methods that it does not know.

    Method: 1. without a token, request a declared resource and item by PROPFIND and an unknown method; 2. expect no 2xx
    """
    for operation in first_of_each(platform):
        expect_no_success(platform.send(operation, None, method=method), f"for {method} without a token")


@verifies("authorization/matrix/undeclared-methods-are-protected")
@pytest.mark.parametrize("who", ["no-token", "lacking-scope", "foreign"])
def test_undeclared_methods_are_protected(platform: Platform, who: str) -> None:
    """Purpose: methods that no document names need access as well.

    Method: 1. send PUT, POST, PATCH, OPTIONS, TRACE and an invented method to each item: without a token, without any
               scope of the item, and as another organization
            2. expect no 2xx that shows the item, and nothing changed
    """
    for operation in platform.operations("read-item"):
        tokens: dict[str, Callable[[], str | None]] = {
            "no-token": lambda: None,
            "lacking-scope": partial(token_of_another_scope, platform, operation.resource),
            "foreign": lambda: platform.oauth.token("foreign"),
        }
        token = tokens[who]()
        shown = f"text of {platform.slug_of(operation)}".encode()
        for method in ("PUT", "POST", "PATCH", "OPTIONS", "TRACE", "CFTEST"):
            before = platform.state(operation)
            reply = platform.send(operation, token, method=method)
            if reply.ok and shown in reply.body:
                raise NonConformance(f"no content for {method} ({who})", f"{reply.status} with it", reply)
            expect_unchanged(before, platform.state(operation), reply)


def token_of_another_scope(platform: Platform, resource: Resource) -> str:
    """Return a token with a scope of the role full that opens no operation of a resource."""
    parts = (resource, resource.create, resource.item, resource.update, resource.delete)
    needed = {part.scope for part in parts if part and part.scope}
    unneeded = [each for each in platform.oauth.credential("full").scopes if each not in needed]
    for token in (platform.oauth.token("full", each) for each in unneeded):
        if not any(platform.oauth.states(token, scope) for scope in needed):
            return token
    raise Inconclusive(f"every scope of the role full opens something of {resource.name}", "a role full with more")
