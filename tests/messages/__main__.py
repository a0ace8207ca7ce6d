"""Changes one part of the messages of one operation at a time, and reports the changes that no check notices.

    python -m tests.messages --surface registry --side answer            wrong responses
    python -m tests.messages --surface storage --side request --every 3  requests read wrongly, every third change
    python -m tests.messages --surface identity --route 'PATCH' --fine   fields and conditions apart

The parts are those of the messages in a run: status, fields, members, elements, parameters, path. Each is removed,
emptied, replaced by its earlier value, respelled and so on, for one route and status. The checks that met such a
message run until one fails. A change that no check notices is permitted by the contract, or shows a gap of the checks:
a reader has to decide which.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from conformance.evidence.recorder import RECORDER
from conformance.plugin.checks import CHECK, CheckInfo
from conformance.reference.control import tell
from tests.defect_table import Table, in_reference, noticed, verdicts_of
from tests.messages.changes import ANSWER, REQUEST, Change, of_answers, of_requests
from tests.messages.serving import ACTED, CHANGED, FOLDER, LOG, write_plan
from tests.rows import Row

NOBODY, NOTHING, LATE = "nobody", "nothing changed", "it took too long"
LONGEST_S = 120.0
FIRST = 8
Seen = defaultdict[Any, defaultdict[str, set[str]]]


class Messages(Table):
    """A pytest plugin that tries changes of messages, each on the checks that met such a message."""

    def __init__(self, control: str, choice: argparse.Namespace, folder: Path) -> None:
        super().__init__([Row(choice.surface, choice.surface, None)], control)
        self.choice, self.folder = choice, folder
        self.met: defaultdict[tuple[str, int], dict[pytest.Item, int]] = defaultdict(dict)
        self.last: list[pytest.Item] = []
        self.before: Counter[tuple[str, pytest.Item]] = Counter()
        self.verdicts = {"changes": {}}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Writes down what each check meets, then tries every change."""
        items = {item: item.stash[CHECK] for item in session.items if CHECK in item.stash}
        changes = list(self.changes({item: items[item] for item in self.of(self.wanted[0], items)}))
        print(f"{len(changes)} changes", flush=True)
        random.Random(self.choice.seed).shuffle(changes)
        for place, change in enumerate(changes[self.choice.first :: self.choice.every]):
            by = self.tried(change)
            self.verdicts["changes"][str(place)] = {"change": str(change), "by": by}
            if by in (NOBODY, LATE):
                print(f"{change}" + (f" ({by})" if by == LATE else ""), flush=True)
        return True

    def switch(self, change: Change | None) -> None:
        """A new reference under a change."""
        write_plan(self.folder, change, self.choice.fine)
        tell(self.control, "reset")
        tell(self.control, "switch", CHANGED[self.choice.surface].kebab_name())

    def changes(self, items: dict[pytest.Item, CheckInfo]) -> Iterator[Change]:
        """Every change of what the checks meet; those that do not pass are left out."""
        self.switch(None)
        told: Seen = defaultdict(lambda: defaultdict(set))
        asked: Seen = defaultdict(lambda: defaultdict(set))
        log = self.folder / LOG
        for item, check in items.items():
            log.write_text("", encoding="utf-8")
            judged = self.run([item])
            met = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
            if any(each["verdict"] in ("fail", "error", "inconclusive", "not-applicable") for each in judged.values()):
                continue
            if check.concludes:
                # It judges what others have met.
                self.last.append(item)
                continue
            for entry in met:
                self.met[entry["route"], entry["status"]][item] = self.met[entry["route"], 0][item] = len(met)
                for part, value in entry["told"]:
                    told[entry["route"], entry["status"]][part].add(value)
                told[entry["route"], entry["status"]]["status"].add("#")
                for part, value in entry["asked"]:
                    asked[entry["route"]][part].add(value)
        spelled = self.choice.spelled
        found = of_answers(told, spelled) if self.choice.side == ANSWER else of_requests(asked, spelled)
        yield from (each for each in found if re.search(self.choice.only, str(each)))

    def in_turn(self, kind: str, met: dict[pytest.Item, int]) -> list[pytest.Item]:
        """The checks that met a message: those first that noticed such a change before, and those that do little.

        What judges the whole run is asked behind all others; where it noticed such a change before, behind a few also.
        """
        usual = [item for (each, item), _ in self.before.most_common() if each == kind]
        first = [item for item in usual if item in met][:FIRST]
        rest = sorted(met.keys() - {*first}, key=lambda item: (met[item], item.nodeid))
        return [*first, *rest[:FIRST], *(item for item in usual if item in self.last), *rest[FIRST:], *self.last]

    def judged(self, items: list[pytest.Item]) -> Generator[dict[str, dict[str, Any]]]:
        """Yield the verdicts of each check, run one at a time; closing it also removes what the session shares."""
        RECORDER.passive_checks.reset()
        try:
            for item, following in zip(items, [*items[1:], None], strict=False):
                item._initrequest()  # type: ignore[attr-defined]  # a second run needs new fixtures
                yield verdicts_of(runtestprotocol(item, nextitem=following, log=False))
        except GeneratorExit:
            items[0].session._setupstate.teardown_exact(None)

    def tried(self, change: Change) -> str:
        """Return the first check that fails under a change."""
        self.switch(change)
        ordered = self.in_turn(f"{change.side} {change.part}", self.met[change.route, change.status])
        end = time.monotonic() + LONGEST_S
        with contextlib.closing(self.judged(ordered)) as judgements:
            for item, judged in zip(ordered, judgements, strict=True):
                if failed := noticed(judged):
                    self.before[f"{change.side} {change.part}", item] += 1
                    return failed[0]
                if time.monotonic() > end:
                    return LATE
        return NOBODY if (self.folder / ACTED).exists() else NOTHING


def tried(choice: argparse.Namespace) -> list[dict[str, Any]]:
    """What noticed each of the changes that were asked for."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[FOLDER] = name
        write_plan(folder, None, choice.fine)
        wanted = [Row(choice.surface, choice.surface, None)]
        program = ("-m", "tests.messages.serving")
        verdicts = in_reference(wanted, choice.explore, lambda control: Messages(control, choice, folder), program)
        return list(verdicts["changes"].values())


def parsed(words: Iterable[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surface", choices=sorted(CHANGED), required=True)
    parser.add_argument("--side", choices=[ANSWER, REQUEST], required=True)
    parser.add_argument("--only", default="", help="a regular expression on the change as it is told")
    parser.add_argument(
        "--fine", action="store_true", help="requests with other fields and conditions are other routes"
    )
    parser.add_argument("--spelled", action="store_true", help="also ways that are seldom noticed when others are not")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th change, in an order by chance")
    parser.add_argument("--from", type=int, default=0, metavar="K", dest="first", help="begin with the K-th")
    parser.add_argument("--seed", type=int, default=1, help="of that order")
    parser.add_argument("--explore", type=int, default=0, help="examples a property")
    parser.add_argument("--out", type=Path, help="where to write what noticed each, as JSON lines")
    return parser.parse_args(list(words) if words is not None else None)


def main() -> int:
    """The command line's work."""
    choice = parsed()
    found = tried(choice)
    if choice.out:
        choice.out.write_text("".join(json.dumps(each) + "\n" for each in found), encoding="utf-8")
    counted = Counter(each["by"] if each["by"] in (NOBODY, NOTHING, LATE) else "a check" for each in found)
    print(f"{len(found)} changes, noticed by: " + ", ".join(f"{who} {number}" for who, number in counted.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
