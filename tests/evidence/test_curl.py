"""The curl line of an exchange sends the same bytes and contains names instead of secrets."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

import pytest

from conformance.clients.http import HttpClient
from conformance.evidence.curl import assignments_of, curl, quoted
from conformance.evidence.recorder import Recorder
from tests.clients.servers import Handler, LocalServer

SECRET = "the-secret/with+odd=characters"
FULL_WIDTH = f"{SECRET[:4]}\uff53{SECRET[5:]}"
ENCODED = ":".join("".join(f"%{byte:02X}" for byte in part.encode()) for part in ("client", SECRET))


class Echo(Handler):
    seen: list[tuple[str, str, list[tuple[str, str]], bytes]] = []

    def answer(self) -> None:
        self.seen.append((self.command, self.path, self.headers.items(), self.asked()))
        self.answered(200, {}, b"")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    served = LocalServer(Echo)
    with served.serving():
        yield served.url


CASES: list[tuple[str, str, Sequence[tuple[str, str | bytes]], bytes]] = [
    ("GET", "/a/../b//c?x=%2F&y", [], b""),
    ("HEAD", "/v2/", [("Accept", "*/*")], b""),
    ("POST", "/token", [("Content-Type", "application/x-www-form-urlencoded")], f"client_secret={SECRET}".encode()),
    ("POST", f"/token?a={quote_plus(SECRET)}", [], f"a=1&client_secret={quote_plus(SECRET)}&b=2".encode()),
    *(
        ("POST", "/token", [("Authorization", f"Basic {base64.b64encode(f'client:{each}'.encode()).decode()}")], body)
        for each, body in (
            (SECRET[:-1], f"client_secret={quote(SECRET[2:], safe='')}".encode()),
            (SECRET.swapcase(), f'{{"client_secret": "{SECRET[:9]}X{SECRET[10:]}"}}'.encode()),
            (FULL_WIDTH, f"client_secret={quote(FULL_WIDTH, safe='')}".encode()),
        )
    ),
    ("PUT", '/o\'k "quoted" $HOME `x`'.replace(" ", "%20"), [("X-Odd", 'it\'s $5 \\ "q"')], b"line 1\nline 2\n"),
    ("DELETE", "/x", [("Authorization", f"Bearer {SECRET}")], b""),
    ("GET", "/bytes", [("X-Odd", b"\xff' $HOME %s\xfe"), ("X-Text", "tökén 漢")], b""),
    ("PUT", "/bytes", [], bytes(range(96, 256))),
    ("PUT", "/pieces", [], b"a" * 40_000 + b"-\n" + b"it's 50% \\ " * 900),
    ("PUT", "/readable", [], b"it's 100 % of \xff\0007 \\ $HOME\n"),
    ("POST", "/token", [], f"a=%d\xff\0&client_secret={SECRET}&b='%s'".encode("latin-1")),
    *(
        ("POST", "/token", [("Authorization", f"Basic {base64.b64encode(each.encode()).decode()}")], b"")
        for each in (ENCODED, f"x\0:{SECRET}\0%s")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{n}" for n in range(len(CASES))])
def test_the_command_sends_what_the_check_sent(
    server: str, case: tuple[str, str, Sequence[tuple[str, str | bytes]], bytes]
) -> None:
    method, target, headers, body = case
    Echo.seen = []
    recorder = Recorder()
    recorder.redactor.learn("THE_SECRET", SECRET)
    client = HttpClient(server, recorder)
    client.send(method, target, headers, body)
    client.close()
    command = curl(recorder.entries[-1])
    assert SECRET not in command
    assert quote_plus(SECRET) not in command

    made = assignments_of(command, recorder.recipes).values()
    subprocess.run(
        ["sh", "-c", "\n".join([*made, command])],
        env={**os.environ, "THE_SECRET": SECRET},
        check=True,
        capture_output=True,
    )

    first, second = Echo.seen
    assert first[0] == second[0]
    # curl encodes in small letters, which means the same.
    if "PERCENT_ENCODED" in command:
        assert unquote_plus(first[1]) == unquote_plus(second[1])
        assert unquote_to_bytes(first[3]) == unquote_to_bytes(second[3])
    else:
        assert (first[1], first[3]) == (second[1], second[3])
    own = {"user-agent", "accept"} - {name.lower() for name, _ in headers}
    sent = {name.lower(): value for name, value in second[2] if name.lower() not in own}
    expected = {name.lower(): value for name, value in first[2]}
    for name in ("content-length", "accept-encoding", *own):
        sent.pop(name, None)
        expected.pop(name, None)
    assert sent == expected


def test_only_names_of_secrets_are_expanded() -> None:
    assert quoted("$HOME $CT_SECRET $CT_SECRETS", ["CT_SECRET"]) == '"\\$HOME ${CT_SECRET} \\$CT_SECRETS"'
    assert quoted("$HOME") == "'$HOME'"


def test_bytes_are_written_readably_where_possible() -> None:
    entry = {"client": "", "method": "PUT", "url": "http://h/b", "request_headers": [], "secrets": []}

    def told(content: bytes) -> str:
        return curl(entry | {"request_body": {"size": len(content), "base64": base64.b64encode(content).decode()}})

    shown = "curl -sS -i --path-as-is -X PUT http://h/b -H 'Content-Type:' --data-binary"
    assert told(b"a=\xff") == f"printf 'a=\\377' | {shown} @-"
    assert told(bytes(9)) == f"printf %s AAAAAAAAAAAA | base64 -d | {shown} @-"
    assert told(bytes(2000)) == f"head -c 2000 /dev/zero | {shown} @-"
    assert (
        told(b"ab" * 40 + b"cc" * 900)
        == f"{{ yes ab | tr -d '\\n' | head -c 80; head -c 1800 /dev/zero | tr '\\0' 'c'; }} | {shown} @-"
    )
    assert told(bytes(range(256)) * 8) == f"{shown} @body-of-2048-bytes"


def test_curl_signs_an_s3_request() -> None:
    entry = {
        "client": "s3-signed", "method": "GET", "url": "http://h/b/k", "secrets": ["S3_KEY"],
        "request_headers": [["Authorization", "AWS4-HMAC-SHA256 Credential=$S3_KEY/20260101/eu-1/s3/aws4_request, …"]],
        "request_body": {"size": 0, "text": ""},
    }  # fmt: skip
    told = curl(entry, {"S3_KEY": "S3_SECRET"})
    assert told == 'curl -sS -i http://h/b/k --aws-sigv4 aws:amz:eu-1:s3 --user "${S3_KEY}:${S3_SECRET}"'
