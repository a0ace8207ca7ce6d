"""``conformance run``: checks a target, or without a target file the embedded reference.

It passes its options to pytest, where they have a prefix; ``pytest suites/`` does the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.commands.compare import FAIL_ON, compared, show, write_page
from conformance.runs.options import JUDGING, OPTIONS, OUTPUT, TESTING, option_arguments, values_of
from conformance.vocabulary.amounts import workers
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    import pytest


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "run",
        description="Checks a target against the contract and writes a report. Selectors: an area, an id or the "
        "beginning of one, a promise (AC-06), class:, level:, clause:.",
    )
    parser.add_argument("selectors", nargs="*", default=[], metavar="SELECTOR")
    groups = {each.group: parser.add_argument_group(each.group) for each in OPTIONS}
    for option in OPTIONS:
        groups[option.group].add_argument(f"--{option.name}", **option.keywords)
    groups[TESTING].add_argument(
        "-n", "--workers", metavar="N", type=workers, help="number of processes (default: from the round-trip time)"
    )
    add_baseline(groups[JUDGING])
    add_color(groups[OUTPUT])
    groups[OUTPUT].add_argument(
        "-q", "--quiet", action="store_true", help="print the findings, the verdict and the report's path only"
    )


def add_color(parser: argparse._ActionsContainer) -> None:
    """Add ``--color`` and ``--no-color``, for a command that runs checks."""
    parser.add_argument(
        "--color",
        action=argparse.BooleanOptionalAction,
        help="colour in the output (default: on a terminal, unless NO_COLOR is set or TERM is dumb)",
    )


def color_option(arguments: argparse.Namespace) -> list[str]:
    """Return pytest's option for the choice of colour."""
    return [] if arguments.color is None else [f"--color={'yes' if arguments.color else 'no'}"]


def add_baseline(parser: argparse._ActionsContainer) -> None:
    """Add the options that compare a run with an earlier one."""
    parser.add_argument(
        "--baseline",
        metavar="RUN",
        type=Path,
        help="also print the changes since an earlier run, or since the last run in a folder",
    )
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, help="the changes since --baseline decide the exit code, as in compare"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the checks and return the exit code."""
    import pytest

    from conformance.plugin.invocation import run_pytest
    from conformance.reporting.terminal import give_up

    # Before the run, so that a mistake is reported at once.
    baseline = baseline_of(arguments)
    noted = RunFolder()
    code = run_pytest(_pytest_arguments(arguments), noted)
    try:
        sys.stdout.flush()
    except OSError:
        # Buffered output is still pending, since pytest's capture has restored the stream.
        give_up(sys.stdout)
    code = ExitCode.SUITE_ERROR if code == pytest.ExitCode.INTERNAL_ERROR else code
    return since(baseline, noted.folder, arguments.fail_on, code) if baseline else code


class RunFolder:
    """A pytest plugin that notes the run's folder; None if the run never began."""

    folder: Path | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Note the folder before pytest unregisters the run."""
        run = config.pluginmanager.get_plugin("conformance-run")
        self.folder = Path(run.options.folder) if run is not None else None


def baseline_of(arguments: argparse.Namespace) -> Path | None:
    """Return the run that --baseline names; None if it is not given or names an empty folder, as on a first night.

    UsageMistake if the run is incomplete or cannot be read.
    """
    from conformance.runs.history import latest
    from conformance.runs.reading import read_whole
    from conformance.runs.record import RecordError

    if not arguments.baseline:
        if arguments.fail_on:
            raise UsageMistake("--fail-on needs --baseline RUN")
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
    """Print the changes since the baseline, unless the run is incomplete; return the exit code."""
    if folder is None or code not in (ExitCode.CONFORMANT, ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE):
        return code
    current = Path.cwd()
    folder = folder.relative_to(current) if folder.is_relative_to(current) else folder
    comparisons = compared(baseline, [folder])
    print()
    show(comparisons)
    write_page(comparisons, folder / "compared.html")
    return comparisons[0].exit_code(fail_on) if fail_on else code


def _pytest_arguments(arguments: argparse.Namespace) -> list[str]:
    from conformance.plugin.invocation import pytest_arguments

    count = "auto" if arguments.workers is None else str(arguments.workers)
    options = [*pytest_arguments(*_paths(arguments.selectors)), "-p", "xdist.plugin"]
    options += ["-n", count] if count not in ("0", "1") else []
    options += option_arguments({"terminal": True, **values_of(arguments)}) + color_option(arguments)
    options += ["--quiet"] if arguments.quiet else []
    return options + [option for each in arguments.selectors for option in option_arguments({"select": each})]


def _paths(selectors: list[str]) -> list[str]:
    """Return the areas that the selectors can match, so that others are not imported; [] if that is unclear."""
    from conformance.plugin.locations import suites_folder

    areas = {selector.split("/", 1)[0].split("#", 1)[0] for selector in selectors}
    return sorted(areas) if areas and all((suites_folder() / area).is_dir() for area in areas) else []
