"""The table of the API Reference's Error Handling, row by row, and the shape that its errors share."""

from __future__ import annotations

import pytest

from conformance.clients.oauth import bearer
from conformance.oracles.errors import expect_no_leak, expect_not_repeated, expect_one_shape
from conformance.oracles.status import expect_status
from conformance.sandbox.platform import JSON_TYPE, Platform
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


def bad_body(platform: Platform) -> Exchange:
    """A create whose body is no JSON."""
    operation = platform.operations("create")[0]
    return platform.http.send(operation.method, operation.path, [JSON_TYPE, bearer(platform.oauth.token("full"))], b"{")


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
        raise NotApplicable("no declared resource needs a scope")
    return platform.send(scoped[0], platform.token_without(str(scoped[0].scope)))


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
    return platform.as_role("full", platform.operation(resource, "create", platform.item(resource)))


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
def test_table(platform: Platform, name: str, status: int) -> None:
    """Purpose: each row of the documented table of errors holds.

    Method: 1. make the fault that the row is about
            2. expect its status
    """
    expect_status(ROWS[name](platform), status)


@verifies("errors/shape/is-one")
def test_shape_is_one(platform: Platform) -> None:
    """Purpose: a client needs to know one shape of error, not one for each endpoint.

    Method: 1. make every fault of the table, and use a method that a resource does not have
            2. expect one media type, and in JSON the text of the error under one name, in all that have a body
    """
    replies = []
    for make in ROWS.values():
        try:
            replies.append(make(platform))
        except NotApplicable:
            continue  # A target that declares no such operation has fewer errors to compare.
    told = [reply for reply in replies if reply.body]
    if not told:
        raise NotApplicable("no error of this target has a body")
    expect_one_shape(told)


@verifies("errors/shape/shows-no-internals")
@every_error
def test_shows_no_internals(platform: Platform, name: str) -> None:
    """Purpose: an error shows no stack trace, SQL, path or version of the server.

    Method: 1. make a fault of the table, or use a method that a resource does not have
            2. look for each of them in the answer
    """
    expect_no_leak(ROWS[name](platform))


@verifies("errors/shape/shows-browsers-no-internals")
@pytest.mark.parametrize("name", [case(name, name) for name in ("400-invalid-body", "404-absent")])
def test_shows_browsers_no_internals(platform: Platform, name: str) -> None:
    """Purpose: nor does the page that a framework makes of an error for a browser, or for who asks to debug.

    Method: 1. make a fault of the table, asking for text/html and with debug=true in the query
            2. look for each of them in the answer
    """
    operation = platform.operations("create" if name.startswith("400") else "read")[0]
    path = operation.path if name.startswith("400") else f"/{platform.names.new()}"
    fields = [JSON_TYPE, ("Accept", "text/html"), bearer(platform.oauth.token("full"))]
    expect_no_leak(platform.http.send(operation.method, f"{path}?debug=true", fields, b"{"))


@verifies("errors/shape/repeats-no-token")
@every_error
def test_repeats_no_token(platform: Platform, name: str) -> None:
    """Purpose: an error, which logs keep, does not carry the token.

    Method: 1. make a fault of the table, or use a method that a resource does not have
            2. expect the token that was sent nowhere in the answer
    """
    reply = ROWS[name](platform)
    sent = (reply.request_headers.get("authorization") or "").partition(" ")[2]

    expect_not_repeated(reply, [sent], "the token")
