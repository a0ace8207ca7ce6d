"""The HTML report as text: escaping, what it says, contrast of its colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.reporting import html
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

STYLE = (Path(html.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
TOKENS = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", STYLE))
VERDICTS = ["pass", "fail", "inconclusive", "error", "waived", "not-applicable"]


@pytest.fixture(scope="module")
def text(record: Record) -> str:
    return (record.folder / "index.html").read_text(encoding="utf-8")


def luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "quiet", "accent", *VERDICTS])
def test_every_colour_of_text_has_aa_contrast(name: str, theme: int) -> None:
    grounds = ["ground", "surface", "sunken"] + ([f"{name}-tint"] if name in VERDICTS else [])
    for ground in grounds:
        ratio = contrast(TOKENS[name].split(", ")[theme], TOKENS[ground].split(", ")[theme])
        assert ratio >= 4.5, f"{name} on {ground}: {ratio:.2f}"


def test_what_a_property_tried_is_told(text: str) -> None:
    assert "What was tried and met" in text
    for name, times in (("form", "640"), ("duplicate parameter", "210"), ("not UTF-8", "350")):
        assert f"<li><span>{name}</span> <b>{times}</b></li>" in text


def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    assert "<script>document" not in text
    assert "<img" not in text
    assert "javascript:" not in re.findall(r'href="([^"]*)"', text)
    assert "&lt;/script&gt;&lt;script&gt;" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "⟨U+202E⟩" in text and "␀" in text and "⟨U+D800⟩" in text
    assert "49" not in re.findall(r"\{\{ ([^}]*) \}\}", text)


def test_one_style_and_one_script_told_by_digest_and_nothing_from_elsewhere(text: str) -> None:
    assert text.count("<script") == text.count("<style") == 1
    assert "default-src &#39;none&#39;" in text
    assert not re.search(r'\s(?:src|srcset|action|data|poster)="', text)
    assert "@import" not in STYLE and "url(" not in STYLE


def test_a_check_says_all_that_is_known_of_it(text: str) -> None:
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


def test_the_exchanges_of_passing_checks_are_left_out(text: str) -> None:
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


def test_json_is_indented_and_stays_as_it_was_sent(text: str) -> None:
    assert "&#34;a&#34;: 1,\n  &#34;a&#34;: 2,\n  &#34;n&#34;: 1.00" in text


def test_bodies_are_cut_and_say_so(text: str) -> None:
    assert "first 4.0 KiB of 97.7 KiB" in text
    assert "x" * 4096 in text and "x" * 4097 not in text
    assert "SHA-256" in text


def test_an_empty_and_incomplete_run_can_be_shown(tmp_path: Path) -> None:
    text = html.render(samples.written(tmp_path / "empty", [], complete=False, configuration={}, preflight=[]))

    assert "Not shown" in text
    assert "The run was not completed" in text


def test_evidence_that_is_missing_is_told(tmp_path: Path) -> None:
    result = samples.check("oauth/token/a", Verdict.FAIL, exchanges=["x-000001"], findings=[samples.finding("a", "b")])

    assert "not in the evidence of this run" in html.render(samples.written(tmp_path / "lost", [result]))


def test_a_surface_that_opens_to_no_credential_is_told(tmp_path: Path) -> None:
    seen = [{"surface": "storage", "reachable": True, "locked": "the key opens nothing", "lines": [["fail", "a 403"]]}]
    text = html.render(samples.written(tmp_path / "run", [], configuration={}, preflight=seen))
    assert "nothing of it can be judged" in text and "reachable, with faults" not in text


@pytest.mark.parametrize(("paraphrased", "element"), [({}, "blockquote"), ({"paraphrased": True}, "div")])
def test_only_a_documents_own_words_are_a_quotation(tmp_path: Path, paraphrased: dict[str, bool], element: str) -> None:
    result = samples.check("oauth/token/x", Verdict.FAIL, findings=[samples.finding("200", "500")])
    result.clause |= paraphrased
    text = html.render(samples.written(tmp_path / "run", [result]))
    assert f'<{element} class="clause">' in text and f"</{element}>" in text
