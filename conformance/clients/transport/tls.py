"""TLS handshakes with a host in given versions, its certificate, and its responses without TLS.

Handshakes run in memory next to a plain socket: the host's first response is visible even if this machine's OpenSSL
rejects it. Each has the run's time limits and is recorded as a transcript.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import warnings
from dataclasses import dataclass
from ssl import TLSVersion
from urllib.parse import urlsplit

from conformance.clients.http import HeaderFields, HttpClient
from conformance.clients.transport.connections import authorities
from conformance.clients.transport.through_proxy import ProxyFailed, connected
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NoAnswer, NotInstalled, Unreachable

VERSIONS = {
    "TLS 1.0": TLSVersion.TLSv1,
    "TLS 1.1": TLSVersion.TLSv1_1,
    "TLS 1.2": TLSVersion.TLSv1_2,
    "TLS 1.3": TLSVersion.TLSv1_3,
}
OPENSSL_NAMES = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
# TLS 1.3 states 1.2 here, and its own version in an extension (RFC 8446 section 4.1.3).
WIRE_VERSIONS = {b"\x03\x01": "TLS 1.0", b"\x03\x02": "TLS 1.1", b"\x03\x03": "TLS 1.2 or 1.3"}
ALERT, HANDSHAKE = 21, 22
WARNING, SERVER_HELLO = 1, 2
FIRST_BYTES = 1024
LATE = "timed out"
"""The failure of a handshake that does not end in time."""


@dataclass(frozen=True)
class Handshake:
    """The result of a handshake.

    ``version`` is the agreed version or ""; ``failure`` the reason of a failed handshake or ""; ``verify_code``
    OpenSSL's error code for the certificate (0: none); ``certificate`` is in DER; ``transcript`` is an evidence id.
    """

    where: str
    offered: str
    version: str
    failure: str
    verify_code: int
    certificate: bytes
    transcript: str


@dataclass
class Tls:
    """Handshakes with the origin of an HTTP client; ``ca_file`` names the run's additional authorities."""

    http: HttpClient
    ca_file: str | None = None

    @property
    def host(self) -> str:
        """The host name or address, without brackets."""
        return urlsplit(self.http.base_url).hostname or ""

    @property
    def where(self) -> str:
        """Host and port in the form of openssl s_client."""
        port = urlsplit(self.http.base_url).port or 443
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    def offering(self, *versions: str) -> Handshake:
        """Offer these versions and accept any certificate. Raises NotInstalled if OpenSSL lacks a version."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        # The old versions need digests that OpenSSL allows at level 0 only.
        if VERSIONS[versions[0]] < TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = VERSIONS[versions[0]]
            context.maximum_version = VERSIONS[versions[-1]]
        return self._handshake(context, " or ".join(versions))

    def verify_chain(self) -> Handshake:
        """Verify the chain like the run's own connections, but not the name."""
        context = authorities(self.ca_file)
        context.check_hostname = False
        return self._handshake(context, "any version, verifying the chain")

    def verify_name(self, certificate: bytes) -> Handshake:
        """Verify the name only: the host's own certificate is the trusted authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=certificate)
        return self._handshake(context, "any version, verifying the name")

    def _handshake(self, context: ssl.SSLContext, offered: str) -> Handshake:
        begun = time.monotonic()
        handshake = _MemoryHandshake(context, self.host, offered)
        version, failure, code, certificate = "", "", 0, b""
        with self._connection() as connection:
            try:
                handshake.complete(connection, begun + self.http.limits.answer_s)
                version = OPENSSL_NAMES.get(handshake.tls.version() or "", "an unknown version")
                certificate = handshake.tls.getpeercert(binary_form=True) or b""
            except OSError as error:
                version, failure = agreed(bytes(handshake.received)), _reason(error)
                code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
        output = f"agreed to {version}\n" if version else ""
        command = ["TLS-handshake", self.where, f"offering {offered}"]
        duration = time.monotonic() - begun
        entry = self.http.recorder.transcript(command, 1 if failure else 0, output, failure, duration)
        return Handshake(self.where, offered, version, failure, code, certificate, entry)

    def _connection(self) -> socket.socket:
        port = urlsplit(self.http.base_url).port or 443
        self.http.budget.wait()
        try:
            return connected("https", self.host, port, self.http.limits.connect_s)
        except OSError as error:
            needs = "a target that can be reached"
            raise Unreachable(f"no connection to {self.where}: {_reason(error)}", needs) from None


class _MemoryHandshake:
    """One handshake in memory; ``received`` is the beginning of the host's response."""

    def __init__(self, context: ssl.SSLContext, host: str, offered: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.received = bytearray()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            raise NotInstalled(f"{ssl.OPENSSL_VERSION} on this machine cannot offer {offered}", "openssl") from None

    def complete(self, connection: socket.socket, deadline: float) -> None:
        """Complete the handshake. Raises OSError, which includes ssl.SSLError, if it fails."""
        try:
            while not self._step(connection, deadline):
                pass
        finally:
            # The last message, such as an alert, is optional: the peer may have closed.
            with contextlib.suppress(OSError):
                connection.sendall(self._outgoing.read())

    def _step(self, connection: socket.socket, deadline: float) -> bool:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("no end of the handshake in time")
        connection.settimeout(remaining)
        connection.sendall(self._outgoing.read())
        part = connection.recv(16384)
        self.received += part[: FIRST_BYTES - len(self.received)]
        if part:
            self._incoming.write(part)
        else:
            self._incoming.write_eof()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


def agreed(received: bytes) -> str:
    """Return the version in the ServerHello at the start of a response, or "" (RFC 5246 section 7.4).

    Warnings before it are skipped: a host may warn about the name and continue.
    """
    while len(received) > 7 and received[0] == ALERT and received[5] == WARNING:
        received = received[7:]
    if len(received) < 11 or received[0] != HANDSHAKE or received[5] != SERVER_HELLO:
        return ""
    return WIRE_VERSIONS.get(received[9:11], "an unknown version")


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).replace("_", " ").lower()
    if isinstance(error, TimeoutError):
        return LATE
    if isinstance(error, ProxyFailed):
        return str(error)
    return error.strerror or type(error).__name__


def plain_http_origin(url: str) -> str:
    """Return the http:// origin of an https:// URL: port 80 instead of 443, or else the same port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{host}" if parts.port in (None, 443) else f"http://{host}:{parts.port}"


def plain_http_response(
    http: HttpClient, method: str, target: str, headers: HeaderFields = (), body: bytes = b""
) -> Exchange | None:
    """Return the response of an http:// origin; None if nothing listens or the connection closes."""
    try:
        return http.send(method, target, headers, body)
    except (Unreachable, NoAnswer):
        return None
