"""Run the command in a process of its own, read the run that it left, and start references for it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reference.deployment import Reference
from conformance.reference.server import Running
from conformance.runs.reading import Record, read

TIME_LIMIT_S = 300


@dataclass
class Ran:
    """How a command ended: exit code, all it printed, the folder in which it ran."""

    code: int
    output: str
    folder: Path

    @property
    def record(self) -> Record:
        """The only run that it left."""
        (run,) = [each for each in (self.folder / "reports").iterdir() if each.is_dir()]
        return read(run)

    def verdicts(self) -> dict[str, str]:
        """Verdicts by check id."""
        return {result.id: result.verdict for result in self.record.results}


def conformance(folder: Path, *words: str, **environment: str) -> Ran:
    """Run ``conformance WORDS`` in a folder; a run in one process, unless a word says otherwise: it is quicker."""
    if words[0] == "run" and not any(each.startswith("--workers") for each in words):
        words += ("--workers", "0")
    return run([sys.executable, "-m", "conformance", *words], folder, **environment)


def run(command: list[str], folder: Path, **environment: str) -> Ran:
    """Run a command in a folder."""
    ended = subprocess.run(
        command, cwd=folder, env=variables(**environment), capture_output=True, text=True, timeout=TIME_LIMIT_S,
        check=False,
    )  # fmt: skip
    return Ran(ended.returncode, ended.stdout + ended.stderr, folder)


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start ``conformance WORDS`` in a process group of its own; the file ``output`` gets what it prints."""
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "conformance", *words], cwd=folder, env=variables(**environment),
            stdout=output, stderr=output, start_new_session=True,
            # Whoever started the tests in the background may have had that ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip


def variables(**environment: str) -> dict[str, str]:
    """Return the environment of a command: the packages of this interpreter, no engine, no options of pytest's."""
    # What pytest was told here, or a command that ran in this process has told it, is not meant for the command.
    hidden = ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    own = {
        "DOCKER_HOST": "unix:///nonexistent",
        "COLUMNS": "100",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    return {**kept, **own, **environment}


@contextmanager
def serving_reference(
    *words: str, switched: Sequence[str] = (), program: Sequence[str] = ()
) -> Iterator[EmbeddedReference]:
    """Run a reference started with these words, with these defects or variants switched on."""
    reference = EmbeddedReference(words, program)
    try:
        if switched:
            tell(control_of(reference), "switch", *switched)
        yield reference
    finally:
        reference.stop()


def control_of(reference: EmbeddedReference) -> str:
    """Return the address at which the defects of a reference are switched."""
    return f"file:{reference.folder / 'conformance.secrets' / 'control-url'}"


def redescribed(reference: EmbeddedReference, changes: Mapping[str, str], name: str = "changed.toml") -> Path:
    """Write the target file anew, each pattern replaced; it is beside the files of secrets that it names."""
    text = reference.target_config.read_text(encoding="utf-8")
    for pattern, replacement in changes.items():
        text, times = re.subn(pattern, replacement.replace("\\", r"\\"), text, flags=re.MULTILINE)
        assert times, pattern
    path = reference.target_config.with_name(name)
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def in_a_thread(deployment: Reference) -> Iterator[None]:
    """Serve a deployment of this process from a thread of its own."""

    async def started() -> Running:
        running = Running(deployment)
        await running.start()
        return running

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = asyncio.run_coroutine_threadsafe(started(), loop).result(30)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(running.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
