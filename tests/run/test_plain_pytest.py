"""Plain pytest in a fresh clone, with the package installed and editable, and from another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.runs.reading import Record, read
from tests.clone import copy_tracked
from tests.run.support import serving_reference

pytestmark = pytest.mark.once

TIME_LIMIT_S = 300
FILE = "suites/oauth/test_token_responses.py"
NODE = "suites/oauth/test_token_responses.py::test_token_response_is_not_stored"
ANSWERS = 8
"""How many checks of the area oauth ``-k test_token_response_has`` means."""
FAILING = ["suites/oauth/test_client_authentication.py", "--conformance-explore", "1", "--conformance-report", "junit"]


@dataclass
class Clone:
    """A clone, and the environment next to it in which its package is installed."""

    folder: Path
    python: Path

    def run(self, *words: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment, by default in the clone; nothing of this process's own paths is known."""
        variables = {name: each for name, each in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        variables["DOCKER_HOST"] = "unix:///nonexistent"
        command = [str(self.python.with_name(words[0])), *words[1:]]
        return subprocess.run(
            command, cwd=at or self.folder, env=variables, text=True, timeout=TIME_LIMIT_S, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def judged(self, folder: Path, *words: str, code: int = 0, at: Path | None = None) -> Record:
        """The record of a run that pytest leaves in the folder."""
        shutil.rmtree(folder, ignore_errors=True)
        ran = self.run(*words, "--conformance-out", str(folder), at=at)
        assert ran.returncode == code, ran.stdout
        return read(folder)


@pytest.fixture(scope="module", params=[pytest.param("installed", marks=pytest.mark.nightly), "editable"])
def clone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The files of this checkout elsewhere, installed as README says; the libraries are those of this interpreter."""
    folder = tmp_path_factory.mktemp(request.param) / "clone"
    copy_tracked(folder)
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    made = Clone(folder, folder / ".venv" / "bin" / "python")
    kind = ["-e"] if request.param == "editable" else []
    installed = made.run("python", "-m", "pip", "install", "--quiet", "--no-deps", *kind, ".")
    assert installed.returncode == 0, installed.stdout
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    script = made.python.with_name("pytest")
    # As pip writes it: other than "python -m pytest", it does not look for modules in the folder that one is in.
    script.write_text(f"#!{made.python}\nimport sys\nfrom pytest import console_main\nsys.exit(console_main())\n")
    script.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def broken() -> Iterator[str]:
    """The target file of a reference that accepts wrong secrets."""
    with serving_reference("--defect", "wrong-secret-accepted") as reference:
        yield str(reference.target_config)


def test_each_way_to_start_pytest_runs_the_checks(clone: Clone, tmp_path: Path) -> None:
    node, answers = [NODE, f"--rootdir={clone.folder}"], ["suites/oauth", "-k", "test_token_response_has"]
    module = ["--pyargs", "conformance.suites.oauth", "-k", "test_token_response_has"]
    ways: list[tuple[list[str], Path, int]] = [
        (["pytest", *answers, "-n", "2"], clone.folder, ANSWERS),
        (["python", "-m", "pytest", *node], clone.folder, 1),
        (["pytest", *module, "-n", "2"], tmp_path, ANSWERS),
        (["pytest", "--pyargs", NODE.replace("/", ".").replace("suites", "conformance.suites").replace(".py", "")],
         tmp_path, 1),
        (["pytest", str(clone.folder / FILE), "-k", "test_token_response_has"], tmp_path, ANSWERS),
    ]  # fmt: skip
    for words, at, checks in ways:
        record = clone.judged(tmp_path / "run", *words, at=at)
        assert [each.verdict for each in record.results] == ["pass"] * checks, words
        assert all(each.nodeid.startswith("suites/oauth/") for each in record.results), words


def test_an_ide_finds_the_checks_and_starts_nothing(clone: Clone) -> None:
    at = clone.folder / "suites" / "oauth"
    for words in (["pytest", "suites/oauth"], ["python", "-m", "pytest", f"--rootdir={clone.folder}", str(at)]):
        ran = clone.run(*words, "--collect-only", "-q", at=clone.folder if words[0] == "pytest" else at)
        assert ran.returncode == 0 and NODE in ran.stdout.splitlines(), ran.stdout[-2000:]
        assert "No conformance.toml here" not in ran.stdout


def test_options_of_pytest_apply(clone: Clone, broken: str, tmp_path: Path) -> None:
    words = ["pytest", *FAILING, f"--conformance-config={broken}"]
    first = clone.judged(tmp_path / "first", *words, "-x", code=1)
    failed = [each.id for each in first.results if each.failing]
    assert len(failed) == 1 and not first.complete
    again = clone.judged(tmp_path / "again", *words, "--lf", code=1)
    assert [each.id for each in again.results] == failed
    assert not again.info.class_sizes, "of a part that pytest chose nobody knows how large the whole is"


def test_the_package_of_the_clone_runs_its_checks(clone: Clone, tmp_path: Path) -> None:
    package = clone.folder / "conformance" / "__init__.py"
    text = package.read_text(encoding="utf-8")
    package.write_text(text.replace('__version__ = "', '__version__ = "9.'), encoding="utf-8")
    try:
        record = clone.judged(tmp_path / "run", "pytest", NODE, "-n", "1")
    finally:
        package.write_text(text, encoding="utf-8")
    assert record.info.suite_version.startswith("9.")


def test_the_pytest_of_another_project_is_left_alone(clone: Clone) -> None:
    """The environment is inside their folder, so the checks are below the folder that they test."""
    theirs = clone.folder.parent
    (theirs / "test_theirs.py").write_text("def test_of_theirs(pytestconfig): assert pytestconfig.rootpath\n")
    code = "import sys, pytest; assert not pytest.main(['.', '-q', '--ignore=clone']); "
    ran = clone.run("python", "-P", "-c", f"{code}assert 'conformance.plugin.session' not in sys.modules", at=theirs)
    assert ran.returncode == 0 and "1 passed" in ran.stdout, ran.stdout
