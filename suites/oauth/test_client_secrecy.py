"""What the token endpoint tells, and withholds, from those who are not the client."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote_plus

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, bearer
from conformance.clients.registry.challenges import challenges
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.oauth import expect_no_token, expect_refusal, expect_token
from conformance.oracles.proofs import field_matches
from conformance.oracles.status import expect_no_server_error
from conformance.oracles.timing import expect_same_time
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import another_like


@verifies("oauth/client/failures-are-not-told-apart")
@pytest.mark.parametrize("role", [case("wrong-secret", "full"), case("revoked", "revoked"), case("expired", "expired")])
def test_failures_are_not_told_apart(control: OAuthClient, role: str) -> None:
    """Purpose: without the right secret nobody learns which client ids exist, are revoked or have expired.

    Method: 1. ask with the known id and a wrong secret, between two unknown ids of the same length and form
            2. expect the same status, header fields and body, once the ids are masked; a difference but in status
               counts if it is there each time in eight further rounds
    """

    def ask(client_id: str) -> Asked:
        return Asked(client_id, control.request_token(client_id=client_id, client_secret="cf-not-the-secret"))

    known = control.credential(role).client_id
    expect_as_absent(ask, known, lambda: another_like(known), like="an unknown client")


@verifies("oauth/client/failures-take-the-same-time")
def test_failures_take_the_same_time(control: OAuthClient) -> None:
    """Purpose: nor does the time of the answer tell which client ids exist.

    Method: 1. ask with unknown ids of the same form, each another one, and with a known id and wrong secrets, in random
               order within each pair
            2. expect no difference by a rank test with effect size, or none again in a fresh sample
    """
    known = control.credential("full").client_id

    def refused(named: Callable[[], str]) -> Callable[[], Exchange]:
        return lambda: control.request_token(client_id=named(), client_secret="cf-not-the-secret")

    expect_same_time(
        refused(lambda: another_like(known)), refused(lambda: known), "an unknown client and a wrong secret"
    )


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


@verifies("oauth/client/failures-lock-out-nobody-else")
def test_failures_lock_out_nobody_else(control: OAuthClient) -> None:
    """Purpose: guessing at one client's secret takes no other client its service.

    Method: 1. see that another credential gets its token, which wrong secrets of its own before may have locked
            2. send twelve wrong secrets for the credential in the role revoked, which is of no use anyway
            3. expect the other one to get its token again
    """
    control.fresh_token("full")
    unguarded = control.unguarded()
    for number in range(12):
        expect_no_token(unguarded.request_token("revoked", client_secret=f"cf-guess-{number}"))

    expect_token(unguarded.request_token("full"))


UNPROVED: dict[str, dict[str, str | None]] = {
    "wrong-secret": {"client_secret": "cf-not-the-secret"}, "unknown-client": {"client_id": "cf-nobody"},
    "no-credentials": {"client_id": None, "client_secret": None},
}  # fmt: skip


@verifies("oauth/client/401-carries-a-challenge")
@pytest.mark.parametrize("changes", [case(name, changes) for name, changes in UNPROVED.items()])
def test_401_carries_a_challenge(control: OAuthClient, changes: dict[str, str | None]) -> None:
    """Purpose: whichever way a client authenticates, a 401 tells it one that there is.

    Method: 1. send a wrong secret, and an unknown client, in the body, and no credentials at all
            2. where the answer is 401, expect WWW-Authenticate with a challenge
    """
    reply = control.request_token("full", **changes)
    if reply.status == 401 and not challenges(reply):
        proof = field_matches(reply, "WWW-Authenticate", "[a-z]")
        raise NonConformance("401 with WWW-Authenticate", "401 without a challenge", reply, proof=proof)


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
