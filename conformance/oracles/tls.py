"""Transport: addresses, certificates and TLS versions, and responses over plain HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from conformance.clients.transport.tls import LATE, Handshake
from conformance.oracles.headers import address_parts
from conformance.oracles.status import observed
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

# OpenSSL's reasons against a certificate (x509_vfy.h).
NOT_IN_PERIOD = {9: "not yet valid", 10: "expired"}
OTHER_NAME = {62: "host name", 63: "mail address", 64: "IP address"}
# Errors of RFC 6749 section 5.2 that only the token endpoint itself returns.
OF_A_TOKEN_ENDPOINT = {"invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
S3_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
REPEATING = {307, 308}


def expect_https(url: str) -> None:
    """Expect an https:// address."""
    if urlsplit(url).scheme != "https":
        raise NonConformance("an https:// address", url)


def expect_agreed(handshake: Handshake) -> None:
    """Expect a handshake with one of the offered versions; Inconclusive if the host is silent."""
    if handshake.failure == LATE:
        raise Inconclusive(f"{handshake.where} does not end a TLS handshake in time", "a target that answers in time")
    if handshake.failure:
        raise _finding(f"{handshake.where} to accept {handshake.offered}", handshake.failure, handshake)


def expect_not_agreed(handshake: Handshake) -> None:
    """Expect the host not to accept an offered version, even if the handshake is not completed."""
    if handshake.version:
        raise _finding(f"{handshake.where} to refuse {handshake.offered}", f"it accepts {handshake.version}", handshake)


def expect_trusted(handshake: Handshake) -> None:
    """Expect a trusted chain; another promise covers its dates. Inconclusive if no chain was verified."""
    if handshake.verify_code and handshake.verify_code not in NOT_IN_PERIOD:
        raise _finding(f"a trusted certificate at {handshake.where}", handshake.failure, handshake)
    if handshake.failure and not handshake.verify_code:
        raise Inconclusive(f"the certificate cannot be verified: {handshake.failure}", "a complete handshake")


def expect_named(handshake: Handshake) -> None:
    """Expect a certificate for the requested host; Inconclusive if the name was not verified."""
    if handshake.verify_code in OTHER_NAME:
        raise _finding(f"a certificate that names {handshake.where}", handshake.failure, handshake)
    if handshake.failure and handshake.verify_code not in NOT_IN_PERIOD:
        raise Inconclusive(f"the certificate's name cannot be verified: {handshake.failure}", "a complete handshake")


def expect_in_period(handshake: Handshake, certificate: bytes, now: datetime | None = None) -> None:
    """Expect a valid period of the certificate (DER) and, by a verified handshake, of its issuers."""
    from cryptography.x509 import load_der_x509_certificate

    read = load_der_x509_certificate(certificate)
    begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
    expected = f"a certificate at {handshake.where} that is valid now"
    if not begins <= (now or datetime.now(UTC)) <= ends:
        raise _finding(
            expected, f"a certificate valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}", handshake
        )
    if handshake.verify_code in NOT_IN_PERIOD:
        raise _finding(
            expected, f"a certificate of its chain that is {NOT_IN_PERIOD[handshake.verify_code]}", handshake
        )


def expect_not_served_in_clear(plain: Exchange | None, secured: Exchange) -> None:
    """Expect a plain HTTP request to be refused or redirected to https, and not to be served as over TLS.

    ``plain`` is None if there was no response. Any other page (of a proxy, of a web server) serves nothing.
    """
    if plain is None:
        return
    expected = "a refusal, or a redirect to https"
    location = plain.headers.get("location")
    if _has_token(plain):
        raise NonConformance(expected, f"{plain.status} with a token over plain HTTP", plain)
    if 300 <= plain.status < 400 and location is not None:
        if address_parts(plain, location).scheme != "https":
            raise NonConformance(expected, f"{plain.status} with Location: {location}", plain)
        return
    if _code(plain) in OF_A_TOKEN_ENDPOINT:
        raise NonConformance(expected, f"{observed(plain)} from the token endpoint over plain HTTP", plain)
    if _fingerprint(plain) == _fingerprint(secured):
        _require_recognizable(secured)
        raise NonConformance(
            expected, f"the same response over plain HTTP as over TLS: {observed(plain)}", secured, plain
        )


def expect_not_sent_elsewhere(reply: Exchange) -> None:
    """Expect no redirect that makes a client send its secret to another host or over plain HTTP."""
    here, there = urlsplit(reply.url), address_parts(reply, reply.headers.get("location") or "")
    same = there.hostname == here.hostname and there.scheme == here.scheme
    if reply.status in REPEATING and not same:
        where = f"{reply.status} redirect to {there.scheme}://{there.netloc}"
        raise NonConformance("no redirect that repeats the request to another host or over plain HTTP", where, reply)


def _finding(expected: str, seen: str, handshake: Handshake) -> NonConformance:
    version = {"TLS 1.0": " -tls1", "TLS 1.1": " -tls1_1"}.get(handshake.offered, "")
    ciphers = " -cipher ALL:@SECLEVEL=0" if version else ""
    name = handshake.where.rpartition(":")[0].strip("[]")
    command = f"openssl s_client -connect {handshake.where} -servername {name}{version}{ciphers}"
    finding = NonConformance(expected, seen, hint=f"{command} </dev/null shows it")
    finding.exchange_ids = [handshake.transcript]
    return finding


def _has_token(reply: Exchange) -> bool:
    document = _document(reply)
    return isinstance(document, dict) and isinstance(document.get("access_token"), str)


def _document(reply: Exchange) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None


def _code(reply: Exchange) -> str:
    """Return the code of an error document of OAuth, a registry or S3; "" without one."""
    document = _document(reply)
    if isinstance(document, dict):
        errors = document.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else document
        code = first.get("code", first.get("error")) if isinstance(first, dict) else None
        return code if isinstance(code, str) else ""
    found = S3_CODE.search(reply.body[:65536])
    return found[1].decode() if found else ""


def _fingerprint(reply: Exchange) -> tuple[int, str, str, str]:
    """Return the features that identify a service's response: status, media type, error code, challenge scheme."""
    challenge = (reply.headers.get("www-authenticate") or "").split(" ", 1)[0].lower()
    return reply.status, reply.media_type, _code(reply), challenge


def _require_recognizable(secured: Exchange) -> None:
    if not (secured.ok or secured.status in (401, 403) or _code(secured)):
        raise Inconclusive(
            f"over TLS the service answers {secured.status}, so it cannot be recognized",
            "an https:// address that leads to the same service",
        )
