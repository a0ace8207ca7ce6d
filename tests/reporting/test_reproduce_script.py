"""What ``reproduce.sh`` sends and how it ends, run by a shell against a server that answers what a test says."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.curl import from_file
from conformance.reporting.reproduce.requests import unsendable
from conformance.reporting.reproduce.script import Script, script_lacks
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import Verdict
from tests.clients.servers import Listening
from tests.reporting import samples

SHELL = str(shutil.which("sh"))
LONGEST = 60


class Server(Listening):
    """Answers the connections one after the other with these responses, and stores the requests."""

    def __init__(self, *responses: bytes) -> None:
        self.responses, self.seen = list(responses), list[str]()
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        self.seen.append(connection.recv(65536).decode())
        connection.sendall(self.responses[min(len(self.seen), len(self.responses)) - 1])


def response(status: int, body: bytes = b"", *fields: str) -> bytes:
    """Return the bytes of a response that ends its connection."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body


def script(folder: Path, *sequence: dict[str, Any], deviation: dict[str, Any], **info: Any) -> str:
    """Return the script of a finding about the last exchange of a sequence."""
    record = Record(folder, samples.info(**info), [], True)
    ids = [each["id"] for each in sequence]
    finding = samples.finding("404", "200 with no body", *ids[-1:], sequence=ids, deviation=deviation)
    result = samples.check("storage/object/a#b", Verdict.FAIL, findings=[finding])
    assert script_lacks(finding, sequence, {}) == ""
    return "\n".join([*Script(record, result, finding, list(sequence)).lines(), ""])


def run(text: str, folder: Path = Path("/"), **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script with these variables."""
    variables = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        [SHELL, "-c", text], cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=60
    )


STATUS = {"kind": "status", "statuses": ["404", "410"]}
FIELD = {"kind": "field", "name": "ETag", "matches": '^"'}
ABSENT = {"kind": "field", "name": "X-Owner", "lacks": "^"}
DIGEST = {"kind": "body", "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}


@pytest.mark.parametrize(
    ("deviation", "now", "code"),
    [
        (STATUS, response(200), 1),
        (STATUS, response(404), 0),
        (STATUS, response(503), 2),
        (STATUS, response(401), 2),
        (FIELD, response(200, b"", "ETag: W/1"), 1),
        (FIELD, response(200), 1),
        (FIELD, response(200, b"", 'etag: "1"'), 0),
        (FIELD, response(404), 2),
        (ABSENT, response(200, b"", "x-owner: acme"), 1),
        (ABSENT, response(200), 0),
        (DIGEST, response(200, b"other"), 1),
        (DIGEST, response(200, b"hello"), 0),
        ({"kind": "body", "matches": "<Code>A</Code>"}, response(200, b"<Code>\nB</Code>"), 1),
        ({"kind": "body", "matches": "<Code>A</Code>"}, response(200, b"<Code>\nA</Code>"), 0),
        ({"kind": "body", "lacks": "secret"}, response(200, b"a secret"), 1),
        ({"kind": "body"}, response(200, b"a"), 2),
        ({"kind": "behaviour"}, response(200), 2),
    ],
)
def test_the_deciding_response_decides_the_exit_code(
    tmp_path: Path, deviation: dict[str, Any], now: bytes, code: int
) -> None:
    server = Server(now)
    text = script(tmp_path, samples.entry(url=f"{server.url}/b/k"), deviation=deviation)
    ran = run(text)
    server.close()
    assert ran.returncode == code, (ran.stdout, ran.stderr, text)
    assert len(text.splitlines()) <= LONGEST
    assert code != 2 or "cannot decide" in ran.stdout


def test_a_script_takes_values_from_the_responses_of_now_and_gives_new_names(tmp_path: Path) -> None:
    name = samples.RUN_MADE
    server = Server(
        response(200, b"<UploadId>upload-now</UploadId>"), response(200, b"", 'ETag: "tag-now"'), response(200)
    )
    url = f"{server.url}/b/{name}"
    opened = {"size": 9, "text": "<UploadId>upload-then</UploadId>"}
    text = script(
        tmp_path,
        samples.entry(1, "POST", url=f"{url}?uploads=", response_body=opened),
        samples.entry(2, "PUT", url=f"{url}?uploadId=upload-then", response_headers=[["ETag", '"tag-then"']]),
        samples.entry(3, "GET", url=url, request_headers=[["If-Match", '"tag-then"']]),
        deviation=STATUS,
    )
    ran = run(text)
    server.close()
    assert ran.returncode == 1, (ran.stdout, ran.stderr)
    assert "uploadId=upload-now" in server.seen[1] and 'If-Match: "tag-now"' in server.seen[2]
    assert name not in "".join(server.seen) and f"/b/{name[:10]}" in server.seen[0]
    assert len({each.split()[1].partition("?")[0] for each in server.seen}) == 1


def test_a_script_cannot_decide_if_a_step_before_fails(tmp_path: Path) -> None:
    server = Server(response(500), response(200))
    url = f"{server.url}/b/k"
    text = script(tmp_path, samples.entry(1, "PUT", url=url), samples.entry(2, url=url), deviation=STATUS)
    ran = run(text)
    server.close()
    assert ran.returncode == 2 and "request 1 prepares the finding, and failed" in ran.stdout


def test_a_read_that_prepares_nothing_is_left_out(tmp_path: Path) -> None:
    text = script(tmp_path, samples.entry(1), samples.entry(2, "DELETE"), samples.entry(3), deviation=STATUS)
    assert text.count("\nsend ") == 2


def test_a_token_that_a_step_obtains_is_used_by_the_later_ones(tmp_path: Path) -> None:
    server = Server(response(200, b'{"access_token": "token-now"}'), response(200))
    token = {"size": 9, "text": '{"access_token": "$TOKEN_FULL"}'}
    sent: dict[str, Any] = {"secrets": ["TOKEN_FULL"], "tokens": {"TOKEN_FULL": 1}}
    text = script(
        tmp_path,
        samples.entry(1, "POST", url=f"{server.url}/token", response_body=token, issued=[1]),
        samples.entry(2, url=server.url, request_headers=[["Authorization", "Bearer $TOKEN_FULL"]], **sent),
        deviation=STATUS,
    )
    ran = run(text)
    server.close()
    assert ran.returncode == 1, (ran.stdout, ran.stderr)
    assert "Authorization: Bearer token-now" in server.seen[1]


def test_a_secret_comes_from_the_environment_or_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("of-the-file")
    server = Server(response(200))
    sent = samples.entry(url=server.url, secrets=["KEY"], request_headers=[["X-Key", "$KEY"]])
    text = script(tmp_path, sent, deviation=STATUS)
    assert run(text).returncode == 2 and not server.seen
    assert run(text, KEY="of-the-environment").returncode == 1
    recipes = {"KEY": from_file("KEY", str(tmp_path / "key"))}
    assert run(script(tmp_path, sent, deviation=STATUS, recipes=recipes)).returncode == 1
    server.close()
    assert ["X-Key: of-the-" in each for each in server.seen] == [True, True]


def test_the_words_of_a_target_are_a_comment_without_control_characters(tmp_path: Path) -> None:
    record = Record(tmp_path, samples.info(), [], True)
    finding = samples.finding("200", f"500 {samples.HOSTILE}\nrm -rf /\r\x08\x9b31m")
    lines = list(Script(record, samples.check("oauth/token/a", Verdict.FAIL), finding, [])._comments())
    assert all(line.startswith("#") and line.isprintable() for line in lines)


BODY = {"size": 70000, "sha256": "0" * 64, "base64": "AAAA"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_headers": [["X-A", "\x1b[2J"]]}, "control characters"),
        ({"request_headers": [["X-A", "\xc2\x9b31m"]]}, "control characters"),
        ({"method": "PUT", "request_body": BODY}, "does not fit"),
        ({"client": "wire-cut"}, "in part"),
        ({"url": "http://h/b?X-Amz-Signature=0"}, "expires"),
        ({"method": "HEAD", "request_body": {"size": 1, "text": "a"}}, "HEAD"),
        ({"request_headers": [["If-Match", "日é".encode().decode("latin-1")]]}, ""),
    ],
)
def test_a_request_that_curl_cannot_send_has_a_reason(changes: dict[str, Any], reason: str) -> None:
    found = unsendable(samples.entry(**changes), {})
    assert reason in found and bool(reason) is bool(found)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([samples.entry(1, status=429)], "limit"),
        ([samples.entry(1, "PUT", duration_s=9.0), samples.entry(2, "PUT")], "concurrent"),
        ([samples.entry(1, duration_s=9.0), samples.entry(2)], "concurrent"),
        ([samples.entry(number, "PUT") for number in range(1, 20)], "19 requests"),
        ([{"kind": "transcript", "id": "x-1", "command": ["docker"]}], "client program"),
        ([samples.entry(1, secrets=["ISSUED_TOKEN_3"])], "token"),
    ],
)
def test_a_finding_without_a_script_says_why(entries: list[dict[str, Any]], reason: str) -> None:
    finding = samples.finding("404", "200 with no body", entries[-1]["id"])
    assert reason in script_lacks(finding, entries, {})
