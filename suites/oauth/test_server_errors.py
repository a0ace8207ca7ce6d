"""No credential and no request body makes the token endpoint answer 5xx."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, bearer, encoded
from conformance.oracles.oauth import expect_no_token, expect_token
from conformance.oracles.status import expect_no_server_error
from conformance.vocabulary.check import case, verifies

HOSTILE = {
    "nul": b"%00",
    "invalid-utf8": b"%FF%FE",
    "emoji": b"%F0%9F%92%A5",
    "overlong": b"%C0%AF",
    "surrogate": b"%ED%A0%80",
    "sql": b"%27%20OR%201%3D1--",
    "format": b"%25s%25n%24%7Bx%7D",
    "inherited": b"__proto__",
    "100-kb": b"x" * 100_000,
    "raw-bytes": b"\xff\x00\x80",
    "non-ascii": b"%C3%BC%C3%BC",
}


@verifies("oauth/client/hostile-credentials-are-no-server-error")
@pytest.mark.parametrize("name", [case("client-id", b"client_id"), case("client-secret", b"client_secret")])
@pytest.mark.parametrize("value", [case(name, value) for name, value in HOSTILE.items()])
def test_hostile_credentials_are_no_server_error(control: OAuthClient, name: bytes, value: bytes) -> None:
    """Purpose: no bytes in a client id or secret make the endpoint fail.

    Method: 1. put NUL, invalid UTF-8, non-ASCII, SQL, 100 kB or the name of what each object of JavaScript inherits
               into the id or the secret of a request
            2. expect no token and no 5xx
    """
    other = {b"client_id": "client_secret", b"client_secret": "client_id"}[name]
    rest = quote_plus(dict(control.form())[other]).encode()
    reply = control.post(b"grant_type=client_credentials&" + name + b"=" + value + b"&" + other.encode() + b"=" + rest)

    expect_no_token(reply)
    expect_no_server_error(reply)


@verifies("oauth/client/hostile-credentials-are-no-server-error")
@pytest.mark.parametrize("name", [case(f"list-of-{each}s", each) for each in ("client_id", "grant_type")])
def test_lists_of_parameters_are_no_server_error(control: OAuthClient, name: str) -> None:
    """Purpose: nor does a parameter that a parser makes a list of, where a text is meant.

    Method: 1. send the good form with brackets behind the name of its id, and of its grant
            2. expect no token and no 5xx
    """
    reply = control.post([(f"{each}[]" if each == name else each, value) for each, value in control.form()])

    expect_no_token(reply)
    expect_no_server_error(reply)


@verifies("oauth/client/hostile-credentials-are-no-server-error")
def test_another_scheme_is_no_server_error(control: OAuthClient) -> None:
    """Purpose: nor does a field of another scheme, which a gateway or a library may leave there.

    Method: 1. send the good form under an Authorization field of the scheme Bearer
            2. expect no 5xx (a token, or a refusal)
    """
    reply = control.post(control.form(), (FORM_TYPE, bearer("cf-unknown-token")))
    control.open(reply)
    expect_no_server_error(reply)


@verifies("oauth/token/large-body-is-no-server-error")
@pytest.mark.parametrize("size", [case("100-kb", 100_000), case("2-mb", 2_000_000)])
def test_large_body_is_no_server_error(control: OAuthClient, size: int) -> None:
    """Purpose: a body that is too large is the caller's fault, and told as such.

    Method: 1. add a parameter of that size to the good form
            2. expect a token, or a 4xx; then the plain request gets a token again
    """
    expect_no_server_error(control.post([*control.form(), ("x", "y" * size)]))

    expect_token(control.request_token())


CODED = {
    "unknown": ("cf-unknown", lambda body: body),
    "not-gzip": ("gzip", lambda body: body),
    "gzip": ("gzip", gzip.compress),
    "gzip-cut-off": ("gzip", lambda body: gzip.compress(body)[:-12]),
}  # fmt: skip


@verifies("oauth/token/content-coding-is-no-server-error")
@pytest.mark.parametrize(("coding", "write"), [case(name, *values) for name, values in CODED.items()])
def test_content_coding_is_no_server_error(control: OAuthClient, coding: str, write: Callable[[bytes], bytes]) -> None:
    """Purpose: a body in a coding that the endpoint does not know, or that is none, is the caller's fault.

    Method: 1. send the good form under a Content-Encoding that is unknown, untrue, true and cut off
            2. expect a token, or a 4xx; then the plain request gets a token again
    """
    body = write(encoded(control.form()))
    expect_no_server_error(control.post(body, [FORM_TYPE, ("Content-Encoding", coding)]))

    expect_token(control.request_token())
