"""A valid token is accepted in the Authorization header only, and an invalid token nowhere (RFC 6750, section 2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import product

import pytest

from conformance.clients.oauth.client import FORM_TYPE, bearer, encoded
from conformance.clients.registry.client import Registry
from conformance.oracles.status import (
    NOT_OFFERED,
    expect_no_server_error,
    expect_refused,
    expect_status,
    expect_success,
)
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.strategies.oauth import authorization_values
from conformance.strategies.properties import explores
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable
from conformance.vocabulary.values import basic_login, may_have_any_case, with_one_changed

Reads = list[tuple[Operation, str]]
B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The grammar of a bearer token (RFC 6750 section 2.1)."""


def send(
    platform: Platform, operation: Operation, *fields: tuple[str, str | bytes], path: str | None = None
) -> Exchange:
    """Send a read with exactly these header fields."""
    return platform.http.send(operation.method, path or operation.path, fields)


@verifies("authorization/bearer/authorization-field-is-accepted")
def test_authorization_field_is_accepted(platform: Platform) -> None:
    """Purpose: the documented way to send a token works.

    Method: 1. read each declared resource with "Authorization: Bearer TOKEN"; 2. expect 2xx
    """
    for operation in platform.operations("read"):
        expect_success(platform.as_role("full", operation), f"for {operation}")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        row("authorization/bearer/authorization-field-is-accepted#small-letters", "authorization", "Bearer "),
        row("authorization/bearer/authorization-field-is-accepted#capitals", "AUTHORIZATION", "Bearer "),
        row("authorization/bearer/scheme-is-compared-without-case#lower", "Authorization", "bearer "),
        row("authorization/bearer/scheme-is-compared-without-case#upper", "Authorization", "BEARER "),
        row("authorization/bearer/repeated-spaces-are-accepted", "Authorization", "Bearer  "),
    ],
)
def test_field_is_read_by_its_grammar(platform: Platform, reads: Reads, name: str, prefix: str) -> None:
    """Purpose: clients write the field (RFC 9110 section 5.1) and the scheme in any case, and may add spaces.

    Method: 1. send a valid token in authorization and AUTHORIZATION, after bearer, BEARER and two spaces; 2. expect 2xx
    """
    for operation, token in reads:
        expect_success(send(platform, operation, (name, prefix + token)), f"in {name} after {prefix!r}")


LONG = 6000
INVALID: dict[str, Callable[[str], str]] = {
    "unknown": lambda token: "cf-unknown-token", "cut": lambda token: token[:-6],
    "first-cut": lambda token: token[1:],
    "extended": lambda token: token + "AAAA", "case-changed": lambda token: token.swapcase(),
    # Never the last character: it may contain bits that no decoder reads.
    "altered": lambda token: with_one_changed(token, 0.5),
    "doubled": lambda token: token + token, "sql": lambda token: "'OR'1'='1", "three-dots": lambda token: "a.b.c",
    "6-kb": lambda token: "A" * LONG, "null": lambda token: "null", "undefined": lambda token: "undefined",
    "two-dots": lambda token: "..", "many-dots": lambda token: "." * 3000,
}  # fmt: skip


def other_operations(platform: Platform) -> list[Operation]:
    """Return every declared operation other than the reads, and HEAD of each read."""
    return [*(each for each in platform.operations(*KINDS) if each.kind != "read"), *platform.heads()]


@verifies("authorization/bearer/invalid-token-is-401")
@pytest.mark.parametrize("name", INVALID)
def test_invalid_token_is_401(platform: Platform, reads: Reads, name: str) -> None:
    """Purpose: only a token that was issued opens anything.

    Method: 1. cut, extend, double or change a valid token, or invent one
            2. expect 401 from each declared read (431 for a long token, 400 for characters that no token has), and for
               the extended one from every other operation and HEAD
    """
    token = reads[0][1]
    if name == "case-changed" and may_have_any_case(token):
        raise NotApplicable("tokens may be the same in letters of other case")
    invalid = INVALID[name](token)
    statuses = {401, *([431] if len(invalid) >= LONG else []), *([] if B64TOKEN.fullmatch(invalid) else [400])}
    for operation in [*(each for each, _ in reads), *(other_operations(platform) if name == "extended" else [])]:
        unoffered = NOT_OFFERED if operation.kind == "head" else ()
        expect_status(send(platform, operation, bearer(invalid)), {*statuses, *unoffered}, f"for {operation}")


MALFORMED = {
    "empty": "", "scheme-only": "Bearer", "scheme-twice": "Bearer Bearer {token}", "bare-token": "{token}",
    "junk-behind": "Bearer {token} junk", "parameter-behind": "Bearer {token}, x=y",
    "two-tokens": "Bearer {token} {token}",
    "basic": "Basic {token}", "token-scheme": "Token {token}", "equals": "Bearer={token}", "colon": "Bearer: {token}",
    "no-blank": "Bearer{token}",
    "user-of-basic": "{user}", "password-of-basic": "{password}",
    "quoted": 'Bearer "{token}"', "non-ascii": "Bearer tökén", "40-kb": "Bearer " + "A" * 40_000,
    "non-ascii-behind": "Bearer {token}é",
}  # fmt: skip
SENT_TO_ALL = ("empty", "non-ascii-behind", "user-of-basic")
"""Fields that are sent to every operation, since other code may check access there."""


@verifies("authorization/bearer/malformed-field-is-refused")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_field_is_refused(platform: Platform, reads: Reads, name: str) -> None:
    """Purpose: a proxy and the service must not read different credentials from a malformed field.

    Method: 1. send an Authorization field that is empty, has another scheme or further words, or contains the token as
               a user or password of Basic; some of these also to every other operation and HEAD
            2. expect 401 or 400 (431 for a long one)
    """
    token = reads[0][1]
    by_basic = {"{user}": basic_login(token, "x-oauth-basic"), "{password}": basic_login("x-access-token", token)}
    field = ("Authorization", by_basic.get(MALFORMED[name], MALFORMED[name].replace("{token}", token)))
    for operation in [*(each for each, _ in reads), *(other_operations(platform) if name in SENT_TO_ALL else [])]:
        reply = platform.request(operation.method, operation.path, [*operation.headers, field], operation.body)
        statuses = {400, 401, 431, *(NOT_OFFERED if operation.kind == "head" else ())}
        expect_status(reply, statuses, f"for {operation}")


def in_query(*names: str) -> Callable[[Platform, Operation, str], list[Exchange]]:
    """Send the token in the query under these names, and no Authorization field."""

    def send(platform: Platform, operation: Operation, token: str) -> list[Exchange]:
        if len(names) > 1 and len(token) > LONGEST_IN_A_QUERY:
            raise NotApplicable(f"tokens have more than {LONGEST_IN_A_QUERY} characters")
        query = "&".join(f"{name}={token}" for name in names)
        return [platform.send(operation, None, path=f"{operation.path}{'&' if '?' in operation.path else '?'}{query}")]

    return send


def in_form(method: str) -> Callable[[Platform, Operation, str], list[Exchange]]:
    """Send the token in a form body, and no Authorization field."""
    return lambda platform, operation, token: [
        platform.http.send(method, operation.path, [FORM_TYPE], encoded([("access_token", token)]))
    ]


def in_two_fields(platform: Platform, operation: Operation, token: str) -> list[Exchange]:
    """Send the token and an unknown one in two Authorization fields, in both orders."""
    good, bad = bearer(token), bearer("cf-unknown-token")
    return [send(platform, operation, good, bad), send(platform, operation, bad, good)]


LONGEST_IN_A_QUERY = 2000
IN_QUERY = in_query("access_token")


@pytest.mark.parametrize(
    ("present", "statuses"),
    [
        row("authorization/bearer/token-in-the-query-is-refused#access-token", IN_QUERY, {400, 401}),
        row("authorization/bearer/token-in-the-query-is-refused#token", in_query("token"), {400, 401}),
        row(
            "authorization/bearer/token-in-the-query-is-refused#other-names",
            in_query("jwt", "auth_token", "api_key"),
            {400, 401, 414},
        ),
        row("authorization/bearer/token-in-a-form-is-refused#get", in_form("GET"), range(400, 500)),
        row("authorization/bearer/token-in-a-form-is-refused#post", in_form("POST"), range(400, 500)),
        row("authorization/bearer/two-fields-are-refused", in_two_fields, {400, 401}),
    ],
)
def test_token_elsewhere_is_refused(
    platform: Platform,
    reads: Reads,
    present: Callable[[Platform, Operation, str], list[Exchange]],
    statuses: Collection[int],
) -> None:
    """Purpose: logs keep URLs, other sites can send forms, and a proxy may read another of two fields.

    Method: 1. send the valid token to each declared resource in the query (as access_token with every other operation
               and HEAD, too), in a form, or with an unknown one in a second Authorization field
            2. expect 401 or 400 (414 for a long query, any 4xx for a form)
    """
    sent = [*reads]
    if present is IN_QUERY:
        sent += [(each, platform.oauth.token("full")) for each in other_operations(platform)]
    for operation, token in sent:
        due = {*statuses, *(NOT_OFFERED if operation.kind == "head" else ())}
        for reply in present(platform, operation, token):
            expect_status(reply, due, f"for {operation} with a token that is not in one Authorization field")


@verifies("authorization/bearer/cookie-is-no-token")
def test_cookie_is_no_token(platform: Platform, shown: list[tuple[Operation, Exchange]]) -> None:
    """Purpose: browsers send cookies automatically, so any page could use them (CSRF).

    Method: 1. read a declared resource with a valid token: 2xx
            2. read it without an Authorization field, with the token in cookies, and with the cookies that were set
            3. expect a 4xx
    """
    operation, answer = shown[0]
    token = platform.oauth.token("full")
    set_by_server = [value.partition(";")[0] for value in answer.headers.all("set-cookie")]
    for cookies in ([f"{name}={token}" for name in ("access_token", "token", "Authorization")], set_by_server):
        if cookies:
            reply = platform.http.send(operation.method, operation.path, [("Cookie", "; ".join(cookies))])
            expect_refused(reply, f"for {operation} with cookies and no token")


@verifies("authorization/bearer/invalid-token-is-401#client-secret")
def test_secret_is_no_token(platform: Platform, reads: Reads) -> None:
    """Purpose: the client secret is for the token endpoint only.

    Method: 1. send the client secret, and the client id, as a bearer token, and both by Basic; by Basic also HEAD
            2. expect 401 (400 for Basic, and for characters that no token has)
    """
    credential = platform.oauth.credential("full")
    client_id, secret = credential.client_id, credential.client_secret.reveal()
    logins = dict.fromkeys([platform.oauth.basic(), ("Authorization", basic_login(client_id, secret))])
    for operation, _ in reads:
        # Both may begin or end with spaces (RFC 6749 appendix A), which are not part of a field's value.
        for value in (secret.strip(), client_id.strip()):
            expect_status(platform.send(operation, value), 401 if B64TOKEN.fullmatch(value) else {400, 401})
        for login, method in product(logins, (operation.method, *("HEAD",))):
            due = {400, 401, *(NOT_OFFERED if method == "HEAD" else ())}
            by_basic = platform.http.send(method, operation.path, [login])
            expect_status(by_basic, due, f"for {method} of {operation} with the client's id and secret by Basic")


@verifies("authorization/bearer/registry-token-opens-nothing")
def test_registry_token_opens_nothing(platform: Platform, registry: Registry, reads: Reads) -> None:
    """Purpose: a token that was issued for another service is invalid here, even if the same issuer signed it.

    Method: 1. log in to the registry as the pusher and request a token for the declared repository
            2. send it to each declared resource: expect 401
    """
    if registry.auth.scheme != "bearer":
        raise NotApplicable("the registry does not use tokens")
    token = registry.auth.token_of(registry.account("pusher"), (registry.scope(registry.described.repository),))
    for operation, _ in reads:
        expect_status(platform.send(operation, token), 401, f"for {operation} with a token of the registry")


@verifies("authorization/bearer/arbitrary-field-is-refused")
@explores(value=authorization_values())
def test_arbitrary_field_is_refused(platform: Platform, value: bytes) -> None:
    """Purpose: no bytes in the Authorization field open anything or make the service fail.

    Method: 1. read a declared resource with any bytes in the field; 2. expect 400, 401 or 431
    """
    reply = send(platform, platform.operations("read")[0], ("Authorization", value))
    expect_no_server_error(reply)
    expect_status(reply, {400, 401, 431})


@verifies("authorization/bearer/any-client-may-present-a-token")
def test_any_client_may_present_a_token(platform: Platform, shown: list[tuple[Operation, Exchange]]) -> None:
    """Purpose: a program may hand its token to another program.

    Method: 1. read a declared resource with a valid token: 2xx
            2. use the token over another connection, with the User-Agent of another program: expect 2xx
    """
    operation, _ = shown[0]
    fields = [bearer(platform.oauth.token("full")), ("User-Agent", "curl/8.5.0")]
    for other in platform.http.on_each_replica(times=1):
        expect_success(other.send(operation.method, operation.path, fields), "for a token that another program sends")
