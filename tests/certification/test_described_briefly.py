"""A target file with two resources that are only read is enough for a run, and not for a certificate."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from conformance.contract.catalogue import catalogue
from conformance.plugin.embedded import EmbeddedReference
from conformance.reporting.classes import summarise
from conformance.runs.outcome import is_key, not_shown
from conformance.runs.reading import Record, read
from conformance.vocabulary.verdict import ExitCode
from tests.certification import runs
from tests.certification.test_dishonest_signer import certify_words, rewritten
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

TABLES = ["full", "narrow", "foreign"]
RESOURCES = {"organization": "organization:read", "members": "member:read"}


def described(config: Path) -> Path:
    """The reference, described by three credentials and two resources; the file is beside its secrets."""
    whole = tomllib.loads(config.read_text(encoding="utf-8"))["targets"]["reference"]
    lines = ["[targets.small]", 'organization = "acme"', "[targets.small.identity]"]
    lines.append(f'url = "{whole["identity"]["url"]}"')
    for role in TABLES:
        found = whole["identity"]["credentials"][role]
        lines.append(f"[targets.small.identity.credentials.{role}]")
        lines += [f"{name} = {found[name]!r}" for name in ("client_id", "client_secret", "scopes")]
    for each in (each for each in whole["identity"]["resources"] if each["name"] in RESOURCES):
        lines.append("[[targets.small.identity.resources]]")
        lines += [f'{name} = "{each[name]}"' for name in ("name", "path", "scope")]
    path = config.with_name("small.toml")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys and a run of the authorization's checks, of which all apply that can."""
    made = tmp_path_factory.mktemp("vendor")
    (made / ".git").mkdir()
    runs.keys(made)
    reference = EmbeddedReference()
    try:
        path = described(reference.target_config)
        ran = conformance(
            made, "run", "class:authorization-core", "--config", str(path), "--out", "run", "--report", "junit"
        )
        preflight = conformance(made, "preflight", "--config", str(path))
    finally:
        reference.stop()
    assert ran.code == ExitCode.CONFORMANT, ran.output
    (made / "preflight.txt").write_text(preflight.output)
    return made


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    return read(folder / "run")


def test_the_class_is_not_shown_and_gets_no_certificate(folder: Path, record: Record) -> None:
    [summary] = [each for each in summarise(record) if each.name == "authorization-core"]
    assert summary.words == "not shown" and summary.why.startswith(f"{len(lacking(record))} requirements not judged")
    refused = conformance(folder, *certify_words(), "--class", "authorization-core")
    assert refused.code == ExitCode.NON_CONFORMANT, refused.output
    assert "authorization-core: not shown: " in refused.output and "missing: " in refused.output
    assert not (folder / "s.jsonl").exists()


def lacking(record: Record) -> set[str]:
    """The MUSTs that were not judged."""
    return {each.requirement for each in not_shown(each for each in record.results if each.level == "MUST")}


def test_most_of_the_class_was_not_judged(record: Record) -> None:
    assert len(lacking(record)) > 30


def test_every_key_that_was_missing_is_known_to_preflight_with_its_class(folder: Path, record: Record) -> None:
    told = (folder / "preflight.txt").read_text()
    declarations = catalogue().declarations
    absent = [each for each in not_shown(record.results) if each.level == "MUST"]
    for result in absent:
        for key in filter(is_key, result.lacks):
            assert result.conformance_class in declarations[key].classes, f"{key}: {result.id}"
            assert f"    {key}: {declarations[key].add}\n" in told


def test_a_record_that_calls_it_left_open_contradicts_the_contract(folder: Path, tmp_path: Path) -> None:
    forged = Path(shutil.copytree(folder, tmp_path / "forged"))
    rewritten(forged, lambda line: line.update(optional=True, lacks=[]) if "verdict" in line else None)
    runs.sealed_again(forged / "run")
    refused = conformance(forged, *certify_words(), "--class", "authorization-core")
    assert refused.code == ExitCode.NON_CONFORMANT, refused.output
    assert "not-applicable, which the contract does not leave open, by its evidence" in refused.output
