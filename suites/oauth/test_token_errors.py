"""A token error response has the standard status, body and code, and reveals nothing (RFC 6749, section 5.2)."""

from __future__ import annotations

import json

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, encoded
from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.oracles.headers import expect_directive
from conformance.oracles.oauth import (
    CODES,
    EXTENSIONS,
    expect_error,
    expect_error_document,
    expect_refusal,
    expect_token,
)
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange

BAD: dict[str, dict[str, str | None]] = {
    "no-grant-type": {"grant_type": None},
    "unknown-grant-type": {"grant_type": "cf-unknown"},
    "wrong-secret": {"client_secret": "cf-not-the-secret"},
    "unknown-client": {"client_id": "cf-nobody"},
    "no-client": {"client_id": None, "client_secret": None},
    "odd-client": {"client_id": 'cf "n\\bödy"\n'},
    "unknown-scope-malformed": {"scope": '"\\'},
    "quotes-in-grant-type": {"grant_type": 'a"b\\c\n'},
    "non-ascii-grant-type": {"grant_type": "clïent"},
}
# What libraries of such places ask for by themselves: the characters of an error are ASCII all the same.
OTHER_LANGUAGES = ("Accept-Language", "de, ja;q=0.9, ru;q=0.8")
RAW = {
    "empty-body": b"",
    "no-equals-sign": b"grant_type",
    "only-separators": b"&&&===",
    "raw-bytes": b"\xff\xfe\x00\x01=\x80",
    "bad-percent": b"grant_type=%zz%",
    "invalid-utf8": b"grant_type=%FF%FE",
    "byte-order-mark": b"\xef\xbb\xbfgrant_type=x",
    "json": b'{"a": 1}',
}


def refused(oauth: OAuthClient, name: str) -> Exchange:
    """The answer to a bad request; 400 or 401, or the check of that promise says so first."""
    if name in RAW:
        return oauth.post(RAW[name])
    languages = [OTHER_LANGUAGES] if name == "wrong-secret" else []
    return oauth.post(oauth.form("full", **BAD[name]), (FORM_TYPE, *languages))


@verifies("oauth/errors/refusal-is-a-json-error-document")
@pytest.mark.parametrize("name", [case(name, name) for name in [*BAD, *RAW]])
def test_refusal_is_a_json_error_document(control: OAuthClient, name: str) -> None:
    """Purpose: whatever is wrong, a client library can read what.

    Method: 1. send a request that is bad in one way; one with a wrong secret prefers German, Japanese …
            2. expect 400 or 401, application/json with "error", its text in the permitted characters, and no token
    """
    reply = refused(control, name)
    if name == "unknown-scope-malformed" and reply.status == 200:
        return  # A server may ignore a scope; what it grants is a check of its own.
    expect_refusal(reply)
    expect_error_document(reply)


@verifies("oauth/errors/code-is-registered")
@pytest.mark.parametrize("name", [case(name, name) for name in BAD if name != "unknown-scope-malformed"])
def test_code_is_registered(control: OAuthClient, name: str) -> None:
    """Purpose: the code is one that client libraries know.

    Method: 1. send a request that is bad in one way
            2. expect an error code of RFC 6749 or of a registered extension
    """
    expect_error(refused(control, name), *sorted(CODES | EXTENSIONS))


@verifies("oauth/errors/missing-grant-type-is-invalid-request")
def test_missing_grant_type_is_invalid_request(control: OAuthClient) -> None:
    """Purpose: a missing parameter is told as a malformed request.

    Method: 1. leave out grant_type
            2. expect 400 with error invalid_request
    """
    reply = control.request_token(grant_type=None)

    expect_refusal(reply, {400})
    expect_error(reply, "invalid_request")


@verifies("oauth/errors/missing-grant-type-is-refused")
def test_missing_grant_type_is_refused(control: OAuthClient) -> None:
    """Purpose: no grant, no token.

    Method: 1. leave out grant_type
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.request_token(grant_type=None))


UNKNOWN_GRANTS = {
    "unknown": "cf-unknown",
    "upper-case": "CLIENT_CREDENTIALS",
    "hyphen": "client-credentials",
    "nul": "client_credentials\0",
    "longer": "client_credentials2",
    "cut": "client_credential",
    "blank-behind": "client_credentials ",
    "inherited": "constructor",
}


@verifies("oauth/errors/unknown-grant-type-is-unsupported")
@pytest.mark.parametrize("grant_type", [case(name, value) for name, value in UNKNOWN_GRANTS.items()])
def test_unknown_grant_type_is_unsupported(control: OAuthClient, grant_type: str) -> None:
    """Purpose: a grant that is not offered is told as such, and names are compared exactly.

    Method: 1. ask with an unknown grant_type, or one that only resembles client_credentials
            2. expect 400 with error unsupported_grant_type (invalid_request where it holds what no name has)
    """
    reply = control.request_token(grant_type=grant_type)

    expect_refusal(reply, {400})
    expect_error(reply, "unsupported_grant_type", *(["invalid_request"] if set(grant_type) & {"\0", " "} else []))


OTHER_GRANTS = {
    "password": {"username": "a", "password": "b"},
    "authorization_code": {"code": "x", "redirect_uri": "https://client.example/"},
    "refresh_token": {"refresh_token": "{token}"},
    "token-exchange": {"subject_token": "x", "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"},
    "jwt-bearer": {"assertion": "{token}"},
    "device-code": {"device_code": "x"},
}
GRANT_URN = "urn:ietf:params:oauth:grant-type:"


@verifies("oauth/errors/other-grants-issue-nothing")
@pytest.mark.parametrize("grant_type", [case(name.replace("_", "-"), name) for name in OTHER_GRANTS])
def test_other_grants_issue_nothing(control: OAuthClient, grant_type: str) -> None:
    """Purpose: a service credential cannot be used for the grants of users.

    Method: 1. ask by another grant with made-up values; with an access token for a refresh token, and for an assertion,
               which it is not: it would have no end
            2. expect 400 or 401 and no token
    """
    name = f"{GRANT_URN}{grant_type.replace('device-code', 'device_code')}" if "-" in grant_type else grant_type
    values = {key: value.replace("{token}", control.token("full")) for key, value in OTHER_GRANTS[grant_type].items()}
    expect_refusal(control.request_token(grant_type=name, **values))


@verifies("oauth/errors/refusal-is-not-stored")
@pytest.mark.parametrize("name", [case(name, name) for name in ("wrong-secret", "unknown-grant-type", "unknown-scope")])
def test_refusal_is_not_stored(control: OAuthClient, name: str) -> None:
    """Purpose: a cached refusal does not outlive its cause.

    Method: 1. send a bad request
            2. expect Cache-Control with no-store
    """
    reply = control.request_token(scope="cf:unknown") if name == "unknown-scope" else refused(control, name)
    expect_directive(reply, "Cache-Control", "no-store")


@verifies("oauth/errors/no-internals-shown")
@pytest.mark.parametrize("name", [case(name, name) for name in [*BAD, *RAW]])
def test_no_internals_shown(control: OAuthClient, name: str) -> None:
    """Purpose: a refusal shows no stack trace, SQL, path or version of the server.

    Method: 1. send a bad request
            2. look for each of them in the answer
    """
    expect_no_leak(refused(control, name))


@verifies("oauth/errors/secret-is-not-repeated")
@pytest.mark.parametrize(
    "name", [case(name, name) for name in ("unknown-grant-type", "unknown-client", "no-grant-type", "secret-twice")]
)
def test_secret_is_not_repeated(control: OAuthClient, name: str) -> None:
    """Purpose: a refusal, which logs keep, does not carry the secret.

    Method: 1. send a bad request with the good secret in it, or with that twice
            2. expect the secret nowhere in the answer
    """
    secret = control.credential("full").client_secret.reveal()
    twice = [*control.form(), ("client_secret", secret)]
    reply = control.post(twice) if name == "secret-twice" else refused(control, name)
    control.open(reply)
    expect_not_repeated(reply, [secret], "the client secret")


@verifies("oauth/errors/secret-is-not-repeated")
@pytest.mark.parametrize("where", [case(each, each) for each in ("as-json", "in-the-query", "by-get")])
def test_secret_elsewhere_is_not_repeated(control: OAuthClient, where: str) -> None:
    """Purpose: nor does a parser or a router quote what it cannot do with.

    Method: 1. send the good parameters as JSON, in the query of a POST, and in that of a GET
            2. expect the secret nowhere in the answer
    """
    secret, query = control.credential("full").client_secret.reveal(), f"?{encoded(control.form()).decode()}"
    if where == "as-json":
        reply = control.post(json.dumps(dict(control.form())).encode(), [("Content-Type", "application/json")])
    else:
        reply = control.post(b"", method="GET" if where == "by-get" else "POST", query=query)
    control.open(reply)
    expect_not_repeated(reply, [secret], "the client secret")


@verifies("oauth/errors/wrong-secret-is-not-repeated")
def test_wrong_secret_is_not_repeated(control: OAuthClient) -> None:
    """Purpose: nor is a secret repeated that is wrong by a letter.

    Method: 1. send a secret that is not the right one, in the body and by Basic
            2. expect it nowhere in the answer, nor what it is within Basic
    """
    wrong = "cf-almost-the-secret-0123456789"
    field = basic(control.credential("full").client_id, wrong)
    by_basic = control.post(control.form(client_id=None, client_secret=None), (FORM_TYPE, field))

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
    """Purpose: each cause that the page names makes a request fail, and mending it alone makes it succeed.

    Method: 1. spoil one of client id, client secret and grant type: no token
            2. mend it: a token
    """
    expect_refusal(control.request_token(**changes))
    expect_token(control.request_token())
