"""Dates of a registry's answers: which are told as wrong, and which anybody may have written."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements.times import ANOTHER_TIME, DATE, MODIFIED, NO_DATE, TO_COME, date_flaw
from conformance.vocabulary.exchange import Exchange, Headers

NOW = "Sun, 29 Nov 2026 10:00:00 GMT"
STARTED = 1795946400.0


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ("", {}),
        ("", {DATE: NOW}),
        ("", {DATE: "Sun, 29 Nov 2026 10:14:00 GMT", MODIFIED: NOW}),
        ("", {DATE: NOW, MODIFIED: "Sun, 29 Nov 2026 10:00:30 GMT"}),
        ("", {DATE: "Sun, 29 Nov 2026 07:00:00 GMT", MODIFIED: NOW, "Age": "10800"}),
        ("", {MODIFIED: "Mon, 30 Nov 2026 10:00:00 GMT"}),
        (NO_DATE[DATE], {DATE: "2026-11-29T10:00:00Z"}),
        (NO_DATE[MODIFIED], {DATE: NOW, MODIFIED: "Sunday, 29-Nov-26 10:00:00 GMT"}),
        (NO_DATE[MODIFIED], {DATE: NOW, MODIFIED: "Tue, 31 Feb 2026 10:00:00 GMT"}),
        (ANOTHER_TIME, {DATE: "Sun, 29 Nov 2026 12:00:00 GMT"}),
        (TO_COME, {DATE: NOW, MODIFIED: "Sun, 29 Nov 2026 11:00:00 GMT"}),
    ],
)
def test_dates(wrong: str, fields: dict[str, str]) -> None:
    reply = Exchange(
        "x-1", "GET", "http://r/v2/", Headers([]), b"", 200, Headers([*fields.items()]), b"{}", STARTED, 0.0
    )
    assert date_flaw(reply) == wrong
