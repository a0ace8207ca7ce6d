"""Values that no client expects: numbers, texts, dates and addresses."""

from __future__ import annotations

import random

NASTY = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31m", "<script>document.title='owned'</script>", "]]>", "\x00", "\u202egnp.exe",
    "\"'><img src=x onerror=\"document.title='owned'\">", "\r\nSet-Cookie: owned=1", "</script><!--", "\x9b31m",
    "${jndi:ldap://127.0.0.1:9/x}", "{{7*7}}", "%s%n%d{0}{}", "`id`$(id)", "'; DROP TABLE x;--", "\ufeff", "\u2028",
    "::error::owned", "| a | b |", "\ud7ff\U0010ffff", "a" * 5000,
)  # fmt: skip
# As JSON texts: what a parser makes of some of them is no value that JSON can carry.
JSON_TEXTS = (
    "null", "true", "0", "-1", "1e999", "NaN", "-Infinity", "1" + "0" * 400, "1" + "0" * 5000, "0.1e-999", "[]", "{}",
    '"\\ud800"', '"\\u0000"', "[[[]]]", '{"a": null}', '[1, "a", null, {"b": []}]', '{"": ""}', "3.7", "1732600000000",
    '"2024-13-45T99:99:99Z"', "9223372036854775808", '"-1"', '"²"', '"1e3"', '{"a": 1, "a": 2}', '["a", {"c": {}}]',
    "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, '"' + "x" * 100_000 + '"',
    "undefined", "'a'", "", "\x01", '"\x01"', '"\\x"', "[1,]", "01", "+1", ".5", "1_000",
)  # fmt: skip
TEXTS = (
    "", " ", "0", "-1", "²", "٣", "1e999", "NaN", "9" * 400, "9" * 5000, "0x10", "1_000", "+5", "1.5", "true", "null",
    "None", "*", "%", "%00", "%ff%fe", "a/../b", "\t", '"', '""', "W/", 'W/"', "é", "a" * 65536, ";;;=,,,", "= = =",
    ",", "bytes", "sha256:", "sha256:" + "g" * 64, "sha256:" + "A" * 64, "sha999:00", "sha512:" + "0" * 128, ":", "::",
    "application/json; charset=rot13", "application/json; charset=utf-32", "text/html; charset=\xff", "a/b/c", "/",
    "bytes 5-2/1", "bytes 0-²/*", "bytes */*", "0-", "-0", "0-99999999999999999999",
)  # fmt: skip
DATES = (
    "Thu, 31 Feb 9999 25:61:61 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 99999 23:59:59 GMT", "0", "-1", "",
    "Mon, 01 Jan 0000 00:00:00 GMT", "1994-11-06T08:49:37Z", "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59.999999999999Z", "+292277026596-12-04T15:30:08Z", "2024-02-30T00:00:00Z", "yesterday",
    "Tue, 15 Nov 1994 12:45:26 +9999", "99999999999999999999", "Tue, ²² Nov 2022 12:45:26 GMT",
)  # fmt: skip


def addresses(own: str, path: str) -> tuple[str, ...]:
    """Where a reply may send who reads it; ``own`` is the surface's address, ``path`` that of the request."""
    authority = own.partition("://")[2]
    return (
        own + path, path, "", "/", "?", "#", " ", "//", "///", own, own + "/" + "a/" * 20_000, own + "/?" + "x" * 9000,
        "http://127.0.0.1:9/x", "http://localhost.invalid/", "file:///etc/passwd", "javascript:alert(1)", "http://[::1",
        "http://[::1]:9/x", "http://[zz]/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:²/",
        "http:///x", "http:", "https://127.0.0.1:9/", "//" + authority + "/x", "HTTP://" + authority, "http://\xe9/",
        f"http://user:pass@{authority}/x", f"http://{authority}@127.0.0.1:9/", "http://127.0.0.1:9\\@evil/", "://", "*",
        "http://a b/", "http://xn--/", "http://" + "a" * 300 + "/", "http://\u2100.example/", "ht!tp://x", "data:,x",
        own + "/%", own + "/%zz%ff", own + "/\xff\xfe", own + "/a b", own + "/\x01", own + path + "?last=%ff&n=-1",
        "http://127.0.0.1:9/\x1b[31m<script>]]>", "http://.", "http://127.0.0.1:00080/",
    )  # fmt: skip


def poisoned(random: random.Random, text: str) -> str:
    """A text with something in it that harms who shows it as it is."""
    place = random.randint(0, len(text))
    return text[:place] + random.choice(NASTY) + text[place:]
