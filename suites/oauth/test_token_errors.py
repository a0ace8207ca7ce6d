"""A token error response has the standard status, body and code, and reveals nothing (RFC 6749, section 5.2)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, encoded
from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.oracles.headers import expect_directive
from conformance.oracles.oauth import (
    CODES,
    EXTENSIONS,
    FAILED,
    expect_error,
    expect_error_document,
    expect_refusal,
    expect_token,
)
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange

BAD: dict[str, dict[str, str | None]] = {
    "no-grant-type": {"grant_type": None}, "unknown-grant-type": {"grant_type": "cf-unknown"},
    "wrong-secret": {"client_secret": "cf-not-the-secret"}, "unknown-client": {"client_id": "cf-nobody"},
    "no-client": {"client_id": None, "client_secret": None}, "odd-client": {"client_id": 'cf "n\\bödy"\n'},
    "unknown-scope-malformed": {"scope": '"\\'}, "quotes-in-grant-type": {"grant_type": 'a"b\\c\n'},
    "non-ascii-grant-type": {"grant_type": "clïent"}, "unknown-scope": {"scope": "cf:unknown"},
}  # fmt: skip
# Error descriptions are ASCII, whatever language a client prefers.
OTHER_LANGUAGES = ("Accept-Language", "de, ja;q=0.9, ru;q=0.8")
RAW = {
    "empty-body": b"", "no-equals-sign": b"grant_type", "only-separators": b"&&&===",
    "raw-bytes": b"\xff\xfe\x00\x01=\x80", "bad-percent": b"grant_type=%zz%", "invalid-utf8": b"grant_type=%FF%FE",
    "byte-order-mark": b"\xef\xbb\xbfgrant_type=x", "json": b'{"a": 1}',
}  # fmt: skip


def send_bad(oauth: OAuthClient, name: str) -> Exchange:
    """Send the bad request of this name."""
    if name in RAW:
        return oauth.post(RAW[name])
    languages = [OTHER_LANGUAGES] if name == "wrong-secret" else []
    return oauth.post(oauth.form("full", **BAD[name]), (FORM_TYPE, *languages))


def expect_json_refusal(reply: Exchange) -> None:
    """Expect the standard status, an error document in the permitted characters, and no token."""
    expect_refusal(reply)
    expect_error_document(reply)


@pytest.mark.parametrize("name", [name for name in [*BAD, *RAW] if name != "unknown-scope"])
@pytest.mark.parametrize(
    "expect",
    [
        row("oauth/errors/refusal-is-a-json-error-document", expect_json_refusal),
        row("oauth/errors/no-internals-shown", expect_no_leak),
    ],
)
def test_refusal_is_a_json_error_document(control: OAuthClient, name: str, expect: Callable[[Exchange], None]) -> None:
    """Purpose: a client library reads from the error document what was wrong; an attacker learns nothing.

    Method: 1. send a request with one mistake
            2. expect 400 or 401, application/json with "error", only permitted characters, and no token
            3. expect no stack trace, SQL, path or version in the response
    """
    reply = send_bad(control, name)
    if expect is expect_json_refusal and name == "unknown-scope-malformed" and reply.status == 200:
        return  # A server may ignore a scope; another check looks at what it grants.
    expect(reply)


@verifies("oauth/errors/code-is-registered")
@pytest.mark.parametrize("name", [name for name in BAD if not name.startswith("unknown-scope")])
def test_code_is_registered(control: OAuthClient, name: str) -> None:
    """Purpose: client libraries know the registered error codes only.

    Method: 1. send a request with one mistake; 2. expect an error code of RFC 6749 or of a registered extension
    """
    expect_error(send_bad(control, name), *sorted(CODES | EXTENSIONS))


@verifies("oauth/errors/refusal-is-not-stored")
@pytest.mark.parametrize("name", ["wrong-secret", "unknown-grant-type", "unknown-scope"])
def test_refusal_is_not_stored(control: OAuthClient, name: str) -> None:
    """Purpose: a cached refusal must not outlive its cause.

    Method: 1. send a request with one mistake; 2. expect Cache-Control with no-store
    """
    expect_directive(send_bad(control, name), "Cache-Control", "no-store")


UNKNOWN_GRANTS = {
    "unknown": "cf-unknown", "upper-case": "CLIENT_CREDENTIALS", "hyphen": "client-credentials",
    "nul": "client_credentials\0", "longer": "client_credentials2", "cut": "client_credential",
    "blank-behind": "client_credentials ", "inherited": "constructor",
}  # fmt: skip


@pytest.mark.parametrize(
    ("grant_type", "code"),
    [
        row("oauth/errors/missing-grant-type-is-invalid-request", None, "invalid_request"),
        *(
            row(f"oauth/errors/unknown-grant-type-is-unsupported#{name}", value, "unsupported_grant_type")
            for name, value in UNKNOWN_GRANTS.items()
        ),
    ],
)
def test_grant_type_errors_have_their_code(control: OAuthClient, grant_type: str | None, code: str) -> None:
    """Purpose: the error code tells a client that the grant type is missing or not offered; names are compared exactly.

    Method: 1. leave out grant_type, or send one that is unknown or only resembles client_credentials
            2. expect error invalid_request, or unsupported_grant_type (invalid_request also for characters that no
               grant type has), with 400; only one of the unknown types is judged by its status
    """
    reply = control.request_token(grant_type=grant_type)
    expect_refusal(reply, {400} if grant_type in (None, UNKNOWN_GRANTS["unknown"]) else FAILED)
    expect_error(reply, code, *(["invalid_request"] if {*str(grant_type)} & {"\0", " "} else []))


@verifies("oauth/token/repeated-parameter-is-invalid-request")
@pytest.mark.parametrize(
    "name", [case("grant-type", "grant_type"), case("client-id", "client_id"), case("scope", "scope")]
)
def test_repeated_parameter_is_invalid_request(control: OAuthClient, name: str) -> None:
    """Purpose: a repeated parameter is a malformed request, even if both values agree.

    Method: 1. send a parameter twice with the same valid value; 2. expect 400 with error invalid_request
    """
    values = {**dict(control.form()), **({"scope": control.scopes()[0]} if name == "scope" else {})}
    reply = control.post([*values.items(), (name, values[name])])
    expect_refusal(reply, {400})
    expect_error(reply, "invalid_request")


GRANT_URN = "urn:ietf:params:oauth:grant-type:"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
OTHER_GRANTS: dict[str, tuple[str | None, dict[str, str]]] = {
    "no-grant-type": (None, {}),
    "password": ("password", {"username": "a", "password": "b"}),
    "authorization-code": ("authorization_code", {"code": "x", "redirect_uri": "https://client.example/"}),
    "refresh-token": ("refresh_token", {"refresh_token": "{token}"}),
    "token-exchange": (f"{GRANT_URN}token-exchange", {"subject_token": "x", "subject_token_type": TOKEN_TYPE}),
    "jwt-bearer": (f"{GRANT_URN}jwt-bearer", {"assertion": "{token}"}),
    "device-code": (f"{GRANT_URN}device_code", {"device_code": "x"}),
}


@verifies("oauth/errors/other-grants-issue-nothing")
@pytest.mark.parametrize(("grant_type", "values"), [case(name, *values) for name, values in OTHER_GRANTS.items()])
def test_other_grants_issue_nothing(control: OAuthClient, grant_type: str | None, values: dict[str, str]) -> None:
    """Purpose: a service credential cannot be used for the grants of users, nor an access token to get further ones.

    Method: 1. use no grant, or another one with invented values, or an access token as the refresh token or assertion
            2. expect 400 or 401 and no token
    """
    sent = {key: value.replace("{token}", control.token("full")) for key, value in values.items()}
    expect_refusal(control.request_token(grant_type=grant_type, **sent))


def send_secret(oauth: OAuthClient, name: str) -> Exchange:
    """Send the right secret in a valid form, twice, as JSON, or in a query; else the bad request of this name."""
    form, query = oauth.form(), f"?{encoded(oauth.form()).decode()}"
    if name == "token-response":
        return oauth.post(form)
    if name == "secret-twice":
        return oauth.post([*form, ("client_secret", dict(form)["client_secret"])])
    if name == "as-json":
        return oauth.post(json.dumps(dict(form)).encode(), [("Content-Type", "application/json")])
    if name in ("in-the-query", "by-get"):
        return oauth.post(b"", method="GET" if name == "by-get" else "POST", query=query)
    return send_bad(oauth, name)


SHOWN = (
    "token-response", "unknown-grant-type", "unknown-client", "no-grant-type", "secret-twice", "as-json",
    "in-the-query", "by-get",
)  # fmt: skip


@verifies("oauth/response/secret-is-not-repeated")
@pytest.mark.parametrize("name", SHOWN)
def test_secret_is_not_repeated(control: OAuthClient, name: str) -> None:
    """Purpose: responses are logged, so they must not contain the client secret.

    Method: 1. send a valid request, a bad one with the right secret, or the secret twice, as JSON or in the query
            2. expect the secret nowhere in the response
    """
    reply = send_secret(control, name)
    control.redact_token(reply)
    expect_not_repeated(reply, [control.credential("full").client_secret.reveal()], "the client secret")


@verifies("oauth/errors/wrong-secret-is-not-repeated")
def test_wrong_secret_is_not_repeated(control: OAuthClient) -> None:
    """Purpose: a wrong secret may differ from the right one by a single letter.

    Method: 1. send a wrong secret, in the body and by Basic; 2. expect neither it nor its Basic encoding in responses
    """
    wrong = "cf-almost-the-secret-0123456789"
    field = basic(control.credential("full").client_id, wrong)
    by_basic = control.request_under(field)
    expect_not_repeated(control.post(encoded(control.form(client_secret=wrong))), [wrong], "the secret that was sent")
    expect_not_repeated(by_basic, [wrong, field[1].partition(" ")[2]], "the secret that was sent")


CAUSES = {
    "client-id": {"client_id": "cf-nobody"},
    "client-secret": {"client_secret": "cf-not-the-secret"},
    "grant-type": {"grant_type": "password"},
}


@verifies("oauth/client/failed-request-has-one-of-the-documented-causes")
@pytest.mark.parametrize("changes", [case(name, changes) for name, changes in CAUSES.items()])
def test_failed_request_has_one_of_the_documented_causes(control: OAuthClient, changes: dict[str, str]) -> None:
    """Purpose: the troubleshooting page names the causes of a failed token request.

    Method: 1. change one of client id, client secret and grant type: expect no token; 2. correct it: expect a token
    """
    expect_refusal(control.request_token(**changes))
    expect_token(control.request_token())
