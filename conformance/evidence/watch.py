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

from conformance.evidence.doubled import OF_REGISTRIES, doubled_field, doubled_name
from conformance.evidence.error_documents import document_flaw
from conformance.evidence.forms import HALVES
from conformance.evidence.methods import unnamed_methods
from conformance.evidence.object_fields import misshapen
from conformance.evidence.object_sizes import Sizes
from conformance.evidence.reads import digest_flaw, list_flaw
from conformance.evidence.refusals import ELSEWHERE, door_of, flaw, scope_flaw, warning_flaw
from conformance.evidence.result_documents import result_flaws
from conformance.evidence.sessions import Openings, subject_flaw
from conformance.evidence.signatures import misfit
from conformance.evidence.successes import REGISTRY, STORAGE, STORED, is_of_s3, received_flaw, tag_flaw, told_otherwise
from conformance.evidence.times import date_flaw
from conformance.evidence.untold import untold_json
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange

KEPT_SIGHTINGS = 20
FAILED, FAILED_GATEWAY = "a server error for", "a gateway's server error for"
ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")


def canary_of(run: str) -> str:
    """What stands in every text that a run has the other organization store: known to all its workers."""
    return f"canary-{run}"


class Watch:
    """``sightings`` are plain data: the entry of the evidence, the canary, where in the answer it stood.

    ``answers`` counts those that were searched, ``seen`` those that showed a canary to somebody who must not have it.
    ``misfits`` are the tokens whose signatures are not as long as they must be: the entry, and how long it is.
    ``bare`` are the entries of the organization APIs' answers of 401 that carry no challenge.
    ``flaws`` are refusals, warnings and dates of the registry and errors and entity tags of the gateway that have not
    their form, and successes of both that are told by another status than theirs; of the organization APIs each 500, by
    method and resource, and of the identity APIs what stands twice in an answer, JSON that is given as something
    else, and 405 without Allow: the entry, and what is wrong.
    """

    def __init__(self) -> None:
        self.sightings: list[dict[str, Any]] = []
        self.misfits: list[dict[str, Any]] = []
        self.bare: list[dict[str, Any]] = []
        self.flaws: list[dict[str, Any]] = []
        self.seen = 0
        self.answers = 0
        self._apis: tuple[str, ...] = ()
        self._identity: tuple[str, ...] = ()
        self._registry = self._own = self._gateway = ""
        self._canaries: dict[bytes, str] = {}
        self._theirs: frozenset[bytes] = frozenset()
        self._doors: list[str] = []
        self._openings = Openings()
        self._lock = threading.Lock()
        self._sizes = Sizes()

    def over(self, target: Target, run: str) -> None:
        """Watches for the canaries of a target and of a run; the role foreign's secrets tell who may have them."""
        for canary in [*(target.foreign.canaries if target.foreign else ()), canary_of(run)]:
            for form in (canary, json.dumps(canary)[1:-1], quote(canary)):
                self._canaries[form.encode()] = canary
        if target.identity:
            # Beside them on one host may be what answers 401 by other rules.
            self._apis = tuple(target.identity.url + each.path for each in target.identity.resources)
            paths = (target.identity.token_path, target.identity.jwks_path)
            self._identity = (*self._apis, *(target.identity.url + each for each in paths if each))
        self._registry = target.registry.url if target.registry else ""
        # Another organization's names may have a realm of their own.
        self._own = f"/v2/{target.registry.repository}" if target.registry else ""
        self._gateway = target.storage.endpoint if target.storage else ""
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
        if unchallenged and exchange.url.startswith(self._apis) and len(self.bare) < KEPT_SIGHTINGS:
            self.bare.append(entry())
        for wrong in filter(None, self._flaws_of(exchange)):
            if sum(each["wrong"] == wrong for each in self.flaws) < KEPT_SIGHTINGS:
                self.flaws.append({"entry": entry(), "wrong": wrong})
        if not any(form in content for content in _whole(exchange) for form in self._canaries):
            return
        for where, content in _parts(exchange):
            for form, canary in self._canaries.items():
                if form in content and not self._is_theirs(exchange) and not _sent(exchange, [form]):
                    self._note(entry, canary, where)
                    return

    def _flaws_of(self, exchange: Exchange) -> Iterator[str]:
        if exchange.url.startswith(self._identity):
            yield doubled_field(exchange)
            yield doubled_name(exchange)
            yield untold_json(exchange)
            yield unnamed_methods(exchange)
        if exchange.status == 500 and (paths := [each for each in self._apis if exchange.url.startswith(each)]):
            yield f"{FAILED} {exchange.method} {max(paths, key=len)}"
        if self._registry and exchange.url.startswith(f"{self._registry}/"):
            path = exchange.url.removeprefix(self._registry)
            yield told_otherwise(exchange, path, REGISTRY)
            if path.startswith("/v2/"):
                yield doubled_field(exchange, OF_REGISTRIES)
                yield received_flaw(exchange, path)
                yield digest_flaw(exchange, path)
                yield list_flaw(exchange, path)
                yield self._openings.flaw(exchange, path)
                yield subject_flaw(exchange, path)
                yield flaw(exchange, path) if 400 <= exchange.status < 500 else ""
                yield scope_flaw(exchange, path)
                yield warning_flaw(exchange) if "warning" in exchange.headers else ""
                yield date_flaw(exchange)
                if path == "/v2/" or path.startswith(self._own):
                    yield self._elsewhere(door_of(exchange))
        if self._gateway and exchange.url.startswith(f"{self._gateway}/") and is_of_s3(exchange):
            path = exchange.url.removeprefix(self._gateway)
            yield _failed_with(exchange, path)
            yield told_otherwise(exchange, path, STORAGE)
            yield tag_flaw(exchange, path)
            yield doubled_field(exchange)
            yield misshapen(exchange, path)
            yield self._sizes.flaw(exchange, path)
            yield document_flaw(exchange)
            yield from result_flaws(exchange, path)

    def _elsewhere(self, door: str) -> str:
        """What is to be looked at in a challenge: that it leads where none before it led, but the first."""
        if not door or door in self._doors or len(self._doors) == KEPT_SIGHTINGS:
            return ""
        self._doors.append(door)
        return ELSEWHERE if len(self._doors) > 1 else ""

    def _note(self, entry: Callable[[], dict[str, Any]], canary: str, where: str) -> None:
        self.seen += 1
        if len(self.sightings) < KEPT_SIGHTINGS:
            self.sightings.append({"entry": entry(), "canary": canary, "where": where})

    def _is_theirs(self, exchange: Exchange) -> bool:
        return _sent(exchange, self._theirs)

    def forget(self) -> None:
        """Forgets what was seen, as at the begin of a run."""
        self.sightings, self.misfits, self.bare, self.flaws = [], [], [], []
        self.seen = self.answers = 0
        self._doors = []
        self._openings = Openings()
        self._sizes = Sizes()

    def told(self) -> dict[str, Any]:
        """What a worker has seen, as plain data."""
        kept = {"sightings": self.sightings, "misfits": self.misfits, "bare": self.bare, "flaws": self.flaws}
        return {"answers": self.answers, "seen": self.seen, **kept}

    def join(self, told: dict[str, Any]) -> None:
        """Adds what another worker has seen."""
        self.answers += told["answers"]
        self.seen += told["seen"]
        self.sightings += told["sightings"]
        self.misfits += told["misfits"]
        self.bare += told["bare"]
        self.flaws += told["flaws"]


def _failed_with(exchange: Exchange, path: str) -> str:
    """A 500 of a method with such parameters; plain ones are thousands, of which two may fail by chance."""
    asked = {each.partition("=")[0] for each in path.partition("?")[2].split("&")} - {"", "x-id"}
    named = sorted(each for each in asked if not each.startswith("X-Amz-"))
    if exchange.status != 500 or not named:
        return ""
    return f"{FAILED_GATEWAY} {exchange.method} of {'an object' if STORED.match(path) else 'a bucket'} by {named}"


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
