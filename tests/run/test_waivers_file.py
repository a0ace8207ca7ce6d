"""Where the waivers are: ``waive`` writes the file that ``run`` with the same options reads, and the run names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.commands import main
from conformance.reporting.html import render as page
from conformance.runs.reading import read
from tests.run.support import conformance

pytestmark = pytest.mark.once

CHECK = "oauth/response/no-store"
WAIVE = ["waive", CHECK, "--reason=soon", "--issue=https://t.example/1", "--until=2999-12-31"]
SHORT = ["run", CHECK, "--workers", "0", "--explore", "0", "--out", "ran"]
UNREACHABLE = '[targets.a]\norganization = "a"\n[targets.a.identity]\nurl = "http://127.0.0.1:1"\n'


@pytest.mark.parametrize(
    ("options", "file"),
    [
        (["--config", "stg/x.toml"], "stg/waivers.toml"),
        (["--config", "stg/x.toml", "--waivers", "known.toml"], "known.toml"),
        (["--waivers", "known.toml"], "known.toml"),
        ([], "waivers.toml"),
    ],
)
def test_run_reads_what_waive_wrote(options: list[str], file: str, tmp_path: Path) -> None:
    (tmp_path / "stg").mkdir()
    (tmp_path / "stg" / "x.toml").write_text(UNREACHABLE)
    assert conformance(tmp_path, *WAIVE, *options).code == 0
    assert sorted(tmp_path.rglob("*.toml")) == sorted({tmp_path / file, tmp_path / "stg" / "x.toml"})
    ran = conformance(tmp_path, *SHORT, *options)
    assert f"1 waiver in {file}" in ran.output
    record = read(tmp_path / "ran")
    assert record.info.waivers_file == str(tmp_path / file)
    assert [each["id"] for each in record.info.waivers or []] == [CHECK]
    told = f"1 waiver in {tmp_path / file}"
    assert told in page(record)
    assert told.replace("_", "\\_") in (tmp_path / "ran" / "summary.md").read_text()


def test_both_find_the_target_file_of_a_folder_above(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text(UNREACHABLE)
    below = tmp_path / "below"
    below.mkdir()
    assert conformance(below, *WAIVE).code == 0
    assert (tmp_path / "waivers.toml").is_file()
    conformance(below, *SHORT)
    assert read(below / "ran").info.waivers_file == str(tmp_path / "waivers.toml")


def test_a_run_without_waivers_says_so(tmp_path: Path) -> None:
    ran = conformance(tmp_path, *SHORT)
    assert "none (no file waivers.toml)" in ran.output
    record = read(tmp_path / "ran")
    assert (record.info.waivers_file, record.info.waivers) == (None, [])
    assert "Waivers: none." in (tmp_path / "ran" / "summary.md").read_text()


def test_waive_names_a_target_file_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*WAIVE, "--config", "stg/x.toml"]) == 4
    assert "--config stg/x.toml: there is no such file" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
