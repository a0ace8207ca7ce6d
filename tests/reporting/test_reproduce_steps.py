"""What a script can do again, what of it is of its time, and what must be as it was before anything can be told."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.curl import from_file
from conformance.evidence.recorder import BROKEN_OFF
from conformance.evidence.run_length import pieces_of
from conformance.reporting.reproduce.judgement import (
    AT_ONCE,
    OTHERS,
    as_seen,
    judged,
    judgement,
    rare,
    refusal_shown_in,
    shown_in,
    telling,
)
from conformance.reporting.reproduce.requests import (
    FUNCTIONS,
    address,
    dates,
    inside,
    is_signed_for_good,
    other_pages,
    places,
    tags,
    validity,
)
from conformance.reporting.reproduce.script import Script
from conformance.reporting.reproduce.steps import done_otherwise, is_of_a_limit, sends, served, steps, unsendable
from conformance.runs.reading import Record
from conformance.vocabulary.exchange import BETWEEN_GUESSES
from conformance.vocabulary.verdict import Verdict
from tests.reporting.samples import check, info

SHELL = str(shutil.which("sh"))
RUN_AT = 1795762389.0
"""2026-11-27, 06:53:09 UTC."""
DATE = "Fri, 27 Nov 2026 06:53:09 GMT"


def entry(number: int = 1, method: str = "GET", status: int = 200, **changes: Any) -> dict[str, Any]:
    body = {"size": 0, "text": ""}
    return {
        "kind": "exchange", "id": f"x-{number}", "client": "http", "method": method, "url": "http://h/b/k",
        "request_headers": [], "request_body": body, "status": status, "response_headers": [], "response_body": body,
        "started": RUN_AT + number, "duration_s": 0.5, "error": None, "secrets": [], **changes,
    }  # fmt: skip


def shell(*lines: str) -> subprocess.CompletedProcess[str]:
    script = "\n".join([FUNCTIONS["PREAMBLE"], FUNCTIONS["LISTS"], FUNCTIONS["DATES"], *lines])
    return subprocess.run([SHELL, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("form", "later", "told"),
    [
        ("usual", 0, DATE),
        ("usual", 86400, "Sat, 28 Nov 2026 06:53:09 GMT"),
        ("rfc850", -3600, "Friday, 27-Nov-26 05:53:09 GMT"),
        ("asctime", -20 * 86400, "Sat Nov  7 06:53:09 2026"),
        ("usual", 93 * 86400, "Sun, 28 Feb 2027 06:53:09 GMT"),
        ("usual", 459 * 86400, "Tue, 29 Feb 2028 06:53:09 GMT"),
        ("seconds", 0, f"{RUN_AT:.0f}"),
    ],
)
def test_a_date_is_told_later_or_earlier_in_its_form(form: str, later: int, told: str) -> None:
    assert shell(f"dated {form} {later} '{DATE}'").stdout == told


def test_a_condition_has_the_date_of_what_is_there_now() -> None:
    written = entry(1, "PUT", response_headers=[["Date", DATE]])
    asked = entry(2, request_headers=[["If-Modified-Since", "Saturday, 28-Nov-26 06:53:09 GMT"]])
    ((header, variable, made),) = dates(2, asked, [(1, written)])
    assert header == "If-Modified-Since: Saturday, 28-Nov-26 06:53:09 GMT" and variable == "DATE_2_0"
    assert made == "dated rfc850 86400 \"$(field 1 '[Dd][Aa][Tt][Ee]')\""


@pytest.mark.parametrize("value", ["yesterday", "Fri, 99 Nov 2026 06:53:09 GMT", "Mon, 27 Nov 2026 06:53:09 GMT"])
def test_what_is_no_date_stays_as_it_is(value: str) -> None:
    written = entry(1, "PUT", response_headers=[["Date", DATE]])
    assert not list(dates(2, entry(2, request_headers=[["If-Modified-Since", value]]), [(1, written)]))


def test_a_condition_has_the_tag_that_was_told_last() -> None:
    told = [(number, entry(number, response_headers=[["ETag", '"1"']])) for number in (1, 2)]
    asked = entry(3, request_headers=[["If-Match", '"1"'], ["X-Other", '"1"']])
    assert list(tags(asked, told)) == [('If-Match: "1"', "1", 2)]


@pytest.mark.parametrize(("started", "lines"), [(0, "-le 20261127070809"), (-1000, "-lt 20261127063809"), (1000, None)])
def test_a_signature_of_the_run_is_good_for_its_time_only(started: int, lines: str | None) -> None:
    signed = [
        ["x-amz-date", "20261127T065309Z"],
        ["Authorization", "AWS4-HMAC-SHA256 Credential=k/20261127/r/s3/aws4_request, SignedHeaders=a, Signature=00"],
    ]
    asked = entry(request_headers=signed, started=RUN_AT + started)
    assert is_signed_for_good(asked, {})
    found = "".join(validity(1, asked))
    assert lines in found if lines else not found


def test_a_url_is_good_until_it_expires() -> None:
    url = "http://h/b/k?X-Amz-Date=20261127T065309Z&X-Amz-Expires=60&X-Amz-Signature=00"
    assert "-le 20261127065409" in "".join(validity(1, entry(url=url, started=RUN_AT)))


def test_digits_that_are_no_time_end_no_signature() -> None:
    asked = entry(request_headers=[["x-amz-date", "20261399T256161Z"]], started=RUN_AT)
    assert not list(validity(1, asked))


@pytest.mark.parametrize(("name", "curls"), [("content-length", True), ("x-amz-content-length-range", False)])
def test_curl_signs_no_field_that_it_makes_by_itself(name: str, curls: bool) -> None:
    signed = f"AWS4-HMAC-SHA256 Credential=$KEY/20261127/r/s3/aws4_request, SignedHeaders=host;{name}, Signature=00"
    asked = entry(client="s3-signed", request_headers=[["Authorization", signed]])
    assert bool(unsendable([(1, asked)], {}, {"KEY": "SECRET"})) is curls


@pytest.mark.parametrize(("modified", "code"), [(DATE, 0), ("Fri, 27 Nov 2026 07:53:09 GMT", 1), ("", 1)])
def test_a_date_is_near_the_one_of_its_answer(tmp_path: Path, modified: str, code: int) -> None:
    (tmp_path / "1.head").write_text(f"HTTP/1.1 200 OK\r\nLast-Modified: {modified}\r\nDate: {DATE}\r\n")
    (tmp_path / "1.status").write_text("200")
    lines = judged({"dates_near": [["last-modified", 300]]}, {"x-1": 1}, 1, 200, {}, {})
    assert shell(f"answers={tmp_path}", "trap - EXIT", *lines).returncode == code


@pytest.mark.parametrize("field", [["Content-Length", "5"], ["Transfer-Encoding", "chunked"]])
def test_a_body_that_was_made_while_it_was_sent_is_not_sent_again(field: list[str]) -> None:
    streamed = entry(method="PUT", request_headers=[field], request_body={"size": 0, "text": ""})
    assert "streamed" in unsendable([(1, streamed)], {}, {})
    assert not unsendable([(1, {**streamed, "request_body": {"size": 5, "text": "a b c"}})], {}, {})
    assert not unsendable([(1, {**streamed, "request_headers": [["Content-Length", "0"]]})], {}, {})
    assert "broke it off" in unsendable([(1, {**streamed, "status": 0, "error_type": BROKEN_OFF})], {}, {})


@pytest.mark.parametrize(("apart_s", "ambiguous"), [(0.05, True), (5.0, False)])
def test_a_token_that_two_were_given_at_once_is_no_ones(apart_s: float, ambiguous: bool) -> None:
    one, other = (entry(number, started=RUN_AT + number * apart_s, duration_s=0.1, issued=[7, 7]) for number in (1, 2))
    assert bool(unsendable([(1, one), (2, other)], {}, {})) is ambiguous
    assert not unsendable([(1, one), (2, {**other, "issued": [8]})], {}, {})


@pytest.mark.parametrize(
    ("value", "sent"),
    [('"a"', True), ("日é".encode().decode("latin-1"), True), ("\x1b[2J", False), ("\xc2\x9b31m", False)],
)
def test_what_a_terminal_would_obey_stands_in_no_script(value: str, sent: bool) -> None:
    why_not = unsendable([(1, entry(request_headers=[["If-None-Match", value]]))], {}, {})
    assert bool(why_not) is not sent


def test_the_steps_before_must_be_as_they_were() -> None:
    exchanges = [
        entry(1, "POST", 202), entry(2, "PUT", 201), entry(3, "GET", 200), entry(4, "GET", 404), entry(5, "GET", 429),
        entry(6, "POST", 200), entry(7), entry(8, "DELETE", 204),
    ]  # fmt: skip
    lines = list(steps(list(enumerate(exchanges, 1)), {"x-7"}, {1: {"location"}}))
    assert lines == ["needs 1 202", "needs 2 '2??'", "finds 3", "needs 5 429", "needs 6 '2??|429'"]


def test_a_limit_that_is_told_by_another_status_is_reached_by_any_of_those_at_once() -> None:
    exchanges = [(number, entry(number, "POST", status)) for number, status in enumerate([200, 403, 200, 403], 1)]
    assert list(steps(exchanges, {"x-4"}, {}, 403)) == ["needs 1 '2??'", "needs 3 '2??|403|429'"]


@pytest.mark.parametrize(
    ("proof", "sent"),
    [
        ({}, "send"),
        ({"statuses": [429]}, "send"),
        ({"exchange": "x-1", "fields_lack": [["Retry-After", "^99$"]]}, "send_until_limited"),
    ],
)
def test_a_refusal_that_is_looked_into_is_asked_for_until_it_comes(proof: dict[str, Any], sent: str) -> None:
    exchanges = [(1, entry(status=429))]
    shown = refusal_shown_in({"exchanges": ["x-1"], "proof": proof}, exchanges)
    assert sends(exchanges[0][1], exchanges, shown, limited=True) == sent


def test_a_limit_is_used_up_again_at_its_first_refusal_and_at_its_last() -> None:
    exchanges = [(number, entry(number, status=status)) for number, status in enumerate([200, 429, 429, 429, 200], 1)]
    sent = [sends(each, exchanges, "x-5", limited=True) for _, each in exchanges]
    assert sent == ["send", "send_until_limited", "send", "send_until_limited", "send"]
    assert list(steps(exchanges, {"x-5"}, {}))[-1] == "needs 4 429"


@pytest.mark.parametrize(
    ("status", "field", "body", "waits"),
    [
        (429, "Retry-After: 2", "", True),
        (503, "retry-after: 10", "", True),
        (503, "Server: s", "<Error><Code>SlowDown</Code></Error>", True),
        (503, "Server: s", "<Error><Code>InternalError</Code></Error>", False),
        (429, "Server: s", "", False),
        (429, "Retry-After: 3600", "<Code>SlowDown</Code>", False),
        (200, "Retry-After: 2", "<Code>SlowDown</Code>", False),
    ],
)
def test_who_is_asked_to_wait_for_so_long_as_one_can_waits(status: int, field: str, body: str, waits: bool) -> None:
    answer = (
        f"printf {status} >$answers/1.status",
        f"echo '{field}' >$answers/1.head",
        f"echo '{body}' >$answers/1.body",
    )
    assert (shell(*answer, "asks_to_wait 1").returncode == 0) is waits


def test_logins_between_guesses_are_no_steps() -> None:
    entries = [entry(1), entry(2, client=BETWEEN_GUESSES), entry(3)]
    assert [each["id"] for each in served(entries, [])] == ["x-1", "x-3"]


def test_what_is_asked_again_until_it_is_gone_is_asked_once_after_as_long_a_time() -> None:
    entries: list[dict[str, Any]] = [
        {"id": "x-1", "method": "DELETE", "status": 202},
        {"id": "x-2", "method": "GET", "status": 200},
        {"id": "x-3", "method": "GET", "status": 200, "paused_s": 0.2, "again": "x-2"},
        {"id": "x-4", "method": "GET", "status": 200, "paused_s": 0.3, "again": "x-3"},
    ]
    left = served(entries, [])
    assert [(each["id"], each.get("paused_s")) for each in left] == [("x-1", None), ("x-4", 0.5)]


def test_a_step_that_is_not_as_it_was_leaves_nothing_to_tell() -> None:
    ran = shell('printf 404 >"$answers/1.status"', "finds 1", "echo 'passes'")
    assert ran.returncode == 2 and "request 1 finds nothing" in ran.stdout
    ran = shell('printf 429 >"$answers/1.status"', "needs 1 '2??|429'", "needs 1 201", "echo 'passes'")
    assert ran.returncode == 2 and "request 1 is answered 429" in ran.stdout


def test_a_later_page_begins_where_the_one_before_ends_now() -> None:
    page = entry(1, response_body={"size": 1, "text": '{"tags": ["a", "b"]}'})
    following = [entry(2, url="http://h/tags/list?n=2&last=b"), entry(3, url="http://h/tags/list?n=2&last=bc")]
    assert list(places(1, page, following)) == [("&last=b", "&last=\0LAST_1\0", "LAST_1=$(last_of 1 tags | encoded)")]
    nested = entry(1, response_body={"size": 1, "text": "[" * 100_000})
    assert list(places(1, nested, following)) == []


def test_a_marker_is_read_as_it_is_told(tmp_path: Path) -> None:
    text = "<R><EncodingType>url</EncodingType><NextMarker>c%2Bd%C3%A9&amp;</NextMarker></R>"
    page = entry(1, response_body={"size": 1, "text": text})
    ((_, mark, made),) = places(1, page, [entry(2, url="http://h/b?marker=c%2Bd%C3%A9%26")])
    assert mark == "?marker=\0MARKER_1\0"
    assert shell(f"printf '%s' '{text.replace('%', '%')}' >\"$answers/1.body\"", made, 'echo "$MARKER_1"').stdout == (
        "c%2Bd%C3%A9%26\n"
    )


def test_a_place_that_is_gone_to_is_taken_whole() -> None:
    opened = entry(1, "POST", 201, response_headers=[["Location", "/v2/a/blobs/uploads/7"]])
    located, _ = address(1, opened, [entry(2, url="http://h/v2/a/blobs/uploads/7?digest=x")])
    assert located == "http://h/v2/a/blobs/uploads/7"
    assert address(1, opened, [entry(2)]) == ("", [])


def test_what_a_finding_speaks_of_is_compared() -> None:
    seen = entry(response_headers=[["ETag", "abc"], ["Date", DATE], ["X-Owner-Id", "7"]])
    spoken, _ = as_seen([(1, seen)], "expected an ETag in quotes; x-owner-id: 7")
    told = next(line for line in spoken if line.startswith('[ "$(described'))
    assert "etag: abc" in told and "x-owner-id: 7" in told and "date" not in told
    silent, _ = as_seen([(1, seen)], "expected 404")
    assert not any("etag: abc" in line for line in silent)


def test_times_and_names_of_the_run_are_no_difference(tmp_path: Path) -> None:
    renamed = {"cf-0000000aaaa-": "cf-0000000\0RUN\0-"}
    lines, _ = as_seen([(1, entry())], "expected 200", renamed)
    steady = next(line for line in lines if line.startswith("steady()"))
    then = "cf-0000000aaaa-x 2026-11-27T06:53:09.123Z <RequestId>A</RequestId>"
    now = "cf-0000000bbbb-x 2026-11-28T06:53:09Z <RequestId>B</RequestId>"
    for name, text in (("then", then), ("now", now)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    ran = shell("RUN=bbbb", steady, f"steady {tmp_path / 'then'}", "echo", f"steady {tmp_path / 'now'}")
    first, second = ran.stdout.splitlines()
    assert first == second
    quoted, _ = as_seen([(1, entry())], "observed 404 <Error><RequestId>a</RequestId></Error>")
    assert "<ID>" in "".join(quoted) and "<ID>" not in "".join(as_seen([(1, entry())], "expected a request id")[0])
    timely, _ = as_seen([(1, entry())], "expected Last-Modified of this time")
    assert "TIME" not in "".join(timely)


@pytest.mark.parametrize(
    ("proof", "left"), [({"matches": "<Code>"}, False), ({"matches": "<Key>"}, True), ({"lacks": "x"}, False)]
)
def test_a_proof_that_the_finding_itself_meets_tells_nothing(proof: dict[str, Any], left: bool) -> None:
    answered = entry(response_body={"size": 1, "text": "<Error><Code>A</Code>\n"})
    assert bool(telling({"exchange": "x-1", **proof}, answered)) is left


def test_a_list_is_looked_at_where_no_other_answer_is_named() -> None:
    exchanges = [(1, entry(1)), (2, entry(2)), (3, entry(3, "DELETE", 204))]
    listed = {"proof": {"listed": [{"name": "tags", "pages": ["x-1", "x-2"], "items": []}]}}
    assert shown_in(listed, exchanges) == "x-2"
    assert shown_in({**listed, "exchanges": ["x-1"]}, exchanges) == "x-1"
    assert shown_in({}, exchanges) == "x-3"


def test_what_was_asked_at_once_is_not_said_to_pass() -> None:
    finding = {"expected": "a", "observed": "b", "proof": {"exchange": "x-2", "statuses": [201]}}
    together = [(1, entry(1, "PUT", 200)), (2, entry(2, "PUT", 409, started=RUN_AT + 1.2))]
    assert judgement(together, finding, "", {}, {}, {}, {})[0][-1] == AT_ONCE
    apart = [(1, entry(1, "PUT", 200)), (2, entry(2, "PUT", 409))]
    assert judgement(apart, finding, "", {}, {}, {}, {})[0][-1] != AT_ONCE


def test_what_no_script_can_tell_is_said_so() -> None:
    assert unsendable([(1, entry())], {"beyond": "it is how long answers take"}, {}) == "it is how long answers take"


@pytest.mark.parametrize("times", [1, 2, 5, 4096, 100_001])
def test_a_body_that_repeats_itself_is_made_again(tmp_path: Path, times: int) -> None:
    (tmp_path / "unit").write_bytes(b"abc")
    ran = shell(f"repeated {tmp_path / 'unit'} {times} >{tmp_path / 'whole'}")
    assert ran.returncode == 0 and (tmp_path / "whole").read_bytes() == b"abc" * times


@pytest.mark.parametrize(
    "content",
    [b"a" * 100_000, b"a" * 40_000 + b"b" * 40_000 + b"the rest", b"line\r\n" + bytes(range(251)) * 300 + b"\0\1\2"],
)
def test_what_repeats_itself_is_told_in_short(content: bytes) -> None:
    found = pieces_of(content)
    assert b"".join(unit * times for unit, times in found) == content
    assert sum(len(unit) for unit, _ in found) < 600


def test_what_does_not_repeat_itself_is_not_told() -> None:
    assert pieces_of(b"".join(b"%d," % number for number in range(10_000))) == []


@pytest.mark.parametrize(
    ("told", "now"), [('"project-1"', '"project-2"'), ("2043089123", "77"), ("2043089123 ", "2043089124 ")]
)
def test_what_names_a_thing_in_an_answer_is_taken_from_the_answer_that_comes_now(
    told: str, now: str, tmp_path: Path
) -> None:
    body, name = {"size": 1, "text": f'{{"slug": "a", "id": {told}, "size": 1}}'}, told.strip('" ')
    found = list(inside(3, entry(3, response_body=body), [f"http://h/projects/{name}"]))
    assert found == [(name, "\0ID_3\0", "ID_3=$(id_of 3)")]
    assert not list(inside(3, entry(3, response_body=body), ["http://h/projects/a"]))
    (tmp_path / "3.body").write_text(f'{{"slug": "a", "id" : {now}, "size": 1}}')
    assert shell(f"answers={tmp_path}", "trap - EXIT", "id_of 3").stdout.strip() == now.strip('" ')


@pytest.mark.parametrize("number", ["12345", "204308912.5", "204308912e1"])
def test_a_number_that_names_nothing_for_certain_is_left_as_it_is(number: str) -> None:
    body = {"size": 1, "text": f'{{"id": {number}}}'}
    assert not list(inside(3, entry(3, response_body=body), [f"http://h/projects/{number}"]))


def test_what_may_be_rare_is_asked_for_again_where_that_only_reads() -> None:
    failing, other, passing = check("a/b#x", Verdict.FAIL), check("a/b#y", Verdict.FAIL), check("a/b#z")
    sequence = [entry(1, "PUT", 201), entry(2), entry(3)]
    assert rare(sequence, failing, [failing, passing]) == (2, 30)
    assert rare(sequence, failing, [failing, other]) == (0, 1)
    assert rare([*sequence, entry(4, "PUT", 201)], failing, [failing, passing]) == (0, 1)
    assert rare([entry(1, status=429)], failing, [failing, passing]) == (0, 1)
    at_once = [entry(1), entry(2, started=RUN_AT + 1.2)]
    assert rare(at_once, failing, [failing]) == (1, 30)


@pytest.mark.parametrize(("shows_at", "code"), [(3, 1), (9, 0)])
def test_what_is_rare_is_asked_for_until_it_shows(shows_at: int, code: int) -> None:
    look = f'look() ( echo >>"$answers/n"; [ "$(wc -l <"$answers/n")" -lt {shows_at} ] || shows it )'
    ran = shell(FUNCTIONS["AGAIN"], look, "until_shown 5")
    assert ran.returncode == code and ran.stdout.startswith(f"asked {min(shows_at, 5)} times")


def test_a_secret_in_a_file_is_read_from_where_the_script_is_started(tmp_path: Path) -> None:
    (tmp_path / "key file").write_text("of the file")
    record = Record(tmp_path, info(recipes={"KEY": from_file("KEY", "key file")}), [], True)
    sent = entry(secrets=["KEY"], request_headers=[["X-Key", "$KEY"]])
    lines = Script(record, check("a/b", Verdict.FAIL), {"expected": "", "observed": ""}, [sent])._secrets()
    asking = shlex.join(
        [SHELL, "-c", "\n".join([FUNCTIONS["PREAMBLE"].replace("dirname", "echo /; :"), *lines, "echo $KEY_QUOTED"])]
    )
    for given, told in (("", "of the file"), ("KEY='of the environment'; export KEY;", "of the environment")):
        ran = subprocess.run([SHELL, "-c", given + asking], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.stdout.strip() == told


def test_what_a_program_or_the_operator_did_is_not_done_by_a_script() -> None:
    program = {"kind": "transcript", "command": ["podman", "push"]}
    assert "a program" in done_otherwise([entry(), program])
    assert "rotated" in done_otherwise([{**program, "hook": "rotate_webhook"}])
    assert done_otherwise([entry(), {**program, "hook": "revoke"}]) == ""


@pytest.mark.parametrize(("name", "told"), [("w-9x-uploads/a", False), ("w-1x-object", True)])
def test_what_others_had_made_is_not_said_to_be_there_no_more(name: str, told: bool) -> None:
    body = {"size": 1, "text": f"<L><Upload><Key>cf-0tp6yup86e0-{name}</Key></Upload></L>"}
    asked = [(1, entry(1, url="http://h/b?uploads=&prefix=cf-0tp6yup86e0-w-9x-", response_body=body))]
    proofs: list[dict[str, Any]] = [
        {"listed": [{"name": "Upload/Key", "pages": ["x-1"], "items": []}]},
        {"exchange": "x-1", "lacks": "<Key>cf-[^<]*</Key>"},
    ]
    for proof in proofs:
        finding = {"expected": "a", "observed": "b", "proof": proof}
        assert (judgement(asked, finding, "", {}, {}, {}, {})[0][-1] == OTHERS) is told


@pytest.mark.parametrize(("first", "looked_at"), [("other", True), ("hidden", False)])
def test_what_should_stand_on_no_page_is_looked_for_on_those_before(first: str, looked_at: bool) -> None:
    link, body = [["Link", '</items?page=2>; rel="next"']], {"size": 1, "text": first}
    pages = [
        (1, entry(1, url="http://h/items", response_body=body, response_headers=link)),
        (2, entry(2, url="http://h/other")),
        (3, entry(3, url="http://h/items?page=2", response_body={"size": 1, "text": "hidden"})),
    ]
    lines = other_pages({"lacks": "hidden"}, pages, 3, {})
    assert [each.split()[1] for each in lines[:-1]] == (["1"] if looked_at else [])
    assert bool(lines) is looked_at and not other_pages({"lacks": "hidden"}, pages, 2, {})


@pytest.mark.parametrize(
    ("expected", "status", "told"),
    [
        ("429 Too Many Requests", 200, True),
        ("200", 429, True),
        ("the descriptor of sha256:74429ab0", 200, False),
    ],
)
def test_a_limit_is_what_a_finding_names_and_no_digits_of_a_digest(expected: str, status: int, told: bool) -> None:
    assert is_of_a_limit("registry/referrers/filter-is-applied", expected, [(1, entry(status=status))]) is told
