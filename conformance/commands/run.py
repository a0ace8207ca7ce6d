"""``conformance run``: checks a target, or without a target file the embedded reference.

It gives its options to pytest under their longer names; ``pytest suites/`` does the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.commands.compare import FAIL_ON, compared, show, write_page
from conformance.runs import helpers
from conformance.vocabulary.amounts import challenge, examples, seconds, seconds_or_none, seed, workers
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    import pytest


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "run",
        description="Checks a target against the contract and leaves a report. Selectors: an area, an id or the "
        "beginning of one, class:, level:, clause:.",
    )
    parser.add_argument("selectors", nargs="*", default=[], metavar="SELECTOR")
    parser.add_argument("--config", metavar="FILE", help="the target file (default: conformance.toml)")
    parser.add_argument("--target", metavar="NAME", help="which target of the file (default: the only one)")
    parser.add_argument(
        "--profile", metavar="NAME", default="full", help="quick, core, full (default) or non-disruptive"
    )
    parser.add_argument(
        "-n", "--workers", metavar="N", type=workers, help="processes (default: by the target's distance)"
    )
    parser.add_argument("--shard", metavar="I/N", help="the I-th of N parts")
    parser.add_argument("--durations", metavar="RUN", help="an earlier run by whose durations the parts are balanced")
    parser.add_argument(
        "--explore",
        metavar="N",
        type=examples,
        help="examples a property; 0: the written ones alone (default: the profile's)",
    )
    parser.add_argument(
        "--explore-time", metavar="SECONDS", type=seconds, help="when properties begin no further example"
    )
    parser.add_argument(
        "--shrink-time",
        metavar="SECONDS",
        type=seconds_or_none,
        help="how long at most a failing example is made smaller (default: 20)",
    )
    parser.add_argument("--seed", metavar="N", type=seed, help='seed of everything random, or "random" (default: 1)')
    parser.add_argument(
        "--challenge",
        metavar="NONCE",
        type=challenge,
        help="a certifier's value, from which the seed is derived: it shows that the run is new",
    )
    parser.add_argument(
        "--database",
        metavar="DIR",
        help="where failing examples are kept and tried first (default: with the run)",
    )
    parser.add_argument("--rate", metavar="RATE", help='most requests, such as "50/s" (default: the target file\'s)')
    parser.add_argument("--out", metavar="DIR", help="folder for this run (default: a new one in reports/)")
    parser.add_argument(
        "--report", metavar="LIST", default="all", help="of html,junit,ctrf,markdown,allure,scripts (default: all)"
    )
    parser.add_argument("--waivers", metavar="FILE", help="the waivers (default: waivers.toml beside the target file)")
    parser.add_argument("--baseline", metavar="RUN", type=Path, help="also say what changed since an earlier run")
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, help="let what changed since --baseline decide the exit code, as compare does"
    )
    parser.add_argument("--strict", action="store_true", help="a SHOULD counts like a MUST, waived as failing")


def run(arguments: argparse.Namespace) -> int:
    """Runs the checks and returns the exit code."""
    begun = "pytest" in sys.modules
    import pytest

    from conformance.plugin import session  # noqa: F401  # so that what is forked has it
    from conformance.plugin.invocation import run_pytest
    from conformance.reporting.terminal import give_up

    if arguments.fail_on and not arguments.baseline:
        raise UsageMistake("--fail-on says what counts of the changes since --baseline RUN, which is not given")
    if arguments.baseline:
        # Before the run: nobody wants to wait for a mistake.
        _whole(arguments.baseline)
    made = Made()
    if not begun:
        _prepare(arguments)
    code = run_pytest(_pytest_arguments(arguments), made)
    try:
        sys.stdout.flush()
    except OSError:
        # What could not be written then waits still, since pytest's capture has restored the stream.
        give_up(sys.stdout)
    code = ExitCode.SUITE_ERROR if code == pytest.ExitCode.INTERNAL_ERROR else code
    return _since(arguments.baseline, made.folder, arguments.fail_on, code) if arguments.baseline else code


def _prepare(arguments: argparse.Namespace) -> None:
    """Forks what helps the run."""
    if arguments.workers not in (0, 1):
        helpers.prepare("conformance.plugin.nursery", *_paths(arguments.selectors))
    for _ in range(2):
        helpers.prepare("conformance.reporting.apart")


class Made:
    """Notes where a run was written; None where it never began."""

    folder: Path | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Asks the run before it is gone."""
        run = config.pluginmanager.get_plugin("conformance-run")
        self.folder = Path(run.options.folder) if run is not None else None


def _whole(folder: Path) -> None:
    from conformance.runs.reading import read_whole
    from conformance.runs.record import RecordError

    try:
        read_whole(folder)
    except RecordError as mistake:
        raise UsageMistake(f"--baseline {mistake}") from None


def _since(baseline: Path, folder: Path | None, fail_on: str | None, code: int) -> int:
    """Says what changed since the baseline; the exit code is the run's own where that was not judged to its end."""
    if folder is None or code not in (ExitCode.CONFORMANT, ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE):
        return code
    here = Path.cwd()
    folder = folder.relative_to(here) if folder.is_relative_to(here) else folder
    comparisons = compared(baseline, [folder])
    print()
    show(comparisons)
    write_page(comparisons, folder / "compared.html")
    return comparisons[0].exit_code(fail_on) if fail_on else code


def _pytest_arguments(arguments: argparse.Namespace) -> list[str]:
    from conformance.plugin.invocation import pytest_arguments

    count = "auto" if arguments.workers is None else str(arguments.workers)
    words = [*pytest_arguments(*_paths(arguments.selectors)), "-p", "xdist.plugin", "--conformance-terminal"]
    words += ["-n", count] if count not in ("0", "1") else []
    given = {
        "--target-config": arguments.config,
        "--target": arguments.target,
        "--profile": arguments.profile,
        "--shard": arguments.shard,
        "--shard-durations": arguments.durations,
        "--explore": arguments.explore,
        "--explore-time": arguments.explore_time,
        "--shrink-time": arguments.shrink_time,
        "--run-seed": arguments.seed,
        "--challenge": arguments.challenge,
        "--examples-database": arguments.database,
        "--request-rate": arguments.rate,
        "--run-out": arguments.out,
        "--report-formats": arguments.report,
        "--waivers": arguments.waivers,
    }
    words += [f"{name}={value}" for name, value in given.items() if value is not None]
    words += [f"--select={selector}" for selector in arguments.selectors]
    return words + (["--strict-levels"] if arguments.strict else [])


def _paths(selectors: list[str]) -> list[str]:
    """The areas that the selectors can mean, so that others need not be imported; all where that is unclear."""
    from conformance.plugin.locations import suites_folder

    areas = {selector.split("/", 1)[0].split("#", 1)[0] for selector in selectors}
    return sorted(areas) if areas and all((suites_folder() / area).is_dir() for area in areas) else []
