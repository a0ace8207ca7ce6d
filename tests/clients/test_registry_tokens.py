"""The names by which tokens of a registry are told, over the processes of a run; and which tokens have ended."""

from __future__ import annotations

import base64
import json
import time

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.registry_login import Account, Door
from conformance.clients.registry_tokens import has_ended
from conformance.evidence.recorder import Recorder
from tests.clients.servers import answering

PUSHER = Account("pusher", "ct-push", "a-password-of-ours", "REGISTRY_PUSHER_PASSWORD")
GIVEN = b'{"token": "a-token-of-sixteen-letters", "expires_in": 300}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(GIVEN), GIVEN)


def recipes(*scopes: str) -> dict[str, str]:
    """By which commands a process says that its tokens for these scopes are had again."""
    recorder = Recorder()
    with answering(*[ANSWER] * len(scopes)) as (url, _):
        door = Door("bearer", f"{url}/token", "registry", "delete", HttpClient(url, recorder))
        for scope in scopes:
            door.token_of(PUSHER, (scope,))
    return dict(recorder.recipes)


def test_tokens_of_two_processes_are_told_apart_by_what_they_are_for() -> None:
    one, other = recipes("repository:orgs/acme/w0:pull"), recipes("repository:orgs/acme/w1:pull")
    assert len({*one, *other}) == 2
    both = one | other
    assert sorted(each.count("w0:pull") for each in both.values()) == [0, 1]


def test_each_scope_of_a_process_has_a_name_which_is_always_the_same() -> None:
    names = [*recipes("repository:a:pull", "repository:b:pull")]
    assert len(set(names)) == 2
    assert [*recipes("repository:b:pull")] == names[1:]


def jwt(ended_s: float, key: str = "a", **claims: str) -> str:
    """A token that ended so many seconds ago, its signature left out."""
    of = {"iss": "us", "aud": "registry", **claims, "exp": time.time() - ended_s}
    header, body = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in ({"kid": key}, of))
    return f"{header}.{body}.signature"


@pytest.mark.parametrize(
    ("token", "ended"),
    [
        (jwt(400), True),
        (jwt(200), False),
        (jwt(400, key="b"), False),
        (jwt(400, aud="another"), False),
        (jwt(400, iss="another"), False),
        ("opaque", True),
    ],
)
def test_a_token_has_ended_that_was_good_once_and_is_forgiven_no_more(token: str, ended: bool) -> None:
    assert has_ended(token, jwt(-300)) is ended
