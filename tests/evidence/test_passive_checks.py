"""Canaries of another organization are found in any answer, except where they are allowed."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest

from conformance.clients.concurrency import at_once
from conformance.evidence.passive_checks import canary_of
from conformance.evidence.recorded_responses import KEPT_BODY
from conformance.evidence.recorder import Recorder
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange, Headers

CANARY = 'kept "at home", ünd €'
SECRET = "the-secret-of-the-other-organization"


@pytest.fixture
def recorder() -> Recorder:
    described = {"organization": "acme", "foreign": {"organization": "globex", "canaries": [CANARY]}}
    made = Recorder()
    made.passive_checks.watch_target(Target.model_validate(described), "0run")
    made.passive_checks.exempt(SECRET)
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
def test_a_canary_is_found(recorder: Recorder, seen: Exchange) -> None:
    recorder.exchange(seen)
    (sighting,) = recorder.passive_checks.sightings
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
def test_allowed_canaries_are_ignored(recorder: Recorder, excused: Exchange) -> None:
    recorder.exchange(excused)
    assert recorder.passive_checks.sightings == []
    assert recorder.passive_checks.answers == 1


def test_a_canary_is_allowed_for_a_token_of_its_organization(recorder: Recorder) -> None:
    recorder.exchange(answer(b'{"access_token": "a-token-of-theirs"}', request_body=SECRET.encode()))
    recorder.exchange(answer(b'{"access_token": "a-token-of-another"}', request_body=b"x"))
    recorder.exchange(answer(CANARY.encode(), sent="Bearer a-token-of-theirs"))
    assert recorder.passive_checks.seen == 0
    recorder.exchange(answer(CANARY.encode(), sent="Bearer a-token-of-another"))
    assert recorder.passive_checks.seen == 1


def test_sightings_of_workers_are_merged_and_bounded(recorder: Recorder) -> None:
    for _ in range(50):
        recorder.exchange(answer(CANARY.encode()))
    other = Recorder()
    other.passive_checks.join(recorder.passive_checks.summary())
    assert other.passive_checks.seen == other.passive_checks.answers == 50
    assert len(other.passive_checks.sightings) == 20


def test_concurrent_callers_do_not_mix(recorder: Recorder) -> None:
    def issued(caller: int) -> None:
        for number in range(100):
            body = json.dumps({"access_token": f"a-token-of-theirs-{caller}-{number}"}).encode()
            recorder.exchange(answer(body, request_body=SECRET.encode()))
            recorder.exchange(answer(b"x" * 20_000, request_body=b"y" * 20_000))

    at_once([partial(issued, caller) for caller in range(6)])
    recorder.exchange(answer(CANARY.encode(), sent="Bearer a-token-of-theirs-5-99"))
    assert recorder.passive_checks.seen == 0
