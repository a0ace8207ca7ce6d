"""Measure the registry area on docker-registry 2.8.3, and how reliably its race is found.

    python -m benchmarks.registry area [--repeat 3]
    python -m benchmarks.registry bare [--repeat 3]
    python -m benchmarks.registry race [--repeat 20]

``area`` prints wall time with one and two workers (including their start), requests and the peak memory of the largest
process, each as a ratio to the OCI conformance suite on the same registry (``OCI``, measured once on an idle machine of
this kind). The time is also compared with a plain sequential client that makes as many requests as the OCI suite at
about the same time: no sequential suite can be faster. Runs and client alternate, and the fastest of each counts, since
other load only adds time.

``bare`` prints the cost of the tools: pytest with two workers of pytest-xdist runs as many empty tests as the area has
checks, with as many requests as the OCI suite makes.

``race`` runs the checks of concurrent pulls and pushes repeatedly, and prints how many runs found the 5xx, how long
they took and how many requests they made.

Requires Debian's docker-registry; its data are in a temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.run import EVERY_S, as_installed, descendants, resident_mb
from conformance.runs.reading import Record, read

SCRIPT = Path(__file__).parents[1] / ".ci" / "servers" / "docker-registry.sh"
RACE = "registry/concurrency/pushes-do-not-disturb-pulls"
TARGET = """\
[targets.docker-registry]
organization = "acme"
features = ["registry.delete", "registry.catalog", "registry.mount", "registry.validation", "registry.validation-index"]
[targets.docker-registry.registry]
url = "{url}"
repository = "orgs/acme/conformance"
"""

BARE = """
import http.client, pytest
from urllib.parse import urlsplit

@pytest.fixture(scope="session")
def client():
    made = http.client.HTTPConnection(urlsplit("{url}").netloc, timeout=30)
    yield made
    made.close()

@pytest.mark.parametrize("number", range({tests}))
def test_nothing(client, number):
    for _ in range(number * {requests} // {tests}, (number + 1) * {requests} // {tests}):
        client.request("GET", "/v2/orgs/acme/bare/blobs/sha256:" + "0" * 64)
        client.getresponse().read()
"""


@dataclass(frozen=True)
class Needed:
    """The cost of a suite: seconds, requests, peak memory of its largest process in MB."""

    wall_s: float
    requests: int
    peak_mb: float


OCI = Needed(3.0, 1168, 50.0)
CHECKS = 953
"""The number of checks of the area."""


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def docker_registry() -> Iterator[tuple[Path, str]]:
    """Run a docker-registry without a login; yield a folder with a target file for it, and its URL."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = folder / "registry"
        options = ["start", str(data), str(free_port()), "open"]
        logging = {**os.environ, "REGISTRY_LOG_ACCESSLOG_DISABLED": "false"}
        started = subprocess.run([SCRIPT, *options], check=True, capture_output=True, text=True, env=logging)
        url = started.stdout.strip()
        try:
            (folder / "conformance.toml").write_text(TARGET.format(url=url), encoding="utf-8")
            yield folder, url
        finally:
            subprocess.run([SCRIPT, "stop", str(data)], check=False)


def checked(folder: Path, out: Path, *options: str) -> tuple[Record, Needed]:
    """Run the suite against the registry of a folder; return the record and the cost."""
    command = ["-m", "conformance", "run", *options, "--out", str(out), "--config", str(folder / "conformance.toml")]
    code, needed = watched(folder, command)
    if code not in (0, 1, 7):
        raise SystemExit(f"the run ended with exit code {code}")
    return read(out), needed


def watched(folder: Path, command: Sequence[str]) -> tuple[int, Needed]:
    """Run a Python command that sends requests to the registry of a folder; return exit code and cost."""
    begun, peak, before = time.perf_counter(), 0.0, answered(folder)
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=as_installed()
    )
    while process.poll() is None:
        peak = max(peak, *map(resident_mb, descendants(process.pid)), 0.0)
        time.sleep(EVERY_S)
    return process.returncode, Needed(time.perf_counter() - begun, answered(folder) - before, peak)


def answered(folder: Path) -> int:
    """Return the number of requests in the log of a folder's registry."""
    return (folder / "registry" / "log").read_text(encoding="utf-8", errors="replace").count(' HTTP/1.1" ')


def plain_client(url: str, requests: int) -> float:
    """Push, read and delete blobs over one connection; return the seconds for so many sequential requests."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def ask(method: str, target: str, body: bytes = b"") -> http.client.HTTPResponse:
        connection.request(method, target, body, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        answer.read()
        return answer

    path, sent = "/v2/orgs/acme/plain/blobs/", 0
    begun = time.perf_counter()
    while sent < requests:
        content = f"blob {sent} {time.time()}".encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        location = ask("POST", f"{path}uploads/").headers["Location"].removeprefix(url)
        ask("PUT", f"{location}&digest={digest}", content)
        for method in ("HEAD", "GET", "DELETE"):
            ask(method, f"{path}{digest}")
        sent += 5
    return time.perf_counter() - begun


def area(repeat: int) -> int:
    """Print the cost of the area compared with the OCI suite."""
    ways: list[tuple[tuple[str, ...], int]] = [
        (options, workers) for options in (("--explore", "0"), ()) for workers in (1, 2)
    ]
    plain: list[float] = []
    runs: dict[tuple[tuple[str, ...], int], list[tuple[Record, Needed]]] = {way: [] for way in ways}
    for _ in range(repeat):
        with docker_registry() as (_, url):
            plain.append(plain_client(url, OCI.requests))
        for options, workers in ways:
            # A new registry for each run: the catalog would list an earlier run's repositories.
            with docker_registry() as (folder, _):
                run = checked(folder, folder / "run", "registry", *options, "--workers", str(workers))
            runs[options, workers].append(run)
    print(f"a plain client makes {OCI.requests} requests in {min(plain):.2f} s")
    for (options, workers), made in runs.items():
        needed = [each for _, each in made]
        print(line(len(made[0][0].results), workers, " ".join(options) or "with properties", needed, min(plain)))
    return 0


def line(checks: int, workers: int, kind: str, needed: list[Needed], plain_s: float) -> str:
    """Return a line of the table: the fastest run, and its ratios to the OCI suite's figures."""
    wall = min(each.wall_s for each in needed)
    requests = statistics.median(each.requests for each in needed)
    peak = max(each.peak_mb for each in needed)
    return (
        f"{checks} checks, {kind}, workers {workers}: {wall:.2f} s "
        f"({wall / OCI.wall_s:.2f} of the OCI suite's when idle, {wall / plain_s:.2f} of the plain client's now), "
        f"{requests:.0f} requests ({requests / OCI.requests:.2f}), "
        f"{peak:.0f} MB ({peak / OCI.peak_mb:.2f})"
    )


def bare(repeat: int) -> int:
    """Print the cost of as many empty tests as the area has checks, with the OCI suite's number of requests."""
    plain, needed = list[float](), list[Needed]()
    for _ in range(repeat):
        with docker_registry() as (folder, url):
            plain.append(plain_client(url, OCI.requests))
            tests = folder / "test_bare.py"
            tests.write_text(BARE.format(url=url, tests=CHECKS, requests=OCI.requests), encoding="utf-8")
            options = ["-q", "-n", "2", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={folder}", str(tests)]
            code, measured = watched(folder, ["-m", "pytest", *options])
            if code or measured.requests != OCI.requests:
                raise SystemExit(f"pytest ended with {code}, and made {measured.requests} requests")
            needed.append(measured)
    print(line(CHECKS, 2, "empty", needed, min(plain)))
    return 0


def race(repeat: int) -> int:
    """Print how often the 5xx on concurrent reads was found; return 1 if in fewer than 19 of 20 runs."""
    found: list[tuple[bool, Needed]] = []
    with docker_registry() as (folder, _):
        for number in range(repeat):
            record, needed = checked(folder, folder / str(number), RACE, "--workers", "0", "--report", "markdown")
            observations = [finding["observed"] for result in record.results for finding in result.findings]
            found.append((any("first 5" in observed for observed in observations), needed))
    times = [needed.wall_s for _, needed in found]
    requests = [needed.requests for _, needed in found]
    hits = sum(hit for hit, _ in found)
    print(f"found in {hits} of {repeat} runs; {statistics.median(times):.1f} s a run, {max(times):.1f} s the longest")
    print(f"seconds: {' '.join(f'{wall:.1f}' for wall in times)}; {min(requests)} to {max(requests)} requests a run")
    return 0 if hits * 20 >= 19 * repeat else 1


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["area", "bare", "race"])
    parser.add_argument("--repeat", type=int)
    choice = parser.parse_args()
    measure, times = {"area": (area, 3), "bare": (bare, 3), "race": (race, 20)}[choice.what]
    return measure(choice.repeat or times)


if __name__ == "__main__":
    sys.exit(main())
