"""Judging stored evidence again with today's oracles: the checks run, and what they ask is answered from the record.

    outcome = rejudge(read(folder))
    outcome.changed, outcome.unclear

Each worker of the run has a process of its own, in which its checks run in their order, with its names, its chance
and its clock. Nothing can be sent from there: connections and programs are shut off. A check that asks for what is not
in the evidence, or stands on what was removed from it, cannot be judged again; the outcome says so.
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

from conformance.clients.transport.rate_limiter import Pace
from conformance.evidence.recorded_responses import NotRecorded, RecordedResponses, placeholder
from conformance.evidence.recorder import RECORDER, id_of
from conformance.plugin.checks import CheckInfo
from conformance.plugin.fixtures import KEYS
from conformance.plugin.invocation import pytest_arguments, run_pytest
from conformance.plugin.judging import Judgement, judge, left_open, single_exceptions
from conformance.plugin.liveness import Liveness
from conformance.plugin.options import RunOptions
from conformance.plugin.worker import CHECK, Worker
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
from conformance.vocabulary.exchange import ENDED_BY, NO_LONGER_ANSWERS, UNANSWERED_FOR
from conformance.vocabulary.verdict import Verdict

WHOLE_RUN = "it judges all answers of the run, of which the evidence keeps a part"
FOUND = ("reachable", "cause", "locked", "mend", "refused", "open")
"""What of the preflight decides which checks can be judged."""
LIVENESS = re.compile(f"{NO_LONGER_ANSWERS}|{ENDED_BY}|{UNANSWERED_FOR}|no event any more")


@dataclass(frozen=True)
class Rejudged:
    """What became of one check: its verdict in the record and anew, which is None where it cannot be had, and why."""

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
        """Checks whose evidence says today something else than the record does."""
        return [each for each in self.checks if each.now is not None and each.now != each.before]

    @property
    def unclear(self) -> list[Rejudged]:
        """Checks that cannot be judged again."""
        return [each for each in self.checks if each.now is None]

    @property
    def same(self) -> list[Rejudged]:
        """Checks whose verdict follows from their evidence."""
        return [each for each in self.checks if each.now == each.before]


def rejudge(record: Record) -> Outcome:
    """Judges the evidence of a run again; RecordError where that cannot be begun."""
    _target(record, placeholder)
    workers = sorted({result.worker for result in record.results})
    with scratch_folder("rejudging") as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        parts = pool.map(lambda worker: _of_worker(record.folder, worker, folder / f"{worker}.json"), workers)
        anew = {each["id"]: each for part in parts for each in part}
    gone = {"now": None, "reason": "there is no such check any more"}
    return Outcome([_compared(result, anew.get(result.id, gone), record.amended) for result in record.results])


def _compared(result: CheckResult, anew: dict[str, Any], amended: Iterable[str]) -> Rejudged:
    now, reason = anew["now"], anew["reason"]
    if result.id in amended and now != result.verdict:
        now, reason = None, "its verdict was changed at the end of the run, by what is not its evidence"
    if result.optional and now == result.verdict == Verdict.NOT_APPLICABLE and not anew.get("optional"):
        now = f"{now}, which the contract does not leave open,"
    return Rejudged(result.id, result.level, result.verdict, now, reason, anew.get("findings", []))


def _of_worker(folder: Path, worker: str, out: Path) -> list[dict[str, Any]]:
    command = own_python("-m", __name__, str(folder.resolve()), worker, str(out))
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if not out.exists():
        said = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise RecordError(f"{folder}: the checks of worker {worker} cannot be judged again: {said[:300]}")
    return list(json.loads(out.read_text(encoding="utf-8")))


class Rejudging(Worker):
    """The worker's side: the record describes its target, and recorded responses answer its requests."""

    def __init__(self, config: pytest.Config, record: Record, name: str, scratch: Path) -> None:
        self.record, self.scratch = record, scratch
        self.stored = {result.id: result for result in record.results if result.worker == name}
        self.order = {check: place for place, check in enumerate(self.stored)}
        self.anew: list[dict[str, Any]] = []
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
        stash[KEYS.pace] = Pace()
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
        """Keeps the checks of this worker, in the order in which they were run."""
        checks = self._checks(items)
        items[:] = sorted(
            (item for item, check in checks.items() if check.id in self.stored),
            key=lambda item: self.order[checks[item].id],
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Turns to a check's evidence."""
        stored = self.stored[item.stash[CHECK].id]
        self.recording.begin(stored.id)
        # What its fixtures have asked stands in its evidence where it failed, and was answered to the check before.
        self.recording.skip(map(id_of, self.preparation.of(item)))
        self.config.stash[KEYS.names].made = stored.names_made or 0
        self.gated = True
        super().pytest_runtest_setup(item)
        self.gated = False

    def _judgement(self, check: CheckInfo, error: BaseException | None, phase: str) -> Judgement:
        for each in single_exceptions(error) if error is not None else ():
            if isinstance(each, NotRecorded):
                # Also where a fixture did not find it for an earlier check, and raises the same once more.
                self.recording.miss(str(each))
        return judge(error, RECORDER, phase)

    def _conclude(self, check: CheckInfo, judgement: Judgement, report: pytest.TestReport) -> None:
        unclear = WHOLE_RUN if check.concludes else self._unclear(judgement, self.stored[check.id])
        self.anew.append({
            "id": check.id,
            "now": None if unclear else str(judgement.verdict),
            "reason": unclear or judgement.reason,
            "findings": judgement.findings,
            "optional": left_open(check, judgement),
        })  # fmt: skip

    def _unclear(self, judgement: Judgement, stored: CheckResult) -> str:
        """Why what the check says now does not follow from the evidence alone, "" where it does."""
        if self.gated or (judgement.verdict == stored.verdict and not self.recording.missing):
            return ""
        if Verdict.NOT_APPLICABLE in (judgement.verdict, stored.verdict):
            return f"that depends on the machine: {stored.reason or judgement.reason}"
        if stored.events.get("examples", 1) > 1:
            return "of the examples that it tried the evidence keeps the first and the smallest"
        if LIVENESS.search(f"{stored.reason} {stored.findings}"):
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
    """The run that a worker was of: of a merged one, that of its shard."""
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
        SurfaceState(each["surface"], "", **{name: each[name] for name in FOUND if name in each})
        for each in info.preflight
    )
    return options


def _evidence(record: Record, worker: str) -> Iterator[dict[str, Any]]:
    own = {result.id for result in record.results if result.worker == worker}
    return (entry for entry in record.evidence_of_checks() if entry.get("check") in own)


class _Plugin:
    """Registers the worker's side in place of a run's."""

    def __init__(self, record: Record, name: str, scratch: Path) -> None:
        self.record, self.name, self.scratch = record, name, scratch
        self.worker: Rejudging | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self.worker = Rejudging(config, self.record, self.name, self.scratch)
        config.pluginmanager.register(self.worker, "conformance-worker")
        _shut_off(self.worker.recording)


def _shut_off(recording: RecordedResponses) -> None:
    """From here on nothing leaves this process, and its clock is the record's."""

    def refused(*_arguments: Any, **_keywords: Any) -> Any:
        raise recording.miss("what the check asks outside of the suite's own clients is not recorded")

    socket.socket.connect = refused  # type: ignore[method-assign]
    socket.socket.connect_ex = refused  # type: ignore[method-assign]
    subprocess.Popen.__init__ = refused  # type: ignore[method-assign]
    time.time = time.monotonic = lambda: recording.now
    time.sleep = recording.sleep  # type: ignore[assignment]


def main(folder: str, worker: str, out: str) -> None:
    """Judges the checks of one worker again, in this process, and writes what came of it."""
    record = read(Path(folder))
    areas = sorted({result.area for result in record.results if result.worker == worker})
    plugin = _Plugin(record, worker, Path(out).parent)
    run_pytest([*pytest_arguments(*areas), "-p", "no:terminal"], plugin)
    if plugin.worker is not None:
        Path(out).write_text(json.dumps(plugin.worker.anew), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
