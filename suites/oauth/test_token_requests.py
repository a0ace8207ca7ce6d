"""Token requests: method, encoding, parameters (RFC 6749 sections 3.2 and 4.4.2)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest

from conformance.clients.oauth import FORM, FORM_TYPE, OAuthClient, encoded
from conformance.clients.wire import Wire
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.oauth import (
    expect_no_token,
    expect_token,
)
from conformance.oracles.proofs import field_matches
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import field_of

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE")


@verifies("oauth/token/issued-for-valid-credentials")
def test_valid_credentials_get_a_token(oauth: OAuthClient) -> None:
    """Purpose: the documented request of a valid credential gets a token.

    Method: 1. send grant_type, client_id, client_secret and one scope of the credential as a form
            2. expect 200 with access_token and token_type Bearer
    """
    scopes = oauth.credential("full").scopes

    expect_token(oauth.request_token(scope=scopes[0] if scopes else None))


@verifies("oauth/token/response-contains-a-token")
def test_response_contains_a_token(oauth: OAuthClient) -> None:
    """Purpose: the response holds the token under the name that the standard gives it.

    Method: 1. send the documented request for all scopes of the credential
            2. expect access_token, a string that is not empty
    """
    expect_token(oauth.request_token(scope=" ".join(oauth.credential("full").scopes) or None))


@verifies("oauth/endpoints/identity-serves-tokens")
def test_identity_serves_tokens_and_apis(platform: Platform) -> None:
    """Purpose: one identity endpoint serves both the tokens and the organization APIs that take them.

    Method: 1. get a token at the identity endpoint
            2. expect 2xx from every declared identity API with it
    """
    for operation in platform.operations("read"):
        expect_success(platform.as_role("full", operation), f"from {operation}")


@verifies("oauth/token/scope-may-be-left-out")
def test_scope_may_be_left_out(oauth: OAuthClient) -> None:
    """Purpose: the documented request without a scope gets a token.

    Method: 1. send grant_type, client_id and client_secret alone
            2. expect 200 with a token
    """
    expect_token(oauth.request_token(scope=None))


@verifies("oauth/token/only-post-issues-tokens")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in METHODS])
def test_only_post_issues_tokens(control: OAuthClient, method: str) -> None:
    """Purpose: no method but POST issues a token.

    Method: 1. send the good form by another method, once in the body and once in the query
            2. expect no token and a 4xx, or 501, or to be led elsewhere; GET and HEAD may show a page
    """
    for query, body in (("", control.form()), ("?" + encoded(control.form()).decode(), b"")):
        reply = control.post(body, method=method, query=query)
        expect_no_token(reply, f"for {method}")
        page = method in ("GET", "HEAD") and "html" in (reply.headers.get("content-type") or "")
        expect_status(reply, {*range(300, 500), 501, *(range(200, 300) if page else ())}, f"for {method}")


@verifies("oauth/token/only-post-issues-tokens")
@pytest.mark.parametrize("method", [case("get-by-basic", "GET")])
def test_only_post_issues_tokens_by_basic(control: OAuthClient, method: str) -> None:
    """Purpose: nor does another method where the credentials are in the Authorization field, and not beside the grant.

    Method: 1. send the grant and the scope in the query of a GET, with the credentials by Basic
            2. expect no token and a 4xx, or 501, or to be led elsewhere, or a page; where the answer has the member
               token it is Docker's, whose flow is a GET, and nothing is said of it
    """
    form = control.form(client_id=None, client_secret=None)
    reply = control.post(b"", (control.basic(),), method=method, query="?" + encoded(form).decode())
    if reply.member("token"):
        raise NotApplicable("GET is answered with a token of Docker's kind")
    expect_no_token(reply, f"for {method}")
    page = "html" in (reply.headers.get("content-type") or "")
    expect_status(reply, {*range(300, 500), 501, *(range(200, 300) if page else ())}, f"for {method}")


@verifies("oauth/token/refused-method-names-post")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("GET", "PUT", "DELETE")])
def test_refused_method_names_post(control: OAuthClient, method: str) -> None:
    """Purpose: a 405 says which method is right.

    Method: 1. send the method to the token endpoint
            2. where the answer is 405, expect Allow with POST in it
    """
    reply = control.post(b"", (), method=method)

    allowed = [each.strip() for each in (reply.headers.get("allow") or "").split(",")]
    if reply.status == 405 and "POST" not in allowed:
        told, proof = (
            f"405 with {field_of(reply, 'Allow')}",
            field_matches(reply, "Allow", "(^|[, ])POST *(,|$)"),
        )
        raise NonConformance("405 with Allow: POST", told, reply, proof=proof)


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
            2. expect a 4xx, no token, and the secret nowhere in the answer, where parsers quote what they cannot read
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
    expect_not_repeated(reply, [control.credential("full").client_secret.reveal()], "the client secret")


@verifies("oauth/token/media-type-is-compared-without-case")
@pytest.mark.parametrize(
    "content_type",
    [
        case("upper-case", FORM.upper()),
        case("charset", f"{FORM}; charset=UTF-8"),
        case("quoted-charset", f'{FORM};charset="utf-8"'),
    ],
)
def test_media_type_is_compared_without_case(oauth: OAuthClient, content_type: str) -> None:
    """Purpose: the form's media type is known in any case and with a charset parameter.

    Method: 1. send the good form with the type in upper case, or with charset=UTF-8
            2. expect a token
    """
    expect_token(oauth.post(oauth.form(), [("Content-Type", content_type)]))


@verifies("oauth/token/chunked-body-is-read")
def test_chunked_body_is_read(oauth: OAuthClient) -> None:
    """Purpose: a form in chunked transfer coding is read like any other.

    Method: 1. send the good form in two chunks
            2. expect a token, or 411
    """
    body = encoded(oauth.form())
    reply = oauth.http.send("POST", oauth.identity.token_path, [FORM_TYPE], (body[:9], body[9:]))

    expect_status(reply, {200, 411})
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
    head = f"POST {control.identity.token_path} HTTP/1.1\r\nHost: {wire.host()}\r\nContent-Type: {FORM}\r\n"
    reply = wire.send(f"{head}{fields}Connection: close".encode(), body)

    expect_no_token(reply)
    expect_status(reply, {400, 411, 413})


@verifies("oauth/token/large-body-is-no-server-error")
@pytest.mark.parametrize("size", [case("100-kb", 100_000), case("2-mb", 2_000_000)])
def test_large_body_is_no_server_error(oauth: OAuthClient, size: int) -> None:
    """Purpose: a body that is too large is the caller's fault, and told as such.

    Method: 1. add a parameter of that size to the good form
            2. expect a token, or a 4xx; then the plain request gets a token again
    """
    expect_no_server_error(oauth.post([*oauth.form(), ("x", "y" * size)]))

    expect_token(oauth.request_token())


CODED = {
    "unknown": ("cf-unknown", lambda body: body),
    "not-gzip": ("gzip", lambda body: body),
    "gzip": ("gzip", gzip.compress),
    "gzip-cut-off": ("gzip", lambda body: gzip.compress(body)[:-12]),
}  # fmt: skip


@verifies("oauth/token/content-coding-is-no-server-error")
@pytest.mark.parametrize(("coding", "write"), [case(name, *values) for name, values in CODED.items()])
def test_content_coding_is_no_server_error(oauth: OAuthClient, coding: str, write: Callable[[bytes], bytes]) -> None:
    """Purpose: a body in a coding that the endpoint does not know, or that is none, is the caller's fault.

    Method: 1. send the good form under a Content-Encoding that is unknown, untrue, true and cut off
            2. expect a token, or a 4xx; then the plain request gets a token again
    """
    body = write(encoded(oauth.form()))
    expect_no_server_error(oauth.post(body, [FORM_TYPE, ("Content-Encoding", coding)]))

    expect_token(oauth.request_token())
