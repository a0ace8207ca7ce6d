"""Text and bodies in reports: control characters are shown, and nothing is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reporting.bodies import indented, shown
from conformance.reporting.terminal import failure_text
from conformance.reporting.text import visible
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples


@given(st.text(st.characters()))
def test_visible_text_is_valid_everywhere(text: str) -> None:
    seen = visible(text)
    seen.encode("utf-8")

    assert not re.search("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u202a-\u202e]", seen)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\x00b", "a␀b"),
        ("\u202eabc", "⟨U+202E⟩abc"),
        ("\ud800", "⟨U+D800⟩"),
        ("a\tb\n", "a\tb\n"),
        ("é漢", "é漢"),
    ],
    ids=["escape", "nul", "override", "surrogate", "blanks", "letters"],
)
def test_control_characters_are_shown(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text(alphabet='{}[],:" \\ab1\n', max_size=60))
def test_indenting_json_changes_blanks_only(text: str) -> None:
    def solid(value: str) -> str:
        return "".join(value.split())

    assert solid(indented(text, "application/json")) == solid(text)


@given(st.text(alphabet='<>/ab ?!"\n', max_size=60))
def test_indenting_xml_changes_blanks_only(text: str) -> None:
    assert "".join(indented(text, "text/xml").split()) == "".join(text.split())


def test_a_failure_on_the_terminal() -> None:
    finding = samples.finding("401", "200 OK", curl="curl -sS https://a.example -H 'Authorization: Bearer $TOKEN_FULL'")
    result = samples.check("oauth/token/wrong#empty", Verdict.FAIL, findings=[finding])

    assert failure_text(result, 72, False, run="reports/r", recipes={"TOKEN_FULL": "TOKEN_FULL=$(cat t)"}) == (
        "FAIL oauth/token/wrong#empty (MUST)\n"
        "  Got 200 OK; expected 401 (case: empty)\n"
        "  rule       Wrong\n"
        "  clause     RFC 6749 (OAuth 2.0), section 5.2\n"
        "             <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>\n"
        "             “If the client attempted to authenticate via the\n"
        '             "Authorization" request header field, the authorization\n'
        "             server MUST respond with an HTTP 401 (Unauthorized) status\n"
        '             code and include the "WWW-Authenticate" response header\n'
        "             field.”\n"
        "  secret     TOKEN_FULL=$(cat t)\n"
        "  curl       curl -sS https://a.example -H 'Authorization: Bearer $TOKEN_FULL'\n"
        "  replay     conformance replay reports/r 'oauth/token/wrong#empty'"
    )


def test_no_escape_sequence_of_the_target_reaches_the_terminal(record: Record) -> None:
    for result in record.results:
        text = failure_text(result, 80, False, evidence=record.evidence())
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
        assert "\x1b[" in failure_text(result, 80, True)


def test_deep_nesting_is_shown_without_indentation() -> None:
    text = "[" * 4096
    body = shown({"size": len(text), "text": text}, "application/json", len(text))
    assert body.text == text
