"""A valid token is accepted in the Authorization header only, and an invalid token nowhere (RFC 6750, section 2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product

import pytest

from conformance.clients.oauth.client import FORM_TYPE, bearer, encoded
from conformance.clients.registry.client import Registry
from conformance.evidence.shared_requests import Once
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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable
from conformance.vocabulary.values import basic_login, may_have_any_case, with_one_changed

B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What may be a bearer token (RFC 6750 section 2.1): a field with anything else is malformed."""


def reads(platform: Platform) -> list[tuple[Operation, str]]:
    """Each declared read with a token that opens it; Inconclusive where it does not."""
    found = [(each, platform.oauth.token("full")) for each in platform.operations("read")]
    control = platform.send(*found[0])
    if not control.ok:
        raise Inconclusive(
            f"{found[0][0]} is answered {control.status} to a good token", "a resource that full may read"
        )
    return found


def send(
    platform: Platform, operation: Operation, *fields: tuple[str, str | bytes], path: str | None = None
) -> Exchange:
    """A read with exactly these header fields."""
    return platform.http.send(operation.method, path or operation.path, fields)


@verifies("authorization/bearer/authorization-field-is-accepted")
def test_authorization_field_is_accepted(platform: Platform) -> None:
    """Purpose: the documented way to send a token works.

    Method: 1. read each declared resource with "Authorization: Bearer TOKEN"
            2. expect 2xx
    """
    for operation in platform.operations("read"):
        expect_success(platform.as_role("full", operation), f"for {operation}")


@verifies("authorization/bearer/scheme-is-compared-without-case")
@pytest.mark.parametrize("scheme", [case("lower", "bearer"), case("upper", "BEARER")])
def test_scheme_is_compared_without_case(platform: Platform, scheme: str) -> None:
    """Purpose: the scheme's name is known in any case.

    Method: 1. send a good token under bearer, and under BEARER
            2. expect 2xx
    """
    for operation, token in reads(platform):
        expect_success(send(platform, operation, ("Authorization", f"{scheme} {token}")))


@verifies("authorization/bearer/blanks-are-as-one")
def test_blanks_are_as_one(platform: Platform) -> None:
    """Purpose: where the grammar lets several blanks stand, they are as good as one.

    Method: 1. send a good token behind two blanks
            2. expect 2xx
    """
    for operation, token in reads(platform):
        expect_success(send(platform, operation, ("Authorization", f"Bearer  {token}")), "for two blanks")


LONG = 6000
INVALID: dict[str, Callable[[str], str]] = {
    "unknown": lambda token: "cf-unknown-token", "cut": lambda token: token[:-6],
    "first-cut": lambda token: token[1:],
    "extended": lambda token: token + "AAAA", "case-changed": lambda token: token.swapcase(),
    # Never the last character: it may hold bits that no decoder reads.
    "altered": lambda token: with_one_changed(token, 0.5),
    "doubled": lambda token: token + token, "sql": lambda token: "'OR'1'='1", "three-dots": lambda token: "a.b.c",
    "6-kb": lambda token: "A" * LONG, "null": lambda token: "null", "undefined": lambda token: "undefined",
    "two-dots": lambda token: "..", "many-dots": lambda token: "." * 3000,
}  # fmt: skip


@verifies("authorization/bearer/invalid-token-is-401")
@pytest.mark.parametrize("how", [case(name, name) for name in INVALID])
def test_invalid_token_is_401(platform: Platform, how: str) -> None:
    """Purpose: a token that is not exactly one that was issued opens nothing.

    Method: 1. cut, extend, double or change a good token, or invent one
            2. expect 401 from each declared resource (431 for a long one, 400 for what cannot be a token by its
               characters), and with the extended one from every other declared operation, and to HEAD where there is
               one. (In hexadecimal digits, or letters of one case, the other case may be the same token.)
    """
    asked = reads(platform)
    token = asked[0][1]
    if how == "extended":
        others = [each for each in platform.operations(*KINDS) if each.kind != "read"]
        asked += [(each, token) for each in [*others, *platform.heads()]]
    for operation, token in asked:
        if how == "case-changed" and may_have_any_case(token):
            raise NotApplicable("tokens may be the same in letters of other case")
        invalid = INVALID[how](token)
        long = {431} if len(invalid) >= LONG else set()
        # One whose equals signs are no longer its end is malformed, too.
        malformed = set() if B64TOKEN.fullmatch(invalid) else {400}
        unoffered = NOT_OFFERED if operation.kind == "head" else ()
        due = {401, *long, *malformed, *unoffered}
        expect_status(send(platform, operation, bearer(invalid)), due, f"for {operation}")


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
OF_EVERYTHING = ("empty", "non-ascii-behind", "user-of-basic")
"""Those that are sent to every operation: each may be let in by another way."""


@verifies("authorization/bearer/malformed-field-is-refused")
@pytest.mark.parametrize("how", [case(name, name) for name in MALFORMED])
def test_malformed_field_is_refused(platform: Platform, how: str) -> None:
    """Purpose: a good token in a field of another form is not guessed out of it.

    Method: 1. send an Authorization field that is empty, of another scheme, where it may stand for a name or a
               password, or has something beside the token; an empty one, one with a letter that no token has, and one
               with a token for the name also with every other declared operation, and with HEAD where there is one
            2. expect 401 or 400 (431 for a long one)
    """
    asked = reads(platform)
    if how in OF_EVERYTHING:
        others = [*(each for each in platform.operations(*KINDS) if each.kind != "read"), *platform.heads()]
        asked += [(each, asked[0][1]) for each in others]
    for operation, token in asked:
        value = MALFORMED[how].replace("{token}", token)
        by_basic = {"{user}": basic_login(token, "x-oauth-basic"), "{password}": basic_login("x-access-token", token)}
        field = ("Authorization", by_basic.get(value, value))
        reply = platform.request(operation.method, operation.path, [*operation.headers, field], operation.body)
        due = {400, 401, 431, *(NOT_OFFERED if operation.kind == "head" else ())}
        expect_status(reply, due, f"for {operation}")


@verifies("authorization/bearer/token-in-the-query-is-refused")
@pytest.mark.parametrize("name", [case("access-token", "access_token"), case("token", "token")])
def test_token_in_the_query_is_refused(platform: Platform, name: str) -> None:
    """Purpose: a token in a URL, which logs and histories keep, opens nothing.

    Method: 1. read each declared resource with the good token in the query alone
            2. expect 401 or 400
    """
    for operation, token in reads(platform):
        expect_status(send(platform, operation, path=f"{operation.path}?{name}={token}"), {400, 401})


@verifies("authorization/bearer/token-in-a-form-is-refused")
@pytest.mark.parametrize("method", [case("get", "GET"), case("post", "POST")])
def test_token_in_a_form_is_refused(platform: Platform, method: str) -> None:
    """Purpose: nor does one in a form body.

    Method: 1. send each declared resource a form with access_token, and no Authorization field
            2. expect a 4xx
    """
    for operation, token in reads(platform):
        reply = platform.http.send(method, operation.path, [FORM_TYPE], encoded([("access_token", token)]))
        expect_refused(reply, "for a token in the body")


@verifies("authorization/bearer/two-fields-are-refused")
def test_two_fields_are_refused(platform: Platform) -> None:
    """Purpose: of two Authorization fields neither is chosen, so that no proxy can be played against the server.

    Method: 1. send a good and an unknown token in two fields, in both orders
            2. expect a refusal in both
    """
    for operation, token in reads(platform):
        good, bad = bearer(token), bearer("cf-unknown-token")
        for fields in ((good, bad), (bad, good)):
            expect_status(send(platform, operation, *fields), {400, 401}, "for two Authorization fields")


@verifies("authorization/bearer/secret-is-no-token")
def test_secret_is_no_token(platform: Platform) -> None:
    """Purpose: the client secret is for the token endpoint alone.

    Method: 1. send the client secret, and the client id, as a bearer token, and both by Basic, as they are and as the
               token endpoint takes them, where there is HEAD by that as well
            2. expect 401 (400 for Basic, and for what cannot be a token by its characters)
    """
    credential = platform.oauth.credential("full")
    plain = basic_login(credential.client_id, credential.client_secret.reveal())
    logins = dict.fromkeys([platform.oauth.basic(), ("Authorization", plain)])
    for operation, _ in reads(platform):
        # Blanks at an end, which either may have (RFC 6749 appendix A), are none of a field's value.
        for value in (credential.client_secret.reveal().strip(), credential.client_id.strip()):
            expect_status(platform.send(operation, value), 401 if B64TOKEN.fullmatch(value) else {400, 401})
        for login, method in product(logins, (operation.method, "HEAD")):
            due = {400, 401, *(NOT_OFFERED if method == "HEAD" else ())}
            by_basic = platform.http.send(method, operation.path, [login])
            expect_status(by_basic, due, f"for {method} of {operation} with the client's id and secret by Basic")


@verifies("authorization/bearer/registry-token-opens-nothing")
def test_registry_token_opens_nothing(platform: Platform, registry: Registry) -> None:
    """Purpose: a token that was issued for another service is none here, though the same house has signed it.

    Method: 1. log in to the registry as the pusher and take its token for the declared repository
            2. send it to each declared resource: expect 401
    """
    if registry.door.scheme != "bearer":
        raise NotApplicable("the registry is not entered by tokens")
    token = registry.door.token_of(registry.account("pusher"), (registry.scope(registry.described.repository),))
    for operation, _ in reads(platform):
        expect_status(platform.send(operation, token), 401, f"for {operation} with a token of the registry")


@verifies("authorization/bearer/any-field-is-refused")
@explores(value=authorization_values())
def test_any_field_is_refused(platform: Platform, value: bytes) -> None:
    """Purpose: no bytes in the Authorization field open anything or make the service fail.

    Method: 1. read a declared resource under a field of any bytes
            2. expect 400, 401 or 431
    """
    operation = platform.operations("read")[0]
    reply = send(platform, operation, ("Authorization", value))

    expect_no_server_error(reply)
    expect_status(reply, {400, 401, 431})


ANOTHER = ("User-Agent", "curl/8.5.0")
NAMES = ("access_token", "token", "Authorization")


def read(platform: Platform, once: Once) -> list[tuple[Operation, Exchange]]:
    """Each declared read and item with the answer that the role full is given; Inconclusive where the first is none."""
    operations = platform.operations("read", "read-item")
    found = once("reads of full", lambda: [(each, platform.as_role("full", each)) for each in operations])
    if not found[0][1].ok:
        raise Inconclusive(f"{found[0][0]} is answered {found[0][1].status}", "a resource that full may read")
    return found


@verifies("authorization/bearer/authorization-field-is-accepted")
@pytest.mark.parametrize("name", [case("small-letters", "authorization"), case("capitals", "AUTHORIZATION")])
def test_field_is_known_in_any_letters(platform: Platform, once: Once, name: str) -> None:
    """Purpose: the names of fields are the same in any letters (RFC 9110 section 5.1); in HTTP/2 all are small.

    Method: 1. read a declared resource with a good token: 2xx
            2. send the token in the field "authorization", and in "AUTHORIZATION"
            3. expect 2xx
    """
    operation, _ = read(platform, once)[0]
    fields = [(name, bearer(platform.oauth.token("full"))[1])]
    expect_success(platform.http.send(operation.method, operation.path, fields), f"for a token in the field {name}")


@verifies("authorization/bearer/whoever-bears-it-is-served")
def test_whoever_bears_it_is_served(platform: Platform, once: Once) -> None:
    """Purpose: a token serves the program that it is handed to as well as the one that asked for it.

    Method: 1. read a declared resource with a good token: 2xx
            2. use the token over another connection, under the User-Agent of another program
            3. expect 2xx
    """
    operation, _ = read(platform, once)[0]
    other = platform.http.on_new_connection()
    try:
        reply = other.send(operation.method, operation.path, [bearer(platform.oauth.token("full")), ANOTHER])
    finally:
        other.close()
    expect_success(reply, "for a token that another program shows")


@verifies("authorization/bearer/cookie-is-no-token")
def test_cookie_is_no_token(platform: Platform, once: Once) -> None:
    """Purpose: what browsers send by themselves opens nothing, or any page could have them do what it wants.

    Method: 1. read a declared resource with a good token: 2xx
            2. read it without one, with the token in cookies of usual names, and with the cookies that were set
            3. expect a 4xx: which of them is a promise of other checks
    """
    operation, answer = read(platform, once)[0]
    token = platform.oauth.token("full")
    given = [value.partition(";")[0] for value in answer.headers.all("set-cookie")]
    for cookies in ([f"{name}={token}" for name in NAMES], given):
        if cookies:
            reply = platform.http.send(operation.method, operation.path, [("Cookie", "; ".join(cookies))])
            expect_refused(reply, f"for {operation} with cookies and no token")


LONGEST_IN_A_QUERY = 2000


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
