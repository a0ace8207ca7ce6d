"""What a guard in front of an API overlooks: spellings that its patterns do not match, fields that exempt from it."""

from __future__ import annotations

import base64
import json

import pytest

from conformance.clients.oauth.client import FORM_TYPE, bearer
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_success, expect_refused, expect_status, observed
from conformance.sandbox.baseline_access import PlainlyOpen
from conformance.sandbox.platform import JSON_TYPE, HeaderFields, Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared

LONGEST_IN_A_QUERY = 2000
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


@verifies("authorization/bearer/token-in-the-query-is-refused")
@pytest.mark.parametrize("parameters", [case("other-names", ("jwt", "auth_token", "api_key"))])
def test_token_in_the_query_under_another_name_is_refused(platform: Platform, parameters: tuple[str, ...]) -> None:
    """Purpose: nor does a token in a URL open anything under the names that gateways look for.

    Method: 1. read a declared resource with the good token in the query, under three names
            2. expect 401 or 400, or 414 for a long one
    """
    operation, token = platform.operations("read")[0], platform.oauth.token("full")
    if len(token) > LONGEST_IN_A_QUERY:
        raise NotApplicable(f"tokens have more than {LONGEST_IN_A_QUERY} characters")
    query = "&".join(f"{name}={token}" for name in parameters)
    expect_status(platform.http.get(f"{operation.path}?{query}"), {400, 401, 414})


def saying_delete(path: str, where: str) -> tuple[str, HeaderFields, bytes]:
    """Path, fields and body of a request that names DELETE, and not as its method."""
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
        path, fields, body = saying_delete(operation.path, where)
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
