"""Run the command against a hostile server, and find what is wrong with its end, its record and its files."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from conformance.reference.configuration import TargetFile
from conformance.runs.reading import read
from conformance.vocabulary.verdict import ExitCode
from tests.chaos.inspection import complaints, hidden, unfit_for_terminals
from tests.chaos.layer import serving
from tests.chaos.servers import Server
from tests.run.support import start
from tests.run.watching import family_of, memory_of

MOST_MB = 300
MOST_REQUESTS = 20_000
SAMPLE_S = 0.05
ENDS = (ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE)


@dataclass
class Tried:
    """One run: what is wrong with it, its verdicts by check, its time, the most memory that its processes had."""

    wrong: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    most_mb: int = 0


class Watch(threading.Thread):
    """Measures the memory of a process and its descendants until it ends; kills it after the time limit."""

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float) -> None:
        super().__init__(daemon=True)
        self.process, self.until, self.most_mb = process, time.monotonic() + limit_s, 0

    def run(self) -> None:
        """Measure."""
        while self.process.poll() is None:
            self.most_mb = max(self.most_mb, sum(map(memory_of, family_of(self.process.pid))) >> 20)
            if time.monotonic() > self.until:
                for each in reversed(family_of(self.process.pid)):
                    with suppress(ProcessLookupError):
                        os.kill(each, signal.SIGKILL)
            time.sleep(SAMPLE_S)


def command(words: list[str], folder: Path, limit_s: float, ends: Sequence[int] = ENDS) -> tuple[str, list[str], int]:
    """Run a command of the suite; return its output, what is wrong with it, and the most memory of its tree, in MB."""
    process = start(folder, *words, PYTEST_PLUGINS="tests.run.hurried")
    watch = Watch(process, limit_s)
    watch.start()
    code = process.wait()
    watch.join()
    said = (folder / "output").read_text(encoding="utf-8", errors="backslashreplace")
    wrong = [f"exit code {code}: ...{said[-300:]}"] if code not in ends else []
    wrong += ["a traceback: " + said[said.find("Traceback") :][:3000]] if "Traceback" in said else []
    wrong += [f"for a terminal: {each}" for each in unfit_for_terminals(said)]
    wrong += [f"{watch.most_mb} MB of memory"] if watch.most_mb > MOST_MB else []
    return said, [f"{' '.join(words[:2])}: {each}" for each in wrong], watch.most_mb


def tried(server: Server, words: list[str], folder: Path, limit_s: float = 200, after: tuple[str, ...] = ()) -> Tried:
    """Run ``conformance run WORDS``, then the commands of ``after`` on its folder, and inspect all that they left."""
    folder.mkdir(parents=True, exist_ok=True)
    done, began = Tried(), time.monotonic()
    with serving(server, folder) as target:
        run = folder / "run"
        # A server that answers partly as the reference may break no promise of the selected checks.
        ends = ENDS if server.hopeless else (*ENDS, ExitCode.CONFORMANT)
        arguments = ["run", *words, "--shrink-time", "0", "--config", str(target.path), "--out", str(run)]
        said, done.wrong, done.most_mb = command(arguments, folder, limit_s, ends)
        done.seconds = time.monotonic() - began
        (folder / "said.txt").write_text(said, encoding="utf-8")
        if (sent := server.requests.total()) > MOST_REQUESTS:
            done.wrong.append(f"{sent} requests")
        done.verdicts, wrong = judged(run)
        done.wrong += wrong
        for name in after:
            done.wrong += _then(name, run, target, folder, limit_s)
        done.wrong += complaints(run, {**hidden(target.secrets), "control-key": target.deployment.control_key})
        # A compressed body that the suite cannot read may contain a token that it never learned.
        files = [path.read_bytes() for path in run.rglob("*") if path.is_file()]
        done.wrong += [
            f"the token {each}" for each in server.signatures if any(each.encode() in file for file in files)
        ]
        applications = target.deployment.applications.values()
        done.wrong += [f"the target broke: {each}" for one in applications for each in one.failures]
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
    said, wrong, _ = command(
        words, folder, limit_s, (ExitCode.CONFORMANT,) if name == "rejudge" else (*ENDS, ExitCode.CONFORMANT)
    )
    (folder / f"said-{name}.txt").write_text(said, encoding="utf-8")
    return wrong
