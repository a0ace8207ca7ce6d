"""Transport: addresses, certificates and versions of TLS, and what may be answered without it."""

from __future__ import annotations

import json
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
# Errors of RFC 6749 section 5.2 that only who has read the request can give.
OF_A_TOKEN_ENDPOINT = {"invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
S3_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
REPEATING = {307, 308}


def expect_https(url: str) -> None:
    """The address is an https one."""
    if urlsplit(url).scheme != "https":
        raise NonConformance("an https:// address", url)


def expect_agreed(handshake: Handshake) -> None:
    """The host completes a handshake with one of the versions offered; Inconclusive where it is silent."""
    if handshake.failure == LATE:
        raise Inconclusive(f"{handshake.where} does not end a TLS handshake in time", "a target that answers in time")
    if handshake.failure:
        raise _finding(f"{handshake.where} to speak {handshake.offered}", handshake.failure, handshake)


def expect_not_agreed(handshake: Handshake) -> None:
    """The host does not answer the offer of a version with agreement to it, completed or not."""
    if handshake.version:
        raise _finding(
            f"{handshake.where} to refuse {handshake.offered}", f"it agrees to {handshake.version}", handshake
        )


def expect_trusted(handshake: Handshake) -> None:
    """The chain leads to a trusted authority; its dates are another promise. Inconclusive where none was verified."""
    if handshake.verify_code and handshake.verify_code not in NOT_IN_PERIOD:
        raise _finding(f"a trusted certificate at {handshake.where}", handshake.failure, handshake)
    if handshake.failure and not handshake.verify_code:
        raise Inconclusive(f"the certificate cannot be verified: {handshake.failure}", "a complete handshake")


def expect_named(handshake: Handshake) -> None:
    """The certificate is for the host asked; Inconclusive where the name was not come to."""
    if handshake.verify_code in OTHER_NAME:
        raise _finding(f"a certificate that names {handshake.where}", handshake.failure, handshake)
    if handshake.failure and handshake.verify_code not in NOT_IN_PERIOD:
        raise Inconclusive(f"the certificate's name cannot be verified: {handshake.failure}", "a complete handshake")


def expect_in_period(handshake: Handshake, certificate: bytes, now: datetime | None = None) -> None:
    """The certificate (in DER), and by a verifying handshake those above it, are neither expired nor of the future."""
    from cryptography.x509 import load_der_x509_certificate

    read = load_der_x509_certificate(certificate)
    begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
    expected = f"a certificate at {handshake.where} that is valid now"
    if not begins <= (now or datetime.now(UTC)) <= ends:
        raise _finding(expected, f"one that is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}", handshake)
    if handshake.verify_code in NOT_IN_PERIOD:
        raise _finding(expected, f"one of its chain that is {NOT_IN_PERIOD[handshake.verify_code]}", handshake)


def expect_not_served_in_clear(plain: Exchange | None, secured: Exchange) -> None:
    """A plain HTTP request is refused, or redirected to https; it is not answered as the same request over TLS is.

    ``plain`` is None where there was no answer. Any other page (of a proxy, of a web server) serves nothing.
    """
    if plain is None:
        return
    expected = "a refusal, or a redirect to https"
    location = plain.headers.get("location")
    if _has_token(plain):
        raise NonConformance(expected, "a token in clear", plain)
    if 300 <= plain.status < 400 and location is not None:
        if address_parts(plain, location).scheme != "https":
            raise NonConformance(expected, f"{plain.status} to {location}", plain)
        return
    if _code(plain) in OF_A_TOKEN_ENDPOINT:
        raise NonConformance(expected, f"the token endpoint's own answer in clear: {observed(plain)}", plain)
    if _told(plain) == _told(secured):
        _tells(secured)
        raise NonConformance(expected, f"the same in clear as over TLS: {observed(plain)}", secured, plain)


def expect_not_sent_elsewhere(reply: Exchange) -> None:
    """The answer to a token request has no client send its secret again to another host or in clear."""
    asked, there = urlsplit(reply.url), address_parts(reply, reply.headers.get("location") or "")
    same = there.hostname == asked.hostname and there.scheme == asked.scheme
    if reply.status in REPEATING and not same:
        where = f"{reply.status} to {there.scheme}://{there.netloc}"
        raise NonConformance("no redirect that repeats the request to another host or in clear", where, reply)


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
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _code(reply: Exchange) -> str:
    """The code of an error document: OAuth's, a registry's, or S3's; "" without one."""
    document = _document(reply)
    if isinstance(document, dict):
        errors = document.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else document
        code = first.get("code", first.get("error")) if isinstance(first, dict) else None
        return code if isinstance(code, str) else ""
    found = S3_CODE.search(reply.body[:65536])
    return found[1].decode() if found else ""


def _told(reply: Exchange) -> tuple[int, str, str, str]:
    """By what a service's answer is known: status, media type, error code, scheme of its challenge."""
    challenge = (reply.headers.get("www-authenticate") or "").split(" ", 1)[0].lower()
    return reply.status, reply.media_type, _code(reply), challenge


def _tells(secured: Exchange) -> None:
    if not (secured.ok or secured.status in (401, 403) or _code(secured)):
        raise Inconclusive(
            f"over TLS the service answers {secured.status}, so it cannot be recognized",
            "an https:// address that leads to the same service",
        )
