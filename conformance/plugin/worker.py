"""Selection, evidence and verdicts of checks, in each process that runs them.

The pytest report of a check carries its result to the reporting process, as plain data.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from conformance.clients.transport.request_budget import FILE_NAME, PREPARATION, RequestBudget
from conformance.contract.catalogue import catalogue
from conformance.contract.profiles import profiles
from conformance.evidence.curl import from_file
from conformance.evidence.recorder import RECORDER
from conformance.evidence.secrets import learn_secrets
from conformance.plugin.checks import (
    CHECK,
    EVIDENCE,
    RESULT,
    TEARDOWN,
    CheckInfo,
    check_info,
    is_check,
    mistakes_among,
    uncollected,
)
from conformance.plugin.fixture_evidence import Preparation
from conformance.plugin.fixtures import KEYS
from conformance.plugin.judging import Judgement, judge, left_open
from conformance.plugin.liveness import Liveness
from conformance.plugin.options import RunOptions
from conformance.plugin.selection import selected, unmatched, why_unmatched
from conformance.plugin.sharding import Plan, durations_of, plan
from conformance.plugin.surfaces import not_described, surface_of
from conformance.plugin.timekeeper import Timekeeper
from conformance.reporting.terminal import failure_text
from conformance.runs.record import CheckResult, EvidenceWriter
from conformance.sandbox.ledger import FOLDER, Ledger
from conformance.sandbox.names import Names
from conformance.strategies.properties import BEFORE_EXAMPLES, LONGEST_SHRINK_S, configure
from conformance.target import configuration
from conformance.target.errors import path_text
from conformance.vocabulary.check import FAILED
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered
from conformance.vocabulary.verdict import Verdict

SERIAL = "serial"
"""The name of the worker of the serial phase, in records and in names of resources."""
RESOURCES = 5
"""The number of resources in the target file for which the bounds of checks are made."""
DISTINGUISHING = "the address of the service itself; see conformance preflight"
PLACE = "[targets.X."
"""How checks name a place in the target file, since they do not know the target's name."""


class Worker:
    """Runs the checks of one process; ``name`` is unique in the run.

    ``main`` runs all checks of a run without workers; ``serial`` runs the serial phase of a run with workers.
    """

    def __init__(self, config: pytest.Config, options: RunOptions, name: str) -> None:
        self.config = config
        self.options = options
        self.name = name
        self.mistakes: list[str] = []
        # Checks that must run after all others: with several workers, the reporting process runs them.
        self.deferred: list[str] | None = None
        self.in_doubt: dict[str, str] = {}
        self._serial = False
        self.plan: Plan | None = None
        self.class_sizes: Counter[str] = Counter()
        self._evidence: EvidenceWriter | None = None
        self._place = PLACE
        self._before = 0
        self._names_made = 0
        self._prepare()
        config.pluginmanager.register(Timekeeper(), "conformance-timekeeper")
        self.preparation = Preparation(RECORDER)
        config.pluginmanager.register(self.preparation, "conformance-preparation")

    @classmethod
    def of_worker(cls, config: pytest.Config, worker_input: dict[str, Any]) -> Worker:
        """Return the worker of a process that xdist started, with the input of the reporting process."""
        worker = cls(config, RunOptions(**worker_input["conformance"]), worker_input["workerid"])
        worker.deferred = []
        return worker

    def _prepare(self) -> None:
        loaded = configuration.load(Path(self.options.target_config), Path.cwd())
        name, target = loaded.choose(self.options.target)
        self._place = f"[{path_text(('targets', name))}."
        self.options.hand_over(target)
        learn_secrets(RECORDER.redactor, target)
        if target.storage is not None:
            RECORDER.secret_names[target.storage.access_key.name] = target.storage.secret_key.name
        for secret in configuration.secrets(target):
            if secret.file:
                RECORDER.recipe(secret.name, from_file(secret.name, secret.file))
        RECORDER.prefix = self.name
        RECORDER.passive_checks.watch_target(target, self.options.run_id)
        self.liveness = Liveness(
            target, RECORDER, alone=self.name in ("main", SERIAL), accepting=bool(self.options.accepting)
        )
        stash = self.config.stash
        stash[KEYS.target] = target
        stash[KEYS.begun] = time.monotonic()
        stash[KEYS.open] = frozenset(self.options.open)
        stash[KEYS.names] = Names(self.options.run_id, self.name.replace("gw", "w").replace("main", "w"))
        book = Path(self.options.folder) / FILE_NAME
        stash[KEYS.budget] = RequestBudget(self.options.rate, book, self.options.most_requests)
        BEFORE_EXAMPLES.append(stash[KEYS.budget].begin_example)
        stash[KEYS.ledger] = Ledger(Path(self.options.folder) / FOLDER / f"{self.name}.ndjson")
        stash[KEYS.leftovers] = []
        configure_properties(self.options, target.gentle)

    def begin_serial_phase(self, suspects: Iterable[str]) -> None:
        """Begin to run checks alone, each for the last time; ``suspects`` may have stopped a service."""
        self._serial, self.in_doubt = True, {}
        self.liveness.repeats, self.liveness.suspects = False, list(dict.fromkeys(suspects))

    # Selection.

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected."""
        if report.failed:
            self.mistakes.append(uncollected(report))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Select the checks of the run; none after a mistake in the suite or in a selector."""
        checks = self._checks(items)
        if self.mistakes:
            self._give_up(items)
            return
        ids = self._selected_ids(checks.values())
        chosen = [item for item in items if item not in checks or checks[item].id in ids]
        chosen.sort(key=lambda item: _rank(checks.get(item)))
        if self.deferred is not None:
            self.deferred += [item.nodeid for item in chosen if item in checks and checks[item].comes_last]
            chosen = [item for item in chosen if item.nodeid not in set(self.deferred)]
        if deselected := [item for item in items if item not in set(chosen)]:
            self.config.hook.pytest_deselected(items=deselected)
        items[:] = chosen

    def _checks(self, items: list[pytest.Item]) -> dict[pytest.Item, CheckInfo]:
        found: dict[pytest.Item, CheckInfo] = {}
        contract = catalogue()
        for item in filter(is_check, items):
            info = item.stash.get(CHECK, None) or check_info(item, contract)
            if isinstance(info, str):
                self.mistakes.append(info)
            else:
                found[item] = item.stash[CHECK] = info
        self.mistakes += mistakes_among(found.values())
        if not self._serial:
            checks = list(found.values())
            self.class_sizes.update(each.requirement.conformance_class for each in checks)
            missed = unmatched(self.options.select, checks)
            self.mistakes += [f"no check matches {each!r}{why_unmatched(each, checks)}" for each in missed]
        return found

    def _selected_ids(self, checks: Iterable[CheckInfo]) -> frozenset[str]:
        """Return the ids of the checks of the run or its shard; the serial phase has no shard of its own."""
        profile, select, shard = profiles()[self.options.profile], self.options.select, self.options.shard
        requested = [
            each for each in checks
            if profile.selects(each.requirement, each.disturbs is not None) and selected(each, select)
        ]  # fmt: skip
        if shard is None or self._serial:
            return frozenset(each.id for each in requested)
        self.plan = plan(requested, shard, durations_of(self.options.durations))
        return self.plan.own

    def _give_up(self, items: list[pytest.Item]) -> None:
        items[:] = []
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["conformance-mistakes"] = self.mistakes

    # Running.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a check's evidence, and stop a check that does not apply to this target."""
        check = item.stash.get(CHECK, None)
        if check is not None:
            RECORDER.begin_check()
            self.config.stash[KEYS.budget].begin_phase(f"the preparation of {check.id}", PREPARATION)
            self.config.stash[KEYS.ledger].begin_check()
            self._before = RECORDER.requests
            self._names_made = self.config.stash[KEYS.names].made
            # Random values differ between runs, and a replay repeats them.
            random.seed(f"{self.options.run_id} {self.options.seed} {check.id}")
            self._gate(check)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Bound the requests of a check."""
        check = item.stash.get(CHECK, None)
        if check is not None:
            identity = self.config.stash[KEYS.target].identity
            # Many checks send the requests of each resource that the target file declares.
            resources = len(identity.resources) if identity else 0
            most = check.most_requests * max(1, -(-resources // RESOURCES))
            self.config.stash[KEYS.budget].begin_phase(check.id, most)

    def pytest_keyboard_interrupt(self) -> None:
        """Let the clean-up send its requests."""
        self.config.stash[KEYS.budget].end_run()

    def _gate(self, check: CheckInfo) -> None:
        target = self.config.stash[KEYS.target]
        missing = not_described(check.requirement.id, target)
        if missing:
            raise NotOffered(f"the target describes no {missing}")
        feature = check.requirement.feature
        if feature is not None and feature not in target.features:
            raise NotOffered(f"the target does not claim {feature}")
        surface = surface_of(check.requirement.id)
        blocked = self.options.blocked.get(surface or "")
        if blocked and not (check.needs_no_credential and surface in self.options.locked):
            raise Inconclusive(*blocked)
        self.liveness.expect(surface)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Judge a check and report its result instead of pytest's traceback."""
        check = item.stash.get(CHECK, None)
        if check is None:
            return None
        report = _report(item, call)
        error = call.excinfo.value if call.excinfo else None
        if call.when == "teardown":
            if error is not None:
                report.longrepr = RECORDER.redactor.text(repr(error))
                report.user_properties.append((TEARDOWN, {"id": check.id, "reason": report.longrepr}))
        elif call.when == "call" or error is not None:
            item.stash[FAILED] = error is not None
            if error is not None and not isinstance(error, NotApplicable):
                RECORDER.prepare(self.preparation.of(item))
            if call.when == "setup" and RECORDER.unanswered() and isinstance(item, pytest.Function):
                self.preparation.make_anew(item)
            self._conclude(check, self._judgement(check, error, call.when), report)
        return report

    def _judgement(self, check: CheckInfo, error: BaseException | None, phase: str) -> Judgement:
        budget = self.config.stash[KEYS.budget]
        exceeded = budget.exceeded
        budget.begin_phase("", None)
        if exceeded is not None:
            return judge(exceeded, RECORDER, phase)
        judgement = self._with_common_cause(check, judge(error, RECORDER, phase))
        # A check that sent no request shows nothing about the target.
        self.liveness.begin_check()
        return self.liveness.judged(check.requirement.id, judgement) if RECORDER.requests > self._before else judgement

    def _with_common_cause(self, check: CheckInfo, judgement: Judgement) -> Judgement:
        """Replace the reason of an inconclusive check by that of its surface, if that is unusable as a whole."""
        surface = surface_of(check.requirement.id) or ""
        if judgement.verdict == Verdict.INCONCLUSIVE and surface in self.options.alike:
            return Judgement(Verdict.INCONCLUSIVE, self.options.alike[surface], DISTINGUISHING)
        if judgement.verdict == Verdict.INCONCLUSIVE and surface in self.options.locked:
            cause, needs = self.options.blocked[surface]
            return Judgement(Verdict.INCONCLUSIVE, RECORDER.redactor.text(cause), RECORDER.redactor.text(needs))
        return judgement

    def _conclude(self, check: CheckInfo, judgement: Judgement, report: pytest.TestReport) -> None:
        if self.liveness.in_doubt:
            # This attempt is not reported. A passed setup would continue with the call, so it is reported as skipped.
            self.in_doubt[check.nodeid] = self.liveness.suspect
            report.outcome = "passed"
            if report.when == "setup":
                _skip(report, "repeated alone later")
            return
        result = self._result(check, judgement, report.duration)
        evidence = self._write_evidence(check.id)
        report.user_properties.append((RESULT, result.text()))
        # Reported at once, so that the process that seals the run knows the digest before anyone can change the file.
        report.user_properties.append((EVIDENCE, evidence))
        if judgement.verdict == Verdict.NOT_APPLICABLE:
            _skip(report, judgement.reason)
        elif judgement.verdict != Verdict.PASS:
            report.longrepr = failure_text(result, width=100, colour=False)

    def _result(self, check: CheckInfo, judgement: Judgement, duration_s: float) -> CheckResult:
        requirement = check.requirement
        return CheckResult(
            id=check.id,
            requirement=requirement.id,
            title=requirement.title,
            area=requirement.area,
            level=judgement.level or str(requirement.level),
            conformance_class=requirement.conformance_class,
            clause=requirement.clause.plain(),
            promise=requirement.promise,
            verdict=str(judgement.verdict),
            duration_s=round(duration_s, 6),
            purpose=check.purpose,
            method=check.method,
            feature=requirement.feature,
            reason=judgement.reason.replace(PLACE, self._place),
            needs=judgement.needs.replace(PLACE, self._place),
            findings=judgement.findings,
            exchanges=[entry["id"] for entry in (*RECORDER.prepared, *RECORDER.entries)],
            requests=RECORDER.requests - self._before,
            events=dict(RECORDER.events),
            nodeid=check.nodeid,
            worker=self.name,
            names_made=self._names_made,
            whole_run=check.concludes,
            optional=left_open(check, judgement),
            lacks=judgement.lacks,
        )

    def _write_evidence(self, check_id: str) -> list[str]:
        """Write the evidence of a check; return the name of the file and the SHA-256 of its content so far."""
        name = f"{self.name}.ndjson.gz"
        try:
            if self._evidence is None:
                self._evidence = EvidenceWriter(Path(self.options.folder) / "evidence" / name)
            self._evidence.write({**entry, "check": check_id} for entry in RECORDER.evidence())
        except OSError:
            # The reporting process cannot write either, and reports that; the run ends as after an interrupt.
            raise KeyboardInterrupt from None
        return [name, self._evidence.digest]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Send the reporting process a summary."""
        if self._evidence is not None:
            self._evidence.close()
            self._evidence = None
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["conformance-summary"] = self.summary()

    def summary(self) -> dict[str, Any]:
        """Return the number of requests, leftovers, recipes for the run's tokens, and the deferred checks."""
        return {
            "requests": RECORDER.requests,
            "leftovers": self.config.stash[KEYS.leftovers],
            "recipes": dict(RECORDER.recipes),
            "deferred": self.deferred or [],
            "in_doubt": self.in_doubt,
            "plan": [self.plan.digest, self.plan.checks] if self.plan else None,
            "class_sizes": dict(self.class_sizes),
            "watch": RECORDER.passive_checks.summary(),
        }


def configure_properties(options: RunOptions, gentle: bool) -> None:
    """Configure the exploration of properties, which must happen before the suites are imported."""
    database = Path(options.examples_database) if options.examples_database else None
    longest = LONGEST_SHRINK_S if options.shrink_s is None else options.shrink_s
    configure(options.explore, options.seed, database, options.explore_until, 0 if gentle else longest)


def _report(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """Return the report of one phase of a check, without its exception's text."""
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome="failed" if call.excinfo else "passed",
        longrepr=None,
        when=call.when,  # type: ignore[arg-type]
        duration=call.duration,
        start=call.start,
        stop=call.stop,
        user_properties=[*item.user_properties],
    )


def _skip(report: pytest.TestReport, why: str) -> None:
    report.outcome = "skipped"
    report.longrepr = (report.location[0], report.location[1] or 0, f"Skipped: {why}")


def _rank(check: CheckInfo | None) -> int:
    """Return the sort key of a check: disruptive checks run late, those that disturb others after them.

    Checks that judge the whole run are last.
    """
    if check is None:
        return 0
    return 3 if check.concludes else 2 if check.comes_last else 1 if check.disturbs else 0
