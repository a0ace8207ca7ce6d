"""Tells a server that died from a check that failed.

An answer is proof of life, a server's own error too, so a healthy target is asked nothing more. After a check whose
last request got no answer, or that failed with none in its evidence, its surface is asked for one thing. Where that is
not had, the check whose request was under way when the service went down says so. A service may be started again, be it
by its operator: the next check waits for as long as the run took until then, 15 to 60 seconds. All waits in vain of
one process are 60 seconds together. If it is not back by then, every check after that has that one cause, at once.

A webhook may go on answering and take nothing any more: a page of maintenance is in its place, or it is gone. After a
check of it that did not pass it is sent a good event. Where it took one before the run and takes none now, that is told
as the one cause of all that follows; the check itself failed, unless it was answered by what is no webhook.

Of several processes each has requests under way at that moment. A check of theirs that met it is in doubt, and tried
again by itself once they are done, where the service is there again.
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
from conformance.vocabulary.exchange import ENDED_BY, UNANSWERED_FOR
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import Verdict

BACK_S = 3.0
"""How long a service that went down is waited for: one that is supervised comes back."""
POLL_S = 0.1
TAKING = "a webhook that goes on taking events, whose URL nobody rotates meanwhile, no other run either"
DYING = 5
"""How often a service is asked that left a request unanswered, ``POLL_S`` apart, before it is taken to live on."""
LEAST_S, LONGEST_S, ASKED_S = 15.0, 60.0, 0.5
"""For how long, and how often, a service is waited for that has not come back by then."""
AGAIN_S = 5.0
"""How often a service that stays down is asked again."""
NOT_SENT = re.compile(r"refused|ConnectTimeout|EndpointConnection|resol|known|[Nn]o route|unreachable")
GONE = re.compile(r"refused|gateway")
"""Causes that only a service which ended has; silence may be the network's."""
BODY_BEGUN = "of a body that has not ended"
CLOSED = re.compile(r"closed without an answer")


@dataclass
class Death:
    """A surface that no longer answers: in which words that is told, when it was last asked, how long it is awaited."""

    told: str
    asked: float
    ask: Callable[[], str]
    needs: str = "a service that keeps answering"
    patience_s: float = 0.0

    def is_over(self) -> bool:
        """Whether the surface answers again: it is awaited once, and asked seldom from then on."""
        if self.patience_s <= 0 and time.monotonic() - self.asked <= AGAIN_S:
            return False
        until, self.patience_s = time.monotonic() + self.patience_s, 0.0
        while self.ask():
            self.asked = time.monotonic()
            if self.asked >= until:
                return False
            time.sleep(min(ASKED_S, until - self.asked))
        return True


class Life:
    """Watches the surfaces of a target as one process sees them; ``alone`` where no other process asks them.

    ``taking``: whether the webhook has taken an event before the run.
    """

    def __init__(
        self,
        target: Target,
        recorder: Recorder,
        alone: bool,
        ask: Callable[[Target, str], str] = alive,
        taking: bool = False,
        takes: Callable[[Target], str] = accepts_events,
    ) -> None:
        self.target, self.recorder, self.alone, self.taking = target, recorder, alone, taking
        self._ask, self._takes = ask, takes
        self._dead: dict[str, Death] = {}
        self.doubtful = False
        self._begun = time.monotonic()
        self._in_vain_s = 0.0

    def expect(self, surface: str | None) -> None:
        """Inconclusive where the surface went down before and has not come back."""
        death = self._dead.get(surface or "")
        if surface is None or death is None:
            return
        begun = time.monotonic()
        if not death.is_over():
            self._in_vain_s += time.monotonic() - begun
            raise Inconclusive(death.told, death.needs)
        del self._dead[surface]

    def judged(self, requirement: str, judgement: Judgement) -> Judgement:
        """The judgement on a check that sent something, unless what it met is that its surface went down.

        ``doubtful`` says afterwards whether that may have been another process's doing.
        """
        self.doubtful = self._met_others(judgement)
        silent = self.recorder.silent
        if not silent and (judgement.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) or self.recorder.answered()):
            return self._still_taking(requirement, judgement)
        entry = next(iter(silent.values()), None)
        surface = (self._at(entry) if entry else None) or surface_of(requirement)
        cause = self._cause(surface, entry is not None and judgement.verdict == Verdict.FAIL) if surface else ""
        silent.clear()
        if not (surface and cause):
            return self._unanswered(judgement)
        judgement = self._died(surface, cause, entry, judgement)
        self.doubtful = not self.alone and surface not in self._dead
        return judgement

    def _unanswered(self, judgement: Judgement) -> Judgement:
        """The judgement; a failure if a request got no answer in time although the service answers others.

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
        if late is None or not self.alone or BODY_BEGUN in late["error"]:
            return judgement
        finding = NonConformance("an answer within the target's time limit", UNANSWERED_FOR)
        finding.exchange_ids = [late["id"]]
        return judge(finding, self.recorder)

    def _still_taking(self, requirement: str, judgement: Judgement) -> Judgement:
        """The judgement on a check that was answered, unless it met that no webhook is there any more."""
        surface = "webhooks"
        passed = judgement.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        if passed or not self.taking or surface_of(requirement) != surface:
            return judgement
        if cause := self._ask(self.target, surface):
            return self._died(surface, cause, None, judgement)
        if refusal := self._refusal():
            told, needs = f"the webhook takes no event any more: {refusal}", TAKING
            self._dead[surface] = Death(told, time.monotonic(), partial(self._takes, self.target), needs)
            if judgement.verdict == Verdict.INCONCLUSIVE:
                return judge(Inconclusive(told, needs), self.recorder)
            hint = f"From then on the webhook took no event any more: {refusal}."
            findings = [{**each, "hint": f"{each['hint']}\n{hint}".strip()} for each in judgement.findings]
            return replace(judgement, findings=findings)
        return judgement

    def _refusal(self) -> str:
        """Why the webhook takes no event, each time that it is asked; "" where it takes one."""
        refusal = ""
        for _ in range(DYING):
            refusal = self._takes(self.target)
            if not refusal:
                break
            time.sleep(POLL_S)
        return refusal

    def _met_others(self, judgement: Judgement) -> bool:
        """Whether a check failed, or could not be prepared, with a request that got no answer, in one of several
        processes: the service may have ended of another's, and be there again."""
        told_of_it = judgement.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        return not self.alone and told_of_it and self.recorder.unanswered()

    def _cause(self, surface: str, unanswered: bool) -> str:
        """Why a surface does not answer, "" where it does; one that left a request unanswered may yet be dying."""
        for _ in range(DYING if unanswered else 0):
            cause = self._ask(self.target, surface)
            if cause:
                return cause
            time.sleep(POLL_S)
        return self._ask(self.target, surface)

    def _died(self, surface: str, cause: str, entry: dict[str, Any] | None, judgement: Judgement) -> Judgement:
        under_way = entry is not None and not NOT_SENT.search(entry["error"] or "")
        answered = self.recorder.last_answered(_origin(entry["url"])) if entry else None
        last = entry if under_way else answered
        told = f"the {surface} surface no longer answers: {cause}"
        told += f"; the last request that reached it was {last['method']} {last['url']}" if last else ""
        gone = next((each for each in [cause, *self._await(surface, told)] if GONE.search(each)), None)
        if entry is not None and under_way and gone is not None:
            return self._fatal(surface, gone, entry)
        if judgement.verdict == Verdict.FAIL and CLOSED.search(cause) and surface not in self._dead:
            # Back before anybody was refused: that the check's own request was left without an answer stands.
            return judgement
        return judge(Inconclusive(told, "a service that keeps answering"), self.recorder)

    def _await(self, surface: str, told: str) -> list[str]:
        """Notes that a surface is down, unless it comes back shortly; returns why it did not answer meanwhile."""
        until, causes = time.monotonic() + BACK_S, list[str]()
        while time.monotonic() < until:
            time.sleep(POLL_S)
            cause = self._ask(self.target, surface)
            if not cause:
                return causes
            causes.append(cause)
        death = self._dead[surface] = Death(told, time.monotonic(), partial(self._ask, self.target, surface))
        death.patience_s = min(LONGEST_S - self._in_vain_s, max(LEAST_S, death.asked - self._begun))
        return causes

    def _fatal(self, surface: str, cause: str, entry: dict[str, Any]) -> Judgement:
        # A property may have begun another example since.
        self.recorder.restore(entry)
        hint = "If it was stopped on purpose, run this check again."
        if not self.alone:
            hint = "Other workers had requests under way at that moment: run this check alone. " + hint
        finding = NonConformance(
            "an answer, and a service that keeps answering",
            f"{ENDED_BY}: {cause}",
            hint=hint,
        )
        finding.exchange_ids = [entry["id"]]
        return replace(judge(finding, self.recorder), level=str(Level.MUST))

    def _at(self, entry: dict[str, Any]) -> str | None:
        """The surface that a request went to; a webhook's address is not in the evidence."""
        described = [each for each in SURFACES if getattr(self.target, each) is not None]
        return next((each for each in described if _origin(url_of(self.target, each)) == _origin(entry["url"])), None)


def _origin(url: str) -> str:
    return urlsplit(url).netloc
