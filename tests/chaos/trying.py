"""Run the command against a changed reference, and find what is wrong with its end, its record and its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.reference.configuration import TargetFile
from conformance.runs.reading import read
from conformance.vocabulary.verdict import ExitCode
from tests.chaos.inspection import complaints, hidden, unfit_for_terminals
from tests.chaos.layer import Plan, serving
from tests.run.support import variables

MOST_ADDRESSES = 4 * 1024**3
MOST_MB = 600
# The bound is in the command itself: beyond it allocation fails, which would be a traceback.
BOUNDED = (
    f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({MOST_ADDRESSES},) * 2); "
    "runpy.run_module('conformance', run_name='__main__')"
)
ENDS = (ExitCode.CONFORMANT, ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE)


@dataclass
class Tried:
    """One run: what is wrong with it, its verdicts by check, its time, the most memory that its processes had."""

    wrong: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    most_mb: int = 0


def command(
    words: list[str], folder: Path, limit_s: float, ends: Sequence[int] = ENDS, most_mb: int = MOST_MB
) -> tuple[str, list[str], int]:
    """Run a command of the suite; return its output, what is wrong with it, and the most memory that it had, in MB."""
    with (folder / "output").open("w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", BOUNDED, *words], cwd=folder, env=variables(), stdout=output, stderr=output
        )
        late = threading.Timer(limit_s, process.kill)
        late.start()
        _, status, usage = os.wait4(process.pid, 0)
        late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode("utf-8", "backslashreplace")
    megabytes = usage.ru_maxrss // 1024
    wrong = [f"exit code {process.returncode}: ...{said[-300:]}"] if process.returncode not in ends else []
    wrong += ["a traceback: " + said[said.find("Traceback") :][:3000]] if "Traceback" in said else []
    wrong += [f"for a terminal: {each}" for each in unfit_for_terminals(said)]
    wrong += [f"{megabytes} MB of memory"] if megabytes > most_mb else []
    return said, [f"{' '.join(words[:2])}: {each}" for each in wrong], megabytes


def tried(
    plan: Plan,
    words: list[str],
    folder: Path,
    limit_s: float = 240,
    after: tuple[str, ...] = (),
    most_mb: int = MOST_MB,
) -> Tried:
    """Run ``conformance run WORDS``, then the commands of ``after`` on its folder, and inspect all that they left."""
    folder.mkdir(parents=True, exist_ok=True)
    done, began = Tried(), time.monotonic()
    with serving(plan, folder) as target:
        run = folder / "run"
        arguments = ["run", *words, "--config", str(target.path), "--out", str(run)]
        said, done.wrong, done.most_mb = command(arguments, folder, limit_s, most_mb=most_mb)
        (folder / "said.txt").write_text(said, encoding="utf-8")
        (folder / "mutations.ndjson").write_text(
            "".join(json.dumps(each) + "\n" for each in plan.log), encoding="utf-8"
        )
        done.verdicts, wrong = judged(run)
        done.wrong += wrong
        for name in after:
            done.wrong += _then(name, run, target, folder, limit_s)
        done.wrong += complaints(run, {**hidden(target.secrets), "control-key": target.deployment.control_key})
        # A compressed body that the suite cannot read may contain a token that it never learned.
        files = [path.read_bytes() for path in run.rglob("*") if path.is_file()]
        done.wrong += [f"the token {each}" for each in plan.signatures if any(each.encode() in file for file in files)]
        applications = target.deployment.applications.values()
        done.wrong += [f"the target broke: {each}" for one in applications for each in one.failures]
    done.seconds = time.monotonic() - began
    return done


def judged(run: Path) -> tuple[dict[str, str], list[str]]:
    """The verdicts of a run by check, and what is wrong with its record."""
    try:
        record = read(run)
    except Exception as failure:
        return {}, [f"no record: {type(failure).__name__}: {failure}"]
    wrong = [] if record.complete else ["the record is not complete"]
    for each in record.results:
        if each.verdict == "error":
            wrong.append(f"error {each.id}: {each.reason}")
        elif each.verdict == "inconclusive" and not each.reason:
            wrong.append(f"{each.id}: inconclusive without a reason")
        elif each.verdict == "fail" and not each.findings:
            wrong.append(f"{each.id}: fails without a finding")
    return {result.id: result.verdict for result in record.results}, wrong


def _then(name: str, run: Path, target: TargetFile, folder: Path, limit_s: float) -> list[str]:
    words = {
        "report": ["report", str(run)],
        "rejudge": ["rejudge", str(run)],
        "replay": ["replay", str(run), "--config", str(target.path), "--out", str(folder / "again")],
        "compare": ["compare", str(run), str(run)],
        "sweep": ["sweep", str(run), "--config", str(target.path)],
        "history": ["history", str(run.parent)],
        "preflight": ["preflight", "--config", str(target.path)],
    }[name]
    # The same oracles lead to the same verdicts.
    said, wrong, _ = command(words, folder, limit_s, (ExitCode.CONFORMANT,) if name == "rejudge" else ENDS)
    (folder / f"said-{name}.txt").write_text(said, encoding="utf-8")
    return wrong
