"""What one check saw of a target: whether two runs of it differ."""

from __future__ import annotations

import pytest

from conformance.runs.behaviour import Answer, Behaviour, differences


def answered(*statuses: int) -> Behaviour:
    return {"POST /v2/a/blobs/uploads/": [Answer(each, frozenset(), "", "", f"x-{each}") for each in statuses]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param((202, 401), (401,), id="the first check of a worker pushes what the others read"),
        pytest.param((401,), (200, 200, 401), id="a token is asked for once"),
        pytest.param((404, 404, 200), (404, 200), id="one more look until it is there"),
        pytest.param((400, 201, 200), (400,), id="what is shared is made in the middle of the check"),
    ],
)
def test_what_only_the_first_check_asks_for_is_no_change(old: tuple[int, ...], new: tuple[int, ...]) -> None:
    assert list(differences(answered(*old), answered(*new))) == []


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
def test_another_answer_is_told(old: tuple[int, ...], new: tuple[int, ...], told: str) -> None:
    ((words, *exchanges),) = differences(answered(*old), answered(*new))
    assert words == f"POST /v2/a/blobs/uploads/: {told}"
    assert exchanges == [f"x-{old[-1]}", f"x-{new[-1]}"]
