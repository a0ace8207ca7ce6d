"""Token requests: method, URL, media type, length and scope (RFC 6749, section 4.4.2); malformed ones get no 5xx."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest

from conformance.clients.concurrency import in_threads
from conformance.clients.oauth.client import (
    DOCUMENTED_SCOPE,
    FORM,
    FORM_TYPE,
    OAuthClient,
    Pairs,
    access_token,
    bearer,
    encoded,
)
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.headers import expect_allowed
from conformance.oracles.oauth import expect_bearer_token, expect_no_token, expect_token
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
OVERRIDES = [(name, "POST") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
THREADS = 8
A_SECOND = 1.1


@pytest.mark.parametrize(
    "count",
    [
        row("oauth/token/issued-for-valid-credentials", 1),
        row("oauth/token/response-contains-a-token", None),
        row("oauth/token/scope-may-be-left-out", 0),
    ],
)
def test_valid_credentials_get_a_token(oauth: OAuthClient, count: int | None) -> None:
    """Purpose: the documented token request works for every valid credential, and the token has its standard name.

    Method: 1. send grant_type, client_id, client_secret and one scope of the credential, all, or none, as a form
            2. expect 2xx with access_token, a non-empty string; for one scope 200 and token_type Bearer
    """
    reply = oauth.request_token(scope=" ".join(oauth.credential("full").scopes[:count]) or None)
    expect_token(reply)
    if count == 1:
        expect_bearer_token(reply)
        expect_status(reply, 200)


@verifies("oauth/token/documented-url-serves-tokens")
def test_documented_url_serves_tokens(oauth: OAuthClient) -> None:
    """Purpose: a client written from the API Reference requests tokens at the URL that is printed there.

    Method: 1. send the documented request to /oauth/token, whatever token_path the target file names, with the
               documented scope where a credential declares it
            2. expect 2xx with a token
    """
    role = oauth.role_with_documented_scope()
    documented = oauth.at_documented_path()
    expect_token(documented.request_token(role, scope=DOCUMENTED_SCOPE) if role else documented.request_token())


@verifies("oauth/scope/documented-scope-is-granted")
def test_documented_scope_is_granted(oauth: OAuthClient) -> None:
    """Purpose: the scope of the documented request exists, and a credential that has it gets it.

    Method: 1. request a token for organization:read alone, as a credential that declares this scope
            2. expect a token whose stated scope, if any, contains organization:read
    """
    role = oauth.role_with_documented_scope()
    if role is None:
        reason = f"no credential in the role full or narrow declares the scope {DOCUMENTED_SCOPE}"
        raise NotDeclared(reason, "identity.credentials.full.scopes")
    reply = oauth.request_token(role, scope=DOCUMENTED_SCOPE)
    granted = expect_token(reply).get("scope", DOCUMENTED_SCOPE)
    if DOCUMENTED_SCOPE not in str(granted).split():
        raise NonConformance(f"a token for {DOCUMENTED_SCOPE}", f"a token for {granted}", reply)


@verifies("oauth/endpoints/identity-serves-tokens")
def test_identity_serves_tokens_and_apis(platform: Platform) -> None:
    """Purpose: one identity endpoint serves the tokens and the organization APIs that accept them.

    Method: 1. request a token at the identity endpoint; 2. expect 2xx from every declared identity API with it
    """
    for operation in platform.operations("read"):
        expect_success(platform.as_role("full", operation), f"from {operation}")


@verifies("oauth/token/only-post-issues-tokens")
@pytest.mark.parametrize(
    ("method", "by_basic"),
    [
        *(case(name.lower(), name, False) for name in METHODS),
        case("invented", "CFTEST", False),
        case("get-by-basic", "GET", True),
    ],
)
def test_only_post_issues_tokens(control: OAuthClient, method: str, by_basic: bool) -> None:
    """Purpose: tokens and secrets must not end up in caches and logs, so no method but POST issues a token.

    Method: 1. send the valid form by another method, in the body and in the query; by GET also with Basic
            2. expect no token, and 3xx, 4xx or 501; GET and HEAD may show a page. (Docker's token flow is a GET.)
    """
    form = control.form(client_id=None, client_secret=None) if by_basic else control.form()
    fields, in_query = [control.basic() if by_basic else FORM_TYPE], f"?{encoded(form).decode()}"
    for query in [in_query] if by_basic else ["", in_query]:
        reply = control.post(b"" if query else form, fields, method=method, query=query)
        if by_basic and reply.member("token"):
            raise NotApplicable("GET returns a token response of the Docker protocol")
        expect_no_token(reply, f"for {method}")
        page = method in ("GET", "HEAD") and "html" in (reply.headers.get("content-type") or "")
        also = range(200, 300) if page or method == "OPTIONS" else ()
        expect_status(reply, {*range(300, 500), 501, *also}, f"for {method}")


@verifies("oauth/token/only-post-issues-tokens#get-that-names-post")
def test_get_is_not_taken_for_post(control: OAuthClient) -> None:
    """Purpose: a link must not get a token by naming POST as its method, nor by another spelling of the path.

    Method: 1. GET the token endpoint with the valid form in the query, and POST in an override header or in _method;
               GET its path with another slash, without and with these headers
            2. expect no token
    """
    path, query = control.identity.token_path, f"?{encoded(control.form()).decode()}"
    sent = [(path, [field]) for field in OVERRIDES]
    sent += [(each, fields) for each in (f"{path}/", f"/{path}") for fields in ([], OVERRIDES)]
    for target, fields in [*((f"{each}{query}", fields) for each, fields in sent), (f"{path}{query}&_method=POST", [])]:
        reply = control.http.send("GET", target, fields)
        control.redact_token(reply)
        expect_no_token(reply, "for GET that names POST, or another path")


@verifies("oauth/token/refused-method-names-post")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("GET", "PUT", "DELETE")])
def test_refused_method_names_post(control: OAuthClient, method: str) -> None:
    """Purpose: a 405 tells the caller which method is right.

    Method: 1. send the method to the token endpoint; 2. of a 405 expect Allow with POST and without the refused method
    """
    expect_allowed(control.post(b"", (), method=method), method, {"POST"})


def in_parts(form: Pairs) -> bytes:
    """Return a form as multipart/form-data with the boundary cf."""
    head = '--cf\r\nContent-Disposition: form-data; name="'
    return ("".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in form) + "--cf--\r\n").encode()


@verifies("oauth/token/other-encodings-are-refused")
@pytest.mark.parametrize(
    ("content_type", "write"),
    [
        case("json", "application/json", lambda form: json.dumps(dict(form)).encode()),
        case("text", "text/plain", encoded),
        case("none", None, encoded),
        case("form-as-json", "application/json", encoded),
        case("multipart", "multipart/form-data; boundary=cf", in_parts),
    ],
)
def test_other_encodings_are_refused(
    control: OAuthClient, content_type: str | None, write: Callable[[Pairs], bytes]
) -> None:
    """Purpose: only a form is a token request; other media types are not parsed as one.

    Method: 1. send the valid parameters as JSON, plain text, without a type, as multipart, and as a form declared JSON
            2. expect 4xx and no token
    """
    reply = control.post(write(control.form()), [("Content-Type", content_type)] if content_type else [])
    expect_no_token(reply)
    expect_refused(reply)


@verifies("oauth/token/chunked-body-is-read")
def test_chunked_body_is_read(control: OAuthClient) -> None:
    """Purpose: some HTTP libraries send every body in chunked transfer coding.

    Method: 1. send the valid form in two chunks; 2. expect a token, or 411
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
    """Purpose: a proxy and the server that read different lengths open the way for request smuggling.

    Method: 1. send the valid form with two Content-Length fields, or with one that is negative or not in decimal digits
            2. expect 4xx and no token
    """
    body = encoded(control.form())
    values = [each.replace("{n}", str(len(body))).replace("{x}", f"{len(body):x}") for each in lengths]
    fields = "".join(f"Content-Length: {each}\r\n" for each in values) + f"Content-Type: {FORM}\r\nConnection: close"
    head = f"POST {wire.target(control.identity.token_path)} HTTP/1.1\r\nHost: {wire.host()}\r\n"
    reply = wire.send(f"{head}{fields}".encode(), body)
    expect_no_token(reply)
    expect_refused(reply)


@verifies("oauth/tokens/concurrent-requests-succeed")
def test_concurrent_requests_succeed(control: OAuthClient) -> None:
    """Purpose: programs that request tokens at the same time must not disturb each other.

    Method: 1. send twenty-four valid requests from eight threads
            2. expect twenty-four tokens, all different unless two sequential requests get the same one as well
    """
    replies = in_threads(lambda _: control.request_token(), range(3 * THREADS), THREADS)
    for reply in replies:
        expect_token(reply)
    if len({access_token(reply) for reply in replies}) < len(replies):
        time.sleep(A_SECOND)
        if access_token(control.request_token()) == access_token(control.request_token()) == access_token(replies[0]):
            return  # The server returns one token for its whole lifetime, which no clause forbids.
        raise NonConformance("a token of its own for each request", "one token issued twice", *replies[:2])


Send = Callable[[OAuthClient], Exchange]
HOSTILE = {
    "nul": b"%00", "invalid-utf8": b"%FF%FE", "emoji": b"%F0%9F%92%A5", "overlong": b"%C0%AF",
    "surrogate": b"%ED%A0%80", "sql": b"%27%20OR%201%3D1--", "format": b"%25s%25n%24%7Bx%7D",
    "inherited": b"__proto__", "100-kb": b"x" * 100_000, "raw-bytes": b"\xff\x00\x80", "non-ascii": b"%C3%BC%C3%BC",
}  # fmt: skip


@verifies("oauth/token/malformed-requests-are-no-server-error")
@pytest.mark.parametrize("name", [case("client-id", "client_id"), case("client-secret", "client_secret")])
@pytest.mark.parametrize("value", [case(name, value) for name, value in HOSTILE.items()])
def test_hostile_credentials_are_no_server_error(control: OAuthClient, name: str, value: bytes) -> None:
    """Purpose: malformed credentials are the caller's fault, so they must not cause a server error.

    Method: 1. send NUL, invalid UTF-8, SQL, 100 kB … as the client id or the secret; 2. expect no token and no 5xx
    """
    rest = [f"{each}={quote_plus(text)}" for each, text in control.form(scope=None) if each != name]
    reply = control.post("&".join([*rest, f"{name}="]).encode() + value)
    expect_no_token(reply)
    expect_no_server_error(reply)


def bracketed(name: str) -> Send:
    """Append brackets to the name of a parameter: some parsers read it as a list."""
    return lambda oauth: oauth.post([(f"{each}[]" if each == name else each, value) for each, value in oauth.form()])


def with_padding(size: int) -> Send:
    """Add a parameter of this size."""
    return lambda oauth: oauth.post([*oauth.form(), ("x", "y" * size)])


def coded(coding: str, write: Callable[[bytes], bytes]) -> Send:
    """Encode the body, and send it with this Content-Encoding."""
    return lambda oauth: oauth.post(write(encoded(oauth.form())), [FORM_TYPE, ("Content-Encoding", coding)])


MALFORMED: dict[str, Send] = {
    "list-of-client_ids": bracketed("client_id"), "list-of-grant_types": bracketed("grant_type"),
    "another-scheme": lambda oauth: oauth.post(oauth.form(), (FORM_TYPE, bearer("cf-unknown-token"))),
    "body-of-100-kb": with_padding(100_000), "body-of-2-mb": with_padding(2_000_000),
    "coding-unknown": coded("cf-unknown", bytes), "coding-not-gzip": coded("gzip", bytes),
    "coding-gzip": coded("gzip", gzip.compress),
    "coding-gzip-cut-off": coded("gzip", lambda body: gzip.compress(body)[:-12]),
}  # fmt: skip


@verifies("oauth/token/malformed-requests-are-no-server-error")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_no_server_error(control: OAuthClient, name: str) -> None:
    """Purpose: lists, other schemes, large bodies and broken codings are the caller's fault, not the platform's.

    Method: 1. send the valid form with brackets after a name, a bearer token, 100 kB or 2 MB more, or a
               Content-Encoding that is unknown, false, true or cut off: expect no 5xx, and no token for a list
            2. send the valid form: expect a token
    """
    reply = MALFORMED[name](control)
    control.redact_token(reply)
    expect_no_server_error(reply)
    if name.startswith("list"):
        expect_no_token(reply)
    expect_token(control.request_token())
