"""The commands: output, exit codes, and messages for bad input."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance import commands
from conformance.commands import init, main
from conformance.contract.catalogue import catalogue
from conformance.plugin import collection
from conformance.plugin.checks import CheckInfo
from conformance.target import configuration


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(commands.DEBUG, raising=False)
    return tmp_path


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[CheckInfo]:
    requirement = next(each for each in catalogue() if each.untestable is None)
    found = [CheckInfo(f"{requirement.id}#{case}", requirement, "suites/x.py::test", "Shows it.", ["ask", "look"])
             for case in ("one", "two")]  # fmt: skip
    monkeypatch.setattr(collection, "collect", lambda *paths: found)
    return found


# The command itself.


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^ +{name}\b", shown, re.MULTILINE) for name in commands.command_names())


def test_every_command_has_its_file_and_an_example_that_it_parses() -> None:
    files = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__"}
    assert sorted(commands.command_names()) == sorted(files)
    parser = commands.whole_parser()
    for name, example in commands.EXAMPLES.items():
        assert parser.parse_args([name, *shlex.split(example)])


def test_the_options_of_run_are_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    for group in ("what to check", "how to check it", "how to judge it", "what to write"):
        assert f"\n{group}:\n" in shown
    assert "--shard" not in shown.partition("\n\noptions:")[2].partition("what to check")[0]
    assert f"example: conformance run {commands.EXAMPLES['run']}" in " ".join(shown.split())


def test_help_imports_no_command() -> None:
    heavy = "import sys; from conformance.commands import main; main(['--help']); print(sorted(sys.modules))"
    said = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout
    for name in ("pytest", "pydantic", "httpx", "h11", "uvicorn", "conformance.commands.init"):
        assert f"'{name}'" not in said


USAGE = {
    "unknown-command": (["prefligt"], 'unknown command "prefligt"; did you mean "preflight"?'),
    "unknown-option": (["preflight", "--wat"], "unrecognized arguments: --wat"),
    "no-configuration": (["preflight"], "conformance init writes one"),
    "absent-configuration": (["preflight", "--config", "none.toml"], "none.toml: cannot be read: No such file"),
    "bad-preset": (["init", "--preset", "x"], "invalid choice: 'x'"),
    "target-name-of-two-lines": (["init", "--yes", "--target", "a\n"], '--target "a\n": letters, digits'),
    "unwritable": (["init", "--yes", "--config", "none/x.toml"], "none/x.toml cannot be written: No such file"),
    "unknown-defect": (["reference", "--defect", "qqq"], 'no defect "qqq"'),
    "bad-seed": (["run", "--seed", "x"], "conformance run: argument --seed: x: must be a number from 0"),
    "bad-time": (["run", "--explore-time", "x"], "argument --explore-time: x: must be a number of seconds above 0"),
    "bad-workers": (["run", "-n", "65"], "argument -n/--workers: 65: must be a number from 0 to 64"),
    "no-run": (["replay"], "conformance replay: the following arguments are required: RUN\n"),
}


@pytest.mark.parametrize(("words", "told"), USAGE.values(), ids=USAGE)
def test_usage_mistakes_end_with_4(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 4
    said = capsys.readouterr()
    assert told in said.err and "Traceback" not in said.err


def raising(failure: BaseException) -> Any:
    def run(words: list[str]) -> int:
        raise failure

    return run


def test_unexpected_exception_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(commands, "_run", raising(RuntimeError("odd")))
    assert main([]) == 3
    assert capsys.readouterr().err == (
        "error in the suite: RuntimeError: odd; set CONFORMANCE_DEBUG=1 for the traceback\n"
    )
    monkeypatch.setenv(commands.DEBUG, "1")
    with pytest.raises(RuntimeError):
        main([])


def test_interrupt_ends_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(commands, "_run", raising(KeyboardInterrupt()))
    assert main([]) == 2
    assert capsys.readouterr().err == "interrupted\n"


def test_broken_pipe_is_quiet_and_no_success() -> None:
    command = [sys.executable, "-m", "conformance", "reference", "--list-defects"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()


def test_output_without_room_is_no_error_of_the_suite() -> None:
    command = [sys.executable, "-m", "conformance", "reference", "--list-defects"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (4, "the output: cannot be written (No space left on device)\n")


def test_purposes_are_shown_by_an_optimizing_python() -> None:
    command = [sys.executable, "-m", "conformance", "explain", "storage/errors/responses-have-a-date"]
    kept, stripped = (
        subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONOPTIMIZE": each})
        for each in ("0", "2")
    )
    assert stripped.stdout == kept.stdout


def test_characters_outside_the_encoding_are_escaped(folder: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "conformance", "explain", "oauth/response/no-store"],
        cwd=folder, capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    said = told.stdout + told.stderr
    assert b"Traceback" not in said and b"\\u20" in said and said.isascii()


# init


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FULL_SECRET", "NARROW_SECRET", "PUSH_PASSWORD", "S3_KEY", "S3_SECRET"):
        monkeypatch.setenv(f"CT_{name}", f"a-value-of-{name}")
    monkeypatch.setenv("CT_WEBHOOK_URL", "https://hooks.example/x")


@pytest.mark.parametrize("preset", init.PRESETS)
@pytest.mark.usefixtures("secrets")
def test_init_writes_a_valid_target_file(preset: str, folder: Path) -> None:
    assert main(["init", "--yes", "--preset", preset]) == 0
    text = (folder / "conformance.toml").read_text()
    assert text.startswith("#:schema ")
    if preset == "reference":
        secrets = folder / "running-reference.secrets"
        secrets.mkdir()
        for name in re.findall(r"file:running-reference.secrets/([\w-]+)", text):
            (secrets / name).write_text("https://a-secret.example")
    name, target = configuration.load(None, folder).choose(None)
    assert name == ("reference" if preset == "reference" else "staging")
    described = tuple(each for each in ("identity", "registry", "storage", "webhooks") if getattr(target, each))
    assert described == init.PRESETS[preset]
    if preset == "registry-only":
        assert "# make_repository = " in text and "# [targets.staging.product]" in text
    if target.storage:
        assert len(target.storage.buckets) == 2, "some checks need a second bucket"


def test_init_refuses_to_overwrite(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "conformance.toml").write_text("mine")
    assert main(["init", "--yes"]) == 4
    assert "conformance.toml exists; --force overwrites it" in capsys.readouterr().err
    assert (folder / "conformance.toml").read_text() == "mine"
    assert main(["init", "--yes", "--force"]) == 0


def answered(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Has the questions of init answered with these lines; "" takes what is proposed."""
    given = iter(lines)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(readline=lambda: next(given) + "\n"))


def test_init_asks_for_surfaces_and_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = "hunter2-the-secret-itself"
    url = "https://s3.prod.example"
    answered(monkeypatch, "s3", "storage, webhooks", "prod", "acme", "not a url", url, typed, "MY_KEY", "", "MY_HOOK")
    monkeypatch.setenv("MY_KEY", "a-key")
    assert main(["init"]) == 0
    shown = capsys.readouterr()
    assert "That is no name of a variable" in shown.err
    assert "  set CT_S3_SECRET, MY_HOOK\n" in shown.out
    text = (folder / "conformance.toml").read_text()
    assert typed not in text + shown.out + shown.err
    monkeypatch.setenv("CT_S3_SECRET", "a-secret-key")
    monkeypatch.setenv("MY_HOOK", "https://hooks.example/x")
    name, target = configuration.load(None, folder).choose(None)
    assert (name, target.identity, target.registry) == ("prod", None, None)
    assert target.storage and target.storage.endpoint == url
    assert [target.storage.access_key.name, target.storage.secret_key.name] == ["MY_KEY", "CT_S3_SECRET"]


@pytest.mark.parametrize(
    ("lines", "roles"),
    [
        (["", "", "", "-"], ({"full"}, {"pusher"})),
        (["", "A_SECRET", "", "some", "B_SECRET"], ({"full", "narrow"}, {"pusher"})),
        (["", "", "", "-", "", "joe", "P", "ann", "Q"], ({"full"}, {"pusher", "puller"})),
    ],
)
def test_init_asks_for_credentials(
    lines: list[str], roles: tuple[set[str], set[str]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, "identity registry", "", "", *lines, *[""] * 9)
    assert main(["init"]) == 0
    for name in re.findall(r"\$\{(\w+)\}", (folder / "conformance.toml").read_text()):
        monkeypatch.setenv(name, f"value-of-{name}")
    target = configuration.load(None, folder).choose(None)[1]
    assert target.identity and target.registry
    assert (set(target.identity.credentials), set(target.registry.credentials)) == roles
    logins = [each.username for each in target.registry.credentials.values()]
    assert logins == (["joe", "ann"] if "joe" in lines else ["ct-push"])
    if "some" in lines:
        narrow = target.identity.credentials["narrow"]
        assert (narrow.client_id, narrow.client_secret.name) == ("some", "B_SECRET")


def test_init_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(readline=lambda: ""))
    assert main(["init"]) == 4
    assert "--yes accepts the defaults" in capsys.readouterr().err


# list and explain


@pytest.mark.usefixtures("checks")
def test_list_shows_requirements_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--requirements", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [each.id for each in catalogue()]
    assert sum(row["checks"] for row in rows) == 2


SELECTORS = {
    "kind": ("clas:x", '"clas:x" matches nothing: no such kind of selector; choose from promise:, class:, level:'),
    "level": ("level:MUS", 'did you mean "level:MUST"?'),
    "nothing": ("qqqq", '"qqqq" matches nothing'),
}


@pytest.mark.parametrize(("selector", "told"), SELECTORS.values(), ids=SELECTORS)
@pytest.mark.usefixtures("checks")
def test_list_refuses_a_selector_without_a_match(selector: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", selector]) == 4
    assert told in capsys.readouterr().err


def test_explain(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    requirement = checks[0].requirement
    assert main(["explain", requirement.id]) == 0
    shown = capsys.readouterr().out
    folded = " ".join(shown.split())
    for part in (requirement.title, requirement.clause.quote, str(requirement.clause), requirement.conformance_class,
                 "Shows it.", "1. ask", "2. look", checks[0].id, checks[1].id):  # fmt: skip
        assert part in folded
    assert f"conformance waive {requirement.id} --reason REASON --issue URL --until YYYY-MM-DD" in shown
    assert main(["explain", "AC-06"]) == 0
    assert "Impact   someone gains access without permission\n" in capsys.readouterr().out


def test_explain_unknown(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    known = checks[0].requirement.id
    assert main(["explain", known[:-1]]) == 4
    assert f'; did you mean "{known}"?' in capsys.readouterr().err
    assert main(["explain", f"{known}#on"]) == 4
    assert f'; did you mean "{known}#one"?' in capsys.readouterr().err


# reference and preflight


@pytest.fixture
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    command = [sys.executable, "-m", "conformance", "reference", "--write-config", "reference.toml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1] == "ready":
            break
    yield process, lines
    process.kill()
    process.communicate()


def test_reference_serves_and_preflight_agrees(
    serving: tuple[subprocess.Popen[str], list[str]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process, lines = serving
    assert [line.split()[0] for line in lines] == ["identity", "registry", "storage", "webhooks", "target", "ready"]
    secrets = folder / "reference.secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in secrets.iterdir()} == {0o600}
    assert (secrets / "registry-token.crt").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert main(["preflight", "--config", "reference.toml"]) == 0
    shown = capsys.readouterr().out
    values = [each.read_text() for each in secrets.iterdir()]
    assert "reference: as described" in shown and not [value for value in values if value in shown]
    target = configuration.load(Path("reference.toml"), folder).choose(None)[1]
    assert target.hooks.revoke is not None
    hook = target.hooks.revoke.format(client_id="ct-full").split()
    assert subprocess.run(hook, check=False, cwd=folder, env=os.environ).returncode == 0
    assert main(["preflight", "--config", "reference.toml", "--format", "json"]) == 7
    states = json.loads(capsys.readouterr().out)
    assert states[0]["credentials"]["full"] == 'is refused a token: 401 with "invalid_client"'
    assert main(["preflight", "--config", "reference.toml"]) == 7
    assert "reference: not as described: identity\n" in capsys.readouterr().out
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


def test_reference_does_not_overwrite_another_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.toml").write_text("mine")
    assert main(["reference", "--write-config", "mine.toml"]) == 4
    assert "mine.toml exists and was not written by conformance reference" in capsys.readouterr().err
    assert (folder / "mine.toml").read_text() == "mine" and not (folder / "mine.secrets").exists()


def test_reference_lists_its_defects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference", "--list-defects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shape = re.compile(r"([A-Z][A-Z0-9]-\d\d) +[a-z0-9-]+ {2,}\S")
    in_package = [
        shape.match(line) for line in lines if not line.startswith(("identity", "registry", "storage", "web"))
    ]
    promises = [found[1] for found in in_package if found]
    assert len(promises) == len(in_package) >= 100 and promises == sorted(promises)
