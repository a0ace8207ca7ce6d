"""Judging stored evidence again with today's oracles: the checks run, and the record answers their requests.

    outcome = rejudge(read(folder))
    outcome.changed, outcome.unclear

Each worker of the run has its own process, in which its checks run in the same order, with the same names, random
values and clock. Connections and programs are blocked there. A check that sends a request that is not in the evidence,
or that depends on removed parts of it, cannot be judged again; the outcome says so.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.clients.transport.request_budget import RequestBudget
from conformance.evidence.recorded_responses import NotRecorded, RecordedResponses, placeholder
from conformance.evidence.recorder import RECORDER, id_of
from conformance.plugin.checks import CHECK, CheckInfo
from conformance.plugin.fixtures import KEYS
from conformance.plugin.invocation import pytest_arguments, run_pytest
from conformance.plugin.judging import Judgement, judge, left_open, single_exceptions
from conformance.plugin.liveness import Liveness
from conformance.plugin.options import RunOptions
from conformance.plugin.worker import Worker
from conformance.preflight import SurfaceState
from conformance.runs.processes import own_python
from conformance.runs.reading import Record, read
from conformance.runs.record import CheckResult, RecordError
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.temporary_folder import scratch_folder
from conformance.strategies.properties import configure
from conformance.target import configuration
from conformance.target.description import Target
from conformance.vocabulary.exchange import NO_LONGER_ANSWERS
from conformance.vocabulary.finding import Kind
from conformance.vocabulary.verdict import Verdict

WHOLE_RUN = "it judges all answers of the run, of which the evidence keeps a part"
PREFLIGHT = ("reachable", "cause", "locked", "mend", "alike", "refused", "open")
"""The results of the preflight that decide which checks can be judged."""
LIVENESS = re.compile(f"{NO_LONGER_ANSWERS}|no event any more")


@dataclass(frozen=True)
class Rejudged:
    """One check: its verdict in the record and its new verdict, None with a reason if it cannot be judged again."""

    id: str
    level: str
    before: str
    now: str | None
    reason: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """Every check of a run, judged again."""

    checks: list[Rejudged]

    @property
    def changed(self) -> list[Rejudged]:
        """Checks with another verdict than in the record."""
        return [each for each in self.checks if each.now is not None and each.now != each.before]

    @property
    def unclear(self) -> list[Rejudged]:
        """Checks that cannot be judged again."""
        return [each for each in self.checks if each.now is None]

    @property
    def same(self) -> list[Rejudged]:
        """Checks with the same verdict as in the record."""
        return [each for each in self.checks if each.now == each.before]


def rejudge(record: Record) -> Outcome:
    """Judge the evidence of a run again; RecordError if that cannot begin."""
    _target(record, placeholder)
    workers = sorted({result.worker for result in record.results})
    with scratch_folder("rejudging") as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        parts = pool.map(lambda worker: _rejudge_worker(record.folder, worker, folder / f"{worker}.json"), workers)
        rejudged = {each["id"]: each for part in parts for each in part}
    gone = {"now": None, "reason": "there is no such check any more"}
    return Outcome([_compared(result, rejudged.get(result.id, gone), record.amended) for result in record.results])


def _compared(result: CheckResult, rejudged: dict[str, Any], amended: Iterable[str]) -> Rejudged:
    now, reason = rejudged["now"], rejudged["reason"]
    if result.id in amended and now != result.verdict:
        now, reason = None, "its verdict was changed at the end of the run, by what is not its evidence"
    if result.optional and now == result.verdict == Verdict.NOT_APPLICABLE and not rejudged.get("optional"):
        now = f"{now}, which the contract does not leave open,"
    return Rejudged(result.id, result.level, result.verdict, now, reason, rejudged.get("findings", []))


def _rejudge_worker(folder: Path, worker: str, out: Path) -> list[dict[str, Any]]:
    command = own_python("-m", __name__, str(folder.resolve()), worker, str(out))
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if not out.exists():
        error = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise RecordError(f"{folder}: the checks of worker {worker} cannot be judged again: {error[:300]}")
    return list(json.loads(out.read_text(encoding="utf-8")))


class Rejudging(Worker):
    """A worker whose target is that of the record, and whose requests are answered from the record."""

    def __init__(self, config: pytest.Config, record: Record, name: str, scratch: Path) -> None:
        self.record, self.scratch = record, scratch
        self.stored = {result.id: result for result in record.results if result.worker == name}
        self.order = {check: number for number, check in enumerate(self.stored)}
        self.rejudged: list[dict[str, Any]] = []
        self.gated = False
        super().__init__(config, _options(record, name), name)

    def _prepare(self) -> None:
        target = _target(self.record, self._stand_in)
        secrets = {secret.name: secret.reveal() for secret in configuration.secrets(target)}
        for name, value in secrets.items():
            RECORDER.redactor.learn(name, value)
        rotated = "WEBHOOKS_URL_ROTATED"
        placeholders = {**secrets, rotated: self._webhook(rotated)}
        evidence = _evidence(self.record, self.name)
        self.recording = RECORDER.recording = RecordedResponses(evidence, RECORDER.redactor, placeholders)
        RECORDER.secret_names = dict(self.record.info.secret_names)
        self._fill(target)

    def _fill(self, target: Target) -> None:
        info, stash = self.record.info, self.config.stash
        self.options.hand_over(target)
        stash[KEYS.target] = target
        stash[KEYS.open] = frozenset(self.options.open)
        _, _, own = self.name.rpartition("-")
        stash[KEYS.names] = Names(self.options.run_id, own.replace("gw", "w").replace("main", "w"))
        stash[KEYS.budget] = RequestBudget()
        stash[KEYS.ledger] = Ledger(self.scratch / f"{self.name}.ndjson")
        stash[KEYS.leftovers] = []
        self.liveness = Liveness(target, RECORDER, alone=True, ask=lambda _target, _surface: "")
        configure(info.explore, info.seed, shrink_s=0)

    def _stand_in(self, name: str) -> str:
        webhooks = self.record.info.configuration.get("webhooks") or {}
        return self._webhook(name) if webhooks.get("url") == f"${name}" else placeholder(name)

    def _webhook(self, name: str) -> str:
        known = {state["surface"]: state.get("url", "") for state in self.record.info.preflight}
        parts = urlsplit(known.get("webhooks") or "http://webhooks.invalid")
        return f"{parts.scheme}://{parts.netloc}/hooks/{placeholder(name)}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Select the checks of this worker, in the order in which they ran."""
        checks = self._checks(items)
        items[:] = sorted(
            (item for item, check in checks.items() if check.id in self.stored),
            key=lambda item: self.order[checks[item].id],
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Start the check's evidence."""
        stored = self.stored[item.stash[CHECK].id]
        self.recording.begin(stored.id)
        # A failed check's evidence contains the requests of its fixtures, which an earlier check consumed.
        self.recording.skip(map(id_of, self.preparation.of(item)))
        self.config.stash[KEYS.names].made = stored.names_made or 0
        self.gated = True
        super().pytest_runtest_setup(item)
        self.gated = False

    def _judgement(self, check: CheckInfo, error: BaseException | None, phase: str) -> Judgement:
        for each in single_exceptions(error) if error is not None else ():
            if isinstance(each, NotRecorded):
                # A shared fixture may raise it again that failed for an earlier check.
                self.recording.miss(str(each))
        return judge(error, RECORDER, phase)

    def _conclude(self, check: CheckInfo, judgement: Judgement, report: pytest.TestReport) -> None:
        unclear = WHOLE_RUN if check.concludes else self._unclear(judgement, self.stored[check.id])
        self.rejudged.append({
            "id": check.id,
            "now": None if unclear else str(judgement.verdict),
            "reason": unclear or judgement.reason,
            "findings": judgement.findings,
            "optional": left_open(check, judgement),
        })  # fmt: skip

    def _unclear(self, judgement: Judgement, stored: CheckResult) -> str:
        """Return why the new verdict does not follow from the evidence alone, or ""."""
        if self.gated or (judgement.verdict == stored.verdict and not self.recording.missing):
            return ""
        if Verdict.NOT_APPLICABLE in (judgement.verdict, stored.verdict):
            return f"that depends on the machine: {stored.reason or judgement.reason}"
        if stored.events.get("examples", 1) > 1:
            return "of the examples that it tried the evidence keeps the first and the smallest"
        kinds = {each["deviation"]["kind"] for each in stored.findings}
        if kinds & {Kind.ENDED, Kind.HUNG, Kind.NO_ANSWER} or LIVENESS.search(stored.reason):
            return "it stands on whether the service was still there, which is not in its evidence"
        if self.recording.missing:
            return self.recording.missing
        if self.recording.remaining:
            return f"the check took another course: {self.recording.remaining} of what was recorded it did not ask for"
        if self.recording.is_concurrent():
            return "its requests were made at the same time, and in which order is not in the evidence"
        return ""


def _target(record: Record, reveal: Callable[[str], str]) -> Target:
    try:
        return configuration.from_record(record.info.configuration, reveal)
    except configuration.ConfigurationError as mistake:
        raise RecordError(f"{record.folder / 'run.json'}: {mistake}") from None


def _run_of(record: Record, worker: str) -> str:
    """Return the id of a worker's run: in a merged run, that of its shard."""
    part = worker.partition("-")[0]
    runs = {f"s{str(each.get('shard')).partition('/')[0]}": each.get("run_id") for each in record.info.parts}
    return str(runs.get(part) or record.info.run_id)


def _options(record: Record, worker: str) -> RunOptions:
    info = record.info
    options = RunOptions(
        run_id=_run_of(record, worker), folder=str(record.folder), target_config="", target=info.target,
        profile=info.profile, select=info.selection, explore=info.explore, seed=info.seed,
    )  # fmt: skip
    options.learn(
        SurfaceState(each["surface"], "", **{name: each[name] for name in PREFLIGHT if name in each})
        for each in info.preflight
    )
    return options


def _evidence(record: Record, worker: str) -> Iterator[dict[str, Any]]:
    own = {result.id for result in record.results if result.worker == worker}
    return (entry for entry in record.evidence_of_checks() if entry.get("check") in own)


class _Plugin:
    """Registers a rejudging worker instead of a run."""

    def __init__(self, record: Record, name: str, scratch: Path) -> None:
        self.record, self.name, self.scratch = record, name, scratch
        self.worker: Rejudging | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self.worker = Rejudging(config, self.record, self.name, self.scratch)
        config.pluginmanager.register(self.worker, "conformance-worker")
        _isolate(self.worker.recording)


def _isolate(recording: RecordedResponses) -> None:
    """Block everything that leaves this process, and set its clock to the record's."""

    def refused(*_arguments: Any, **_keywords: Any) -> Any:
        raise recording.miss("what the check asks outside of the suite's own clients is not recorded")

    socket.socket.connect = refused  # type: ignore[method-assign]
    socket.socket.connect_ex = refused  # type: ignore[method-assign]
    subprocess.Popen.__init__ = refused  # type: ignore[method-assign]
    time.time = time.monotonic = lambda: recording.now
    time.sleep = recording.sleep  # type: ignore[assignment]


def main(folder: str, worker: str, out: str) -> None:
    """Judge the checks of one worker again, in this process, and write the results."""
    record = read(Path(folder))
    areas = sorted({result.area for result in record.results if result.worker == worker})
    plugin = _Plugin(record, worker, Path(out).parent)
    run_pytest([*pytest_arguments(*areas), "-p", "no:terminal"], plugin)
    if plugin.worker is not None:
        Path(out).write_text(json.dumps(plugin.worker.rejudged), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
