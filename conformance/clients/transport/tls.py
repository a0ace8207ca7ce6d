"""TLS as a host speaks it: handshakes of given versions, its certificate, and what it answers without TLS.

Handshakes run in memory beside a plain socket, so that the host's first answer is seen even where this
machine's OpenSSL goes no further. Each is bounded by the run's time limits and recorded as a transcript.
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
AS_OPENSSL_SAYS = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
# On the wire TLS 1.3 calls itself 1.2 and says the truth in an extension (RFC 8446 section 4.1.3).
ON_THE_WIRE = {b"\x03\x01": "TLS 1.0", b"\x03\x02": "TLS 1.1", b"\x03\x03": "TLS 1.2 or 1.3"}
ALERT, HANDSHAKE = 21, 22
WARNING, SERVER_HELLO = 1, 2
FIRST_BYTES = 1024
LATE = "timed out"
"""The failure of a handshake that does not end in time."""


@dataclass(frozen=True)
class Handshake:
    """How a handshake went.

    ``version`` is what the host agreed to, "" where to nothing; ``failure`` why it was not completed, ""
    where it was; ``verify_code`` OpenSSL's reason against the certificate (0: none); ``certificate`` the
    host's own in DER; ``transcript`` the id of the evidence.
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
    """Handshakes with the origin of an HTTP client; ``ca_file`` names authorities to trust as the run does."""

    http: HttpClient
    ca_file: str | None = None

    @property
    def host(self) -> str:
        """The host name or address, without brackets."""
        return urlsplit(self.http.base_url).hostname or ""

    @property
    def where(self) -> str:
        """Host and port, as openssl s_client takes them."""
        port = urlsplit(self.http.base_url).port or 443
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    def offering(self, *versions: str) -> Handshake:
        """A handshake that offers these versions, whatever the certificate; NotApplicable where OpenSSL cannot."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        # The old versions need digests that OpenSSL allows at no other level.
        if VERSIONS[versions[0]] < TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = VERSIONS[versions[0]]
            context.maximum_version = VERSIONS[versions[-1]]
        return self._handshake(context, " or ".join(versions))

    def trusting(self) -> Handshake:
        """A handshake that verifies the chain as the run's own connections do, but not the name."""
        context = authorities(self.ca_file)
        context.check_hostname = False
        return self._handshake(context, "any version, verifying the chain")

    def naming(self, certificate: bytes) -> Handshake:
        """A handshake that verifies the name only: the host's own certificate is the authority it trusts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=certificate)
        return self._handshake(context, "any version, verifying the name")

    def _handshake(self, context: ssl.SSLContext, offered: str) -> Handshake:
        begun = time.monotonic()
        talk = _Talk(context, self.host, offered)
        version, failure, code, certificate = "", "", 0, b""
        with self._connection() as connection:
            try:
                talk.through(connection, begun + self.http.limits.answer_s)
                version = AS_OPENSSL_SAYS.get(talk.tls.version() or "", "an unknown version")
                certificate = talk.tls.getpeercert(binary_form=True) or b""
            except OSError as error:
                version, failure = agreed(bytes(talk.heard)), _reason(error)
                code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
        said = f"agreed to {version}\n" if version else ""
        command = ["TLS-handshake", self.where, f"offering {offered}"]
        duration = time.monotonic() - begun
        entry = self.http.recorder.transcript(command, 1 if failure else 0, said, failure, duration)
        return Handshake(self.where, offered, version, failure, code, certificate, entry)

    def _connection(self) -> socket.socket:
        port = urlsplit(self.http.base_url).port or 443
        self.http.pace.wait()
        try:
            return connected("https", self.host, port, self.http.limits.connect_s)
        except OSError as error:
            needs = "a target that can be reached"
            raise Unreachable(f"no connection to {self.where}: {_reason(error)}", needs) from None


class _Talk:
    """One handshake in memory; ``heard`` are the first bytes of the host's answer."""

    def __init__(self, context: ssl.SSLContext, host: str, offered: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.heard = bytearray()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            raise NotInstalled(f"{ssl.OPENSSL_VERSION} on this machine cannot offer {offered}", "openssl") from None

    def through(self, connection: socket.socket, deadline: float) -> None:
        """Speaks to the end of the handshake; OSError (ssl.SSLError among them) where it comes to none."""
        try:
            while not self._step(connection, deadline):
                pass
        finally:
            # The last word, an alert for one, is a courtesy: the other side may be gone.
            with contextlib.suppress(OSError):
                connection.sendall(self._outgoing.read())

    def _step(self, connection: socket.socket, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no end of the handshake in time")
        connection.settimeout(left)
        connection.sendall(self._outgoing.read())
        part = connection.recv(16384)
        self.heard += part[: FIRST_BYTES - len(self.heard)]
        if part:
            self._incoming.write(part)
        else:
            self._incoming.write_eof()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


def agreed(heard: bytes) -> str:
    """The version of the ServerHello with which an answer begins, "" where it begins otherwise (RFC 5246 section 7.4).

    Warnings before it are passed over: a host may complain of the name and go on.
    """
    while len(heard) > 7 and heard[0] == ALERT and heard[5] == WARNING:
        heard = heard[7:]
    if len(heard) < 11 or heard[0] != HANDSHAKE or heard[5] != SERVER_HELLO:
        return ""
    return ON_THE_WIRE.get(heard[9:11], "an unknown version")


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


def in_clear(url: str) -> str:
    """The plain HTTP origin beside an https address: port 80, or the address's own where that is not 443."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{host}" if parts.port in (None, 443) else f"http://{host}:{parts.port}"


def answer_in_clear(
    http: HttpClient, method: str, target: str, headers: HeaderFields = (), body: bytes = b""
) -> Exchange | None:
    """The answer of a plain HTTP origin, None where it gives none: nothing listens, or it hangs up."""
    try:
        return http.send(method, target, headers, body)
    except (Unreachable, NoAnswer):
        return None
