"""Hostile servers: every run ends by itself, with findings or one clear cause, in bounded memory, and harms nobody."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.preflight import preflight
from conformance.runs.reading import Record, read
from conformance.target import configuration
from conformance.vocabulary.verdict import ExitCode
from tests.chaos.inspection import complaints, unfit_for_terminals
from tests.run.hostile import BEHAVIOURS, HostileFront, HostileServer, serving
from tests.run.mortal_front import MortalFront

SURFACES = ("identity", "registry", "storage", "webhooks")
CHECKS = ("oauth/answer", "errors/shape", "registry/tags", "storage/listing", "storage/sdk", "webhooks/methods")
FROM_THE_FIRST = ("stalled-tls",)
"""What a run meets in its preflight already; the others begin when the checks do."""
IN_THE_RUN = (
    "silent", "byte-a-second", "endless-head", "endless-body", "gzip-bomb", "length-too-long", "length-too-short",
    "redirect-to-itself", "endless-interim-answers", "harmful", "other-surfaces", "dies-each-50th-request",
)  # fmt: skip
SCENARIOS = (*FROM_THE_FIRST, *IN_THE_RUN)
AT_ONCE = 4
TIME_LIMIT_S = 300
MOST_MEMORY_MB = 300
ENDS = (ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE)
NOT_SECRET = ("storage-access-key", "control-url")
SECRET = "the-secret-of-a-hostile-server"
CONFIG = """\
[targets.hostile]
organization = "acme"
[targets.hostile.identity]
url = "{url}"
[targets.hostile.identity.credentials.full]
client_id = "ct-full"
client_secret = "${{CT_HOSTILE_SECRET}}"
scopes = ["organization:read"]
[targets.hostile.limits]
answer = 0.6
connect = 1
"""


@dataclass
class Met:
    """How a run ended that met a hostile target, and what it left."""

    code: int
    output: str
    peak_mb: int
    seconds: float
    folder: Path
    secrets: dict[str, str]

    @property
    def record(self) -> Record:
        """The run's record."""
        return read(self.folder)


class Target:
    """A copy of the reference's target file in which each surface is behind a front."""

    def __init__(self, reference: EmbeddedReference, folder: Path) -> None:
        self.folder, self.run = folder, folder / "run"
        self.file = folder / "conformance.toml"
        secrets = reference.folder / "conformance.secrets"
        shutil.copytree(secrets, folder / secrets.name)
        self.secret_files = [each for each in (folder / secrets.name).iterdir() if each.suffix != ".crt"]
        text = reference.target_config.read_text(encoding="utf-8")
        self.urls = dict(zip(SURFACES, re.findall(r'(?m)^(?:url|endpoint) = "(http.*)"', text), strict=False))
        webhook = urlsplit((secrets / "webhooks-url").read_text(encoding="utf-8").strip())
        self.urls["webhooks"] = f"{webhook.scheme}://{webhook.netloc}"
        self.file.write_text(re.sub(r"(?m)^(\[.*\.limits\]\n)", r"\1answer = 1\nconnect = 1\n", text), "utf-8")

    def replace(self, surface: str, url: str) -> None:
        """Let a surface be at another address."""
        for file in (self.file, *self.secret_files):
            file.write_text(file.read_text(encoding="utf-8").replace(self.urls[surface], url), encoding="utf-8")

    def begun(self) -> bool:
        """Whether the checks have begun."""
        return (self.run / "results.ndjson").exists()

    def secrets(self) -> dict[str, str]:
        """The secrets, by name; of a webhook's URL its path."""
        texts = {each.name: each.read_text(encoding="utf-8").strip() for each in self.secret_files}
        return {name: text.rpartition("/hooks/")[2] for name, text in texts.items() if name not in NOT_SECRET}


def fronts(name: str, target: Target) -> Iterator[tuple[str, HostileServer | MortalFront]]:
    """The hostile front of each surface."""
    for number, surface in enumerate(SURFACES):
        url = target.urls[surface]
        if name == "other-surfaces":
            yield surface, HostileFront(url, target.urls[SURFACES[number - 1]], target.begun)
        elif name == "dies-each-50th-request":
            yield surface, MortalFront(url, b"", back_s=0.1, every=50)
        elif name in FROM_THE_FIRST:
            yield surface, HostileServer(BEHAVIOURS[name], 0)
        else:
            behaviour = BEHAVIOURS.get(f"{name}-{surface}", BEHAVIOURS[name])
            yield surface, HostileFront(url, behaviour, target.begun)


def met(name: str, reference: EmbeddedReference, folder: Path, *words: str) -> Met:
    """Run some checks of each surface against a hostile target, and watch the memory of the run's processes."""
    target = Target(reference, folder)
    with ExitStack() as opened:
        for surface, front in fronts(name, target):
            opened.callback(front.close)
            target.replace(surface, front.url.replace("http:", "https:") if "tls" in name else front.url)
        command = [sys.executable, "-m", "conformance", "run", *CHECKS, "--explore", "2", "--shrink-time", "0", *words]
        begun = time.monotonic()
        code, peak_mb = watched([*command, "--config", str(target.file), "--out", str(target.run)], folder)
        seconds = time.monotonic() - begun
    output = (folder / "output").read_text(encoding="utf-8", errors="backslashreplace")
    return Met(code, output, peak_mb, seconds, target.run, target.secrets())


def watched(command: list[str], folder: Path) -> tuple[int, int]:
    """The exit code of a command, and the most memory in MB that any of its processes had."""
    variables = {
        **os.environ, "DOCKER_HOST": "unix:///nonexistent", "COLUMNS": "100",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }  # fmt: skip
    variables.pop("PYTEST_ADDOPTS", None)
    most, until = 0, time.monotonic() + TIME_LIMIT_S
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=output, stderr=output, start_new_session=True
        )
        while process.poll() is None and time.monotonic() < until:
            most = max(most, *map(peak_of, family_of(process.pid)))
            time.sleep(0.1)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait(), most // 1024


def family_of(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family_of(int(child))
    return found


def peak_of(pid: int) -> int:
    """The most memory in KiB that a process has had; 0 where it has ended."""
    with suppress(OSError):
        if line := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
            return int(line[1])
    return 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Met]]:
    """Each scenario's run, several at once since most of them wait."""
    reference = EmbeddedReference()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun: dict[str, Future[Met]] = {
            name: pool.submit(met, name, reference, tmp_path_factory.mktemp(name), "--workers", "0")
            for name in SCENARIOS
        }
        yield lambda name: begun[name].result()
        for each in begun.values():
            each.cancel()
    reference.stop()


@pytest.mark.once
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_ends_and_harms_nobody(name: str, runs: Callable[[str], Met]) -> None:
    run = runs(name)
    verdicts = Counter(result.verdict for result in run.record.results)
    sys.stdout.write(f"{name}: {run.seconds:.0f} s, {run.peak_mb} MB, {dict(verdicts)}\n")
    assert run.code in ENDS, run.output
    assert run.record.complete
    assert "error" not in verdicts, run.output
    assert verdicts["inconclusive"] or verdicts["fail"]
    assert "Traceback" not in run.output
    assert run.peak_mb < MOST_MEMORY_MB
    assert list(unfit_for_terminals(run.output)) == []
    assert complaints(run.folder, run.secrets) == []
    assert [name for name, secret in run.secrets.items() if secret in run.output] == []


@pytest.mark.nightly
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_the_preflight_says_in_a_sentence_what_it_met(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CT_HOSTILE_SECRET", SECRET)
    with serving(name) as url:
        path = tmp_path / "conformance.toml"
        path.write_text(CONFIG.format(url=url), encoding="utf-8")
        target = configuration.load(path, tmp_path).choose(None)[1]
        (state,) = preflight(target)
    assert state.cause or state.credentials["full"]
    assert SECRET not in repr(state)
    assert all(len(text) < 400 for _, text in state.lines)
