"""The recorder: stores the redacted exchanges and transcripts of the current check for the run record.

There is one recorder per process. The evidence of a check starts empty. That of each example of a property starts with
the check's preparation, so a failing property keeps only its smallest example. Threads of a check share the evidence.
One class, whose parts share one lock: the file stays whole above 400 lines.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.byte_encodings import beginning, is_unreadable, printed, without_secrets
from conformance.evidence.passive_checks import PassiveChecks
from conformance.evidence.recorded_responses import KEPT_BODY, KEPT_REQUEST, RecordedResponses, Stored
from conformance.evidence.redaction import ALTERED, Redactor
from conformance.evidence.run_length import pieces_of
from conformance.evidence.token_discovery import issued_tokens
from conformance.vocabulary.exchange import Exchange

KEPT_EXCHANGES = 1100  # per check: a check may create 1001 objects before the judged request
ORIGIN = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
NOT_ITS_OWN = (0, 502, 503, 504)
"""Statuses that are not from the service itself: no response, and those of a gateway in front of it."""
TOO_MUCH = "Excess"
"""The error type of more than one response to a request: the service is alive."""
ENDLESS = "Overrun"
"""The error type of a response that was larger or slower than the limits allow."""
BROKEN_OFF = "BrokenOff"
"""The error type of a request that the suite aborted, so that no response was expected."""

# A finished entry, or the parts to make it from: exchange, client, error and its type.
Recorded = dict[str, Any] | tuple[Exchange, str, str | None, str]


class Recorder:
    """Stores the evidence of one check at a time; ``prefix`` makes the ids of its exchanges unique.

    ``secret_names`` maps the name of an S3 access key to that of its secret, for curl lines. ``silent`` has, for each
    origin that currently does not respond, the first unanswered request. With a ``recording`` clients send nothing:
    stored evidence answers (``stored``, ``stored_transcript``).
    """

    def __init__(self, prefix: str = "x") -> None:
        self.redactor = Redactor()
        self.prefix = prefix
        # Entries are made on demand: those of most examples are never used.
        self._recorded: list[Recorded] = []
        self.requests = 0
        self.recipes: dict[str, str] = {}
        self.secret_names: dict[str, str] = {}
        self.events: Counter[str] = Counter()
        self.passive_checks = PassiveChecks()
        self._answered: dict[str, Recorded] = {}
        self.silent: dict[str, dict[str, Any]] = {}
        self.explored_failure = False
        self._prelude: list[Recorded] | None = None
        self._first: list[Recorded] = []
        self.prepared: list[dict[str, Any]] = []
        self._relied: list[Recorded] = []
        self._pauses: dict[str, tuple[float, str | None]] = {}
        self._pause_s = 0.0
        self._again: dict[int, str] = {}
        self.recording: RecordedResponses | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Drop the previous evidence."""
        self._recorded = []

    def begin_check(self) -> None:
        """Begin a check: drop everything about the previous one."""
        self.begin()
        self.passive_checks.begin_check()
        self.events.clear()
        self.explored_failure = False
        self._prelude = None
        self._first, self.prepared, self._relied = [], [], []
        self._pauses = {}
        self._pause_s = 0.0
        self._again = {}

    def prepare(self, recorded: Iterable[Recorded]) -> None:
        """Start findings with the writes that prepared the check's fixtures, if they are not in its evidence."""
        own = {id_of(each) for each in self._recorded}
        needed = {id_of(each): each for each in (*recorded, *self._relied)}
        other = [self.entry_of(each) for id, each in needed.items() if id not in own]
        self.prepared = [entry for entry in other if entry.get("method") not in ("GET", "HEAD")]

    def rely(self, recorded: Iterable[Recorded]) -> None:
        """Note the exchanges that created a resource of the current check, perhaps for another check."""
        self._relied.extend(recorded)

    def pause(self, seconds: float, again: str = "") -> None:
        """Sleep, and record the duration with the next request.

        ``again``: the exchange that this thread's next request repeats, because the target asked the client to wait.
        """
        time.sleep(max(0.0, seconds))
        with self._lock:
            self._pause_s += max(0.0, seconds)
            if again:
                self._again[threading.get_ident()] = again

    def begin_example(self) -> None:
        """Begin an example of a property; exchanges before the first example belong to each."""
        if self._prelude is None:
            self._prelude = list(self._recorded)
        elif not self._first:
            # The first example obtains tokens that later ones use too.
            self._first = list(self._recorded)
        self._recorded = list(self._prelude)

    def count_answers(self) -> None:
        """Count the status classes of the current example."""
        for recorded in self._recorded[len(self._prelude or []) :]:
            status = recorded.get("status") if isinstance(recorded, dict) else recorded[0].status
            if status:
                self.event(f"answers {status // 100}xx")

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The redacted evidence of the check so far: each exchange and transcript once, in order of completion."""
        with self._lock:
            entries = [self.entry_of(recorded) for recorded in self._recorded]
            self._recorded = [*entries]
        return list({entry["id"]: entry for entry in entries}.values())

    def __len__(self) -> int:
        return len(self._recorded)

    def ids_from(self, number: int) -> tuple[str, ...]:
        """Return the ids of the entries from this index."""
        return tuple(id_of(recorded) for recorded in self._recorded[number:])

    def evidence(self) -> list[dict[str, Any]]:
        """Return all entries to write: the preparation, the first example of a property, and the evidence."""
        first = map(self.entry_of, self._first)
        return list({entry["id"]: entry for entry in (*self.prepared, *first, *self.entries)}.values())

    def retain(self, entries: Iterable[dict[str, Any]]) -> None:
        """Make these entries, each once, the evidence of the check."""
        with self._lock:
            self._recorded = list({entry["id"]: entry for entry in entries}.values())

    def restore(self, entry: dict[str, Any]) -> None:
        """Insert a previously dropped entry before the current ones."""
        if entry not in self.entries:
            with self._lock:
                self._recorded.insert(0, entry)

    def last_answered(self, origin: str) -> dict[str, Any] | None:
        """Return the last exchange with a response from an origin (host and port), over all checks."""
        recorded = self._answered.get(origin)
        return None if recorded is None else self.entry_of(recorded)

    def answered(self) -> bool:
        """Return whether the last request of the check got a response."""
        last = self._recorded[-1] if self._recorded else None
        if last is None or (isinstance(last, dict) and last["kind"] != "exchange"):
            return False
        _, status, error_type = _outcome(last)
        return bool(status) or error_type == TOO_MUCH

    def unanswered(self) -> bool:
        """Return whether a request of the check got no response although one was due."""
        exchanges = (each for each in self._recorded if not isinstance(each, dict) or each["kind"] == "exchange")
        return any(not status and error not in (TOO_MUCH, BROKEN_OFF) for _, status, error in map(_outcome, exchanges))

    def recorded_from(self, number: int) -> list[Recorded]:
        """Return the records from this index, for ``reuse``."""
        return self._recorded[number:]

    def reuse(self, recorded: Iterable[Recorded]) -> None:
        """Add records of another check to the evidence of this one, without counting their requests."""
        shared = list(recorded)
        if self.recording is not None:
            self.recording.skip(id_of(each) for each in shared)
        with self._lock:
            self._recorded.extend(shared)

    def event(self, name: str) -> None:
        """Count an event for the report: a kind of example, a status class, a repeated request."""
        self.events[name] += 1

    def next_id(self) -> str:
        """Return a new exchange id, unique in the run."""
        return f"{self.prefix}-{next(self._numbers):06d}"

    def stored(self, sent: Exchange, client: str = "http") -> Stored | None:
        """Return the recorded response to a request when rejudging; None when requests are sent."""
        if self.recording is None:
            return None
        entry, stored = self.recording.answer(self._entry(sent, client), sent)
        self._look(stored.exchange, lambda: entry)
        self._keep(entry)
        return stored

    def stored_transcript(self, command: Iterable[str]) -> dict[str, Any] | None:
        """Return the recorded transcript of a command when rejudging; None when programs are run."""
        words = self._words(command) if self.recording is not None else []
        return self.stored_transcript_where(lambda recorded: recorded == words, *words[:1])

    def stored_transcript_where(self, same: Callable[[list[str]], bool], what: str = "") -> dict[str, Any] | None:
        """Return the recorded transcript whose command ``same`` accepts; None when programs are run."""
        if self.recording is None:
            return None
        entry = self.recording.transcript(same, what)
        self._keep(entry)
        return entry

    def reads_secret(self, what: str) -> None:
        """Note that a check reads the content of a secret: NotRecorded when rejudging."""
        if self.recording is not None:
            raise self.recording.miss(f"{what} is a secret, and not in the evidence")

    def exchange(self, exchange: Exchange, client: str = "http") -> None:
        """Record one exchange."""
        self._exchange(exchange, client, None)

    def failed_request(self, exchange: Exchange, error: str, client: str = "http", error_type: str = "") -> None:
        """Record a request without a response (``exchange.status`` is 0), the error and the exception's type."""
        self._exchange(exchange, client, error, error_type)

    def _words(self, command: Iterable[str]) -> list[str]:
        return [self.redactor.redact_parts(self.redactor.text(word)) for word in command]

    def transcript(
        self, command: Iterable[str], code: int, output: str, errors: str, duration_s: float, hook: str = "",
        undo: Iterable[str] = (),
    ) -> str:  # fmt: skip
        """Record the command and the output of a program; return the entry's id.

        ``hook`` is the name of an operator's command; ``undo`` is the command that reverts it.
        """
        self.redactor.learn_issued(output[:KEPT_BODY])
        words, undone_by = self._words(command), self._words(undo)
        entry = {
            "kind": "transcript",
            "id": self.next_id(),
            "command": words,
            "exit_code": code,
            "output": printed(output, self.redactor)[:KEPT_BODY],
            "errors": printed(errors, self.redactor)[:KEPT_BODY],
            "duration_s": round(duration_s, 6),
            "secrets": self.redactor.names_in([*words, *undone_by]),
            **{name: value for name, value in (("hook", hook), ("undo", undone_by)) if value},
        }
        self._keep(entry)
        return str(entry["id"])

    def recipe(self, name: str, command: str) -> None:
        """Store the shell command that obtains a secret of the run, such as a token, again."""
        self.recipes[name] = command

    def recall(self, entry: dict[str, Any]) -> str:
        """Add a copy of an exchange of another check to the evidence; return its new id.

        The token numbers are dropped, since they may be of another process.
        """
        copy = {name: value for name, value in entry.items() if name != "tokens"} | {"id": self.next_id()}
        with self._lock:
            self._recorded.append(copy)
        return str(copy["id"])

    def _exchange(self, exchange: Exchange, client: str, error: str | None, error_type: str = "") -> None:
        self._look(exchange, lambda: self._entry(exchange, client, error))
        large = max(len(exchange.body), len(exchange.request_body)) > KEPT_BODY
        self._keep(self._entry(exchange, client, error, error_type) if large else (exchange, client, error, error_type))

    def _look(self, exchange: Exchange, entry: Callable[[], dict[str, Any]]) -> None:
        """Learn the secrets in a response, and run the passive checks on it."""
        self.redactor.learn_created(start := beginning(exchange.body))
        if b"token" in start:
            text = start.decode("utf-8", "replace")
            self.redactor.learn_issued(text)
            tokens = issued_tokens(text)
            self.passive_checks.exempt_issued(exchange, tokens)
            self.passive_checks.check_signatures(tokens, entry)
        self.passive_checks.check(exchange, entry)

    def _keep(self, recorded: Recorded) -> None:
        with self._lock:
            self.requests += 1
            first = self._again.pop(threading.get_ident(), None)
            if first or self._pause_s:
                self._pauses[id_of(recorded)], self._pause_s = (self._pause_s, first), 0.0
                recorded = self.entry_of(recorded)
            self._recorded.append(recorded)
            self._note_liveness(recorded)
            if len(self._recorded) > KEPT_EXCHANGES:
                del self._recorded[KEPT_EXCHANGES // 2]

    def _note_liveness(self, recorded: Recorded) -> None:
        if isinstance(recorded, dict) and recorded["kind"] != "exchange":
            return
        url, status, error_type = _outcome(recorded)
        found = ORIGIN.match(url)
        origin = found[1] if found else ""
        if error_type == ENDLESS or (status in NOT_ITS_OWN and error_type != TOO_MUCH):
            self.silent.setdefault(origin, self.entry_of(recorded))
        else:
            self._answered[origin] = recorded
            self.silent.pop(origin, None)

    def entry_of(self, recorded: Recorded) -> dict[str, Any]:
        """Return the redacted entry of a record."""
        return recorded if isinstance(recorded, dict) else self._entry(*recorded)

    def _entry(self, exchange: Exchange, client: str, error: str | None = None, error_type: str = "") -> dict[str, Any]:
        redactor = self.redactor
        entry: dict[str, Any] = {
            "kind": "exchange",
            "id": exchange.id,
            "client": client,
            "method": exchange.method,
            "url": redactor.body(exchange.url),
            "request_headers": [[name, redactor.header(name, value)] for name, value in exchange.request_headers],
            "request_body": self._request_body(exchange.request_body),
            "status": exchange.status,
            "response_headers": [
                [redactor.text(name), redactor.header(name, value)] for name, value in exchange.headers
            ],
            "response_body": self._body(exchange.body, 0 if is_unreadable(exchange) else KEPT_BODY),
            "started": round(exchange.started, 6),
            "duration_s": round(exchange.duration_s, 6),
            "error": error,
            **({"error_type": error_type} if error_type else {}),
            **({"raw": self._raw(exchange)} if exchange.head else {}),
            **self._waited(exchange.id),
        }
        body = entry["request_body"]
        content = body["text"] if "text" in body else base64.b64decode(body["base64"]).decode("latin-1")
        sent = [client, entry["url"], content, *(value for _, value in entry["request_headers"])]
        sent += entry.get("raw", {}).values()
        entry["secrets"] = redactor.names_in(sent)
        altered = any(ALTERED in each for each in sent)
        tokens = redactor.issued_in(self._as_sent(exchange), altered) if entry["secrets"] else {}
        if tokens:
            entry["tokens"] = tokens
        received = [entry["response_body"].get("text", ""), *(value for _, value in entry["response_headers"])]
        entry["removed"] = redactor.names_in(received)
        if entry["removed"] and "text" in entry["response_body"]:
            entry["issued"] = redactor.issued(exchange.body[:KEPT_BODY].decode("utf-8"))
        return entry

    def _waited(self, exchange: str) -> dict[str, Any]:
        """Return the pause before an exchange, and the exchange that it repeats."""
        paused_s, first = self._pauses.get(exchange, (0.0, None))
        return {**({"paused_s": round(paused_s, 3)} if paused_s else {}), **({"again": first} if first else {})}

    def _raw(self, exchange: Exchange) -> dict[str, str]:
        """The head of a raw request, byte for byte as Latin-1, and the origin that it was sent to."""
        first, *fields = exchange.head.decode("latin-1").split("\r\n")
        lines = [self.redactor.body(first)]
        for name, colon, value in (each.partition(":") for each in fields):
            blank = " " * (len(value) - len(value.lstrip(" ")))
            lines.append(f"{self.redactor.text(name)}{colon}{blank}{self.redactor.header(name, value.lstrip(' '))}")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(exchange.url))
        return {"origin": self.redactor.text(origin), "head": "\r\n".join(lines)}

    def _as_sent(self, exchange: Exchange) -> Iterator[str]:
        yield exchange.url
        yield from (value for _, value in exchange.request_headers)
        yield exchange.request_body[:KEPT_REQUEST].decode("latin-1")

    def _pieces(self, body: bytes) -> dict[str, Any]:
        """Return the run-length encoding of a large repetitive body without secrets."""
        pieces = pieces_of(body) if len(body) > KEPT_BODY else []
        text = "".join(unit.decode("latin-1") for unit, _ in pieces)
        if not pieces or self.redactor.text(text) != text:
            return {}
        return {"pieces": [{"base64": base64.b64encode(unit).decode(), "times": times} for unit, times in pieces]}

    def _request_body(self, body: bytes) -> dict[str, Any]:
        """Return the request body, whole up to 256 KiB unless ``pieces`` describe it, so that a script can send it."""
        pieces = self._pieces(body)
        return {**self._body(body, KEPT_BODY if pieces else KEPT_REQUEST), **pieces}

    def _body(self, body: bytes, most: int = KEPT_BODY) -> dict[str, Any]:
        """Return a body as text or base64, cut at ``most`` bytes, with its size and, if cut, its SHA-256."""
        recorded = body[:most]
        described: dict[str, Any] = {"size": len(body)}
        if cut := len(recorded) < len(body):
            described["sha256"] = hashlib.sha256(body).hexdigest()
        try:
            text = recorded.decode("utf-8")
            described["text"] = self.redactor.body(self.redactor.cut(text) if cut else text)
        except UnicodeDecodeError:
            described["base64"] = base64.b64encode(without_secrets(recorded, self.redactor)).decode()
        return described


def _outcome(recorded: Recorded) -> tuple[str, int, str]:
    """Return the URL, status and error type of an exchange."""
    if isinstance(recorded, dict):
        return recorded["url"], recorded["status"], recorded.get("error_type", "")
    return recorded[0].url, recorded[0].status, recorded[3]


def id_of(recorded: Recorded) -> str:
    """Return the id of a record."""
    return str(recorded["id"]) if isinstance(recorded, dict) else recorded[0].id


RECORDER = Recorder()
"""The recorder of this process."""
