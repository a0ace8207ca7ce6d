"""Responses of a token endpoint (RFC 6749 sections 5.1 and 5.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from conformance.oracles.headers import expect_media_type
from conformance.oracles.status import NOT_IMPLEMENTED, listed, observed, refused_in_front, unlike
from conformance.vocabulary.documents import parsed_json
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, literal, wrong_body
from conformance.vocabulary.wording import worded

CODES = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope",
})  # fmt: skip
# Codes that other registered extensions of the token endpoint add (IANA, OAuth Extensions Error Registry).
EXTENSIONS = frozenset({
    "invalid_target", "slow_down", "access_denied", "expired_token", "authorization_pending", "invalid_dpop_proof",
    "use_dpop_nonce", "temporarily_unavailable",
})  # fmt: skip
PLAIN = re.compile(r"[\w:-]+", re.ASCII)
ERROR_TEXT = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*\Z")
ERROR_URI = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]*\Z")
B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*\Z")
# Statuses that a front end may return before the endpoint sees the request, with its own body.
BEFORE_THE_ENDPOINT = frozenset({403, 404, 405, 411, 413, 414, 415, 417, 429, 431})
TOKEN = re.compile("[A-Za-z0-9._~+/=-]{20,}")
FAILED = frozenset({400, 401})
"""The statuses of section 5.2."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedMember(next(name for name in names if names.count(name) > 1))
    return document


class _RepeatedMember(ValueError):
    """A member name is repeated."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the member {name} is repeated")
        self.name = name


def expect_json_object(reply: Exchange) -> dict[str, Any]:
    """Expect one JSON object in strict UTF-8 without repeated members; return it."""
    try:
        document = parsed_json(reply.body, _pairs)
    except ValueError as mistake:
        raise NonConformance("a JSON object", f"{observed(reply)} ({mistake})", reply) from None
    if not isinstance(document, dict):
        raise NonConformance("a JSON object", observed(reply), reply)
    return document


def expect_token(reply: Exchange) -> dict[str, Any]:
    """Expect a successful token response: 2xx, JSON and access_token; return its document.

    Other promises cover the status 200 and the token type.
    """
    if not reply.ok:
        raise unlike("2xx with a token", reply, range(200, 300))
    expect_media_type(reply, "application/json")
    document = expect_json_object(reply)
    token = document.get("access_token")
    if not isinstance(token, str) or not token:
        # Not inside another object.
        got = f"access_token of type {type(token).__name__}" if token else "an empty access_token"
        got = "no access_token" if token is None else got
        raise NonConformance("access_token, a non-empty string", got, reply)
    return document


def expect_bearer_token(reply: Exchange) -> None:
    """Expect a token response whose token_type is Bearer, in any case (section 5.1; RFC 6750 section 4)."""
    kind = expect_token(reply).get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NonConformance("token_type Bearer, in any case", f"token_type {worded(kind)}", reply)


def expect_no_refresh_token(reply: Exchange) -> None:
    """Expect no refresh token in a JSON response."""
    if expect_json_object(reply).get("refresh_token"):
        raise NonConformance("a response without refresh_token", f"{reply.status} with a refresh_token", reply)


def expect_token_withheld(reply: Exchange) -> None:
    """Expect no token in a refusal, under either name; a short word does not count as a token."""
    if any(TOKEN.fullmatch(str(reply.member(name) or "")) for name in ("token", "access_token")):
        raise NonConformance("no token", f"{reply.status} with a token", reply)


def expect_lifetime(reply: Exchange, least_s: int) -> None:
    """Expect no expires_in, or at least this whole number of seconds."""
    got = expect_json_object(reply).get("expires_in", least_s)
    if not isinstance(got, int) or got < least_s:
        raise NonConformance(f"expires_in of at least {least_s}", f"expires_in {worded(got)}", reply)


def issued(reply: Exchange) -> bool:
    """Return whether a response contains an access token, whatever its status and form."""
    try:
        document = reply.json()
    except ValueError:
        return b'"access_token"' in reply.body
    return isinstance(document, dict) and bool(document.get("access_token"))


def expect_no_token(reply: Exchange, because: str = "") -> None:
    """Expect no access token in the response."""
    if issued(reply):
        expected = f"no token{f' {because}' if because else ''}"
        token = wrong_body(lacks='"access_token" *:')
        raise NonConformance(expected, f"{reply.status} with an access token", reply, deviation=token)


def expect_refusal(reply: Exchange, statuses: Iterable[int] = FAILED, because: str = "") -> None:
    """Expect one of these statuses and no token; a firewall may refuse a request that looks like an attack.

    Unless statuses are given, 501 passes as well: it issues nothing. One check covers that an unsupported grant type
    gets 400 (section 5.2).
    """
    expect_no_token(reply, because)
    expected = set(statuses)
    not_offered = reply.status == NOT_IMPLEMENTED and expected == FAILED
    if reply.status not in expected and not not_offered and not refused_in_front(reply):
        raise unlike(f"{listed(expected)} and no token{f' {because}' if because else ''}", reply, expected)


def expect_error_document(reply: Exchange) -> None:
    """Expect an error response in the form of section 5.2: a code, and texts in the permitted characters.

    A firewall in front of the endpoint has its own form.
    """
    if refused_in_front(reply):
        return
    document = _expect_error(reply)
    for name in ("error", "error_description"):
        text = document.get(name, "")
        if not isinstance(text, str) or not ERROR_TEXT.match(text):
            expected = f"{name} in printable ASCII characters without quotation marks and backslashes"
            raise NonConformance(expected, f"{name}: {worded(text)}", reply)
    uri = document.get("error_uri", "")
    if not isinstance(uri, str) or not ERROR_URI.match(uri):
        expected = "error_uri in printable ASCII characters without blanks, quotation marks and backslashes"
        raise NonConformance(expected, f"error_uri: {worded(uri)}", reply)


def _expect_error(reply: Exchange) -> dict[str, Any]:
    expect_media_type(reply, "application/json")
    document = expect_json_object(reply)
    if not isinstance(document.get("error"), str) or not document["error"]:
        raise NonConformance('a JSON object with "error", a string', observed(reply), reply)
    return document


def expect_error(reply: Exchange, *codes: str) -> None:
    """Expect an error document with one of these codes; another promise covers its other members."""
    if refused_in_front(reply):
        return
    code = _expect_error(reply)["error"]
    if code not in codes:
        raise NonConformance(f'error "{listed(codes)}"', f'error "{code}"', reply)


def expect_token_endpoint_response(reply: Exchange) -> None:
    """Expect a token response or a well-formed refusal, whatever the request.

    A response with a status that a front end may give before the endpoint sees the request may have any body.
    """
    if reply.ok:
        expect_token(reply)
        return
    expect_no_token(reply)
    if reply.status in BEFORE_THE_ENDPOINT:
        return
    if reply.status not in {*FAILED, NOT_IMPLEMENTED}:
        raise unlike("2xx with a token, or a 4xx refusal", reply, {*range(200, 300), 400, 401, *BEFORE_THE_ENDPOINT})
    expect_error_document(reply)
    expect_error(reply, *sorted(CODES | EXTENSIONS))


def granted_scopes(reply: Exchange, requested: Iterable[str]) -> frozenset[str]:
    """Return the scopes that a token response grants: those it states, else those requested (section 5.1)."""
    stated = expect_json_object(reply).get("scope")
    if stated is None:
        return frozenset(requested)
    if not isinstance(stated, str):
        raise NonConformance("scope, a string", f"scope: {worded(stated)}", reply)
    return frozenset(stated.split())


def unlike_scope(expected: str, reply: Exchange, *compared: Exchange) -> NonConformance:
    """Return the finding that a token response grants a wrong scope."""
    granted = reply.member("scope")
    got = f"{reply.status} granting {granted}" if granted else f"{reply.status} without scope"
    return NonConformance(expected, got, *compared, reply)


def expect_nothing_beyond(reply: Exchange, permitted: Iterable[str], requested: Iterable[str] = ()) -> None:
    """Expect a refusal, or a token that grants no scope beyond those permitted."""
    if not issued(reply):
        expect_refusal(reply, range(400, 500))  # another promise covers the exact status
        return
    excess = granted_scopes(reply, requested) - set(permitted)
    if excess:
        got = f"{reply.status} granting {' '.join(sorted(excess))}"
        if not reply.member("scope"):
            got = f"{reply.status} without scope, which grants every requested scope: {' '.join(sorted(excess))}"
        named = "|".join(map(literal, sorted(excess)))
        deviation = wrong_body(lacks=f'"scope" *: *"([^"]* )?({named})[ "]') if reply.member("scope") else None
        raise NonConformance(f"no scope other than {listed(permitted)}", got, reply, deviation=deviation)
