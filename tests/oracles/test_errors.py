"""Error bodies have one shape and contain no internals and no secrets."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply

LEAKS = {
    "python": 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 3, in <module>',
    "java": "at com.example.Orders.find(Orders.java:42)",
    "node": "Error: x\n    at Object.<anonymous> (/srv/app.js:1:7)",
    "go": "panic: runtime error\ngoroutine 1 [running]:",
    "sql": 'duplicate key value violates unique constraint "slug"',
    "statement": "SELECT id FROM projects WHERE slug = 'x'",
    "path": "cannot open /var/lib/identity/state.db",
    "version": "nginx/1.25.3",
    "line": "app/projects.rb:31:in `create'",
    "line-of-go": "store.go:42: unexpected EOF",
    "line-of-rust": "panicked at src/main.rs:10:5",
    "class": "java.lang.IllegalStateException: no session",
    "spring": "org.springframework.http.converter.HttpMessageNotReadableException",
    "dot-net": "System.Collections.Generic.KeyNotFoundException was thrown",
    "javascript": "Cannot read properties of undefined (reading 'slug')",
    "none": "'NoneType' object has no attribute 'get'",
    "upstream": "dial tcp 10.0.3.17:5432: i/o timeout",
    "cluster": "no host identity-db.prod.svc.cluster.local",
    "database": "cannot connect to postgres://identity@db/identity",
}
HARMLESS = (
    '{"error": {"code": "not_found", "message": "There is no such resource."}}',
    "Select a project from the list of projects.",
    "The path /api/v1/organizations/acme/projects/x does not exist.",
    "See https://docs.example/home/start for details.",
    "Update your settings.",
    "id.example.rs:8443, example.py:8443 and https://example.rs:8443/errors are hosts.",
    "Expecting value: line 1 column 1 (char 0)",
    '{"__type": "com.amazonaws.sso#ResourceNotFoundException"}',
)


@pytest.mark.parametrize("name", LEAKS)
def test_internals_are_found(name: str) -> None:
    with pytest.raises(NonConformance, match="an error without"):
        expect_no_leak(reply(500, LEAKS[name]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Debug-Exception-File", "%2Fsrv%2Fapp%2Fsrc%2FController.php:31"),
        ("X-Error", "java.lang.NullPointerException"),
        ("X-Cause", 'Traceback (most recent call last): File "a.py", line 3'),
    ],
)
def test_internals_are_found_in_fields(name: str, value: str) -> None:
    with pytest.raises(NonConformance, match=name):
        expect_no_leak(reply(500, "", {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Server", "Apache/2.4 (Debian)"),
        ("X-Powered-By", "PHP/8.3.1"),
        ("Set-Cookie", "s=1; Path=/app/portal"),
        ("Location", "/srv/projects/create.php:31"),
        ("Via", "1.1 edge.example.rs:8443"),
        ("X-Original-Path", "/k.php:31"),
    ],
)
def test_fields_may_name_products_and_paths_of_the_service(name: str, value: str) -> None:
    expect_no_leak(replace(reply(404, "", {name: value}), url="https://id.example/k.php:31"))


def test_the_requested_path_is_no_leak() -> None:
    asked = replace(
        reply(404, {"path": "/app/v1/projects/x y"}), url="https://id.example.rs:8443/app/v1/projects/x%20y"
    )
    expect_no_leak(asked)
    with pytest.raises(NonConformance, match="a server path"):
        expect_no_leak(replace(asked, url="https://id.example/v2/projects"))


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_no_leak(text: str) -> None:
    expect_no_leak(reply(404, text))


def test_secrets_in_body_and_headers_are_found() -> None:
    expect_not_repeated(reply(400, "nothing"), ["secret-1"])
    for leaking in (reply(400, "x secret-1"), reply(302, "", {"Location": "/secret-1"})):
        with pytest.raises(NonConformance):
            expect_not_repeated(leaking, ["secret-1"])


@pytest.mark.parametrize(
    "said",
    [
        '"of a\\"b c+d&e"', '"of a%22b+c%2Bd%26e"', '"of a%22b%20c%2bd%26e"', "of a&quot;b c+d&amp;e",
        '"of a\\u0022b c\\u002bd\\u0026e"', '"of <a href=\\"/?q=a%22b+c%2Bd%26e\\">"',
    ],
)  # fmt: skip
def test_an_escaped_secret_is_found(said: str) -> None:
    with pytest.raises(NonConformance):
        expect_not_repeated(reply(400, said), ['a"b c+d&e'])


def test_percent_encoded_and_nearly_whole_secrets_are_found() -> None:
    secret = "k7-Qz_" * 7
    for leaking in (f"/hooks/{quote('k7-Qz_' * 7).replace('Q', '%51')}", f"token {secret[:-6]}...", f"…{secret[6:]}"):
        with pytest.raises(NonConformance):
            expect_not_repeated(reply(400, leaking), [secret], nearly=True)
    for harmless in (f"token {secret[:8]}...{secret[-4:]}", "short"):
        expect_not_repeated(reply(400, harmless), [secret, "short-secret"], nearly=True)
    expect_not_repeated(reply(400, secret[:-6]), [secret])
