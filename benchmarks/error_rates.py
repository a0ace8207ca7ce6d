"""How often the statistical checks err: alarms on what is right, and what is wrong that they find.

    python -m benchmarks.error_rates [--runs 200] [--only time|tokens|concealment|generators]

Each row runs one check again and again, as a run does, against the embedded reference over loopback: clean or in a
right variant, where any finding is a false alarm, and with a defect, where each run should find it. Rows about time
are repeated while a second process keeps a core busy. Prints a table in Markdown; 1 where a clean row has an alarm, or
a defect is never found.
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
from conformance.plugin.checks import RESULT
from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.invocation import pytest_arguments
from conformance.plugin.options import RunOptions
from conformance.plugin.worker import CHECK
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
    """A check, what is switched on in the reference, whether that is wrong, and whether a core is kept busy."""

    check: str
    switched: tuple[str, ...] = ()
    wrong: bool = False
    busy: bool = False

    def told(self, found: dict[str, int], runs: int) -> str:
        """The row of the table."""
        how = ", ".join(self.switched) or "clean"
        clear = runs - sum(found.values())
        alarms, undecided = found.get("fail", 0), runs - clear - found.get("fail", 0)
        result = f"found {alarms} of {runs}" if self.wrong else f"{alarms} alarms in {runs}"
        return f"| {self.check} | {how} | {'yes' if self.busy else 'no'} | {result} | {undecided} |"


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
    """A pytest plugin that runs the check of each row so many times, in place of pytest's own loop."""

    def __init__(self, rows: list[Row], runs: int, control: str) -> None:
        self.rows = rows
        self.runs = runs
        self.control = control
        self.alarms = 0
        """What a right reference was accused of; and rows with a defect that was never found."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the rows and prints each as it is done."""
        items = {item.stash[CHECK].id: item for item in session.items if CHECK in item.stash}
        for row in self.rows:
            tell(self.control, "reset")
            tell(self.control, "switch", *row.switched)
            with busy_core() if row.busy else contextlib.nullcontext():
                found = self._repeated(items[row.check])
            # What is wrong and never found shows that nothing is looked at.
            self.alarms += not found if row.wrong else sum(found.values())
            print(row.told(found, self.runs), flush=True)
        return True

    def _repeated(self, item: pytest.Item) -> dict[str, int]:
        """How often the check ended otherwise than with a pass, by verdict."""
        found: dict[str, int] = {}
        for _ in range(self.runs):
            item._initrequest()  # type: ignore[attr-defined]  # a second run needs its fixtures anew
            for report in runtestprotocol(item, nextitem=None, log=False):
                for name, value in report.user_properties:
                    verdict = CheckResult.of(value).verdict if name == RESULT and isinstance(value, str) else "pass"
                    if verdict != "pass":
                        found[verdict] = found.get(verdict, 0) + 1
        return found


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """A process that keeps a core busy meanwhile."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def checks(rows: list[Row], runs: int) -> int:
    """Runs these rows; the number of alarms on what is right."""
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
    """The rule of tokens alone, over generators of the suite's tests; the number of alarms on good ones."""
    alarms = 0
    for kind, made in (("good", GOOD), ("guessable", BAD)):
        for name, generate in made.items():
            found = sum(bool(weakness(_sample(generate, run), time.time())) for run in range(runs))
            alarms += found if kind == "good" else 0
            result = f"{found} alarms in {runs}" if kind == "good" else f"found {found} of {runs}"
            print(f"| {name} | {kind} | {result} |", flush=True)
    return alarms


def _sample(generate: Callable[[int], str], run: int) -> list[str]:
    return [generate(run + number) for number in range(COUNT)]


def main() -> int:
    """Prints the two tables."""
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
