"""The recorder: every exchange and transcript of the check that runs, redacted, ready to be written as JSON.

One recorder a process. A check's evidence begins empty; each example's of a property begins with what the check had
prepared, hence what remains of a property that fails is its smallest example. Threads of one check share its evidence.
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

from conformance.evidence.byte_encodings import beginning, printed, without_secrets
from conformance.evidence.passive_checks import Watch
from conformance.evidence.recorded_responses import KEPT_BODY, KEPT_REQUEST, Stored, Tape
from conformance.evidence.redaction import ALTERED, Redactor
from conformance.evidence.run_length import pieces_of
from conformance.evidence.token_discovery import issued_tokens
from conformance.vocabulary.exchange import Exchange

KEPT_EXCHANGES = 1100  # of a check: a thousand and one objects can be made before what is judged
ORIGIN = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
NOT_ITS_OWN = (0, 502, 503, 504)
"""Statuses that are no answer of the service's own: none, and a gateway's in front of a service that is down."""
TOO_MUCH = "Excess"
"""The type of the error of a service that answered with more than one answer, so that it is there."""
ENDLESS = "Overrun"
"""The type of the error of a service whose answer was larger or slower than the limits allow."""
BROKEN_OFF = "BrokenOff"
"""That of a request which the suite itself did not send to its end, so that no answer was to come."""

# An entry that is made, or what it will be made of: exchange, client, error and its type.
Kept = dict[str, Any] | tuple[Exchange, str, str | None, str]


class Recorder:
    """Keeps the evidence of one check at a time; ``prefix`` makes the ids of its exchanges unique.

    ``secret_names`` maps the name of an S3 access key to that of its secret, for curl lines. Over all checks,
    ``silent`` holds the first request to each origin that got no answer since the last that did. With a ``tape`` the
    clients send nothing: what they would send is answered from stored evidence (``stored``, ``stored_transcript``).
    """

    def __init__(self, prefix: str = "x") -> None:
        self.redactor = Redactor()
        self.prefix = prefix
        # What waits here is made an entry when it is asked for: most examples of a property never are.
        self._kept: list[Kept] = []
        self.requests = 0
        self.recipes: dict[str, str] = {}
        self.secret_names: dict[str, str] = {}
        self.events: Counter[str] = Counter()
        self.watch = Watch()
        self._answered: dict[str, Kept] = {}
        self.silent: dict[str, dict[str, Any]] = {}
        self.explored_failure = False
        self._prelude: list[Kept] | None = None
        self._first: list[Kept] = []
        self.prepared: list[dict[str, Any]] = []
        self._relied: list[Kept] = []
        self._pauses: dict[str, tuple[float, str | None]] = {}
        self._pause_s = 0.0
        self._again: dict[int, str] = {}
        self.tape: Tape | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Forgets the evidence of what went before."""
        self._kept = []

    def begin_check(self) -> None:
        """Begins a check: nothing of it has happened yet."""
        self.begin()
        self.watch.begin_check()
        self.events.clear()
        self.explored_failure = False
        self._prelude = None
        self._first, self.prepared, self._relied = [], [], []
        self._pauses = {}
        self._pause_s = 0.0
        self._again = {}

    def prepare(self, kept: Iterable[Kept]) -> None:
        """Has a finding begin with what made something for the fixtures of its check, unless that is its evidence."""
        own = {id_of(each) for each in self._kept}
        relied = {id_of(each): each for each in (*kept, *self._relied)}
        other = [self.made(each) for id, each in relied.items() if id not in own]
        self.prepared = [entry for entry in other if entry.get("method") not in ("GET", "HEAD")]

    def rely(self, kept: Iterable[Kept]) -> None:
        """Notes what made a thing that the check at hand uses, which another check may have asked for."""
        self._relied.extend(kept)

    def pause(self, seconds: float, again: str = "") -> None:
        """Lets time pass, and keeps with the request that follows how much of it: what that shows may come of it.

        ``again``: the exchange that this thread's next request is made again for, as the target asked it to wait.
        """
        time.sleep(max(0.0, seconds))
        with self._lock:
            self._pause_s += max(0.0, seconds)
            if again:
                self._again[threading.get_ident()] = again

    def begin_example(self) -> None:
        """Begins an example of a property: what the check had prepared before the first one belongs to each."""
        if self._prelude is None:
            self._prelude = list(self._kept)
        elif not self._first:
            # Tokens and the like that later checks use too are had in the first example.
            self._first = list(self._kept)
        self._kept = list(self._prelude)

    def count_answers(self) -> None:
        """Counts the status classes that the example at hand has met."""
        for kept in self._kept[len(self._prelude or []) :]:
            status = kept.get("status") if isinstance(kept, dict) else kept[0].status
            if status:
                self.event(f"answers {status // 100}xx")

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The evidence of the check so far, redacted: each exchange and transcript once, in the order of their ends."""
        with self._lock:
            made = [self.made(kept) for kept in self._kept]
            self._kept = [*made]
        return list({entry["id"]: entry for entry in made}.values())

    def __len__(self) -> int:
        return len(self._kept)

    def ids_from(self, number: int) -> tuple[str, ...]:
        """The ids of what was recorded after that many."""
        return tuple(id_of(kept) for kept in self._kept[number:])

    def evidence(self) -> list[dict[str, Any]]:
        """All that is written of the check: what was prepared, the first example of a property, and its evidence."""
        first = map(self.made, self._first)
        return list({entry["id"]: entry for entry in (*self.prepared, *first, *self.entries)}.values())

    def retain(self, entries: Iterable[dict[str, Any]]) -> None:
        """Makes these, each once, the evidence of the check."""
        with self._lock:
            self._kept = list({entry["id"]: entry for entry in entries}.values())

    def restore(self, entry: dict[str, Any]) -> None:
        """Insert a previously dropped entry before the current ones."""
        if entry not in self.entries:
            with self._lock:
                self._kept.insert(0, entry)

    def last_answered(self, origin: str) -> dict[str, Any] | None:
        """The last request that an origin (host and port) answered, over all checks."""
        kept = self._answered.get(origin)
        return None if kept is None else self.made(kept)

    def answered(self) -> bool:
        """Whether the last request of the check was answered, whatever the answer was."""
        last = self._kept[-1] if self._kept else None
        if last is None or (isinstance(last, dict) and last["kind"] != "exchange"):
            return False
        _, status, error_type = _outcome(last)
        return bool(status) or error_type == TOO_MUCH

    def unanswered(self) -> bool:
        """Whether a request of the check got no answer that was to get one."""
        exchanges = (each for each in self._kept if not isinstance(each, dict) or each["kind"] == "exchange")
        return any(not status and error not in (TOO_MUCH, BROKEN_OFF) for _, status, error in map(_outcome, exchanges))

    def kept_from(self, number: int) -> list[Kept]:
        """What was recorded after that many, for ``keep_again``."""
        return self._kept[number:]

    def keep_again(self, kept: Iterable[Kept]) -> None:
        """Makes what was recorded of another check evidence of this one as well; no request is counted twice."""
        again = list(kept)
        if self.tape is not None:
            self.tape.skip(id_of(each) for each in again)
        with self._lock:
            self._kept.extend(again)

    def event(self, name: str) -> None:
        """Counts something worth showing: an example of a kind, a class of answers met, a request sent again."""
        self.events[name] += 1

    def next_id(self) -> str:
        """An id for an exchange that is about to be made, unique in the run."""
        return f"{self.prefix}-{next(self._numbers):06d}"

    def stored(self, sent: Exchange, client: str = "http") -> Stored | None:
        """The recorded answer to a request where evidence is judged again; None where requests are really sent."""
        if self.tape is None:
            return None
        entry, stored = self.tape.answer(self._entry(sent, client), sent)
        self._look(stored.exchange, lambda: entry)
        self._keep(entry)
        return stored

    def stored_transcript(self, command: Iterable[str]) -> dict[str, Any] | None:
        """The recorded transcript of a program where evidence is judged again; None where programs are really run."""
        words = self._words(command) if self.tape is not None else []
        return self.stored_transcript_where(lambda recorded: recorded == words, *words[:1])

    def stored_transcript_where(self, same: Callable[[list[str]], bool], what: str = "") -> dict[str, Any] | None:
        """The recorded transcript whose words ``same`` accepts; None where programs are really run."""
        if self.tape is None:
            return None
        entry = self.tape.transcript(same, what)
        self._keep(entry)
        return entry

    def looks_inside(self, what: str) -> None:
        """Notes that a check reads what a secret holds: NotRecorded where there is evidence alone."""
        if self.tape is not None:
            raise self.tape.miss(f"{what} is a secret, and not in the evidence")

    def exchange(self, exchange: Exchange, client: str = "http") -> None:
        """Records one exchange."""
        self._exchange(exchange, client, None)

    def failed_request(self, exchange: Exchange, error: str, client: str = "http", error_type: str = "") -> None:
        """Records a request that got no answer (``exchange.status`` is 0), and why; the type is the exception's."""
        self._exchange(exchange, client, error, error_type)

    def _words(self, command: Iterable[str]) -> list[str]:
        return [self.redactor.remains(self.redactor.text(word)) for word in command]

    def transcript(
        self, command: Iterable[str], code: int, output: str, errors: str, duration_s: float, hook: str = "",
        undo: Iterable[str] = (),
    ) -> str:  # fmt: skip
        """Records the command and the output of an outside program; returns the entry's id.

        ``hook`` is the name of the operator's command that it is, where it is one; ``undo`` the command that undoes it.
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
        """Tells by which shell command a secret made during the run (a token) can be had again."""
        self.recipes[name] = command

    def recall(self, entry: dict[str, Any]) -> str:
        """Puts an exchange of another check into this one's evidence; returns its id there.

        The numbers of its tokens go by what was issued to another process, perhaps: they are had by their names.
        """
        again = {name: value for name, value in entry.items() if name != "tokens"} | {"id": self.next_id()}
        with self._lock:
            self._kept.append(again)
        return str(again["id"])

    def _exchange(self, exchange: Exchange, client: str, error: str | None, error_type: str = "") -> None:
        self._look(exchange, lambda: self._entry(exchange, client, error))
        large = max(len(exchange.body), len(exchange.request_body)) > KEPT_BODY
        self._keep(self._entry(exchange, client, error, error_type) if large else (exchange, client, error, error_type))

    def _look(self, exchange: Exchange, entry: Callable[[], dict[str, Any]]) -> None:
        """Learns the tokens of an answer, and searches it for what it must not hold."""
        self.redactor.learn_created(begun := beginning(exchange.body))
        if b"token" in begun:
            text = begun.decode("utf-8", "replace")
            self.redactor.learn_issued(text)
            tokens = issued_tokens(text)
            self.watch.excuse_issued(exchange, tokens)
            self.watch.measure(tokens, entry)
        self.watch.look(exchange, entry)

    def _keep(self, kept: Kept) -> None:
        with self._lock:
            self.requests += 1
            first = self._again.pop(threading.get_ident(), None)
            if first or self._pause_s:
                self._pauses[id_of(kept)], self._pause_s = (self._pause_s, first), 0.0
                kept = self.made(kept)
            self._kept.append(kept)
            self._watch(kept)
            if len(self._kept) > KEPT_EXCHANGES:
                del self._kept[KEPT_EXCHANGES // 2]

    def _watch(self, kept: Kept) -> None:
        if isinstance(kept, dict) and kept["kind"] != "exchange":
            return
        url, status, error_type = _outcome(kept)
        found = ORIGIN.match(url)
        origin = found[1] if found else ""
        if error_type == ENDLESS or (status in NOT_ITS_OWN and error_type != TOO_MUCH):
            self.silent.setdefault(origin, self.made(kept))
        else:
            self._answered[origin] = kept
            self.silent.pop(origin, None)

    def made(self, kept: Kept) -> dict[str, Any]:
        """The entry, redacted, which what was kept of an exchange or transcript is made."""
        return kept if isinstance(kept, dict) else self._entry(*kept)

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
            "response_body": self._body(exchange.body),
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
        said = [entry["response_body"].get("text", ""), *(value for _, value in entry["response_headers"])]
        entry["removed"] = redactor.names_in(said)
        if entry["removed"] and "text" in entry["response_body"]:
            entry["issued"] = redactor.issued(exchange.body[:KEPT_BODY].decode("utf-8"))
        return entry

    def _waited(self, exchange: str) -> dict[str, Any]:
        """How long was waited before an exchange, and for which one it was made again."""
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
        """What a body that is not kept whole is made of, where it repeats itself and no secret stands in it."""
        found = pieces_of(body) if len(body) > KEPT_BODY else []
        text = "".join(unit.decode("latin-1") for unit, _ in found)
        if not found or self.redactor.text(text) != text:
            return {}
        return {"pieces": [{"base64": base64.b64encode(unit).decode(), "times": times} for unit, times in found]}

    def _request_body(self, body: bytes) -> dict[str, Any]:
        """The request body, whole up to 256 KiB unless a shorter form describes it: a script has to send it again."""
        pieces = self._pieces(body)
        return {**self._body(body, KEPT_BODY if pieces else KEPT_REQUEST), **pieces}

    def _body(self, body: bytes, most: int = KEPT_BODY) -> dict[str, Any]:
        """A body as text or base64, cut at so many bytes, with its whole size and, where cut, its SHA-256."""
        kept = body[:most]
        described: dict[str, Any] = {"size": len(body)}
        if cut := len(kept) < len(body):
            described["sha256"] = hashlib.sha256(body).hexdigest()
        try:
            text = kept.decode("utf-8")
            described["text"] = self.redactor.body(self.redactor.cut(text) if cut else text)
        except UnicodeDecodeError:
            described["base64"] = base64.b64encode(without_secrets(kept, self.redactor)).decode()
        return described


def _outcome(kept: Kept) -> tuple[str, int, str]:
    """URL, status and type of the error of an exchange."""
    if isinstance(kept, dict):
        return kept["url"], kept["status"], kept.get("error_type", "")
    return kept[0].url, kept[0].status, kept[3]


def id_of(kept: Kept) -> str:
    """The id of an entry, made or not."""
    return str(kept["id"]) if isinstance(kept, dict) else kept[0].id


RECORDER = Recorder()
"""The recorder of this process."""
