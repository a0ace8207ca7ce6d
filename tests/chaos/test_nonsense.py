"""A server that answers 200 with one body to everything is recognised, and a run on it is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application
from conformance.runs.reading import read
from conformance.vocabulary.verdict import ExitCode, Verdict
from tests.chaos.trying import command
from tests.run.support import in_a_thread

BODIES = {
    "empty": b"", "list": b"[]", "null": b"null", "text": b'"x"', "object": b"{}", "number": b"9" * 5000,
    "nested": b"[" * 100_000 + b"]" * 100_000,
}  # fmt: skip
FEW = ("oauth/token", "registry/tags", "storage/object", "webhooks/methods")
MOST_REQUESTS = 20_000
LONGEST_S = 300
"""A run takes less than a minute on an idle machine; here only an endless one is ended."""


class Nonsense(Application):
    """A surface that answers everything alike."""

    def __init__(self, application: Application, body: bytes) -> None:
        super().__init__(application.alterations.surface)
        self.body = body

    async def _answer(self, request: Request) -> Answer:
        return Answer(200, self.body)


def run_on(body: bytes, folder: Path, *words: str) -> tuple[str, list[str]]:
    """Run the command on such a server; return its output and what is wrong with its end."""
    deployment = build()
    deployment.applications = {name: Nonsense(each, body) for name, each in deployment.applications.items()}
    with in_a_thread(deployment):
        target = TargetFile(deployment, folder / "conformance.toml")
        target.write()
        arguments = ["run", *words, "--config", str(target.path), "--out", str(folder / "run")]
        said, wrong, _ = command(arguments, folder, LONGEST_S, (ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE))
        return said, wrong


@pytest.mark.once
@pytest.mark.parametrize("name", ["empty", "nested"])
def test_it_is_recognised_as_the_first_and_the_last_cause(name: str, tmp_path: Path) -> None:
    said, wrong = run_on(BODIES[name], tmp_path, *FEW, "--workers", "0", "--explore", "1")
    assert not wrong, wrong
    record = read(tmp_path / "run")
    for surface in ("identity", "registry", "storage"):
        cause = f"he {surface} service answers 200 with "
        assert said.count(cause) >= 2, said
        assert cause in (tmp_path / "run" / "summary.md").read_text(encoding="utf-8")
        assert cause in (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    reasons = {each.reason for each in record.results if each.verdict == Verdict.INCONCLUSIVE}
    assert all("it distinguishes nothing" in each for each in reasons if "webhook" not in each), reasons
    assert any(each.verdict == Verdict.FAIL for each in record.results)


@pytest.mark.nightly
@pytest.mark.parametrize("name", BODIES)
def test_a_whole_run_on_it_is_bounded(name: str, tmp_path: Path) -> None:
    _, wrong = run_on(BODIES[name], tmp_path)
    assert not wrong, wrong
    record = read(tmp_path / "run")
    assert record.complete and record.info.requests < MOST_REQUESTS
    assert not [each.id for each in record.results if each.verdict == Verdict.ERROR]
