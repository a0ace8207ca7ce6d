"""``conformance sweep`` removes everything that a killed run left, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from conformance.commands import main
from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from conformance.runs.seal import seal, unseal
from conformance.target import configuration
from tests.run.support import conformance, redescribed, start

pytestmark = pytest.mark.once

PATIENCE_S = 300.0
AREAS = ("registry/upload", "registry/manifest", "storage/multipart", "storage/object", "errors")


def held(control: str) -> dict[str, list[str]]:
    """What the reference holds, by surface."""
    found: dict[str, list[str]] = json.loads(tell(control, "state"))
    return found


def ours(control: str) -> list[str]:
    return [each for surface in held(control).values() for each in surface if "cf-" in each]


def kill(process: subprocess.Popen[bytes], control: str, caught: Callable[[], bool]) -> None:
    """Kills a run with all its workers, when what is caught is there and each upload opened so far is in the ledger.

    A moment that is seen while the run goes on can be over when the signal comes: so it is stopped first, then looked
    at, and goes on if this was not the moment.
    """
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if caught():
            os.killpg(process.pid, signal.SIGSTOP)
            settle(control)
            if caught():
                break
            os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.01)
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        pytest.fail("the run was not killed in the middle")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def settle(control: str) -> None:
    """Waits until requests that are under way have been answered, while nobody reads the answers."""
    before, same = held(control), 0
    while same < 3:
        time.sleep(0.1)
        now = held(control)
        before, same = now, same + 1 if now == before else 0


def noted(control: str, run: Path) -> bool:
    """Whether the ledger of a run names every upload that the reference has open for it."""
    lines = "".join(each.read_text(encoding="utf-8") for each in (run / "ledger").glob("*.ndjson"))
    return all(each.rpartition(" ")[2] in lines for each in ours(control) if " upload " in each)


def killed(reference: EmbeddedReference, control: str, folder: Path) -> Path:
    """Kill a run with all its workers when it has made things on every surface; return its folder."""
    run = folder / "reports" / "killed"
    words = [*AREAS, "--config", str(reference.target_config), "--out", str(run)]
    process = start(folder, "run", *words, "--workers", "2")

    def caught() -> bool:
        state = held(control)
        made = all(any("cf-" in each for each in state[name]) for name in ("registry", "storage", "identity"))
        # Open uploads are ended by other requests than those that remove what was stored.
        opened = [" upload " in each for each in state["registry"] if "cf-" in each]
        return made and any(opened) and not all(opened) and noted(control, run)

    kill(process, control, caught)
    return run


def test_a_killed_run_is_swept_by_its_folder(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    before = held(control)
    run = killed(reference, control, tmp_path)
    left = ours(control)
    assert any(" upload " in each for each in left)
    assert not read(run).complete

    dry = conformance(tmp_path, "sweep", str(run), "--dry-run")
    assert (dry.code, "found" in dry.output, "removed" in dry.output) == (0, True, False), dry.output
    assert ours(control) == left, "a dry run has removed something"

    tell(control, "switch", "delete-unsupported")
    refused = conformance(tmp_path, "sweep", str(run))
    assert refused.code == 7 and "stays" in refused.output and "405" in refused.output, refused.output
    assert any("405" in each["reason"] for each in read(run).leftovers())
    tell(control, "switch")

    ran = conformance(tmp_path, "sweep", str(run))
    assert (ran.code, "removed" in ran.output) == (0, True), ran.output
    assert held(control) == before
    assert not (run / "ledger").exists()
    assert read(run).leftovers() == []
    again = conformance(tmp_path, "sweep", str(run))
    assert again.code == 0 and "nothing left" in again.output, again.output


@pytest.mark.nightly
def test_only_old_runs_of_the_suite_are_swept(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    before = held(control)
    killed(reference, control, tmp_path)
    config = ["--config", str(reference.target_config)]
    young = conformance(tmp_path, "sweep", *config)
    assert young.code == 0 and "nothing left" in young.output, young.output
    assert ours(control), "a run younger than an hour was swept"

    url = configuration.load(reference.target_config, tmp_path).choose(None)[1].registry.url  # type: ignore[union-attr]
    password = (reference.folder / "conformance.secrets" / "registry-pusher").read_text(encoding="utf-8").strip()
    names = [f"orgs/acme/{each}" for each in ("conformance-cf-credentials-w-1", "production", "conformance")]
    with httpx.Client(base_url=url) as client:
        for name in names:
            challenge = client.get("/v2/").headers["www-authenticate"]
            realm, service = (challenge.partition(f'{each}="')[2].partition('"')[0] for each in ("realm", "service"))
            query = {"service": service, "scope": f"repository:{name}:pull,push"}
            token = client.get(realm, params=query, auth=("ct-push", password)).json()["token"]
            opened = client.post(f"/v2/{name}/blobs/uploads/", headers={"Authorization": f"Bearer {token}"})
            assert opened.status_code == 202
    ran = conformance(tmp_path, "sweep", "--older-than", "0s", *config)
    assert ran.code == 0, ran.output
    theirs = set(held(control)["registry"]) - set(before["registry"])
    assert {each.split()[0] for each in theirs} == set(names)


@pytest.mark.nightly
@pytest.mark.parametrize("variants", [[], ["changes-must-be-conditional"]])
def test_things_made_in_the_other_organization_are_swept(
    reference: EmbeddedReference, control: str, tmp_path: Path, variants: list[str]
) -> None:
    tell(control, "switch", *variants)
    before = held(control)
    run = tmp_path / "reports" / "foreign"
    words = ["authorization", "--config", str(reference.target_config), "--workers", "1", "--out", str(run)]
    kill(
        start(tmp_path, "run", *words), control, lambda: any("globex/cf-" in each for each in held(control)["identity"])
    )
    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 0 and "(foreign)" in ran.output, ran.output
    assert held(control) == before


def test_a_run_in_progress_is_not_swept(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    run = tmp_path / "reports" / "in-progress"
    words = [*AREAS, "--config", str(reference.target_config), "--out", str(run)]
    process = start(tmp_path, "run", *words, "--workers", "0")
    try:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and not list(run.glob("ledger/*.ndjson")):
            time.sleep(0.05)
        ran = conformance(tmp_path, "sweep", str(run))
        assert ran.code == 4 and "still going on" in ran.output, ran.output
    finally:
        process.kill()
        process.wait()


def test_a_whole_run_leaves_nothing(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    before = held(control)
    run = tmp_path / "whole"
    words = ["run", "registry/mount", "registry/delete", "--explore", "1", "--out", str(run)]
    words += ["--config", str(reference.target_config)]
    assert conformance(tmp_path, *words).code == 0
    assert read(run).leftovers() == []
    assert not (run / "ledger").exists()
    assert held(control) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep", "nowhere"], "no run.json"),
        (["sweep", "--older-than", "soon"], "must be a number with s, m, h or d"),
        (["sweep"], "no conformance.toml"),
    ],
)
def test_bad_input_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(words) == 4
    assert message in capsys.readouterr().err


@pytest.mark.nightly
def test_a_killed_run_leaves_a_credential_changed_until_it_is_swept(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    run = tmp_path / "reports" / "changed"
    words = ["authorization/revocation/no-new-token", "--config", str(reference.target_config), "--workers", "0"]
    process = start(tmp_path, "run", *words, "--out", str(run))
    kill(process, control, lambda: any('"changed"' in each.read_text() for each in (run / "ledger").glob("*.ndjson")))
    tell(control, "revoke", "ct-revocable")

    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 0, ran.output
    assert f"change of the credential revocable by cf-{read(run).info.run_id}-" in ran.output
    assert "(restore)" in ran.output and not (run / "ledger").exists()
    assert conformance(tmp_path, "run", *words, "--out", str(tmp_path / "again")).code == 0


def test_a_hook_that_fails_to_restore_is_reported_and_decides_no_verdict(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    torn = redescribed(reference, {"^restore = .*": 'restore = "false"'})
    words = ["run", "authorization/revocation/no-new-token", "--workers", "0", "--out", "run"]
    ran = conformance(tmp_path, *words, "--config", str(torn))
    assert ran.code == 0, ran.output
    (left,) = read(tmp_path / "run").leftovers()
    assert "that restore undoes" in left["what"] and "the hook restore ended with 1" in left["reason"]
    signed = seal(tmp_path / "run")
    swept = conformance(tmp_path, "sweep", "run", "--config", str(reference.target_config))
    assert (swept.code, "(restore)" in swept.output) == (0, True), swept.output
    assert "run: was certified, and is left as it was signed" in swept.output
    unseal(tmp_path / "run", signed)
