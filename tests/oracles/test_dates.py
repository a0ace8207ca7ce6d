"""A date field has the form of HTTP dates and is near the expected time."""

from __future__ import annotations

import pytest

from conformance.oracles.dates import expect_http_date
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


def test_a_date_has_its_form_and_is_near() -> None:
    good = reply(headers={"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})

    assert expect_http_date(good, "last-modified", 784111777, 1) == 784111777
    with pytest.raises(NonConformance):
        expect_http_date(good, "last-modified", 784111777 + 600, 300)
    for wrong in ("1994-11-06T08:49:37Z", "Thu, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Xyz 1994 08:49:37 GMT"):
        with pytest.raises(NonConformance):
            expect_http_date(reply(headers={"Last-Modified": wrong}), "last-modified", 784111777, 1)
