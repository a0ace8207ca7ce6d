"""Measure the storage area against a real S3 server: seconds, checks and requests a second.

    python -m benchmarks.storage TARGET.toml [--workers N] [--repeat 3]

.ci/servers/storage.sh starts the server; source its ``environment`` first. Prints medians of the quick profile, of the
whole area, and of the area without timed checks (storage/concurrency): wall time of the command, and the time of the
run after start-up, with its rate and the ratio to ceph/s3-tests, which does 3.2 tests a second on Ceph's radosgw on an
otherwise idle machine. The last line shows how a busy machine compares: the rate at which one process does what an
average test of s3-tests does (9 boto3 clients, 22 requests, without sleeping and judging).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from benchmarks.run import as_installed
from conformance.contract.catalogue import catalogue
from conformance.runs.reading import read
from conformance.target import configuration
from conformance.target.description import Storage, Target

S3_TESTS_PER_S = 3.2
TIMED = "storage/concurrency"
PATH_STYLE = Config(s3={"addressing_style": "path"}, signature_version="s3v4")


@dataclass
class Measured:
    """One run: seconds of the command, seconds of the run after start-up, and how much it did."""

    wall_s: float
    run_s: float
    checks: int
    requests: int


def like_s3_tests(target: Target, seconds: float = 3.0) -> float:
    """Return how many times a second the work of an average test of s3-tests is done."""
    storage = target.storage
    if storage is None:
        raise SystemExit("the target describes no storage")
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        one_test(storage)
        done += 1
    return done / (time.perf_counter() - begun)


def one_test(storage: Storage) -> None:
    """Make the clients and requests of an average test, in the proportions of a whole run of s3-tests."""
    keys = {"aws_access_key_id": storage.access_key.reveal(), "aws_secret_access_key": storage.secret_key.reveal()}
    clients = [
        boto3.client("s3", endpoint_url=storage.endpoint, region_name=storage.region, **keys, config=PATH_STYLE)
        for _ in range(9)
    ]
    bucket, names = {"Bucket": storage.buckets[0]}, [f"benchmark-{number}" for number in range(5)]
    for name in names:
        clients[0].list_buckets()
        clients[0].put_object(**bucket, Key=name, Body=b"benchmark")
    for name in names[:2]:
        clients[1].get_object(**bucket, Key=name)
        clients[1].list_objects_v2(**bucket, Prefix="benchmark-")
        clients[1].head_bucket(**bucket)
    clients[1].head_object(**bucket, Key=names[0])
    for name in names:
        clients[2].delete_object(**bucket, Key=name)


def untimed() -> list[str]:
    """Return selectors of the storage area without timed checks."""
    topics = {"/".join(each.id.split("/")[:2]) for each in catalogue() if each.id.startswith("storage/")}
    return sorted(topics - {TIMED})


def measure(config: Path, workers: int, selection: list[str], folder: Path) -> Measured:
    """Measure one run; SystemExit if it was not judged."""
    command = [sys.executable, "-m", "conformance", "run", *selection, "--config", str(config), "--out", str(folder)]
    begun = time.perf_counter()
    ended = subprocess.run(
        [*command, "--workers", str(workers)], capture_output=True, text=True, check=False, env=as_installed()
    )
    wall = time.perf_counter() - begun
    if ended.returncode not in (0, 1, 7):
        output = f"{ended.stdout[-4000:]}{ended.stderr[-2000:]}"
        raise SystemExit(f"the run ended with exit code {ended.returncode}:\n{output}")
    record = read(folder)
    return Measured(wall, record.info.duration_s, len(record.results), record.info.requests)


def line(name: str, runs: list[Measured]) -> str:
    """Return a line for runs of one kind."""
    wall, run = (statistics.median(each) for each in ([run.wall_s for run in runs], [run.run_s for run in runs]))
    rate = runs[0].checks / run
    return (
        f"{name:<18} {run:6.2f} s ({wall:.2f} s with start and reports), {runs[0].checks} checks, "
        f"{runs[0].requests} requests: {rate:.0f} checks/s, {rate / S3_TESTS_PER_S:.0f} times s3-tests"
    )


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    kinds = {
        "quick profile": ["storage", "--profile", "quick"],
        "without concurrency": untimed(),
        "whole area": ["storage"],
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, selection in kinds.items():
            runs = [
                measure(options.config, options.workers, selection, Path(scratch) / f"{name}-{number}")
                for number in range(options.repeat)
            ]
            print(line(name, runs), flush=True)
    target = configuration.load(options.config, Path.cwd()).choose(None)[1]
    print(f"what a test of s3-tests does: {like_s3_tests(target):.1f} times a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
