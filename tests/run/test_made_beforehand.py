"""A registry whose repositories are made before they are pushed to is judged with the operator's commands."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.runs.reading import read
from tests.run.support import Ran, conformance, redescribed, start

pytestmark = pytest.mark.once

PATIENCE_S = 300.0
EXISTING = {"orgs,acme,conformance", "orgs,globex,conformance"}


class Beforehand:
    """The reference with a folder of the existing repositories; the hooks make and remove files in it."""

    def __init__(self, folder: Path) -> None:
        self.existing = folder / "repositories"
        self.existing.mkdir()
        for each in EXISTING:
            (self.existing / each).touch()
        self.reference = EmbeddedReference(program=("-m", "tests.run.beforehand", str(self.existing)))

    def run(self, folder: Path, *words: str, make: str = "", remove: str = "") -> Ran:
        """Run a command on a target file with these commands as its hooks."""
        programs = {"make": make, "remove": remove}
        lines = "".join(f"{name}_repository = {self.command(each)!r}\n" for name, each in programs.items() if each)
        head = "[targets.reference.hooks]\n"
        config = redescribed(self.reference, {f"^{re.escape(head)}": head + lines})
        return conformance(folder, *words, "--config", str(config))

    def command(self, program: str) -> str:
        """Return a hook that makes or removes the file of a repository."""
        return f'sh -c "{program} {self.existing}/$(printf %s {{repository}} | tr / ,)"'

    def names(self) -> set[str]:
        """Return the repositories that were made since the start."""
        return {each.name for each in self.existing.iterdir()} - EXISTING


@pytest.fixture(scope="module")
def beforehand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beforehand]:
    made = Beforehand(tmp_path_factory.mktemp("beforehand"))
    yield made
    made.reference.stop()


SHORT = ["--explore", "0", "--workers", "0"]


def test_a_registry_is_judged_where_commands_make_its_repositories(beforehand: Beforehand, tmp_path: Path) -> None:
    areas = ("registry/mount", "registry/delete", "registry/referrers")
    judged = beforehand.run(tmp_path, "run", *areas, *SHORT, make="touch", remove="rm")
    assert judged.code == 0, judged.output
    assert set(judged.verdicts().values()) == {"pass", "not-applicable"}
    assert beforehand.names() == set()
    assert judged.record.leftovers() == []


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        ("", "which is not there yet, is answered 404; a command of yours may make them: make_repository"),
        pytest.param(
            "ls",
            "pusher cannot push to repositories of the run's own: the hook make_repository ended with 2",
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["missing", "failing"],
)
def test_a_missing_or_failing_command_is_named(beforehand: Beforehand, tmp_path: Path, make: str, cause: str) -> None:
    assert cause in beforehand.run(tmp_path, "preflight", make=make).output
    judged = beforehand.run(tmp_path, "run", "registry/tags", *SHORT, make=make)
    assert set(judged.verdicts().values()) == {"inconclusive"}


@pytest.mark.nightly
def test_repositories_of_a_killed_run_are_swept(beforehand: Beforehand, tmp_path: Path) -> None:
    hooks = {"make": "touch", "remove": "rm -f"}
    assert beforehand.run(tmp_path, "preflight", **hooks).code == 0
    config = str(beforehand.reference.target_config.with_name("changed.toml"))
    process = start(tmp_path, "run", "registry", "--out", "killed", "--workers", "0", "--config", config)
    until = time.monotonic() + PATIENCE_S
    while len(beforehand.names()) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = {each for each in beforehand.names() if "preflight" not in each}
    assert made and read(tmp_path / "killed").info.run_id

    swept = beforehand.run(tmp_path, "sweep", "killed", **hooks)
    assert swept.code == 0, swept.output
    assert beforehand.names() & made == set()
