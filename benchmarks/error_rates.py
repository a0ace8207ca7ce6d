"""Measure the error rates of the statistical checks: false alarms, and defects that they find.

    python -m benchmarks.error_rates [--runs 200] [--only time|tokens|concealment|generators]

Each row runs one check repeatedly against the embedded reference over loopback: clean or with a variant, where any
finding is a false alarm, or with a defect, which each run should find. Rows about time are repeated while a second
process keeps a core busy. Prints a table in Markdown; exit code 1 if a clean row has an alarm, or a defect is never
found.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from conformance.oracles.token_quality import weakness
from conformance.plugin.checks import CHECK, RESULT
from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.invocation import pytest_arguments
from conformance.plugin.options import RunOptions
from conformance.reference.control import tell
from conformance.runs.record import CheckResult
from conformance.target import configuration
from tests.defect_table import Judge
from tests.defects import PROGRAM
from tests.oracles.test_token_quality import BAD, COUNT, GOOD

HIDDEN_TIME = "authorization/concealment/hidden-takes-the-same-time"
CLIENT_TIME = "oauth/client/failures-take-the-same-time"
TOKENS = "oauth/tokens/cannot-be-guessed"
AT_ONCE = "oauth/tokens/concurrent-requests-succeed"
HIDDEN = "authorization/concealment/hidden-is-answered-as-absent#get"
PARTS = {"time": "-the-same-time", "tokens": "oauth/tokens/", "concealment": HIDDEN}
VOLATILE = "volatile-answers"


@dataclass(frozen=True)
class Row:
    """A check, the active alterations of the reference, whether they are a defect, and whether a core is busy."""

    check: str
    switched: tuple[str, ...] = ()
    wrong: bool = False
    busy: bool = False

    def line(self, found: dict[str, int], runs: int) -> str:
        """Return the row of the table."""
        alterations = ", ".join(self.switched) or "clean"
        clear = runs - sum(found.values())
        alarms, undecided = found.get("fail", 0), runs - clear - found.get("fail", 0)
        result = f"found {alarms} of {runs}" if self.wrong else f"{alarms} alarms in {runs}"
        return f"| {self.check} | {alterations} | {'yes' if self.busy else 'no'} | {result} | {undecided} |"


ROWS = [
    *(
        Row(check, switched, bool(switched), busy)
        for busy in (False, True)
        for check, defect in (
            (HIDDEN_TIME, "hidden-project-answered-a-millisecond-slower"),
            (CLIENT_TIME, "unknown-client-answered-a-millisecond-faster"),
        )
        for switched in ((), (defect,))
    ),
    Row(TOKENS),
    Row(TOKENS, ("opaque-tokens",)),
    Row(AT_ONCE),
    Row(TOKENS, ("tokens-are-counted",), wrong=True),
    Row(AT_ONCE, ("tokens-repeat-within-a-second",), wrong=True),
    Row(HIDDEN, (VOLATILE,)),
]


class Repetition:
    """A pytest plugin that runs the check of each row repeatedly, instead of pytest's own loop."""

    def __init__(self, rows: list[Row], runs: int, control: str) -> None:
        self.rows = rows
        self.runs = runs
        self.control = control
        self.alarms = 0
        """The number of false alarms, and of rows whose defect was never found."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the rows and print each result."""
        items = {item.stash[CHECK].id: item for item in session.items if CHECK in item.stash}
        for row in self.rows:
            tell(self.control, "reset")
            tell(self.control, "switch", *row.switched)
            with busy_core() if row.busy else contextlib.nullcontext():
                found = self._repeated(items[row.check])
            # A defect that is never found shows that the check is ineffective.
            self.alarms += not found if row.wrong else sum(found.values())
            print(row.line(found, self.runs), flush=True)
        return True

    def _repeated(self, item: pytest.Item) -> dict[str, int]:
        """Return how often the check did not pass, by verdict."""
        found: dict[str, int] = {}
        for _ in range(self.runs):
            item._initrequest()  # type: ignore[attr-defined]  # a second run needs new fixtures
            for report in runtestprotocol(item, nextitem=None, log=False):
                for name, value in report.user_properties:
                    verdict = CheckResult.of(value).verdict if name == RESULT and isinstance(value, str) else "pass"
                    if verdict != "pass":
                        found[verdict] = found.get(verdict, 0) + 1
        return found


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Keep a core busy for the duration of the context."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def checks(rows: list[Row], runs: int) -> int:
    """Run these rows; return the number of alarms."""
    reference = EmbeddedReference(program=PROGRAM)
    try:
        target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
        control = shlex.split(target.hooks.revoke or "")[3]
        options = RunOptions(
            run_id="0errors0000",
            folder=str(reference.folder),
            target_config=str(reference.target_config),
            target="reference",
            profile="full",
        )
        (reference.folder / "evidence").mkdir()
        repetition = Repetition(rows, runs, control)
        arguments = [*pytest_arguments("oauth", "authorization"), "-p", "no:terminal"]
        pytest.main(arguments, plugins=[repetition, Judge(options)])
        return repetition.alarms
    finally:
        reference.stop()


def generators(runs: int) -> int:
    """Apply only the rule for tokens to generators of the suite's tests; return the number of alarms on good ones."""
    alarms = 0
    for kind, generators_by_name in (("good", GOOD), ("guessable", BAD)):
        for name, generate in generators_by_name.items():
            found = sum(bool(weakness(_sample(generate, run), time.time())) for run in range(runs))
            alarms += found if kind == "good" else 0
            result = f"{found} alarms in {runs}" if kind == "good" else f"found {found} of {runs}"
            print(f"| {name} | {kind} | {result} |", flush=True)
    return alarms


def _sample(generate: Callable[[int], str], run: int) -> list[str]:
    return [generate(run + number) for number in range(COUNT)]


def main() -> int:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="runs of each row")
    parser.add_argument("--only", choices=[*PARTS, "generators"], help="one part of the two tables")
    choice = parser.parse_args()
    alarms = 0
    rows = [row for row in ROWS if PARTS.get(choice.only, "") in row.check and choice.only != "generators"]
    if rows:
        print("| check | switched on | a core kept busy | result | not judged |\n| --- | --- | --- | --- | --- |")
        alarms += checks(rows, choice.runs)
    if choice.only in (None, "generators"):
        print("\n| generator | kind | result |\n| --- | --- | --- |")
        alarms += generators(choice.runs)
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
