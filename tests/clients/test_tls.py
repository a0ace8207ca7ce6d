"""Handshakes: what a host agrees to, its certificate, and bounds where it says nothing or nonsense."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.tls import Tls, agreed, answer_in_clear, in_clear
from conformance.evidence.recorder import Recorder
from conformance.oracles import tls as oracle
from conformance.target.proxies import on_loopback
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Unreachable
from tests.run.tls_front import Authority, Front, server_context

CURRENT = ("TLS 1.2", "TLS 1.3")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def fronts() -> Iterator[Callable[[ssl.SSLContext], Front]]:
    opened: list[Front] = []

    def front(context: ssl.SSLContext) -> Front:
        opened.append(Front("http://127.0.0.1:9", context))
        return opened[-1]

    yield front
    for each in opened:
        each.close()


def tls(url: str, authority: Authority | None = None, answer_s: float = 5.0) -> Tls:
    http = HttpClient(url, Recorder(), Limits(connect_s=2.0, answer_s=answer_s))
    return Tls(http, str(authority.file) if authority else None)


def test_a_good_host(authority: Authority, fronts: Callable[[ssl.SSLContext], Front]) -> None:
    spoken = tls(fronts(server_context(authority.issue())).url, authority)
    current = spoken.offering(*CURRENT)
    assert (current.version, current.failure) == ("TLS 1.3", "")
    oracle.expect_agreed(current)
    oracle.expect_trusted(spoken.trusting())
    oracle.expect_named(spoken.naming(current.certificate))
    oracle.expect_in_period(spoken.trusting(), current.certificate)
    for version in ("TLS 1.0", "TLS 1.1"):
        oracle.expect_not_agreed(spoken.offering(version))
    assert {entry["kind"] for entry in spoken.http.recorder.entries} == {"transcript"}


@pytest.mark.parametrize("version", ["TLS 1.0", "TLS 1.1"])
def test_old_versions_are_seen(authority: Authority, fronts: Callable[[ssl.SSLContext], Front], version: str) -> None:
    spoken = tls(fronts(server_context(authority.issue(), lowest="TLSv1")).url)
    assert spoken.offering(version).version == version
    with pytest.raises(NonConformance, match=f"agrees to {version}") as found:
        oracle.expect_not_agreed(spoken.offering(version))
    assert "openssl s_client" in found.value.hint


def test_each_flaw_of_a_certificate_is_told_alone(
    authority: Authority, fronts: Callable[[ssl.SSLContext], Front]
) -> None:
    file = authority.issue("other.example", left=timedelta(minutes=-1))
    spoken = tls(fronts(server_context(file)).url, authority)
    certificate = spoken.offering(*CURRENT).certificate
    oracle.expect_trusted(spoken.trusting())
    with pytest.raises(NonConformance, match="names localhost"):
        oracle.expect_named(spoken.naming(certificate))
    with pytest.raises(NonConformance, match="valid from"):
        oracle.expect_in_period(spoken.trusting(), certificate)
    with pytest.raises(NonConformance, match="of its chain that is expired"):
        oracle.expect_in_period(spoken.trusting(), certificate, datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(NonConformance, match="trusted certificate"):
        oracle.expect_trusted(tls(spoken.http.base_url).trusting())


def test_what_openssl_cannot_offer_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the lower level of security OpenSSL 3 has no cipher for the old versions, as where it was built so.
    monkeypatch.setattr(ssl.SSLContext, "set_ciphers", lambda self, ciphers: None)
    try:
        with pytest.raises(NotApplicable, match=r"cannot offer TLS 1\.0"):
            tls("https://127.0.0.1:1").offering("TLS 1.0")
    except Unreachable:
        assert ssl.OPENSSL_VERSION_INFO < (3,)


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no connection to 127"):
        tls("https://127.0.0.1:1").offering(*CURRENT)


@pytest.mark.parametrize(
    ("said", "judged"),
    [(b"", Inconclusive), (b"\x16\x03\x03", Inconclusive), (b"HTTP/1.1 400 Bad Request\r\n\r\n", NonConformance)],
    ids=["silence", "stalled", "http"],
)
def test_a_host_without_tls_ends_in_bounded_time(said: bytes, judged: type[Exception]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            kept.append(server.accept()[0])
            kept[0].sendall(said)

        threading.Thread(target=serve, daemon=True).start()
        begun = time.monotonic()
        handshake = tls(f"https://127.0.0.1:{server.getsockname()[1]}", answer_s=0.3).offering("TLS 1.1")
    assert (handshake.version, bool(handshake.failure)) == ("", True)
    assert time.monotonic() - begun < 2
    with pytest.raises(judged):
        oracle.expect_agreed(handshake)
    with pytest.raises(Inconclusive):
        oracle.expect_named(handshake)
    kept[0].close()


def test_an_agreement_is_seen_though_no_handshake_follows() -> None:
    hello = bytes([22, 3, 2, 0, 50, 2, 0, 0, 46, 3, 2]) + bytes(32)
    warning = bytes([21, 3, 2, 0, 2, 1, 112])
    assert agreed(hello) == agreed(warning + hello) == "TLS 1.1"
    assert agreed(bytes([21, 3, 2, 0, 2, 2, 70])) == agreed(b"") == agreed(b"HTTP/1.1 400 Bad") == ""


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://a.example", "http://a.example"),
        ("https://a.example:443/x", "http://a.example"),
        ("https://a.example:8443", "http://a.example:8443"),
        ("https://[::1]:8443", "http://[::1]:8443"),
    ],
)
def test_the_plain_origin_beside_an_address(url: str, plain: str) -> None:
    assert in_clear(url) == plain


def test_loopback_by_its_looks() -> None:
    assert all(on_loopback(f"http://{each}:80") for each in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]"))
    assert not any(
        on_loopback(f"http://{each}") for each in ("a.example", "10.0.0.1", "localhost.example", "128.0.0.1")
    )


def test_no_answer_in_clear_is_none() -> None:
    assert answer_in_clear(HttpClient("http://127.0.0.1:1", Recorder()), "GET", "/") is None


def reply(status: int, body: bytes = b"", url: str = "http://a.example/t", **headers: str) -> Exchange:
    fields = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange("x", "POST", url, Headers(), b"", status, fields, body, 0.0, 0.0)


OWN = reply(401, b'{"error": "invalid_client"}', content_type="application/json")


@pytest.mark.parametrize(
    "plain",
    [
        None,
        reply(301, location="https://a.example/t"),
        reply(308, location="https://www.a.example/t"),
        reply(400, b"<html>plain HTTP request sent to HTTPS port</html>", content_type="text/html"),
        reply(404, b"not found"),
        reply(200, b"<html>Welcome</html>", content_type="text/html"),
        reply(403, b'{"error": "https_required"}', content_type="application/json"),
        reply(426, b""),
    ],
)
def test_refusals_in_clear_are_right(plain: Exchange | None) -> None:
    oracle.expect_not_served_in_clear(plain, OWN)


@pytest.mark.parametrize(
    "plain",
    [
        OWN,
        reply(400, b'{"error": "invalid_client"}'),
        reply(200, b'{"access_token": "x"}'),
        reply(302, b'{"access_token": "x"}', location="https://a.example/"),
        reply(302, location="http://b.example/t"),
        reply(302, location="/other"),
    ],
)
def test_what_is_served_in_clear_is_found(plain: Exchange) -> None:
    with pytest.raises(NonConformance):
        oracle.expect_not_served_in_clear(plain, OWN)


def test_the_same_answer_of_no_service_tells_nothing() -> None:
    with pytest.raises(Inconclusive):
        oracle.expect_not_served_in_clear(reply(404, b"x"), reply(404, b"x"))


@pytest.mark.parametrize(
    ("status", "location", "right"),
    [
        (307, "https://b.example/t", False),
        (308, "http://a.example/t", False),
        (308, "//b.example/t", False),
        (307, "/t", True),
        (303, "https://b.example/t", True),
        (200, "https://b.example/t", True),
    ],
)
def test_redirects_of_a_token_request(status: int, location: str, right: bool) -> None:
    answered = reply(status, url="https://a.example/t/", location=location)
    if right:
        oracle.expect_not_sent_elsewhere(answered)
    else:
        with pytest.raises(NonConformance):
            oracle.expect_not_sent_elsewhere(answered)


def test_an_address_without_tls_is_found() -> None:
    oracle.expect_https("https://a.example")
    with pytest.raises(NonConformance):
        oracle.expect_https("http://a.example")
