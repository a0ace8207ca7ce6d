"""A failed status oracle reports the expected and the observed answer."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from conformance.evidence.recorder import RECORDER
from conformance.oracles.status import expect_status, observed, refused_in_front
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


def answer(status: int, body: bytes = b"") -> Exchange:
    headers = Headers([("Content-Type", "application/json; charset=utf-8")] if body else [])
    return Exchange("x-1", "GET", "http://h/", Headers(), b"", status, headers, body, 0.0, 0.0)


def test_a_failure_says_what_was_expected_and_observed() -> None:
    with pytest.raises(NonConformance) as failure:
        expect_status(answer(200, b'{"a": 1}'), {400, 401}, "with a wrong secret")
    assert failure.value.expected == "400 or 401 with a wrong secret"
    assert failure.value.observed == '200 application/json {"a": 1}'
    assert failure.value.exchange_ids == ["x-1"]


def test_a_long_body_is_cut_after_its_secrets_are_replaced() -> None:
    token = "abcdefghij" * 40
    RECORDER.redactor.learn("LONG_TOKEN", token)
    told = observed(answer(200, b'{"access_token": "' + token.encode() + b'"}' + b"x" * 400))
    assert told.startswith('200 application/json {"access_token": "$LONG_TOKEN"}')
    assert told.endswith("bytes)")


def test_invisible_content_is_described() -> None:
    assert observed(answer(200, b"\xef\xbb\xbf{}")) == "200 application/json <byte order mark>{}"
    packed = reply(
        200, gzip.compress(bytes(range(128, 256))), {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    )
    assert observed(packed) == f"200 application/json in gzip with {len(packed.body)} binary bytes"


@pytest.mark.parametrize(
    ("sent", "status", "kind", "in_front"),
    [
        (b"a=%00", 403, "text/html", True),
        (b'{"a": "\\u0000"}', 406, "text/html; charset=utf-8", True),
        (b"a=%00", 403, "application/json", False),
        (b"a=%00", 200, "text/html", False),
        (b"a=b", 403, "text/html", False),
    ],
)
def test_a_firewall_page_is_not_the_services_answer(sent: bytes, status: int, kind: str, in_front: bool) -> None:
    page = replace(reply(status, b"<p>", {"Content-Type": kind}), request_body=sent)
    assert refused_in_front(page) is in_front
