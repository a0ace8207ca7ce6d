"""The commands as one calls them: what they print, their exit codes, and how they end on bad input."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
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
from conformance.reference import configuration as reference_configuration
from conformance.reference import deployment
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


def test_help_imports_no_command() -> None:
    heavy = "import sys; from conformance.commands import main; main(['--help']); print(sorted(sys.modules))"
    said = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout
    for name in ("pytest", "pydantic", "httpx", "h11", "uvicorn", "conformance.commands.init"):
        assert f"'{name}'" not in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("conformance ")


USAGE = {
    "unknown-command": (["prefligt"], 'unknown command "prefligt"; did you mean "preflight"?'),
    "far-command": (["qqq"], 'unknown command "qqq"; one of init, '),
    "unknown-option": (["preflight", "--wat"], "unrecognized arguments: --wat"),
    "no-command": ([], "usage: conformance"),
    "no-configuration": (["preflight"], "conformance init writes one"),
    "absent-configuration": (["preflight", "--config", "none.toml"], "none.toml: cannot be read: No such file"),
    "bad-preset": (["init", "--preset", "x"], "invalid choice: 'x'"),
    "bad-target-name": (["init", "--yes", "--target", "a b"], '--target "a b": letters, digits'),
    "target-name-of-two-lines": (["init", "--yes", "--target", "a\n"], '--target "a\n": letters, digits'),
    "unwritable": (["init", "--yes", "--config", "none/x.toml"], "none/x.toml cannot be written: No such file"),
    "unknown-defect": (["reference", "--defect", "qqq"], 'no defect "qqq"'),
    "bad-seed": (["run", "--seed", "x"], "conformance run: argument --seed: x: must be a number from 0"),
    "bad-time": (["run", "--explore-time", "x"], "argument --explore-time: x: must be a number of seconds above 0"),
    "bad-examples": (["run", "--explore", "-1"], "argument --explore: -1: must be a number from 0"),
    "bad-workers": (["run", "-n", "65"], "argument -n/--workers: 65: must be a number from 0 to 64"),
    "no-run": (["replay"], "conformance replay: the following arguments are required: RUN\n"),
    "bad-port": (["reference", "--port", "99999"], "--port 99999: must be from 1 to 65531"),
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


def test_closed_streams_lead_nowhere() -> None:
    words = f"{shlex.quote(sys.executable)} -m conformance reference --list-defects"
    assert subprocess.run(["/bin/sh", "-c", f"{words} <&- >&- 2>&-"], check=False).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["list", "webhooks", "oauth/token/any-form-keeps-the-contract", "--format", "json"],
        ["explain", "storage/errors/responses-have-a-date"],
        ["reference", "--list-defects"],
    ],
)
def test_what_checks_and_defects_are_for_is_told_by_a_python_that_optimises(words: list[str]) -> None:
    command = [sys.executable, "-m", "conformance", *words]
    kept, stripped = (
        subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONOPTIMIZE": each})
        for each in ("0", "2")
    )
    assert stripped.stdout == kept.stdout


@pytest.mark.parametrize("words", [["explain", "oauth/response/no-store"], ["run", "nothing/…"]])
def test_what_an_encoding_lacks_is_written_as_an_escape(words: list[str], folder: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "conformance", *words],
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
def test_init_writes_what_loads(preset: str, folder: Path) -> None:
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


@pytest.mark.usefixtures("secrets")
def test_init_commented_lines_are_valid_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["init", "--yes", "--preset", "full"])
    path = folder / "conformance.toml"
    lines = path.read_text().replace('# ca_file = "authority.pem"\n', "").splitlines()
    path.write_text("\n".join(re.sub(r"^# (?=[\w]+ = |\[)", "", line) for line in lines))
    monkeypatch.setenv("CT_PULL_PASSWORD", "a-value")
    monkeypatch.setenv("CT_EXPIRED_REGISTRY_TOKEN", "a-token")
    target = configuration.load(None, folder).choose(None)[1]
    assert target.hooks.revoke and target.registry and "puller" in target.registry.credentials


def test_init_names_the_variables_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "--yes", "--preset", "registry-only"])
    assert "  set CT_PUSH_PASSWORD\n" in capsys.readouterr().out


def test_init_says_what_a_certificate_needs_class_by_class(capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "--yes", "--preset", "storage-only"])
    told = capsys.readouterr().out.partition("For a certificate of these classes, add these keys as well")[2]
    assert "  storage-large: storage.large_object_mib\n" in told and "registry" not in told


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


def test_init_asks_for_surfaces_and_names_of_variables(
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


def test_init_asks_for_the_credentials_of_a_preset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "", "", "https://registry.example", "joe", "JOE_PASSWORD", "")
    assert main(["init", "--preset", "registry-only"]) == 0
    text = (folder / "conformance.toml").read_text()
    assert 'username = "joe"\npassword = "${JOE_PASSWORD}"' in text
    assert "# [targets.staging.registry.credentials.puller]\n# username" in text


def test_init_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(readline=lambda: ""))
    assert main(["init"]) == 4
    assert "--yes asks nothing" in capsys.readouterr().err


# list and explain


def test_list_shows_checks(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert checks[0].id in shown and "Shows it." in shown and shown.endswith("2 in all\n")


@pytest.mark.usefixtures("checks")
def test_list_shows_requirements_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--requirements", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [each.id for each in catalogue()]
    assert sum(row["checks"] for row in rows) == 2


@pytest.mark.usefixtures("checks")
def test_list_shows_promises_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--promises", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [*catalogue().promises]
    assert [row["requirement_ids"] for row in rows if row["id"] == "AC-06"] == [
        [each.id for each in catalogue() if each.promise == "AC-06"]
    ]
    assert sum(row["checks"] for row in rows) == 2


@pytest.mark.usefixtures("checks")
def test_list_selects_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--promises", "AC-06"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:2]] == ["AC-06"]
    assert main(["list", "--promises", "--untested"]) == 4


def test_list_shows_what_is_untested(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--untested", "--format", "json"]) == 0
    rows = {row["id"]: row["untested"] for row in json.loads(capsys.readouterr().out)}
    assert checks[0].requirement.id not in rows
    assert set(rows) == {each.id for each in catalogue()} - {checks[0].requirement.id} and all(rows.values())


def test_list_selects(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", checks[1].id, "--format", "json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == [checks[1].id]


def test_selectors_stand_on_both_sides_of_options(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", checks[0].id, "--format", "json", checks[1].id]) == 0
    assert {row["id"] for row in json.loads(capsys.readouterr().out)} == {checks[0].id, checks[1].id}


SELECTORS = {
    "kind": ("clas:x", '"clas:x" matches nothing: no such kind of selector; one of promise:, class:, level:'),
    "level": ("level:MUS", 'did you mean "level:MUST"?'),
    "nothing": ("qqqq", '"qqqq" matches nothing'),
}


@pytest.mark.parametrize(("selector", "told"), SELECTORS.values(), ids=SELECTORS)
@pytest.mark.usefixtures("checks")
def test_list_selector_that_means_nothing(selector: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.usefixtures("checks")
def test_explain_a_promise(capsys: pytest.CaptureFixture[str]) -> None:
    promise = catalogue().promises["AC-06"]
    assert main(["explain", "ac-06"]) == 0
    shown = capsys.readouterr().out
    for part in (promise.title, promise.clause.quote, str(promise.clause), promise.conformance_class):
        assert part in " ".join(shown.split())
    assert all(each.id in shown for each in catalogue() if each.promise == "AC-06")
    assert "conformance run AC-06" in shown


def test_explain_says_why_a_level_departs_from_the_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "registry/transport/upload-keeps-tls"]) == 0
    shown = capsys.readouterr().out
    assert "(exit code 1)\n         Logins and images would travel in clear text.\n" in shown


def test_explain_one_case(checks: list[CheckInfo], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", checks[0].id]) == 0
    shown = capsys.readouterr().out
    assert f"conformance run '{checks[0].id}'" in shown and checks[1].id not in shown


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
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert process.wait(5) == 0 and time.monotonic() - begun < 3


def test_preflight_says_what_is_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[targets.a]\norganization = "a"\n[targets.a.identity]\nurl = "http://127.0.0.1:1"\n'
    (folder / "conformance.toml").write_text(text)
    assert main(["preflight"]) == 7
    assert "  FAIL  127.0.0.1:1: the connection is refused" in capsys.readouterr().out


def test_preflight_of_nothing(folder: Path) -> None:
    (folder / "conformance.toml").write_text('[targets.a]\norganization = "a"\n')
    assert main(["preflight"]) == 5


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


def test_reference_claims_every_feature_of_the_contract() -> None:
    assert set(reference_configuration.FEATURES) == set(catalogue().features)


def test_two_defects_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = next(iter(deployment.alterations().values()))
    monkeypatch.setattr(deployment, "_alterations_of", lambda module: iter([twice]))
    deployment.alterations.cache_clear()
    with pytest.raises(ValueError, match="is both"):
        deployment.alterations()
    deployment.alterations.cache_clear()
