"""The lengths of signatures: what is too short is told, and nothing is told of what is not known."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from conformance.evidence.recorder import Recorder
from conformance.evidence.signatures import misfit
from conformance.vocabulary.exchange import Exchange, Headers


def token(header: object, octets: int) -> str:
    parts = (json.dumps(header).encode(), b"{}", b"x" * octets)
    return ".".join(urlsafe_b64encode(each).decode().rstrip("=") for each in parts)


@pytest.mark.parametrize("octets", [63, 65, 70])
def test_another_length_is_told(octets: int) -> None:
    assert misfit(token({"alg": "ES256"}, octets)) == f"{octets} octets for ES256, which has 64"


@pytest.mark.parametrize(
    "issued",
    [
        token({"alg": "ES256"}, 64), token({"alg": "ES512"}, 132), token({"alg": "RS256"}, 256), token({}, 1),
        token({"alg": ["ES256"]}, 1), token([], 1), "eyJ.a.b", "eyJ.\u00e9.b", "opaque", "a.b.c",
    ],
)  # fmt: skip
def test_nothing_is_told(issued: str) -> None:
    assert misfit(issued) == ""


def test_every_token_of_a_run_is_looked_at_and_what_workers_saw_is_joined() -> None:
    recorder, other = Recorder(), Recorder()
    for octets in (64, 63):
        body = json.dumps({"access_token": token({"alg": "ES256"}, octets)}).encode()
        recorder.exchange(Exchange("x-1", "POST", "http://t/", Headers([]), b"", 200, Headers([]), body, 0.0, 0.0))
    other.watch.join(recorder.watch.told())
    assert [each["wrong"] for each in other.watch.misfits] == ["63 octets for ES256, which has 64"]
    other.watch.forget()
    assert other.watch.misfits == []
