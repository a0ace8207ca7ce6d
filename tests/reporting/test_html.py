"""The HTML report as text: escaping, contents, what it leaves out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.reporting import html
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples


@pytest.fixture(scope="module")
def text(record: Record) -> str:
    return (record.folder / "index.html").read_text(encoding="utf-8")


def test_hostile_text_is_shown_and_inert(text: str) -> None:
    assert "<script>document" not in text
    assert "<img" not in text
    assert "javascript:" not in re.findall(r'href="([^"]*)"', text)
    assert "&lt;/script&gt;&lt;script&gt;" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "⟨U+202E⟩" in text and "␀" in text and "⟨U+D800⟩" in text
    assert "49" not in re.findall(r"\{\{ ([^}]*) \}\}", text)


def test_a_check_shows_its_finding_clause_and_commands(text: str) -> None:
    start = text.index('id="oauth/token/wrong-secret-is-refused#wrong"')
    check = text[start : text.index('<details class="check', start)]
    for said in [
        "401 or 400",
        "200 OK with an access token",
        "the secret is not compared",
        "RFC 6749 (OAuth 2.0), section 5.2",
        'href="https://www.rfc-editor.org/rfc/rfc6749#section-5.2"',
        "Ask for a token with a known client id",
        "curl -sS -i",
        "conformance replay",
        "oauth-core",
        "in the finding",
    ]:
        assert said in check, said
    assert check.count('class="entry"') == 3


def test_exchanges_of_passing_checks_are_left_out(text: str) -> None:
    start = text.index('id="oauth/token/good-request-gets-a-token"')
    check = text[start : text.index('<details class="check', start)]

    assert "RFC 6749" in check
    assert 'class="entry' not in check and "curl" not in check
    assert re.search(r"<code>conformance show \S+ ID</code> prints the exchanges of a check", text)


def test_checks_of_one_requirement_that_pass_share_a_row(tmp_path: Path) -> None:
    ids = ["oauth/token/a#x", "oauth/token/a#y", "oauth/token/b"]
    failing = samples.check("oauth/token/a#z", Verdict.FAIL, findings=[samples.finding("200", "500")])
    page = html.render(samples.written(tmp_path / "run", [*map(samples.check, ids), failing]))

    rows = re.findall(r'<details class="check (\w+)" id="([^"]+)"[^>]*?(?: data-count="(\d+)")?>', page)
    assert sorted(rows) == [
        ("fail", "oauth/token/a#z", ""),
        ("pass", "oauth/token/a#x", "2"),
        ("pass", "oauth/token/b", ""),
    ]
    assert page.count('id="oauth/token/a#y"') == 1
    assert ">4 checks</span>" in page


def test_long_bodies_are_cut_with_a_note(text: str) -> None:
    assert "first 4.0 KiB of 97.7 KiB" in text
    assert "x" * 4096 in text and "x" * 4097 not in text
    assert "SHA-256" in text


def test_missing_evidence_is_reported(tmp_path: Path) -> None:
    result = samples.check("oauth/token/a", Verdict.FAIL, exchanges=["x-000001"], findings=[samples.finding("a", "b")])

    assert "not in the evidence of this run" in html.render(samples.written(tmp_path / "lost", [result]))
