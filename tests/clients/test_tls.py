"""TLS handshakes report the version and the certificate, in bounded time."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.tls import Tls
from conformance.evidence.recorder import Recorder
from conformance.oracles import tls as oracle
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import Inconclusive, NonConformance
from tests.run.tls_front import Authority, Front, server_context

CURRENT = ("TLS 1.2", "TLS 1.3")


def tls(url: str, authority: Authority | None = None, answer_s: float = 30.0) -> Tls:
    http = HttpClient(url, Recorder(), Limits(connect_s=30.0, answer_s=answer_s))
    return Tls(http, str(authority.file) if authority else None)


def test_each_flaw_of_a_certificate_is_a_finding_of_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    file = authority.issue("other.example", left=timedelta(minutes=-1))
    with closing(Front("http://127.0.0.1:9", server_context(file))) as front:
        spoken = tls(front.url, authority)
        certificate = spoken.offering(*CURRENT).certificate
        oracle.expect_trusted(spoken.verify_chain())
        with pytest.raises(NonConformance, match="names localhost"):
            oracle.expect_named(spoken.verify_name(certificate))
        with pytest.raises(NonConformance, match="valid from"):
            oracle.expect_in_period(spoken.verify_chain(), certificate)
        with pytest.raises(NonConformance, match="of its chain that is expired"):
            oracle.expect_in_period(spoken.verify_chain(), certificate, datetime.now(UTC) - timedelta(hours=1))
        with pytest.raises(NonConformance, match="trusted certificate"):
            oracle.expect_trusted(tls(spoken.http.base_url).verify_chain())


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
        limit_s = 0.3 if judged is Inconclusive else 30
        handshake = tls(f"https://127.0.0.1:{server.getsockname()[1]}", answer_s=limit_s).offering("TLS 1.1")
    assert (handshake.version, bool(handshake.failure)) == ("", True)
    with pytest.raises(judged):
        oracle.expect_agreed(handshake)
    with pytest.raises(Inconclusive):
        oracle.expect_named(handshake)
    kept[0].close()


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
def test_refusals_over_plain_http_pass(plain: Exchange | None) -> None:
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
def test_service_over_plain_http_is_found(plain: Exchange) -> None:
    with pytest.raises(NonConformance):
        oracle.expect_not_served_in_clear(plain, OWN)
