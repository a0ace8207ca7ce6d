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
from conformance.vocabulary.amounts import examples, seconds, seconds_or_none, seed, workers
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
    parser.add_argument(
        "--seed", metavar="N", type=seed, default=1, help='seed of everything random, or "random" (default: 1)'
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
    add_baseline(parser)
    parser.add_argument("--strict", action="store_true", help="a SHOULD counts like a MUST, waived as failing")


def add_baseline(parser: argparse.ArgumentParser) -> None:
    """Add the options that hold a run against an earlier one."""
    parser.add_argument(
        "--baseline",
        metavar="RUN",
        type=Path,
        help="also say what changed since an earlier run, or the last one in a folder of runs",
    )
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, help="let what changed since --baseline decide the exit code, as compare does"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the checks and returns the exit code."""
    begun = "pytest" in sys.modules
    import pytest

    from conformance.plugin import session  # noqa: F401  # so that what is forked has it
    from conformance.plugin.invocation import run_pytest
    from conformance.reporting.terminal import give_up

    # Before the run: nobody wants to wait for a mistake.
    baseline = baseline_of(arguments)
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
    return since(baseline, made.folder, arguments.fail_on, code) if baseline else code


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


def baseline_of(arguments: argparse.Namespace) -> Path | None:
    """Return the run that --baseline names; None where it is not given, or names an empty folder, as on a first night.

    UsageMistake where the run cannot be read to its end.
    """
    from conformance.runs.history import latest
    from conformance.runs.reading import read_whole
    from conformance.runs.record import RecordError

    if not arguments.baseline:
        if arguments.fail_on:
            raise UsageMistake("--fail-on says what counts of the changes since --baseline RUN, which is not given")
        return None
    try:
        found = latest(arguments.baseline, getattr(arguments, "target", None))
        if found is None:
            print(f"No earlier run is in {arguments.baseline}: there is nothing to compare with.")
        else:
            read_whole(found)
    except RecordError as mistake:
        raise UsageMistake(f"--baseline {mistake}") from None
    return found


def since(baseline: Path, folder: Path | None, fail_on: str | None, code: int) -> int:
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
