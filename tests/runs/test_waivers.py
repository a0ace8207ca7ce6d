"""Waivers: valid ones, what they permit, and when they are an error."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from conformance.commands import main
from conformance.runs.reading import read
from conformance.runs.record import CheckResult, RecordWriter
from conformance.runs.waivers import Waiver, WaiverError, Waivers, append, load
from tests.reporting.samples import info

KNOWN = {"oauth/token/wrong-secret-is-refused": None, "registry/tags/sorted": None}
GOOD = '[[waiver]]\nid = "registry/tags/sorted"\nreason = "soon"\nissue = "https://t.example/1"\nuntil = 2099-12-31\n'


def result(identifier: str, verdict: str) -> CheckResult:
    return CheckResult(identifier, identifier.split("#")[0], "t", "registry", "MUST", "registry-core", {}, verdict, 0.0)


def waiver(until: str = "2099-12-31", identifier: str = "registry/tags/sorted") -> Waiver:
    return Waiver(identifier, "soon", "https://t.example/1", datetime.date.fromisoformat(until))


def test_an_appended_waiver_is_loaded(tmp_path: Path) -> None:
    reason = 'says "soon"\nand \\ more \U0001f642\x7f\x1b'
    odd = Waiver("registry/tags/sorted#a", reason, "https://t.example/1", datetime.date(2099, 1, 2))
    append(tmp_path / "w.toml", waiver())
    append(tmp_path / "w.toml", odd)
    assert load(tmp_path / "w.toml", KNOWN) == [waiver(), odd]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[waiver]", "cannot be read"),
        ("[waivers]\nx = 1\n", "may contain only [[waiver]] tables"),
        (GOOD.replace("until = 2099-12-31\n", ""), "until is missing"),
        (GOOD.replace("2099-12-31", '"soon"'), "until must be a date"),
        (GOOD.replace('"soon"', '" "'), "reason must say something"),
        (GOOD + "who = 1\n", "unknown key who"),
        (GOOD.replace("registry/tags/sorted", "registry/tags/sortd"), "did you mean registry/tags/sorted?"),
        (GOOD + GOOD, "stands twice"),
    ],
)
def test_a_mistake_names_its_file(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "w.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WaiverError) as mistake:
        load(tmp_path / "w.toml", KNOWN)
    assert told in str(mistake.value)
    assert str(tmp_path / "w.toml") in str(mistake.value)


def test_a_waiver_permits_what_it_names_until_its_day() -> None:
    waivers = Waivers([waiver("2026-11-25")], "2026-11-25")
    failing = result("registry/tags/sorted#many", "fail")
    waivers.mark(failing)
    assert failing.waiver == waiver("2026-11-25").plain()
    assert waivers.permits(failing)
    assert not waivers.permits(result("registry/tags/sorted-otherwise", "fail"))
    assert waivers.wrong([failing]) == []


def test_an_expired_or_stale_waiver_is_an_error() -> None:
    assert "ran out on 2026-11-24" in Waivers([waiver("2026-11-24")], "2026-11-25").wrong([])[0]
    passed = [result("registry/tags/sorted#a", "pass"), result("registry/tags/sorted#b", "pass")]
    assert "stale" in Waivers([waiver()], "2026-11-25").wrong(passed)[0]


def test_a_stale_waiver_that_each_shard_read_fails_the_joined_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        shard = info(shard=f"{number}/2", plan="a", planned=2, waivers_file="w.toml", waivers=[waiver().plain()])
        writer = RecordWriter(tmp_path / str(number), shard)
        writer.check(result(f"registry/tags/sorted#{number}", "pass"))
        writer.close(True, {"pass": 1})
    shards = [str(tmp_path / "1"), str(tmp_path / "2")]
    assert main(["merge", *shards, "--out", str(tmp_path / "joined")]) == 1
    assert "ERROR: the waiver of registry/tags/sorted is stale" in capsys.readouterr().out
    joined = read(tmp_path / "joined").info
    assert (joined.waivers_file, joined.waivers) == ("w.toml", [waiver().plain()])
