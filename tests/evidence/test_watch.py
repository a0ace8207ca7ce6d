"""The watch over every answer of a run: canaries are seen wherever they stand, and excused where they may."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest

from conformance.clients.concurrency import at_once
from conformance.evidence.judgements.doubled import FIELD, NAME
from conformance.evidence.passive_checks import canary_of
from conformance.evidence.recorded_responses import KEPT_BODY
from conformance.evidence.recorder import Recorder
from conformance.oracles.whole_run import failed_again, flawed_so
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange, Headers

CANARY = 'kept "at home", ünd €'
SECRET = "the-secret-of-the-other-organization"


@pytest.fixture
def recorder() -> Recorder:
    described = {"organization": "acme", "foreign": {"organization": "globex", "canaries": [CANARY]}}
    made = Recorder()
    made.watch.over(Target.model_validate(described), "0run")
    made.watch.excuse(SECRET)
    return made


def answer(body: bytes = b"", field: str = "", sent: str = "", request_body: bytes = b"", **changes: Any) -> Exchange:
    return Exchange(
        "x-1", "GET", changes.get("url", "http://t/x"), Headers([("Authorization", sent)]), request_body, 200,
        Headers([("X-Field", field)]), body, 0.0, 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "seen",
    [
        answer(CANARY.encode()),
        answer(b'{"a": "kept \\"at home\\", \\u00fcnd \\u20ac"}'),
        answer(b"/kept%20%22at%20home%22%2C%20%C3%BCnd%20%E2%82%AC"),
        answer(field=CANARY.encode().decode("latin-1")),
        answer(b"x" * (KEPT_BODY + 1) + CANARY.encode()),
        answer(b"a text with canary-0run in it"),
        answer(b'{"a": "\\u0063an\\u0061ry\\u002D0run"}'),
    ],
    ids=["body", "json", "percent", "field", "beyond-the-evidence", "of-the-run", "escaped"],
)
def test_a_canary_is_seen(recorder: Recorder, seen: Exchange) -> None:
    recorder.exchange(seen)
    (sighting,) = recorder.watch.sightings
    assert sighting["entry"]["id"] == "x-1"
    assert sighting["canary"] in (CANARY, canary_of("0run"))


@pytest.mark.parametrize(
    "excused",
    [
        answer(b"nothing"),
        answer(CANARY.encode(), sent=f"Bearer {SECRET}"),
        answer(CANARY.encode(), sent="Basic " + base64.b64encode(f"u:{SECRET}".encode()).decode()),
        answer(CANARY.encode(), request_body=f"client_secret={SECRET}".encode()),
        answer(CANARY.encode(), request_body=CANARY.encode()),
    ],
    ids=["nothing", "their-token", "their-basic", "their-form", "sent-by-the-caller"],
)
def test_what_may_be_is_excused(recorder: Recorder, excused: Exchange) -> None:
    recorder.exchange(excused)
    assert recorder.watch.sightings == []
    assert recorder.watch.answers == 1


def test_a_token_that_was_issued_to_them_is_theirs(recorder: Recorder) -> None:
    recorder.exchange(answer(b'{"access_token": "a-token-of-theirs"}', request_body=SECRET.encode()))
    recorder.exchange(answer(b'{"access_token": "a-token-of-another"}', request_body=b"x"))
    recorder.exchange(answer(CANARY.encode(), sent="Bearer a-token-of-theirs"))
    assert recorder.watch.seen == 0
    recorder.exchange(answer(CANARY.encode(), sent="Bearer a-token-of-another"))
    assert recorder.watch.seen == 1


def test_what_workers_have_seen_is_joined_and_bounded(recorder: Recorder) -> None:
    for _ in range(50):
        recorder.exchange(answer(CANARY.encode()))
    other = Recorder()
    other.watch.join(recorder.watch.told())
    assert other.watch.seen == other.watch.answers == 50
    assert len(other.watch.sightings) == 20


@pytest.mark.parametrize(
    ("url", "status", "fields", "told"),
    [
        ("http://i/api/a?b", 401, [], True),
        ("http://i/api/a", 401, [("www-authenticate", "Bearer")], False),
        ("http://i/api/a", 401, [("www-authenticate", " ")], True),
        ("http://i/api/a", 403, [], False),
        ("http://i/oauth/token", 401, [], False),
        ("http://i/hooks/secret", 401, [], False),
        ("http://other/api/a", 401, [], False),
    ],
)
def test_a_401_of_an_organization_api_without_a_challenge_is_told(
    url: str, status: int, fields: list[tuple[str, str]], told: bool
) -> None:
    recorder, other = Recorder(), Recorder()
    identity = {"url": "http://i", "resources": [{"name": "a", "path": "/api"}]}
    recorder.watch.over(Target.model_validate({"organization": "acme", "identity": identity}), "0run")
    recorder.exchange(Exchange("x-1", "GET", url, Headers([]), b"", status, Headers(fields), b"", 0.0, 0.0))
    other.watch.join(recorder.watch.told())
    assert [each["url"] for each in other.watch.bare] == ([url] if told else [])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([("GET", "a/1", 500), ("GET", "a/2", 500)], 2),
        ([("GET", "a/1", 500), ("PUT", "a/1", 500)], 0),
        ([("GET", "a/1", 500), ("GET", "b/1", 500)], 0),
        ([("GET", "a/1", 503), ("GET", "a/1", 503)], 0),
        ([("GET", "c", 500), ("GET", "c", 500)], 0),
    ],
)
def test_what_a_method_of_a_resource_fails_at_twice_is_told(asked: list[tuple[str, str, int]], told: int) -> None:
    recorder = Recorder()
    resources = [{"name": each, "path": f"/api/{each}"} for each in "ab"]
    identity = {"url": "http://i", "resources": resources}
    recorder.watch.over(Target.model_validate({"organization": "acme", "identity": identity}), "0run")
    for method, path, status in asked:
        url = f"http://i/api/{path}"
        recorder.exchange(Exchange("x-1", method, url, Headers([]), b"", status, Headers([]), b"", 0.0, 0.0))
    assert len(failed_again(recorder)) == told


@pytest.mark.parametrize(
    ("path", "fields", "body", "told"),
    [
        ("/api/a", [("Content-Type", "text/plain"), ("content-type", "text/html")], b"", [FIELD]),
        ("/oauth/token", [("ETag", '"1"'), ("ETag", '"1"')], b"", [FIELD]),
        ("/api/a", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=1"), ("Vary", "a"), ("Vary", "b")], b"", []),
        ("/api/a", [("Content-Type", "application/json")], b'{"a": [{"b": 1, "b": 1}]}', [NAME]),
        ("/api/a", [("Content-Type", "application/json")], b'{"a": [{"b": 1}, {"b": 1}]}', []),
        ("/api/a", [("Content-Type", "application/json")], b'{"a": 1, "a"', []),
        ("/v2/", [("ETag", '"1"'), ("ETag", '"1"')], b"", [FIELD]),
        ("/v2/", [("Range", "0-0"), ("Range", "0-0")], b"", [FIELD]),
        ("/v2/", [("Docker-Distribution-Api-Version", "registry/2.0")] * 2, b"", []),
        ("/v2/", [("Link", "<a>"), ("Link", "<b>")], b"", []),
        ("/bucket/", [("ETag", '"1"'), ("ETag", '"1"')], b"", []),
    ],
)
def test_what_stands_twice_is_told(path: str, fields: list[tuple[str, str]], body: bytes, told: list[str]) -> None:
    recorder = Recorder()
    identity = {"url": "http://i", "resources": [{"name": "a", "path": "/api"}]}
    target = {"organization": "acme", "identity": identity, "registry": {"url": "http://i", "repository": "orgs/a/b"}}
    recorder.watch.over(Target.model_validate(target), "0run")
    recorder.exchange(Exchange("x-1", "GET", f"http://i{path}", Headers([]), b"", 200, Headers(fields), body, 0.0, 0.0))
    assert [each["wrong"] for each in recorder.watch.flaws] == told


def test_a_recalled_exchange_is_evidence_of_the_check_that_recalls_it(recorder: Recorder) -> None:
    recorder.exchange(answer(CANARY.encode()))
    recorder.begin()
    recalled = recorder.recall(recorder.watch.sightings[0]["entry"])
    assert [entry["id"] for entry in recorder.entries] == [recalled] != ["x-1"]
    assert recorder.requests == 1


def test_callers_at_once_do_not_disturb_each_other(recorder: Recorder) -> None:
    def issued(caller: int) -> None:
        for number in range(100):
            body = json.dumps({"access_token": f"a-token-of-theirs-{caller}-{number}"}).encode()
            recorder.exchange(answer(body, request_body=SECRET.encode()))
            recorder.exchange(answer(b"x" * 20_000, request_body=b"y" * 20_000))

    at_once([partial(issued, caller) for caller in range(6)])
    recorder.exchange(answer(CANARY.encode(), sent="Bearer a-token-of-theirs-5-99"))
    assert recorder.watch.seen == 0


def test_what_is_wrong_is_told_of_the_surface_that_answered_so(recorder: Recorder) -> None:
    described = {"organization": "acme", "registry": {"url": "http://r", "repository": "orgs/acme/app"}}
    recorder.watch.over(Target.model_validate(described), "0run")
    twice = Headers([("Content-Type", "text/plain"), ("Content-Type", "text/html")])
    recorder.exchange(Exchange("x-9", "GET", "http://r/v2/", Headers([]), b"", 200, twice, b"", 0.0, 0.0))

    assert [each["url"] for each in flawed_so(recorder, "registry", FIELD)] == ["http://r/v2/"]
    assert flawed_so(recorder, "identity", FIELD) == flawed_so(recorder, "storage", FIELD) == []
