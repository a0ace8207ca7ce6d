"""Whether two runs show different behaviour of a target."""

from __future__ import annotations

import pytest

from conformance.runs.behaviour import Behaviour, Response, differences


def answered(*statuses: int) -> Behaviour:
    return {"POST /v2/a/blobs/uploads/": [Response(each, frozenset(), "", "", f"x-{each}") for each in statuses]}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ((202, 401), (202, 403), "status 202, 401 → 202, 403"),
        ((202, 401), (403,), "status 401 → 403"),
        ((201,), (201, 500), "status 201 → 500"),
        ((201,), (500, 201, 503), "status 201 → 503"),
        ((400, 404), (404, 400, 200), "status 400, 404 → 200, 400"),
    ],
)
def test_a_different_status_is_reported(old: tuple[int, ...], new: tuple[int, ...], told: str) -> None:
    ((words, *exchanges),) = differences(answered(*old), answered(*new))
    assert words == f"POST /v2/a/blobs/uploads/: {told}"
    assert exchanges == [f"x-{old[-1]}", f"x-{new[-1]}"]
