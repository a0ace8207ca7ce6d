"""Every endpoint is served over current TLS only, with a valid certificate (RFC 6749, RFC 9325)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, encoded
from conformance.clients.transport.tls import Tls, plain_http_origin, plain_http_response
from conformance.clients.webhooks import is_in_host, origin_without_secret
from conformance.oracles.tls import (
    expect_agreed,
    expect_https,
    expect_in_period,
    expect_named,
    expect_not_agreed,
    expect_not_sent_elsewhere,
    expect_not_served_in_clear,
    expect_trusted,
)
from conformance.target.description import Target
from conformance.target.proxies import on_loopback
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered

CURRENT = ("TLS 1.2", "TLS 1.3")
# An invented client: an eavesdropper learns nothing from it.
INVENTED = encoded([("grant_type", "client_credentials"), ("client_id", "ct-made-up"), ("client_secret", "made-up")])
ANSWERING = ("identity", "registry", "storage")
each_surface = pytest.mark.parametrize("surface", [*ANSWERING, "webhooks"])


def address(target: Target, surface: str) -> str:
    """Return the address of a surface; NotApplicable if it is not described, or is a test address without TLS."""
    described = getattr(target, surface)
    if described is None:
        raise NotOffered(f"the target describes no {surface}")
    if surface == "webhooks":
        if is_in_host(url := described.url.reveal()):
            raise NotApplicable("the webhook's secret is in the name of its host")
        url = origin_without_secret(url)
    else:
        url = str(described.endpoint if surface == "storage" else described.url)
    if url.startswith("http://") and on_loopback(url):
        raise NotApplicable("plain HTTP on loopback")
    if url.startswith("http://") and urlsplit(url).hostname in target.test_hosts:
        raise NotApplicable("plain HTTP at a declared test host")
    return url


def https_address(target: Target, surface: str) -> str:
    """Return the https address of a surface; NotApplicable if it has none."""
    url = address(target, surface)
    if url.startswith("http://"):
        raise NotApplicable(f"the address of {surface} is an http:// one; another check reports that")
    return url


@pytest.fixture
def tls(target: Target, http: Callable[[str], HttpClient], surface: str) -> Tls:
    """Handshakes with a surface."""
    return Tls(http(https_address(target, surface)), target.ca_file)


def certificate_of(tls: Tls) -> bytes:
    """Return the certificate of a surface, trusted or not; Inconclusive without one."""
    handshake = tls.offering(*CURRENT)
    if not handshake.certificate:
        raise Inconclusive(f"{tls.where} shows no certificate: {handshake.failure}", "a host that speaks current TLS")
    return handshake.certificate


@pytest.mark.parametrize(
    "surface",
    [
        row("oauth/transport/token-endpoint-requires-tls", "identity"),
        row("oauth/transport/surfaces-use-tls#registry", "registry"),
        row("oauth/transport/surfaces-use-tls#storage", "storage"),
        row("oauth/transport/surfaces-use-tls#webhooks", "webhooks"),
    ],
)
def test_surfaces_use_tls(target: Target, surface: str) -> None:
    """Purpose: secrets, tokens, logins, content and the secret URL must not travel unencrypted.

    Method: 1. read the surface's address in the target file
            2. expect https; plain HTTP is permitted on loopback and at declared test hosts
    """
    expect_https(address(target, surface))


@each_surface
@pytest.mark.parametrize(
    "expect",
    [
        row("oauth/transport/certificate-is-trusted", lambda tls: expect_trusted(tls.verify_chain())),
        row(
            "oauth/transport/certificate-names-the-host", lambda tls: expect_named(tls.verify_name(certificate_of(tls)))
        ),
        row(
            "oauth/transport/certificate-is-in-its-period",
            lambda tls: expect_in_period(tls.verify_chain(), certificate_of(tls)),
        ),
        row("oauth/transport/current-tls-is-offered", lambda tls: expect_agreed(tls.offering(*CURRENT))),
    ],
)
def test_connections_are_secure(tls: Tls, expect: Callable[[Tls], None], surface: str) -> None:
    """Purpose: clients detect an attacker on the path, and connect with a secure version of TLS.

    Method: 1. connect with TLS 1.2 or 1.3
            2. expect a certificate chain that the run trusts, for the host of the target file, within its period
    """
    expect(tls)


@verifies("oauth/transport/old-tls-is-refused")
@pytest.mark.parametrize("version", [case("tls-1.0", "TLS 1.0"), case("tls-1.1", "TLS 1.1")])
@each_surface
def test_old_tls_is_refused(tls: Tls, version: str, surface: str) -> None:
    """Purpose: an attacker must not downgrade a connection to a weak version of TLS.

    Method: 1. offer TLS 1.0, or TLS 1.1, alone: expect a refusal; 2. connect with a current version as before
    """
    expect_not_agreed(tls.offering(version))
    control = tls.offering(*CURRENT)
    if control.failure:
        raise Inconclusive(f"current TLS is refused too: {control.failure}", "a host that speaks current TLS")


@verifies("oauth/transport/no-token-endpoint-in-clear")
def test_no_token_endpoint_in_clear(oauth: OAuthClient, target: Target, http: Callable[[str], HttpClient]) -> None:
    """Purpose: a client that is configured with http:// by mistake must not send its secret unencrypted.

    Method: 1. send the token request of an invented client over TLS, and over plain HTTP to the same host
            2. expect plain HTTP to be refused or redirected to https, and not served by the token endpoint
    """
    url, path = https_address(target, "identity"), oauth.identity.token_path
    secured = oauth.post(INVENTED)
    plain = plain_http_response(http(plain_http_origin(url)), "POST", path, [FORM_TYPE], INVENTED)
    expect_not_served_in_clear(plain, secured)


def cheap_path(target: Target, surface: str) -> str:
    """Return a path of a surface that can be read fast and without side effects."""
    if surface == "registry":
        return "/v2/"
    if surface == "storage" and target.storage is not None:
        return f"/{target.storage.buckets[0]}"
    if target.identity is None or not target.identity.resources:
        raise NotOffered("the target describes no identity API")
    return target.identity.resources[0].path


@verifies("oauth/transport/no-api-in-clear")
@pytest.mark.parametrize("surface", ANSWERING)
def test_no_api_in_clear(target: Target, http: Callable[[str], HttpClient], surface: str) -> None:
    """Purpose: no API is served without TLS in addition to its https address.

    Method: 1. send a request without credentials over TLS, and over plain HTTP to the same host
            2. expect plain HTTP to be refused or redirected to https, and not served like the first request
    """
    url, path = https_address(target, surface), cheap_path(target, surface)
    secured = http(url).get(path)
    expect_not_served_in_clear(plain_http_response(http(plain_http_origin(url)), "GET", path), secured)


@verifies("oauth/transport/token-request-is-not-sent-elsewhere")
def test_token_request_is_not_sent_elsewhere(oauth: OAuthClient, target: Target) -> None:
    """Purpose: a client that follows redirects must not send its secret to another host.

    Method: 1. send the token request of an invented client to the token endpoint, and to its path with a slash
            2. send the valid token request
            3. expect no 307 or 308 to another host, or to plain HTTP
    """
    https_address(target, "identity")
    for path in (oauth.identity.token_path, oauth.identity.token_path + "/"):
        expect_not_sent_elsewhere(oauth.http.send("POST", path, [FORM_TYPE], INVENTED))
    reply = oauth.request_token()
    oauth.redact_token(reply)
    expect_not_sent_elsewhere(reply)
