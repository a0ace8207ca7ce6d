"""Responses contain no secret and are not readable by shared caches or other origins."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from conformance.clients.oauth.client import bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import (
    expect_no_origin_let_in,
    expect_not_shared,
)
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

SHORTEST_SECRET = 16


def read(platform: Platform, once: Once) -> list[tuple[Operation, Exchange]]:
    """Each declared read and item with the answer that the role full is given; Inconclusive where the first is none."""
    operations = platform.operations("read", "read-item")
    found = once("reads of full", lambda: [(each, platform.as_role("full", each)) for each in operations])
    if not found[0][1].ok:
        raise Inconclusive(f"{found[0][0]} is answered {found[0][1].status}", "a resource that full may read")
    return found


@verifies("authorization/bearer/answers-show-no-secret")
def test_answers_show_no_secret(platform: Platform, once: Once) -> None:
    """Purpose: a client secret is shown when it is made, and never again: not even to who may read everything else.

    Method: 1. read each declared resource and item as full
            2. expect no client secret of the target file in the answers
    """
    credentials = platform.oauth.identity.credentials.values()
    secrets = [each.client_secret.reveal() for each in credentials]
    for _, answer in read(platform, once):
        # What is as short as a word may stand there by chance.
        expect_not_repeated(answer, [each for each in secrets if len(each) >= SHORTEST_SECRET], "a client secret")


def reads(platform: Platform) -> list[tuple[Operation, str]]:
    """Each declared read with a token that opens it; Inconclusive where it does not."""
    found = [(each, platform.oauth.token("full")) for each in platform.operations("read")]
    control = platform.send(*found[0])
    if not control.ok:
        raise Inconclusive(
            f"{found[0][0]} is answered {control.status} to a good token", "a resource that full may read"
        )
    return found


@verifies("authorization/bearer/answers-are-not-shared")
def test_answers_are_not_shared(platform: Platform) -> None:
    """Purpose: what one token opens is not handed to others by a shared cache.

    Method: 1. read each declared resource with the good token, and with one that lacks its scope; one without a token,
               and one thing that does not exist
            2. expect no Cache-Control by which a shared cache would hand on what was shown, or refused
    """
    for number, (operation, token) in enumerate(reads(platform)):
        lacking = [platform.oauth.token_without(operation.scope)] if operation.scope else []
        for each in (token, *lacking, *([None] if number == 0 else [])):
            expect_not_shared(platform.send(operation, each))
    for resource in [each for each in platform.resources if each.item or each.absent][:1]:
        expect_not_shared(platform.http.get(platform.absent_path(resource), [bearer(platform.oauth.token("full"))]))


@verifies("authorization/bearer/no-strange-origin-is-let-in")
@pytest.mark.parametrize(
    "origin",
    [
        case("unknown", "https://cf-unknown.example"),
        case("null", "null"),
        case("ends-like-ours", "https://cf-{host}"),
        case("begins-like-ours", "https://{host}.cf-unknown.example"),
    ],
)
def test_no_strange_origin_is_let_in(platform: Platform, origin: str) -> None:
    """Purpose: no web page that a member happens to open reads the organization's APIs in that member's name.

    Method: 1. read a declared resource with the good token, under an Origin that nobody knows, under null, and
               under one that ends or begins like the API's own host
            2. expect no answer that names that origin and permits credentials
    """
    operation = platform.operations("read")[0]
    asked = origin.replace("{host}", str(urlsplit(platform.http.base_url).hostname))
    expect_no_origin_let_in(platform.as_role("full", operation, [("Origin", asked)]), asked)
