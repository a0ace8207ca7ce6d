"""The words of the scripts that reproduce findings: what they quote, and how they read lists."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.reproduce.judgement import as_seen, judged, or_refused, patterns, printed, without_login
from conformance.reporting.reproduce.requests import FUNCTIONS, commented, here, word
from conformance.reporting.text import plain_xml
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

SHELL = str(shutil.which("sh"))


@pytest.mark.parametrize(
    "text", ["plain", 'a "b" \\c', "$HOME `id` $(id)", "tab\there", "two\nlines", "é日", "\\n", "${X}", "a$NAME_MORE"]
)
def test_text_comes_through_shell_and_curl_as_it_is(tmp_path: Path, text: str) -> None:
    """The shell gives curl a quoted value, which, read by curl's rules, is the text."""
    quoted = here(text, {"NAME": "NAME"}, {})
    ran = subprocess.run(
        [SHELL, "-c", f'cat <<CURL\nvalue = "{quoted}"\nCURL'], capture_output=True, text=True, check=True
    )
    inside = ran.stdout.removeprefix('value = "').removesuffix('"\n')
    meant = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
    plain, place = "", 0
    while place < len(inside):
        pair = inside[place : place + 2]
        plain, place = (plain + meant[pair], place + 2) if pair in meant else (plain + inside[place], place + 1)
    assert plain == text


def test_an_answer_that_breaks_off_in_its_body_is_none(tmp_path: Path) -> None:
    """As in the run, where it has no status; a script that took it for one would say that the finding is mended."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def breaks_off() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nab")

        threading.Thread(target=breaks_off, daemon=True).start()
        port = server.getsockname()[1]
        script = tmp_path / "script.sh"
        lines = [FUNCTIONS["PREAMBLE"], f'send 1 <<CURL\nurl = "http://127.0.0.1:{port}/"\nCURL', 'cat "$answers"/1.*']
        script.write_text("\n".join(lines), encoding="utf-8")
        told = subprocess.run([SHELL, str(script)], capture_output=True, text=True, check=False)
    assert told.stdout.splitlines() == ["(curl ended with 18)", "request 1 is answered 000", "000"]


def listed(folder: Path, name: str, wanted: list[str], *pages: tuple[str, str], went_on: bool = False) -> bool:
    """What a script says of a list over pages, each a header and a body."""
    lines = [FUNCTIONS["PREAMBLE"], FUNCTIONS["LISTS"]]
    for number, (head, body) in enumerate(pages, 1):
        (folder / f"{number}.head").write_text(head, encoding="utf-8", newline="")
        (folder / f"{number}.body").write_text(body, encoding="utf-8")
        lines += [f'cp {number}.head {number}.body "$answers"', f'printf 200 >"$answers/{number}.status"']
    numbers = " ".join(str(number) for number in range(1, len(pages) + 1))
    before = "went_on=yes " if went_on else ""
    lines.append(f"{printed(' '.join(shlex.quote(f'={each}') for each in wanted))} | {before}lists {name} {numbers}")
    script = folder / "script.sh"
    script.write_text("\n".join(lines), encoding="utf-8")
    return subprocess.run([SHELL, str(script)], check=False).returncode == 0


FIRST = ("Link: </v2/a/tags/list?last=x>; rel=next\r\n", '{"tags": ["y", "x"],\n "name": "a"}')
LAST = ("", '{"tags":["z"]}')
KEYS = (
    "<R><EncodingType>url</EncodingType><Prefix>p</Prefix><Contents><Size>1</Size>\n<Key>p%F0%9F%9A%80+%2B</Key>"
    "</Contents><Contents><Key>p&amp;&lt;</Key></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></R>"
)
SET = "<Tagging><Tag><Key>a</Key><Value/></Tag><Tag><Key>b</Key><Value></Value></Tag></Tagging>"


@pytest.mark.parametrize("link", ["/v2/a?n=2", "http://h:1/v2/a?n=2"])
def test_a_link_is_whole_or_a_path_as_it_was_in_the_run(tmp_path: Path, link: str) -> None:
    (tmp_path / "1.head").write_text(f"Link: <{link}>; rel=next\r\n", encoding="utf-8")
    looked = f'cp {tmp_path}/1.head "$answers"\nlink_of 1 http://h:1 && echo && link_of 1'
    told = subprocess.run(
        [SHELL, "-c", f"{FUNCTIONS['PREAMBLE']}\n{looked}"], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["http://h:1/v2/a?n=2", "/v2/a?n=2"]


@pytest.mark.parametrize("wanted", [["x", "y", "z"], ["z", "y", "x"]])
def test_a_list_is_whole_over_its_pages_in_any_order(tmp_path: Path, wanted: list[str]) -> None:
    assert listed(tmp_path, "tags", wanted, FIRST, LAST)


@pytest.mark.parametrize("wanted", [["x", "y"], ["x", "y", "z", "a"], ["x", "x", "y", "z"], []])
def test_a_list_that_has_more_or_less_is_told(tmp_path: Path, wanted: list[str]) -> None:
    assert not listed(tmp_path, "tags", wanted, FIRST, LAST)


def test_of_a_list_that_goes_on_behind_what_was_asked_only_what_is_there_is_judged(tmp_path: Path) -> None:
    assert listed(tmp_path, "tags", ["w", "x", "y", "z"], FIRST)
    assert not listed(tmp_path, "tags", ["x", "z"], FIRST)


def test_what_a_page_lacked_that_went_on_in_the_run_it_lacks_still(tmp_path: Path) -> None:
    assert not listed(tmp_path, "tags", ["w", "x", "y", "z"], FIRST, went_on=True)
    assert listed(tmp_path, "tags", ["x", "y"], FIRST, went_on=True)


def test_what_comes_behind_the_last_page_is_no_part_of_a_list(tmp_path: Path) -> None:
    assert listed(tmp_path, "tags", ["z"], LAST, LAST)


def test_a_list_in_xml_is_read_by_its_elements(tmp_path: Path) -> None:
    assert listed(tmp_path, "Contents/Key", ["p🚀 +", "p&<"], ("", KEYS))
    assert listed(tmp_path, "CommonPrefixes/Prefix", ["p/"], ("", KEYS))
    assert not listed(tmp_path, "Contents/Key", ["p"], ("", KEYS))
    escaped_twice = KEYS.replace("p&amp;&lt;", "%26amp%3B")
    assert listed(tmp_path, "Contents/Key", ["p🚀 +", "&amp;"], ("", escaped_twice))
    assert not listed(tmp_path, "Contents/Key", ["p🚀 +", "&"], ("", escaped_twice))


def test_names_in_xml_may_have_a_prefix_and_blanks_behind_them(tmp_path: Path) -> None:
    """Namespaces in XML 1.0 section 4, XML 1.0 section 3.1; as the scripts read them, so do those who write scripts."""
    prefixed = re.sub("<(/?)([A-Z])", r"<\1s3:\2", KEYS).replace("Key>", "Key\n >")
    assert listed(tmp_path, "Contents/Key", ["p🚀 +", "p&<"], ("", prefixed))
    assert not listed(tmp_path, "Contents/Key", ["p"], ("", prefixed))
    assert listed(tmp_path, "Tag/Value", ["", ""], ("", SET.replace("/>", " />")))
    assert plain_xml(prefixed) == KEYS and plain_xml('{"a": "<b:c>"}') == '{"a": "<b:c>"}'


def test_a_carriage_return_in_xml_is_one_where_it_is_escaped(tmp_path: Path) -> None:
    """XML 1.0 section 2.11: a reader takes one that is not for the end of a line."""
    for written, read in [("%0D", True), ("\r", False)]:
        keys = KEYS.replace("p%F0%9F%9A%80+%2B", f"p{written}k")
        assert listed(tmp_path, "Contents/Key", ["p\rk", "p&<"], ("", keys)) is read


def test_empty_items_count(tmp_path: Path) -> None:
    assert listed(tmp_path, "Tag/Value", ["", ""], ("", SET))
    assert not listed(tmp_path, "Tag/Value", [""], ("", SET))


def test_a_list_may_be_empty(tmp_path: Path) -> None:
    assert listed(tmp_path, "tags", [], ("", '{"tags": []}'))
    assert not listed(tmp_path, "tags", ["x"], ("", '{"tags": []}'))


def test_secrets_and_marks_become_variables() -> None:
    secrets, marks = {"TOKEN": "ISSUED_2_1"}, {"abc": "\0LAST_1\0"}
    assert here("Bearer $TOKEN of /x/abc", secrets, marks) == "Bearer ${ISSUED_2_1} of /x/${LAST_1}"


def test_marks_become_variables_in_a_word_too() -> None:
    assert word("it's a b", {"a": "\0LAST_1\0"}) == "'it'\"'\"'s '\"${LAST_1}\"' b'"


def test_statuses_become_a_pattern() -> None:
    assert patterns([*range(200, 300), 404, 410]) == "2??|404|410"


def test_what_a_target_said_is_a_comment_that_no_terminal_obeys() -> None:
    finding = {"expected": "200", "observed": f"500 {samples.HOSTILE}\nrm -rf /\r\x08\x9b31m"}
    lines = list(commented(samples.check("oauth/token/a", Verdict.FAIL), finding))
    assert all(line.startswith("#") and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("value", "compared"), [("a b", True), ("a\x1b[31m", False), ("$HOME", False), ("\xe9", False)]
)
def test_fields_are_compared_that_a_script_can_show(value: str, compared: bool) -> None:
    entry = {"status": 200, "response_headers": [["X-A", value]], "response_body": {"size": 0, "text": ""}}
    lines, _ = as_seen([(1, entry)])
    assert any("described 1" in line for line in lines) is compared
    # What is not compared may be what the finding is about.
    assert any("what its fields hide" in line for line in lines) is not compared
    assert all(line.isprintable() for line in lines)


def seen(text: str, status: int = 200) -> dict[str, Any]:
    return {"status": status, "response_headers": [], "response_body": {"size": len(text), "text": text}}


def test_what_a_secret_may_hide_is_not_said_to_show() -> None:
    lines, bodies = as_seen([(1, seen('{"access_token": "$FULL_TOKEN"}'))])
    assert lines[-1].startswith("cannot ") and not bodies


def test_of_answers_that_are_compared_each_must_be_as_it_was() -> None:
    lines, bodies = as_seen([(3, seen("unknown", 401)), (5, seen("wrong", 400))])
    assert lines[-1] == "shows 'answers 3 and 5 are what they were'"
    assert bodies == {"seen-3.bin": b"unknown", "seen-5.bin": b"wrong"}
    assert sum("has another status" in line for line in lines) == 2


@pytest.mark.parametrize(
    ("proof", "kind"),
    [({"matches": "a"}, True), ({"fields_match": [("Allow", "POST")]}, True), ({"lacks": "a"}, False)],
)
def test_what_is_said_of_an_answer_is_not_said_of_another_kind(proof: dict[str, Any], kind: bool) -> None:
    lines = judged(proof, {"x": 1}, 1, 401, {}, {})
    assert ("case $(status 1) in 401) ;; *) cannot 'answer 1 has another status' ;; esac" in lines) is kind
    assert lines[-1] == "echo 'passes: it no longer shows'"
    assert judged({}, {"x": 1}, 1, 401, {}, {}) == []


@pytest.mark.parametrize(("now", "code"), [("000", 2), ("401", 2), ("429", 2), ("503", 2), ("404", 0), ("200", 1)])
def test_an_answer_that_is_of_its_moment_tells_nothing(tmp_path: Path, now: str, code: int) -> None:
    lines = judged({"statuses": [404]}, {"x": 1}, 1, 200, {}, {})
    assert ended(tmp_path, now, lines) == code
    lines, _ = as_seen([(1, sent("Bearer $FULL_TOKEN") | seen("$FULL_TOKEN"))])
    assert ended(tmp_path, now, lines) == (code if now != "200" else 2)


def test_what_was_answered_in_the_run_is_not_of_its_moment(tmp_path: Path) -> None:
    lines = judged({"statuses": [200]}, {"x": 1}, 1, 401, {}, {})
    assert ended(tmp_path, "401", lines) == 1
    lines, _ = as_seen([(1, seen("x"))], "401 for a wrong secret")
    assert ended(tmp_path, "401", lines) == 0


def ended(folder: Path, status: str, lines: list[str]) -> int:
    """How a script ends that goes on so after an answer of a status."""
    (folder / "1.status").write_text(status)
    told = [
        f"answers={folder}",
        'status() { cat "$answers/$1.status"; }',
        "cannot() { exit 2; }",
        "shows() { exit 1; }",
    ]
    return subprocess.run([SHELL, "-c", "\n".join([*told, *lines])], check=False, capture_output=True).returncode


def sent(authorization: str) -> dict[str, Any]:
    fields = [["Authorization", authorization]]
    return {"id": "x", "status": 200, "url": "http://h/", "request_headers": fields, "request_body": {}}


@pytest.mark.parametrize(
    ("authorization", "now", "code"),
    [
        ("Basic x", "403", 0),
        ("Basic x", "401", 0),
        ("Bearer $T", "401", 2),
        ("Bearer $T", "409", 0),
        ("Basic x", "429", 2),
    ],
)
def test_what_could_as_well_be_refused_and_is_shows_nothing(
    tmp_path: Path, authorization: str, now: str, code: int
) -> None:
    lines = list(or_refused(1, sent(authorization), {"or_refused": ["x"]}))
    assert ended(tmp_path, now, [*lines, "shows x"]) == code
    assert ended(tmp_path, "201", [*lines, "shows x"]) == 1
    assert not list(or_refused(1, sent("Bearer $T~altered"), {"or_refused": ["x"]}))
    assert not list(or_refused(1, sent("Basic x"), {"or_refused": ["y"]}))
    # What was refused and has its effect all the same is not mended by being refused.
    assert not list(or_refused(1, sent("Basic x") | {"status": 403}, {"or_refused": ["x"]}))


def test_what_an_answer_should_not_say_a_refusal_may_not_say_either(tmp_path: Path) -> None:
    lines = judged({"unsaid": ["canary"]}, {"x": 1}, 1, 200, {}, {})
    for status, says, code in (("403", 1, 0), ("404", 0, 1), ("200", 0, 1), ("500", 1, 2)):
        assert ended(tmp_path, status, [f"says() {{ return {says}; }}", *lines]) == code


@pytest.mark.parametrize(("tags", "code"), [(("a", "a"), 1), (("a", "b"), 0), (("a", ""), 2)])
def test_two_answers_that_would_have_two_values_of_a_field(tmp_path: Path, tags: tuple[str, str], code: int) -> None:
    lines = judged({"unlike": [["etag", "x", "y"]]}, {"x": 1, "y": 2}, 2, 200, {}, {})
    field = f"field() {{ case $1 in 1) echo {tags[0]} ;; 2) echo {tags[1]} ;; esac; }}"
    assert ended(tmp_path, "200", [field, *lines]) == code


def test_a_refusal_where_no_login_is_shown_is_none_of_its_moment() -> None:
    assert without_login({"request_headers": [["Accept", "*/*"]]}) == "401"
    assert without_login({"request_headers": [["authorization", "Bearer $T"]]}) == ""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_length_that_an_answer_to_head_tells_is_compared(method: str) -> None:
    lines, _ = as_seen([(1, {"method": method, **seen("")})])
    (momentary,) = [line for line in lines if line.startswith("momentary=")]
    assert ("content-length" in momentary) is (method == "GET")


@pytest.mark.parametrize(
    ("proof", "body", "code"),
    [
        ({"unless": [["x", "scope"]]}, "a scope", 0),
        ({"unless": [["x", "scope"]]}, "none", 1),
        ({"unless": [["x", "!scope"]]}, "none", 0),
        ({"given": [["x", "scope"]]}, "none", 2),
        ({"given": [["x", "!scope"]]}, "none", 1),
        ({"or_statuses": [404, 200]}, "none", 0),
        ({"or_statuses": [404]}, "none", 1),
    ],
)
def test_what_makes_an_answer_right_or_lets_nothing_be_told(
    tmp_path: Path, proof: dict[str, Any], body: str, code: int
) -> None:
    (tmp_path / "1.body").write_text(body)
    lines = judged({"statuses": [403], **proof}, {"x": 1}, 1, 200, {}, {})
    assert ended(tmp_path, "200", ['has() { grep -Eiq -e "$2" "$answers/$1.body"; }', *lines]) == code


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(404, 404, 0), (404, 200, 1), (404, 428, 2), (503, 200, 2), (401, 200, 1), (403, 405, 0)],
)
def test_two_answers_are_compared_unless_one_is_of_its_moment_or_right_by_itself(
    first: int, second: int, code: int
) -> None:
    proof = {"alike": [["x", "y"]], "or_statuses": [405]}
    lines = judged(proof, {"x": 1, "y": 2}, 2, 200, {}, {}, were={"x": 404, "y": 200})
    begin = [f'printf {status} >"$answers/{number}.status"' for number, status in ((1, first), (2, second))]
    begin.append(': >"$answers/1.body"; : >"$answers/2.body"')
    script = "\n".join([FUNCTIONS["PREAMBLE"], *begin, *lines])
    ran = subprocess.run([SHELL, "-c", script], capture_output=True, check=False)
    assert ran.returncode == code


@pytest.mark.parametrize(("found", "code"), [(("yes", "yes"), 0), (("", ""), 0), (("yes", ""), 1)])
def test_what_two_answers_would_both_have(tmp_path: Path, found: tuple[str, str], code: int) -> None:
    lines = judged({"both": [("x", "y", "p")]}, {"x": 1, "y": 2}, 2, 404, {}, {})
    has = f"has() {{ case $1 in 1) echo '{found[0]}' ;; 2) echo '{found[1]}' ;; esac; }}"
    assert ended(tmp_path, "404", [has, *lines]) == code


@pytest.mark.parametrize(("status", "code"), [(409, 1), (201, 2)])
def test_what_two_errors_would_both_have_is_not_asked_of_what_is_none(status: int, code: int) -> None:
    lines = judged({"both": [("x", "y", "p")]}, {"x": 1, "y": 2}, 2, 404, {}, {}, were={"x": 200, "y": 409})
    has = "has() { case $1 in 1) echo yes ;; esac; }"
    begin = f'printf {status} >"$answers/2.status"'
    ran = subprocess.run(
        [SHELL, "-c", "\n".join([FUNCTIONS["PREAMBLE"], begin, has, *lines])], capture_output=True, check=False
    )
    assert ran.returncode == code


@pytest.mark.parametrize(("lengths", "code"), [(("5", "5"), 0), (("5", ""), 0), (("5", "6"), 1)])
def test_a_field_that_the_second_answer_may_leave_out(tmp_path: Path, lengths: tuple[str, str], code: int) -> None:
    lines = judged({"same_if_any": [("Content-Length", "x", "y")]}, {"x": 1, "y": 2}, 2, 200, {}, {})
    field = f"field() {{ case $1 in 1) echo {lengths[0]} ;; 2) echo {lengths[1]} ;; esac; }}"
    assert ended(tmp_path, "200", [field, *lines]) == code


def test_a_script_says_until_when_a_signature_of_the_run_is_good() -> None:
    said = list(commented(samples.check("storage/a/b", Verdict.FAIL), samples.finding("a", "b"), 1796202433.0))
    assert said[-1].endswith("good until 2026-12-02 09:07:13 UTC: it cannot tell after that.")
