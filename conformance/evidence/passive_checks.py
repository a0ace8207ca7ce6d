"""Passive checks: judge every response of a run, and search it for canaries of another organization.

A canary is a text that only the other organization's stored data contains. Every response is searched whole, even if
the evidence stores less of it. Responses to the other organization's own credentials, and to requests that contain
the canary themselves, may contain one.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.surfaces import Flaws
from conformance.evidence.secret_encodings import SURROGATES
from conformance.evidence.signatures import wrong_length
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange

KEPT_SIGHTINGS = 20
ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")


def canary_of(run: str) -> str:
    """Return the text that a run puts into all data stored for the other organization; the same in all workers."""
    return f"canary-{run}"


class PassiveChecks:
    """The results of the passive checks over all responses, as plain data.

    ``sightings`` are leaked canaries: evidence entry, canary and place in the response. ``seen`` counts them all, and
    ``answers`` the searched responses. ``misfits`` are tokens with a wrong signature length. ``bare`` are 401 responses
    of the organization APIs without a challenge. ``flaws`` have entry, surface, flaw and detail; ``own`` are those of
    the current check beyond the stored number.
    """

    def __init__(self) -> None:
        self.sightings: list[dict[str, Any]] = []
        self.misfits: list[dict[str, Any]] = []
        self.bare: list[dict[str, Any]] = []
        self.flaws: list[dict[str, Any]] = []
        self.own: list[dict[str, Any]] = []
        self.seen = 0
        self.answers = 0
        self._judge = Flaws()
        self._canaries: dict[bytes, str] = {}
        self._theirs: frozenset[bytes] = frozenset()
        self._lock = threading.Lock()

    def watch_target(self, target: Target, run: str) -> None:
        """Judge responses of a target, and search for its canaries and those of a run."""
        for canary in [*(target.foreign.canaries if target.foreign else ()), canary_of(run)]:
            for form in (canary, json.dumps(canary)[1:-1], quote(canary)):
                self._canaries[form.encode()] = canary
        self._judge.set_target(target)
        if target.identity and "foreign" in target.identity.credentials:
            self.exempt(target.identity.credentials["foreign"].client_secret.reveal())
        if target.registry and "foreign" in target.registry.credentials:
            self.exempt(target.registry.credentials["foreign"].password.reveal())

    def exempt(self, secret: str) -> None:
        """Permit canaries in responses to requests with this secret or token of the other organization."""
        # A new set, because other threads iterate over the current one.
        with self._lock:
            forms = secret, quote(secret, safe="", errors=SURROGATES)
            self._theirs |= {form.encode(errors=SURROGATES) for form in forms}

    def exempt_issued(self, exchange: Exchange, tokens: list[str]) -> None:
        """Exempt the tokens that were issued to the other organization."""
        if tokens and self._is_theirs(exchange):
            for token in tokens:
                self.exempt(token)

    def check_signatures(self, tokens: list[str], entry: Callable[[], dict[str, Any]]) -> None:
        """Judge the signature lengths of issued tokens."""
        for wrong in filter(None, map(wrong_length, tokens)):
            if len(self.misfits) < KEPT_SIGHTINGS:
                self.misfits.append({"entry": entry(), "wrong": wrong})

    def check(self, exchange: Exchange, entry: Callable[[], dict[str, Any]]) -> None:
        """Judge and search one response; ``entry`` makes its evidence entry."""
        self.answers += 1
        unchallenged = exchange.status == 401 and not "".join(exchange.headers.all("www-authenticate")).strip()
        if unchallenged and exchange.url.startswith(self._judge.apis) and len(self.bare) < KEPT_SIGHTINGS:
            self.bare.append(entry())
        for surface, flaw in self._judge.of(exchange):
            wrong, _, detail = flaw.partition(DETAIL)
            enough = sum(map(_is_of(surface, wrong), self.flaws)) >= KEPT_SIGHTINGS
            if not enough or not any(map(_is_of(surface, wrong), self.own)):
                kept = self.own if enough else self.flaws
                kept.append({"entry": entry(), "surface": surface, "wrong": wrong, "detail": detail})
        if not any(form in content for content in _whole(exchange) for form in self._canaries):
            return
        for where, content in _parts(exchange):
            for form, canary in self._canaries.items():
                if form in content and not self._is_theirs(exchange) and not _sent(exchange, [form]):
                    self._note(entry, canary, where)
                    return

    def _note(self, entry: Callable[[], dict[str, Any]], canary: str, where: str) -> None:
        self.seen += 1
        if len(self.sightings) < KEPT_SIGHTINGS:
            self.sightings.append({"entry": entry(), "canary": canary, "where": where})

    def _is_theirs(self, exchange: Exchange) -> bool:
        return _sent(exchange, self._theirs)

    def flawed(self, surface: str, wrong: str) -> list[dict[str, Any]]:
        """Return the stored flaws of this kind of a surface (identity, registry, storage)."""
        return list(filter(_is_of(surface, wrong), [*self.flaws, *self.own]))

    def begin_check(self) -> None:
        """Drop the extra flaws of the previous check."""
        self.own = []

    def reset(self) -> None:
        """Drop all results, as at the start of a run."""
        self.sightings, self.misfits, self.bare, self.flaws, self.own = [], [], [], [], []
        self.seen = self.answers = 0
        self._judge.reset()

    def summary(self) -> dict[str, Any]:
        """Return the results of this worker as plain data."""
        kept = {"sightings": self.sightings, "misfits": self.misfits, "bare": self.bare, "flaws": self.flaws}
        return {"answers": self.answers, "seen": self.seen, **kept}

    def join(self, counts: dict[str, Any]) -> None:
        """Add the results of another worker."""
        self.answers += counts["answers"]
        self.seen += counts["seen"]
        self.sightings += counts["sightings"]
        self.misfits += counts["misfits"]
        self.bare += counts["bare"]
        self.flaws += counts["flaws"]


def _is_of(surface: str, wrong: str) -> Callable[[dict[str, Any]], bool]:
    return lambda flaw: (flaw["surface"], flaw["wrong"]) == (surface, wrong)


def _whole(exchange: Exchange) -> Iterator[bytes]:
    """Yield a whole response in few pieces, to find quickly that it has no canary."""
    head = "\n".join([f"{name}: {value}" for name, value in exchange.headers])
    yield head.encode("utf-8", "surrogatepass")
    if not head.isascii():
        yield head.encode("latin-1", "replace")
    yield _unescaped(exchange.body)


def _unescaped(body: bytes) -> bytes:
    r"""Decode the ASCII characters that JSON permits to be written as ``\u00XX`` (RFC 8259 section 7)."""
    return ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), body) if b"\\u00" in body else body


def _parts(exchange: Exchange) -> Iterator[tuple[str, bytes]]:
    for name, value in exchange.headers:
        yield f"the header field {name}", f"{name}: {value}".encode("utf-8", "surrogatepass")
        # Fields are read as Latin-1, but a canary may be in UTF-8.
        yield f"the header field {name}", value.encode("latin-1", "replace")
    yield "the body", _unescaped(exchange.body)


def _sent(exchange: Exchange, forms: Iterable[bytes]) -> bool:
    """Return whether a request contains one of these, also inside Basic credentials."""
    values = [value for _, value in exchange.request_headers]
    parts = [exchange.url.encode(), exchange.request_body, *(value.encode("latin-1", "replace") for value in values)]
    for value in values:
        if value[:6].lower() == "basic ":
            with contextlib.suppress(ValueError):
                parts.append(base64.b64decode(value[6:], validate=True))
    return any(form in part for form in forms for part in parts)
