"""Only a client that proves its identity gets a token (RFC 6749, sections 2.3, 3.2.1 and 5.2)."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, bearer
from conformance.oracles.oauth import expect_error, expect_no_token, expect_refusal, expect_token
from conformance.oracles.status import expect_no_server_error
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable

HEXADECIMAL = re.compile(r"[0-9A-Fa-f-]+")
FULL_WIDTH = 0xFEE0
"""From an ASCII character to its full-width form (U+FF01 to U+FF5E), which Unicode normalization (NFKC) reverses."""


def look_alike(secret: str) -> str:
    """Return a secret whose first ASCII letter or digit is full-width."""
    return re.sub("[A-Za-z0-9]", lambda match: chr(ord(match[0]) + FULL_WIDTH), secret, count=1)


def altered(secret: str, how: str) -> str:
    """A secret that is almost right."""
    return {
        "wrong": "cf-not-the-secret",
        "empty": "",
        "cut": secret[:-1],
        "first-cut": secret[1:],
        "one-more": secret + "x",
        "sixty-more": secret + "x" * 60,
        "blank-behind": secret + " ",
        "blank-before": " " + secret,
        "newline-behind": secret + "\n",
        "case-changed": secret.swapcase(),
        "look-alike": look_alike(secret),
        "nul-and-more": secret + "\0x",
        "doubled": secret * 2,
        "percent-encoded": f"%{ord(secret[0]):02X}{secret[1:]}",
        "null": "null",
        "percent-sign": "%",
    }[how]


ALTERATIONS = (
    "wrong", "empty", "cut", "first-cut", "one-more", "sixty-more", "blank-behind", "blank-before", "newline-behind",
    "case-changed", "look-alike", "nul-and-more", "doubled", "percent-encoded", "null", "percent-sign",
)  # fmt: skip


@verifies("oauth/client/body-credentials-are-accepted")
def test_body_credentials_are_accepted(oauth: OAuthClient) -> None:
    """Purpose: the documented way, credentials in the form, works.

    Method: 1. send client_id and client_secret in the body
            2. expect a token
    """
    expect_token(oauth.request_token())


@verifies("oauth/token/wrong-secret-is-refused")
@pytest.mark.parametrize("how", [case(name, name) for name in (*ALTERATIONS, "hash", "its-id")])
def test_wrong_secret_is_refused(control: OAuthClient, how: str) -> None:
    """Purpose: a client that cannot prove itself gets no token; a secret is compared whole.

    Method: 1. ask for a token with a known client id and a secret that is wrong, cut, padded, in other case, its hash
               as a database may keep it, or the id
            2. expect 400 or 401 and no token. (Without letters the other case is the same secret.)
    """
    credential = control.credential("full")
    own = credential.client_secret.reveal()
    others = {"its-id": lambda: credential.client_id, "hash": lambda: control.digest("full")}
    secret = others[how]() if how in others else altered(own, how)
    if secret == own:
        raise NotApplicable(f"the secret is the same that way ({how})")

    expect_refusal(control.request_token(client_secret=secret))


@verifies("oauth/client/nul-behind-a-secret-is-refused")
def test_nul_behind_a_secret_is_refused(control: OAuthClient) -> None:
    """Purpose: a secret is compared whole, not after both were filled up with NUL to one length.

    What compares so opens to nobody who does not know the secret; HMAC fills up a short key with NUL, and so does
    PBKDF2, which is made of it. NUL is no character of a secret, so such a request is malformed, but this is no MUST.

    Method: 1. ask for a token with a good secret and NUL behind it
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.request_token(client_secret=control.credential("full").client_secret.reveal() + "\0"))


@verifies("oauth/client/other-clients-secret-is-refused")
def test_other_clients_secret_is_refused(control: OAuthClient) -> None:
    """Purpose: a secret opens the account of its own client only.

    Method: 1. ask with the id of one credential and the secret of another, both ways round, in the body and by Basic
            2. expect 400 or 401 and no token
    """
    for one, other in (("full", "narrow"), ("narrow", "full")):
        secret = control.credential(other).client_secret.reveal()
        expect_refusal(control.request_token(one, client_secret=secret))
        authorization = basic(control.credential(one).client_id, secret)
        expect_refusal(control.post(control.form(one, client_id=None, client_secret=None), (FORM_TYPE, authorization)))


@verifies("oauth/client/unknown-client-is-refused")
def test_unknown_client_is_refused(control: OAuthClient) -> None:
    """Purpose: an id that was never given out gets no token.

    Method: 1. ask with an unknown client id and a good secret
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.request_token(client_id="cf-nobody"))


@verifies("oauth/client/failure-is-invalid-client")
@pytest.mark.parametrize(
    "changes",
    [case("wrong-secret", {"client_secret": "cf-not-the-secret"}), case("unknown-client", {"client_id": "cf-nobody"})],
)
def test_failure_is_invalid_client(control: OAuthClient, changes: dict[str, str]) -> None:
    """Purpose: a client library can tell failed authentication from every other failure.

    Method: 1. ask with a wrong secret, and with an unknown client
            2. expect 400 or 401 with error invalid_client
    """
    reply = control.request_token(**changes)

    expect_refusal(reply)
    expect_error(reply, "invalid_client")


BY_ASSERTION, UNSIGNED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", {"alg": "none"}


def unsigned_assertion(oauth: OAuthClient) -> str:
    """What would say that it is the client, if anybody had signed it (RFC 7523 section 3)."""
    client_id, audience = oauth.credential("full").client_id, oauth.http.base_url + oauth.identity.token_path
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": "cf", "exp": 4_102_444_800}
    return (
        ".".join(urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in (UNSIGNED, claims)) + "."
    )


@verifies("oauth/client/authentication-is-required")
@pytest.mark.parametrize(
    "changes",
    [
        case("both", {"client_id": None, "client_secret": None}),
        case("secret", {"client_secret": None}),
        case("id", {"client_id": None}),
        case("assertion", {"client_secret": None, "client_assertion_type": BY_ASSERTION}),
    ],
)
def test_authentication_is_required(control: OAuthClient, changes: dict[str, str | None]) -> None:
    """Purpose: no token without proof of who asks.

    Method: 1. leave out the secret, the id, or both, or send an assertion that nobody signed in place of the secret
            2. expect 400 or 401 and no token
    """
    assertion = unsigned_assertion(control) if "client_assertion_type" in changes else None
    expect_refusal(control.request_token("full", client_assertion=assertion, **changes))


TRUSTED = ("X-Client-Id", "X-Forwarded-User", "X-Authenticated-Userid", "Remote-User")
CERTIFIED = [("X-SSL-Client-Verify", "SUCCESS"), ("X-Forwarded-Client-Cert", "Hash=cf"), ("SSL-Client-Cert", "cf")]


@verifies("oauth/client/authentication-is-required")
@pytest.mark.parametrize("by", [case("field-of-a-front", "field")])
def test_field_of_a_front_is_no_proof(control: OAuthClient, by: str) -> None:
    """Purpose: who asks is shown by a secret, and not by a field that any caller can set.

    Method: 1. leave out the secret, and send fields in which fronts tell whom they have authenticated, or by which
               certificate
            2. expect 400 or 401 and no token
    """
    named = [(name, control.credential("full").client_id) for name in TRUSTED]
    expect_refusal(control.post(control.form("full", client_secret=None), [FORM_TYPE, *named, *CERTIFIED]))


@verifies("oauth/client/secret-is-one-text")
@pytest.mark.parametrize(
    "name", [case("list", "client_secret[]"), case("condition", "client_secret[$ne]"), case("part", "client_secret[a]")]
)
def test_secret_is_one_text(control: OAuthClient, name: str) -> None:
    """Purpose: a parser that makes lists and objects of names in brackets makes no proof of them.

    Method: 1. send a wrong secret under a name that some parsers read as a list, or as the condition "not equal"
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.post([*control.form(client_secret=None), (name, "cf-not-the-secret")]))


@verifies("oauth/client/client-id-is-compared-exactly")
@pytest.mark.parametrize(
    "change",
    [
        case("case", "case"), case("blank-behind", "blank"), case("cut", "cut"), case("nul", "nul"),
        case("accent", "accent"), case("full-width", "full-width"), case("encoded-twice", "encoded-twice"),
        case("case-by-basic", "basic"), case("percent-sign", "percent-sign"), case("asterisk", "asterisk"),
    ],
)  # fmt: skip
def test_client_id_is_compared_exactly(control: OAuthClient, change: str) -> None:
    """Purpose: nobody is taken for a client by a name that only resembles its own.

    Method: 1. ask with the right secret and the id in other case, padded or cut, with an accent, in full-width letters,
               encoded once more, or as a pattern that it matches; and in other case by Basic
            2. expect no token, and no 5xx. (In hexadecimal digits, or without letters, the other case is the same.)
    """
    own = control.credential("full").client_id
    if change in ("case", "basic") and HEXADECIMAL.fullmatch(own):
        raise NotApplicable("client ids are numbers in hexadecimal digits")
    other = {
        "case": own.swapcase(),
        "blank": own + " ",
        "cut": own[:-1],
        "nul": own + "\0",
        "accent": own + "\u0301",
        "full-width": "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in own),
        "encoded-twice": "".join(f"%{byte:02X}" for byte in own.encode()),
        "basic": own.swapcase(),
        "percent-sign": own[:-1] + "%",
        "asterisk": own[:-1] + "*",
    }[change]
    if other == own:
        raise NotApplicable(f"client ids are the same that way ({change})")

    form = control.form(client_id=None, client_secret=None)
    by_basic = basic(other, control.credential("full").client_secret.reveal())
    reply = control.request_token(client_id=other) if change != "basic" else control.post(form, (FORM_TYPE, by_basic))
    expect_no_token(reply)
    expect_no_server_error(reply)


@verifies("oauth/client/token-is-no-secret")
def test_token_is_no_secret(control: OAuthClient) -> None:
    """Purpose: an access token, which travels widely, does not stand in for the client secret.

    Method: 1. ask for a token with an access token in the place of the client secret, in the body and by Basic, and
               with it as a bearer token in the place of all credentials: else whoever has one token has them for good
            2. expect 400 or 401 and no token
    """
    token = control.token("full")
    expect_refusal(control.request_token(client_secret=token))
    form = control.form(client_id=None, client_secret=None)
    for authorization in (basic(control.credential("full").client_id, token), bearer(token)):
        expect_refusal(control.post(form, (FORM_TYPE, authorization)))


@verifies("oauth/client/revoked-credential-gets-no-token")
def test_revoked_credential_gets_no_token(control: OAuthClient) -> None:
    """Purpose: a revoked credential is of no use, even with its right secret.

    Method: 1. ask with the credential in the role revoked, in the body and by Basic
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.request_token("revoked"))
    expect_refusal(control.request_by_basic("revoked"))


@verifies("oauth/client/expired-credential-gets-no-token")
def test_expired_credential_gets_no_token(control: OAuthClient) -> None:
    """Purpose: a credential that has expired is of no use, even with its right secret.

    Method: 1. ask with the credential in the role expired, in the body and by Basic
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.request_token("expired"))
    expect_refusal(control.request_by_basic("expired"))
