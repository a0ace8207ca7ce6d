"""Known failures: the waivers file that ``waive`` writes and ``run`` reads, and a run compared with an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.commands import main
from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reporting.html import render as page
from conformance.runs.reading import read
from tests.run.support import conformance

pytestmark = pytest.mark.once

CHECK = "oauth/response/no-store"
WAIVE = ["waive", CHECK, "--reason=soon", "--issue=https://t.example/1", "--until=2999-12-31"]
RUN = ["run", CHECK, "--workers", "0", "--explore", "0", "--out", "ran"]
UNREACHABLE = '[targets.a]\norganization = "a"\n[targets.a.identity]\nurl = "http://127.0.0.1:1"\n'


@pytest.mark.parametrize(
    ("options", "folder", "file"),
    [
        pytest.param(["--config", "stg/x.toml"], ".", "stg/waivers.toml", marks=pytest.mark.nightly),
        (["--config", "stg/x.toml", "--waivers", "known.toml"], ".", "known.toml"),
        pytest.param([], "stg/below", "stg/waivers.toml", marks=pytest.mark.nightly),
    ],
    ids=["beside-the-target-file", "named", "found-above"],
)
def test_run_reads_the_file_that_waive_wrote(options: list[str], folder: str, file: str, tmp_path: Path) -> None:
    here = tmp_path / folder
    (tmp_path / "stg" / "below").mkdir(parents=True)
    name = "x.toml" if options else "conformance.toml"
    (tmp_path / "stg" / name).write_text(UNREACHABLE)
    assert conformance(here, *WAIVE, *options).code == 0
    assert sorted(tmp_path.rglob("*.toml")) == sorted({tmp_path / file, tmp_path / "stg" / name})
    ran = conformance(here, *RUN, *options)
    assert "1 waiver in " in ran.output
    record = read(here / "ran")
    assert record.info.waivers_file == str(tmp_path / file)
    assert [each["id"] for each in record.info.waivers or []] == [CHECK]
    assert f"1 waiver in {tmp_path / file}" in page(record)


def test_a_run_without_waivers_says_so(tmp_path: Path) -> None:
    assert "none (no file waivers.toml)" in conformance(tmp_path, *RUN).output
    record = read(tmp_path / "ran")
    assert (record.info.waivers_file, record.info.waivers) == (None, [])
    assert "Waivers: none." in (tmp_path / "ran" / "summary.md").read_text()


def test_waive_refuses_a_target_file_that_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*WAIVE, "--config", "stg/x.toml"]) == 4
    assert "--config stg/x.toml: there is no such file" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_only_new_failures_count_against_a_baseline(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    words = [
        "run",
        "oauth/client/auth",
        "oauth/token/wrong",
        "--workers",
        "0",
        "--config",
        str(reference.target_config),
        "--out",
    ]
    since = ["--baseline", "nights", "--fail-on", "regression"]
    (tmp_path / "nights").mkdir()
    tell(control, "switch", "client-id-without-secret-accepted")
    first = conformance(tmp_path, *words, "nights/1", *since)
    assert (first.code, "No earlier run is in nights: there is nothing to compare with." in first.output) == (1, True)
    again = conformance(tmp_path, *words, "same", *since)
    assert (again.code, "no difference in" in again.output) == (0, True), again.output
    tell(control, "switch", "any-secret-of-ours-accepted")
    worse = conformance(tmp_path, *words, "worse", *since)
    assert (worse.code, "NEWLY FAILING" in worse.output) == (1, True), worse.output
    assert (tmp_path / "worse" / "compared.html").exists()
