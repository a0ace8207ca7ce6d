"""Imports go down the list of rooms only, the reference is independent, and files and functions stay small."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

# What is read here is the same on every Python.
pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    "vocabulary", "contract", "target", "evidence", "clients", "oracles", "strategies", "models", "sandbox",
    "preflight", "runs", "reporting", "plugin", "commands",
]  # fmt: skip
SUITES_MAY_IMPORT = {"clients", "oracles", "strategies", "models", "vocabulary", "evidence", "target", "sandbox"}
MODULES = sorted((ROOT / "conformance").rglob("*.py"))
CHECKS = sorted((ROOT / "suites").rglob("*.py"))
BROUGHT_BY = {
    "allure_commons": "allure-pytest", "botocore": "boto3", "markupsafe": "jinja2",
    "s3transfer": "boto3", "urllib3": "boto3",
}  # fmt: skip
"""Libraries that are imported and come with one that is asked for."""
OURS = ("conformance", "suites", "tests")


@cache
def parsed(path: Path) -> ast.Module:
    """The module, which several tests read."""
    return ast.parse(path.read_text(encoding="utf-8"))


def every_import(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever the import stands."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(path: Path) -> Iterator[str]:
    """The modules of ours among them."""
    return (name for name in every_import(path) if name.split(".")[0] in OURS)


def test_every_library_that_is_imported_is_installed_with_the_suite() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = {re.split("[^a-z0-9-]", each)[0] for each in pyproject["project"]["dependencies"]}
    used = {name.split(".")[0] for path in (*MODULES, *CHECKS) for name in every_import(path)}
    belongs = packages_distributions()
    others = {
        each for each in used - {*sys.stdlib_module_names, *OURS} if not {*map(str.lower, belongs[each])} & declared
    }
    assert others == set(BROUGHT_BY), "a library that is imported stands in pyproject.toml"
    assert {*BROUGHT_BY.values()} <= declared


def room(path: Path) -> str:
    """The room of a module of the package; "" for its top."""
    parts = path.relative_to(ROOT / "conformance").parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    here = room(path)
    for name in imported(path):
        parts = name.split(".")
        there = parts[1] if len(parts) > 1 else ""
        assert parts[0] == "conformance", f"{path}: imports {name}"
        if here == "reference":
            assert there in ("reference", "vocabulary", "__version__", ""), f"the reference shares nothing: {name}"
        elif here in FLOORS and there in FLOORS:
            assert FLOORS.index(there) <= FLOORS.index(here), f"{here} imports {name}, which is above it"
        elif here in FLOORS:
            assert there != "reference" or here == "commands", f"{here} imports {name}"


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_suites_import_only_what_checks_need(path: Path) -> None:
    for name in imported(path):
        parts = name.split(".")
        assert parts[0] == "conformance" and parts[1] in SUITES_MAY_IMPORT, f"{path}: imports {name}"


@pytest.mark.parametrize("path", MODULES + CHECKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_keep_their_size(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= 60, f"{path}:{node.lineno}: {node.name} has {lines} lines"


def test_files_keep_their_size() -> None:
    # A file is split by what it is about, never by its length: a few, of the checks too, may be longer.
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in MODULES + CHECKS}
    longer = sorted(name for name, count in lines.items() if count > 400)
    assert len(longer) <= len(lines) // 10, longer
    assert [name for name, count in lines.items() if count > 800] == []


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_check_skips_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "pytest.skip" not in text and "xfail" not in text


def test_no_check_reads_json_without_a_guard() -> None:
    for path in CHECKS:
        tree = parsed(path)
        tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
        tried = {each for node in tries for part in node.body for each in ast.walk(part)}
        for node in (each for each in ast.walk(tree) if isinstance(each, ast.Attribute)):
            reads = node.attr == "json" and isinstance(node.ctx, ast.Load)
            assert not reads or node in tried, f"{path}:{node.lineno}: json() may raise; use members(), or an oracle"


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_finding_names_its_answers(path: Path) -> None:
    """Or else the curl line shows the last request, whatever that was; not what programs find, nor the operator."""
    text = path.read_text(encoding="utf-8")
    programs = path.parent.name == "interoperability" or path.name in ("test_sdk.py", "test_rotation.py")
    if programs or "webhook.secret" in text:
        return
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NonConformance":
            assert len(node.args) > 2, f"{path}:{node.lineno}: a finding that names no answer"


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_checks_leave_threads_and_repetition_to_bounded_helpers(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        name = getattr(node, "attr", getattr(node, "id", ""))
        assert name not in ("ThreadPoolExecutor", "Thread", "Timer"), f"{path}:{node.lineno}: use clients/concurrency"  # type: ignore[attr-defined]
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant | ast.UnaryOp)
        assert not endless, f"{path}:{node.lineno}: use clients/polling"  # type: ignore[attr-defined]


def test_no_check_uses_a_bare_assertion() -> None:
    for path in CHECKS:
        for node in ast.walk(parsed(path)):
            assert not isinstance(node, ast.Assert), f"{path}:{node.lineno}: a bare assert; say it with an oracle"
