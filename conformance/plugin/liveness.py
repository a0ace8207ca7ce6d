"""Distinguish a service that stopped answering from a failed check.

Any response, even an error, shows that a service runs, so a healthy target gets no extra request. After a check whose
last request got no response, or that failed without one, its surface gets one light request. If that gets no response
either, the service ended (connections are refused, or a gateway reports it), hung (connections are accepted, but get no
response), or the network failed. The next check waits for the service as long as the run took so far, 15 to 60 seconds.
A process spends at most 60 seconds on unsuccessful waits. After that, the outage is the cause of all further checks.

The request in progress when the service ended or hung is a finding, if no other process had one. With several workers,
checks in progress are in doubt: they are repeated alone after all workers are done. If a service that ended or hung
responds again, its check is in doubt, too: the request is tried once more.

A webhook may respond but no longer accept events. After a check of it that did not pass, it gets a valid event. If it
accepted one before the run and refuses it now, that is the cause of all further checks. The check itself fails, unless
the response is not a webhook's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.recorder import Recorder
from conformance.plugin.judging import Judgement, judge
from conformance.plugin.surfaces import SURFACES, surface_of
from conformance.preflight import accepts_events, alive, url_of
from conformance.target.description import Target
from conformance.vocabulary.exchange import ENDED_BY, HANGING, NO_LONGER_ANSWERS, NOT_ENDED, UNANSWERED_FOR
from conformance.vocabulary.finding import Deviation, Inconclusive, Kind, NonConformance
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import Verdict

BACK_S = 3.0
"""How long to wait at once for a service that stopped answering: a supervisor may restart it."""
POLL_S = 0.1
ACCEPTING = "a webhook that keeps accepting events, whose URL is not rotated meanwhile, and no concurrent run"
ANSWERING = "a service that keeps answering"
PROBES = 5
"""How often a service that left a request unanswered is probed, ``POLL_S`` apart, before it counts as answering."""
LEAST_S, LONGEST_S, INTERVAL_S = 15.0, 60.0, 0.5
"""How long to wait for a service after that (minimum, maximum), and how often to probe it."""
REPROBE_S = 5.0
"""How often a service that stays down is probed again."""
NOT_SENT = re.compile(r"(Proxy|Connect)Error|ConnectTimeout|refused|resol|known|[Nn]o route|unreachable")
GONE = re.compile(r"refused|gateway")
"""Causes that only a terminated service has."""
SILENT = re.compile(r"no answer in time")
"""The cause that only a service which accepts connections has; a silent network is "no connection in time"."""
CLOSED = re.compile(r"closed without an answer")
MOST_SUSPECTS = 5


@dataclass
class Outage:
    """A surface that no longer answers: the reason to report, when it was last probed, how long it is awaited."""

    reason: str
    probed: float
    ask: Callable[[], str]
    needs: str = ANSWERING
    patience_s: float = 0.0

    def is_over(self) -> bool:
        """Whether the surface answers again: it is awaited once, and probed rarely from then on."""
        if self.patience_s <= 0 and time.monotonic() - self.probed <= REPROBE_S:
            return False
        until, self.patience_s = time.monotonic() + self.patience_s, 0.0
        while self.ask():
            self.probed = time.monotonic()
            if self.probed >= until:
                return False
            time.sleep(min(INTERVAL_S, until - self.probed))
        return True


class Liveness:
    """Watches the surfaces of a target from one process; ``alone`` if no other process sends requests.

    ``accepting``: whether the webhook accepted an event before the run. ``repeats``: whether a check in doubt can be
    repeated later. ``suspects``: requests of all workers that were under way when a service stopped answering.
    """

    def __init__(
        self,
        target: Target,
        recorder: Recorder,
        alone: bool,
        ask: Callable[[Target, str], str] = alive,
        accepting: bool = False,
        accepts: Callable[[Target], str] = accepts_events,
    ) -> None:
        self.target, self.recorder, self.alone, self.accepting = target, recorder, alone, accepting
        self._ask, self._accepts = ask, accepts
        self._outages: dict[str, Outage] = {}
        self.repeats, self.in_doubt = True, False
        self.suspect, self.suspects = "", list[str]()
        self._begun = time.monotonic()
        self._in_vain_s = 0.0

    def begin_check(self) -> None:
        """Begin a check, without any doubt."""
        self.in_doubt, self.suspect = False, ""

    def expect(self, surface: str | None) -> None:
        """Raise Inconclusive if the surface stopped answering before and has not come back."""
        if surface is not None and surface in self._outages and not self._is_back(surface):
            outage = self._outages[surface]
            raise Inconclusive(outage.reason, outage.needs)

    def _is_back(self, surface: str) -> bool:
        begun = time.monotonic()
        if self._outages[surface].is_over():
            del self._outages[surface]
            return True
        self._in_vain_s += time.monotonic() - begun
        return False

    def judged(self, requirement: str, judgement: Judgement) -> Judgement:
        """Return the judgement on a check that sent requests, or another one if its surface stopped answering.

        ``in_doubt`` says afterwards whether the check must be repeated.
        """
        self.in_doubt = self._may_be_foreign(judgement)
        silent = self.recorder.silent
        if not silent and (judgement.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) or self.recorder.answered()):
            return self._still_accepting(requirement, judgement)
        entry = next(iter(silent.values()), None)
        surface = (self._at(entry) if entry else None) or surface_of(requirement)
        cause = self._cause(surface, entry is not None and judgement.verdict == Verdict.FAIL) if surface else ""
        silent.clear()
        if not (surface and cause):
            return self._unanswered(judgement)
        return self._stopped(surface, cause, entry, judgement)

    def _unanswered(self, judgement: Judgement) -> Judgement:
        """Return the judgement; a failure if a request got no response in time although the service answers others.

        With other workers the check is repeated alone first: their requests may have slowed the service.
        """
        late = next(
            (
                entry
                for entry in self.recorder.entries
                if entry["id"] in judgement.unanswered and entry.get("error_type") == "ReadTimeout"
            ),
            None,
        )
        if late is None or not self.alone or late["error"].endswith(NOT_ENDED):
            return judgement
        no_answer = Deviation(Kind.NO_ANSWER)
        finding = NonConformance("an answer within the target's time limit", UNANSWERED_FOR, deviation=no_answer)
        finding.exchange_ids = [late["id"]]
        return judge(finding, self.recorder)

    def _still_accepting(self, requirement: str, judgement: Judgement) -> Judgement:
        """Return the judgement on a check that got responses, or another one if the webhook accepts no event now."""
        surface = "webhooks"
        passed = judgement.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        if passed or not self.accepting or surface_of(requirement) != surface:
            return judgement
        if cause := self._ask(self.target, surface):
            return self._stopped(surface, cause, None, judgement)
        if refusal := self._refusal():
            reason = f"the webhook accepts no event any more: {refusal}"
            self._outages[surface] = Outage(reason, time.monotonic(), partial(self._accepts, self.target), ACCEPTING)
            if judgement.verdict == Verdict.INCONCLUSIVE:
                return judge(Inconclusive(reason, ACCEPTING), self.recorder)
            hint = f"From then on the webhook accepted no event any more: {refusal}."
            findings = [{**each, "hint": f"{each['hint']}\n{hint}".strip()} for each in judgement.findings]
            return replace(judgement, findings=findings)
        return judgement

    def _refusal(self) -> str:
        """Return why the webhook refuses several events in a row; "" if it accepts one."""
        refusal = ""
        for _ in range(PROBES):
            refusal = self._accepts(self.target)
            if not refusal:
                break
            time.sleep(POLL_S)
        return refusal

    def _may_be_foreign(self, judgement: Judgement) -> bool:
        """Return whether an unanswered request of this check may be due to another worker's request.

        That request may have stopped the service, which may be back.
        """
        unclear = judgement.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        return not self.alone and unclear and self.recorder.unanswered()

    def _cause(self, surface: str, unanswered: bool) -> str:
        """Return why a surface does not respond, or ""; after an unanswered request it is probed several times."""
        for _ in range(PROBES if unanswered else 0):
            cause = self._ask(self.target, surface)
            if cause:
                return cause
            time.sleep(POLL_S)
        return self._ask(self.target, surface)

    def _stopped(self, surface: str, cause: str, entry: dict[str, Any] | None, judgement: Judgement) -> Judgement:
        """Return the judgement on a check whose surface is down; ``entry`` is its first unanswered request."""
        sent = entry is not None and not NOT_SENT.search(f"{entry['error']} {entry.get('error_type')}")
        reason = f"the {surface} {NO_LONGER_ANSWERS}: {cause}{self._last_requests(entry, sent)}"
        causes = [cause, *self._await(surface, reason)]
        if entry is not None and sent:
            self.suspect = _request(entry)
            if not self.alone:
                self.in_doubt = True
            elif ended := next(filter(GONE.search, causes), None):
                if not self.repeats or surface in self._outages:
                    return self._fatal(entry, ended)
                self.in_doubt = True
            elif entry.get("error_type") == "ReadTimeout" and all(map(SILENT.search, causes)):
                if not self.repeats or (surface in self._outages and not self._is_back(surface)):
                    return self._fatal(entry, f"{cause}, {HANGING}")
                self.in_doubt = True
        if judgement.verdict == Verdict.FAIL and CLOSED.search(cause) and surface not in self._outages:
            # The service came back before it refused a connection: the unanswered request of the check is a finding.
            return judgement
        self.in_doubt |= not self.alone and surface not in self._outages
        return judge(Inconclusive(reason, ANSWERING), self.recorder)

    def _last_requests(self, entry: dict[str, Any] | None, sent: bool) -> str:
        """Return the requests that may have stopped a service, as the end of a sentence."""
        if not sent and self.suspects:
            return f"; requests under way at that moment: {', '.join(self.suspects[:MOST_SUSPECTS])}"
        last = entry if sent or entry is None else self.recorder.last_answered(_origin(entry["url"]))
        return f"; the last request that reached it was {_request(last)}" if last else ""

    def _await(self, surface: str, reason: str) -> list[str]:
        """Note that a surface is down unless it comes back shortly; return the causes in the meantime."""
        until, causes = time.monotonic() + BACK_S, list[str]()
        while time.monotonic() < until:
            time.sleep(POLL_S)
            cause = self._ask(self.target, surface)
            if not cause:
                return causes
            causes.append(cause)
        outage = self._outages[surface] = Outage(reason, time.monotonic(), partial(self._ask, self.target, surface))
        outage.patience_s = min(LONGEST_S - self._in_vain_s, max(LEAST_S, outage.probed - self._begun))
        return causes

    def _fatal(self, entry: dict[str, Any], cause: str) -> Judgement:
        """Return the failure of a check whose request stopped the service."""
        # A property may have begun another example.
        self.recorder.restore(entry)
        hint = "If it was stopped on purpose, run this check again."
        kind = Deviation(Kind.HUNG if cause.endswith(HANGING) else Kind.ENDED)
        finding = NonConformance(f"an answer, and {ANSWERING}", f"{ENDED_BY}: {cause}", hint=hint, deviation=kind)
        finding.exchange_ids = [entry["id"]]
        return replace(judge(finding, self.recorder), level=str(Level.MUST))

    def _at(self, entry: dict[str, Any]) -> str | None:
        """Return the surface that a request went to; a webhook's address is not in the evidence."""
        described = [each for each in SURFACES if getattr(self.target, each) is not None]
        return next((each for each in described if _origin(url_of(self.target, each)) == _origin(entry["url"])), None)


def _origin(url: str) -> str:
    return urlsplit(url).netloc


def _request(entry: dict[str, Any]) -> str:
    return f"{entry['method']} {entry['url']}"
