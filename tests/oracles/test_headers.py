"""Challenges, addresses, cache directives and waits in header fields are judged."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from dataclasses import replace
from email.utils import formatdate

import pytest

from conformance.oracles.headers import (
    ADDRESS,
    address_parts,
    expect_not_shared,
    expect_retry_after,
    expect_well_formed_bearer,
    now_nearest,
)
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


@pytest.mark.parametrize(
    "value",
    [
        'Bearer realm="a", error="invalid_token", error_description="It has expired."',
        'Bearer realm="a", scope="project:read project:write"',
        'Basic realm="a", Bearer realm="b", error="invalid_token"',
        'Bearer realm="a", Bearer realm="b"',
        'DPoP error="x", error="y", Bearer realm="a \\"quoted\\" realm"',
        "Bearer",
        "Negotiate dG9rZW4=",
        'Negotiate dG9rZW4=, Bearer realm = a , , DPoP algs="ES256 \u00e9"',
    ],
)
def test_a_well_formed_challenge_passes(value: str) -> None:
    expect_well_formed_bearer(reply(401, {}, {"WWW-Authenticate": value}))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('Bearer error="invalid_token", error="invalid_token"', "error at most once"),
        ('Bearer realm="a", realm="b"', "realm at most once"),
        ('Bearer scope="a", Scope="b"', "scope at most once"),
        ('Bearer error_description="say \\"please\\""', "characters in the error_description"),
        ('Bearer error_uri="see the docs"', "characters in the error_uri"),
        ('bearer scope="projet:\u00e9"', "characters in the scope"),
        ('Bearer error="invalid_token", error_description="It has expired.', "WWW-Authenticate: Scheme"),
        ('Bearer error="invalid_token", error_description="It has expired."x', "WWW-Authenticate: Scheme"),
        ('Bearer error="invalid_token"; realm="a"', "WWW-Authenticate: Scheme"),
        ("Bearer scope=project:read", "WWW-Authenticate: Scheme"),
        ('realm="a"', "WWW-Authenticate: Scheme"),
    ],
)
def test_a_malformed_challenge_is_found(value: str, told: str) -> None:
    with pytest.raises(NonConformance, match=told):
        expect_well_formed_bearer(reply(401, {}, {"WWW-Authenticate": value}))


MALFORMED = (
    "http://[zz]/", "http://[::1", "//a:b/", "http://a:99999/", "http:///a", "HTTPS://", "///a", "http:a",
    "http://:80/",
)  # fmt: skip


@pytest.mark.parametrize("address", MALFORMED)
def test_a_malformed_address_is_found(address: str) -> None:
    with pytest.raises(NonConformance, match="RFC 3986"):
        address_parts(reply(), address)


PERMITTED = (
    "", "max-age=60", "must-revalidate", "max-age=0, must-revalidate", "no-cache, must-revalidate, max-age=60",
    "no-store", "private, max-age=60, must-revalidate", "public, no-cache", "public, max-age=60, s-maxage=0",
)  # fmt: skip


@pytest.mark.parametrize("value", PERMITTED)
def test_an_answer_not_for_shared_caches_passes(value: str) -> None:
    expect_not_shared(reply(200, {}, {"Cache-Control": value} if value else {}))


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("http://[registry]/v2/a", False),
        ("http://h:port/a", False),
        ("http://h:80/a?b=[c]", True),
        ("https://[::1]:5000/v2/", True),
        ("/v2/a:b", True),
        ("uploads/x", True),
        ("//h/a", True),
        ("/", True),
        ("http:///v2/a", False),
        ("http:/v2/a", False),
        ("///v2/a", False),
    ],
)
def test_the_pattern_of_scripts_matches_addresses(address: str, right: bool) -> None:
    assert bool(re.search(ADDRESS, address)) is right


NOON = "Sat, 28 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("0", False),
        ("11", False),
        ("Sat, 28 Nov 2026 12:00:11 GMT", False),
        ("12", True),
        ("3601", True),
        ("Sat, 28 Nov 2026 12:00:12 GMT", True),
        ("Thu, 31 Feb 2099 00:00:00 GMT", True),
        ("1.5", True),
        ("soon", True),
        ("", True),
    ],
)
def test_retry_after_is_a_date_or_a_number_and_not_too_long(value: str, wrong: bool) -> None:
    with pytest.raises(NonConformance) if wrong else nullcontext():
        expect_retry_after(reply(429, b"", {"Retry-After": value, "Date": NOON}), 11, "within 11 s")


@pytest.mark.parametrize("off", [-720, 0, 720])
def test_a_time_is_compared_with_the_nearer_of_two_clocks(off: int) -> None:
    now = time.time() - 3600  # It is judged later, and when it came counts.
    answer = replace(reply(200, headers={"Date": formatdate(now + off, usegmt=True)}), started=now)
    for when, nearest in ((now + off, off), (now, 0), (now + 3 * off, off)):
        assert abs(now_nearest(when, answer) - now - nearest) < 10
    assert now_nearest(0, replace(reply(200), started=now)) == now
