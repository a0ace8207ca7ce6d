"""Each documented error has its status, and all errors have one shape that leaks no internals."""

from __future__ import annotations

import re

import pytest

from conformance.clients.oauth.client import bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import expect_json_where_told
from conformance.oracles.errors import expect_no_leak, expect_not_repeated, expect_one_shape
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared, Proof

MARKUP = "<b id=cf>"
MEMBER = re.compile(r'"status"\s*:\s*\d+')


def bad_body(platform: Platform) -> Exchange:
    """A create whose body is no JSON."""
    operation = platform.operations("create")[0]
    return platform.http.send(
        operation.method, operation.path, [operation.type_field, bearer(platform.oauth.token("full"))], b"{"
    )


def no_token(platform: Platform) -> Exchange:
    """A read without a token."""
    return platform.send(platform.operations("read")[0], None)


def invalid_token(platform: Platform) -> Exchange:
    """A read with a token that was never issued."""
    return platform.send(platform.operations("read")[0], "cf-unknown-token")


def lacking_scope(platform: Platform) -> Exchange:
    """A read with a token that lacks the scope."""
    scoped = [each for each in platform.operations("read") if each.scope]
    if not scoped:
        raise NotDeclared("no declared resource needs a scope", "identity.resources.scope")
    return platform.send(scoped[0], platform.oauth.token_without(str(scoped[0].scope)))


def absent(platform: Platform) -> Exchange:
    """A read of something that never existed."""
    resource = next((each for each in platform.resources if each.item), None)
    if resource is not None:
        return platform.as_role("full", platform.operation(resource, "read-item", platform.names.new()))
    return platform.http.get(
        platform.absent_path(platform.resources_with("absent")[0]), [bearer(platform.oauth.token("full"))]
    )


def duplicate(platform: Platform) -> Exchange:
    """A create of a slug that is taken."""
    resource = platform.resources_with("create", "item", "unique")[0]
    slug = platform.names.new()
    platform.create(resource, slug)
    return platform.as_role("full", platform.operation(resource, "create", slug))


def refused_method(platform: Platform) -> Exchange:
    """A method that a read resource does not have; NotApplicable where that is not told by 405."""
    operation = platform.operations("read")[0]
    reply = platform.as_role("full", operation, method="PUT" if operation.method != "PUT" else "PATCH")
    if reply.status != 405:
        raise NotApplicable(f"a method that a resource does not have is answered {reply.status}")
    return reply


ROWS = {
    "bad-body": bad_body,
    "no-token": no_token,
    "invalid-token": invalid_token,
    "lacking-scope": lacking_scope,
    "absent": absent,
    "duplicate": duplicate,
    "refused-method": refused_method,
}


def made(name: str, platform: Platform, once: Once) -> Exchange:
    """A fault of the table, made once for all who look at its answer."""
    return once(("error", name), lambda: ROWS[name](platform))


every_error = pytest.mark.parametrize("name", [case(name, name) for name in ROWS])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        row("errors/table/400-invalid-body", "bad-body", 400),
        row("errors/table/401-missing-token", "no-token", 401),
        row("errors/table/401-invalid-token", "invalid-token", 401),
        row("errors/table/403-lacking-scope", "lacking-scope", 403),
        row("errors/table/404-absent", "absent", 404),
        row("errors/table/409-duplicate-slug", "duplicate", 409),
    ],
)
def test_table(platform: Platform, once: Once, name: str, status: int) -> None:
    """Purpose: each row of the documented table of errors holds.

    Method: 1. make the fault that the row is about
            2. expect its status
    """
    expect_status(made(name, platform, once), status)


def every_one(platform: Platform, once: Once) -> list[Exchange]:
    """The answers to every fault that the target's operations allow to make."""
    replies = []
    for name in ROWS:
        try:
            replies.append(made(name, platform, once))
        except NotApplicable:
            continue  # A target that declares no such operation has fewer errors to compare.
    return replies


@verifies("errors/shape/is-one")
def test_shape_is_one(platform: Platform, once: Once) -> None:
    """Purpose: a client needs to know one shape of error, not one for each endpoint.

    Method: 1. make every fault of the table, and use a method that a resource does not have
            2. expect one media type, and in JSON the text of the error under one name, in all that have a body
    """
    told = [reply for reply in every_one(platform, once) if reply.body]
    if not told:
        raise NotApplicable("no error of this target has a body")
    expect_one_shape(told)


@verifies("errors/shape/is-one")
@pytest.mark.parametrize("sent", [case("quotation-mark", "%22"), case("backslash", "%5Ccf"), case("line-end", "%0A")])
def test_shape_is_one_whatever_is_repeated(platform: Platform, sent: str) -> None:
    """Purpose: an error that repeats what was sent can be read all the same.

    Method: 1. ask for a path that has a quotation mark, a backslash or a line end in its name, with the full token
            2. expect JSON in what says that it is JSON
    """
    path = platform.absent_path(platform.resources[0]) + sent
    expect_json_where_told(platform.http.get(path, [bearer(platform.oauth.token("full"))]))


@verifies("errors/404/page-repeats-no-markup")
def test_page_repeats_no_markup(platform: Platform) -> None:
    """Purpose: an address that somebody is given to click on brings no markup of its own into the page of an error.

    Method: 1. ask as a browser does for paths that name nothing, and have markup in them
            2. expect a page, where it is one, without that markup
    """
    for above in (platform.absent_path(platform.resources[0]), platform.nowhere()):
        fields = [("Accept", "text/html"), bearer(platform.oauth.token("full"))]
        reply = platform.http.get(f"{above}%3Cb%20id=cf%3E", fields)
        if reply.media_type in ("text/html", "application/xhtml+xml") and MARKUP in reply.text:
            proof = Proof(reply.id, unsaid=(MARKUP,))
            raise NonConformance("a page without the markup of its address", MARKUP, reply, proof=proof)


@verifies("errors/shape/problem-details-tell-the-status")
def test_problem_details_tell_the_status(platform: Platform, once: Once) -> None:
    """Purpose: who goes by the status in the body does what who goes by the answer's own does.

    Method: 1. make every fault of the table, and use a method that a resource does not have
            2. where the answer is application/problem+json with a number as its status, expect that of the answer
    """
    told = [reply for reply in every_one(platform, once) if reply.media_type == "application/problem+json"]
    if not told:
        raise NotApplicable("no error of this target is application/problem+json")
    for reply in told:
        status = reply.members().get("status")
        if isinstance(status, int) and status != reply.status:
            expected, said = f"status {reply.status} in the body, as of the answer", MEMBER.search(reply.text)
            # Not as what the answer would lack: of another status it may say so.
            proof = Proof(reply.id, unsaid=(said[0],)) if said else None
            raise NonConformance(expected, f"status {status}", reply, proof=proof)


@verifies("errors/shape/shows-no-internals")
@every_error
def test_shows_no_internals(platform: Platform, once: Once, name: str) -> None:
    """Purpose: an error shows no stack trace, SQL, path, address behind it, exception or version of the server.

    Method: 1. make a fault of the table, or use a method that a resource does not have
            2. look for each of them in the answer
    """
    expect_no_leak(made(name, platform, once))


def as_a_page(name: str, platform: Platform, once: Once) -> Exchange:
    """A fault that is made by who asks for a page, and to debug."""
    operation = platform.operations("create" if name.startswith("400") else "read")[0]
    path = operation.path if name.startswith("400") else platform.nowhere()
    fields = [operation.type_field, ("Accept", "text/html"), bearer(platform.oauth.token("full"))]
    return once(("page", name), lambda: platform.http.send(operation.method, f"{path}?debug=true", fields, b"{"))


@verifies("errors/5xx/hostile-headers-are-no-server-error")
@pytest.mark.parametrize("name", [case("page-of-400", "400-invalid-body"), case("page-of-404", "404-absent")])
def test_page_of_an_error_is_no_server_error(platform: Platform, once: Once, name: str) -> None:
    """Purpose: an error that cannot be told in the way that was asked for is none of the service's own.

    Method: 1. make a fault of the table, asking for text/html and with debug=true in the query
            2. expect no 5xx
    """
    expect_no_server_error(as_a_page(name, platform, once), "for a caller's fault, where text/html is asked for")


@verifies("errors/shape/shows-browsers-no-internals")
@pytest.mark.parametrize("name", [case(name, name) for name in ("400-invalid-body", "404-absent")])
def test_shows_browsers_no_internals(platform: Platform, once: Once, name: str) -> None:
    """Purpose: nor does the page that a framework makes of an error for a browser, or for who asks to debug.

    Method: 1. make a fault of the table, asking for text/html and with debug=true in the query
            2. look for each of them in the answer
    """
    expect_no_leak(as_a_page(name, platform, once))


@verifies("errors/shape/repeats-no-token")
@every_error
def test_repeats_no_token(platform: Platform, once: Once, name: str) -> None:
    """Purpose: an error, which logs keep, does not carry the token.

    Method: 1. make a fault of the table, or use a method that a resource does not have
            2. expect the token that was sent nowhere in the answer
    """
    reply = made(name, platform, once)
    sent = (reply.request_headers.get("authorization") or "").partition(" ")[2]

    expect_not_repeated(reply, [sent], "the token", nearly=True)


@verifies("errors/shape/repeats-no-token")
@pytest.mark.parametrize("method", [case("trace", "TRACE")])
def test_trace_repeats_no_token(platform: Platform, method: str) -> None:
    """Purpose: nor does what reflects a request for those who look for faults (RFC 9110 section 9.3.8).

    Method: 1. send TRACE to a declared resource, with the full token
            2. expect the token nowhere in the answer
    """
    token = platform.oauth.token("full")
    expect_not_repeated(platform.send(platform.operations("read")[0], token, method=method), [token], "the token")
