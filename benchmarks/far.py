"""Measure a run against a distant deployment: the reference behind a delaying proxy.

    python -m benchmarks.far [--round-trip 0.05] [--profile core] [--workers N]

Prints wall time, processor time, requests, checks and workers of the run; by default the number of workers depends on
the round trip that the preflight measures. On a busy machine the processor time is more meaningful than the wall time.
The run does not use outside clients (docker, aws, curl).
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.delay import Delay, delayed
from benchmarks.run import as_installed
from conformance.plugin.embedded import EmbeddedReference
from conformance.runs.reading import read


def send_away(folder: Path, delay: Delay) -> None:
    """Replace every address in the files of a target by a delaying proxy's."""
    ports: dict[str, int] = {}

    def away(match: re.Match[str]) -> str:
        if match["port"] not in ports:
            ports[match["port"]] = delay.before("127.0.0.1", int(match["port"]))
        return f"127.0.0.1:{ports[match['port']]}"

    for path in (folder / "conformance.toml", *(folder / "conformance.secrets").iterdir()):
        # The operator's requests are not delayed.
        if path.name != "control-url":
            text = re.sub(r"127\.0\.0\.1:(?P<port>\d+)", away, path.read_text(encoding="utf-8"))
            path.write_text(text, encoding="utf-8")


def far_run(round_trip_s: float, profile: str, workers: str | None, folder: Path) -> tuple[float, float]:
    """Start a run like a user; return its wall time and its processor time in seconds."""
    reference = EmbeddedReference()
    try:
        with delayed(round_trip_s) as delay:
            send_away(reference.folder, delay)
            arguments = ["--config", str(reference.target_config), "--profile", profile, "--out", str(folder)]
            arguments += ["--workers", workers] if workers else []
            begun, computed = time.perf_counter(), _computed()
            ended = subprocess.run(
                [sys.executable, "-m", "conformance", "run", *arguments],
                stdout=subprocess.DEVNULL,
                env=as_installed(PATH=os.devnull, DOCKER_HOST=f"unix://{os.devnull}"),
                check=False,
            )
            took = time.perf_counter() - begun, _computed() - computed
    finally:
        reference.stop()
    if ended.returncode not in (0, 1, 7):
        raise SystemExit(f"the run ended with exit code {ended.returncode}")
    return took


def _computed() -> float:
    """Return the processor time of ended child processes in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--round-trip", type=float, default=0.05, help="seconds that each round trip takes more")
    parser.add_argument("--profile", default="core")
    parser.add_argument("--workers")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the run is written, to be looked at")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "run"
        took, computed = far_run(options.round_trip, options.profile, options.workers, folder)
        info, results = read(folder).info, read(folder).results
    print(f"cores {os.cpu_count()}, python {sys.version.split()[0]}, a round trip takes {options.round_trip:g} s more")
    print(f"profile {info.profile}: {took:.1f} s with {info.workers} workers, {computed:.1f} s of the cores; ", end="")
    print(f"{len(results)} checks, {info.requests} requests, {sum(each.verdict == 'pass' for each in results)} passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
