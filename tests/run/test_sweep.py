"""What a run leaves behind, and that ``conformance sweep`` takes it away: all of ours, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from conformance.runs.seal import seal, unseal
from tests.run.support import conformance

pytestmark = pytest.mark.once

PATIENCE_S = 60.0
AREAS = ("registry/upload", "registry/manifest", "storage/multipart", "storage/object", "errors")


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference()
    yield running
    running.stop()


@pytest.fixture
def control(reference: EmbeddedReference) -> Iterator[str]:
    address = f"file:{reference.folder / 'conformance.secrets' / 'control-url'}"
    tell(address, "reset")
    yield address
    tell(address, "reset")


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
    """A run that was killed with all its workers when it had made things on every surface; its folder."""
    run = folder / "reports" / "killed"
    words = ["run", *AREAS, "--config", str(reference.target_config), "--out", str(run), "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words], cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL
    )

    def caught() -> bool:
        state = held(control)
        made = all(any("cf-" in each for each in state[name]) for name in ("registry", "storage", "identity"))
        # Both of what a registry keeps: what is open is ended by other means than what was stored is removed.
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

    told = conformance(tmp_path, "sweep", str(run), "--dry-run")
    assert told.code == 0, told.output
    assert "found" in told.output and "removed" not in told.output
    assert ours(control) == left, "a dry run has removed something"

    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 0, ran.output
    assert "removed" in ran.output
    assert held(control) == before
    assert not (run / "ledger").exists()
    assert read(run).leftovers() == []
    again = conformance(tmp_path, "sweep", str(run))
    assert again.code == 0 and "nothing left" in again.output, again.output


@pytest.mark.nightly
def test_every_run_that_is_old_enough_is_swept(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    before = held(control)
    killed(reference, control, tmp_path)
    config = ["--config", str(reference.target_config)]

    young = conformance(tmp_path, "sweep", *config)
    assert young.code == 0 and "nothing left" in young.output, young.output
    assert ours(control), "a run younger than an hour was swept"

    ran = conformance(tmp_path, "sweep", "--older-than", "0s", *config)
    assert ran.code == 0, ran.output
    assert held(control) == before


@pytest.mark.nightly
def test_what_no_run_of_ours_made_is_left_alone(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    killed(reference, control, tmp_path)
    push(reference, "orgs/acme/conformance-cf-credentials-w-1")
    push(reference, "orgs/acme/production")
    push(reference, "orgs/acme/conformance")
    theirs = [each for each in held(control)["registry"] if "cf-0" not in each.split()[0]]
    assert theirs

    ran = conformance(tmp_path, "sweep", "--older-than", "0s", "--config", str(reference.target_config))
    assert ran.code == 0, ran.output
    assert held(control)["registry"] == theirs


def push(reference: EmbeddedReference, repository: str) -> None:
    """Opens an upload in a repository and pushes a blob to it, as another client than the suite."""
    target = reference.target_config.read_text(encoding="utf-8")
    url = next(line.split('"')[1] for line in target.partition(".registry]\n")[2].splitlines() if line[:3] == "url")
    password = (reference.folder / "conformance.secrets" / "registry-pusher").read_text(encoding="utf-8").strip()
    with httpx.Client(base_url=url) as client:
        challenge = client.get("/v2/").headers["www-authenticate"]
        realm, service = (challenge.partition(f'{name}="')[2].partition('"')[0] for name in ("realm", "service"))
        query = {"service": service, "scope": f"repository:{repository}:pull,push"}
        token = client.get(realm, params=query, auth=("ct-push", password)).json()["token"]
        for _ in range(2):
            opened = client.post(f"/v2/{repository}/blobs/uploads/", headers={"Authorization": f"Bearer {token}"})
            assert opened.status_code == 202
        digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        location = httpx.URL(opened.headers["location"]).copy_add_param("digest", digest)
        assert client.put(location, headers={"Authorization": f"Bearer {token}"}).status_code == 201


@pytest.mark.nightly
def test_what_cannot_be_removed_is_told(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    run = killed(reference, control, tmp_path)
    tell(control, "switch", "delete-unsupported")
    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 7, ran.output
    assert "stays" in ran.output and "405" in ran.output
    assert any("405" in each["reason"] for each in read(run).leftovers())
    tell(control, "switch")
    assert conformance(tmp_path, "sweep", str(run)).code == 0
    assert ours(control) == []


@pytest.mark.nightly
def test_names_and_digests_that_are_none_or_nearly_are_swept(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    run = tmp_path / "reports" / "named"
    words = ["run", "registry/name", "registry/manifest", "--config", str(reference.target_config), "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words, "--out", str(run)],
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    kill(process, control, lambda: any("a---0 " in each for each in ours(control)) and noted(control, run))
    ledger = next((run / "ledger").glob("*.ndjson"))
    repository = json.loads(ledger.read_text(encoding="utf-8").splitlines()[0])["repository"]
    with ledger.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"kind": "blob", "digest": "sha256:abc", "repository": repository}) + "\n")

    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 0, ran.output
    assert ours(control) == []


@pytest.mark.nightly
@pytest.mark.parametrize("variants", [[], ["changes-must-be-conditional"]])
def test_what_was_made_in_the_other_organization_is_swept(
    reference: EmbeddedReference, control: str, tmp_path: Path, variants: list[str]
) -> None:
    tell(control, "switch", *variants)
    before = held(control)
    run = tmp_path / "reports" / "elsewhere"
    words = ["run", "authorization", "--config", str(reference.target_config), "--workers", "1", "--out", str(run)]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words], cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL
    )
    kill(process, control, lambda: any("globex/cf-" in each for each in held(control)["identity"]))

    told = conformance(tmp_path, "sweep", str(run), "--dry-run")
    assert told.code == 0 and "(foreign)" in told.output, told.output
    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 0, ran.output
    assert held(control) == before


def test_a_run_that_goes_on_is_not_swept(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    run = tmp_path / "reports" / "going-on"
    words = ["run", *AREAS, "--config", str(reference.target_config), "--out", str(run), "--rate", "20/s"]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words, "--workers", "0"], cwd=tmp_path, stdout=subprocess.DEVNULL
    )
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
    words = ["run", "registry", "--config", str(reference.target_config), "--out", str(run), "--explore", "3"]
    assert conformance(tmp_path, *words).code == 0
    assert read(run).leftovers() == []
    assert not (run / "ledger").exists()
    assert held(control) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sweep", "nowhere"], "no run.json"),
        (["sweep", "--older-than", "soon"], "must be a number with s, m, h or d"),
        (["sweep"], "no conformance.toml"),
    ],
)
def test_bad_input_is_told(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / ".git").mkdir()
    ran = conformance(tmp_path, *words)
    assert ran.code == 4 and said in ran.output, ran.output
    assert "Traceback" not in ran.output


@pytest.mark.nightly
def test_a_run_of_another_target_is_not_swept(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = str(reference.target_config)
    assert conformance(tmp_path, "run", "registry/support", "--config", config, "--out", str(run)).code == 0
    other = tmp_path / "other.toml"
    described = ['[targets.reference]\norganization = "acme"\n[targets.reference.registry]']
    described += ['url = "http://127.0.0.1:9"', 'repository = "orgs/acme/conformance"']
    other.write_text("\n".join(described), encoding="utf-8")
    ran = conformance(tmp_path, "sweep", str(run), "--config", str(other))
    assert ran.code == 4 and "of another target" in ran.output, ran.output


@pytest.mark.parametrize(
    ("check", "changing", "role", "undoing"),
    [
        ("authorization/permissions/role-change-is-immediate", "promote", "viewer", "demote"),
        ("authorization/revocation/no-new-token", "revoke", "revocable", "restore"),
    ],
)
def test_what_a_killed_run_changed_of_a_credential_is_undone(
    reference: EmbeddedReference, control: str, tmp_path: Path, check: str, changing: str, role: str, undoing: str
) -> None:
    run = tmp_path / "reports" / "changed"
    words = ["run", check, "--config", str(reference.target_config), "--workers", "0", "--out"]
    command = [sys.executable, "-m", "conformance", *words, str(run)]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL)
    kill(process, control, lambda: any('"changed"' in each.read_text() for each in (run / "ledger").glob("*.ndjson")))
    tell(control, changing, f"ct-{role}")

    ran = conformance(tmp_path, "sweep", str(run))
    assert ran.code == 0, ran.output
    assert f"change of the credential {role} by cf-{read(run).info.run_id}-" in ran.output
    assert f"({undoing})" in ran.output
    assert not (run / "ledger").exists()
    assert conformance(tmp_path, *words, str(tmp_path / "again")).code == 0


def test_a_change_that_a_command_does_not_undo_decides_no_verdict_and_is_told(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    whole = reference.target_config.read_text(encoding="utf-8")
    lines = ['restore = "false"' if line.startswith("restore =") else line for line in whole.splitlines()]
    torn = reference.target_config.with_name("torn.toml")
    torn.write_text("\n".join(lines), encoding="utf-8")

    words = ["authorization/revocation/no-new-token", "--workers", "0", "--out", "run"]
    ran = conformance(tmp_path, "run", "--config", str(torn), *words)

    assert ran.code == 0, ran.output
    (left,) = read(tmp_path / "run").leftovers()
    assert "that restore undoes" in left["what"] and "the hook restore ended with 1" in left["reason"]
    signed = seal(tmp_path / "run")
    swept = conformance(tmp_path, "sweep", "run", "--config", str(reference.target_config))
    assert (swept.code, "(restore)" in swept.output) == (0, True), swept.output
    assert "run: was certified, and is left as it was signed" in swept.output
    unseal(tmp_path / "run", signed)
    again = conformance(tmp_path, "run", "--config", str(reference.target_config), *words[:3], "--out", "again")
    assert again.code == 0, again.output
