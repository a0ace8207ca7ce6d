"""A hidden thing is answered like an absent one; volatile values are no difference."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from conformance.oracles.concealment import Probe, difference, expect_as_absent, expect_not_named
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


def absent(name: str, number: int, **changes: Any) -> Probe:
    """The answer for something that never existed, with a request id in header and body."""
    status = changes.get("status", 404)
    body = changes.get("body", f'{{"error": {{"code": "not_found", "id": "req-{number}", "message": "no {name}"}}}}')
    headers = {
        "Content-Type": "application/json",
        "X-Request-Id": f"r{number}",
        "Date": f"second {number}",
        **changes.get("headers", {}),
    }
    return Probe(name, reply(status, body, headers))


def target(changes: dict[str, Any]) -> Callable[[str], Probe]:
    """Answers each request with other volatile values, and what is ``real`` with changes."""
    numbers = itertools.count(1)

    def ask(name: str) -> Probe:
        return absent(name, next(numbers), **(changes if name == "real" else {}))

    return ask


CONTROLS = [absent("aaaa", 1), absent("bbbb", 2), absent("cccc", 3)]


def test_volatile_fields_and_the_requested_name_are_no_difference() -> None:
    assert difference(absent("real", 9), CONTROLS) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 403},
        {"headers": {"X-Cache": "HIT"}},
        {"headers": {"Content-Type": "application/problem+json"}},
        {"body": '{"error": {"code": "forbidden", "id": "req-9", "message": "no real"}}'},
        {"body": '{"error": {"code": "not_found", "id": "req-9", "message": "no real here"}}'},
        {"body": '{"error":{"code": "not_found", "id": "req-9", "message": "no real"}}'},
        {"body": '{"error": {"message": "no real", "code": "not_found", "id": "req-9"}}'},
        {"body": ""},
    ],
    ids=["status", "header", "media-type", "code", "message", "white-space", "order", "empty"],
)
def test_leaks_are_found(changes: dict[str, Any]) -> None:
    assert difference(absent("real", 9, **changes), CONTROLS)
    with pytest.raises(NonConformance, match="never existed"):
        expect_as_absent(target(changes), "real", lambda: "abcd")


@pytest.mark.parametrize("seed", range(10))
def test_a_field_of_few_values_is_no_difference(seed: int) -> None:
    chance = random.Random(seed)

    def ask(name: str) -> Probe:
        headers = {"X-Response-Time": chance.choice(["1ms", "1ms", "2ms"]), "X-Served-By": chance.choice("ab")}
        return absent(name, chance.randrange(1000), headers=headers)

    for _ in range(20):
        expect_as_absent(ask, "real", lambda: "abcd")


@pytest.mark.parametrize("servers", [2, 3])
@pytest.mark.parametrize("first", range(2))
@pytest.mark.parametrize("shown", [1, 4])
def test_servers_behind_a_balancer_are_no_difference(servers: int, first: int, shown: int) -> None:
    turns = itertools.count(first)

    def ask(name: str) -> Probe:
        turn = next(turns) % servers
        return absent(name, turn, headers={"X-Served-By": f"web{turn}"} if turn < shown else {})

    expect_as_absent(ask, "real", lambda: "abcd")


def test_a_different_status_is_found_at_once() -> None:
    asked: list[str] = []

    def ask(name: str) -> Probe:
        asked.append(name)
        return absent(name, len(asked), status=204 if name == "real" else 404)

    with pytest.raises(NonConformance, match="any other"):
        expect_as_absent(ask, "real", lambda: "abcd", like="any other")
    assert asked == ["abcd", "real", "abcd"]


def test_a_constant_with_the_hidden_name_is_no_leak() -> None:
    """A realm, or a text of each error page, may be the name of the organization that is asked for."""
    constant = {"headers": {"WWW-Authenticate": 'Bearer realm="real"'}, "body": '{"realm": "real", "asked": "NAME"}'}

    def asked(name: str, number: int, **changes: Any) -> Probe:
        told = {**constant, **changes}
        return absent(name, number, **{**told, "body": told["body"].replace("NAME", name)})

    controls = [asked(name, number) for number, name in enumerate(("aaaa", "bbbb", "cccc"))]
    assert difference(asked("real", 9), controls) is None
    assert difference(asked("real", 9, headers={"WWW-Authenticate": 'Bearer realm="real", error="x"'}), controls)
    assert difference(asked("real", 9, body='{"realm": "other", "asked": "NAME"}'), controls)


@pytest.mark.parametrize(
    ("body", "headers", "named"),
    [
        ('{"slug": "lab"}', {}, True),
        ("see /projects/lab/members.", {}, True),
        ("", {"Location": "/projects/lab"}, True),
        ('["lab-tours", "our-lab", "labs", "slab", "lab_2"]', {"X-Next": "lab-tours"}, False),
    ],
)
def test_a_hidden_name_is_found_as_a_whole_word(body: str, headers: dict[str, str], named: bool) -> None:
    answer = reply(200, body, headers)
    if named:
        with pytest.raises(NonConformance, match="the hidden resource"):
            expect_not_named(answer, "lab")
    else:
        expect_not_named(answer, "lab")


@pytest.mark.parametrize(
    ("changes", "leak"),
    [
        ({"headers": {"X-Owner": "acme"}}, "x-owner"),
        ({"headers": {"Content-Type": "text/plain"}}, "content-type: text/plain"),
        ({"body": '{"error": {"code": "hidden", "id": "req-0", "message": "no real"}}'}, "hidden"),
    ],
)
def test_a_finding_names_the_leak(changes: dict[str, Any], leak: str) -> None:
    with pytest.raises(NonConformance, match=leak):
        expect_as_absent(target(changes), "real", iter([f"absent{number}" for number in range(20)]).__next__)
