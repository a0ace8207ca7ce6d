"""The run as a whole: its target, folder, preflight, workers, record, reports and exit code.

It belongs to the reporting process, which runs no checks if there are workers.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance import __version__
from conformance.clients.transport.request_budget import FILE_NAME as BUDGET
from conformance.clients.transport.request_budget import requests_of
from conformance.contract.catalogue import ContractError, catalogue
from conformance.contract.profiles import profiles
from conformance.evidence.recorder import RECORDER
from conformance.plugin import workers
from conformance.plugin.checks import EVIDENCE, RESULT, TEARDOWN
from conformance.plugin.crashes import Crashes
from conformance.plugin.embedded import EmbeddedReference, ReferenceFailed
from conformance.plugin.environment import environment, now
from conformance.plugin.invocation import cuts_areas, parts_of_suites
from conformance.plugin.options import RunOptions, formats_of, seed_of
from conformance.plugin.progress import Progress
from conformance.plugin.selection import refuse_mistakes
from conformance.plugin.serial_phase import SerialPhase
from conformance.plugin.sharding import share_of_rate
from conformance.plugin.surfaces import SURFACES
from conformance.plugin.unjudged import not_judged
from conformance.preflight import SurfaceState, preflight
from conformance.reporting import render_each
from conformance.runs import processes, waivers
from conformance.runs.outcome import exit_code
from conformance.runs.reading import read
from conformance.runs.record import (
    EXAMPLES,
    CheckResult,
    RecordError,
    RecordWriter,
    RunInfo,
    folder_for,
    remove_if_empty,
)
from conformance.sandbox.names import new_run
from conformance.target import configuration
from conformance.target.description import Target
from conformance.vocabulary.verdict import ExitCode, Verdict

if TYPE_CHECKING:
    # A reporting process with workers does not import it.
    from conformance.plugin.worker import Worker


def begin(config: pytest.Config) -> None:
    """Prepare a run and register its plugins; pytest.UsageError if that fails."""
    # Python already handles SIGINT, unless the parent process ignores it.
    processes.end_on_sigterm()
    try:
        catalogue()
    except ContractError as mistake:
        raise pytest.UsageError(f"the contract's data is wrong: {mistake}") from None
    run = Run(config)
    config.pluginmanager.register(run, "conformance-run")
    config.pluginmanager.register(run.crashes, "conformance-crashes")
    if workers.count(config) == 0:
        from conformance.plugin.worker import Worker

        config.pluginmanager.register(Worker(config, run.options, "main"), "conformance-worker")


class Run:
    """One conformance run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.begun = time.monotonic()
        self.embedded: EmbeddedReference | None = None
        self.crashes = Crashes()
        self.results: dict[str, CheckResult] = {}
        self.errors: list[str] = []
        self.mistakes: list[str] = []
        self.expected: int | None = None
        self.serial_phase = SerialPhase()
        self.leftovers: list[dict[str, str]] = []
        self.reserved: Path | None = None
        try:
            self._prepare()
        except BaseException:
            self._stop_helpers()
            raise

    def _prepare(self) -> None:
        option = self.config.option
        self.formats = formats_of(option.conformance_report)
        refuse_mistakes(self.config)
        self.progress = Progress(self.config)
        self.selection = list(option.conformance_select) or parts_of_suites(self.config)
        name, self.target, path = self._target()
        self.waivers = self._waivers(path)
        self.options = self._options(name, path)
        states = preflight(self.target)
        self.options.learn(states)
        workers.settle(self.config, states, self.options, self.target.gentle)
        self.info = self._info(name, states)
        self.writer = self._writer()
        if option.conformance_terminal:
            self.progress.take_over()
        self.progress.beginning(self.info, states, self.embedded is not None, Path(self.options.folder), self.waivers)
        if self.info.challenge:
            self.progress.say(f"Challenge {self.info.challenge}; the run is sealed with key {self.writer.seal.key}\n")

    def _target(self) -> tuple[str, Target, Path]:
        option = self.config.option
        file = Path(option.conformance_config) if option.conformance_config else None
        try:
            loaded = configuration.load(file, self.config.invocation_params.dir)
            name, target = loaded.choose(option.conformance_target)
        except configuration.NoConfiguration:
            loaded = self._reference()
            name, target = loaded.choose(None)
        except configuration.ConfigurationError as mistake:
            raise pytest.UsageError(str(mistake)) from None
        if not any(getattr(target, each) for each in SURFACES):
            raise pytest.UsageError(f"the target {name} describes no surface; add one of {', '.join(SURFACES)}")
        return name, target, loaded.path

    def _reference(self) -> configuration.Configuration:
        if name := self.config.option.conformance_target:
            raise pytest.UsageError(f"--target {name}: there is no conformance.toml here; conformance init writes one")
        self.progress.say("No conformance.toml here: checking the embedded reference.")
        try:
            self.embedded = EmbeddedReference()
        except ReferenceFailed as failure:
            raise pytest.UsageError(str(failure)) from None
        return configuration.load(self.embedded.target_config, Path.cwd())

    def _options(self, name: str, path: Path) -> RunOptions:
        option = self.config.option
        profile = profiles()[option.conformance_profile]
        durations = option.conformance_durations
        try:
            rate = share_of_rate(option.conformance_rate or self.target.rate, option.conformance_shard)
            folder = self._folder(name)
        except (ValueError, RecordError) as mistake:
            raise pytest.UsageError(str(mistake)) from None
        return RunOptions(
            run_id=new_run(),
            folder=str(folder),
            target_config=str(path.resolve()),
            target=name,
            profile=profile.name,
            select=list(option.conformance_select),
            explore=profile.explore if option.conformance_explore is None else option.conformance_explore,
            explore_until=time.time() + option.conformance_explore_time if option.conformance_explore_time else None,
            shrink_s=option.conformance_shrink_time,
            seed=seed_of(option.conformance_seed, option.conformance_challenge),
            # The run's own database is empty, so that only the seed decides; a replay begins with the failures.
            examples_database=option.conformance_database or str(folder / EXAMPLES),
            rate=rate,
            most_requests=option.conformance_max_requests,
            shard=option.conformance_shard,
            durations=str(Path(durations).resolve()) if durations else None,
        )

    def _waivers(self, target_file: Path) -> waivers.Waivers:
        option = self.config.option
        option_value = option.conformance_waivers
        path = waivers.path_of(option_value, None if self.embedded else target_file, self.config.invocation_params.dir)
        try:
            found = waivers.load(path, catalogue().requirements, bool(option_value))
            return waivers.Waivers(found, now()[:10], option.conformance_shard is None, self.selection, path)
        except waivers.WaiverError as mistake:
            raise pytest.UsageError(str(mistake)) from None

    def _folder(self, name: str) -> Path:
        if self.config.option.conformance_out:
            return Path(self.config.invocation_params.dir, str(self.config.option.conformance_out)).resolve()
        self.reserved = folder_for(name, self.config.invocation_params.dir / "reports").resolve()
        return self.reserved

    def _info(self, name: str, states: list[SurfaceState]) -> RunInfo:
        options = self.options
        contract = catalogue()
        storage = self.target.storage
        return RunInfo(
            run_id=options.run_id,
            target=name,
            started=now(),
            suite_version=__version__,
            contract_version=contract.version,
            contract_digest=contract.digest,
            seed=options.seed,
            explore=options.explore,
            profile=options.profile,
            selection=self.selection,
            shard=options.shard,
            strict=self.config.option.conformance_strict,
            workers=workers.count(self.config),
            configuration=configuration.redacted(self.target),
            fingerprint=configuration.fingerprint(self.target),
            features=self.target.features,
            preflight=[state.plain() for state in states],
            secret_names={storage.access_key.name: storage.secret_key.name} if storage else {},
            environment=environment(state.url for state in states),
            promises={each.id: each.plain() for each in contract.promises.values()},
            target_file=None if self.embedded else options.target_config,
            waivers_file=self.waivers.read_from,
            waivers=[each.plain() for each in self.waivers.entries],
            challenge=self.config.option.conformance_challenge,
        )

    def _writer(self) -> RecordWriter:
        try:
            return RecordWriter(Path(self.options.folder), self.info, reserved=not self.config.option.conformance_out)
        except RecordError as mistake:
            raise pytest.UsageError(str(mistake)) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the run's options to a worker that xdist starts."""
        node.workerinput["conformance"] = self.options.plain()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Schedule by file, or by function with many workers."""
        from conformance.plugin.scheduling import Scheduling

        return Scheduling(config, log, self.info.workers)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Note how many checks there are."""
        self._expect(ids)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many checks there are if this process runs them."""
        if session.items:
            self._expect([item.nodeid for item in session.items])

    def _expect(self, ids: list[str]) -> None:
        if self.expected is None:
            self.expected = len(ids)
            self.progress.collected(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add the summary that a worker sends at its end."""
        output = getattr(node, "workeroutput", None) or {}
        self.mistakes = self.mistakes or list(output.get("conformance-mistakes", []))
        if summary := output.get("conformance-summary"):
            self._add(summary)
            self.serial_phase.add(summary)
            RECORDER.passive_checks.join(summary["watch"])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the deferred checks after all others."""
        outcome = yield
        if more := self.serial_phase.run(session, self.options):
            self.expected = (self.expected or 0) + more
        return outcome

    def _add(self, summary: dict[str, Any]) -> None:
        self.info.requests += summary["requests"]
        self.leftovers += summary["leftovers"]
        self.info.recipes.update(summary["recipes"])
        self.info.plan, self.info.planned = summary["plan"] or (self.info.plan, self.info.planned)
        # If pytest itself selected a part, the size of the whole is unknown.
        self.info.class_sizes.update({} if cuts_areas(self.config) else summary["class_sizes"])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a check's result."""
        for name, value in report.user_properties:
            if name == RESULT and isinstance(value, str):
                self._record(CheckResult.of(value))
            elif name == TEARDOWN and isinstance(value, dict):
                self._amend(value["id"], f"the suite's own clean-up failed: {value['reason']}")
            elif name == EVIDENCE and isinstance(value, list):
                self.writer.evidence(*value)
        judged = any(name in (RESULT, TEARDOWN) for name, _ in report.user_properties)
        if report.failed and not judged:
            # A crashed worker, or an error within pytest, has no verdict.
            self.errors.append(f"{report.nodeid}: {str(report.longrepr)[-500:]}")

    def _record(self, result: CheckResult) -> None:
        if result.id not in self.results:
            self.waivers.mark(result)
            self.results[result.id] = result
            try:
                self.writer.check(result)
            except RecordError as mistake:
                self.mistakes = [*self.mistakes, str(mistake)]
                # As after an interrupt: resources are removed, and reports are made of what was written.
                raise KeyboardInterrupt from None
            self.progress.judged(result)

    def _amend(self, check_id: str, reason: str) -> None:
        result = self.results.get(check_id)
        if result is not None and result.failing:
            self.errors.append(f"{check_id}: {reason}")  # The finding remains.
        elif result is not None:
            result.verdict, result.reason = str(Verdict.ERROR), reason
            self.writer.amend(check_id, Verdict.ERROR, reason)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
        """Show verdicts in pytest's own terminal output; a file that could not be collected has none."""
        for name, value in getattr(report, "user_properties", ()):
            verdict = CheckResult.of(value).verdict if name == RESULT and isinstance(value, str) else Verdict.PASS
            if verdict not in (Verdict.PASS, Verdict.FAIL):
                return verdict, verdict[0].upper(), verdict.upper()
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the record, write the reports and decide the exit code."""
        worker: Worker | None = self.config.pluginmanager.get_plugin("conformance-worker")
        if worker is not None:
            self.mistakes = self.mistakes or worker.mistakes
            self._add(worker.summary())
        self.errors += self.crashes.sentences() if len(self.results) != self.expected else []
        try:
            code = self._exit_code(int(exitstatus))
            session.exitstatus = code
            unwritten = self._finish(code, interrupted=int(exitstatus) == ExitCode.INTERRUPTED)
            if self.mistakes or unwritten:
                session.exitstatus = code or ExitCode.USAGE
            if code == ExitCode.NOTHING_SELECTED:
                self.writer.discard()
        finally:
            self._stop_helpers()

    def _exit_code(self, status: int) -> int:
        if self.mistakes:
            unmatched = all(mistake.startswith("no check matches") for mistake in self.mistakes)
            return ExitCode.NOTHING_SELECTED if unmatched else ExitCode.USAGE
        if status in (ExitCode.INTERRUPTED, ExitCode.USAGE):
            return status
        if status == ExitCode.SUITE_ERROR or self.errors:
            return ExitCode.SUITE_ERROR
        if self.options.shard and self.info.planned and not self.results:
            # With few checks and many parts some parts are empty, and the run is complete all the same.
            self.progress.say(f"None of the {self.info.planned} checks falls to part {self.options.shard}.")
            return ExitCode.CONFORMANT
        return exit_code(self.results.values(), self.info.strict, self.waivers)

    def _finish(self, code: int, interrupted: bool) -> list[str]:
        """Close the record and write the reports; return a sentence for each that could not be written."""
        self.info.exit_code = code
        self.info.finished = now()
        # Interrupted workers did not report their number of requests.
        self.info.requests = self.info.requests or sum(result.requests for result in self.results.values())
        self.info.duration_s = round(time.monotonic() - self.begun, 3)
        expected = 0 if self.expected is None and self.info.planned else self.expected
        complete = not interrupted and not self.errors and len(self.results) == expected
        folder = Path(self.options.folder)
        if requests_of(folder / BUDGET) > self.options.most_requests:
            self.progress.say(f"The run was ended after {self.options.most_requests:,} requests (--max-requests).")
        (folder / BUDGET).unlink(missing_ok=True)
        try:
            self.writer.close(
                complete, dict(Counter(result.verdict for result in self.results.values())), self.leftovers
            )
        except RecordError as mistake:
            self.mistakes = self.mistakes or [str(mistake)]
        wrong = self.waivers.wrong(self.results.values())
        record = read(folder)
        files, unwritten = render_each(record, self.formats)
        for sentence in not_judged(record):
            self.progress.say(sentence)
        self.progress.ending(record, files, [*self.mistakes, *wrong, *unwritten], self.errors)
        return unwritten

    def _stop_helpers(self) -> None:
        if self.embedded is not None:
            self.embedded.stop()
        remove_if_empty(self.reserved)
        self.embedded = self.reserved = None
