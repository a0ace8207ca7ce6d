"""What the lines of ``reproduce.sh`` do in a shell: quoting, dates, waiting, bodies, lists, verdicts, signatures."""

from __future__ import annotations

import base64
import shlex
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from conformance.clients.s3.sigv4 import Keys, Request, Signing, sign
from conformance.evidence.curl import from_file
from conformance.reporting.reproduce.judgement import as_seen, judged, printed
from conformance.reporting.reproduce.requests import FUNCTIONS, body_lines, commented, here
from conformance.reporting.reproduce.script import Script
from conformance.reporting.reproduce.script import signing as signing_lines
from conformance.reporting.reproduce.steps import unsendable
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

SHELL = str(shutil.which("sh"))
RUN_AT = 1795762389.0
"""2026-11-27, 06:53:09 UTC."""
DATE = "Fri, 27 Nov 2026 06:53:09 GMT"


def shell(*lines: str, folder: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    """Run lines in a folder, after the functions that every script begins with."""
    script = "\n".join([FUNCTIONS["PREAMBLE"], FUNCTIONS["LISTS"], FUNCTIONS["DATES"], *lines])
    command = [SHELL, "-c", script, str(folder / "reproduce.sh")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "text", ["plain", 'a "b" \\c', "$HOME `id` $(id)", "tab\there", "two\nlines", "é日", "\\n", "${X}", "a$NAME_MORE"]
)
def test_text_passes_shell_and_curl_unchanged(text: str) -> None:
    """The shell gives curl a quoted value, which, read by curl's rules, is the text."""
    ran = shell(f'cat <<CURL\nvalue = "{here(text, {"NAME": "NAME"}, {})}"\nCURL')
    inside = ran.stdout.removeprefix('value = "').removesuffix('"\n')
    meant = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
    plain, place = "", 0
    while place < len(inside):
        pair = inside[place : place + 2]
        plain, place = (plain + meant[pair], place + 2) if pair in meant else (plain + inside[place], place + 1)
    assert plain == text


def test_the_words_of_a_target_are_a_comment_without_control_characters() -> None:
    finding = {"expected": "200", "observed": f"500 {samples.HOSTILE}\nrm -rf /\r\x08\x9b31m"}
    lines = list(commented(samples.check("oauth/token/a", Verdict.FAIL), finding))
    assert all(line.startswith("#") and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("value", "sent"),
    [('"a"', True), ("日é".encode().decode("latin-1"), True), ("\x1b[2J", False), ("\xc2\x9b31m", False)],
)
def test_a_header_with_terminal_escapes_is_not_put_into_a_script(value: str, sent: bool) -> None:
    entry = samples.entry(request_headers=[["If-None-Match", value]])
    assert bool(unsendable([(1, entry)], {}, {})) is not sent


def test_a_secret_is_read_from_the_environment_or_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key file").write_text("of the file")
    record = Record(tmp_path, samples.info(recipes={"KEY": from_file("KEY", "key file")}), [], True)
    sent = samples.entry(secrets=["KEY"], request_headers=[["X-Key", "$KEY"]])
    lines = Script(record, samples.check("a/b", Verdict.FAIL), {"expected": "", "observed": ""}, [sent])._secrets()
    preamble = FUNCTIONS["PREAMBLE"].replace("dirname", "echo /; :")
    asking = shlex.join([SHELL, "-c", "\n".join([preamble, *lines, "echo $KEY_QUOTED"])])
    for given, value in (("", "of the file"), ("KEY='of the environment'; export KEY;", "of the environment")):
        ran = subprocess.run([SHELL, "-c", given + asking], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.stdout.strip() == value


@pytest.mark.parametrize(
    ("form", "later", "date"),
    [
        ("usual", 86400, "Sat, 28 Nov 2026 06:53:09 GMT"),
        ("rfc850", -3600, "Friday, 27-Nov-26 05:53:09 GMT"),
        ("asctime", -20 * 86400, "Sat Nov  7 06:53:09 2026"),
        ("usual", 459 * 86400, "Tue, 29 Feb 2028 06:53:09 GMT"),
        ("seconds", 0, f"{RUN_AT:.0f}"),
    ],
)
def test_a_date_is_moved_in_its_own_form(form: str, later: int, date: str) -> None:
    assert shell(f"dated {form} {later} '{DATE}'").stdout == date


@pytest.mark.parametrize(
    ("status", "field", "body", "waits"),
    [
        (429, "Retry-After: 2", "", True),
        (503, "Server: s", "<Error><Code>SlowDown</Code></Error>", True),
        (503, "Server: s", "<Error><Code>InternalError</Code></Error>", False),
        (429, "Retry-After: 3600", "<Code>SlowDown</Code>", False),
        (200, "Retry-After: 2", "<Code>SlowDown</Code>", False),
    ],
)
def test_a_script_waits_when_asked_for_a_short_time(status: int, field: str, body: str, waits: bool) -> None:
    answer = [
        f"printf {status} >$answers/1.status",
        f"echo '{field}' >$answers/1.head",
        f"echo '{body}' >$answers/1.body",
    ]
    assert (shell(*answer, "must_wait 1").returncode == 0) is waits


def test_a_script_ends_undecided_where_a_step_differs_from_the_run() -> None:
    ran = shell('printf 404 >"$answers/1.status"', "finds 1", "echo 'passes'")
    assert ran.returncode == 2 and "the resource of request 1 does not exist" in ran.stdout
    ran = shell('printf 429 >"$answers/1.status"', "needs 1 '2??|429'", "needs 1 201", "echo 'passes'")
    assert ran.returncode == 2 and "response 1 has status 429" in ran.stdout


def test_a_response_that_breaks_off_has_no_status() -> None:
    """As in the run; a script that read a status from it would say that the finding is mended."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def breaks_off() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nab")

        threading.Thread(target=breaks_off, daemon=True).start()
        port = server.getsockname()[1]
        ran = shell(f'send 1 <<CURL\nurl = "http://127.0.0.1:{port}/"\nCURL', 'cat "$answers"/1.*')
    assert ran.stdout.splitlines() == ["(curl exited with 18)", "response 1: status 000", "000"]


@pytest.mark.parametrize(("shows_at", "code"), [(3, 1), (9, 0)])
def test_a_rare_deviation_is_requested_until_it_shows(shows_at: int, code: int) -> None:
    attempt = f'attempt() ( echo >>"$answers/n"; [ "$(wc -l <"$answers/n")" -lt {shows_at} ] || shows it )'
    ran = shell(FUNCTIONS["AGAIN"], attempt, "until_shown 5")
    assert ran.returncode == code and ran.stdout.startswith(f"tried {min(shows_at, 5)} times")


def test_a_long_body_is_sent_under_a_new_name(tmp_path: Path) -> None:
    name, text = "cf-abcdefg", "x" * 3000 + "\n'\"$HOME \\n €"
    pieces = [(f'{{"slug": "{name}", "text": "{text}", "a": "'.encode(), 1), (b"ab", 20_000), (b'"}', 1)]
    repeated = [{"base64": base64.b64encode(unit).decode(), "times": times} for unit, times in pieces]
    body = {"size": sum(len(unit) * times for unit, times in pieces), "pieces": repeated}
    lines, files = body_lines(3, body, {name: "cf-\0RUN\0"}, (), lambda found: name in found)
    for file, unit in files.items():
        (tmp_path / file).write_bytes(unit)
    assert shell('ANSWERS="." RUN=0a1b', *lines, folder=tmp_path).returncode == 0
    sent = f'{{"slug": "cf-0a1b", "text": "{text}", "a": "{"ab" * 20_000}"}}'
    assert (tmp_path / "3.sent").read_text(encoding="utf-8") == sent


@pytest.mark.parametrize("secret", ["wJalrXUtnFEMI/K7MDENG", "a'b\"c\\d $e% \u00e9", "x" * 61])
def test_a_path_with_dots_is_signed_as_the_suite_signs_it(secret: str) -> None:
    """curl would sign the path without the dots."""
    moment, query = "20261202T090713Z", (("uploadId", "a/b"), ("partNumber", "1"))
    request = Request("PUT", "/a/x/../../b/k%20ey", query, (("Host", "h:1"), ("x-amz-meta-a", "two  blanks")), b"bytes")
    signed = sign(request, Keys("AK", secret), Signing(when=1796202433.0))
    fields = [[name, value.replace("=AK/", "=$KEY/")] for name, value in signed.headers]
    entry = {"client": "s3-signed", "method": "PUT", "url": f"http://h:1{signed.target}", "request_headers": fields}
    lines = [*signing_lines(7, entry, {"KEY": "SECRET"}, {}, {})]
    lines[0] = f"SIGNED_AT_7={moment}"
    script = "\n".join(["set -u", FUNCTIONS["SIGNING"], *lines, 'printf %s "$SIGNATURE_7"'])
    environment = {"PATH": "/usr/bin:/bin", "SECRET": secret}
    ran = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=True)
    assert f"Signature={ran.stdout.decode()}" in (signed.header("Authorization") or "")


FIRST = ("Link: </v2/a/tags/list?last=x>; rel=next\r\n", '{"tags": ["y", "x"],\n "name": "a"}')
LAST = ("", '{"tags":["z"]}')
KEYS = (
    "<R><EncodingType>url</EncodingType><Prefix>p</Prefix><Contents><Size>1</Size>\n<Key>p%F0%9F%9A%80+%2B</Key>"
    "</Contents><Contents><Key>p&amp;&lt;</Key></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></R>"
)
PREFIXED = KEYS.replace("<Key>", "<s3:Key >").replace("</Key>", "</s3:Key\n>")
SET = "<Tagging><Tag><Key>a</Key><Value/></Tag><Tag><Key>b</Key><Value></Value></Tag></Tagging>"


@pytest.mark.parametrize(
    ("name", "wanted", "pages", "right"),
    [
        pytest.param("tags", ["z", "y", "x"], [FIRST, LAST], True, id="whole-over-two-pages"),
        pytest.param("tags", ["x", "y"], [FIRST, LAST], False, id="one-too-many"),
        pytest.param("tags", ["x", "y", "z", "a"], [FIRST, LAST], False, id="one-missing"),
        pytest.param("tags", ["x", "x", "y", "z"], [FIRST, LAST], False, id="one-missing-twice"),
        pytest.param("tags", ["w", "x", "y", "z"], [FIRST], True, id="continues-beyond-the-requested-pages"),
        pytest.param("tags", ["x", "z"], [FIRST], False, id="continues-with-one-too-many"),
        pytest.param("tags", ["z"], [LAST, LAST], True, id="nothing-counts-after-the-last-page"),
        pytest.param("tags", [], [("", '{"tags": []}')], True, id="empty"),
        pytest.param("Contents/Key", ["p🚀 +", "p&<"], [("", KEYS)], True, id="xml"),
        pytest.param("Contents/Key", ["p"], [("", KEYS)], False, id="xml-other-key"),
        pytest.param("CommonPrefixes/Prefix", ["p/"], [("", KEYS)], True, id="xml-nested-name"),
        pytest.param("Contents/Key", ["p🚀 +", "p&<"], [("", PREFIXED)], True, id="xml-namespace-prefix"),
        pytest.param("Tag/Value", ["", ""], [("", SET)], True, id="xml-empty-items"),
        pytest.param("Tag/Value", [""], [("", SET)], False, id="xml-empty-items-count"),
    ],
)
def test_a_list_is_compared_over_its_pages(
    tmp_path: Path, name: str, wanted: list[str], pages: list[tuple[str, str]], right: bool
) -> None:
    lines = []
    for number, (head, body) in enumerate(pages, 1):
        (tmp_path / f"{number}.head").write_text(head, encoding="utf-8", newline="")
        (tmp_path / f"{number}.body").write_text(body, encoding="utf-8")
        lines += [f'cp {number}.head {number}.body "$answers"', f'printf 200 >"$answers/{number}.status"']
    numbers = " ".join(str(number) for number in range(1, len(pages) + 1))
    lines.append(f"{printed(' '.join(shlex.quote(f'={each}') for each in wanted))} | lists {name} {numbers}")
    assert (shell(*lines, folder=tmp_path).returncode == 0) is right


def ended(folder: Path, status: int, lines: list[str], body: str = "") -> int:
    """Return the exit code of a script that ends with these lines after a response of this status."""
    (folder / "1.status").write_text(f"{status:03}")
    (folder / "1.body").write_text(body)
    return shell(f"answers={folder}", "trap - EXIT", *lines).returncode


@pytest.mark.parametrize(("status", "code"), [(0, 2), (401, 2), (429, 2), (503, 2), (404, 0), (200, 1)])
def test_an_overloaded_or_logged_out_target_decides_nothing(tmp_path: Path, status: int, code: int) -> None:
    assert ended(tmp_path, status, judged({"statuses": [404]}, {"x": 1}, 1, 200, {}, {})) == code


@pytest.mark.parametrize(
    ("proof", "body", "code"),
    [
        ({"unless": [["x", "scope"]]}, "a scope", 0),
        ({"unless": [["x", "scope"]]}, "none", 1),
        ({"given": [["x", "scope"]]}, "none", 2),
        ({"or_statuses": [404, 200]}, "none", 0),
        ({"or_statuses": [404]}, "none", 1),
    ],
)
def test_the_proof_of_a_finding_decides_the_exit_code(
    tmp_path: Path, proof: dict[str, Any], body: str, code: int
) -> None:
    lines = judged({"statuses": [403], **proof}, {"x": 1}, 1, 200, {}, {})
    assert ended(tmp_path, 200, lines, body) == code


def test_a_response_in_which_a_secret_was_removed_cannot_be_compared() -> None:
    body = '{"access_token": "$FULL_TOKEN"}'
    entry = {"status": 200, "response_headers": [], "response_body": {"size": len(body), "text": body}}
    lines, bodies = as_seen([(1, entry)])
    assert lines[-1].startswith("cannot ") and not bodies
