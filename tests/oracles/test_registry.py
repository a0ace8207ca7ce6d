"""The registry's oracles read ranges, links, lists and codings as the specification permits them."""

from __future__ import annotations

import gzip
from itertools import count

import pytest

from conformance.oracles import registry as oracle
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotConnected
from tests.oracles.replies import answer

CONTENT = bytes(range(100))


@pytest.mark.parametrize("value", ["0-299", "bytes=0-299"])
def test_an_uploads_range_may_have_a_unit(value: str) -> None:
    oracle.expect_range(answer(202, range=value), 299)
    assert oracle.received(answer(202, range=value)) == 300


@pytest.mark.parametrize("fields", [{}, {"range": "0-300"}, {"range": "1-299"}, {"range": "0-"}])
def test_another_range_is_a_finding(fields: dict[str, str]) -> None:
    with pytest.raises(NonConformance):
        oracle.expect_range(answer(202, **fields), 299)


def test_an_upload_without_bytes_reports_no_range_or_0_0() -> None:
    assert oracle.received(answer(204, range="0-0")) == oracle.received(answer(204)) == 0


@pytest.mark.parametrize("tags", [["B", "a"], ["a", "B"], ["a", "b"], [], ["V1", "v1", "v2"]])
def test_either_lexical_order_is_an_order(tags: list[str]) -> None:
    oracle.expect_sorted(answer(200, {"tags": tags}), "tags")


def test_null_is_an_empty_list() -> None:
    assert oracle.strings_of(answer(200, {"tags": None}), "tags") == []


@pytest.mark.parametrize("value", [
    '</v2/x?n=2&last=b>; rel="next"', "</v2/x?n=2&last=b>; rel=next", '</v2/x?n=2&last=b>; title="x"; rel="next"',
    '</x>; rel=prev; title="a; rel=next, b", </v2/x?n=2&last=b>; rel="next"',
    '</first>; rel="first", </v2/x?n=2&last=b>; rel="next"', '</v2/x?n=2&last=b>; rel="prev next"',
])  # fmt: skip
def test_the_next_link_is_found(value: str) -> None:
    assert oracle.next_link(answer(link=value)) == "/v2/x?n=2&last=b"


@pytest.mark.parametrize("value", ['</x>; rel="prev"', "</x>", '</x>; title="next"'])
def test_another_link_is_not_the_next_link(value: str) -> None:
    assert oracle.next_link(answer(link=value)) is None


@pytest.mark.parametrize("unit", ["<", '; rel="', ";rel=", "<a>;", "=", '"'])
def test_a_long_field_is_read_in_linear_time(unit: str) -> None:
    # Were each part of it looked at again from each of its characters, this would take minutes.
    filled = unit * (100_000 // len(unit))
    assert oracle.next_link(answer(link=f"{filled}\x00")) is None


def test_a_list_of_too_many_pages_is_inconclusive() -> None:
    numbers = count()
    with pytest.raises(Inconclusive, match="the list has more than 200 pages"):
        oracle.pages_from(
            answer(200, {"repositories": []}, link='</x>; rel="next"'),
            lambda reply, target: answer(200, {"repositories": [target]}, link=f'</x{next(numbers)}>; rel="next"'),
        )


def test_links_in_a_circle_are_found_after_one_round() -> None:
    asked = list[str]()

    def follow(_reply: Exchange, target: str) -> Exchange:
        asked.append(target)
        return answer(200, {"tags": [target]}, link=f'<{"/b" if target == "/a" else "/a"}>; rel="next"')

    with pytest.raises(NonConformance, match=r"without a next link.*back to the same page, /a"):
        oracle.pages_from(answer(200, {"tags": []}, link='</a>; rel="next"'), follow)
    assert asked == ["/a", "/b", "/a"]


def test_the_same_link_may_go_on() -> None:
    left = [answer(200, {"tags": ["b"]}, link='</next>; rel="next"'), answer(200, {"tags": ["c"]})]
    pages = oracle.pages_from(
        answer(200, {"tags": ["a"]}, link='</next>; rel="next"'), lambda reply, target: left.pop(0)
    )
    oracle.expect_complete(pages, "tags", ["a", "b", "c"])


def test_items_lost_or_repeated_between_pages_are_named() -> None:
    pages = [answer(200, {"tags": ["a", "b"]}), answer(200, {"tags": ["b", "d"]})]
    with pytest.raises(NonConformance, match='missing: "c"; more than once: "b"'):
        oracle.expect_complete(pages, "tags", ["a", "b", "c", "d"])
    with pytest.raises(NonConformance, match=r'the tags \["a"\], each once; .* 2 tags on 1 page; not expected: "b"'):
        oracle.expect_complete(pages[:1], "tags", ["a"])


def test_a_range_of_too_many_digits_is_none() -> None:
    digits = "9" * 5000
    assert oracle.received(answer(202, range=f"0-{digits}")) == 0
    with pytest.raises(NonConformance):
        oracle.expect_partial(answer(206, CONTENT[:2], content_range=f"bytes 0-{digits}/100"), CONTENT, 0, 1)


PACKED = gzip.compress(CONTENT)


@pytest.mark.parametrize(
    ("body", "coding"), [(CONTENT, ""), (CONTENT, "Identity"), (PACKED, "gzip"), (PACKED, "x-gzip")]
)
def test_encoded_content_is_decoded(body: bytes, coding: str) -> None:
    oracle.expect_bytes_decoded(answer(200, body, **({"content_encoding": coding} if coding else {})), CONTENT)


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, PACKED),
        answer(200, CONTENT, content_encoding="gzip"),
        answer(200, PACKED[:-9], content_encoding="gzip"),
        answer(200, gzip.compress(CONTENT + b"x"), content_encoding="gzip"),
        answer(200, CONTENT, content_encoding="unknown"),
        answer(404, b"", content_encoding="gzip"),
    ],
)
def test_content_in_another_coding_than_declared_is_found(reply: Exchange) -> None:
    with pytest.raises(NonConformance):
        oracle.expect_bytes_decoded(reply, CONTENT)


def test_a_scope_names_the_resource_and_the_action_or_every_action() -> None:
    for scope in ("repository:a/b:pull,push", "repository:c:pull repository:a/b:*"):
        told = answer(401, www_authenticate=f'Bearer realm="https://x",scope="{scope}"')
        oracle.expect_scope(told, "repository:a/b", "push")
    for scope in ("repository:a/b:pull", "repository:b:push", "repository:a/b/c:push", "a/b push", ""):
        told = answer(401, www_authenticate=f'Bearer realm="https://x",scope="{scope}"')
        with pytest.raises(NonConformance, match="expected scope repository:a/b:push"):
            oracle.expect_scope(told, "repository:a/b", "push")
    with pytest.raises(NotApplicable):
        oracle.expect_scope(answer(401, www_authenticate='Basic realm="x"'), "repository:a/b", "push")


def test_an_unreachable_location_names_the_request() -> None:
    def asked() -> Exchange:
        failure = NotConnected("GET http://inside.example/: no such host")
        failure.exchange_ids = ["x-7"]
        raise failure

    with pytest.raises(NonConformance) as told:
        oracle.expect_reachable("a Location", asked)
    assert told.value.expected.startswith("a Location") and "no such host" in told.value.observed
    assert told.value.exchange_ids == ["x-7"]
