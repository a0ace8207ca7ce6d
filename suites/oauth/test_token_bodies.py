"""The body of a token request: its encoding, its length, its size (RFC 6749 section 4.4.2)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import FORM, FORM_TYPE, OAuthClient, encoded
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.oauth import expect_no_token, expect_token
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status
from conformance.vocabulary.check import case, verifies


@verifies("oauth/token/other-encodings-are-refused")
@pytest.mark.parametrize(
    "content_type",
    [
        case("json", "application/json"),
        case("text", "text/plain"),
        case("none", None),
        case("form-as-json", "form-as-json"),
        case("multipart", "multipart/form-data; boundary=cf"),
    ],
)
def test_other_encodings_are_refused(control: OAuthClient, content_type: str | None) -> None:
    """Purpose: the token request is a form, and nothing else is taken for one.

    Method: 1. send the good parameters as JSON, as plain text, without a type, in parts, and the form's bytes declared
               as JSON
            2. expect a 4xx and no token
    """
    in_parts = "".join(
        f'--cf\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in control.form()
    )
    bodies = {
        "application/json": json.dumps(dict(control.form())).encode(),
        "multipart/form-data; boundary=cf": f"{in_parts}--cf--\r\n".encode(),
    }
    body = bodies.get(str(content_type), encoded(control.form()))
    declared = "application/json" if content_type == "form-as-json" else content_type
    reply = control.post(body, [("Content-Type", declared)] if declared else [])

    expect_no_token(reply)
    expect_refused(reply)


@verifies("oauth/token/media-type-is-compared-without-case")
@pytest.mark.parametrize(
    "content_type",
    [
        case("upper-case", FORM.upper()),
        case("charset", f"{FORM}; charset=UTF-8"),
        case("quoted-charset", f'{FORM};charset="utf-8"'),
        case("blank-before", f"{FORM} ; charset=UTF-8"),
    ],
)
def test_media_type_is_compared_without_case(control: OAuthClient, content_type: str) -> None:
    """Purpose: the form's media type is known in any case and with a charset parameter.

    Method: 1. send the good form with the type in upper case, or with charset=UTF-8, a blank before it as well
            2. expect a token
    """
    expect_token(control.post(control.form(), [("Content-Type", content_type)]))


@verifies("oauth/token/chunked-body-is-read")
def test_chunked_body_is_read(control: OAuthClient) -> None:
    """Purpose: a form in chunked transfer coding is read like any other.

    Method: 1. send the good form in two chunks
            2. expect a token, or 411
    """
    body = encoded(control.form())
    reply = control.http.send("POST", control.identity.token_path, [FORM_TYPE], (body[:9], body[9:]))

    expect_status(reply, {*range(200, 300), 411})
    if reply.ok:
        expect_token(reply)


@verifies("oauth/token/ambiguous-length-is-refused")
@pytest.mark.parametrize(
    "lengths",
    [
        case("two-differing", ("{n}", "5")),
        case("two-differing-reversed", ("5", "{n}")),
        case("negative", ("-1",)),
        case("not-a-number", ("x",)),
        case("plus-sign", ("+{n}",)),
        case("underscore", ("0_{n}",)),
        case("hexadecimal", ("0x{x}",)),
    ],
)
def test_ambiguous_length_is_refused(control: OAuthClient, wire: Wire, lengths: tuple[str, ...]) -> None:
    """Purpose: a message whose length is unclear is not acted on, so that nothing can be smuggled past a proxy.

    Method: 1. send the good form over a raw connection with Content-Length twice, negative, or not in decimal digits
            2. expect 400 and no token
    """
    body = encoded(control.form())
    told = [each.replace("{n}", str(len(body))).replace("{x}", f"{len(body):x}") for each in lengths]
    fields = "".join(f"Content-Length: {each}\r\n" for each in told)
    head = (
        f"POST {wire.target(control.identity.token_path)} HTTP/1.1\r\nHost: {wire.host()}\r\nContent-Type: {FORM}\r\n"
    )
    reply = wire.send(f"{head}{fields}Connection: close".encode(), body)

    expect_no_token(reply)
    expect_status(reply, {400, 411, 413})


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
