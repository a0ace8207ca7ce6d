"""Measure the whole run against the embedded reference, and optionally that of an earlier commit.

    python -m benchmarks.run [--repeat 3] [--before COMMIT]

Prints for one and for two workers medians of wall time, requests, checks, peak memory (of the largest process, and of
all processes of the suite) and the size of the run's folder; then the time in which plain ``http.client`` sends the
received requests again sequentially, and the ratio of the two. With --before the runs of both commits alternate, with
the same libraries. Absolute times depend on the machine; compare the ratios. The run does not use outside clients
(docker, aws, curl).
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.target import configuration
from conformance.target.description import Target

EVERY_S = 0.05


@dataclass
class Measured:
    """One whole run. Sizes are in MB; ``raw_s`` is the time to send the received requests again, 0 if not tried."""

    wall_s: float
    requests: float
    checks: float
    largest_mb: float
    together_mb: float
    folder_mb: float
    page_mb: float
    evidence_mb: float
    allure_mb: float
    raw_s: float = 0.0

    @property
    def ratio(self) -> float:
        """The ratio of the wall time to the raw replay."""
        return self.wall_s / self.raw_s if self.raw_s else 0.0


def size_mb(path: Path) -> float:
    """Return the size of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file()) / 1e6


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 1e6


def descendants(pid: int) -> list[int]:
    """Return the process and its descendants, without the reference."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = child.read_text(encoding="ascii").split()
            for each in map(int, children):
                if "conformance.reference" not in Path(f"/proc/{each}/cmdline").read_text(encoding="utf-8"):
                    found += descendants(each)
        except OSError:
            continue
    return found


def whole_run(workers: int, folder: Path) -> Measured:
    """Run the command against a reference like a user, and replay the requests that the reference received."""
    begun = time.perf_counter()
    reference = EmbeddedReference()
    try:
        control = shlex.split(_target(reference).hooks.revoke or "")[3]
        tell(control, "capture")
        arguments = ["--workers", str(workers), "--config", str(reference.target_config), "--out", str(folder)]
        memory = _watched_run(arguments, Path.cwd())
        wall = time.perf_counter() - begun
        captured = json.loads(tell(control, "captured"))
        tell(control, "reset")
        raw = replay(captured, reference)
    finally:
        reference.stop()
    return _measured(wall, memory, folder, raw)


def earlier_run(workers: int, folder: Path, checkout: Path) -> Measured:
    """Run the command of another checkout against its own reference; nothing is replayed."""
    begun = time.perf_counter()
    memory = _watched_run(["--workers", str(workers), "--out", str(folder)], checkout)
    return _measured(time.perf_counter() - begun, memory, folder)


def _measured(wall_s: float, memory: tuple[float, float], folder: Path, raw_s: float = 0.0) -> Measured:
    # Another commit may write another format: only common parts are read.
    lines = (folder / "results.ndjson").read_text(encoding="utf-8", errors="replace").splitlines()
    checks = sum(json.loads(line).get("kind") == "check" for line in lines)
    requests = json.loads((folder / "run.json").read_text(encoding="utf-8"))["requests"]
    page, evidence, allure = (size_mb(folder / name) for name in ("index.html", "evidence", "allure-results"))
    return Measured(wall_s, requests, checks, *memory, size_mb(folder), page, evidence, allure, raw_s)


def as_installed(**more: str) -> dict[str, str]:
    """Return an environment in which Python stores bytecode, as pip does at an installation."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def _target(reference: EmbeddedReference) -> Target:
    return configuration.load(reference.target_config, Path.cwd()).choose(None)[1]


def _watched_run(arguments: list[str], checkout: Path) -> tuple[float, float]:
    """Run the checkout's ``conformance run``; return the peak memory in MB of its largest process, and of all."""
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "run", *arguments],
        cwd=checkout,
        stdout=subprocess.DEVNULL,
        env=as_installed(PATH=os.devnull, DOCKER_HOST=f"unix://{os.devnull}"),
    )
    peak = largest = 0.0
    while process.poll() is None:
        each = [resident_mb(pid) for pid in descendants(process.pid)]
        peak, largest = max(peak, sum(each)), max(largest, max(each, default=0.0))
        time.sleep(EVERY_S)
    if process.returncode not in (0, 1):
        raise SystemExit(f"the run ended with exit code {process.returncode}")
    return largest, peak


def replay(captured: list[dict[str, Any]], reference: EmbeddedReference) -> float:
    """Send the requests again sequentially over one plain connection a surface; return the seconds."""
    described = _target(reference).model_dump()
    urls = {name: described[name]["url"] for name in ("identity", "registry")}
    urls["storage"] = described["storage"]["endpoint"]
    urls["webhooks"] = described["webhooks"]["url"].reveal()
    ready = [
        (each["surface"], each["method"], each["target"], dict(each["headers"]), base64.b64decode(each["body"]))
        for each in captured
    ]
    connections: dict[str, http.client.HTTPConnection] = {}
    begun = time.perf_counter()
    for surface, method, target, headers, body in ready:
        connection = connections.setdefault(
            surface, http.client.HTTPConnection(urlsplit(urls[surface]).netloc, timeout=10)
        )
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if name != "transfer-encoding":
                connection.putheader(name, value)
        if "content-length" not in headers and body:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        connection.getresponse().read()
    return time.perf_counter() - begun


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check out an earlier commit for the duration of the context."""
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Path(scratch) / "before"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(checkout), commit], check=True)
        try:
            yield checkout
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(checkout)], check=True)


def table(now: list[Measured], before: list[Measured]) -> Iterator[str]:
    """Yield a line for each figure: its median now and before, and their ratio."""
    for name in (*Measured.__dataclass_fields__, "ratio"):
        present, past = (statistics.median(getattr(run, name) for run in runs or [now[0]]) for runs in (now, before))
        compared = f"{past:12.2f}{present / past:10.2f}" if before and past else ""
        yield f"  {name:12}{present:12.2f}{compared}"


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; medians are printed")
    parser.add_argument("--before", metavar="COMMIT", help="also measure an earlier commit, in turn with this one")
    options = parser.parse_args()
    print(f"cores {os.cpu_count()}, python {sys.version.split()[0]}, medians of {options.repeat}")
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        earlier = opened.enter_context(checked_out(options.before)) if options.before else None
        for workers in (1, 2):
            now, before = list[Measured](), list[Measured]()
            for number in range(options.repeat):
                now.append(whole_run(workers, Path(scratch) / f"{workers}-{number}"))
                if earlier:
                    before.append(earlier_run(workers, Path(scratch) / f"before-{workers}-{number}", earlier))
            heads = f"{'now':>12}{options.before:>12}{'ratio':>10}" if earlier else f"{'now':>12}"
            print(f"workers {workers:<6}{heads}", *table(now, before), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
