"""Measures the whole run against the embedded reference, and the same requests replayed raw.

    python -m benchmarks.run [--repeat 3]

Prints wall time, requests, checks, peak memory (of the largest process, and of the suite's processes together) with
one and with two workers, the start of the reference included; then how long the requests that the reference received
take when plain ``http.client`` sends them again, one after another, to the same reference put back to its start; and
the ratio of the two. Absolute times are of this machine; the ratio is what to compare. Outside clients (docker, aws,
curl) are kept from the run, as on a machine that has none: how long a program takes to start is not the suite's.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from conformance.target import configuration
from conformance.target.description import Target

EVERY_S = 0.05


@dataclass
class Measured:
    """One whole run. Memory is resident, in MB; ``raw_s`` is what the ``captured`` requests take when sent again."""

    wall_s: float
    requests: int
    checks: int
    peak_mb: float
    largest_mb: float
    captured: int
    raw_s: float


def resident_mb(pid: int) -> float:
    """Resident memory of a process, 0 where it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 1e6


def descendants(pid: int) -> list[int]:
    """The process and those it started, the reference left out."""
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
    """Starts a reference, runs the command as a person would, and replays what the reference has received."""
    begun = time.perf_counter()
    reference = EmbeddedReference()
    try:
        control = shlex.split(_target(reference).hooks.revoke or "")[3]
        tell(control, "capture")
        peak = _watched_run(["--workers", str(workers), "--config", str(reference.target_config), "--out", str(folder)])
        wall = time.perf_counter() - begun
        captured = json.loads(tell(control, "captured"))
        tell(control, "reset")
        raw = replay(captured, reference)
    finally:
        reference.stop()
    record = read(folder)
    return Measured(wall, record.info.requests, len(record.results), *peak, len(captured), raw)


def as_installed(**more: str) -> dict[str, str]:
    """The environment of a run of a suite that is compiled, as pip leaves it: here it is so from the second run on."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def _target(reference: EmbeddedReference) -> Target:
    return configuration.load(reference.target_config, Path.cwd()).choose(None)[1]


def _watched_run(arguments: list[str]) -> tuple[float, float]:
    """Peak memory in MB while ``conformance run`` runs: of its processes together, and of the largest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "run", *arguments],
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
    return peak, largest


def replay(captured: list[dict[str, Any]], reference: EmbeddedReference) -> float:
    """Sends the requests again over one plain connection a surface, one after another; seconds."""
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


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; medians are printed")
    repeat = parser.parse_args().repeat
    print(f"cores {os.cpu_count()}, python {sys.version.split()[0]}, medians of {repeat}")
    with tempfile.TemporaryDirectory() as scratch:
        for workers in (1, 2):
            runs = [whole_run(workers, Path(scratch) / f"{workers}-{number}") for number in range(repeat)]
            wall = statistics.median(run.wall_s for run in runs)
            raw = statistics.median(run.raw_s for run in runs)
            told = f"{runs[0].checks} checks, {runs[0].requests} requests"
            print(f"workers {workers}: {wall:.2f} s with the reference's start; {told}")
            print(
                f"  peak memory {max(run.largest_mb for run in runs):.0f} MB the largest process, "
                f"{max(run.peak_mb for run in runs):.0f} MB together (the reference left out)"
            )
            print(f"  the {runs[0].captured} requests received, sent again raw: {raw:.2f} s; ratio {wall / raw:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
