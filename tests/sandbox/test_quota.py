"""A creation that is refused since there is no room for more is told from any other refusal."""

from __future__ import annotations

import pytest

from conformance.sandbox.quota import expect_room
from conformance.sandbox.versions import Change
from conformance.target.description import Create, Resource
from conformance.vocabulary.finding import Inconclusive
from tests.oracles.replies import reply

THINGS = Resource(name="things", path="/things", create=Create(body={"name": "{slug}"}))
CREATION = Change("POST", "/things", [], b'{"name": "a"}')


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "quota_exceeded"), (409, "Maximum number of things reached."), (422, "TooManyThings"), (402, "max_count")],
)
def test_a_full_quota_cannot_be_judged(status: int, said: str) -> None:
    with pytest.raises(Inconclusive, match="no more things can be created"):
        expect_room([THINGS], CREATION, reply(status, {"error": said}))


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (CREATION, 201, "quota"),
        (CREATION, 409, "The name is taken."),
        (CREATION, 500, "quota"),
        (Change("POST", "/things", [], b'{"name": "quota"}'), 409, "There is a quota."),
        (Change("POST", "/things/a", [], b""), 403, "quota"),
        (Change("DELETE", "/things", [], b""), 403, "quota"),
    ],
)
def test_any_other_refusal_is_judged(change: Change, status: int, said: str) -> None:
    expect_room([THINGS], change, reply(status, {"error": said}))
