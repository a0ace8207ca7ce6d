"""Looks through every answer of a run for what another organization stored, its canaries, and at every token.

A canary is a text that stands in the other organization's things and nowhere else. Every recorded answer is searched
whole, also what the evidence does not keep of it. What the other organization's own credentials are answered may
carry one, and so may an answer to who sent the canary itself.
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
from conformance.evidence.judgements.of_surfaces import Flaws
from conformance.evidence.secret_encodings import HALVES
from conformance.evidence.signatures import misfit
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange

KEPT_SIGHTINGS = 20
ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")


def canary_of(run: str) -> str:
    """What stands in every text that a run has the other organization store: known to all its workers."""
    return f"canary-{run}"


class Watch:
    """``sightings`` are plain data: the entry of the evidence, the canary, where in the answer it stood.

    ``answers`` counts those that were searched, ``seen`` those that showed a canary to somebody who must not have it.
    ``misfits`` are the tokens whose signatures are not as long as they must be: the entry, and how long it is.
    ``bare`` are the entries of the organization APIs' answers of 401 that carry no challenge.
    ``flaws`` are what is wrong with an answer whatever was asked: the entry, of which surface, what is wrong, and
    in detail where that is told. ``own`` are those of the check at hand that came when enough had been kept.
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

    def over(self, target: Target, run: str) -> None:
        """Watches for the canaries of a target and of a run; the role foreign's secrets tell who may have them."""
        for canary in [*(target.foreign.canaries if target.foreign else ()), canary_of(run)]:
            for form in (canary, json.dumps(canary)[1:-1], quote(canary)):
                self._canaries[form.encode()] = canary
        self._judge.over(target)
        if target.identity and "foreign" in target.identity.credentials:
            self.excuse(target.identity.credentials["foreign"].client_secret.reveal())
        if target.registry and "foreign" in target.registry.credentials:
            self.excuse(target.registry.credentials["foreign"].password.reveal())

    def excuse(self, secret: str) -> None:
        """Who sends this (a secret, a token) is the other organization itself."""
        # A new set each time: callers at once look through the one that they have.
        with self._lock:
            self._theirs = self._theirs | {secret.encode(errors=HALVES), quote(secret, safe="", errors=HALVES).encode()}

    def excuse_issued(self, exchange: Exchange, tokens: list[str]) -> None:
        """Tokens that the other organization was issued are its own as well."""
        if tokens and self._is_theirs(exchange):
            for token in tokens:
                self.excuse(token)

    def measure(self, tokens: list[str], entry: Callable[[], dict[str, Any]]) -> None:
        """Looks at the signatures of tokens that an answer issues."""
        for wrong in filter(None, map(misfit, tokens)):
            if len(self.misfits) < KEPT_SIGHTINGS:
                self.misfits.append({"entry": entry(), "wrong": wrong})

    def look(self, exchange: Exchange, entry: Callable[[], dict[str, Any]]) -> None:
        """Searches one answer; ``entry`` makes that of the evidence."""
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
        """What is kept of the answers of a surface (identity, registry, storage) that are wrong in this way."""
        return list(filter(_is_of(surface, wrong), [*self.flaws, *self.own]))

    def begin_check(self) -> None:
        """Begins a check: no answer of its own is wrong yet."""
        self.own = []

    def forget(self) -> None:
        """Forgets what was seen, as at the begin of a run."""
        self.sightings, self.misfits, self.bare, self.flaws, self.own = [], [], [], [], []
        self.seen = self.answers = 0
        self._judge.forget()

    def told(self) -> dict[str, Any]:
        """What a worker has seen, as plain data."""
        kept = {"sightings": self.sightings, "misfits": self.misfits, "bare": self.bare, "flaws": self.flaws}
        return {"answers": self.answers, "seen": self.seen, **kept}

    def join(self, counts: dict[str, Any]) -> None:
        """Adds what another worker has seen."""
        self.answers += counts["answers"]
        self.seen += counts["seen"]
        self.sightings += counts["sightings"]
        self.misfits += counts["misfits"]
        self.bare += counts["bare"]
        self.flaws += counts["flaws"]


def _is_of(surface: str, wrong: str) -> Callable[[dict[str, Any]], bool]:
    return lambda flaw: (flaw["surface"], flaw["wrong"]) == (surface, wrong)


def _whole(exchange: Exchange) -> Iterator[bytes]:
    """All of an answer in few pieces: nearly none has a canary in any of them."""
    head = "\n".join([f"{name}: {value}" for name, value in exchange.headers])
    yield head.encode("utf-8", "surrogatepass")
    if not head.isascii():
        yield head.encode("latin-1", "replace")
    yield _unescaped(exchange.body)


def _unescaped(body: bytes) -> bytes:
    """A body with the plain characters that JSON permits to be written by their numbers (RFC 8259 section 7)."""
    return ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), body) if b"\\u00" in body else body


def _parts(exchange: Exchange) -> Iterator[tuple[str, bytes]]:
    for name, value in exchange.headers:
        yield f"the header field {name}", f"{name}: {value}".encode("utf-8", "surrogatepass")
        # Fields are read as Latin-1, a canary may have been written in UTF-8.
        yield f"the header field {name}", value.encode("latin-1", "replace")
    yield "the body", _unescaped(exchange.body)


def _sent(exchange: Exchange, forms: Iterable[bytes]) -> bool:
    """Whether a request carries one of these, also inside Basic credentials."""
    values = [value for _, value in exchange.request_headers]
    parts = [exchange.url.encode(), exchange.request_body, *(value.encode("latin-1", "replace") for value in values)]
    for value in values:
        if value[:6].lower() == "basic ":
            with contextlib.suppress(ValueError):
                parts.append(base64.b64decode(value[6:], validate=True))
    return any(form in part for form in forms for part in parts)
