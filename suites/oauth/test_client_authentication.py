"""Only a client that proves its identity gets a token (RFC 6749, sections 2.3, 3.2.1 and 5.2)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from urllib.parse import quote_plus

import pytest

from conformance.clients.jwt.parts import part
from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, bearer
from conformance.oracles.concealment import Probe, expect_as_absent
from conformance.oracles.oauth import expect_error, expect_no_token, expect_refusal, expect_token
from conformance.oracles.status import expect_no_server_error
from conformance.oracles.timing import expect_same_time
from conformance.vocabulary.check import case, row, sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable
from conformance.vocabulary.values import unused_name_like

HEXADECIMAL = re.compile(r"[0-9A-Fa-f-]+")
FULL_WIDTH = 0xFEE0
"""The distance of an ASCII character to its full-width form (U+FF01 to U+FF5E), which NFKC normalization reverses."""
Altered = Callable[[str], str]


def full_width(text: str, characters: str = "[!-~]", count: int = 0) -> str:
    """Return a text with its first ``count`` ASCII characters of a class (0: all) in full width."""
    return re.sub(characters, lambda match: chr(ord(match[0]) + FULL_WIDTH), text, count=count)


ALTERED_SECRETS: dict[str, tuple[str, Altered]] = {
    "wrong": ("a wrong secret", lambda own: "cf-not-the-secret"),
    "empty": ("an empty secret", lambda own: ""),
    "cut": ("the secret without its last character", lambda own: own[:-1]),
    "first-cut": ("the secret without its first character", lambda own: own[1:]),
    "one-more": ("the secret with one more character", lambda own: own + "x"),
    "sixty-more": ("the secret with 60 more characters", lambda own: own + "x" * 60),
    "blank-behind": ("the secret with a blank after it", lambda own: own + " "),
    "blank-before": ("the secret with a blank before it", lambda own: " " + own),
    "newline-behind": ("the secret with a newline after it", lambda own: own + "\n"),
    "case-changed": ("the secret in other case", str.swapcase),
    "look-alike": ("the secret with a full-width character", lambda own: full_width(own, "[A-Za-z0-9]", 1)),
    "nul-and-more": ("the secret with NUL and more after it", lambda own: own + "\0x"),
    "doubled": ("the secret twice", lambda own: own * 2),
    "percent-encoded": ("the secret with a percent-encoded character", lambda own: f"%{ord(own[0]):02X}{own[1:]}"),
    "null": ('the word "null" as the secret', lambda own: "null"),
    "percent-sign": ("a percent sign as the secret", lambda own: "%"),
}


@pytest.mark.parametrize(
    ("description", "altered"),
    [
        *(row(f"oauth/token/wrong-secret-is-refused#{name}", *each) for name, each in ALTERED_SECRETS.items()),
        # HMAC and PBKDF2 pad short keys with NUL. Sending this requires the secret, so the level is no MUST.
        row("oauth/client/nul-after-a-secret-is-refused", "the secret with NUL after it", "{}\0".format),
    ],
)
def test_wrong_secret_is_refused(control: OAuthClient, description: str, altered: Altered) -> None:
    """Purpose: a client that cannot prove its identity gets no token; secrets are compared exactly.

    Method: 1. request a token with a known client id and a secret that is wrong, cut, padded, in other case …
            2. expect 400 or 401 and no token
    """
    own = control.credential("full").client_secret.reveal()
    if (secret := altered(own)) == own:
        raise NotApplicable("this alteration leaves the secret unchanged")
    expect_refusal(control.request_token(client_secret=secret), because=f"for {description}")


Refused = Callable[[OAuthClient, str, str], Sequence[Exchange]]


def _bracketed(name: str) -> Refused:
    """Send a wrong secret under a name that some parsers read as a list, or as the condition "not equal"."""
    return lambda oauth, client, own: [oauth.post([*oauth.form(client_secret=None), (name, "cf-not-the-secret")])]


def _encoded(content: bytes) -> bytes:
    return b"Basic " + base64.b64encode(content)


def _client_id(oauth: OAuthClient, client: str, own: str) -> list[Exchange]:
    if client == own:
        raise NotApplicable("the secret equals the client id")
    return [oauth.request_token(client_secret=client)]


def _with_second_colon(oauth: OAuthClient, client: str, own: str) -> list[Exchange]:
    """Append a colon and more to the secret: form-encoded as a whole, up to the colon, and not at all."""
    pairs = dict.fromkeys([f"{client}:{own}:cf", f"{quote_plus(client)}:{quote_plus(own)}:cf"])
    encoded = [oauth.request_under(("Authorization", _encoded(each.encode()))) for each in pairs]
    return [oauth.request_under(basic(client, f"{own}:cf")), *encoded]


def _of_another_client(oauth: OAuthClient, client: str, own: str) -> list[Exchange]:
    """Send the id of one credential with the secret of another, both ways, in the body and by Basic."""
    replies = []
    for role, other in (("full", "narrow"), ("narrow", "full")):
        secret = oauth.credential(other).client_secret.reveal()
        replies.append(oauth.request_token(role, client_secret=secret))
        replies.append(oauth.request_under(basic(oauth.credential(role).client_id, secret), role))
    return replies


def _access_token(oauth: OAuthClient, client: str, own: str) -> list[Exchange]:
    """Send an access token as the secret, in the body and by Basic, and as a bearer token without credentials."""
    token = oauth.token("full")
    fields = (basic(client, token), bearer(token))
    return [oauth.request_token(client_secret=token), *(oauth.request_under(each) for each in fields)]


WRONG_PROOFS: dict[str, Refused] = {
    "hash": lambda oauth, client, own: [oauth.request_token(client_secret=oauth.digest("full"))],
    "its-id": _client_id, "basic-empty": lambda oauth, client, own: [oauth.request_under(basic(client, ""))],
    "basic-cut": lambda oauth, client, own: [oauth.request_under(basic(client, own[:-1]))],
    "basic-none": lambda oauth, client, own: [oauth.request_under(("Authorization", _encoded(client.encode())))],
    "basic-with-a-second-colon": _with_second_colon, "bracketed-list": _bracketed("client_secret[]"),
    "bracketed-condition": _bracketed("client_secret[$ne]"), "bracketed-part": _bracketed("client_secret[a]"),
    "of-another-client": _of_another_client, "access-token": _access_token,
}  # fmt: skip


@verifies("oauth/token/wrong-secret-is-refused")
@pytest.mark.parametrize("send", [case(name, send) for name, send in WRONG_PROOFS.items()])
def test_wrong_proof_is_refused(control: OAuthClient, send: Refused) -> None:
    """Purpose: only the client's own secret proves its identity, in whatever form it is sent.

    Method: 1. send the secret's hash, the client id, another client's secret or an access token as the secret; a
               secret that is cut or extended within Basic; a secret under a name with brackets
            2. expect 400 or 401 and no token
    """
    credential = control.credential("full")
    for reply in send(control, credential.client_id, credential.client_secret.reveal()):
        expect_refusal(reply)


@verifies("oauth/client/failure-is-invalid-client")
@pytest.mark.parametrize(
    "changes",
    [case("wrong-secret", {"client_secret": "cf-not-the-secret"}), case("unknown-client", {"client_id": "cf-nobody"})],
)
def test_failure_is_invalid_client(control: OAuthClient, changes: dict[str, str]) -> None:
    """Purpose: a client library recognizes failed authentication by the error code.

    Method: 1. send a wrong secret, and an unknown client; 2. expect 400 or 401 with error invalid_client
    """
    reply = control.request_token(**changes)
    expect_refusal(reply)
    expect_error(reply, "invalid_client")


ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FRONT_END_FIELDS = [
    *((name, "{client}") for name in ("X-Client-Id", "X-Forwarded-User", "X-Authenticated-Userid", "Remote-User")),
    ("X-SSL-Client-Verify", "SUCCESS"), ("X-Forwarded-Client-Cert", "Hash=cf"), ("SSL-Client-Cert", "cf"),
]  # fmt: skip


def unsigned_assertion(oauth: OAuthClient) -> str:
    """Return an unsigned client assertion (RFC 7523 section 3)."""
    client_id, audience = oauth.credential("full").client_id, oauth.http.base_url + oauth.identity.token_path
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": "cf", "exp": 4_102_444_800}
    return f"{part({'alg': 'none'})}.{part(claims)}."


MALFORMED_BASIC = {
    "not-base64": b"Basic !!!!", "no-colon": _encoded(b"no-colon-here"), "not-utf8": _encoded(b"\xff\xfe:\xff"),
    "only-colon": _encoded(b":"), "scheme-only": b"Basic", "other-scheme": b"Digest username=x",
    "nul": _encoded(b"a\0b:c"), "bad-percent": _encoded(b"%zz:%"), "raw-bytes": b"Basic \xff\xfe",
}  # fmt: skip


@verifies("oauth/client/authentication-is-required")
@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        case("both", {"client_id": None, "client_secret": None}, []),
        case("secret", {"client_secret": None}, []),
        case("id", {"client_id": None}, []),
        case("assertion", {"client_secret": None, "client_assertion_type": ASSERTION_TYPE}, []),
        case("front-end-fields", {"client_secret": None}, FRONT_END_FIELDS),
        case("unknown-client", {"client_id": "cf-nobody"}, []),
        *(
            case(f"malformed-basic-{name}", {"client_id": None, "client_secret": None}, [("Authorization", value)])
            for name, value in MALFORMED_BASIC.items()
        ),
    ],
)
def test_authentication_is_required(
    control: OAuthClient, changes: dict[str, str | None], fields: list[tuple[str, str | bytes]]
) -> None:
    """Purpose: no token without proof of identity.

    Method: 1. leave out the secret, the id, or both; replace the secret by an unsigned assertion, or by fields in
               which a front end names the client that it authenticated; send an unknown id, or a malformed Basic field
            2. expect 400 or 401 and no token
    """
    assertion = unsigned_assertion(control) if "client_assertion_type" in changes else None
    client = control.credential("full").client_id
    sent = [(name, value.replace("{client}", client) if isinstance(value, str) else value) for name, value in fields]
    form = control.form("full", client_assertion=assertion, **changes)
    expect_refusal(control.post(form, [FORM_TYPE, *sent]))


ALTERED_IDS: dict[str, Altered] = {
    "case": str.swapcase, "case-by-basic": str.swapcase, "blank-behind": lambda own: own + " ",
    "cut": lambda own: own[:-1], "nul": lambda own: own + "\0", "accent": lambda own: own + "\u0301",
    "full-width": full_width, "encoded-twice": lambda own: "".join(f"%{byte:02X}" for byte in own.encode()),
    "percent-sign": lambda own: own[:-1] + "%", "asterisk": lambda own: own[:-1] + "*",
}  # fmt: skip


@verifies("oauth/client/client-id-is-compared-exactly")
@pytest.mark.parametrize("name", ALTERED_IDS)
def test_client_id_is_compared_exactly(control: OAuthClient, name: str) -> None:
    """Purpose: a client id that only resembles a known one identifies another client.

    Method: 1. send the right secret with the id in other case (also by Basic), padded, cut, with an accent, in
               full-width letters, encoded twice, or as a pattern that it matches
            2. expect no token and no 5xx
    """
    credential = control.credential("full")
    altered = ALTERED_IDS[name](credential.client_id)
    if name.startswith("case") and HEXADECIMAL.fullmatch(credential.client_id):
        raise NotApplicable("client ids are numbers in hexadecimal digits")
    if altered == credential.client_id:
        raise NotApplicable(f"this alteration leaves the client id unchanged ({name})")
    by_basic = basic(altered, credential.client_secret.reveal())
    reply = control.request_under(by_basic) if name == "case-by-basic" else control.request_token(client_id=altered)
    expect_no_token(reply)
    expect_no_server_error(reply)


@pytest.mark.parametrize(
    "role",
    [
        row("oauth/client/revoked-credential-gets-no-token", "revoked"),
        row("oauth/client/expired-credential-gets-no-token", "expired"),
    ],
)
def test_ended_credential_gets_no_token(control: OAuthClient, role: str) -> None:
    """Purpose: a credential that was revoked or has expired is useless, even with its right secret.

    Method: 1. send the credential in the role revoked or expired, by body and by Basic; 2. expect 400 or 401, no token
    """
    expect_refusal(control.request_token(role))
    expect_refusal(control.request_by_basic(role))


@verifies("oauth/client/failures-are-indistinguishable")
@pytest.mark.parametrize("role", [case("wrong-secret", "full"), case("revoked", "revoked"), case("expired", "expired")])
def test_failures_are_indistinguishable(control: OAuthClient, role: str) -> None:
    """Purpose: an attacker without the secret must not learn which client ids exist, are revoked or have expired.

    Method: 1. send a wrong secret for the known id, between two unknown ids of the same length and form
            2. expect the same status, fields and body with the ids masked; a difference other than in status counts
               if it recurs in eight more rounds
    """

    def probe(client_id: str) -> Probe:
        return Probe(client_id, control.request_token(client_id=client_id, client_secret="cf-not-the-secret"))

    known = control.credential(role).client_id
    expect_as_absent(probe, known, lambda: unused_name_like(known), like="an unknown client")


@verifies("oauth/client/failures-take-the-same-time")
@sends_up_to(850)
def test_failures_take_the_same_time(control: OAuthClient) -> None:
    """Purpose: response times must not show which client ids exist either.

    Method: 1. send wrong secrets for new unknown ids of the same form and for a known id, in random order in each pair
            2. expect no difference by a rank test with effect size, or none in a second sample
    """
    known = control.credential("full").client_id

    def refused(client_id: Callable[[], str]) -> Callable[[], Exchange]:
        return lambda: control.request_token(client_id=client_id(), client_secret="cf-not-the-secret")

    expect_same_time(
        refused(lambda: unused_name_like(known)), refused(lambda: known), "an unknown client and a wrong secret"
    )


@verifies("oauth/client/failures-lock-out-no-other-client")
def test_failures_lock_out_no_other_client(control: OAuthClient) -> None:
    """Purpose: guessing one client's secret must not deny service to other clients.

    Method: 1. request a token for another credential, which earlier checks may have locked
            2. send twelve wrong secrets for the credential in the role revoked, which no program uses
            3. expect a token for the other credential again
    """
    control.fresh_token("full")
    unguarded = control.unguarded()
    for number in range(12):
        expect_no_token(unguarded.request_token("revoked", client_secret=f"cf-guess-{number}"))
    expect_token(unguarded.request_token("full"))
