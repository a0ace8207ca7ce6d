"""What one check saw of a target: whether two runs of it differ."""

from __future__ import annotations

import pytest

from conformance.evidence.recorder import Recorder
from conformance.runs.behaviour import Answer, Behaviour, behaviour, differences
from conformance.vocabulary.exchange import Exchange, Headers


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


def put(*statuses: int) -> Behaviour:
    """What PUTs of one object show, one after another; one that is broken off has the status 0."""
    recorder, none = Recorder(), Headers()
    for number, status in enumerate(statuses, 1):
        sent = Exchange(recorder.next_id(), "PUT", "http://h/b/k", none, b"", status, none, b"", number * 10.0, 1.0)
        if status:
            recorder.exchange(sent)
        else:
            recorder.failed_request(sent, "broken off")
    return behaviour({**entry, "check": "a/check"} for entry in recorder.entries)


def test_the_answer_to_another_request_is_not_told_as_that_to_one_that_is_broken_off() -> None:
    assert list(differences(put(200, 499), put(200, 400)))
    assert not list(differences(put(200, 499), put(200, 0)))
    assert not list(differences(put(200, 0), put(200, 499)))


def listed(link: str) -> Behaviour:
    """What one page of a list shows, with this Link field or none."""
    recorder, none = Recorder(), Headers()
    fields = Headers([("Link", link)] if link else [])
    recorder.exchange(Exchange("x-1", "GET", "http://h/v2/_catalog?n=1", none, b"", 200, fields, b"", 10.0, 1.0))
    return behaviour({**entry, "check": "a/check"} for entry in recorder.entries)


@pytest.mark.parametrize("link", ['</v2/_catalog?last=a&n=1>; rel="next"', "</a?p=2>; rel=next", '</a>; rel="last up"'])
def test_a_link_to_another_page_is_of_what_there_is_to_list(link: str) -> None:
    assert list(differences(listed(""), listed(link))) == []


@pytest.mark.parametrize("link", ['</terms>; rel="license"', '</first>; rel="license"; title="next"'])
def test_another_link_is_compared(link: str) -> None:
    ((told, *_),) = differences(listed(""), listed(link))
    assert told == "GET /v2/_catalog?n: the header fields of 200 are now with link"
