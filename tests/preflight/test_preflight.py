"""The preflight against the reference, and against wrong addresses: nothing, HTML, bad certificates."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin.options import RunOptions
from conformance.preflight import SurfaceState, alive, preflight
from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import Reference, build
from conformance.target import configuration
from conformance.target.description import Secret, Target
from conformance.vocabulary.finding import Inconclusive
from tests.clients.servers import Handler, LocalServer, refusing
from tests.run.support import in_a_thread
from tests.run.tls_front import DAY, Authority, server_context

SURFACES = ("identity", "registry", "storage", "webhooks")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reference, Target]]:
    deployment = build()
    path = tmp_path_factory.mktemp("reference") / "conformance.toml"
    with in_a_thread(deployment):
        TargetFile(deployment, path).write()
        yield deployment, configuration.load(path, Path.cwd()).choose(None)[1]


def answering(status: int, kind: str, body: bytes, **headers: str) -> type[Handler]:
    """A service with one answer to every request."""

    class Answering(Handler):
        def answer(self) -> None:
            self.asked()
            self.answered(status, {"Content-Type": kind, **headers}, body)

        do_GET = do_POST = do_PUT = do_DELETE = answer

    return Answering


@contextmanager
def serving(handler: type[Handler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    server = LocalServer(handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    with server.serving():
        yield server.url.replace("http:", "https:") if tls else server.url


def identity_at(url: str, **more: Any) -> Target:
    return Target.model_validate({"organization": "acme", "identity": {"url": url}, **more})


def only(target: Target) -> SurfaceState:
    (state,) = preflight(target)
    return state


def test_clean_reference(reference: tuple[Reference, Target]) -> None:
    _, target = reference
    states = preflight(target)
    assert [state.surface for state in states] == list(SURFACES)
    assert [line for state in states for line in state.lines if line[0] != "ok"] == []
    identity, registry, storage, webhooks = states
    assert set(identity.credentials.values()) == {"ok"} and len(identity.credentials) == 12
    assert registry.credentials == dict.fromkeys(
        ("pusher", "puller", "foreign", "revoked", "expired", "revocable", "limited"), "ok"
    )
    assert storage.credentials == {"access key": "ok"} and webhooks.credentials == {"url": "ok"}
    assert {name for state in states for name in state.features} == set(target.features)
    assert all(state.round_trip_s and abs(state.clock_skew_s or 0) < 30 for state in states)


def test_missing_settings_are_warnings(reference: tuple[Reference, Target]) -> None:
    identity, registry, storage = reference[1].identity, reference[1].registry, reference[1].storage
    assert identity and registry and storage
    brief = reference[1].model_copy(
        update={
            "identity": identity.model_copy(update={"credentials": {"full": identity.credentials["full"]}}),
            "registry": registry.model_copy(
                update={"credentials": {"pusher": registry.credentials["pusher"]}, "foreign_repository": None}
            ),
            "storage": storage.model_copy(update={"buckets": storage.buckets[:1], "foreign_bucket": None}),
        }
    )
    told = {state.surface: [text for kind, text in state.lines if kind == "warn"] for state in preflight(brief)}
    ending = "; what needs them cannot be judged"
    assert told == {
        "identity": [f"not described: credentials.narrow, credentials.foreign{ending}"],
        "registry": [f"not described: credentials.puller, credentials.foreign, foreign_repository{ending}"],
        "storage": [f"not described: a second bucket in buckets, foreign_bucket{ending}"],
        "webhooks": [],
    }


def test_no_secret_is_shown(reference: tuple[Reference, Target]) -> None:
    _, target = reference
    shown = json.dumps([state.plain() for state in preflight(target)])
    assert not [each.name for each in configuration.secrets(target) if each.reveal() in shown]
    assert "/hooks/" not in shown


def test_wrong_secrets_are_named(reference: tuple[Reference, Target], tmp_path: Path) -> None:
    deployment, _ = reference
    path = tmp_path / "conformance.toml"
    file = TargetFile(deployment, path)
    file.write()
    folder = tmp_path / file.folder
    for name in ("identity-full", "registry-pusher", "storage-secret-key", "registry-puller", "identity-foreign"):
        (folder / name).write_text("wrong-secret-value")
    (folder / "webhooks-url").write_text(deployment.urls["webhooks"] + "/hooks/never-was")
    text = path.read_text().replace('client_id = "ct-revoked"', 'client_id = "ct-narrow"')
    path.write_text(text)
    identity, registry, storage, webhooks = preflight(configuration.load(path, tmp_path).choose(None)[1])
    assert all(state.failing and state.reachable for state in (identity, registry, storage, webhooks))
    assert identity.credentials["full"] == 'is refused a token: 401 with "invalid_client"'
    assert identity.credentials["revoked"] == "ok"
    assert registry.credentials["pusher"] == "is refused a token: 401"
    assert storage.credentials["access key"].endswith("is answered 403 SignatureDoesNotMatch")
    assert webhooks.credentials["url"] == "an event is answered 404; is the URL the current one?"
    assert identity.locked == 'the credential full of the target file is refused a token: 401 with "invalid_client"'
    assert registry.locked == "the login pusher of the target file is refused a token: 401"
    assert "conformance-b is answered 403 SignatureDoesNotMatch; is the secret key or the region" in storage.locked
    assert webhooks.locked == "at the URL of the target file an event is answered 404"
    assert (registry.refused, identity.refused) == ({}, {}), "where nobody is let in, that is the one cause"
    needed = "the right secret in $REGISTRY_PUSHER_PASSWORD for [targets.X.registry.credentials.pusher]"
    assert registry.blocked == (registry.locked, needed)


def test_an_unknown_scope_is_named(reference: tuple[Reference, Target], tmp_path: Path) -> None:
    path = tmp_path / "conformance.toml"
    TargetFile(reference[0], path).write()
    path.write_text(path.read_text().replace('scopes = ["organization:read", ', 'scopes = ["organisation:read", ', 1))
    identity = preflight(configuration.load(path, tmp_path).choose(None)[1])[0]
    cause = 'is refused a token: 400 with "invalid_scope", for organisation:read also when asked for alone'
    assert identity.credentials["full"] == cause
    assert identity.locked == f"the credential full of the target file {cause}"


def test_another_role_that_is_refused_locks_nothing(reference: tuple[Reference, Target], tmp_path: Path) -> None:
    file = TargetFile(reference[0], tmp_path / "conformance.toml")
    file.write()
    (tmp_path / file.folder / "registry-puller").write_text("wrong-secret-value")
    target = configuration.load(file.path, tmp_path).choose(None)[1]
    states = preflight(target)
    assert [state.blocked for state in states] == [None] * 4
    options = RunOptions("run", "", "", "", "full")
    options.learn(states)
    assert {name: [*roles] for name, roles in options.refused.items()} == {"registry": ["puller"]}
    options.hand_over(target)
    assert target.registry is not None
    with pytest.raises(Inconclusive) as raised:
        target.registry.need("puller")
    assert raised.value.why == "the login puller of the target file is refused a token: 401"
    assert raised.value.needs.endswith("[targets.X.registry.credentials.puller]")


@pytest.mark.parametrize("surface", SURFACES)
def test_refused_connection(reference: tuple[Reference, Target], surface: str) -> None:
    _, target = reference
    described = getattr(target, surface)
    with refusing() as url:
        new: Any = url
        if surface == "webhooks":
            new = Secret("WEBHOOKS_URL", url + "/hooks/a-secret-path")
        moved = described.model_copy(update={"endpoint" if surface == "storage" else "url": new})
        down = Target(organization="acme", **{surface: moved})
        cause = f"{url.removeprefix('http://')}: the connection is refused; nothing listens there"
        state = only(down)
        assert (state.reachable, state.cause) == (False, cause)
        assert alive(down, surface) == cause


def test_unknown_host() -> None:
    state = only(identity_at("http://no-such-host.invalid"))
    assert state.cause == "no-such-host.invalid: the host name cannot be resolved"


def test_silence() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        state = only(identity_at(url, limits={"answer": 0.2}))
        assert state.cause.endswith("no answer in time")


PLACES = {
    "html": (answering(200, "text/html", b"<html>"), "answers 200 with HTML where JSON is due; is the address right?"),
    "page-not-found": (
        answering(404, "text/html", b"<html>"), "answers 404 with HTML where JSON is due; is the address right?"
    ),
    "gateway": (answering(503, "text/plain", b"down"), "answers 503: a gateway whose service is down"),
    "redirect": (
        answering(302, "text/plain", b"", Location="/login"),
        "answers 302, a redirect to another path of it; is the address right?",
    ),
    "redirect-to-https": (
        answering(301, "text/plain", b"", Location="https://who:pass@elsewhere.example:8443/login?token=secret"),
        "answers 301, a redirect to https://elsewhere.example:8443; is the address right?",
    ),
    "redirect-to-nowhere": (
        answering(301, "text/plain", b""), "answers 301, a redirect to no address that it names; is the address right?"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("handler", "cause"), PLACES.values(), ids=PLACES)
def test_another_service_at_the_address_is_recognized(handler: type[Handler], cause: str) -> None:
    with serving(handler) as url:
        assert only(identity_at(url)).cause == cause


def test_clock_skew() -> None:
    class Behind(answering(400, "application/json", b"{}")):  # type: ignore[misc]
        def date_time_string(self, timestamp: float | None = None) -> str:
            return str(super().date_time_string(time.time() - 600))

    with serving(Behind) as url:
        state = only(identity_at(url))
    assert state.clock_skew_s is not None and abs(state.clock_skew_s + 600) < 30
    assert any(re.match(r"its clock is \d+ s behind", text) for _, text in state.lines)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def over_tls(url: str) -> str:
    """The address by the name that certificates are issued for."""
    return url.replace("127.0.0.1", "localhost")


def test_expired_certificate(authority: Authority) -> None:
    context = server_context(authority.issue(left=-DAY / 2))
    with serving(answering(400, "application/json", b"{}"), context) as url:
        state = only(identity_at(over_tls(url), ca_file=str(authority.file)))
    assert state.cause == f"{over_tls(url).removeprefix('https://')}: the TLS certificate has expired"


def test_untrusted_certificate_and_its_authority(authority: Authority) -> None:
    with serving(answering(400, "application/json", b"{}"), server_context(authority.issue())) as url:
        assert "the TLS certificate is not trusted" in only(identity_at(over_tls(url))).cause
        assert only(identity_at(over_tls(url), ca_file=str(authority.file))).reachable


def test_tls_where_there_is_none() -> None:
    with serving(answering(400, "application/json", b"{}")) as url:
        state = only(identity_at(url.replace("http:", "https:")))
        assert state.cause.endswith("no TLS is spoken there; is it an http:// address?")


def test_password_is_not_sent_to_a_plain_realm(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CT_PUSH", "a-secret-password")
    challenge = 'Bearer realm="http://127.0.0.1:1/token",service="x"'
    handler = answering(401, "application/json", b"{}", **{"WWW-Authenticate": challenge})
    with serving(handler, server_context(authority.issue())) as url:
        (tmp_path / "conformance.toml").write_text(
            f'[targets.a]\norganization = "a"\nca_file = "{authority.file}"\n'
            f'[targets.a.registry]\nurl = "{over_tls(url)}"\n'
            'repository = "orgs/a/b"\n'
            '[targets.a.registry.credentials.pusher]\nusername = "p"\npassword = "${CT_PUSH}"\n'
        )
        state = only(configuration.load(None, tmp_path).choose(None)[1])
    told = "the realm of the challenge is plain http: a password is not sent there"
    assert state.credentials["pusher"] == told
