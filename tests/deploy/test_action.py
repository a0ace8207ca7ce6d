"""The action's steps are executed as a runner would, with real checks of the embedded reference."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from tests.run.support import Ran, control_of, run

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SELECTED = "webhooks/delivery errors/404/absent-resource#item"
DEFECT = "json-array-refused"


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def uploaded() -> list[str]:
    """What the workflow for the night uploads of a run."""
    workflow = yaml.safe_load((ROOT / "deploy" / "github" / "nightly.yml").read_text(encoding="utf-8"))
    steps = [each for each in workflow["jobs"]["join"]["steps"] if "upload-artifact" in each.get("uses", "")]
    return [path for each in steps for path in each["with"]["path"].split()]


def expanded(action: dict[str, Any], text: str, inputs: dict[str, str]) -> str:
    """A value of the action's ``env``, with what a runner puts into it."""
    values = {name: each["default"] for name, each in action["inputs"].items()} | inputs
    assert set(values) == set(action["inputs"]), "no such input"
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda name: values[name[1]], text)


def checked(action: dict[str, Any], folder: Path, **inputs: str) -> Ran:
    """The step that runs the checks, in a workspace of its own, with the command of this checkout."""
    step = action["runs"]["steps"][1]
    words = f'#!/bin/sh\nexec {sys.executable} -m conformance "$@"\n'
    executable(folder / "temp" / "conformance" / "bin" / "conformance", words)
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    return run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        workspace,
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(workspace),
        GITHUB_OUTPUT=str(folder / "output"),
        GITHUB_STEP_SUMMARY=str(folder / "page.md"),
        RUNNER_TEMP=str(folder / "temp"),
        **{name: expanded(action, text, inputs) for name, text in step["env"].items()},
    )


def commands(ran: Ran) -> list[str]:
    """The lines that the runner takes for commands: those outside of what the run made it leave alone."""
    found, resumed = [], ""
    for line in ran.output.splitlines():
        stopped = re.fullmatch(r"::stop-commands::(\w+)", line)
        if resumed:
            resumed = "" if line == f"::{resumed}::" else resumed
        elif stopped:
            resumed = stopped[1]
        elif line.startswith("::"):
            found.append(line)
    assert not resumed, "the runner is left deaf"
    return found


def test_a_finding_is_annotated_summarized_and_uploaded(
    action: dict[str, Any], uploaded: list[str], reference: EmbeddedReference, tmp_path: Path
) -> None:
    control = control_of(reference)
    tell(control, "switch", DEFECT)
    try:
        ran = checked(action, tmp_path, config=str(reference.target_config), target="reference", selectors=SELECTED)
    finally:
        tell(control, "reset")
    assert ran.code == 1, ran.output
    assert (tmp_path / "output").read_text() == "run=conformance-run\nexit-code=1\n"
    failing = {each.id for each in read(ran.folder / "conformance-run").results if each.verdict == "fail"}
    errors = [each for each in commands(ran) if each.startswith("::error")]
    assert failing and all(any(check.split("#")[0] in each for each in errors) for check in failing)
    assert all(check.split("#")[0] in (tmp_path / "page.md").read_text() for check in failing)
    assert "conformance-run/" in uploaded
    assert (ran.folder / "conformance-run" / "index.html").is_file()


@pytest.mark.nightly
def test_parts_are_merged_and_nights_are_stored(
    action: dict[str, Any], uploaded: list[str], reference: EmbeddedReference, tmp_path: Path
) -> None:
    """Two nights, as the workflow makes them: the second is held against the first."""
    described = {"config": str(reference.target_config), "selectors": "webhooks/delivery"}
    workspace = tmp_path / "workspace"
    for night in (1, 2):
        for part in (1, 2):
            ran = checked(action, tmp_path, **described, shard=f"{part}/2", out=f"parts-{night}/{part}")
            assert ran.code == 0, ran.output
        given = {"parts": f"parts-{night}", "out": f"joined-{night}", "history": "nights", "baseline": "nights"}
        ran = checked(action, tmp_path, **given, **{"fail-on": "any"})
        assert ran.code == 0, ran.output
        assert ("No earlier run is in nights" if night == 1 else "no difference in") in ran.output
    assert len([each for each in (workspace / "nights").iterdir() if each.is_dir()]) == 2
    assert "nights/*.html" in uploaded
    assert {each.name for each in (workspace / "nights").glob("*.html")} == {"index.html", "history.html"}
