"""The scripts of the CI templates, run with a stand-in for the command; ``tox -e templates`` validates their form."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.commands import Parser, main
from tests.clone import ROOT, tracked

DEPLOY = ROOT / "deploy"
# What stands in for conformance: it writes its words down, makes the folder of --out and ends with $CODE.
COMMAND = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
printf '%s\\0' "$@" > "$CALLS.$(wc -l < "$CALLS")"
for word; do if [ "$before" = --out ]; then mkdir -p "$word" && touch "$word/run.json"; fi; before=$word; done
case $1 in run | merge) exit "${CODE:-0}" ;; esac
"""


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def command(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "conformance"
    path.write_text(COMMAND)
    path.chmod(0o755)
    return path


def calls(folder: Path) -> list[str]:
    """How the command was called; each call is one that it understands."""
    lines = (folder / "calls").read_text().splitlines()
    for number, _ in enumerate(lines, 1):
        words = (folder / f"calls.{number}").read_text().split("\0")[:-1]
        module = importlib.import_module(f"conformance.commands.{words[0]}")
        parser = Parser(prog="conformance")
        module.add_parser(parser.add_subparsers())
        parser.parse_args(words)
    return lines


def script(words: list[str], folder: Path, **variables: str) -> int:
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "CALLS": str(folder / "calls"), **variables}
    return subprocess.run(words, cwd=folder, env=environment, check=False, timeout=300).returncode


@pytest.fixture
def step() -> dict[str, Any]:
    """The action's step that runs the checks."""
    return dict(documents(ROOT / "action.yml")[0]["runs"]["steps"][1])


def inputs(**given: str) -> dict[str, str]:
    """The variables of the step, as the action's inputs set them."""
    (action,) = documents(ROOT / "action.yml")
    values = {name.upper().replace("-", "_"): each["default"] for name, each in action["inputs"].items()}
    assert set(given) <= set(values)
    return {**values, **given}


def checked(step: dict[str, Any], folder: Path, given: dict[str, str], code: int = 0) -> int:
    command(folder / "conformance" / "bin")
    variables = inputs(**given)
    assert set(step["env"]) == set(variables)
    return script(
        ["bash", "-eo", "pipefail", "-c", step["run"]], folder, RUNNER_TEMP=str(folder), CODE=str(code),
        GITHUB_OUTPUT=str(folder / "output"), GITHUB_STEP_SUMMARY=str(folder / "page"), **variables,
    )  # fmt: skip


GATE = {"WAIVERS": "stg/a b.toml", "BASELINE": "nights", "FAIL_ON": "regression"}
GATED = "--waivers stg/a b.toml --baseline nights --fail-on regression"


def test_the_action_passes_its_inputs_to_the_command(step: dict[str, Any], tmp_path: Path) -> None:
    given = {**GATE, "CONFIG": "stg/x.toml", "STRICT": "true", "SHARD": "1/2", "HISTORY": "nights"}
    assert checked(step, tmp_path, given) == 0
    # A part is no night.
    (line,) = calls(tmp_path)
    assert line == f"run --profile full --config stg/x.toml --shard 1/2 --strict --out conformance-run {GATED}"


def test_no_input_of_the_action_is_executed(step: dict[str, Any], tmp_path: Path) -> None:
    assert "${{" not in step["run"]
    hostile = "$(touch owned) `touch owned` ; touch owned"
    for parts in ("", hostile):
        checked(step, tmp_path, {**dict.fromkeys(inputs(), hostile), "PARTS": parts})
    assert not (tmp_path / "owned").exists()


def test_the_workflow_passes_the_secrets_that_init_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--yes", "--preset", "full"]) == 0
    written = re.findall(r"^[^#\n]*\$\{(\w+)\}", (tmp_path / "conformance.toml").read_text(), re.MULTILINE)
    (workflow,) = documents(DEPLOY / "github" / "nightly.yml")
    known = set(documents(ROOT / "action.yml")[0]["inputs"])
    steps = {name: _suite(job) for name, job in workflow["jobs"].items()}
    assert set(steps["check"]["env"]) == set(written)
    assert all(value == f"${{{{ secrets.{name} }}}}" for name, value in steps["check"]["env"].items())
    assert all(set(step["with"]) <= known for step in steps.values())


def _suite(job: dict[str, Any]) -> dict[str, Any]:
    """The step of a job that uses the suite, which the job has checked out before."""
    (step,) = [each for each in job["steps"] if each.get("uses", "").startswith("./")]
    folders = [each["with"].get("path") for each in job["steps"] if "checkout@" in each.get("uses", "")]
    assert step["uses"][2:] in folders
    return dict(step)


def gitlab(folder: Path, job: str, **given: str) -> int:
    """Runs the script of a job of the template, with its variables and these."""
    (template,) = documents(DEPLOY / "gitlab" / "conformance.gitlab-ci.yml")
    command(folder / ".conformance" / "bin")
    assert {name for name in given if name.startswith("CONFORMANCE_")} <= set(template["variables"])
    variables = {**template["variables"], **given}
    return script(["sh", "-euc", "\n".join(template[job]["script"])], folder, **variables)


def test_gitlab_passes_its_variables_to_a_part(tmp_path: Path) -> None:
    given = {"CONFORMANCE_STRICT": "true", "CONFORMANCE_TARGET": "b", "CONFORMANCE_WAIVERS": "a b.toml"}
    assert gitlab(tmp_path, "conformance", **given, CI_NODE_INDEX="2", CI_NODE_TOTAL="3") == 0
    assert calls(tmp_path) == [
        "run --strict --profile full --shard 2/3 --out parts/2 --target b --waivers a b.toml"
    ]  # fmt: skip


def test_gitlab_joins_and_keeps_a_history(tmp_path: Path) -> None:
    for part in ("1", "2"):
        (tmp_path / "parts" / part).mkdir(parents=True)
    given = {"CONFORMANCE_WAIVERS": "a b.toml", "CONFORMANCE_FAIL_ON": "any", "CONFORMANCE_KEEP": "7"}
    assert gitlab(tmp_path, "conformance-night", **given, CODE="1") == 1
    assert calls(tmp_path) == [
        "merge parts/1 parts/2 --out conformance-run --waivers a b.toml --baseline nights --fail-on any",
        "history nights --add conformance-run --keep 7",
        "report --index nights",
    ]


@pytest.fixture
def cron() -> tuple[dict[str, Any], dict[str, Any]]:
    """The job of the CronJob, and its container."""
    found = {each["kind"]: each for each in documents(DEPLOY / "kubernetes" / "nightly.yaml")}
    job = found["CronJob"]["spec"]["jobTemplate"]["spec"]
    return job, job["template"]["spec"]["containers"][0]


def test_each_index_runs_its_part_and_the_last_merges(
    cron: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    job, container = cron
    variables = {each["name"]: each.get("value", "night-1") for each in container["env"]}
    assert int(variables["PARTS"]) == job["completions"] == job["parallelism"]
    command(tmp_path / "bin")
    codes = []
    for index in (2, 0, 3, 1):
        given = {**variables, "RUNS": str(tmp_path), "STRICT": "true", "WAIVERS": "a b.toml", "FAIL_ON": "any"}
        given |= {"JOB_COMPLETION_INDEX": str(index), "CODE": "1" if index == 2 else "0"}
        codes.append(script([*container["command"], *container["args"]], tmp_path, **given))
    parts, waivers = tmp_path / "parts" / "night-1", " --waivers a b.toml"
    assert codes == [1, 0, 0, 0]
    assert calls(tmp_path) == [
        *(
            f"run --strict --profile full{waivers} --shard {index + 1}/4 --out {parts}/{index}"
            for index in (2, 0, 3, 1)
        ),
        f"merge {' '.join(f'{parts}/{index}' for index in range(4))} --out {tmp_path}/nights/night-1{waivers} "
        "--baseline /runs/nights --fail-on any",
        f"history {tmp_path}/nights --keep 30",
        f"report --index {tmp_path}/nights",
    ]


def test_the_image_starts_with_the_command() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for name in line.split()[:-1]}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert 'ENTRYPOINT ["conformance"]' in text and copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_only_published_packages_are_installed() -> None:
    """There is no release: what is installed or named as an image is a checkout, wherever one reads how."""
    for path in tracked("action.yml", "README.md", "deploy", "docs/*.md"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pip3? install[^\n]*[ \"']nextepoch", text), path
        assert not re.search(r"nextepoch[\w/-]*[@:=]+v?\d", text), path
    said = [ROOT / "README.md", ROOT / "docs" / "how-to" / "gate-a-release.md", DEPLOY / "github" / "nightly.yml"]
    assert all("release of the suite yet" in " ".join(path.read_text().replace("#", "").split()) or
               "No release is published yet" in " ".join(path.read_text().split()) for path in said)  # fmt: skip
