"""JUnit and CTRF by their schemas, and read back by readers that others wrote."""

from __future__ import annotations

import json
from pathlib import Path

import junitparser
import pytest
import xmlschema
from jsonschema import Draft7Validator

from conformance.reporting import render_all
from conformance.runs.reading import Record
from tests.reporting import samples
from tests.reporting.node import module

JUNIT = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


@pytest.fixture(scope="module", params=["every verdict", "nothing"])
def rendered(request: pytest.FixtureRequest, record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with every verdict and hostile text, and of one that judged nothing."""
    if request.param == "every verdict":
        return record.folder
    empty = samples.written(tmp_path_factory.mktemp("empty"), [], finished=None, exit_code=None)
    render_all(empty, ["junit", "ctrf"])
    return empty.folder


def test_junit_keeps_to_its_schema(rendered: Path) -> None:
    JUNIT.validate(str(rendered / "junit.xml"))


@pytest.mark.parametrize("wrong", ['tests="15"', ' time="', "<properties>", ' message="'])
def test_the_schema_refuses_what_is_wrong(record: Record, wrong: str) -> None:
    text = (record.folder / "junit.xml").read_text(encoding="utf-8")
    assert wrong in text
    replaced = {"<properties>": "<properties/><properties>", 'tests="15"': 'tests="many"'}.get(
        wrong, f" x{wrong.strip()}"
    )
    assert not JUNIT.is_valid(text.replace(wrong, replaced))


def test_junitparser_reads_what_was_meant(record: Record) -> None:
    read = junitparser.JUnitXml.fromfile(str(record.folder / "junit.xml"))
    cases = {case.name: case for suite in read for case in suite}

    assert (read.tests, read.failures, read.errors, read.skipped) == (15, 6, 3, 2)
    assert len(cases) == 15
    assert cases["oauth/token/wrong-secret-is-refused#wrong"].is_failure
    assert cases["oauth/token/revoked-credential-is-refused"].is_error
    assert cases["registry/push/client-can-push#docker"].is_skipped


def test_ctrf_keeps_to_its_schema(rendered: Path) -> None:
    schema = json.loads((module("ctrf") / "dist" / "ctrf-schema-0.0.json").read_text(encoding="utf-8"))
    report = json.loads((rendered / "ctrf-report.json").read_text(encoding="utf-8"))
    validator = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)

    validator.validate(report)
    report["results"]["summary"]["passed"] = "many"
    assert not validator.is_valid(report)
