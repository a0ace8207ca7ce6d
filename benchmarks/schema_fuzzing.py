"""Compares the properties of the organization API with a fuzzer that knows an OpenAPI description of it alone.

    pip install schemathesis                          (in an environment of its own: it is no dependency)
    python -m benchmarks.schema_fuzzing --schemathesis PATH/TO/schemathesis [--seconds 20] [--defect NAME]

Both are given the embedded reference, one worker and the same time. First the clean reference: how many examples a
second each tries, and that neither finds anything. Then each seeded defect of the organization API: which finds it.
``identity-openapi.json`` was written for this comparison. Prints a table in Markdown; 1 where one is found by the
schema alone, or fewer than twice as many examples a second are tried.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reference.defects.base import Defect
from conformance.reference.deployment import alterations
from conformance.runs.record import read
from conformance.target import configuration

DESCRIPTION = Path(__file__).with_name("identity-openapi.json")
PROPERTIES = ("errors/400/any-change-of-a-body-is-judged", "errors/5xx", "errors/model")
OF_THE_API = ("organizations", "organization_api", "conflicts", "credentials")
TWICE = 2.0


@dataclass
class Deployment:
    """The reference with its control address, and a token for the fuzzer that gets none by itself."""

    reference: EmbeddedReference
    control: str
    url: str
    client: tuple[str, str]

    @classmethod
    def start(cls) -> Deployment:
        """Starts one."""
        reference = EmbeddedReference()
        target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
        if target.identity is None:
            raise SystemExit("the reference describes no identity surface")
        full = target.identity.credentials["full"]
        control = shlex.split(target.hooks.revoke or "")[3]
        return cls(reference, control, target.identity.url, (full.client_id, full.client_secret.reveal()))

    def token(self) -> str:
        """An access token with every scope."""
        form = {"grant_type": "client_credentials", "client_id": self.client[0], "client_secret": self.client[1]}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.url}/oauth/token", body) as answer:  # noqa: S310  # our own, by http
            return str(json.load(answer)["access_token"])


@dataclass(frozen=True)
class Tried:
    """What one of the two did: whether it found something, examples, requests that arrived, seconds."""

    found: bool
    examples: int
    requests: int
    took_s: float

    @property
    def rate(self) -> float:
        """Examples a second."""
        return self.examples / self.took_s


def by_schema(program: str, deployment: Deployment, seconds: int) -> Tried:
    """A run of the fuzzer until it finds something, or its time is up; each of its requests is an example."""
    words = [program, "run", str(DESCRIPTION), "--url", deployment.url, "--workers", "1", "--max-time", str(seconds)]
    words += [
        "-H",
        f"Authorization: Bearer {deployment.token()}",
        "--max-failures",
        "1",
        "--no-color",
        "--phases",
        "examples,coverage,fuzzing",
    ]
    words += ["--max-examples", "100000", "--suppress-health-check", "all", "--warnings", "off"]
    # What it holds against every correct service of this kind: a body that its schema forbids and that is served
    # (RFC 8259 lets a server ignore members), and a method that is refused before a token is looked at.
    words += ["--exclude-checks", "ignored_auth,unsupported_method,positive_data_acceptance,missing_required_header"]
    tell(deployment.control, "capture")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=seconds * 20, check=False)
    took = time.monotonic() - begun
    if ran.returncode not in (0, 1):
        raise SystemExit(ran.stdout[-2000:] + ran.stderr[-2000:])
    requests = len(json.loads(tell(deployment.control, "captured")))
    if ran.returncode:
        print("\n".join(line for line in ran.stdout.splitlines() if line.startswith("- "))[:300], file=sys.stderr)
    return Tried(ran.returncode == 1, requests, requests, took)


def by_contract(deployment: Deployment, seconds: int, explore: int, *selectors: str) -> Tried:
    """A run of these checks with one worker, which begins no example after its time."""
    words = [sys.executable, "-m", "conformance", "run", *selectors, "--workers", "0", "--profile", "full"]
    words += ["--config", str(deployment.reference.target_config)]
    words += ["--explore", str(explore), "--explore-time", f"{seconds}"]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        ran = subprocess.run([*words, "--out", folder], capture_output=True, text=True, check=False)
        took = time.monotonic() - begun
        if ran.returncode not in (0, 1, 7):
            raise SystemExit(ran.stdout[-2000:] + ran.stderr[-2000:])
        record = read(next(Path(folder).rglob("results.ndjson")).parent)
    examples = sum(result.events.get("examples", 0) for result in record.results)
    requests = sum(result.requests for result in record.results)
    return Tried(ran.returncode == 1, examples, requests, took)


def defects() -> list[str]:
    """The seeded defects of the organization API."""
    return [name for name, each in alterations().items() if each.__module__.rpartition(".")[2] in OF_THE_API
            and each.surface == "identity" and issubclass(each, Defect)]  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemathesis", required=True, metavar="PROGRAM")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--defect", action="append", choices=defects())
    choice = parser.parse_args()
    deployment = Deployment.start()
    try:
        return compare(deployment, choice)
    finally:
        deployment.reference.stop()


def compare(deployment: Deployment, choice: argparse.Namespace) -> int:
    """The two tables."""
    theirs = by_schema(choice.schemathesis, deployment, choice.seconds)
    ours = by_contract(deployment, choice.seconds, 100_000, *PROPERTIES)
    print("| clean reference | examples | requests | seconds | examples a second | findings |\n" + "| --- " * 6 + "|")
    for name, tried in (("by schema", theirs), ("by contract", ours)):
        figures = f"{tried.examples} | {tried.requests} | {tried.took_s:.1f} | {tried.rate:.0f}"
        print(f"| {name} | {figures} | {'some' if tried.found else 'none'} |")
    print("\n| defect | by schema | by contract |\n| --- | --- | --- |")
    alone = []
    for name in choice.defect or defects():
        tell(deployment.control, "reset")
        tell(deployment.control, "switch", name)
        theirs_on = by_schema(choice.schemathesis, deployment, choice.seconds)
        ours_on = by_contract(deployment, choice.seconds, 25, "errors")
        print(f"| {name} | {_told(theirs_on)} | {_told(ours_on)} |", flush=True)
        alone += [name] if theirs_on.found and not ours_on.found else []
    print(f"\nratio of examples a second: {ours.rate / theirs.rate:.1f}; by schema alone: {', '.join(alone) or 'none'}")
    return 1 if alone or ours.rate < TWICE * theirs.rate or theirs.found or ours.found else 0


def _told(tried: Tried) -> str:
    return f"found in {tried.took_s:.0f} s" if tried.found else f"not in {tried.took_s:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
