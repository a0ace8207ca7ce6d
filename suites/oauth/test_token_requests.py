"""Token requests: method, URL, media type, length and scope (RFC 6749, section 4.4.2)."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.clients.oauth.client import (
    DOCUMENTED_SCOPE,
    FORM,
    FORM_TYPE,
    OAuthClient,
    access_token,
    encoded,
)
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.oauth import expect_bearer_token, expect_no_token, expect_token
from conformance.oracles.proofs import field_matches
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import field_of

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE")


@verifies("oauth/token/issued-for-valid-credentials")
def test_valid_credentials_get_a_token(oauth: OAuthClient) -> None:
    """Purpose: the documented request of a valid credential gets a token.

    Method: 1. send grant_type, client_id, client_secret and one scope of the credential as a form
            2. expect 200 with access_token and token_type Bearer
    """
    scopes = oauth.credential("full").scopes

    reply = oauth.request_token(scope=scopes[0] if scopes else None)

    expect_bearer_token(reply)
    expect_status(reply, 200)


@verifies("oauth/token/documented-url-serves-tokens")
def test_documented_url_serves_tokens(oauth: OAuthClient) -> None:
    """Purpose: a client written from the API Reference gets a token at the URL that it prints.

    Method: 1. send the documented request to /oauth/token, whatever token_path the target file names, for the
               documented scope where a credential declares it
            2. expect 2xx with a token
    """
    role = oauth.role_with_documented_scope()
    documented = oauth.at_documented_path()
    expect_token(documented.request_token(role, scope=DOCUMENTED_SCOPE) if role else documented.request_token())


@verifies("oauth/scope/documented-scope-is-granted")
def test_documented_scope_is_granted(oauth: OAuthClient) -> None:
    """Purpose: the scope that the documented request names exists, and a credential that holds it gets it.

    Method: 1. request a token for organization:read alone, as a credential that declares this scope
            2. expect a token whose stated scope, if any, contains organization:read
    """
    role = oauth.role_with_documented_scope()
    if role is None:
        raise NotDeclared(
            f"no credential in the role full or narrow declares the scope {DOCUMENTED_SCOPE}",
            "identity.credentials.full.scopes",
        )
    reply = oauth.request_token(role, scope=DOCUMENTED_SCOPE)
    granted = expect_token(reply).get("scope", DOCUMENTED_SCOPE)
    if DOCUMENTED_SCOPE not in str(granted).split():
        raise NonConformance(f"a token for {DOCUMENTED_SCOPE}", f"a token for {granted}", reply)


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
            2. expect 2xx with a token
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


THREADS = 8
A_SECOND = 1.1


@verifies("oauth/tokens/requests-at-once-all-succeed")
def test_requests_at_once_all_succeed(control: OAuthClient) -> None:
    """Purpose: token requests do not get in each other's way.

    Method: 1. send twenty-four good requests from eight threads
            2. expect twenty-four tokens, all different where two asked for one after the other are
    """
    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(lambda _: control.request_token(), range(3 * THREADS)))

    for reply in replies:
        expect_token(reply)
    if len({access_token(reply) for reply in replies}) < len(replies):
        time.sleep(A_SECOND)
        if access_token(control.request_token()) == access_token(control.request_token()) == access_token(replies[0]):
            return  # It gives the one that it has given, for as long as that is good, which no clause forbids.
        raise NonConformance("a token of its own for each request", "one token given twice", *replies[:2])
