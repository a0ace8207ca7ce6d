"""The recorded HTTP client that all surfaces' clients speak through.

Requests go out exactly as given: the path is not normalised, no redirect is
followed, no cookie kept, no header invented but Host and Content-Length, no body decoded (a ``readable`` client
takes off gzip that nobody asked for). Answers are
bounded in size and time. What cannot be had from the target ends the check as inconclusive
(``Unreachable``) or, where the connection closes without an answer, as a finding (``NoAnswer``).
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
from conformance.clients.transport.rate_limiter import Pace
from conformance.clients.transport.recording import Reading
from conformance.clients.transport.retry_after import (
    UNTOLD_S,
    asked_to_wait,
    asks_to_wait,
    may_pass,
    retry_after,
    says_not_why,
)
from conformance.evidence.curl import ASK
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import CUT_OFF, MET, Exchange
from conformance.vocabulary.finding import Inconclusive, NoAnswer, NotConnected, Unreachable

HeaderFields = Iterable[tuple[str, str | bytes]]
REDIRECTS = {301, 302, 303, 307, 308}
MOST_REDIRECTS = 10
REPLICA_TRIES = 18
"""Requests over as many connections meet one of three replicas with a probability above 0.999: (2/3)^18 < 0.001."""
REACHED = "a target that can be reached and answers in time"
PASSED = "safe requests sent again, since a gateway reached no service in that moment"
CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
NOBODY = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError)


@dataclass
class Limits:
    """How long to wait for what, in seconds, and how large an answer may be, in bytes."""

    connect_s: float = 5.0
    answer_s: float = 15.0
    answer_bytes: int = 16 * 1024 * 1024
    patience_s: float = 20.0

    @property
    def timeouts(self) -> dict[str, float]:
        """The timeouts in the form of httpx's request extension."""
        return {"connect": self.connect_s, "read": self.answer_s, "write": self.answer_s, "pool": self.connect_s}


@dataclass
class HttpClient:
    """Sends requests to one origin (``base_url``, without a trailing slash) and records each exchange.

    ``patient``: a 429, or a 503 or an error within 200 that asks to slow down, is waited for, at most twice, each time
    within ``limits.patience_s``; all is recorded. A check of the limit itself turns that off. After waits in vain none
    is waited for until an answer is another. ``label`` names the client in the evidence. ``sink`` takes the bodies
    of answers as they come, of any size; of those the exchange has the beginning alone. ``unzips``: see ``readable``.
    """

    base_url: str
    recorder: Recorder
    limits: Limits = field(default_factory=Limits)
    pace: Pace = field(default_factory=Pace)
    patient: bool = True
    tls: ssl.SSLContext | None = None
    label: str = "http"
    sink: Callable[[bytes], object] | None = None
    unzips: bool = False
    forgives: bool = False
    clients: Clients = field(default=None, repr=False)  # type: ignore[assignment]  # made in __post_init__
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    waited_in_vain: bool = field(default=False, init=False)
    has_unzipped: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self.clients = self.clients or Clients(self.recorder, self.pace, self.tls)

    def close(self) -> None:
        """Closes the connections."""
        self.clients.close()

    def labelled(self, label: str) -> HttpClient:
        """The same client (connections shared) under another label in the evidence."""
        return replace(self, label=label)

    def impatient(self) -> HttpClient:
        """The same client (connections shared) that gives a 429 to its caller at once."""
        return replace(self, patient=False)

    def readable(self) -> HttpClient:
        """The same client (connections shared) for answers that are read: gzip that nobody asked for is taken off.

        To send it is a finding of one check (RFC 9110 section 12.5.3), and no reason that all others read nothing.
        """
        return replace(self, unzips=True)

    @property
    def asking(self) -> str:
        """The words by which curl reads what this client does: with gzip taken off, where that was to be."""
        return f"{ASK} --compressed" if self.has_unzipped else ASK

    def forgiving(self) -> HttpClient:
        """The same client (connections shared) that asks once more what is safe and a gateway answers in a bad moment.

        Checks of one request judge what is answered then; that gateways do so is told by who sends what is not safe.
        """
        return replace(self, forgives=True)

    def into(self, sink: Callable[[bytes], object]) -> HttpClient:
        """The same client (connections shared) that hands the bodies of answers on, part by part."""
        return replace(self, sink=sink)

    def on_new_connection(self) -> HttpClient:
        """The same client with connections of its own."""
        return replace(self, clients=Clients(self.recorder, self.pace, self.tls))

    def on_each_replica(self, times: int = REPLICA_TRIES) -> Iterator[HttpClient]:
        """Yield this client with new connections, so often that each of three replicas is probably met."""
        for _ in range(times):
            client = self.on_new_connection()
            try:
                yield client
            finally:
                client.close()

    def send(
        self, method: str, target: str, headers: HeaderFields = (), body: bytes | Iterable[bytes] = b""
    ) -> Exchange:
        """Sends one request and returns the exchange; ``target`` is path and query as on the wire, or a whole URL.

        A body given in parts goes in chunked transfer coding; as an iterator it cannot be sent again. Raises
        Unreachable, NoAnswer, or Inconclusive where the target goes on answering 429 or the request cannot be sent.
        """
        return self.patiently(
            lambda: self._once(method, target, tuple(headers), body),
            f"{method} {target}",
            not isinstance(body, Iterator),
        )

    def patiently(self, once: Callable[[], Exchange], what: str, again: bool = True) -> Exchange:
        """The answer to a request that ``once`` sends, and sends ``again``, if it can, where it is asked to wait.

        ``what`` names the request. Raises what ``once`` does, and Inconclusive where the target goes on asking to wait.
        """
        exchange = once()
        if self._may_pass(exchange) and self.patient and again and not self.waited_in_vain:
            # What is answered then stands: nobody knows that to wait was what it meant.
            self.recorder.pause(UNTOLD_S, exchange.id)
            exchange = once()
            self.waited_in_vain = self._may_pass(exchange)
            if not self.waited_in_vain:
                self.recorder.event(PASSED)
        if not asks_to_wait(exchange) or not self.patient:
            if met := MET.get(exchange.status):
                self.recorder.event(met)
            self.waited_in_vain = self.waited_in_vain and (asks_to_wait(exchange) or self._may_pass(exchange))
            return exchange
        if not again:
            raise asked_to_wait(f"{what} is answered {exchange.status}, and its body cannot be sent again", exchange)
        for times in () if self.waited_in_vain else (1, 2):  # Many say a second, whatever is left of their window.
            self.recorder.pause(min(times * retry_after(exchange), self.limits.patience_s), exchange.id)
            # Several that were too many at once are sent again one by one, as they would else be too many again.
            with self.turn:
                exchange = once()
            if not asks_to_wait(exchange):
                break
        self.waited_in_vain = asks_to_wait(exchange)
        if self.waited_in_vain:
            raise asked_to_wait(f"{what} is answered {exchange.status} again after waiting", exchange)
        return exchange

    def _may_pass(self, exchange: Exchange) -> bool:
        if not self.forgives or not may_pass(exchange):
            return says_not_why(exchange)
        # Evidence of an earlier suite has the one answer alone.
        recording = self.recorder.recording
        return recording is None or recording.has(exchange.method, exchange.url)

    def get(self, target: str, headers: HeaderFields = ()) -> Exchange:
        """GET of a target."""
        return self.send("GET", target, headers)

    def url_of(self, target: str) -> str:
        """The whole URL of a target."""
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
        # The request is part of a cycle, in which a large body would stay until the collector of garbage comes.
        exchange: Exchange = request.extensions.pop("exchange")
        return exchange

    def _unsendable(self, method: str, url: str, why: object) -> Inconclusive:
        """Checks make no such request by themselves: an address, a token or the like is as the target gave it."""
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
        unreachable = (NotConnected if isinstance(failure, NOBODY) else Unreachable)(
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
    """The address that a target's reference means (RFC 3986 section 5.2), spelled as ``base`` where it is of its host.

    One that means none stays as it stands: Inconclusive tells so to who sends a request there.
    """
    try:
        return on_requested_origin(urljoin(base, reference), base)
    except ValueError:
        return reference


def on_requested_origin(address: str, base: str) -> str:
    """An address of the very host that is asked, with scheme, host and port as they are asked; any other as it stands.

    A host is the same in capitals, and with the port that goes without saying (RFC 3986 section 6.2). A service that
    was not told of the TLS before it gives http:// addresses, which is a finding of its own: followed as they stand
    they would take logins out in clear, and nothing behind them could be judged.
    """
    if not on_one_host(address, base) and not without_the_tls_of(base, address):
        return address
    here = urlsplit(base)
    return f"{here.scheme}://{here.netloc}{address.partition('://')[2].removeprefix(authority_of(address))}"


def without_the_tls_of(base: str, address: str) -> bool:
    """Whether an address is the http:// one of the very host that ``base`` asks by https."""
    try:
        given, here = urlsplit(address), urlsplit(base)
        ports = (given.port or 80, here.port or 443)
    except ValueError:
        return False
    if (given.scheme, here.scheme, given.hostname) != ("http", "https", here.hostname):
        return False
    return ports == (80, 443) or given.port == here.port


def authority_of(url: str) -> str:
    """Host and port of a URL, which a target may have given: whatever stands in their place."""
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def on_one_host(one: str, other: str) -> bool:
    """Whether two addresses are of one scheme, host and port, however these are spelled; False where one is none."""
    try:
        return serialization.split(one)[0] == serialization.split(other)[0]
    except (ValueError, httpx.UnsupportedProtocol):
        return False


def followed(
    reply: Exchange, ask: Callable[[str], Exchange], may: Callable[[str, str], bool] = lambda here, there: True
) -> Exchange:
    """What an answer leads to by ten redirects at most (RFC 9110 section 15.4), as far as ``may`` lets go from here."""
    for _ in range(MOST_REDIRECTS):
        location = reply.headers.get("location")
        if reply.status not in REDIRECTS or not location:
            break
        target = address_in(reply.url, location)
        if not may(reply.url, target):
            break
        reply = ask(target)
    return reply
