"""A registry that names invalid addresses: the preflight reports it and goes on."""

from __future__ import annotations

import pytest

from conformance.preflight import preflight
from conformance.preflight.state import SurfaceState
from conformance.target.description import Secret, Target
from tests.clients.servers import Handler
from tests.preflight.test_preflight import serving

NO_ADDRESSES = ("http://[zz]/", "http://[::1", "http://127.0.0.1:abc/", "https://a b/", "http://\xe9/", "http://")


def answering(challenge: str, location: str) -> type[Handler]:
    """A registry that accepts Basic; its uploads have this location (HERE: at its host)."""

    class Registry(Handler):
        def answer(self) -> None:
            known, posted = "authorization" in self.headers, self.command == "POST"
            fields = {"Location": location.replace("HERE", str(self.headers["host"]))} if posted else {}
            fields |= {} if known else {"WWW-Authenticate": challenge}
            self.answered((202 if posted else 200) if known else 401, fields, b"")

        do_GET = do_POST = do_DELETE = answer

    return Registry


def state_of(challenge: str, location: str = "/v2/a") -> SurfaceState:
    """What the preflight finds of such a registry."""
    with serving(answering(challenge, location)) as url:
        login = {"username": "p", "password": Secret("CT_PUSH", "a-secret-password")}
        registry = {"url": url, "repository": "orgs/a/b", "credentials": {"pusher": login}}
        (state,) = preflight(Target.model_validate({"organization": "a", "registry": registry}))
    return state


@pytest.mark.parametrize("realm", NO_ADDRESSES)
def test_a_realm_that_is_no_address_gives_no_login(realm: str) -> None:
    state = state_of(f'Bearer realm="{realm}",service="x"')
    assert state.reachable and state.credentials["pusher"] != "ok"


@pytest.mark.parametrize("location", NO_ADDRESSES)
def test_an_upload_at_no_address_is_left_to_expire(location: str) -> None:
    state = state_of('Basic realm="r"', location)
    assert state.credentials["pusher"] == "ok"
    assert any("on another host" in text and "left to expire" in text for _, text in state.lines)
