"""Runs programs with a time limit, records their output, and passes no secrets as arguments."""

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
# The output of a Go program that crashes.
CRASH = re.compile(r"^(panic|fatal error): .*^goroutine \d+ ", re.MULTILINE | re.DOTALL)
# How programs report a 429 (Docker Registry V2, Errors: TOOMANYREQUESTS; S3: SlowDown).
RATE_LIMITED = re.compile(r"too ?many ?requests|\b(status|code|error):? 429\b|\bSlowDown\b", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """How a program ended: exit code, output and errors (cut at 16 MiB), the id of its transcript."""

    exit_code: int
    output: str
    errors: str
    transcript: str

    @property
    def text(self) -> str:
        """Its output and errors."""
        return f"{self.output}\n{self.errors}".strip()

    def __str__(self) -> str:
        text = (self.errors or self.output).strip()
        return f"exit code {self.exit_code}: {text[-400:]}" if text else f"exit code {self.exit_code}"


def installed(*names: str) -> str:
    """Return the path of a program by its first installed name; NotInstalled without one."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise NotInstalled(f"{names[0]} is not installed on this machine", names[0])


class Crashed(Inconclusive):
    """A program failed by its own fault, whatever the target sent."""

    def __init__(self, program: str, reason: str, errors: str) -> None:
        super().__init__(f"{program} {reason}: {errors.strip()[:300]}", "a program that does not crash")


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
    """Run a program and record its transcript; Inconclusive if it does not end in time, cannot start or crashes.

    ``learn`` receives the output before it is recorded, to redact secrets. ``shown`` is the command for the transcript,
    if different. ``hook`` is the name of an operator's command, ``undo`` the command that undoes it.
    """
    stored = recorder.stored_transcript(command)
    if stored is not None:
        learn(stored["output"])
        return _outcome(command[0], stored["exit_code"], stored["output"], stored["errors"], stored["id"])
    started = time.perf_counter()
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        **proxy_variables(),
        **(environment or {}),
    }
    try:
        code, *written = _run_to_end(command, variables, standard_input.encode(), time_limit_s)
    except subprocess.TimeoutExpired:
        raise Inconclusive(
            f"{command[0]} did not end within {time_limit_s:g} s", "a target that answers in time"
        ) from None
    except UnicodeEncodeError:
        # JSON can escape half of a surrogate pair, and a token may contain one.
        reason = f"{command[0]} cannot be given a text that UTF-8 cannot encode"
        raise Inconclusive(reason, "a target whose tokens and names are valid Unicode") from None
    except OSError as failure:
        raise Inconclusive(f"{command[0]} cannot be started: {failure.strerror}", "a program that runs") from None
    output, errors = (text.decode("utf-8", "replace") for text in written)
    learn(output)
    transcript = recorder.transcript(shown or command, code, output, errors, time.perf_counter() - started, hook, undo)
    return _outcome(command[0], code, output, errors, transcript)


def _outcome(program: str, code: int, output: str, errors: str, transcript: str) -> Outcome:
    if code < 0 or CRASH.search(errors):
        raise Crashed(program, f"was ended by signal {-code}" if code < 0 else "crashed", errors)
    return expect_not_rate_limited(program, Outcome(code, output, errors, transcript))


def expect_not_rate_limited(name: str, outcome: Outcome) -> Outcome:
    """Return the outcome; Inconclusive if the program failed because of a rate limit that it did not respect."""
    if outcome.exit_code != 0 and RATE_LIMITED.search(outcome.text):
        raise Inconclusive(f"{name} was told to slow down: {outcome}", "a target that does not limit a single program")
    return outcome


def _run_to_end(
    command: Sequence[str], variables: Mapping[str, str], standard_input: bytes, time_limit_s: float
) -> tuple[int, bytes, bytes]:
    """Return exit code, output and errors; if the wait ends early, kill the program and its children."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        list(command), 0, env=dict(variables), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    ends = time.monotonic() + time_limit_s
    with process:
        try:
            output, errors = _communicate(process, standard_input, ends)
            return process.wait(max(ends - time.monotonic(), 0)), output, errors
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _communicate(process: subprocess.Popen[bytes], standard_input: bytes, ends: float) -> list[bytes]:
    """Write a program's input and read its outputs; discard output beyond the limit, so that no pipe fills up."""
    outputs: dict[IO[bytes] | None, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    unsent = memoryview(standard_input)
    with selectors.DefaultSelector() as selector:
        selector.register(cast(IO[bytes], process.stdin), selectors.EVENT_WRITE)
        for stream in outputs:
            selector.register(cast(IO[bytes], stream), selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(ends - time.monotonic(), 0))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in ready:
                pipe = cast(IO[bytes], key.fileobj)
                if pipe is process.stdin:
                    unsent = unsent[_write(key.fd, unsent) :]
                    done = not unsent
                else:
                    chunk = os.read(key.fd, CHUNK)
                    outputs[pipe] += chunk[: KEPT - len(outputs[pipe])]
                    done = not chunk
                if done:
                    selector.unregister(pipe)
                    pipe.close()
    return [bytes(each) for each in outputs.values()]


def _write(pipe: int, unsent: memoryview) -> int:
    """Write to a pipe; return the number of bytes written, all if the program reads no more."""
    try:
        return os.write(pipe, unsent[: select.PIPE_BUF])
    except BrokenPipeError:
        return len(unsent)
