"""Outside programs run with limits and with an environment of their own."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path

import pytest

from conformance.clients.programs import runner
from conformance.clients.programs.runner import run_program
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import Inconclusive


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_input_and_output_are_passed_whole() -> None:
    recorder = Recorder()
    echo = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('no'); sys.exit(3)"
    given = "é" * 300_000

    outcome = run_program(recorder, python(echo), standard_input=given)

    assert (outcome.exit_code, outcome.output, outcome.errors) == (3, given, "no")
    assert str(outcome) == "exit code 3: no"
    assert recorder.entries[0]["id"] == outcome.transcript


def test_long_output_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "KEPT", 1000)
    outcome = run_program(Recorder(), python("print('x' * 5_000_000)"))
    assert outcome.output == "x" * 1000


def test_the_users_environment_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    told = run_program(Recorder(), python("import os, json; print(json.dumps(dict(os.environ)))"), {"OWN": "1"})
    variables = json.loads(told.output)
    assert "AWS_PROFILE" not in variables
    assert (variables["OWN"], variables["HOME"]) == ("1", os.devnull)


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(600)",
        # It ends at once, and leaves a child in a session of its own that holds its outputs open.
        "import subprocess; subprocess.Popen(['sleep', '5'], start_new_session=True)",
    ],
)
def test_a_program_beyond_its_time_limit_is_killed(code: str) -> None:
    with pytest.raises(Inconclusive, match=r"did not end within 0.5 s"):
        run_program(Recorder(), python(code), time_limit_s=0.5)


def test_children_of_a_killed_program_are_killed(tmp_path: Path) -> None:
    held = tmp_path / "lock"
    # The child holds a lock for as long as it lives.
    parent = f"exec 9>{held}; flock 9; touch {held}.taken; sleep 600 & wait"

    # On a busy machine the shell may take longer to start the child.
    for limit_s in (1.0, 10.0, 60.0):
        with pytest.raises(Inconclusive):
            run_program(Recorder(), ["sh", "-c", parent], time_limit_s=limit_s)
        if held.with_suffix(".taken").exists():
            break

    assert held.with_suffix(".taken").exists()
    with held.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.mark.parametrize(
    "said", ["toomanyrequests", "unexpected status code 429 Too Many Requests", "error: 429", "SlowDown"]
)
def test_a_rate_limited_program_is_inconclusive(said: str) -> None:
    with pytest.raises(Inconclusive, match="was told to slow down"):
        run_program(Recorder(), python(f"import sys; sys.exit('{said}')"))
    assert run_program(Recorder(), python(f"print('{said}')")).exit_code == 0
    assert run_program(Recorder(), python("import sys; sys.exit('blob 429')")).exit_code == 1


def test_half_of_a_surrogate_pair_cannot_be_passed() -> None:
    for command, given in ((python("pass"), "\ud800"), ([*python("pass"), "\ud800"], "")):
        with pytest.raises(Inconclusive, match="UTF-8 cannot encode"):
            run_program(Recorder(), command, standard_input=given)
