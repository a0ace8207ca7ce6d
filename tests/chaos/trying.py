"""Runs the command against a changed reference, and says what is wrong with how it ended and what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from conformance.reference.configuration import TargetFile
from conformance.runs.reading import read
from conformance.vocabulary.verdict import ExitCode
from tests.chaos.inspection import complaints, unfit_for_terminals
from tests.chaos.layer import Changed, Plan

MOST_ADDRESSES = 4 * 1024**3
MOST_RESIDENT_KB = 600 * 1024
# The bound is in the command itself: beyond it allocation fails, which would be a traceback.
BOUNDED = (
    f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({MOST_ADDRESSES},) * 2); "
    "runpy.run_module('conformance', run_name='__main__')"
)
ENDS = (ExitCode.CONFORMANT, ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE)


@dataclass
class Tried:
    """One run: what it was told, what is wrong with it, its verdicts by check."""

    plan: Plan
    words: list[str]
    wrong: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    kilobytes: int = 0


def command(words: list[str], folder: Path, limit_s: float, ends: tuple[int, ...] = ENDS) -> tuple[str, list[str], int]:
    """What a command printed, what is wrong with how it ended, and the most memory it had, in KiB."""
    variables = {
        **os.environ,
        "DOCKER_HOST": "unix:///nonexistent",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "COLUMNS": "100",
    }
    with (folder / "output").open("w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", BOUNDED, *words], cwd=folder, env=variables, stdout=output, stderr=output
        )
        late = _ended(process, limit_s)
        usage = late[1]
        output.seek(0)
        said = output.read().decode("utf-8", "backslashreplace")
    wrong = [f"not ended after {limit_s:g} s"] if late[0] is None else []
    if late[0] is not None and late[0] not in ends:
        wrong.append(f"exit code {late[0]}: ...{said[-300:]}")
    wrong += ["a traceback: " + said[said.find("Traceback") :][:3000]] if "Traceback" in said else []
    wrong += [f"for a terminal: {each}" for each in unfit_for_terminals(said)]
    wrong += [f"{usage} KiB of memory"] if usage > MOST_RESIDENT_KB else []
    return said, [f"{' '.join(words[:2])}: {each}" for each in wrong], usage


def _ended(process: subprocess.Popen[bytes], limit_s: float) -> tuple[int | None, int]:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss
        time.sleep(0.05)
    process.kill()
    process.wait()
    return None, 0


def tried(plan: Plan, words: list[str], folder: Path, limit_s: float = 240, after: tuple[str, ...] = ()) -> Tried:
    """Runs ``conformance run WORDS``, then the commands of ``after`` on its folder, and looks at all that they left."""
    folder.mkdir(parents=True, exist_ok=True)
    done = Tried(plan, words)
    began = time.monotonic()
    changed = Changed(plan)
    with changed.serving(folder) as target:
        run = folder / "run"
        arguments = ["run", *words, "--config", str(target.path), "--out", str(run)]
        said, done.wrong, done.kilobytes = command(arguments, folder, limit_s)
        (folder / "said.txt").write_text(said, encoding="utf-8")
        (folder / "mutations.ndjson").write_text(
            "".join(json.dumps(each) + "\n" for each in plan.log), encoding="utf-8"
        )
        _judge(done, run)
        for name in after:
            done.wrong += _then(name, run, target, folder, limit_s)
        done.wrong += complaints(run, secrets_of(target), plan.signatures)
        applications = changed.deployment.applications.values()
        done.wrong += [f"the target broke: {each}" for one in applications for each in one.failures]
    done.seconds = time.monotonic() - began
    return done


def secrets_of(target: TargetFile) -> dict[str, str]:
    """What must stand nowhere: the secrets of the target file; an access key's id is none."""
    secrets = {
        name: value for name, value in target.secrets.items() if name not in ("storage-access-key", "control-url")
    }
    secrets["webhooks-url"] = secrets["webhooks-url"].rpartition("/")[2]
    secrets["control-key"] = target.deployment.control_key
    return secrets


def _judge(done: Tried, run: Path) -> None:
    try:
        record = read(run)
    except Exception as failure:
        done.wrong.append(f"no record: {type(failure).__name__}: {failure}")
        return
    done.verdicts = {result.id: result.verdict for result in record.results}
    for each in record.results:
        if each.verdict == "error":
            done.wrong.append(f"error {each.id}: {each.reason}")
        elif each.verdict == "inconclusive" and not each.reason:
            done.wrong.append(f"{each.id}: inconclusive without a reason")
        elif each.verdict == "fail" and not each.findings:
            done.wrong.append(f"{each.id}: fails without a finding")
    if not record.complete:
        done.wrong.append("the record is not whole")


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
    # Judged again by the same oracles, nothing is judged otherwise.
    said, wrong, _ = command(words, folder, limit_s, (ExitCode.CONFORMANT,) if name == "rejudge" else ENDS)
    (folder / f"said-{name}.txt").write_text(said, encoding="utf-8")
    return wrong
