"""Outside programs: run with a time limit, their words kept as evidence, secrets not among their arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import Inconclusive, NotApplicable

TIME_LIMIT_S = 60.0
KEPT = 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """How a program ended: exit code, what it wrote (cut at 1 MiB), the id of its transcript."""

    exit_code: int
    output: str
    errors: str
    transcript: str

    def __str__(self) -> str:
        said = (self.errors or self.output).strip()
        return f"exit code {self.exit_code}: {said[-400:]}" if said else f"exit code {self.exit_code}"


def installed(name: str) -> str:
    """The path of a program; NotApplicable where this machine has none."""
    path = shutil.which(name)
    if path is None:
        raise NotApplicable(f"{name} is not installed on this machine")
    return path


def run_program(
    recorder: Recorder,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    standard_input: str = "",
    time_limit_s: float = TIME_LIMIT_S,
) -> Outcome:
    """Runs a program and records its transcript; Inconclusive where it does not end in time or cannot start."""
    begun = time.perf_counter()
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        **(environment or {}),
    }
    try:
        ended = subprocess.run(
            list(command),
            env=variables,
            input=standard_input.encode(),
            capture_output=True,
            timeout=time_limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Inconclusive(
            f"{command[0]} did not end within {time_limit_s:g} s", "a target that answers in time"
        ) from None
    except OSError as failure:
        raise Inconclusive(f"{command[0]} cannot be started: {failure.strerror}", "a program that runs") from None
    output, errors = (text[:KEPT].decode("utf-8", "replace") for text in (ended.stdout, ended.stderr))
    transcript = recorder.transcript(command, ended.returncode, output, errors, time.perf_counter() - begun)
    return Outcome(ended.returncode, output, errors, transcript)
