"""Run ``reproduce.sh`` of each finding with its defect and without it, and print the scripts whose result is wrong.

    python -m tests.scripts --surface registry                   each defect by each check that it names
    python -m tests.scripts --surface registry --every 5 --from 2
    python -m tests.scripts --defect NAME --out TABLE.md

A correct script ends with 1 with the defect and with 0 without it. One run shows many defects, each switched on while
its own check runs. A wrong script is tried again in a run of its own, with the defect on from the start, as a user
meets it. The scripts run with sh, curl and the tools of POSIX, in an environment that contains the secrets and
nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reference.deployment import alterations
from conformance.reporting.reproduce.requests import BY_OPERATOR
from conformance.reporting.reproduce.script import SCRIPT, name_of
from conformance.runs.reading import Record
from conformance.target import configuration
from tests.defects import PROGRAM
from tests.rows import noticing, requirement_of
from tests.run.support import conformance

SHELL = str(shutil.which("sh"))
TOOLS = ("curl", "openssl", "base64", "bash")
# fmt: off
POSIX = (
    "sed", "tr", "tail", "cut", "cat", "cmp", "grep", "mktemp", "rm", "od", "dirname", "sort", "comm", "awk", "sleep",
    "date", "wc", "cp", "head", "yes",
)
# fmt: on
HOOK = 'curl -sSf --data-binary "[\\"$1\\", \\"$2\\"]" "$(cat {control})"\n'
ENDED_S = 300.0
"""How long a script may take, seconds."""

Turn = Mapping[str, str]
"""By check or requirement the defect that it meets."""


def in_turns(pairs: Iterable[tuple[str, str]]) -> list[Turn]:
    """Deal pairs of a defect and a check over as few turns as possible: each check has one defect in a turn."""
    dealt: dict[str, list[str]] = {}
    for defect, requirement in pairs:
        dealt.setdefault(requirement, []).append(defect)
    most = max(map(len, dealt.values()), default=0)
    return [{each: names[turn] for each, names in dealt.items() if turn < len(names)} for turn in range(most)]


def key_of(check: str, turn: Turn) -> str | None:
    """The key of a check in a turn: its id, or its requirement."""
    return next((key for key in (check, requirement_of(check)) if key in turn), None)


@dataclass(frozen=True)
class Tried:
    """Exit code and output of a script, with the defect and without."""

    script: Path
    defective: tuple[int, str]
    clean: tuple[int, str]

    @property
    def right(self) -> bool:
        """Whether the script distinguishes the two."""
        return (self.defective[0], self.clean[0]) == (1, 0)


@dataclass
class Shown:
    """What a run showed, and the reference that it was made on, which is still there, clean but for what is switched.

    ``scripts`` are those of the findings, ``ended`` how the checks ended: both by the keys of the turn.
    """

    scripts: dict[str, list[Path]]
    ended: dict[str, str]
    record: Record
    control: str
    environment: dict[str, str]
    config: Path = Path()

    def tried(self, script: Path, *defects: str) -> Tried:
        """Run a script with the defects and without, each time on an empty reference."""
        return Tried(script, self.ended_with(script, *defects), self.ended_with(script))

    def ended_with(self, script: Path, *defects: str) -> tuple[int, str]:
        """Exit code and output of a script on an empty reference with these defects."""
        tell(self.control, "reset")
        tell(self.control, "switch", *defects)
        return self.run(script)

    def run(self, script: Path) -> tuple[int, str]:
        """Exit code and output of a script on the reference as it is."""
        try:
            ran = subprocess.run(
                [SHELL, str(script)], env=self.environment, capture_output=True, text=True, errors="replace",
                timeout=ENDED_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return -1, f"it did not end within {ENDED_S:g} s"
        return ran.returncode, ran.stdout + ran.stderr


def shown(turn: Turn, folder: Path, running: ExitStack, *words: str, alone: bool = False) -> Shown:
    """One run for all defects of a turn, each on while its check is called; ``alone``, from the beginning.

    ``words`` go to the command. The folder gets the run, and the
    tools that scripts may need and no other.
    """
    tools = folder / "tools"
    tools.mkdir()
    for tool in (*TOOLS, *POSIX):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    reference = EmbeddedReference(["--odd-secrets"], PROGRAM)
    running.callback(reference.stop)
    target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
    control = shlex.split(target.hooks.revoke or "")[3]
    operated_by_curl(reference.target_config, control, folder / "hook.sh")
    switched = {
        "PYTEST_PLUGINS": "tests.reporting.switching", "CONTROL": control,
        "SWITCHED": json.dumps(dict(turn)),
    }  # fmt: skip
    tell(control, "switch", *(turn.values() if alone else ()))
    ran = conformance(
        folder, "run", *turn, "--config", str(reference.target_config), "--workers", "0", "--shrink-time", "1", *words,
        **({} if alone else switched),
    )  # fmt: skip
    scripts: dict[str, list[Path]] = {each: [] for each in turn}
    ended = dict[str, str]()
    for result in ran.record.results:
        key = key_of(result.id, turn)
        # A selector is the beginning of an id, and may begin others too.
        if key is None:
            continue
        told = str(result.verdict) if result.findings or not result.reason else f"{result.verdict}: {result.reason}"
        ended[key] = told if result.failing else ended.get(key, told)
        for number in range(len(result.findings)):
            written = ran.record.folder / "reproduce" / name_of(result.id, number) / SCRIPT
            if written.exists():
                scripts[key].append(written)
    secrets = {secret.name: secret.reveal() for secret in configuration.secrets(target)}
    return Shown(scripts, ended, ran.record, control, {"PATH": str(tools), **secrets}, reference.target_config)


def operated_by_curl(config: Path, control: str, hook: Path) -> None:
    """Has the hooks that scripts call use nothing but sh and curl, and says that they work in no time."""
    hook.write_text(HOOK.format(control=shlex.quote(control.removeprefix("file:"))), encoding="utf-8")
    text, _, others = config.read_text(encoding="utf-8").partition("[targets.reference.hooks]")
    named = [name for name in BY_OPERATOR if f"\n{name} = " in others]
    hooks = "".join(f'{name} = "{SHELL} {hook} {name} {{client_id}}"\n' for name in named)
    hooks += f'events = "{SHELL} {hook} events -"\n'
    hooks += "".join(
        each for each in others.splitlines(keepends=True)[1:] if not each.startswith((*BY_OPERATOR, "events"))
    )
    text = text.replace("[targets.reference.limits]\n", "[targets.reference.limits]\nrevocation = 0.1\n")
    config.write_text(f"{text}[targets.reference.hooks]\n{hooks}", encoding="utf-8")


def wrong_of(turn: Turn, explore: int, alone: bool = False) -> dict[str, list[str]]:
    """By requirement, one line for each wrong script of its findings."""
    told: dict[str, list[str]] = {}
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        found = shown(turn, folder, running, "--explore", str(explore), alone=alone)
        for requirement, defect in turn.items():
            tries = [found.tried(script, defect) for script in found.scripts[requirement]]
            lines = [
                f"{each.script.parent.name}: {each.defective[0]} and {each.clean[0]} | {last_line(each)}"
                for each in tries
                if not each.right
            ]
            told[requirement] = lines if tries else [f"no script | {found.ended.get(requirement, 'not run')}"]
    return told


def is_false(row: tuple[str, str, str]) -> bool:
    """Whether a row is of a script with a wrong result, and not only of an undecided one."""
    found = re.search(r": (-?\d+) and (-?\d+) \| ", row[2])
    return found is not None and (found[1] not in ("1", "2") or found[2] not in ("0", "2"))


def last_line(tried: Tried) -> str:
    """The last line of a wrong script: of its wrong run."""
    said = (tried.clean if tried.defective[0] == 1 else tried.defective)[1].strip()
    return said.splitlines()[-1] if said else ""


def table(pairs: Sequence[tuple[str, str]], explore: int) -> tuple[int, list[tuple[str, str, str]]]:
    """How many were tried, and those that are wrong, as defect, requirement and what is wrong; printed as found."""
    turns, wrong = in_turns(pairs), list[tuple[str, str, str]]()
    for turn in turns:
        for requirement, lines in wrong_of(turn, explore).items():
            defect = turn[requirement]
            if lines:
                lines = wrong_of({requirement: defect}, explore, alone=True)[requirement]
            for line in lines:
                print(f"{defect} | {requirement} | {line}", flush=True)
                wrong.append((defect, requirement, line))
    return sum(map(len, turns)), wrong


def pairs_of(surface: str | None, defects: Sequence[str]) -> list[tuple[str, str]]:
    """Each defect with each requirement that it names, without those of real clients."""
    return [
        (name, requirement)
        for name, each in sorted(alterations().items())
        if (not surface or each.surface == surface) and (not defects or name in defects)
        for requirement in sorted({requirement_of(named) for named in noticing(each)})
    ]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surface", choices=["identity", "registry", "storage", "webhooks"])
    parser.add_argument("--defect", action="append", default=[], metavar="NAME", help="only these; repeatable")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th pair of a defect and a check")
    parser.add_argument("--from", type=int, default=0, metavar="K", dest="first", help="begin with the K-th")
    parser.add_argument("--explore", type=int, default=25, help="examples a property")
    parser.add_argument("--out", type=Path, help="where to write the table of those that are wrong")
    choice = parser.parse_args()
    pairs = pairs_of(choice.surface, choice.defect)[choice.first :: choice.every]
    tried, wrong = table(pairs, choice.explore)
    lines = ["| defect | check | script: with the defect and without | said |", "| --- | --- | --- | --- |"]
    if choice.out:
        choice.out.write_text("\n".join([*lines, *(f"| {' | '.join(each)} |" for each in wrong)]) + "\n", "utf-8")
    print(f"{tried - len({each[:2] for each in wrong})} of {tried} right, {sum(map(is_false, wrong))} scripts false")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
