"""The first contact with a surface: a client, and plain explanations of why it does not respond."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from conformance.clients.http import HeaderFields, HttpClient, Limits, address_in, authority_of
from conformance.clients.transport.connections import authorities
from conformance.clients.transport.request_budget import RequestBudget
from conformance.clients.transport.retry_after import asks_to_wait, retry_after
from conformance.evidence.recorder import Recorder
from conformance.evidence.secrets import learn_secrets
from conformance.preflight.state import SurfaceState
from conformance.target.description import Target, parse_rate
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotConnected
from conformance.vocabulary.values import seconds_of_date

T = TypeVar("T")

ROUND_TRIPS = 5
LONGEST_ORIGIN = 100
LARGEST_ANSWER = 4 * 1024 * 1024
NEGLIGIBLE_SKEW_S = 2.0
NO_ANSWER, NO_CONNECTION = "no answer in time", "no connection in time"
CAUSES = (
    (r"certificate has expired", "the TLS certificate has expired"),
    (r"[Hh]ostname mismatch|IP address mismatch|doesn't match", "the TLS certificate is for another host"),
    (
        r"self[- ]signed|unable to get (local )?issuer|CERTIFICATE_VERIFY_FAILED",
        "the TLS certificate is not trusted; ca_file in the target file names an authority to trust",
    ),
    (r"WRONG_VERSION_NUMBER|record layer failure", "no TLS is spoken there; is it an http:// address?"),
    (r"Name or service not known|getaddrinfo|nodename nor|name resolution", "the host name cannot be resolved"),
    (r"Connection refused", "the connection is refused; nothing listens there"),
    (r"timed out", NO_ANSWER),
    (r"is larger than|does not end within", "the answer is too large or does not end"),
    (r"unreachable|No route to host", "there is no route to the host"),
)


class Failed(Exception):
    """A request got no response, and why. ``closed``: the server closed the connection instead."""

    def __init__(self, why: str, request: str, closed: bool) -> None:
        super().__init__(why)
        self.request, self.closed = request, closed


@dataclass
class Contact:
    """A surface's client, and what the target file says about the surface.

    ``unanswered``: a request got no response after the surface had responded to another.
    """

    target: Target
    http: HttpClient
    unanswered: bool = False

    def ask(self, method: str, path: str, headers: HeaderFields = (), body: bytes = b"") -> Exchange:
        """Send a request, once more if the response asks to wait (429, or such a 503); Failed without a response."""
        try:
            reply = self.http.send(method, path, headers, body)
            if asks_to_wait(reply):
                self.http.recorder.pause(min(retry_after(reply), self.http.limits.answer_s))
                reply = self.http.send(method, path, headers, body)
            return reply
        except (Inconclusive, NonConformance) as failure:
            place = path.removeprefix(self.http.base_url).partition("?")[0]
            request = f"{method} {self.http.recorder.redactor.text(place)}".rstrip()
            closed = isinstance(failure, NonConformance)
            raise Failed(self._cause(failure, self.http.url_of(path)), request, closed) from None

    def first(self, state: SurfaceState, ask: Callable[[], Exchange], light: str) -> Exchange:
        """Return the response to a first request; if the server closes the connection, to GET of a light path.

        Failed if that has no response either: the surface does not respond at all.
        """
        try:
            return ask()
        except Failed as failure:
            if not failure.closed:
                raise
            reply = self.ask("GET", light)
            self._note_failure(state, failure)
            return reply

    def attempt(self, state: SurfaceState, step: Callable[[], T]) -> T | None:
        """Return the result of a further step; None if a request of it gets no response, which is noted.

        The surface responds to other requests, so its checks judge the failure.
        """
        try:
            return step()
        except Failed as failure:
            self._note_failure(state, failure)
            return None

    def _note_failure(self, state: SurfaceState, failure: Failed) -> None:
        self.unanswered = True
        state.fail(f"{failure.request}: {failure}")

    def _cause(self, failure: Inconclusive | NonConformance, url: str) -> str:
        # The text names the host, not the URL: a webhook's URL is secret.
        where = authority_of(url)
        if isinstance(failure, NonConformance):
            short = re.search(r"received \d+ bytes, expected \d+", failure.observed)
            why = f" that is whole ({short[0]})" if short else ""
            return f"{where}: the connection was closed without an answer{why}"
        if proxy := re.search(r"the proxy .* in [A-Z]+_PROXY .*", failure.why):
            return f"{where}: {proxy[0]}"
        for pattern, explanation in CAUSES:
            if re.search(pattern, failure.why):
                # A TLS handshake times out once there is a connection.
                unconnected = isinstance(failure, NotConnected) and "handshake" not in failure.why
                return f"{where}: {NO_CONNECTION if explanation == NO_ANSWER and unconnected else explanation}"
        reason = failure.why.rpartition(": ")[2].replace(self.http.base_url, where)
        return f"{where}: {self.http.recorder.redactor.text(reason)}"


def recorder_for(target: Target) -> Recorder:
    """Return a recorder that redacts the target's secrets."""
    recorder = Recorder(prefix="preflight")
    learn_secrets(recorder.redactor, target)
    return recorder


def contact(target: Target, url: str, recorder: Recorder, longest_s: float | None = None) -> Contact:
    """Return a contact for a URL; ``longest_s`` shortens the target's time limits."""
    limits = Limits(target.limits.connect, target.limits.answer, LARGEST_ANSWER)
    if longest_s is not None:
        limits = replace(limits, connect_s=min(limits.connect_s, longest_s), answer_s=min(limits.answer_s, longest_s))
    budget = RequestBudget()
    if target.rate is not None:
        requests, seconds = parse_rate(target.rate)
        budget = RequestBudget(requests / seconds)
    tls = authorities(target.ca_file) if target.ca_file else None
    http = HttpClient(url, recorder, limits, budget, patient=False, tls=tls, label="preflight")
    return Contact(target, http.readable())


def is_html(reply: Exchange) -> bool:
    """Return whether a response is a web page."""
    return reply.media_type in ("text/html", "application/xhtml+xml") or is_page(reply)


def is_page(reply: Exchange) -> bool:
    """Return whether a body begins like a whole page: some frameworks label every text as HTML."""
    return reply.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def not_the_surface(reply: Exchange, due: str, is_foreign: Callable[[Exchange], bool] = is_html) -> str:
    """Return why a response cannot be the surface's own (a gateway's error, a redirect, a web page), or ""."""
    if reply.status in GATEWAY_ERRORS:
        return f"answers {reply.status}: a gateway whose service is down"
    if 300 <= reply.status < 400 and reply.status != 304:
        return f"answers {reply.status}, a redirect to {_redirect_origin(reply)}; is the address right?"
    # A page with an error status may be the surface's own poor error, which the checks judge.
    if is_foreign(reply) and reply.status not in (400, 401, 403, 405):
        return f"answers {reply.status} with HTML where {due} is due; is the address right?"
    return ""


def _redirect_origin(reply: Exchange) -> str:
    """Return scheme and host of a redirect's target; the rest of the address may contain secrets."""
    location = reply.headers.get("location")
    if not location:
        return "no address that it names"
    address = address_in(reply.url, location)
    scheme, _, _ = address.partition("://")
    origin = f"{scheme}://{authority_of(address).rpartition('@')[2]}"
    return "another path of it" if reply.url.startswith(f"{origin}/") else origin[:LONGEST_ORIGIN]


def measure(state: SurfaceState, contact: Contact, method: str, path: str, headers: HeaderFields = ()) -> None:
    """Measure the target's clock and the round trip over an open connection."""
    replies = contact.attempt(state, lambda: [contact.ask(method, path, headers) for _ in range(ROUND_TRIPS)])
    if replies is None:
        return
    state.round_trip_s = round(statistics.median(reply.duration_s for reply in replies), 6)
    state.shortest_trip_s = round(min(reply.duration_s for reply in replies), 6)
    state.ok(f"a round trip takes {state.round_trip_s * 1000:.1f} ms")
    _clock(state, replies[-1])


def _clock(state: SurfaceState, reply: Exchange) -> None:
    date = seconds_of_date(reply.headers.get("date") or "")
    if date is None:
        state.warn("answers carry no Date, so its clock is unknown")
        return
    # A Date is rounded down to the second, on average by half a second.
    skew = date + 0.5 - (reply.started + reply.duration_s / 2)
    state.clock_skew_s = round(skew, 1)
    if abs(skew) <= NEGLIGIBLE_SKEW_S:
        state.ok("its clock agrees with ours")
    else:
        state.warn(f"its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours")


def run_name() -> str:
    """Return a name for a resource that is removed at once, in the form that the sweep knows."""
    import secrets

    from conformance.sandbox.names import Names, base36

    return Names(base36(int(time.time())).rjust(7, "0") + secrets.token_hex(2), "preflight").new()
