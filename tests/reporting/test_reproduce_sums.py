"""What a script makes of numbers that answers tell, and how secrets stand in JSON that it sends."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from conformance.oracles.proofs import EVER, NOW
from conformance.reporting.reproduce.judgement import judged
from conformance.reporting.reproduce.requests import FUNCTIONS, within_json
from conformance.vocabulary.finding import Sum

SHELL = str(shutil.which("sh"))
STATED, ENDS, BEGINS = ("x", "expires_in"), ("x", "claims.exp"), ("x", "claims.nbf?")


def answer(claims: dict[str, Any], **members: Any) -> str:
    """A token answer with a JWT of these claims."""
    inside = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return json.dumps({**members, "access_token": f"e30.{inside}.x"})


def ended(folder: Path, body: str, *sums: Sum) -> int:
    """How the lines of a proof end for an answer."""
    (folder / "1.body").write_text(body)
    (folder / "1.status").write_text("200")
    lines = judged({"sums": [json.loads(json.dumps(asdict(each))) for each in sums]}, {"x": 1}, 1, 200, {}, {})
    script = "\n".join([FUNCTIONS["PREAMBLE"], FUNCTIONS["DATES"], f"answers={folder}", "trap - EXIT", *lines])
    return subprocess.run([SHELL, "-c", script], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("late_s", "code"), [(0, 0), (8, 0), (3600, 1), (-3600, 1)])
def test_a_token_ends_when_its_answer_says(tmp_path: Path, late_s: int, code: int) -> None:
    told = answer({"exp": time.time() + 60 + late_s}, expires_in=60)
    assert ended(tmp_path, told, Sum((ENDS,), (NOW, STATED), -10, 10)) == code


def test_one_of_several_sums_is_enough(tmp_path: Path) -> None:
    right, wrong = Sum((ENDS,), (STATED,), 10, EVER), Sum((STATED,), (ENDS,), 10, EVER)
    told = answer({"exp": 4000}, expires_in=60)
    assert [ended(tmp_path, told, *each) for each in ((right, wrong), (wrong, right), (wrong,))] == [0, 0, 1]


@pytest.mark.parametrize("told", ["{}", answer({"exp": "never"}, expires_in=60), answer({"exp": -1}, expires_in=60)])
def test_of_what_is_no_number_nothing_is_told(tmp_path: Path, told: str) -> None:
    assert ended(tmp_path, told, Sum((ENDS,), (STATED,), 0, EVER)) == 2


def test_a_number_that_may_be_missing_and_is(tmp_path: Path) -> None:
    assert ended(tmp_path, answer({"exp": 1}), Sum((ENDS,), (BEGINS,), 0, EVER)) == 0
    assert ended(tmp_path, answer({"exp": 1, "nbf": 5}), Sum((ENDS,), (BEGINS,), 0, EVER)) == 1


@pytest.mark.parametrize(
    ("text", "escaped"), [('{"secret": "$S"}', {"S": "S_QUOTED_IN_JSON"}), ("secret=$S", {}), ('"$S"', {}), ("[", {})]
)
def test_a_secret_is_escaped_in_json(text: str, escaped: dict[str, str]) -> None:
    entry = {"secrets": ["S", "T"], "request_body": {"text": text}}
    assert within_json(entry, {"S": "S_QUOTED", "T": "ISSUED_1_1", "KEY": "KEY_QUOTED"}) == escaped
