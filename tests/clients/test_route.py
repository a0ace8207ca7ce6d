"""Hosts are reached through the proxy of the environment, and its failures are reported as the proxy's."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.programs.runner import run_program
from conformance.clients.s3.sdk import s3_client
from conformance.clients.s3.sigv4 import Keys
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.transport.through_proxy import ProxyFailed, connected
from conformance.evidence.recorder import Recorder
from conformance.evidence.secrets import learn_secrets
from conformance.preflight.contact import Failed, contact
from conformance.target import proxies
from conformance.target.description import Target
from conformance.target.proxies import proxies_to, proxy_for, proxy_variables
from conformance.vocabulary.finding import NotConnected
from tests.clients.servers import GOOD, Served, answering

ELSEWHERE = "http://target.example:8080"
TUNNEL = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (*proxies.KINDS, "no"):
        for name in (f"{kind}_proxy", f"{kind}_PROXY".upper()):
            monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def proxy(monkeypatch: pytest.MonkeyPatch, *answers: bytes, login: str = "") -> Iterator[tuple[str, Served]]:
    """A proxy in HTTP_PROXY that answers CONNECT, and then in the target's place."""
    with answering(*answers) as (url, served):
        monkeypatch.setenv("HTTP_PROXY", url.replace("://", f"://{login}"))
        yield url, served


def client(url: str = ELSEWHERE) -> HttpClient:
    return HttpClient(url, Recorder(), Limits(connect_s=30, answer_s=30, answer_bytes=1000))


def test_requests_to_an_http_target_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(monkeypatch) as (_, served):
        http = client()
        assert [http.send("GET", "/a/../b%zz?b").text, http.send("GET", "/c").text] == ["ok", "ok"]
        http.close()

    ((first, second),) = served.connections
    assert first.startswith(b"GET http://target.example:8080/a/../b%zz?b HTTP/1.1\r\nHost: target.example:8080\r\n")
    assert second.startswith(b"GET http://target.example:8080/c HTTP/1.1\r\n")


def test_the_login_of_a_proxy_is_sent_only_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(monkeypatch, GOOD, TUNNEL, login="me:p%40ss-word@") as (_, served):
        http = client()
        http.send("GET", "/")
        Wire(http).send(b"GET / HTTP/1.1\r\nHost: target.example:8080")
        http.close()

    (handed_on,), (connect, request) = served.connections
    assert b"Proxy-Authorization: Basic bWU6cEBzcy13b3Jk\r\n" in handed_on
    assert b"Proxy-Authorization: Basic bWU6cEBzcy13b3Jk\r\n" in connect
    assert b"Proxy-Authorization" not in request
    assert "Proxy-Authorization" not in str(http.recorder.entries)
    recorder = Recorder()
    learn_secrets(recorder.redactor, Target(organization="acme"))
    told = recorder.redactor.text("p%40ss-word p@ss-word bWU6cEBzcy13b3Jk")
    assert "ss-word" not in told and "bWU6" not in told and "HTTP_PROXY_PASSWORD" in told


NO_TUNNEL = [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", r"wants a login \(407\)"),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", r"refuses a tunnel \(403\)"),
    (b"220 mail.example ESMTP\r\n\r\n", r"refuses a tunnel \(no HTTP answer\)"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000, "an incomplete HTTP response"),
    (b"HTTP/1.1 200 OK\r\n", "does not answer in time"),
]
"""What a proxy answers to CONNECT, and how that is named."""


@pytest.mark.parametrize(("answer", "why"), NO_TUNNEL)
def test_an_https_target_is_not_blamed_for_the_proxy(monkeypatch: pytest.MonkeyPatch, answer: bytes, why: str) -> None:
    limit_s = 0.5 if why == "does not answer in time" else 30
    with answering(answer, answer) as (url, _):
        monkeypatch.setenv("HTTPS_PROXY", url.replace("://", "://me:hidden-word@"))
        with pytest.raises(ProxyFailed, match=rf"{url} in HTTPS_PROXY .*{why}.*NO_PROXY"):
            connected("https", "target.example", 443, limit_s)
        http = HttpClient("https://target.example", Recorder(), Limits(limit_s, limit_s))
        with pytest.raises(NotConnected, match=rf"{url} in HTTPS_PROXY .*{why}.*NO_PROXY") as failure:
            http.get("/")
    assert "hidden-word" not in str(failure.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("socks5://proxy.example:1080", "is not supported; use the form http://host:port"),
        ("http://proxy.example:port", "no numeric port"),
        ("http://[bad", "cannot be reached"),
        ("http://127.0.0.1:9", r"cannot be reached \(Connection refused\)"),
    ],
)
def test_the_preflight_reports_an_unusable_proxy(monkeypatch: pytest.MonkeyPatch, url: str, why: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    used = contact(Target(organization="acme"), ELSEWHERE, Recorder())
    with pytest.raises(Failed, match=rf"^target\.example:8080: the proxy {re.escape(url)} in HTTP_PROXY .*{why}"):
        used.ask("GET", "/")


@pytest.mark.parametrize("url", ["http://me:pass/word@proxy.example", "http://me:pass/word@[bad"])
def test_the_login_in_a_malformed_proxy_url_is_redacted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    recorder = Recorder()
    learn_secrets(recorder.redactor, Target(organization="acme"))
    assert [str(each) for each in proxies_to([ELSEWHERE])] == [url.replace("me:pass/word@", "")]
    assert recorder.redactor.text(f"no proxy {url}") == f"no proxy {url.replace('pass/word', '$HTTP_PROXY_PASSWORD')}"


@pytest.mark.parametrize(
    ("variables", "url", "found"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.example", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://a.example", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://a.example", ""),
        ({"ALL_PROXY": "http://p:1"}, "https://a.example", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"}, "https://a.example", "http://q:2"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, "https://a.example", ""),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "b.example, a.example"}, "https://a.example", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://a.example", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.example:8443"}, "https://a.example:8443", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.example:8443"}, "https://a.example:443", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b.example"}, "https://a.example", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:5000", ""),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:5000", ""),
        ({"HTTP_PROXY": "http://p:1"}, "http://[::1]:5000", ""),
        ({}, "https://a.example", ""),
    ],
)
def test_the_proxy_of_a_host_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, found: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    parts = urlsplit(url)
    assert str(proxy_for(parts.scheme, parts.hostname or "", parts.port) or "") == found
    assert [*map(str, proxies_to([url, url]))] == ([found] if found else [])


def test_programs_get_the_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_variables() == {}
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    monkeypatch.setenv("no_proxy", "b.example")
    said = run_program(Recorder(), ["env"]).output.splitlines()
    assert {"https_proxy=http://p:1", "HTTPS_PROXY=http://p:1"} <= {*said}
    assert "NO_PROXY=b.example,localhost,127.0.0.1,::1" in said and "no_proxy=b.example,localhost,127.0.0.1,::1" in said
    assert not [line for line in said if line.lower().startswith("http_proxy")]


def test_the_sdk_uses_the_proxy_and_ignores_the_users_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with answering() as (url, served):
        listed = s3_client(url, Keys("an-access-key", "a-secret-key", "us-east-1"), Recorder())
        listed.head_bucket(Bucket="a-bucket")
    assert len(served) == 1
    with proxy(monkeypatch, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (_, through):
        there = s3_client(ELSEWHERE, Keys("an-access-key", "a-secret-key", "us-east-1"), Recorder())
        there.head_bucket(Bucket="a-bucket")
    assert through.connections[0][0].startswith(b"HEAD http://target.example:8080/a-bucket ")
