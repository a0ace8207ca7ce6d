"""Output of a run: progress by area on a terminal, plain lines elsewhere, and the closing summary.

With pytest's own terminal output (``pytest suites/``) it only prints the beginning and the end.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TextIO

import pytest

from conformance.plugin.ci import Step
from conformance.plugin.locations import suites_folder
from conformance.preflight import SurfaceState
from conformance.reporting.met_by_many import by_reason, refused_logins
from conformance.reporting.terminal import (
    closing,
    failure_text,
    findings,
    give_up,
    in_colour,
    moves_cursor,
    service_lines,
)
from conformance.reporting.text import on_one_line, visible
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult, RunInfo
from conformance.runs.waivers import Waivers
from conformance.vocabulary.verdict import Verdict
from conformance.vocabulary.wording import plural

BAR = 20


class Progress:
    """Writes to the standard output that the run began with."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.out: TextIO = sys.stdout
        self.ours = bool(config.option.conformance_terminal)
        self.quiet = self.ours and getattr(config.option, "verbose", 0) < 0
        self.live = self.ours and not self.quiet and moves_cursor(self.out)
        self.colour = in_colour(self.out, getattr(config.option, "color", "auto"))
        self.width = min(shutil.get_terminal_size((100, 24)).columns, 120)
        self.totals: Counter[str] = Counter()
        self.verdicts: dict[str, Counter[str]] = defaultdict(Counter)
        self.drawn = 0
        self.run = self.folder = "RUN"
        self.step = Step(self.say)

    def take_over(self) -> None:
        """Disable pytest's own terminal output."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            self.config.pluginmanager.unregister(reporter)

    def say(self, text: str = "") -> None:
        """Print text above the progress."""
        self._wipe()
        self._write(text + "\n")
        self._draw()

    def beginning(
        self, info: RunInfo, states: list[SurfaceState], embedded: bool, folder: Path, waivers: Waivers
    ) -> None:
        """Print what is tested, and the preflight."""
        self.step.begin()
        self.folder = str(self._short({"": folder})[""])
        below_reports = folder.parent == self.config.invocation_params.dir / "reports"
        self.run = folder.name if below_reports else self.folder
        if self.quiet:
            return
        kind = " (the embedded reference)" if embedded else ""
        self.say(
            f"Contract {info.contract_version} · profile {info.profile} · seed {info.seed} · examples {info.explore}"
        )
        self.say(f"Target   {info.target}{kind}")
        self.say(f"Waivers  {self._read(waivers)}")
        if info.environment.get("proxy"):
            self.say(f"Proxy    {info.environment['proxy']}")
        self.say("Preflight  " + "  ".join(f"{each.surface} {_state_text(each)}" for each in states))
        for state in states:
            if state.blocked:
                self.say(f"  {state.surface}: {on_one_line(state.blocked[0])}")
            if state.alike:
                self.say(f"  {state.surface}: {on_one_line(state.alike)}")
            for cause, _needs in state.refused.values():
                self.say(f"  {state.surface}: {on_one_line(cause)}")

    def _read(self, waivers: Waivers) -> str:
        """Say which file the waivers were read from, or which does not exist."""
        name = visible(str(self._short({"": waivers.file or Path()})[""]))
        return f"{plural(len(waivers.entries), 'waiver')} in {name}" if waivers.read_from else f"none (no file {name})"

    def collected(self, nodeids: list[str]) -> None:
        """Note how many checks each area has."""
        for nodeid in nodeids:
            self.totals[self._area(nodeid)] += 1
        self._draw()

    def judged(self, result: CheckResult) -> None:
        """Note and show a judged check."""
        area = self._area(result.nodeid)
        self.verdicts[area][result.verdict] += 1
        if not self.ours:
            return
        if self.live:
            self._wipe()
            self._draw()
        elif not self.quiet and self.totals[area] and sum(self.verdicts[area].values()) == self.totals[area]:
            self.say(self._line(area))

    def ending(self, record: Record, files: dict[str, Path], mistakes: list[str], errors: list[str]) -> None:
        """Print each cause of failures, what was not judged, the verdicts, the counts and the report's path."""
        self._wipe()
        areas, self.live = list(self.totals if self.live else ()), False
        self.totals.clear()
        for area in areas:
            self.say(self._line(area))
        for mistake in mistakes:
            self.say(f"ERROR: {visible(mistake)}")
        for error in errors:
            self.say(f"ERROR in the suite: {visible(error)}")
        if self.ours:
            if ended := service_lines(record, self.colour):
                self.say("\n" + "\n".join(ended))
            if text := findings(record, self.width, self.colour, self.run, self.folder):
                self.say("\n" + text)
            self._unjudged(record)
        if record.results:
            self.say("\n" + closing(record, self._short(files), self.colour, self.quiet))
        self.step.end(record, files)

    def _unjudged(self, record: Record) -> None:
        # The closing lines name refused logins.
        logins = refused_logins(record)
        unclear = [
            each
            for each in record.results
            if each.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE) and each.reason not in logins
        ]
        for first, *others in by_reason(unclear):
            self.say("\n" + failure_text(first, self.width, self.colour, run=self.run, folder=self.folder))
            if others:
                self.say(f"  … and {plural(len(others), 'more check')} for the same reason")

    def _short(self, files: dict[str, Path]) -> dict[str, Path]:
        start = self.config.invocation_params.dir
        return {name: path.relative_to(start) if path.is_relative_to(start) else path for name, path in files.items()}

    def _area(self, nodeid: str) -> str:
        parts = Path(nodeid.split("::", 1)[0]).parts
        name = suites_folder().name
        # The last one: a folder on the way to an installation may have the same name.
        return parts[len(parts) - parts[::-1].index(name)] if name in parts[:-1] else parts[0]

    def _line(self, area: str) -> str:
        done = sum(self.verdicts[area].values())
        total = max(self.totals[area], done)
        counts = "  ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts[area].items()))
        if not self.live:
            return f"{area:<18} {done}/{total}  {counts}"
        full = BAR * done // total if total else 0
        return f"{area:<18} {'█' * full}{'░' * (BAR - full)}  {done}/{total}  {counts}"[: self.width]

    def _draw(self) -> None:
        if not self.live or not self.totals:
            return
        lines = [self._line(area) for area in self.totals]
        self._write("\n".join(lines) + "\n")
        self.drawn = len(lines)

    def _wipe(self) -> None:
        if self.drawn:
            self._write(f"\x1b[{self.drawn}F\x1b[J")
            self.drawn = 0

    def _write(self, text: str) -> None:
        try:
            self.out.write(text)
            self.out.flush()
        except OSError:
            give_up(self.out)


def _state_text(state: SurfaceState) -> str:
    return "LOCKED" if state.locked else "ok" if state.reachable else "DOWN"
