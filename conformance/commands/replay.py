"""``conformance replay``: repeats the checks that failed or were inconclusive: FIXED, STILL FAILS or CANNOT REPLAY."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.commands.run import RunFolder, add_color, color_option
from conformance.runs.options import option_arguments
from conformance.vocabulary.verdict import ExitCode, Verdict

if TYPE_CHECKING:
    from conformance.runs.reading import Record
    from conformance.runs.record import CheckResult

REPLAYED = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "replay", description="Runs checks of an earlier run once more, with its seed, against the same target."
    )
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of the earlier run")
    parser.add_argument(
        "ids", metavar="ID", nargs="*", default=[], help="only these checks (default: all that did not pass)"
    )
    parser.add_argument("--config", metavar="FILE", help="the target file (default: the earlier run's)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for the new run")
    add_color(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the checks again, print the result of each, and return the exit code."""
    from conformance.runs.reading import read, read_untouched
    from conformance.runs.record import RecordError, free_folder

    try:
        earlier = read_untouched(run_folder(arguments.folder))
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    chosen = _chosen(earlier, arguments.ids)
    if not chosen and not earlier.complete:
        print(
            "nothing to replay: of the checks that were judged none failed, but the run is not complete; run it again"
        )
        return ExitCode.INCONCLUSIVE
    if not chosen:
        print("nothing to replay: every check of that run passed or did not apply")
        return ExitCode.CONFORMANT
    folder = arguments.out or free_folder(earlier.folder.with_name(f"{earlier.folder.name}-replay"))
    noted = RunFolder()
    code = _rerun(earlier, chosen, arguments, folder, noted)
    # The folder may contain another run, which says nothing about this one.
    if noted.folder is None or not (folder / "results.ndjson").exists():
        return code
    return _compared(chosen, {result.id: result for result in read(folder).results})


def run_folder(folder: Path) -> Path:
    """Return the run's folder, which may be given by its name in reports/."""
    return folder if folder.exists() or not (Path("reports") / folder).exists() else Path("reports") / folder


def _chosen(earlier: Record, ids: list[str]) -> list[CheckResult]:
    known = {result.id: result for result in earlier.results}
    for each in ids:
        if each not in known:
            near = difflib.get_close_matches(each, known, 1)
            raise UsageMistake(f"{each}: not a check of that run" + (f"; did you mean {near[0]}?" if near else ""))
    return [known[each] for each in ids] if ids else [each for each in earlier.results if each.verdict in REPLAYED]


def _rerun(
    earlier: Record, chosen: list[CheckResult], arguments: argparse.Namespace, folder: Path, noted: RunFolder
) -> int:
    from conformance.plugin.invocation import pytest_arguments, run_pytest
    from conformance.runs.record import EXAMPLES

    file = arguments.config or earlier.info.target_file
    examples = earlier.folder / EXAMPLES
    options = option_arguments({
        "terminal": True,
        "out": folder,
        "seed": earlier.info.seed,
        "explore": earlier.info.explore,
        # Properties try the failing examples first.
        "database": examples.resolve() if examples.is_dir() else None,
        "config": file,
        "target": earlier.info.target if file else None,
    })  # fmt: skip
    options += [word for each in chosen for word in option_arguments({"select": each.id})]
    areas = sorted({result.area for result in chosen})
    return run_pytest([*pytest_arguments(*areas), "-p", "xdist.plugin", *options, *color_option(arguments)], noted)


def _compared(chosen: list[CheckResult], now: dict[str, CheckResult]) -> int:
    """Print the result of each check; return 1 if one still fails, 7 if one could not be replayed, else 0."""
    from conformance.reporting.text import on_one_line

    codes = set()
    print()
    for before in chosen:
        after = now.get(before.id)
        if after is not None and after.verdict == Verdict.PASS:
            print(f"FIXED          {before.id}")
        elif after is not None and after.verdict == Verdict.FAIL:
            codes.add(ExitCode.NON_CONFORMANT)
            print(f"STILL FAILS    {before.id}")
        else:
            codes.add(ExitCode.INCONCLUSIVE)
            why = after.reason or after.verdict if after else "the run was not complete"
            print(f"CANNOT REPLAY  {before.id}: {on_one_line(why)}")
    return min(codes, default=ExitCode.CONFORMANT)
