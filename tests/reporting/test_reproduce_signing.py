"""A script signs a path with dots as the suite does: curl would sign the path without them."""

from __future__ import annotations

import subprocess

import pytest

from conformance.clients.s3.sigv4 import Keys, Request, Signing, sign
from conformance.reporting.reproduce.requests import FUNCTIONS, is_signed_by_hand
from conformance.reporting.reproduce.script import signing as signing_lines

MOMENT = "20261202T090713Z"
PATH = "/a/x/../../b/k%20ey"


@pytest.mark.parametrize(
    "secret", ["wJalrXUtnFEMI/K7MDENG", "a'b\"c\\d $e% \u00e9", "x" * 61], ids=["usual", "odd", "long"]
)
@pytest.mark.parametrize("query", [(), (("uploadId", "a/b"), ("partNumber", "1"))])
def test_the_signature_is_that_of_the_suite(secret: str, query: tuple[tuple[str, str], ...]) -> None:
    request = Request("PUT", PATH, query, (("Host", "h:1"), ("x-amz-meta-a", "two  blanks")), b"bytes")
    signed = sign(request, Keys("AK", secret), Signing(when=1796202433.0))
    fields = [[name, value.replace("=AK/", "=$KEY/")] for name, value in signed.headers]
    entry = {"client": "s3-signed", "method": "PUT", "url": f"http://h:1{signed.target}", "request_headers": fields}
    assert is_signed_by_hand(entry, {"KEY": "SECRET"})
    marks: dict[str, str] = {}
    lines = [*signing_lines(7, entry, {"KEY": "SECRET"}, {}, marks)]
    lines[0] = f"SIGNED_AT_7={MOMENT}"
    script = "\n".join(["set -u", FUNCTIONS["SIGNING"], *lines, 'printf %s "$SIGNATURE_7"'])
    ran = subprocess.run(
        ["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "SECRET": secret}, capture_output=True, check=True
    )
    assert f"Signature={ran.stdout.decode()}" in (signed.header("Authorization") or "")
    assert set(marks) == {MOMENT, f"/{MOMENT[:8]}/", ran.stdout.decode()}


def test_curl_signs_what_has_no_dots() -> None:
    signed = sign(Request("GET", PATH, headers=(("Host", "h"),)), Keys("AK", "s"), Signing())
    fields = [[name, value.replace("=AK/", "=$KEY/")] for name, value in signed.headers]
    entry = {"client": "s3-signed", "url": f"http://h{PATH}", "request_headers": fields}
    assert is_signed_by_hand(entry, {"KEY": "SECRET"})
    assert not is_signed_by_hand({**entry, "url": "http://h/a/x..y/...?p=/../"}, {"KEY": "SECRET"})
    assert not is_signed_by_hand({**entry, "client": "s3-raw"}, {"KEY": "SECRET"})
