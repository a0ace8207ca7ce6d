"""Outside programs: run with a time limit, their words kept as evidence, secrets not among their arguments."""

from __future__ import annotations

import os
import re
import select
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, cast

from conformance.evidence.recorder import Recorder
from conformance.target.proxies import proxy_variables
from conformance.vocabulary.finding import Inconclusive, NotInstalled

TIME_LIMIT_S = 60.0
KEPT = 16 * 1024 * 1024
CHUNK = 64 * 1024
# What a program written in Go leaves when it meets a mistake of its own.
CRASH = re.compile(r"^(panic|fatal error): .*^goroutine \d+ ", re.MULTILINE | re.DOTALL)
# 429 in the words of programs (Docker Registry V2, Errors: TOOMANYREQUESTS; S3: SlowDown).
RATE_LIMITED = re.compile(r"too ?many ?requests|\b(status|code|error):? 429\b|\bSlowDown\b", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """How a program ended: exit code, what it wrote (cut at 16 MiB), the id of its transcript."""

    exit_code: int
    output: str
    errors: str
    transcript: str

    @property
    def said(self) -> str:
        """All that it wrote."""
        return f"{self.output}\n{self.errors}".strip()

    def __str__(self) -> str:
        said = (self.errors or self.output).strip()
        return f"exit code {self.exit_code}: {said[-400:]}" if said else f"exit code {self.exit_code}"


def installed(*names: str) -> str:
    """The path of a program, by the first of its names that is there; NotApplicable where this machine has none."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise NotInstalled(f"{names[0]} is not installed on this machine", names[0])


class Crashed(Inconclusive):
    """A program failed in a way that is its own fault, whatever it was told by the target."""

    def __init__(self, program: str, how: str, errors: str) -> None:
        super().__init__(f"{program} {how}: {errors.strip()[:300]}", "a program that does not crash")


def run_program(
    recorder: Recorder,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    standard_input: str = "",
    time_limit_s: float = TIME_LIMIT_S,
    learn: Callable[[str], None] = lambda output: None,
    shown: Sequence[str] = (),
    hook: str = "",
    undo: Sequence[str] = (),
) -> Outcome:
    """Runs a program and records its transcript; Inconclusive where it does not end in time, cannot start or crashes.

    ``learn`` is told the output before any of it is recorded, to make a secret in it known. ``shown`` is the command
    as a person would type it, where it is not given so; ``hook`` the name of the operator's command that it is,
    ``undo`` the command that undoes it.
    """
    stored = recorder.stored_transcript(command)
    if stored is not None:
        learn(stored["output"])
        return _outcome(command[0], stored["exit_code"], stored["output"], stored["errors"], stored["id"])
    begun = time.perf_counter()
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        **proxy_variables(),
        **(environment or {}),
    }
    try:
        code, *written = _ended(command, variables, standard_input.encode(), time_limit_s)
    except subprocess.TimeoutExpired:
        raise Inconclusive(
            f"{command[0]} did not end within {time_limit_s:g} s", "a target that answers in time"
        ) from None
    except OSError as failure:
        raise Inconclusive(f"{command[0]} cannot be started: {failure.strerror}", "a program that runs") from None
    output, errors = (text.decode("utf-8", "replace") for text in written)
    learn(output)
    transcript = recorder.transcript(shown or command, code, output, errors, time.perf_counter() - begun, hook, undo)
    return _outcome(command[0], code, output, errors, transcript)


def _outcome(program: str, code: int, output: str, errors: str, transcript: str) -> Outcome:
    if code < 0 or CRASH.search(errors):
        raise Crashed(program, f"was ended by signal {-code}" if code < 0 else "crashed", errors)
    return patient(program, Outcome(code, output, errors, transcript))


def patient(name: str, outcome: Outcome) -> Outcome:
    """The outcome, unless the program failed because it was asked to wait and, other than this suite, did not."""
    if outcome.exit_code != 0 and RATE_LIMITED.search(outcome.said):
        raise Inconclusive(f"{name} was told to slow down: {outcome}", "a target that does not limit a single program")
    return outcome


def _ended(
    command: Sequence[str], variables: Mapping[str, str], given: bytes, time_limit_s: float
) -> tuple[int, bytes, bytes]:
    """Exit code and the beginning of both outputs; whatever ends the wait early ends the program and its children."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        list(command), 0, env=dict(variables), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    ends = time.monotonic() + time_limit_s
    with process:
        try:
            output, errors = _spoken(process, given, ends)
            return process.wait(max(ends - time.monotonic(), 0)), output, errors
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _spoken(process: subprocess.Popen[bytes], given: bytes, ends: float) -> list[bytes]:
    """Writes to a program and reads what it writes; beyond what is kept it is forgotten, so that nothing fills up."""
    kept: dict[IO[bytes] | None, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    unsent = memoryview(given)
    with selectors.DefaultSelector() as waiting:
        waiting.register(cast(IO[bytes], process.stdin), selectors.EVENT_WRITE)
        for stream in kept:
            waiting.register(cast(IO[bytes], stream), selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(ends - time.monotonic(), 0))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in ready:
                pipe = cast(IO[bytes], key.fileobj)
                if pipe is process.stdin:
                    unsent = unsent[_write(key.fd, unsent) :]
                    over = not unsent
                else:
                    chunk = os.read(key.fd, CHUNK)
                    kept[pipe] += chunk[: KEPT - len(kept[pipe])]
                    over = not chunk
                if over:
                    waiting.unregister(pipe)
                    pipe.close()
    return [bytes(each) for each in kept.values()]


def _write(pipe: int, unsent: memoryview) -> int:
    """How much of it is written, or need not be, since the program reads no more."""
    try:
        return os.write(pipe, unsent[: select.PIPE_BUF])
    except BrokenPipeError:
        return len(unsent)
