"""Valid requests between wrong secrets avoid a lockout, and a lockout is waited for once."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.oauth.client import OAuthClient
from conformance.vocabulary.exchange import LOCKED_OUT
from conformance.vocabulary.finding import Inconclusive
from tests.clients.test_oauth import Server, client

SERVED = (200, {"access_token": "a-token-of-some-length", "token_type": "Bearer"})
REFUSED = (401, {"error": "invalid_client"})
ANOTHER = (400, {"error": "unsupported_grant_type"})


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def guarded(*documents: Any) -> tuple[OAuthClient, Server]:
    oauth, server = client(*documents)
    return oauth.guarded(), server


def guess(oauth: OAuthClient) -> int:
    return oauth.request_token(client_secret="wrong").status


def test_a_valid_request_is_sent_between_wrong_secrets() -> None:
    oauth, server = guarded(*[REFUSED] * 2, SERVED, *[REFUSED] * 2)
    assert [guess(oauth) for _ in range(4)] == [401] * 4
    assert [b"wrong" in sent[3] for sent in server.sent] == [True, True, False, True, True]
    assert not server.recorder.events


def test_a_request_is_repeated_after_a_lockout() -> None:
    oauth, server = guarded(REFUSED, REFUSED, REFUSED, REFUSED, SERVED, ANOTHER)
    guess(oauth)
    assert oauth.request_token(grant_type="other").status == 400
    assert server.recorder.events[LOCKED_OUT] == 2


def test_a_secret_that_never_worked_is_not_reported_as_locked() -> None:
    oauth, _ = guarded(*[REFUSED] * 9)
    guess(oauth)
    with pytest.raises(Inconclusive, match=r"\(401\) 20 s after wrong ones, as before this check;"):
        oauth.request_token()


def test_a_lasting_lockout_is_inconclusive_and_waited_for_once() -> None:
    oauth, server = guarded(SERVED, *[REFUSED] * 10)
    oauth.request_token()
    guess(oauth)
    with pytest.raises(Inconclusive, match=r"^the right secret is refused \(401\) 20 s after wrong ones;"):
        oauth.request_token()
    left = len(server.documents)
    with pytest.raises(Inconclusive):
        oauth.request_token()
    assert len(server.documents) == left - 2
