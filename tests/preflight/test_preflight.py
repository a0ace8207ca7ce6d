"""The preflight against the reference, and against what answers in its place: nothing, HTML, bad certificates."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.evidence.recorder import Recorder
from conformance.plugin.options import RunOptions
from conformance.preflight import SurfaceState, alive, preflight, takes_events
from conformance.preflight.contact import contact
from conformance.preflight.state import OBSERVED
from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import Reference, build
from conformance.reference.seeds import OTHER_ORGANIZATION
from conformance.reference.server import Running
from conformance.reference.storage.faults import Fault
from conformance.target import configuration
from conformance.target.description import Resource, Secret, Target
from conformance.vocabulary.finding import Inconclusive

SURFACES = ("identity", "registry", "storage", "webhooks")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reference, Target]]:
    deployment = build()
    path = tmp_path_factory.mktemp("reference") / "conformance.toml"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = Running(deployment)
    asyncio.run_coroutine_threadsafe(running.start(), loop).result(10)
    TargetFile(deployment, path).write()
    yield deployment, configuration.load(path, Path.cwd()).choose(None)[1]
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def answering(status: int, kind: str, body: bytes, **headers: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def identity_at(url: str, **more: Any) -> Target:
    return Target.model_validate({"organization": "acme", "identity": {"url": url}, **more})


def only(target: Target) -> SurfaceState:
    (state,) = preflight(target)
    return state


def certificate(folder: Path, days: int) -> tuple[ssl.SSLContext, Path]:
    """A self-signed certificate of 127.0.0.1 that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, path


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
    assert all(state.round_trip_s and abs(state.clock_skew_s or 0) < 3 for state in states)


def test_a_secret_that_is_a_common_word_is_warned_of_by_its_name(reference: tuple[Reference, Target]) -> None:
    storage = reference[1].storage
    assert storage
    weak = storage.model_copy(
        update={"access_key": Secret("CT_KEY", "minio"), "secret_key": Secret("CT_WORD", "wrong")}
    )
    described = reference[1].model_copy(update={"storage": weak, "identity": None, "registry": None, "webhooks": None})
    (state,) = preflight(described)
    told = [text for kind, text in state.lines if kind == "warn"]
    assert [text.partition(" is ")[0] for text in told] == ["the secret $CT_WORD"]
    assert "wrong" not in told[0] and "16 random characters" in told[0]


def test_what_a_target_file_leaves_out_and_checks_need_is_told_and_stops_nothing(
    reference: tuple[Reference, Target],
) -> None:
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


def test_a_login_that_ought_to_be_refused_is_told_and_stops_nothing(
    reference: tuple[Reference, Target], tmp_path: Path
) -> None:
    path = tmp_path / "conformance.toml"
    file = TargetFile(reference[0], path)
    file.write()
    pulls = (tmp_path / file.folder / "registry-puller").read_text()
    (tmp_path / file.folder / "registry-revoked").write_text(pulls)
    path.write_text(path.read_text().replace('"ct-push-revoked"', '"ct-pull"'))
    registry = preflight(configuration.load(path, tmp_path).choose(None)[1])[1]
    assert (registry.credentials["revoked"], registry.failing) == ("is let in", False)
    assert ("warn", "revoked: is let in, though a login that is revoked must be refused") in registry.lines


def test_a_path_without_an_organization_that_foreign_reads_is_warned_of(reference: tuple[Reference, Target]) -> None:
    """Each organization may read its own list there: the target file then says foreign = { path = … }."""
    identity = reference[1].identity
    assert identity
    path = f"/api/v1/organizations/{OTHER_ORGANIZATION}/projects"
    resource = Resource(name="projects", path=path, scope="project:read")
    described = reference[1].model_copy(
        update={"identity": identity.model_copy(update={"resources": [resource]}), "registry": None, "storage": None}
    )
    told = [text for kind, text in preflight(described)[0].lines if kind == "warn"]
    assert any(f'needs foreign = {{ path = "{path}" }}' in text for text in told), told


def test_what_is_declared_of_no_item_is_told_to_be_left_alone(
    reference: tuple[Reference, Target], tmp_path: Path
) -> None:
    path = tmp_path / "conformance.toml"
    TargetFile(reference[0], path).write()
    kept = path.read_text().split("create = { scope")
    path.write_text("# create = { scope".join(kept))
    identity = preflight(configuration.load(path, tmp_path).choose(None)[1])[0]
    assert [text for level, text in identity.lines if "nothing of it is changed" in text] != []
    assert not identity.failing


def test_nothing_is_left_behind(reference: tuple[Reference, Target]) -> None:
    deployment, target = reference
    preflight(target)
    assert not deployment.surfaces["registry"].uploads  # type: ignore[attr-defined]


def test_no_secret_is_shown(reference: tuple[Reference, Target]) -> None:
    _, target = reference
    shown = json.dumps([state.plain() for state in preflight(target)])
    assert not [each.name for each in configuration.secrets(target) if each.reveal() in shown]
    assert "/hooks/" not in shown


def test_alive(reference: tuple[Reference, Target]) -> None:
    _, target = reference
    assert [alive(target, surface) for surface in SURFACES] == [""] * 4


def test_wrong_secrets_and_wrong_claims_are_told(reference: tuple[Reference, Target], tmp_path: Path) -> None:
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
    assert webhooks.locked == ""
    assert (registry.refused, identity.refused) == ({}, {}), "where nobody is let in, that is the one cause"
    needed = "the right secret in $REGISTRY_PUSHER_PASSWORD for [targets.X.registry.credentials.pusher]"
    assert registry.blocked == (registry.locked, needed)


def test_a_scope_that_a_credential_has_not_is_named(reference: tuple[Reference, Target], tmp_path: Path) -> None:
    path = tmp_path / "conformance.toml"
    TargetFile(reference[0], path).write()
    path.write_text(path.read_text().replace('scopes = ["organization:read", ', 'scopes = ["organisation:read", ', 1))
    identity = preflight(configuration.load(path, tmp_path).choose(None)[1])[0]
    cause = 'is refused a token: 400 with "invalid_scope", for organisation:read also when asked for alone'
    assert identity.credentials["full"] == cause
    assert identity.locked == f"the credential full of the target file {cause}"


@pytest.mark.parametrize(
    ("secret", "surface", "cause"),
    [
        (
            "identity-narrow",
            "identity",
            'the credential narrow of the target file is refused a token: 401 with "invalid_client"',
        ),
        ("registry-puller", "registry", "the login puller of the target file is refused a token: 401"),
    ],
)
def test_another_role_that_is_refused_locks_nothing(
    reference: tuple[Reference, Target], tmp_path: Path, secret: str, surface: str, cause: str
) -> None:
    path = tmp_path / "conformance.toml"
    file = TargetFile(reference[0], path)
    file.write()
    (tmp_path / file.folder / secret).write_text("wrong-secret-value")
    target = configuration.load(path, tmp_path).choose(None)[1]
    states = preflight(target)
    assert [state.blocked for state in states] == [None] * 4
    role = secret.partition("-")[2]
    options = RunOptions("run", "", "", "", "full")
    options.learn(states)
    assert [*options.refused] == [surface] and [*options.refused[surface]] == [role]
    options.hand_over(target)
    with pytest.raises(Inconclusive) as raised:
        getattr(target, surface).need(role)
    name = f"{surface}.credentials.{role}"
    assert raised.value.why == cause
    assert raised.value.needs.startswith("the right secret in ") and raised.value.needs.endswith(f"[targets.X.{name}]")


def test_one_way_to_log_in_that_is_refused_locks_nothing(reference: tuple[Reference, Target]) -> None:
    deployment, target = reference
    deployment.switch(["body-credentials-refused"])
    try:
        state = next(each for each in preflight(target) if each.surface == "identity")
    finally:
        deployment.switch([])
    assert state.credentials["full"].startswith("is refused a token")
    assert (state.blocked, state.refused) == (None, {})


def test_support_check_that_takes_no_token_with_a_scope(reference: tuple[Reference, Target]) -> None:
    deployment, target = reference
    deployment.switch(["support-check-takes-no-scope"])
    try:
        state = next(each for each in preflight(target) if each.surface == "registry")
    finally:
        deployment.switch([])
    assert set(state.credentials.values()) == {"ok"}
    assert state.blocked is None


def test_a_gateway_that_fails_is_not_locked(
    reference: tuple[Reference, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> None:
        raise RuntimeError("of the gateway's own")

    deployment, target = reference
    monkeypatch.setattr(deployment.surfaces["storage"], "list_objects_v2", fails)
    state = next(each for each in preflight(target) if each.surface == "storage")
    assert state.credentials["access key"].endswith("is answered 500")
    assert state.blocked is None


def test_opaque_tokens_do_not_show_jwt(reference: tuple[Reference, Target]) -> None:
    deployment, target = reference
    deployment.switch(["opaque-tokens"])
    try:
        state = next(each for each in preflight(target) if each.surface == "identity")
    finally:
        deployment.switch([])
    assert ("fail", "identity.jwt is claimed and not observed") in state.lines


def test_multipart_is_seen_by_opening_an_upload(
    reference: tuple[Reference, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, target = reference
    storage: Any = deployment.surfaces["storage"]

    async def not_implemented(*_: object) -> None:
        raise Fault("NotImplemented")

    monkeypatch.setattr(storage, "list_uploads", not_implemented)
    state = next(each for each in preflight(target) if each.surface == "storage")

    assert state.features["storage.multipart"] == OBSERVED
    assert not any(bucket.uploads for bucket in storage.buckets.values())


def test_features_are_seen_in_documents_whose_names_have_a_prefix(reference: tuple[Reference, Target]) -> None:
    deployment, target = reference
    deployment.switch(["namespace-prefixed"])
    try:
        state = next(each for each in preflight(target) if each.surface == "storage")
    finally:
        deployment.switch([])

    assert not state.failing, state.lines
    storage: Any = deployment.surfaces["storage"]
    assert not any(bucket.uploads for bucket in storage.buckets.values())


@pytest.mark.parametrize("surface", SURFACES)
def test_refused_connection(reference: tuple[Reference, Target], surface: str) -> None:
    _, target = reference
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    described = getattr(target, surface)
    new: Any = url
    if surface == "webhooks":
        new = Secret("WEBHOOKS_URL", url + "/hooks/a-secret-path")
    moved = described.model_copy(update={"endpoint" if surface == "storage" else "url": new})
    down = Target(organization="acme", **{surface: moved})
    cause = f"{url.removeprefix('http://')}: the connection is refused; nothing listens there"
    state = only(down)
    assert (state.reachable, state.cause) == (False, cause)
    assert alive(down, surface) == cause


def test_answer_that_is_cut_short() -> None:
    def cut(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 260\r\n\r\nshorter")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=cut, args=(listening,), daemon=True).start()
        state = only(identity_at(f"http://127.0.0.1:{listening.getsockname()[1]}"))
    assert "closed without an answer that is whole (received 7 bytes, expected 260)" in state.cause


def test_unknown_host() -> None:
    state = only(identity_at("http://no-such-host.invalid"))
    assert state.cause == "no-such-host.invalid: the host name cannot be resolved"


def test_silence() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        state = only(identity_at(url, limits={"answer": 0.2}))
        assert state.cause.endswith("no answer in time") and time.monotonic() - begun < 2


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
def test_something_else_in_its_place(handler: type[BaseHTTPRequestHandler], cause: str) -> None:
    with serving(handler) as url:
        assert only(identity_at(url)).cause == cause


@pytest.mark.parametrize(("waits", "last"), [({"Retry-After": "0"}, 401), ({}, 503)], ids=["busy", "down"])
def test_a_surface_that_asks_to_wait_is_asked_again(waits: dict[str, str], last: int) -> None:
    class Busy(answering(401, "application/json", b"{}")):  # type: ignore[misc]
        asked = 0

        def send_response(self, code: int, message: str | None = None) -> None:
            Busy.asked += 1
            super().send_response(503 if Busy.asked == 1 else code, message)
            for name, value in waits.items():
                self.send_header(name, value)

    with serving(Busy) as url:
        assert contact(identity_at(url), url, Recorder()).ask("GET", "/").status == last


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"<p>Thanks</p>", ""),
        (b"<!DOCTYPE html><html>", "answers 200 with HTML where a webhook is due; is the address right?"),
    ],
    ids=["words", "page"],
)
def test_what_a_webhook_answers_with_is_its_own_affair(body: bytes, cause: str) -> None:
    with serving(answering(200, "text/html", body)) as url:
        secret = Secret("CT_WEBHOOK_URL", f"{url}/hooks/a-secret-of-some-length")
        target = Target.model_validate({"organization": "a", "webhooks": {"url": secret}})
        assert only(target).cause == cause


@pytest.mark.parametrize(
    ("status", "kind", "there", "taking"),
    [
        (202, "text/plain", "", ""),
        (429, "text/plain", "", ""),
        (403, "application/json", "", "a good delivery is answered 403"),
        (404, "text/html", "", "a good delivery is answered 404"),
        (302, "text/html", "answers 302, a redirect to no address that it names", "a good delivery is answered 302"),
        (200, "text/html", "answers 200 with HTML where a webhook is due", ""),
        (503, "text/html", "answers 503: a gateway whose service is down", "a good delivery is answered 503"),
    ],
)
def test_whether_a_webhook_is_there_and_takes_events_is_asked_by_an_event(
    status: int, kind: str, there: str, taking: str
) -> None:
    class Posted(answering(status, kind, b"<html>" if kind == "text/html" else b"")):  # type: ignore[misc]
        def do_GET(self) -> None:
            self.close_connection = True

    with serving(Posted) as url:
        secret = Secret("CT_WEBHOOK_URL", f"{url}/hooks/a-secret-of-some-length")
        target = Target.model_validate({"organization": "a", "webhooks": {"url": secret}})
        assert (alive(target, "webhooks"), takes_events(target)) == (there, taking)


def test_not_a_registry() -> None:
    with serving(answering(404, "application/json", b"{}")) as url:
        target = Target.model_validate({"organization": "a", "registry": {"url": url, "repository": "orgs/a/b"}})
        assert only(target).cause == "answers GET /v2/ with 404: no Docker Registry V2; is the address right?"


@pytest.mark.parametrize(("status", "is_open"), [(200, True), (401, False), (404, False)])
def test_a_registry_that_asks_nobody_for_a_login_is_known_to_be_open(status: int, is_open: bool) -> None:
    with serving(answering(status, "application/json", b'{"errors": []}')) as url:
        target = Target.model_validate({"organization": "a", "registry": {"url": url, "repository": "orgs/a/b"}})
        assert only(target).open == is_open


def test_endless_answer_is_bounded() -> None:
    with serving(answering(200, "application/json", b" " * (5 * 1024 * 1024))) as url:
        assert only(identity_at(url)).cause.endswith("the answer is too large or does not end")


def test_clock_skew() -> None:
    class Behind(answering(400, "application/json", b"{}")):  # type: ignore[misc]
        def date_time_string(self, timestamp: float | None = None) -> str:
            return str(super().date_time_string(time.time() - 600))

    with serving(Behind) as url:
        state = only(identity_at(url))
    assert state.clock_skew_s is not None and abs(state.clock_skew_s + 600) < 3
    assert any(text.startswith("its clock is 600 s behind") or "its clock is 599" in text or "601" in text
               for _, text in state.lines)  # fmt: skip


def test_expired_certificate(tmp_path: Path) -> None:
    context, path = certificate(tmp_path, -1)
    with serving(answering(400, "application/json", b"{}"), context) as url:
        where = url.removeprefix("https://")
        assert only(identity_at(url, ca_file=str(path))).cause == f"{where}: the TLS certificate has expired"


def test_untrusted_certificate_and_its_mend(tmp_path: Path) -> None:
    context, path = certificate(tmp_path, 10)
    with serving(answering(400, "application/json", b"{}"), context) as url:
        assert "the TLS certificate is not trusted" in only(identity_at(url)).cause
        assert only(identity_at(url, ca_file=str(path))).reachable


def test_tls_where_there_is_none() -> None:
    with serving(answering(400, "application/json", b"{}")) as url:
        state = only(identity_at(url.replace("http:", "https:")))
        assert state.cause.endswith("no TLS is spoken there; is it an http:// address?")


def test_password_is_not_sent_to_a_plain_realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_PUSH", "a-secret-password")
    context, _ = certificate(tmp_path, 10)
    challenge = 'Bearer realm="http://127.0.0.1:1/token",service="x"'
    handler = answering(401, "application/json", b"{}", **{"WWW-Authenticate": challenge})
    with serving(handler, context) as url:
        (tmp_path / "conformance.toml").write_text(
            f'[targets.a]\norganization = "a"\nca_file = "certificate.pem"\n[targets.a.registry]\nurl = "{url}"\n'
            'repository = "orgs/a/b"\n'
            '[targets.a.registry.credentials.pusher]\nusername = "p"\npassword = "${CT_PUSH}"\n'
        )
        state = only(configuration.load(None, tmp_path).choose(None)[1])
    told = "the realm of the challenge is plain http: a password is not sent there"
    assert state.credentials["pusher"] == told
