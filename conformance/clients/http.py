"""The recorded HTTP client that all surfaces' clients speak through.

Requests go out exactly as given: the path is not normalised, no redirect is
followed, no cookie kept, no header invented but Host and Content-Length, no body decoded (a ``readable`` client
takes off gzip that nobody asked for). Answers are
bounded in size and time. What cannot be had from the target ends the check as inconclusive
(``Unreachable``) or, where the connection closes without an answer, as a finding (``NoAnswer``).
"""

from __future__ import annotations

import io
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from conformance.clients.transport import connections, errors, serialization
from conformance.clients.transport.connections import Answer, Connections, Request
from conformance.clients.transport.errors import TransportError, UnsupportedProtocol
from conformance.clients.transport.rate_limiter import Pace
from conformance.clients.transport.retry_after import (
    UNTOLD_S,
    asked_to_wait,
    asks_to_wait,
    may_pass,
    retry_after,
    says_not_why,
)
from conformance.evidence.curl import ASK
from conformance.evidence.recorded_responses import Stored
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import CUT_OFF, MET, Exchange, Headers
from conformance.vocabulary.finding import Inconclusive, NoAnswer, NotConnected, Unreachable
from conformance.vocabulary.values import unzipped

KEPT_OF_STREAM = 64 * 1024
HeaderFields = Iterable[tuple[str, str | bytes]]
REDIRECTS = {301, 302, 303, 307, 308}
MOST_REDIRECTS = 10
ZIPPED = ("gzip", "x-gzip")
OVERRUN = "Overrun"
REACHED = "a target that can be reached and answers in time"
PASSED = "safe requests sent again, since a gateway reached no service in that moment"
SENT_AGAIN = "requests sent again, since a kept connection ended in the moment of its reuse"
CLOSED = (errors.RemoteProtocolError, errors.ReadError, errors.WriteError)


@dataclass
class Limits:
    """How long to wait for what, in seconds, and how large an answer may be, in bytes."""

    connect_s: float = 5.0
    answer_s: float = 15.0
    answer_bytes: int = 64 * 1024 * 1024
    patience_s: float = 20.0


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
    connections: Connections = field(default_factory=Connections, repr=False)
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    waited_in_vain: bool = field(default=False, init=False)
    has_unzipped: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")

    def close(self) -> None:
        """Closes the connections."""
        self.connections.close()

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
        return replace(self, connections=Connections())

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
        tape = self.recorder.tape
        return tape is None or tape.has(exchange.method, exchange.url)

    def get(self, target: str, headers: HeaderFields = ()) -> Exchange:
        """GET of a target."""
        return self.send("GET", target, headers)

    def url_of(self, target: str) -> str:
        """The whole URL of a target."""
        return target if "://" in target else self.base_url + target

    def _once(
        self, method: str, target: str, headers: tuple[tuple[str, str | bytes], ...], body: bytes | Iterable[bytes]
    ) -> Exchange:
        self.pace.wait()
        url = self.url_of(target)
        try:
            request = serialization.request(method, url, headers, body)
        except (TransportError, ValueError) as mistake:
            raise self._unsendable(method, url, mistake) from None
        fields, told = serialization.read(request.fields), serialization.told(body)
        sent = Exchange(self.recorder.next_id(), method, url, fields, told, 0, Headers(), b"", time.time(), 0.0)
        stored = self.recorder.stored(sent, self.label)
        if stored is not None:
            return self._again(stored)
        begun = time.perf_counter()
        try:
            return self._received(sent, request, begun)
        except TransportError as failure:
            sent = replace(sent, duration_s=time.perf_counter() - begun)
            said = self.recorder.redactor.text(str(failure)) or type(failure).__name__
            self.recorder.failed_request(sent, said, self.label, type(failure).__name__)
            raise self._no_answer(sent, type(failure), said) from None

    def _again(self, stored: Stored) -> Exchange:
        """What the check saw when this was recorded."""
        if stored.error is None:
            return stored.exchange
        if stored.error_type == OVERRUN:
            raise self._overran(stored.exchange, stored.error)
        raise self._no_answer(stored.exchange, getattr(errors, stored.error_type, TransportError), stored.error)

    def _received(self, sent: Exchange, request: Request, begun: float) -> Exchange:
        answer = self.connections.ask(request, self.limits.connect_s, self.limits.answer_s, self.tls)
        if answer.sent_again:
            self.recorder.event(SENT_AGAIN)
        try:
            body = self._body(sent, answer, begun)
        finally:
            answer.close()
        headers = serialization.read(answer.fields)
        exchange = Exchange(
            sent.id,
            sent.method,
            sent.url,
            sent.request_headers,
            sent.request_body,
            answer.status,
            headers,
            self._plain(sent, headers, body),
            sent.started,
            time.perf_counter() - begun,
        )
        self.recorder.exchange(exchange, self.label)
        return exchange

    def _plain(self, sent: Exchange, headers: Headers, body: bytes) -> bytes:
        coded = (headers.get("content-encoding") or "").strip().lower() in ZIPPED
        if not (self.unzips and coded and sent.request_headers.get("accept-encoding") == "identity"):
            return body
        plain = unzipped(body, self.limits.answer_bytes)
        self.has_unzipped |= plain is not None
        return body if plain is None else plain

    def _body(self, sent: Exchange, answer: Answer, begun: float) -> bytes:
        # Closed at once, since an exception that is kept somewhere would keep all of a large answer with it.
        with io.BytesIO() as kept:
            self._take_in(kept, sent, answer, begun)
            return kept.getvalue()

    def _take_in(self, kept: io.BytesIO, sent: Exchange, answer: Answer, begun: float) -> None:
        size = 0
        # A refusal's body is no part of what was asked for, all the less if the request is sent again.
        sink = self.sink if 200 <= answer.status < 300 else None
        for part in answer.parts(each_in_time=sink is not None):
            size += len(part)
            if sink is not None:
                sink(part)
                part = part[: max(0, KEPT_OF_STREAM - kept.tell())]
            kept.write(part)
            # What is handed on takes the time that its size takes; each part of it is awaited for its own.
            overrun = "" if sink else self._overrun(size, time.perf_counter() - begun)
            if overrun:
                kept.seek(0)
                beginning = replace(sent, status=answer.status, body=kept.read(KEPT_OF_STREAM))
                self.recorder.failed_request(beginning, f"the answer {overrun}", self.label, OVERRUN)
                raise self._overran(sent, f"the answer {overrun}")

    def _overran(self, sent: Exchange, how: str) -> Unreachable:
        told = self.recorder.redactor.body(f"{sent.method} {sent.url}")
        return Unreachable(f"{told}: {how}", "a target that answers within its limits")

    def _overrun(self, size: int, seconds: float) -> str:
        if size > self.limits.answer_bytes:
            return f"is larger than {self.limits.answer_bytes} bytes"
        return f"does not end within {self.limits.answer_s:g} s" if seconds > self.limits.answer_s else ""

    def _unsendable(self, method: str, url: str, why: object) -> Inconclusive:
        """Checks make no such request by themselves: an address, a token or the like is as the target gave it."""
        told, said = self.recorder.redactor.body(f"{method} {url}"), self.recorder.redactor.text(str(why))
        return Inconclusive(
            f"the request cannot be sent: {errors.shortened(told)}: {errors.shortened(said)}",
            "a target that gives addresses, tokens and names that HTTP can carry",
        )

    def _no_answer(self, sent: Exchange, failure: type[Exception], said: str) -> Exception:
        if issubclass(failure, errors.BrokenOff):
            return failure(said)
        told = self.recorder.redactor.body(f"{sent.method} {sent.url}")
        if issubclass(failure, errors.LocalProtocolError):
            return self._unsendable(sent.method, sent.url, said)
        if issubclass(failure, CLOSED):
            excess = issubclass(failure, errors.Excess)
            if not excess:
                self.recorder.event(CUT_OFF)
            finding = NoAnswer(told, said if excess else f"the connection closed without one ({said})")
            finding.exchange_ids = [sent.id]
            return finding
        nobody = issubclass(failure, (errors.ConnectError, errors.ConnectTimeout))
        unreachable = (NotConnected if nobody else Unreachable)(f"{told}: {said}", REACHED)
        unreachable.exchange_ids = [sent.id]
        return unreachable


def address_in(base: str, reference: str) -> str:
    """The address that a target's reference means (RFC 3986 section 5.2), spelled as ``base`` where it is of its host.

    One that means none stays as it stands: Inconclusive tells so to who sends a request there.
    """
    try:
        return as_asked(urljoin(base, reference), base)
    except ValueError:
        return reference


def as_asked(address: str, base: str) -> str:
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
        return connections.split(one)[0] == connections.split(other)[0]
    except (ValueError, UnsupportedProtocol):
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
