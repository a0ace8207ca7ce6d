"""``certify``, ``verify`` and ``statement``: what they state, what they refuse and in which words."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from conformance.commands import main
from conformance.runs.record import CheckResult
from conformance.runs.seal import SUMS
from conformance.vocabulary.amounts import challenge_seed
from conformance.vocabulary.verdict import Verdict
from tests.certification import runs
from tests.reporting import samples

HOSTILE = "x\x1b[31m\u202e<script>"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    runs.keys(tmp_path)
    return tmp_path


def certify(*words: str) -> int:
    return main(["certify", "run", "--key", "key.pem", "--out", "s.jsonl", *words])


def verify(*words: str, key: str = "key.public.pem") -> int:
    return main(["verify", "s.jsonl", *words, "--key", key])


def payloads() -> list[dict[str, Any]]:
    lines = Path("s.jsonl").read_text().splitlines()
    return [json.loads(b64decode(json.loads(line)["payload"])) for line in lines]


@pytest.mark.parametrize("ed25519", [False, True], ids=["p256", "ed25519"])
def test_a_run_is_certified_and_verified(folder: Path, ed25519: bool, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(folder / "run")
    runs.keys(folder, ed25519=ed25519)
    assert (certify(), verify("run"), verify()) == (0, 0, 0)
    shown = capsys.readouterr().out
    _, unexamined = shown.split("VERIFIED  s.jsonl: registry-catalog, registry-delete")
    assert unexamined.count("VERIFIED") == 0
    assert "SIGNATURE VALID  s.jsonl: the run was not examined, so no verdict was verified" in unexamined
    assert unexamined.count("self-attested by the holder of key ") == 2


def test_a_statement_is_an_in_toto_test_result_of_each_class(folder: Path) -> None:
    record = runs.run(folder / "run")
    certify()
    found = payloads()
    assert [each["predicate"]["configuration"][0]["annotations"]["class"] for each in found] == sorted(runs.CLASSES)
    first = found[0]
    assert first["_type"] == "https://in-toto.io/Statement/v1"
    assert first["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert first["predicate"]["result"] == "PASSED" and first["predicate"]["failedTests"] == []
    expected = sorted(each.id for each in record.results if each.conformance_class == "registry-catalog")
    assert first["predicate"]["passedTests"] == expected
    contract, suite, target, run, attester = first["predicate"]["configuration"]
    assert suite["annotations"]["version"] == record.info.suite_version
    assert target["annotations"]["organization"] == "acme"
    assert target["annotations"]["features"] == sorted(record.info.features)
    assert "registry.catalog" in target["annotations"]["featuresNotClaimed"]
    assert run["annotations"]["claimed"] == sorted(runs.CLASSES)
    assert {"name": "oauth-core", "result": "not tried", "why": "no check of it was run"} in run["annotations"][
        "classes"
    ]
    assert contract["digest"] == {"sha256": record.info.contract_digest} and suite["digest"] == {"sha256": "5" * 64}
    assert target["annotations"]["product"] == runs.PRODUCT
    key = json.loads(Path("s.jsonl").read_text().splitlines()[0])["signatures"][0]["keyid"]
    assert attester["annotations"] == {"says": f"self-attested by the holder of key {key}", "challenge": None}


def test_cosign_verifies_the_envelope(folder: Path) -> None:
    cosign = shutil.which("cosign")
    if cosign is None:
        assert not os.environ.get("CI"), "cosign is not on PATH; CI must have it"
        pytest.skip("cosign is not on PATH")
    runs.run(folder / "run")
    runs.keys(folder, "other")
    certify()
    Path("envelope.json").write_text(Path("s.jsonl").read_text().splitlines()[0])
    command = [cosign, "verify-blob-attestation", "--insecure-ignore-tlog", "--signature", "envelope.json"]
    command += ["--type", "https://in-toto.io/attestation/test-result/v0.1", f"run/{SUMS}"]
    codes = [subprocess.run([*command, "--key", key], check=False, capture_output=True).returncode
             for key in ("key.public.pem", "other.public.pem")]  # fmt: skip
    assert codes[0] == 0 and codes[1] != 0


def changed(verdict: Verdict, of: str = "MUST", **more: Any) -> list[CheckResult]:
    found = runs.results()
    chosen = next(each for each in found if each.level == of)
    chosen.verdict = verdict.value
    chosen.findings = [samples.finding("a", "b")] if verdict is Verdict.FAIL else []
    for name, value in more.items():
        setattr(chosen, name, value)
    return found


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "incomplete": ({"complete": False}, "the run is not complete"),
    "profile": ({"profile": "core"}, "of the profile core; a statement takes --profile full"),
    "examples": ({"explore": 0}, "the run tried 0 examples a property; a statement takes 25"),
    "shard": ({"shard": "1/4"}, "the run is shard 1/4; conformance merge joins"),
    "draft": ({"contract_version": "2026.2-draft"}, "2026.2-draft is not a released version"),
    "contract": ({"contract_digest": "0" * 64}, "made with another contract (version 2026.1, digest 000000000000…)"),
    "old": (
        {"started": "2020-01-01T00:00:00Z"}, "of 2020-01-01, and a statement holds no longer than 2020-12-31",
    ),
    "failing": ({"checks": changed(Verdict.FAIL)}, "registry-catalog: not conformant: 1 MUST check fails"),
    "inconclusive": (
        {"checks": changed(Verdict.INCONCLUSIVE)}, "registry-catalog: not shown: 1 binding check could not be judged",
    ),
    "error": ({"checks": changed(Verdict.ERROR)}, "1 check ended in an error of the suite, registry/"),
    "part": (
        {"checks": runs.results()[1:]}, "registry-catalog: only a part was run; 1 check missing, registry/",
    ),
    "invented": (
        {"checks": [*runs.results(), runs.invented()]}, "registry-delete: registry/delete/invented is no check of this",
    ),
    "seed": ({"challenge": "of-the-certifier", "seed": 1}, "the seed 1 was not derived from the challenge"),
    "level": ({"checks": changed(Verdict.FAIL, level="SHOULD")}, "is a MUST, and not a SHOULD"),
    "waiver": (
        {"checks": changed(Verdict.FAIL, waiver=runs.waiver("2026-01-31")), "started": "2026-01-30T10:00:00Z"},
        "ran out on 2026-01-31",
    ),
    "nothing": ({"checks": []}, "nothing in this run applies"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), REFUSALS.values(), ids=REFUSALS)
def test_a_run_that_shows_no_class_is_refused(
    changes: dict[str, Any], told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.run(folder / "run", **changes)
    assert certify() == 1
    shown = capsys.readouterr().out
    assert shown.startswith("run: no statement can be made of this run:\n") and told in shown
    assert not Path("s.jsonl").exists()


def test_only_claimed_classes_are_stated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(folder / "run", checks=changed(Verdict.FAIL))
    assert certify("--class", "registry-delete") == 0
    assert verify("run") == 0
    failed = {"name": "registry-catalog", "result": "not conformant", "why": "1 MUST check fails"}
    assert failed in payloads()[0]["predicate"]["configuration"][3]["annotations"]["classes"]
    capsys.readouterr()
    main(["statement", "show", "s.jsonl"])
    assert "  registry-catalog: not conformant; 1 MUST check fails\n" in capsys.readouterr().out
    assert certify("--class", "registry-delte") == 1
    assert "registry-delte: there is no such class; the run has registry-catalog" in capsys.readouterr().out
    assert certify("--class", "oauth-core") == 1
    assert "oauth-core: nothing in this run applies to it" in capsys.readouterr().out


def test_every_waiver_is_listed_and_ends_the_statement(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    until = (runs.NOW.date() + datetime.timedelta(days=10)).isoformat()
    runs.run(folder / "run", checks=changed(Verdict.FAIL, waiver=runs.waiver(until)))
    assert (certify(), verify("run")) == (0, 0)
    predicate = payloads()[0]["predicate"]
    notes = predicate["configuration"][3]["annotations"]
    assert predicate["result"] == "WARNED" and [each["id"] for each in notes["waivers"]] == predicate["warnedTests"]
    assert notes["validUntil"] == until
    capsys.readouterr()
    main(["statement", "show", "s.jsonl"])
    assert f"mended in May (until {until}; https://tracker.example/7)" in capsys.readouterr().out


def test_a_statement_expires(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(folder / "run")
    certify()
    for day, told in (("2999-01-01", "the statement ran out on "), ("2020-01-01", "which is a day to come")):
        monkeypatch.setattr("conformance.commands.verify.today", lambda day=day: day)
        assert verify("run") == 1
        assert told in capsys.readouterr().out


def test_another_contract_cannot_be_judged_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.run(folder / "run")
    certify()
    other = type("Other", (), {"digest": "0" * 64})
    monkeypatch.setattr("conformance.reporting.certification.catalogue", other)
    assert verify("run") == 7
    assert "NOT JUDGED  the signature holds and no file was changed, but the run was made with suite" in (
        capsys.readouterr().out
    )


def test_a_statement_in_words_and_as_a_badge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(folder / "run", target=HOSTILE)
    certify()
    capsys.readouterr()
    assert main(["statement", "show", "s.jsonl"]) == 0
    shown = capsys.readouterr().out
    assert "registry-delete: the container registry; " in shown and "oauth-core" in shown
    assert "\x1b" not in shown and "\u202e" not in shown
    assert main(["statement", "badge", "s.jsonl", "--out", "badge.svg"]) == 0
    label = ET.parse("badge.svg").getroot().get("aria-label", "")  # noqa: S314
    assert label.startswith("NextEpoch 2026.1: conformant: 2 classes (self-attested); until ")
    assert json.loads(Path("badge.json").read_text()) == {
        "schemaVersion": 1, "label": "NextEpoch 2026.1", "message": "conformant: 2 classes (self-attested)",
        "color": "1a7f37",
    }  # fmt: skip
    assert main(["statement", "badge", "s.jsonl", "--out", "badge.png"]) == 4
    assert main(["statement", "badge", "s.jsonl", "--out", "no/badge.svg"]) == 4


def run_described(folder: Path, **changes: Any) -> None:
    runs.run(folder / "run", configuration={**samples.CONFIGURATION, **changes})


def test_a_statement_names_the_product_and_its_contact(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_described(folder, product={"vendor": "Acme", "name": "Acme Cloud"})
    assert certify() == 4
    assert "give --product-version, --contact, or version, contact in [targets.staging.product]" in (
        capsys.readouterr().err
    )
    assert certify("--product-version", "5", "--contact", "c@acme.example") == 0
    main(["statement", "show", "s.jsonl"])
    shown = capsys.readouterr().out
    assert "Acme Cloud 5 by Acme" in shown and "Contact: c@acme.example." in shown


def test_a_challenge_is_compared_and_stated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(folder / "run", challenge="nonce-of-today", seed=challenge_seed("nonce-of-today"))
    assert certify("--challenge", "another-nonce") == 1
    assert "the run was made with challenge nonce-of-today; conformance run --challenge another-nonce" in (
        capsys.readouterr().out
    )
    assert (certify("--challenge", "nonce-of-today"), verify("run")) == (0, 0)
    assert ", who compared the run with challenge nonce-of-today\n" in capsys.readouterr().out
    assert certify() == 0
    main(["statement", "show", "s.jsonl"])
    shown = capsys.readouterr().out
    assert "self-attested by the holder of key" in shown and "challenge nonce-of-today." in shown
