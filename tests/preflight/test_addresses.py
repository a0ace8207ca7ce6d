"""A registry that names invalid addresses: the preflight reports it and goes on."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest

from conformance.preflight import preflight
from conformance.preflight.state import SurfaceState
from conformance.target.description import Secret, Target
from tests.preflight.test_preflight import serving

NO_ADDRESSES = ("http://[zz]/", "http://[::1", "http://127.0.0.1:abc/", "https://a b/", "http://\xe9/", "http://")


def answering(challenge: str, location: str) -> type[BaseHTTPRequestHandler]:
    """A registry that takes Basic where it has no other challenge; its uploads are there (HERE: at its host)."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            known = "authorization" in self.headers
            self.send_response((202 if self.command == "POST" else 200) if known else 401)
            if not known:
                self.send_header("WWW-Authenticate", challenge)
            if self.command == "POST":
                self.send_header("Location", location.replace("HERE", str(self.headers["host"])))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


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
