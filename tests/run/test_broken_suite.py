"""Mistakes of a check's author end a command with one message that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clone import copy_tracked
from tests.run.support import conformance

pytestmark = pytest.mark.once


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The suite as it is installed, of the checks those of webhooks alone, in the folder in which commands are run."""
    copy_tracked(tmp_path, "conformance", "suites/webhooks")
    (tmp_path / "suites").rename(tmp_path / "conformance" / "suites")
    return tmp_path / "conformance"


@pytest.mark.parametrize(("words", "code"), [(["run", "webhooks", "--workers=2"], 4), (["list"], 3)])
def test_a_file_of_checks_that_cannot_be_imported_is_named(
    tmp_path: Path, copied: Path, words: list[str], code: int
) -> None:
    broken = copied / "suites" / "webhooks" / "test_broken.py"
    broken.write_text("from conformance.oracles.status import no_such_oracle\n", encoding="utf-8")

    ran = conformance(tmp_path, *words)

    assert ran.code == code, ran.output
    assert "suites/webhooks/test_broken.py: ImportError: cannot import name 'no_such_oracle'" in ran.output
    assert "Traceback" not in ran.output and "passed" not in ran.output


def test_a_mistake_in_the_contract_is_named(tmp_path: Path, copied: Path) -> None:
    data = copied / "contract" / "webhooks.toml"
    data.write_text(data.read_text(encoding="utf-8").replace('"MUST"', '"must"', 1), encoding="utf-8")

    ran = conformance(tmp_path, "run", "webhooks")

    assert ran.code == 4, ran.output
    assert "webhooks/delivery/post-is-accepted: level is one of MUST, SHOULD, MAY" in ran.output
    assert ran.output.count("\n") <= 2, ran.output


TORN = '''
import pytest
from conformance.vocabulary.check import verifies

@pytest.fixture
def torn():
    yield
    raise RuntimeError("torn down")

@verifies("webhooks/delivery/post-is-accepted")
@pytest.mark.parametrize("found", [pytest.param(True, id="failing"), pytest.param(False, id="passing")])
def test_with_clean_up(torn, found):
    """Purpose: none. Method: 1. none"""
    assert not found
'''


def test_a_failing_clean_up_hides_no_finding(tmp_path: Path, copied: Path) -> None:
    (copied / "suites" / "webhooks" / "test_torn.py").write_text(TORN, encoding="utf-8")
    ids = [f"webhooks/delivery/post-is-accepted#{each}" for each in ("failing", "passing")]

    ran = conformance(tmp_path, "run", *ids, "--workers=0")

    assert ran.code == 3, ran.output
    assert ran.verdicts() == dict(zip(ids, ["fail", "error"], strict=True))
    assert f"ERROR in the suite: {ids[0]}: the suite's own clean-up failed: RuntimeError('torn down')" in ran.output
