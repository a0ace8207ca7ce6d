"""A registry in which each repository is made before it is pushed to is judged with the operator's commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from tests.run.support import Ran, conformance, run

pytestmark = pytest.mark.once

PATIENCE_S = 60.0
MADE, OF_FOREIGN = "orgs,acme,conformance", "orgs,globex,conformance"


class Beforehand:
    """The reference with a folder of the repositories that there are; ``hooks`` make and remove files in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = folder / "repositories"
        self.there.mkdir()
        for each in (MADE, OF_FOREIGN):
            (self.there / each).touch()
        self.reference = EmbeddedReference(program=("-m", "tests.run.beforehand", str(self.there)))
        written = self.reference.target_config
        self.text = written.read_text(encoding="utf-8").replace('"file:conf', f'"file:{written.parent}/conf')

    def target(self, **hooks: str) -> None:
        """Writes the target file with hooks for repositories beside those of the reference."""
        lines = "".join(f"{name}_repository = {self.command(program)!r}\n" for name, program in hooks.items())
        (self.folder / "conformance.toml").write_text(
            self.text.replace("[targets.reference.hooks]\n", f"[targets.reference.hooks]\n{lines}"), encoding="utf-8"
        )

    def command(self, program: str) -> str:
        """What makes or removes the file of a repository."""
        return f'sh -c "{program} {self.there}/$(printf %s {{repository}} | tr / ,)"'

    def names(self) -> set[str]:
        """The repositories that were not there from the beginning."""
        return {each.name for each in self.there.iterdir()} - {MADE, OF_FOREIGN}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beforehand]:
    made = Beforehand(tmp_path_factory.mktemp("beforehand"))
    yield made
    made.reference.stop()


@pytest.fixture
def beforehand(running: Beforehand, tmp_path: Path) -> Beforehand:
    running.folder = tmp_path
    for each in running.names():
        made = running.there / each
        made.rmdir() if made.is_dir() else made.unlink()
    return running


def ran(beforehand: Beforehand, *words: str) -> Ran:
    return conformance(beforehand.folder, "run", *words, "--explore", "0", "--workers", "0")


def test_a_registry_is_judged_as_any_where_commands_make_and_remove_its_repositories(beforehand: Beforehand) -> None:
    beforehand.target(make="touch", remove="rm")
    judged = ran(beforehand, "registry")
    assert judged.code == 0, judged.output
    assert set(judged.verdicts().values()) == {"pass", "not-applicable"}
    assert beforehand.names() == set()
    assert judged.record.leftovers() == []


def test_the_script_of_a_finding_makes_the_repository_anew_and_removes_it(beforehand: Beforehand) -> None:
    beforehand.target(make="mkdir", remove="rmdir")
    secrets = beforehand.reference.folder / "conformance.secrets"
    control = f"file:{secrets / 'control-url'}"
    password = (secrets / "registry-pusher").read_text(encoding="utf-8")
    tell(control, "switch", "tags-in-reverse")
    try:
        judged = ran(beforehand, "registry/tags/are-sorted", "--out", "found")
        (script,) = (beforehand.folder / "found" / "reproduce").glob("*/reproduce.sh")
        told = [run(["sh", str(script)], beforehand.folder, REGISTRY_PUSHER_PASSWORD=password) for _ in range(2)]
    finally:
        tell(control, "switch")
    assert judged.code == 1, judged.output
    assert [each.code for each in told] == [1, 1], told[-1].output
    assert not any("is it there still?" in each.output for each in told)
    assert beforehand.names() == set()
    right = run(["sh", str(script)], beforehand.folder, REGISTRY_PUSHER_PASSWORD=password)
    assert right.code == 0, right.output


def test_what_was_made_stays_where_no_command_removes_it(beforehand: Beforehand) -> None:
    beforehand.target(make="touch")
    judged = ran(beforehand, "registry/tags")
    assert set(judged.verdicts().values()) == {"pass"}, judged.output
    assert f"{MADE}-cf-preflight" in beforehand.names()
    assert len(beforehand.names()) > 1


def test_without_a_command_the_preflight_says_which_one_is_missing(beforehand: Beforehand) -> None:
    beforehand.target()
    told = conformance(beforehand.folder, "preflight")
    assert "which is not there yet, is answered 404; a command of yours may make them: make_repository" in told.output
    judged = ran(beforehand, "registry/tags")
    assert set(judged.verdicts().values()) == {"inconclusive"}


def test_a_command_that_fails_is_told_and_accuses_nobody(beforehand: Beforehand) -> None:
    beforehand.target(make="ls")
    told = conformance(beforehand.folder, "preflight")
    assert "pusher cannot push to repositories of the run's own: the hook make_repository ended with 2" in told.output
    judged = ran(beforehand, "registry/tags")
    assert set(judged.verdicts().values()) == {"inconclusive"}
    assert "the hook make_repository ended with 2" in judged.output


def test_repositories_of_a_run_that_was_killed_are_removed_by_a_sweep(beforehand: Beforehand) -> None:
    # Killed between the ledger's line and the making, the run leaves a line of what is not there.
    beforehand.target(make="touch", remove="rm -f")
    command = [sys.executable, "-m", "conformance", "run", "registry", "--out", "killed", "--workers", "0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        command, cwd=beforehand.folder, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while len(beforehand.names()) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = {each for each in beforehand.names() if "preflight" not in each}
    assert made and read(beforehand.folder / "killed").info.run_id

    dry = conformance(beforehand.folder, "sweep", "killed", "--dry-run")
    assert all(f"repository {each.replace(',', '/')}" in dry.output for each in made), dry.output
    assert beforehand.names() >= made
    swept = conformance(beforehand.folder, "sweep", "killed")
    assert swept.code == 0, swept.output
    assert beforehand.names() & made == set()
