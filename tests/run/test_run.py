"""The run as a whole: verdicts, exit codes, the folder it leaves, and its messages for bad input."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.commands import main
from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import Record, read
from tests.run.hostile import serving
from tests.run.support import Ran, conformance, run

FILES = {
    "run.json", "results.ndjson", "evidence", "index.html", "junit.xml", "ctrf-report.json", "allure-results",
    "summary.md", "leftovers.json", "seal.json", "reproduce",
}  # fmt: skip
IDENTITY = """
[targets.it]
organization = "acme"
limits = {{ answer = 1.0, connect = 1.0 }}
[targets.it.identity]
url = "{url}"
[targets.it.identity.credentials.full]
client_id = "ct-full"
client_secret = "${{CT_SECRET}}"
scopes = ["organization:read"]
"""


def checked(reference: EmbeddedReference, folder: Path, *words: str) -> Ran:
    folder.mkdir(exist_ok=True)
    return conformance(folder, "run", "--config", str(reference.target_config), *words)


def test_without_a_target_file_the_embedded_reference_is_checked(tmp_path: Path) -> None:
    words = ["run", "oauth/client", "webhooks/delivery", "--seed", "7", "--explore", "2", "--profile", "core"]
    ran = run([sys.executable, "-m", "conformance", *words], tmp_path)
    assert ran.code == 0, ran.output
    assert "checking the embedded reference" in ran.output and "index.html" in ran.output
    assert "Traceback" not in ran.output
    assert {each.name for each in ran.record.folder.iterdir()} == FILES - {"reproduce"}
    assert ran.record.complete and set(ran.verdicts().values()) == {"pass"}
    info = ran.record.info
    assert (info.seed, info.explore, info.profile, info.selection) == (7, 2, "core", words[1:3])
    assert info.configuration["identity"]["credentials"]["full"]["client_secret"].startswith("$")
    assert info.exit_code == 0 and info.requests > 0


def test_a_defect_is_a_finding_that_a_replay_follows(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    tell(control, "switch", "token-may-be-stored")
    ran = checked(reference, tmp_path, "oauth/response", "--workers", "0")
    assert ran.code == 1
    failed = [result for result in ran.record.results if result.failing]
    assert failed and {result.area for result in failed} == {"oauth"}
    for part in ("expected", "clause", "curl -sS", "conformance replay"):
        assert part in ran.output
    assert {each.name for each in ran.record.folder.iterdir()} == FILES

    finding = failed[0].findings[0]
    secret = (reference.folder / "conformance.secrets" / "identity-full").read_text(encoding="utf-8").strip()
    script = "\n".join([*finding["recipes"].values(), finding["curl"]])
    shown = run(["sh", "-c", script], tmp_path, IDENTITY_FULL_CLIENT_SECRET=secret)
    assert "no-store" not in shown.output and "access_token" in shown.output

    folder = str(ran.record.folder)
    again = conformance(tmp_path, "replay", folder, "--out", "again")
    assert (again.code, "STILL FAILS" in again.output) == (1, True), again.output
    tell(control, "reset")
    fixed = conformance(tmp_path, "replay", folder, "--out", "fixed")
    assert (fixed.code, "STILL FAILS" in fixed.output, "FIXED" in fixed.output) == (0, False, True), fixed.output
    other = conformance(tmp_path, "replay", folder, "--out", "fixed")
    assert (other.code, "already contains a run" in other.output, "FIXED" in other.output) == (4, True, False)


@pytest.mark.once
def test_any_number_of_workers_plain_pytest_and_shards_judge_alike(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    selected = ("oauth/client/authentication-is-required", "webhooks/rotation")
    whole = checked(reference, tmp_path / "none", *selected, "--workers", "0")
    assert whole.code == 0, whole.output
    two = checked(reference, tmp_path / "two", *selected, "--workers", "2")
    suites = Path(__file__).parents[2] / "suites"
    command = [sys.executable, "-m", "pytest", str(suites / "oauth"), str(suites / "webhooks")]
    command += [f"--conformance-select={each}" for each in selected]
    command += [f"--conformance-config={reference.target_config}", "-p", "conformance.plugin"]
    (tmp_path / "plain").mkdir()
    plain = run(command, tmp_path / "plain")
    shards: dict[str, str] = {}
    for part in ("1/2", "2/2"):
        folder = tmp_path / part.replace("/", "-")
        shards |= checked(reference, folder, *selected, "--shard", part).verdicts()
    assert whole.verdicts() == two.verdicts() == plain.verdicts() == shards != {}


@pytest.mark.nightly
def test_files_of_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    for name in ("json", "docker", "h11", "conftest", "conformance/__init__", "suites/conftest", "suites/test_x"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('of the person')\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    # As the command of an installation: the folder is not where Python looks.
    command = [sys.executable, "-P", "-m", "conformance"]
    ran = run([*command, "run", "authorization/revocation", "--explore", "1", "--workers", "2"], tmp_path)
    assert ran.code == 0, ran.output
    again = run([*command, "rejudge", str(ran.record.folder)], tmp_path)
    assert again.code == 0, again.output


def urls(record: Record) -> list[str]:
    """Return the URLs of the requests that show the only finding."""
    (finding,) = [finding for result in record.results for finding in result.findings]
    evidence = record.evidence()
    return [str(evidence[each]["url"]) for each in finding["sequence"]]


@pytest.mark.nightly
def test_an_example_that_failed_is_stored_and_tried_first(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    tell(control, "switch", "address-in-path-fails")
    words = ["errors/5xx/no-input-is-a-server-error#generated-paths", "--workers", "0"]
    other = checked(reference, tmp_path / "other", *words, "--explore", "1", "--seed", "4")
    assert other.code == 0, "another example finds it: this test shows nothing"
    found = checked(reference, tmp_path / "first", *words, "--explore", "60")
    stored = str(found.record.folder / "examples")
    again = checked(reference, tmp_path / "stored", *words, "--explore", "1", "--seed", "4", "--database", stored)
    assert again.code == 1 and urls(again.record) == urls(found.record)
    assert conformance(tmp_path, "replay", str(found.record.folder), "--out", "again").code == 1
    assert urls(read(tmp_path / "again")) == urls(found.record)


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The only surface of the target file of the current folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        monkeypatch.setenv("CT_URL", f"http://127.0.0.1:{server.getsockname()[1]}/hook/of-this-test")
        described = '[targets.it]\norganization = "acme"\n[targets.it.webhooks]\nurl = "${CT_URL}"\n'
        (tmp_path / "conformance.toml").write_text(described, encoding="utf-8")
        yield server


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such-area"], "no check matches 'no-such-area'"),
        (["oauth/client", "oaut"], "no check matches 'oaut'; did you mean \"oauth\"?"),
        (["transport"], "no check matches 'transport'; did you mean \"oauth/transport\"?"),
        (["level:mut"], "no check matches 'level:mut'; did you mean \"level:MUST\"?"),
        (["oauth/response/no-store#some"], "no check matches 'oauth/response/no-store#some'"),
        (["--profile", "fast"], "quick, core, full"),
        (["--profile", "ful"], 'did you mean "full"?'),
        (["--shard", "3/2"], "--shard 3/2"),
        (["--explore", "-1"], "--explore: -1"),
        (["--rate", "fast"], '"50/s"'),
        (["--report", "pdf"], "pdf"),
        (["--workers", "many"], "many"),
        (["--target", "production"], "production"),
        (["--config", "/nonexistent.toml"], "/nonexistent.toml"),
        (["--baseline", "nowhere"], "--baseline nowhere: no run.json; not a run's folder"),
        (["--fail-on", "any"], "--fail-on needs --baseline RUN"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_usage_is_one_message_before_anything_is_contacted(
    listening: socket.socket, tmp_path: Path, words: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *words]) == 4
    printed = "".join(capfd.readouterr())
    assert message in printed and "Traceback" not in printed
    assert not (tmp_path / "reports").exists(), "a run of nothing has left a folder"
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_folder_that_cannot_be_made_and_a_secret_that_is_missing_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conformance.toml").write_text(IDENTITY.format(url="http://127.0.0.1:9"), encoding="utf-8")
    monkeypatch.setenv("CT_SECRET", "")
    assert main(["run"]) == 4
    assert "CT_SECRET" in "".join(capfd.readouterr())
    monkeypatch.setenv("CT_SECRET", "a-secret-of-some-length")
    assert main(["run", "oauth/client", "--workers", "0", "--out", "/proc/nowhere/run"]) == 4
    assert "/proc/nowhere/run: cannot be written" in "".join(capfd.readouterr())


def test_a_run_of_nothing_leaves_an_existing_folder_as_it_was(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("of another run")
    ran = checked(reference, tmp_path, "oauth/response/no-cookie", "--profile", "quick", "--out", "mine")
    assert (ran.code, "no check is both selected and part of" in ran.output) == (5, True)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "of another run"


@pytest.mark.parametrize("behaviour", [None, "web-page", "endless-body"])
def test_a_target_that_is_not_the_described_one_is_inconclusive(tmp_path: Path, behaviour: str | None) -> None:
    with serving(behaviour or "web-page") as url:
        described = IDENTITY.format(url=url if behaviour else "http://127.0.0.1:1")
        (tmp_path / "conformance.toml").write_text(described, encoding="utf-8")
        ran = conformance(tmp_path, "run", "oauth/client", "--workers", "0", CT_SECRET="a-secret-of-some-length")
    assert ran.code == 7, ran.output
    assert "Traceback" not in ran.output
    assert set(ran.verdicts().values()) <= {"inconclusive", "not-applicable"}


@pytest.mark.once
def test_a_waived_finding_is_reported_and_a_stale_waiver_fails(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    tell(control, "switch", "token-may-be-stored")
    words = ["--reason=soon", "--issue=https://t.example/1", "--until=2099-01-01"]
    assert conformance(tmp_path, "waive", "oauth/response/no-store", *words).code == 0
    words = ["oauth/response/no-store", "--waivers", "waivers.toml", "--out"]
    ran = checked(reference, tmp_path, *words, "one")
    assert (ran.code, "WAIVED" in ran.output) == (0, True), ran.output
    assert checked(reference, tmp_path, *words, "two", "--strict").code == 1
    tell(control, "reset")
    stale = checked(reference, tmp_path, *words, "three")
    assert (stale.code, "stale" in stale.output) == (1, True), stale.output
