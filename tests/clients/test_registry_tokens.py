"""Registry tokens are requested by challenge, never in clear text, and reproducible by their command."""

from __future__ import annotations

import base64
import gc
import json
import shlex
import subprocess
import time
from itertools import chain
from urllib.parse import parse_qs

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.registry.client import Registry
from conformance.clients.registry.login import Account, Fixed, RegistryAuth, discover_auth
from conformance.clients.registry.tokens import actions_in, altered, claims_of, granted_by_password, has_ended
from conformance.evidence.recorder import Recorder
from conformance.target import description
from conformance.vocabulary.finding import Inconclusive, NotApplicable
from tests.clients.servers import answering

PUSHER = Account("pusher", "ct-push", "a-password-of-ours", "REGISTRY_PUSHER_PASSWORD")
GIVEN = b'{"token": "a-token-of-sixteen-letters", "expires_in": 300}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(GIVEN), GIVEN)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_login_without_the_scope_shows_a_token_without_scope(status: str) -> None:
    recorder = Recorder()
    refusal = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(refusal, ANSWER, refusal, ANSWER) as (url, received):
        auth = RegistryAuth("bearer", f"{url}/token", "registry", "delete", HttpClient(url, recorder))
        shown = auth.token_of(PUSHER, ("repository:orgs/other/app:pull",))
    assert shown == "a-token-of-sixteen-letters"
    assert [b"scope=" in each for each in chain.from_iterable(received.connections)] == [True, False] * 2
    assert not any("scope=" in each for each in recorder.recipes.values())


@pytest.mark.parametrize("form", [False, True])
def test_a_password_of_a_registry_behind_tls_is_not_sent_in_clear(form: bool) -> None:
    described = description.Registry(url="https://registry.example", repository="orgs/acme/app")
    with answering(ANSWER) as (url, received):
        http = HttpClient(described.url, Recorder())
        registry = Registry(
            http, described, RegistryAuth("bearer", f"{url}/token", "registry", "delete", http), Fixed()
        )
        with pytest.raises(Inconclusive, match="plain http"):
            if form:
                granted_by_password(registry, PUSHER.username, PUSHER.password)
            else:
                registry.auth.token_of(PUSHER, ())
    assert received.connections == []


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable"])
def test_the_login_is_requested_again_after_a_temporary_error(status: bytes) -> None:
    failed = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status
    asked = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="us"\r\nContent-Length: 0\r\n\r\n'
    with answering(failed, asked) as (url, _):
        http = HttpClient(url, Recorder(), Limits(patience_s=0.01))
        assert discover_auth(http, "orgs/acme/app").scheme == "basic"


def test_an_upload_opened_to_find_the_login_is_cancelled() -> None:
    opened = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    absent = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    session = b"HTTP/1.1 202 Accepted\r\nLocation: /uploads/one\r\nContent-Length: 0\r\n\r\n"
    with answering(opened, opened, session, absent) as (url, received):
        assert not discover_auth(HttpClient(url, Recorder()), "orgs/acme/app").scheme
    assert received.connections[0][-1].startswith(b"DELETE /uploads/one ")


def jwt(ended_s: float, key: str = "a", **claims: str) -> str:
    """A token that ended so many seconds ago, its signature left out."""
    of = {"iss": "us", "aud": "registry", **claims, "exp": time.time() - ended_s}
    header, body = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in ({"kid": key}, of))
    return f"{header}.{body}.signature"


@pytest.mark.parametrize(
    ("ended_s", "claims", "ended"),
    [
        (400, {}, True),
        (200, {}, False),
        (400, {"key": "b"}, False),
        (400, {"aud": "another"}, False),
        (400, {"iss": "another"}, False),
    ],
)
def test_a_token_of_the_same_issuer_expires_after_the_tolerance(
    ended_s: float, claims: dict[str, str], ended: bool
) -> None:
    assert has_ended(jwt(ended_s, **claims), jwt(-300)) is ended


def test_a_realm_cannot_inject_words_into_the_command() -> None:
    recorder = Recorder()
    with answering(ANSWER) as (url, _):
        realm = f"{url}/token?'; touch owned; '"
        auth = RegistryAuth("bearer", realm.replace(" ", "%20"), "'$(id)", "delete", HttpClient(url, recorder))
        auth.token_of(PUSHER, ("repository:a:pull",))
    (recipe,) = recorder.recipes.values()
    words = shlex.split(recipe)
    assert auth.realm in words and "service='$(id)" in words


def test_the_reported_command_obtains_a_token_by_form() -> None:
    with answering(*[ANSWER] * 3) as (url, received):
        recorder = Recorder()
        recorder.redactor.learn(PUSHER.password_name, PUSHER.password)
        http = HttpClient(url, recorder)
        described = description.Registry(url=url, repository="orgs/acme/app")
        registry = Registry(http, described, RegistryAuth("bearer", f"{url}/token", "it's", "delete", http), Fixed())
        for scope in ("repository:a:pull", "repository:b:pull"):
            granted_by_password(registry, PUSHER.username, PUSHER.password, scope)
        (_, first), (name, recipe) = recorder.recipes.items()
        assert PUSHER.password not in first + recipe
        shell = f"{PUSHER.password_name}={PUSHER.password}; {recipe}; echo ${name}"
        printed = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
    assert printed == "a-token-of-sixteen-letters\n"
    _, asked, again = (parse_qs(each.rpartition(b"\r\n")[2].decode()) for each in chain(*received.connections))
    assert asked == again


def jwt_of(*parts: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts)


ODD = [b"", b"null", b"[]", b"[" * 100_000, b"\xff", b'"a"']


@pytest.mark.parametrize("payload", ODD)
def test_a_token_with_no_claims_is_opaque(payload: bytes) -> None:
    gc.collect()  # What earlier tests left must not be finalized at the recursion limit.
    token = jwt_of(b'{"alg": "ES256"}', payload, b"signature")
    for read in (claims_of, actions_in, lambda each: altered(each, "more-rights")):
        with pytest.raises(NotApplicable):
            read(token)
