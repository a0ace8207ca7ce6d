"""The recorded HTTP client that the clients of all surfaces use.

Requests are sent unchanged: no path normalisation, redirects, cookies or added fields except Host and Content-Length.
Bodies are not decoded, but a ``readable`` client decompresses unrequested gzip. Responses are bounded in size and time.
A target that cannot be reached makes the check inconclusive (``Unreachable``); a connection that closes without a
response is a finding (``NoAnswer``).
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

import httpx

from conformance.clients.transport import errors, serialization
from conformance.clients.transport.origin_clients import Clients
from conformance.clients.transport.recording import Reading
from conformance.clients.transport.request_budget import RequestBudget
from conformance.clients.transport.retry_after import (
    DEFAULT_WAIT_S,
    asked_to_wait,
    asks_to_wait,
    is_unexplained_503,
    may_be_temporary,
    retry_after,
)
from conformance.evidence.curl import CURL
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import COUNTED_AS, CUT_OFF, Exchange
from conformance.vocabulary.finding import Inconclusive, NoAnswer, NotConnected, Unreachable

HeaderFields = Iterable[tuple[str, str | bytes]]
REDIRECTS = {301, 302, 303, 307, 308}
MOST_REDIRECTS = 10
REPLICA_TRIES = 18
"""Connections that reach a certain one of three replicas with a probability above 0.999: (2/3)^18 < 0.001."""
REACHED = "a target that can be reached and answers in time"
PASSED = "safe requests sent again, since a gateway reached no service in that moment"
CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
CONNECTION_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError)


@dataclass
class Limits:
    """Time limits in seconds, and the most bytes of a response."""

    connect_s: float = 5.0
    answer_s: float = 15.0
    answer_bytes: int = 16 * 1024 * 1024
    patience_s: float = 20.0

    @property
    def timeouts(self) -> dict[str, float]:
        """The timeouts for httpx's request extension."""
        return {"connect": self.connect_s, "read": self.answer_s, "write": self.answer_s, "pool": self.connect_s}


@dataclass
class HttpClient:
    """Sends requests to one origin (``base_url``, without a trailing slash) and records each exchange.

    ``patient``: repeat a request that is asked to slow down (429, 503, an error within 200) at most twice, each after
    at most ``limits.patience_s``. After vain waits it waits no more until a different response. Checks of rate limits
    turn it off. ``label`` names the client in the evidence. ``sink`` receives response bodies of any size in pieces;
    the exchange then has only their start. ``unzips``: see ``readable``.
    """

    base_url: str
    recorder: Recorder
    limits: Limits = field(default_factory=Limits)
    budget: RequestBudget = field(default_factory=RequestBudget)
    patient: bool = True
    tls: ssl.SSLContext | None = None
    label: str = "http"
    sink: Callable[[bytes], object] | None = None
    unzips: bool = False
    retries_gateway_errors: bool = False
    clients: Clients = field(default=None, repr=False)  # type: ignore[assignment]  # made in __post_init__
    retry_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    waited_in_vain: bool = field(default=False, init=False)
    has_unzipped: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self.clients = self.clients or Clients(self.recorder, self.budget, self.tls)

    def close(self) -> None:
        """Close the connections."""
        self.clients.close()

    def labelled(self, label: str) -> HttpClient:
        """Return a client with shared connections and another label in the evidence."""
        return replace(self, label=label)

    def impatient(self) -> HttpClient:
        """Return a client with shared connections that returns a 429 at once."""
        return replace(self, patient=False)

    def readable(self) -> HttpClient:
        """Return a client with shared connections that decompresses unrequested gzip.

        One check reports such gzip (RFC 9110 section 12.5.3); the others can still read the responses.
        """
        return replace(self, unzips=True)

    @property
    def curl(self) -> str:
        """The start of a curl command that decompresses gzip if this client had to."""
        return f"{CURL} --compressed" if self.has_unzipped else CURL

    def retrying(self) -> HttpClient:
        """Return a client with shared connections that repeats a safe request once after a gateway error.

        Unsafe requests still show gateway errors.
        """
        return replace(self, retries_gateway_errors=True)

    def into(self, sink: Callable[[bytes], object]) -> HttpClient:
        """Return a client with shared connections that passes response bodies to ``sink`` in pieces."""
        return replace(self, sink=sink)

    def on_new_connection(self) -> HttpClient:
        """Return a client with its own connections."""
        return replace(self, clients=Clients(self.recorder, self.budget, self.tls))

    def on_each_replica(self, times: int = REPLICA_TRIES) -> Iterator[HttpClient]:
        """Yield this client with new connections, often enough to reach each of three replicas."""
        for _ in range(times):
            client = self.on_new_connection()
            try:
                yield client
            finally:
                client.close()

    def send(
        self, method: str, target: str, headers: HeaderFields = (), body: bytes | Iterable[bytes] = b""
    ) -> Exchange:
        """Send one request and return the exchange; ``target`` is path and query as on the wire, or a whole URL.

        A body in pieces is sent in chunked transfer coding; an iterator cannot be sent again. Raises Unreachable,
        NoAnswer, or Inconclusive if the target keeps returning 429 or the request cannot be sent.
        """
        return self.patiently(
            lambda: self._once(method, target, tuple(headers), body),
            f"{method} {target}",
            not isinstance(body, Iterator),
        )

    def patiently(self, once: Callable[[], Exchange], what: str, again: bool = True) -> Exchange:
        """Return the response to the request ``what``, which ``once`` sends; repeat it, if ``again``, after waiting.

        Raises Inconclusive if the target keeps asking to wait.
        """
        exchange = once()
        if self._may_be_temporary(exchange) and self.patient and again and not self.waited_in_vain:
            # Once only: the target did not ask to wait.
            self.recorder.pause(DEFAULT_WAIT_S, exchange.id)
            self.budget.admit_repeat()
            exchange = once()
            self.waited_in_vain = self._may_be_temporary(exchange)
            if not self.waited_in_vain:
                self.recorder.event(PASSED)
        if not asks_to_wait(exchange) or not self.patient:
            if counted := COUNTED_AS.get(exchange.status):
                self.recorder.event(counted)
            self.waited_in_vain = self.waited_in_vain and (asks_to_wait(exchange) or self._may_be_temporary(exchange))
            return exchange
        if not again:
            raise asked_to_wait(f"{what} is answered {exchange.status}, and its body cannot be sent again", exchange)
        for times in () if self.waited_in_vain else (1, 2):  # Many state one second, whatever is left of their window.
            self.recorder.pause(min(times * retry_after(exchange), self.limits.patience_s), exchange.id)
            # Sequentially: concurrent requests would exceed the limit again.
            with self.retry_lock:
                self.budget.admit_repeat()
                exchange = once()
            if not asks_to_wait(exchange):
                break
        self.waited_in_vain = asks_to_wait(exchange)
        if self.waited_in_vain:
            raise asked_to_wait(f"{what} is answered {exchange.status} again after waiting", exchange)
        return exchange

    def _may_be_temporary(self, exchange: Exchange) -> bool:
        if not self.retries_gateway_errors or not may_be_temporary(exchange):
            return is_unexplained_503(exchange)
        # Evidence of an earlier suite version has no second response.
        recording = self.recorder.recording
        return recording is None or recording.has(exchange.method, exchange.url)

    def get(self, target: str, headers: HeaderFields = ()) -> Exchange:
        """Send a GET request."""
        return self.send("GET", target, headers)

    def url_of(self, target: str) -> str:
        """Return the whole URL of a target."""
        return target if "://" in target else self.base_url + target

    def _once(
        self, method: str, target: str, headers: tuple[tuple[str, str | bytes], ...], body: bytes | Iterable[bytes]
    ) -> Exchange:
        url = self.url_of(target)
        reading = Reading(self.label, self.limits.answer_s, self.limits.answer_bytes, self.sink, self.unzips)
        try:
            request = serialization.request(method, url, headers, body)
            request.extensions.update(reading=reading, timeout=self.limits.timeouts)
        except UNSENDABLE as mistake:
            raise self._unsendable(method, url, mistake) from None
        try:
            self.clients.send(request).close()
        except httpx.TransportError as failure:
            raise self._no_answer(request.extensions["exchange"], failure) from None
        self.has_unzipped |= reading.has_unzipped
        # The request is part of a reference cycle, which would keep a large body in memory.
        exchange: Exchange = request.extensions.pop("exchange")
        return exchange

    def _unsendable(self, method: str, url: str, why: object) -> Inconclusive:
        """Return the reason for an invalid request, whose address or token comes from the target."""
        request_line, reason = self.recorder.redactor.body(f"{method} {url}"), self.recorder.redactor.text(str(why))
        return Inconclusive(
            f"the request cannot be sent: {errors.shortened(request_line)}: {errors.shortened(reason)}",
            "a target whose addresses, tokens and names are valid in HTTP",
        )

    def _no_answer(self, sent: Exchange, failure: httpx.TransportError) -> Exception:
        if isinstance(failure, errors.BrokenOff):
            return failure
        reason = self.recorder.redactor.text(str(failure)) or type(failure).__name__
        request_line = self.recorder.redactor.body(f"{sent.method} {sent.url}")
        if isinstance(failure, errors.Overrun):
            return Unreachable(f"{request_line}: {reason}", "a target that answers within its limits")
        if isinstance(failure, httpx.LocalProtocolError):
            return self._unsendable(sent.method, sent.url, reason)
        if isinstance(failure, CLOSED):
            return self._closed(sent, request_line, reason, isinstance(failure, errors.Excess))
        unreachable = (NotConnected if isinstance(failure, CONNECTION_ERRORS) else Unreachable)(
            f"{request_line}: {reason}", REACHED
        )
        unreachable.exchange_ids = [sent.id]
        return unreachable

    def _closed(self, sent: Exchange, request_line: str, reason: str, excess: bool) -> NoAnswer:
        if not excess:
            self.recorder.event(CUT_OFF)
        finding = NoAnswer(request_line, reason if excess else f"the connection closed without one ({reason})")
        finding.exchange_ids = [sent.id]
        return finding


def address_in(base: str, reference: str) -> str:
    """Resolve a target's reference (RFC 3986 section 5.2); on the same host, with the scheme and host of ``base``.

    An invalid reference is returned unchanged; a request to it is Inconclusive.
    """
    try:
        return on_requested_origin(urljoin(base, reference), base)
    except ValueError:
        return reference


def on_requested_origin(address: str, base: str) -> str:
    """Return an address on the host of ``base`` with the scheme, host and port of ``base``; any other unchanged.

    Case and the default port do not matter (RFC 3986 section 6.2). A service that does not know of the TLS in front of
    it returns http:// addresses, which another check reports. They are requested by https here: otherwise logins would
    travel unencrypted.
    """
    if not on_one_host(address, base) and not is_plain_http_of(base, address):
        return address
    here = urlsplit(base)
    return f"{here.scheme}://{here.netloc}{address.partition('://')[2].removeprefix(authority_of(address))}"


def is_plain_http_of(base: str, address: str) -> bool:
    """Return whether an address is the http:// form of the https origin of ``base``."""
    try:
        other, here = urlsplit(address), urlsplit(base)
        ports = (other.port or 80, here.port or 443)
    except ValueError:
        return False
    if (other.scheme, here.scheme, other.hostname) != ("http", "https", here.hostname):
        return False
    return ports == (80, 443) or other.port == here.port


def authority_of(url: str) -> str:
    """Return the authority of a URL, which may be invalid."""
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def on_one_host(one: str, other: str) -> bool:
    """Return whether two addresses have the same origin; False if one is invalid."""
    try:
        return serialization.split(one)[0] == serialization.split(other)[0]
    except (ValueError, httpx.UnsupportedProtocol):
        return False


def followed(
    reply: Exchange, ask: Callable[[str], Exchange], may: Callable[[str, str], bool] = lambda here, there: True
) -> Exchange:
    """Follow up to ten redirects of a response (RFC 9110 section 15.4), as far as ``may(from, to)`` permits."""
    for _ in range(MOST_REDIRECTS):
        location = reply.headers.get("location")
        if reply.status not in REDIRECTS or not location:
            break
        target = address_in(reply.url, location)
        if not may(reply.url, target):
            break
        reply = ask(target)
    return reply
