"""What an exchange says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.vocabulary.exchange import Exchange, Headers


def answered(status: int, document: Any) -> Exchange:
    body = json.dumps(document).encode()
    return Exchange("1", "PUT", "/v2/a/manifests/b", Headers(), b"", status, Headers(), body, 0.0, 0.0)


def test_a_refusal_says_why() -> None:
    told = answered(403, {"errors": [{"code": "DENIED", "message": "the quota\nof 20 tags  is reached"}, {}]})
    assert str(told) == "PUT /v2/a/manifests/b answered 403 (DENIED: the quota of 20 tags is reached)"


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"errors": None}, {"errors": []}, {"errors": ["DENIED"]}, {"errors": {"code": "DENIED"}},
     {"errors": [{"code": 403, "message": ""}]}],
)  # fmt: skip
def test_what_says_nothing_is_told_by_its_status(document: Any) -> None:
    assert str(answered(403, document)) == "PUT /v2/a/manifests/b answered 403"


def test_a_success_says_no_why() -> None:
    assert str(answered(202, {"errors": [{"code": "DENIED"}]})) == "PUT /v2/a/manifests/b answered 202"
