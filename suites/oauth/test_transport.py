"""Every endpoint is served over current TLS only, with a valid certificate (RFC 6749, RFC 9325)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, encoded
from conformance.clients.transport.tls import Tls, answer_in_clear, in_clear
from conformance.clients.webhooks import is_in_host, origin_told
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
from conformance.target.description import Target, Webhooks
from conformance.target.proxies import on_loopback
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered

CURRENT = ("TLS 1.2", "TLS 1.3")
# Nobody's client: whoever listens on the way learns nothing by it.
MADE_UP = encoded([("grant_type", "client_credentials"), ("client_id", "ct-made-up"), ("client_secret", "made-up")])
ANSWERING = ("identity", "registry", "storage")
answering_surface = pytest.mark.parametrize("surface", [case(each, each) for each in ANSWERING])
each_surface = pytest.mark.parametrize("surface", [case(each, each) for each in (*ANSWERING, "webhooks")])


def address(target: Target, surface: str) -> str:
    """Where a surface is; NotApplicable where it is not described, or is a test address without TLS."""
    described = getattr(target, surface)
    if described is None:
        raise NotOffered(f"the target describes no {surface}")
    url = origin(target.webhooks) if target.webhooks and surface == "webhooks" else ""
    url = url or str(described.endpoint if surface == "storage" else described.url)
    if url.startswith("http://") and on_loopback(url):
        raise NotApplicable("plain HTTP on loopback")
    if url.startswith("http://") and urlsplit(url).hostname in target.test_hosts:
        raise NotApplicable("plain HTTP at a declared test host")
    return url


def origin(webhooks: Webhooks) -> str:
    """Scheme and host of a webhook's URL; NotApplicable where the host's name is the secret."""
    url = webhooks.url.reveal()
    if is_in_host(url):
        raise NotApplicable("the webhook's secret is in the name of its host")
    return origin_told(url)


def https_address(target: Target, surface: str) -> str:
    """The same of a surface that has TLS: that it has none is told by the checks of its address."""
    url = address(target, surface)
    if url.startswith("http://"):
        raise NotApplicable(f"the address of {surface} is an http:// one, which a check of its own tells")
    return url


@pytest.fixture
def tls(target: Target, http: Callable[[str], HttpClient], surface: str) -> Tls:
    """Handshakes with a surface."""
    return Tls(http(https_address(target, surface)), target.ca_file)


@pytest.fixture
def certificate(tls: Tls) -> bytes:
    """The certificate of a surface, whatever it is worth; Inconclusive where none can be had."""
    handshake = tls.offering(*CURRENT)
    if not handshake.certificate:
        raise Inconclusive(f"{tls.where} shows no certificate: {handshake.failure}", "a host that speaks current TLS")
    return handshake.certificate


@verifies("oauth/transport/token-endpoint-requires-tls")
def test_token_endpoint_requires_tls(target: Target) -> None:
    """Purpose: client secrets and tokens do not travel in clear.

    Method: 1. read the identity address of the target file
            2. expect https; plain HTTP on loopback, or at a declared test host, is not asked
    """
    expect_https(address(target, "identity"))


@verifies("oauth/transport/surfaces-use-tls")
@pytest.mark.parametrize("surface", [case(each, each) for each in ("registry", "storage", "webhooks")])
def test_surfaces_use_tls(target: Target, surface: str) -> None:
    """Purpose: logins, tokens, content and the secret URL do not travel in clear.

    Method: 1. read the surface's address in the target file
            2. expect https; plain HTTP on loopback, or at a declared test host, is not asked
    """
    expect_https(address(target, surface))


@verifies("oauth/transport/certificate-is-trusted")
@each_surface
def test_certificate_is_trusted(tls: Tls, surface: str) -> None:
    """Purpose: clients can tell the surface from someone in the middle.

    Method: 1. shake hands, verifying the chain with the authorities that the run trusts
            2. expect no reason against it, dates and name aside
    """
    expect_trusted(tls.trusting())


@verifies("oauth/transport/certificate-names-the-host")
@each_surface
def test_certificate_names_the_host(tls: Tls, certificate: bytes, surface: str) -> None:
    """Purpose: the certificate is the surface's own and not another host's.

    Method: 1. shake hands, with the surface's own certificate as the authority, so that only the name is judged
            2. expect the certificate to name the host of the target file
    """
    expect_named(tls.naming(certificate))


@verifies("oauth/transport/certificate-is-in-its-period")
@each_surface
def test_certificate_is_in_its_period(tls: Tls, certificate: bytes, surface: str) -> None:
    """Purpose: the certificate and those above it have not run out.

    Method: 1. shake hands, verifying the chain, and read the dates of the certificate
            2. expect now to be within them
    """
    expect_in_period(tls.trusting(), certificate)


@verifies("oauth/transport/current-tls-is-offered")
@each_surface
def test_current_tls_is_offered(tls: Tls, surface: str) -> None:
    """Purpose: clients that speak only what is safe can connect.

    Method: 1. shake hands, offering TLS 1.2 and 1.3
            2. expect one of them to be agreed to
    """
    expect_agreed(tls.offering(*CURRENT))


@verifies("oauth/transport/old-tls-is-refused")
@pytest.mark.parametrize("version", [case("tls-1.0", "TLS 1.0"), case("tls-1.1", "TLS 1.1")])
@each_surface
def test_old_tls_is_refused(tls: Tls, version: str, surface: str) -> None:
    """Purpose: nobody is talked down to a version that is known to be weak.

    Method: 1. offer TLS 1.0, or TLS 1.1, and nothing else
            2. expect the surface not to agree, and to shake hands with a current version as before
    """
    expect_not_agreed(tls.offering(version))

    control = tls.offering(*CURRENT)
    if control.failure:
        raise Inconclusive(f"current TLS is refused too: {control.failure}", "a host that speaks current TLS")


@verifies("oauth/transport/no-token-endpoint-in-clear")
def test_no_token_endpoint_in_clear(oauth: OAuthClient, target: Target, http: Callable[[str], HttpClient]) -> None:
    """Purpose: a client that forgets the s of https cannot have its secret read on the way.

    Method: 1. send a token request of a made-up client over TLS and over plain HTTP to the same host
            2. expect the plain one to be refused, or redirected to https, and not to be answered by the token endpoint
    """
    url, path = https_address(target, "identity"), oauth.identity.token_path
    secured = oauth.post(MADE_UP)
    plain = answer_in_clear(http(in_clear(url)), "POST", path, [FORM_TYPE], MADE_UP)

    expect_not_served_in_clear(plain, secured)


@verifies("oauth/transport/no-api-in-clear")
@answering_surface
def test_no_api_in_clear(target: Target, http: Callable[[str], HttpClient], surface: str) -> None:
    """Purpose: no API is served beside its TLS address.

    Method: 1. ask the API for something, without credentials, over TLS and over plain HTTP to the same host
            2. expect the plain request to be refused, or redirected to https, and not to be answered as the other
    """
    url = https_address(target, surface)
    path = cheap_path(target, surface)
    secured = http(url).get(path)

    expect_not_served_in_clear(answer_in_clear(http(in_clear(url)), "GET", path), secured)


@verifies("oauth/transport/token-request-is-not-sent-elsewhere")
def test_token_request_is_not_sent_elsewhere(oauth: OAuthClient, target: Target) -> None:
    """Purpose: no client that follows redirects hands its secret to another host.

    Method: 1. send a token request of a made-up client to the token endpoint, and to its path with a slash more
            2. send the good token request
            3. expect none to be answered 307 or 308 with another host, or with plain HTTP
    """
    https_address(target, "identity")
    for path in (oauth.identity.token_path, oauth.identity.token_path + "/"):
        expect_not_sent_elsewhere(oauth.http.send("POST", path, [FORM_TYPE], MADE_UP))

    reply = oauth.request_token()
    oauth.open(reply)
    expect_not_sent_elsewhere(reply)


def cheap_path(target: Target, surface: str) -> str:
    """Return a path of a surface that is read quickly and without side effects."""
    if surface == "registry":
        return "/v2/"
    if surface == "storage" and target.storage is not None:
        return f"/{target.storage.buckets[0]}"
    if target.identity is None or not target.identity.resources:
        raise NotOffered("the target describes no identity API")
    return target.identity.resources[0].path
