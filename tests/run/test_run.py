"""The run as a whole: verdicts, exit codes, the folder it leaves, and what it says of bad input."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import Record, read
from tests.run.support import Ran, conformance, run

ONE = "oauth/client/"
FILES = {
    "run.json", "results.ndjson", "evidence", "index.html", "junit.xml", "ctrf-report.json", "allure-results",
    "summary.md", "leftovers.json", "seal.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference(["--odd-secrets"])
    yield running
    running.stop()


@pytest.fixture
def control(reference: EmbeddedReference) -> Iterator[str]:
    """The operator's address; the reference is clean again afterwards."""
    address = f"file:{reference.folder / 'conformance.secrets' / 'control-url'}"
    yield address
    tell(address, "reset")


def checked(reference: EmbeddedReference, folder: Path, *words: str) -> Ran:
    return conformance(folder, "run", "--config", str(reference.target_config), *words)


def test_without_a_target_file_the_reference_is_checked(tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", "oauth/client", "webhooks/delivery")
    assert ran.code == 0, ran.output
    assert "checking the embedded reference" in ran.output
    assert "index.html" in ran.output
    (folder,) = (tmp_path / "reports").iterdir()
    assert {each.name for each in folder.iterdir()} == FILES
    assert ran.record.complete
    assert set(ran.verdicts().values()) == {"pass"}
    assert "Traceback" not in ran.output


@pytest.mark.nightly
@pytest.mark.once
def test_what_lies_in_the_folder_that_one_stands_in_is_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("json", "docker", "h11", "conftest", "conformance/__init__", "suites/conftest", "suites/test_x"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('of the person')\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    # As the command that an installation has: the folder is not where Python looks.
    command = [sys.executable, "-P", "-m", "conformance"]

    ran = run([*command, "run", "authorization/revocation", "--explore", "1", "--workers", "2"], tmp_path)
    assert ran.code == 0, ran.output
    assert {"pass"} <= set(ran.verdicts().values()) <= {"pass", "not-applicable"}
    again = run([*command, "rejudge", str(ran.record.folder)], tmp_path)
    assert again.code == 0, again.output


@pytest.mark.once
def test_workers_and_plain_pytest_judge_alike(reference: EmbeddedReference, tmp_path: Path) -> None:
    verdicts = []
    for name, workers in (("none", "0"), ("two", "2")):
        (tmp_path / name).mkdir()
        ran = checked(reference, tmp_path / name, "oauth/client", "webhooks/rotation", "--workers", workers)
        assert ran.code == 0, ran.output
        verdicts.append(ran.verdicts())
    (tmp_path / "plain").mkdir()
    suites = Path(__file__).parents[2] / "suites"
    command = [sys.executable, "-m", "pytest", str(suites / "oauth"), str(suites / "webhooks")]
    command += [f"--conformance-select={each}" for each in ("oauth/client", "webhooks/rotation")]
    command += [f"--conformance-config={reference.target_config}"]
    verdicts.append(run([*command, "-p", "conformance.plugin"], tmp_path / "plain").verdicts())
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert verdicts[0]


def test_a_defect_is_a_finding_with_everything_to_act_on(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    tell(control, "switch", "wrong-secret-accepted")
    ran = checked(reference, tmp_path, "oauth/client")
    assert ran.code == 1
    failed = [result for result in ran.record.results if result.failing]
    assert failed
    assert {result.area for result in failed} == {"oauth"}
    for part in ("expected", "observed", "clause", "curl -sS", "conformance replay"):
        assert part in ran.output
    assert "Traceback" not in ran.output


@pytest.mark.once
def test_a_replay_tells_what_became_of_a_finding(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    tell(control, "switch", "wrong-secret-accepted")
    ran = checked(reference, tmp_path, "oauth/client")
    folder = str(ran.record.folder)
    again = conformance(tmp_path, "replay", folder, "--out", "again")
    assert (again.code, "STILL FAILS" in again.output) == (1, True), again.output
    tell(control, "reset")
    fixed = conformance(tmp_path, "replay", folder, "--out", "fixed")
    assert (fixed.code, "STILL FAILS" in fixed.output, "FIXED" in fixed.output) == (0, False, True), fixed.output
    # A run that is in the folder already is none of this replay's.
    other = conformance(tmp_path, "replay", folder, "--out", "fixed")
    assert (other.code, "holds a run already" in other.output, "FIXED" in other.output) == (4, True, False)


def sent(record: Record) -> list[str]:
    """The URLs of what shows the only finding."""
    (finding,) = [finding for result in record.results for finding in result.findings]
    evidence = record.evidence()
    return [str(evidence[each]["url"]) for each in finding["sequence"]]


@pytest.mark.nightly
@pytest.mark.once
def test_what_a_property_found_is_kept_and_tried_first(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    tell(control, "switch", "address-in-path-fails")
    words = ["errors/5xx/no-input-is-a-server-error#generated-paths", "--workers", "0"]
    (tmp_path / "other").mkdir()
    other = checked(reference, tmp_path / "other", *words, "--explore", "1", "--seed", "4")
    assert other.code == 0, "another property finds it: this test shows nothing"

    (tmp_path / "first").mkdir()
    found = checked(reference, tmp_path / "first", *words, "--explore", "60")
    kept = str(found.record.folder / "examples")
    (tmp_path / "kept").mkdir()
    again = checked(reference, tmp_path / "kept", *words, "--explore", "1", "--seed", "4", "--database", kept)
    assert again.code == 1
    assert sent(again.record) == sent(found.record)

    (tmp_path / "alone").mkdir()
    alone = checked(reference, tmp_path / "alone", *words, "--explore", "0", "--database", kept)
    assert alone.code == 0, "the written examples alone do not find it"
    assert conformance(tmp_path, "replay", str(found.record.folder), "--out", "again").code == 1
    assert sent(read(tmp_path / "again")) == sent(found.record)


def test_the_printed_curl_line_shows_the_finding(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    tell(control, "switch", "token-may-be-stored")
    ran = checked(reference, tmp_path, "oauth/response", "--workers", "0")
    (finding, *_) = [result.findings[0] for result in ran.record.results if result.failing]
    secrets = {
        name: (reference.folder / "conformance.secrets" / file).read_text(encoding="utf-8").strip()
        for name, file in (("IDENTITY_FULL_CLIENT_SECRET", "identity-full"),)
    }
    script = "\n".join([*finding["recipes"].values(), finding["curl"]])
    shown = run(["sh", "-c", script], tmp_path, **secrets)
    assert shown.code == 0
    assert "no-store" not in shown.output
    assert "access_token" in shown.output


def text_of(path: Path) -> str:
    """Return the text of a file of a run, unpacked if need be."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")


@pytest.mark.once
def test_no_secret_is_in_anything_that_a_run_leaves(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    tell(control, "switch", "secret-echoed-with-token")
    ran = checked(reference, tmp_path, "oauth", "webhooks", "registry/login", "storage/signature")
    secrets = [
        (each.name, each.read_text(encoding="utf-8").strip())
        for each in (reference.folder / "conformance.secrets").iterdir()
        if each.name != "registry-token.crt"
    ]
    everything = [
        ran.output,
        *(text_of(each) for each in ran.record.folder.rglob("*") if each.is_file()),
    ]
    everything += [unquote(text) for text in everything]
    for name, secret in secrets:
        for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]):
            assert not any(form in text for text in everything), name
    jwt = re.compile(r"eyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}")
    assert not [found for text in everything for found in jwt.findall(text)][:1]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["no-such-area"], 4, "no check matches 'no-such-area'"),
        (["oauth/client", "oaut"], 4, "no check matches 'oaut'; did you mean \"oauth\"?"),
        (["transport"], 4, "no check matches 'transport'; did you mean \"oauth/transport\"?"),
        (["level:mut"], 4, "no check matches 'level:mut'; did you mean \"level:MUST\"?"),
        (["oauth/response/no-store#some"], 4, "no check matches 'oauth/response/no-store#some'"),
        (["oauth/response/no-cookie", "--profile", "quick"], 5, "no check is both selected and part of"),
        (["--profile", "fast"], 4, "quick, core, full"),
        (["--profile", "ful"], 4, 'did you mean "full"?'),
        (["--shard", "3/2"], 4, "--shard 3/2"),
        (["--explore", "-1"], 4, "--explore: -1"),
        (["--rate", "fast"], 4, '"50/s"'),
        (["--report", "pdf"], 4, "pdf"),
        (["--workers", "many"], 4, "many"),
        (["--target", "production"], 4, "production"),
        (["--out", "/proc/nowhere/run"], 4, "/proc/nowhere/run"),
        (["--config", "/nonexistent.toml"], 4, "/nonexistent.toml"),
        (["--nonsense"], 4, "--nonsense"),
    ],
)  # fmt: skip
def test_bad_usage_is_one_clear_message(
    reference: EmbeddedReference, tmp_path: Path, words: list[str], code: int, told: str
) -> None:
    config = [] if "--config" in words else ["--config", str(reference.target_config)]
    ran = conformance(tmp_path, "run", *config, *words)
    assert ran.code == code, ran.output
    assert told in ran.output
    assert "Traceback" not in ran.output
    assert not [*(tmp_path / "reports").glob("*")], "a run of nothing has left a folder"


def test_a_folder_that_was_there_stays_when_nothing_is_selected(reference: EmbeddedReference, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("of another run")
    assert checked(reference, tmp_path, "oauth/response/no-cookie", "--profile", "quick", "--out", "mine").code == 5
    assert (tmp_path / "mine" / "notes.txt").read_text() == "of another run"


def target_file(folder: Path, text: str) -> None:
    (folder / "conformance.toml").write_text(text, encoding="utf-8")


IDENTITY = """
[targets.it]
organization = "acme"
[targets.it.limits]
answer = 1.0
connect = 1.0
[targets.it.identity]
url = "{url}"
[targets.it.identity.credentials.full]
client_id = "ct-full"
client_secret = "${{CT_SECRET}}"
scopes = ["organization:read"]
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_a_target_that_is_not_there_is_inconclusive(tmp_path: Path) -> None:
    target_file(tmp_path, IDENTITY.format(url=f"http://127.0.0.1:{free_port()}"))
    ran = conformance(tmp_path, "run", "oauth", CT_SECRET="a-secret-of-some-length")
    assert ran.code == 7, ran.output
    assert "refused" in ran.output
    assert set(ran.verdicts().values()) <= {"inconclusive", "not-applicable"}


def test_a_missing_secret_is_told_before_anything_runs(tmp_path: Path) -> None:
    target_file(tmp_path, IDENTITY.format(url="http://127.0.0.1:9"))
    ran = conformance(tmp_path, "run", CT_SECRET="")
    assert (ran.code, "CT_SECRET" in ran.output) == (4, True), ran.output


class Html(BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = b"<html><body>It works!</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Endless(Html):
    def answer(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"{" * 65536)
        except OSError:
            pass

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = answer


@pytest.mark.parametrize("handler", [Html, Endless])
def test_a_hostile_target_ends_in_verdicts_and_no_traceback(
    tmp_path: Path, handler: type[BaseHTTPRequestHandler]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    target_file(tmp_path, IDENTITY.format(url=f"http://127.0.0.1:{server.server_port}"))
    ran = conformance(tmp_path, "run", "oauth/client", CT_SECRET="a-secret-of-some-length")
    server.shutdown()
    server.server_close()
    assert ran.code in (1, 7), ran.output
    assert "Traceback" not in ran.output
    assert "error" not in set(ran.verdicts().values())


@pytest.mark.parametrize(
    ("interrupt", "workers", "told"),
    [
        (signal.SIGINT, "0", os.kill),
        (signal.SIGTERM, "0", os.kill),
        (signal.SIGTERM, "2", os.kill),
        # As ``timeout`` does, and a service manager: each process of the run hears it.
        (signal.SIGTERM, "2", os.killpg),
    ],
)
def test_an_interrupt_keeps_what_was_judged(
    reference: EmbeddedReference, tmp_path: Path, interrupt: int, workers: str, told: Callable[[int, int], None]
) -> None:
    words = ["run", "--config", str(reference.target_config), "--workers", workers]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        # Whoever started the tests in the background may have had that ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        results = list(tmp_path.glob("reports/*/results.ndjson"))
        if results and results[0].read_text(encoding="utf-8").count('"kind": "check"') > 5:
            break
        time.sleep(0.05)
    told(process.pid, interrupt)
    output, _ = process.communicate(timeout=60)
    ran = Ran(process.returncode, output, tmp_path)
    assert ran.code == 2, output
    assert not ran.record.complete
    assert len(ran.record.results) > 5
    assert (ran.record.folder / "index.html").exists()
    assert "Traceback" not in output


def test_the_record_says_what_was_tested_with_what(reference: EmbeddedReference, tmp_path: Path) -> None:
    ran = checked(reference, tmp_path, "oauth/client", "--seed", "7", "--explore", "3", "--profile", "core")
    info = json.loads((ran.record.folder / "run.json").read_text(encoding="utf-8"))
    assert (info["seed"], info["explore"], info["profile"], info["selection"]) == (7, 3, "core", ["oauth/client"])
    assert info["configuration"]["identity"]["credentials"]["full"]["client_secret"].startswith("$")
    assert info["exit_code"] == 0
    assert info["requests"] > 0


@pytest.mark.once
def test_shards_are_the_whole(reference: EmbeddedReference, tmp_path: Path) -> None:
    whole = checked(reference, tmp_path, "oauth/client").verdicts()
    parts: dict[str, str] = {}
    for part in ("1/2", "2/2"):
        folder = tmp_path / part.replace("/", "-")
        folder.mkdir()
        parts |= checked(reference, folder, "oauth/client", "--shard", part).verdicts()
    assert parts == whole


@pytest.mark.once
def test_a_waived_finding_is_shown_as_waived_and_a_stale_waiver_fails(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    tell(control, "switch", "token-may-be-stored")
    waived = conformance(
        tmp_path,
        "waive",
        "oauth/response/no-store",
        "--reason=soon",
        "--issue=https://t.example/1",
        "--until=2099-01-01",
    )
    assert waived.code == 0, waived.output
    words = ("oauth/response/no-store", "--waivers", "waivers.toml", "--out")
    ran = checked(reference, tmp_path, *words, "one")
    assert (ran.code, "WAIVED" in ran.output) == (0, True), ran.output
    assert checked(reference, tmp_path, *words, "two", "--strict").code == 1
    tell(control, "reset")
    stale = checked(reference, tmp_path, *words, "three")
    assert (stale.code, "stale" in stale.output) == (1, True), stale.output
