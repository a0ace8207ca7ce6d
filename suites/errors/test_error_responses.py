"""Each documented error has its status, and all errors have one shape and contain no internals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from conformance.clients.oauth.client import bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import expect_declared_json
from conformance.oracles.errors import expect_no_leak, expect_not_repeated, expect_one_shape
from conformance.oracles.headers import expect_allowed
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared

MARKUP = "<b id=cf>"


def lacking_scope(platform: Platform) -> Exchange:
    """A read with a token that lacks the scope."""
    scoped = [each for each in platform.operations("read") if each.scope]
    if not scoped:
        raise NotDeclared("no declared resource needs a scope", "identity.resources.scope")
    return platform.send(scoped[0], platform.oauth.token_without(str(scoped[0].scope)))


def absent(platform: Platform) -> Exchange:
    """A read of an item that never existed."""
    resource = next((each for each in platform.resources if each.item), None)
    if resource is not None:
        return platform.as_role("full", platform.operation(resource, "read-item", platform.names.new()))
    path = platform.absent_path(platform.resources_with("absent")[0])
    return platform.http.get(path, [bearer(platform.oauth.token("full"))])


def duplicate(platform: Platform) -> Exchange:
    """A creation with the slug and body of an existing item."""
    resource = platform.resources_with("create", "item", "unique")[0]
    slug = platform.names.new()
    platform.create(resource, slug)
    return platform.as_role("full", platform.operation(resource, "create", slug))


def refused_method(platform: Platform) -> Exchange:
    """A method that a read resource does not support; NotApplicable if it is not answered 405."""
    operation = platform.operations("read")[0]
    reply = platform.as_role("full", operation, method="PUT" if operation.method != "PUT" else "PATCH")
    if reply.status != 405:
        raise NotApplicable(f"a method that the resource does not have is answered {reply.status}, not 405")
    return reply


FAULTS: dict[str, Callable[[Platform], Exchange]] = {
    # A truncated body, no token, and a token that was never issued.
    "bad-body": lambda platform: platform.with_body(platform.operations("create")[0], b"{"),
    "no-token": lambda platform: platform.send(platform.operations("read")[0], None),
    "invalid-token": lambda platform: platform.send(platform.operations("read")[0], "cf-unknown-token"),
    "lacking-scope": lacking_scope,
    "absent": absent,
    "duplicate": duplicate,
    "refused-method": refused_method,
}


@pytest.fixture
def faulty(name: str, platform: Platform, once: Once) -> Exchange:
    """The response to a faulty request, which is sent once for all checks."""
    return once(("error", name), partial(FAULTS[name], platform))


def all_errors(platform: Platform, once: Once) -> Iterator[Exchange]:
    """Yield the responses to all faulty requests that the declared operations allow."""
    for name, send in FAULTS.items():
        try:
            yield once(("error", name), partial(send, platform))
        except NotApplicable:
            continue


@pytest.mark.parametrize(
    ("name", "status"),
    [
        row("errors/401/missing-or-invalid-token#missing", "no-token", 401),
        row("errors/401/missing-or-invalid-token#invalid", "invalid-token", 401),
        row("errors/403/lacking-scope", "lacking-scope", 403),
        row("errors/404/absent-resource#item", "absent", 404),
        row("errors/409/duplicate-slug#identical-body", "duplicate", 409),
    ],
)
def test_documented_status(faulty: Exchange, name: str, status: int) -> None:
    """Purpose: clients decide what to do next by the documented status.
    Method: 1. send the faulty request; 2. expect its status in the table of the API Reference
    """
    expect_status(faulty, status)


@verifies("errors/404/absent-resource#path")
def test_unknown_path(platform: Platform) -> None:
    """Purpose: a client with a wrong path learns that nothing is there.
    Method: 1. GET an unknown path at the identity endpoint, and below an item; 2. expect 404, or at the endpoint a page
    """
    full, elsewhere = [bearer(platform.oauth.token("full"))], platform.nowhere()
    expect_status(platform.http.get(elsewhere, full), 404, f"for {elsewhere}", or_page=True)
    if any(each.create and each.item for each in platform.resources):
        path = f"{platform.operations('read-item')[0].path}/{platform.names.new()}"
        expect_status(platform.http.get(path, full), 404, f"for {path}")


@verifies("errors/405/unsupported-method")
@pytest.mark.parametrize("method", [case("put", "PUT"), case("invented", "CFTEST")])
def test_unsupported_method(platform: Platform, method: str) -> None:
    """Purpose: a client that uses a wrong method learns the supported ones.
    Method: 1. send the method to each declared read resource
            2. expect 405 with the declared methods in Allow and without the refused one, or another 4xx, or 501
    """
    for operation in platform.operations("read"):
        if operation.method == method:
            continue
        reply = platform.as_role("full", operation, method=method)
        # An undeclared method may be supported but lack a body or a condition, for which another 4xx is right.
        expect_status(reply, {*range(400, 500), 501}, f"for {method} {operation.path}")
        create = operation.resource.create
        expect_allowed(reply, method, {operation.method, *([create.method] if create else [])})


@verifies("errors/405/unsupported-method#post-to-item")
def test_unsupported_method_of_an_item(platform: Platform) -> None:
    """Purpose: Allow lists the methods of the item, not those of its list.
    Method: 1. POST to each item; 2. if it is answered 405, expect the item's declared methods in Allow, and not POST
    """
    for operation in platform.operations("read-item"):
        changes = (operation.resource.update, operation.resource.delete)
        declared = {operation.method, *(each.method for each in changes if each)}
        if "POST" not in declared:
            expect_allowed(platform.as_role("full", operation, method="POST"), "POST", declared)


@verifies("errors/shape/one-shape#all")
def test_errors_have_one_shape(platform: Platform, once: Once) -> None:
    """Purpose: a client needs one parser for errors, not one for each endpoint.
    Method: 1. send every faulty request; 2. of all bodies expect one media type, in JSON one name of the error's text
    """
    with_body = [reply for reply in all_errors(platform, once) if reply.body]
    if not with_body:
        raise NotApplicable("no error of this target has a body")
    expect_one_shape(with_body)


@verifies("errors/shape/one-shape")
@pytest.mark.parametrize("sent", [case("quotation-mark", "%22"), case("backslash", "%5Ccf"), case("line-end", "%0A")])
def test_errors_are_valid_json(platform: Platform, sent: str) -> None:
    """Purpose: an error that repeats the request's path must escape it.
    Method: 1. GET a path with a quotation mark, backslash or line end; 2. expect valid JSON if the type is JSON
    """
    path = platform.absent_path(platform.resources[0]) + sent
    expect_declared_json(platform.http.get(path, [bearer(platform.oauth.token("full"))]))


@verifies("errors/shape/problem-details-status")
def test_problem_details_status(platform: Platform, once: Once) -> None:
    """Purpose: some clients decide by the status in the body.
    Method: 1. send every faulty request; 2. of application/problem+json with a status, expect that of the response
    """
    problems = [reply for reply in all_errors(platform, once) if reply.media_type == "application/problem+json"]
    if not problems:
        raise NotApplicable("no error of this target is application/problem+json")
    for reply in problems:
        status = reply.members().get("status")
        if isinstance(status, int) and status != reply.status:
            expected = f"status {reply.status} in the body, as of the response"
            raise NonConformance(expected, f"status {status} in the body", reply)


@verifies("errors/shape/no-internals")
@pytest.mark.parametrize("name", FAULTS)
def test_errors_contain_no_internals(faulty: Exchange, name: str) -> None:
    """Purpose: a stack trace, SQL, file path, internal address or server version helps an attacker.
    Method: 1. send the faulty request; 2. expect none of them in the response
    """
    expect_no_leak(faulty)


def for_browsers(status: int, platform: Platform, once: Once) -> Exchange:
    """Return the response to a faulty request (400 or 404) with Accept: text/html and ?debug=true."""
    operation = platform.operations("create" if status == 400 else "read")[0]
    path = operation.path if status == 400 else platform.nowhere()
    fields = [operation.type_field, ("Accept", "text/html"), bearer(platform.oauth.token("full"))]
    return once(("page", status), lambda: platform.http.send(operation.method, f"{path}?debug=true", fields, b"{"))


@pytest.mark.parametrize("status", [case("page-400", 400), case("page-404", 404)])
@pytest.mark.parametrize(
    "expect",
    [
        row("errors/shape/no-internals", expect_no_leak),
        row("errors/5xx/no-input-is-a-server-error", expect_no_server_error),
    ],
)
def test_error_pages_contain_no_internals(
    platform: Platform, once: Once, status: int, expect: Callable[[Exchange], None]
) -> None:
    """Purpose: frameworks fail, or show internals, on the error pages that they make for browsers.
    Method: 1. send an invalid body or path with Accept: text/html and ?debug=true; 2. expect no internals and no 5xx
    """
    expect(for_browsers(status, platform, once))


@verifies("errors/shape/repeats-no-secret-or-markup")
@pytest.mark.parametrize("name", [case(f"token-{name}", name) for name in FAULTS])
def test_errors_repeat_no_token(faulty: Exchange, name: str) -> None:
    """Purpose: errors are logged, so they must not contain the token.
    Method: 1. send the faulty request; 2. expect its token nowhere in the response
    """
    token = (faulty.request_headers.get("authorization") or "").partition(" ")[2]
    expect_not_repeated(faulty, [token], "the token", nearly=True)


@verifies("errors/shape/repeats-no-secret-or-markup#token-trace")
def test_trace_repeats_no_token(platform: Platform) -> None:
    """Purpose: TRACE reflects the request, and its token (RFC 9110 section 9.3.8).
    Method: 1. send TRACE to a declared resource; 2. expect the token nowhere in the response
    """
    token = platform.oauth.token("full")
    expect_not_repeated(platform.send(platform.operations("read")[0], token, method="TRACE"), [token], "the token")


@verifies("errors/shape/repeats-no-secret-or-markup#markup")
def test_error_pages_repeat_no_markup(platform: Platform) -> None:
    """Purpose: a link can otherwise inject markup into the error page (cross-site scripting).
    Method: 1. GET unknown paths that contain markup, as a browser does; 2. expect no HTML page with that markup
    """
    for parent in (platform.absent_path(platform.resources[0]), platform.nowhere()):
        fields = [("Accept", "text/html"), bearer(platform.oauth.token("full"))]
        reply = platform.http.get(f"{parent}%3Cb%20id=cf%3E", fields)
        if reply.media_type in ("text/html", "application/xhtml+xml") and MARKUP in reply.text:
            raise NonConformance("a page that does not repeat the markup in its URL", MARKUP, reply)
