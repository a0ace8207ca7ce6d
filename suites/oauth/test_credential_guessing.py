"""Failed authentication reveals no client id and locks out no other client."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import OAuthClient
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.oauth import expect_no_token, expect_token
from conformance.oracles.timing import expect_same_time
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
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
