"""Compare schemathesis and the properties of this suite on the reference's identity API.

    python -m benchmarks.schemathesis speed   [--repeat 3] [--explore 300]
    python -m benchmarks.schemathesis defects [--defect NAME]
    python -m benchmarks.schemathesis ... --command PATH      an installed schemathesis (default: install one)

Both run with one worker against one reference, alternately, since other load varies. ``speed`` prints examples a second
and examples a second of processor time, without the reference's: schemathesis once with fuzzing only, where an example
is a request, and once with all phases. ``defects`` activates each defect of the identity API that only properties find,
runs our properties with the default budget, then schemathesis with all phases for the same time, and prints which tool
found it. On the clean reference both must find nothing.

Schemathesis reads ``benchmarks/identity.openapi.json``, written for this comparison; the suite does not depend on it.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from conformance.target import configuration
from tests.defects import PROGRAM
from tests.properties import explored, found_by

DESCRIPTION = Path(__file__).with_name("identity.openapi.json")
SETTINGS = """\
[auth.openapi.basic]
username = "${CLIENT_ID}"
password = "${CLIENT_SECRET}"
[auth.openapi.bearer]
bearer = "${TOKEN}"
"""
GENERATED = re.compile(r"([0-9,]+) generated")
FUZZING, ALL_PHASES = "fuzzing", "coverage,fuzzing,stateful"
BUDGET = 25


@dataclass(frozen=True)
class Tried:
    """One run of either tool: examples, seconds, seconds of processor time, and whether it found anything."""

    examples: int
    wall_s: float
    cpu_s: float
    found: bool

    def line(self, name: str) -> str:
        """Return a line of the table."""
        rates = f"{self.examples / self.wall_s:.1f} | {self.examples / self.cpu_s:.1f}"
        return f"| {name} | {self.examples} | {self.wall_s:.1f} | {self.cpu_s:.1f} | {rates} |"


def run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> tuple[str, float, float, int]:
    """Run a command; return its output, seconds, seconds of processor time and exit code."""
    begun = time.monotonic()
    with (folder / "output").open("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return output.read(), time.monotonic() - begun, usage.ru_utime + usage.ru_stime, process.returncode


class Comparison:
    """Both tools against one reference."""

    def __init__(self, reference: EmbeddedReference, command: str) -> None:
        self.reference, self.command = reference, command
        target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
        identity = target.identity
        if identity is None:
            raise SystemExit("the reference describes no identity surface")
        self.control = shlex.split(target.hooks.revoke or "")[3]
        self.url, full = str(identity.url), identity.credentials["full"]
        self.secrets = {"CLIENT_ID": full.client_id, "CLIENT_SECRET": full.client_secret.reveal()}

    def token(self) -> str:
        """Return a new token with all scopes."""
        response = httpx.post(
            f"{self.url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(self.secrets["CLIENT_ID"], self.secrets["CLIENT_SECRET"]),
        )
        return str(response.json()["access_token"])

    def theirs(self, seconds: int, phases: str, seed: int) -> Tried:
        """Run schemathesis for so many seconds after its start."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
            command = [self.command, "run", str(DESCRIPTION), "--url", self.url, "--workers", "1", f"--seed={seed}"]
            command += ["--phases", phases, "--max-time", str(seconds)]
            output, wall_s, cpu_s, code = run(command, folder, {**self.secrets, "TOKEN": self.token()})
        generated = GENERATED.search(output)
        if code not in (0, 1) or generated is None:
            raise SystemExit(f"schemathesis did not run (exit code {code}):\n{output[-2000:]}")
        return Tried(int(generated[1].replace(",", "")), wall_s, cpu_s, code == 1)

    def ours(self, properties: Sequence[str], explore: int, seed: int) -> Tried:
        """Run these properties."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            command = [sys.executable, "-m", "conformance", "run", *properties, "--workers", "0", f"--seed={seed}"]
            command += ["--explore", str(explore), "--out", str(folder / "run")]
            command += ["--config", str(self.reference.target_config)]
            path = os.pathsep.join(filter(None, [str(Path.cwd()), *sys.path]))
            output, wall_s, cpu_s, code = run(command, folder, {"PYTHONPATH": path})
            if code not in (0, 1):
                raise SystemExit(f"the properties did not run (exit code {code}):\n{output[-2000:]}")
            tried = sum(result.events.get("examples", 0) for result in read(folder / "run").results)
        return Tried(tried, wall_s, cpu_s, code == 1)


@contextmanager
def comparison(command: str | None) -> Iterator[Comparison]:
    """Start a reference, and install schemathesis if no command is given."""
    with tempfile.TemporaryDirectory() as name:
        if command is None:
            venv.create(name, with_pip=True)
            subprocess.run([f"{name}/bin/pip", "install", "--quiet", "schemathesis"], check=True)
            command = f"{name}/bin/schemathesis"
        reference = EmbeddedReference(program=PROGRAM)
        try:
            yield Comparison(reference, command)
        finally:
            reference.stop()


def properties(sequences: bool) -> list[str]:
    """Return the properties of the identity API; examples of sequences are not comparable with single requests."""
    named = {name for each in explored().values() if each.surface == "identity" for name in found_by(each)}
    return sorted(name for name in named if sequences or "/model/" not in name)


def speed(both: Comparison, repeat: int, explore: int) -> int:
    """Print examples a second of both tools on the clean reference; return 1 if either found something."""
    print("| tool | examples | s | CPU s | examples/s | examples/CPU s |\n| --- | --- | --- | --- | --- | --- |")
    found = False
    for turn in range(repeat):
        ours = both.ours(properties(sequences=False), explore, turn)
        print(ours.line("our properties"), flush=True)
        seconds = max(5, math.ceil(ours.wall_s))
        for phases in (FUZZING, ALL_PHASES):
            theirs = both.theirs(seconds, phases, turn + 1)
            print(theirs.line(f"schemathesis, {phases}"), flush=True)
            found = found or theirs.found
        found = found or ours.found
    return int(found)


def defects(both: Comparison, names: Sequence[str]) -> int:
    """Print which tool finds which defect in the same time; return 1 if only schemathesis finds one."""
    selected = names or [name for name, each in explored().items() if each.surface == "identity"]
    print("| defect | our properties | s | schemathesis | s |\n| --- | --- | --- | --- | --- |")
    missed = 0
    for number, name in enumerate(["", *selected], 1):
        tell(both.control, "reset")
        tell(both.control, "switch", *filter(None, [name]))
        ours = both.ours(properties(sequences=True), BUDGET, number)
        tell(both.control, "reset")
        tell(both.control, "switch", *filter(None, [name]))
        theirs = both.theirs(math.ceil(ours.wall_s), ALL_PHASES, number)
        cells = " | ".join(f"{'found' if each.found else '-'} | {each.wall_s:.0f}" for each in (ours, theirs))
        print(f"| {name or '(clean)'} | {cells} |", flush=True)
        missed += theirs.found and not ours.found
    return int(missed > 0)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "defects"])
    parser.add_argument("--command", metavar="PATH", help="schemathesis (default: installed for this run)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--explore", type=int, default=300, help="examples a property, of which each takes its share")
    parser.add_argument("--defect", action="append", metavar="NAME")
    choice = parser.parse_args()
    with comparison(choice.command) as both:
        if choice.what == "speed":
            return speed(both, choice.repeat, choice.explore)
        return defects(both, choice.defect or [])


if __name__ == "__main__":
    sys.exit(main())
