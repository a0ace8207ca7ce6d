"""The templates for CI do what they say: their scripts are run, with a command that writes down how it was called.

That they are valid is the business of ``tox -e templates``.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.commands import Parser, main
from conformance.target import configuration

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
# What stands in for conformance: it writes its words down, makes the folder of --out and ends with $CODE.
COMMAND = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
while [ $# -gt 0 ]; do if [ "$1" = --out ]; then mkdir -p "$2"; fi; shift; done
exit "${CODE:-0}"
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
    return (folder / "calls").read_text().splitlines()


def script(words: list[str], folder: Path, **variables: str) -> int:
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "CALLS": str(folder / "calls"), **variables}
    return subprocess.run(words, cwd=folder, env=environment, check=False, timeout=60).returncode


@pytest.fixture
def step() -> dict[str, Any]:
    """The action's step that runs the checks."""
    return dict(documents(ROOT / "action.yml")[0]["runs"]["steps"][1])


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_action_checks_and_tells_how_it_ended(step: dict[str, Any], code: int, tmp_path: Path) -> None:
    command(tmp_path / "conformance" / "bin")
    inputs = {"CONFIG": "", "TARGET": "staging", "PROFILE": "core", "SELECTORS": "registry class:a-b", "OUT": "a run"}
    assert set(step["env"]) == set(inputs)
    ended = script(
        ["bash", "-eo", "pipefail", "-c", step["run"]], tmp_path,
        RUNNER_TEMP=str(tmp_path), GITHUB_OUTPUT=str(tmp_path / "output"), CODE=str(code), **inputs,
    )  # fmt: skip
    assert ended == code
    assert calls(tmp_path) == ["run --profile core --out a run --target staging registry class:a-b"]
    assert (tmp_path / "output").read_text() == f"run=a run\nexit-code={code}\n"


def test_nothing_that_is_given_to_the_action_is_run(step: dict[str, Any], tmp_path: Path) -> None:
    assert "${{" not in step["run"]
    command(tmp_path / "conformance" / "bin")
    hostile = "$(touch owned) `touch owned` ; touch owned"
    inputs = dict.fromkeys(("CONFIG", "TARGET", "PROFILE", "SELECTORS", "OUT"), hostile)
    script(
        ["bash", "-eo", "pipefail", "-c", step["run"]], tmp_path,
        RUNNER_TEMP=str(tmp_path), GITHUB_OUTPUT=str(tmp_path / "output"), **inputs,
    )  # fmt: skip
    assert not (tmp_path / "owned").exists()


def test_the_workflow_hands_over_the_secrets_that_init_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--yes", "--preset", "full"]) == 0
    written = re.findall(r"^[^#\n]*\$\{(\w+)\}", (tmp_path / "conformance.toml").read_text(), re.MULTILINE)
    (workflow,) = documents(DEPLOY / "github" / "nightly.yml")
    (step,) = [each for each in workflow["jobs"]["check"]["steps"] if "conformance" in each["uses"]]
    assert set(step["env"]) == set(written)
    assert all(value == f"${{{{ secrets.{name} }}}}" for name, value in step["env"].items())
    assert set(step["with"]) <= set(documents(ROOT / "action.yml")[0]["inputs"])


def test_gitlab_runs_what_it_says(tmp_path: Path) -> None:
    (template,) = documents(DEPLOY / "gitlab" / "conformance.gitlab-ci.yml")
    command(tmp_path / ".conformance" / "bin")
    job = template["conformance"]
    variables = {**template["variables"], "CONFORMANCE_SELECTORS": "registry oauth", "CODE": "7"}
    assert script(["sh", "-euc", "\n".join(job["script"])], tmp_path, **variables) == job["allow_failure"]["exit_codes"]
    assert calls(tmp_path) == ["run --profile full --out conformance-run registry oauth"]


@pytest.fixture
def cron() -> tuple[dict[str, Any], dict[str, Any]]:
    """The job of the CronJob, and its container."""
    found = {each["kind"]: each for each in documents(DEPLOY / "kubernetes" / "nightly.yaml")}
    job = found["CronJob"]["spec"]["jobTemplate"]["spec"]
    return job, job["template"]["spec"]["containers"][0]


def test_each_index_takes_its_part_and_the_last_joins(
    cron: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    job, container = cron
    variables = {each["name"]: each.get("value", "night-1") for each in container["env"]}
    assert int(variables["PARTS"]) == job["completions"] == job["parallelism"]
    command(tmp_path / "bin")
    codes = []
    for index in (2, 0, 3, 1):
        given = {
            **variables,
            "RUNS": str(tmp_path),
            "JOB_COMPLETION_INDEX": str(index),
            "CODE": "1" if index == 2 else "0",
        }
        codes.append(script([*container["command"], *container["args"]], tmp_path, **given))
    parts = tmp_path / "parts" / "night-1"
    assert codes == [1, 0, 0, 0]
    assert calls(tmp_path) == [
        *(f"run --profile full --shard {index + 1}/4 --out {parts}/{index}" for index in (2, 0, 3, 1)),
        f"merge {' '.join(f'{parts}/{index}' for index in range(4))} --out {tmp_path}/nights/night-1",
        f"report --index {tmp_path}/nights",
    ]


def test_the_target_of_the_cluster_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {each["kind"]: each for each in documents(DEPLOY / "kubernetes" / "nightly.yaml")}
    for name, text in found["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("CT_PUSH_PASSWORD", "a-value")
    assert configuration.load(None, tmp_path).choose("staging")[1].registry is not None


def called() -> Iterator[str]:
    """Every command line of the templates, with what a shell would put in."""
    for path in [ROOT / "action.yml", *(each for each in DEPLOY.rglob("*") if each.is_file())]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^[^#\n]*?\bconformance\"? ((?:run|merge|report) .*)$", text, re.MULTILINE):
            words = re.sub(r"\|\| .*", "", line)
            words = re.sub(r'"\$\(\(.*?\)\)/\$PARTS"', "1/4", words)
            words = re.sub(r'"?\$\{[^}]*\[@\]\}"?|\$\{SELECTORS:-\}|\$CONFORMANCE_SELECTORS', "", words)
            yield re.sub(r'"[^"]*"(/\[0-9\])?', "full", words)


def test_the_commands_are_ones_that_there_are() -> None:
    lines = list(called())
    assert {line.split()[0] for line in lines} == {"run", "merge", "report"}
    for line in lines:
        words = line.split()
        module = __import__(f"conformance.commands.{words[0]}", fromlist=["add_parser"])
        parser = Parser(prog="conformance")
        module.add_parser(parser.add_subparsers())
        parser.parse_args(words)


def test_the_image_starts_with_the_command() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for name in line.split()[:-1]}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert 'ENTRYPOINT ["conformance"]' in text and copied == kept
    assert all((ROOT / name).exists() for name in copied)
