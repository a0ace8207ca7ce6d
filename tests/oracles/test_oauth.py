"""The token endpoint's oracles: what they take, and what they say of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.oracles.oauth import (
    expect_bearer_token,
    expect_error,
    expect_error_document,
    expect_nothing_beyond,
    expect_refusal,
    expect_token,
    expect_token_endpoint_response,
    granted_scopes,
)
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply

GOOD = {"access_token": "abc", "token_type": "Bearer", "expires_in": 60, "scope": "a b"}


def test_a_good_token_answer_is_taken() -> None:
    assert expect_token(reply(200, GOOD))["access_token"] == "abc"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, GOOD), "2xx with a token"),
        ((200, {**GOOD, "access_token": ""}), "access_token"),
        ((200, {**GOOD, "access_token": 7}), "access_token"),
        ((200, {**GOOD, "token_type": "mac"}), "token_type"),
        (
            (
                200,
                b'{"access_token": "a", "access_token": "b", "token_type": "Bearer"}',
                {"Content-Type": "application/json"},
            ),
            "JSON object",
        ),
        ((200, b'{"access_token": "\xff"}', {"Content-Type": "application/json"}), "JSON object"),
        ((200, b"access_token=a", {"Content-Type": "text/plain"}), "Content-Type"),
        ((200, [GOOD]), "JSON object"),
    ],
    ids=["status", "empty", "number", "type", "twice", "utf8", "form", "array"],
)
def test_a_bad_token_answer_is_told(answer: tuple[Any, ...], said: str) -> None:
    with pytest.raises(NonConformance, match=said):
        expect_bearer_token(reply(*answer))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 429, 431])
def test_a_refusal_keeps_the_contract(status: int) -> None:
    expect_token_endpoint_response(reply(status, {"error": "invalid_request"}))


@pytest.mark.parametrize("status", [201, 204, 301, 302, 402, 409, 418, 500, 503])
def test_other_statuses_do_not(status: int) -> None:
    with pytest.raises(NonConformance):
        expect_token_endpoint_response(reply(status, {"error": "invalid_request"}))


def test_a_token_in_a_refusal_is_told() -> None:
    with pytest.raises(NonConformance, match="no token"):
        expect_refusal(reply(401, GOOD))


@pytest.mark.parametrize(
    "text",
    ['with "quotes"', "back\\slash", "new\nline", "é", "tab\t"],
    ids=["quote", "backslash", "newline", "accent", "tab"],
)
def test_characters_of_a_description(text: str) -> None:
    with pytest.raises(NonConformance, match="characters"):
        expect_error_document(reply(400, {"error": "invalid_request", "error_description": text}))
    expect_error(reply(400, {"error": "invalid_request", "error_description": text}), "invalid_request")


@pytest.mark.parametrize("uri", ["see the docs", 'https://a.example/"', "https://a.example/é", ["x"]])
def test_characters_of_an_error_uri(uri: object) -> None:
    with pytest.raises(NonConformance, match="error_uri"):
        expect_error_document(reply(400, {"error": "invalid_request", "error_uri": uri}))
    expect_error(reply(400, {"error": "invalid_request", "error_uri": uri}), "invalid_request")


def test_an_error_uri_may_be_relative() -> None:
    document = {"error": "invalid_request", "error_uri": "/errors#invalid_request"}
    expect_error_document(reply(400, document))
    expect_error(reply(400, document), "invalid_request")


def test_codes() -> None:
    expect_error(reply(400, {"error": "invalid_scope"}), "invalid_scope", "invalid_request")
    with pytest.raises(NonConformance, match="scope_invalid"):
        expect_error(reply(400, {"error": "scope_invalid"}), "invalid_scope")


def test_scopes_granted_and_beyond() -> None:
    assert granted_scopes(reply(200, GOOD), ["x"]) == {"a", "b"}
    assert granted_scopes(reply(200, {"access_token": "t"}), ["x"]) == {"x"}
    expect_nothing_beyond(reply(200, GOOD), ["a", "b", "c"])
    with pytest.raises(NonConformance, match=r"granting a b$"):
        expect_nothing_beyond(reply(200, GOOD), ["c"])


def test_501_is_a_refusal_unless_its_status_is_judged() -> None:
    """One server's 501 for a grant type is one finding: checks that no token is issued do not repeat it."""
    refused = reply(501, {"error": "unsupported_grant_type"})
    expect_refusal(refused)
    expect_token_endpoint_response(refused)
    with pytest.raises(NonConformance, match="400 and no token"):
        expect_refusal(refused, {400})
    with pytest.raises(NonConformance, match="no token"):
        expect_refusal(reply(501, GOOD))
