"""Unusual token requests: bodies, Authorization fields and scopes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.clients.oauth.client import encoded, percent_encoded
from conformance.strategies.changes import Change, Table, changes, each_kind, picked
from conformance.vocabulary.mutation import Outcome
from conformance.vocabulary.values import with_one_changed

Pair = tuple[str, str]
NAMES = (
    "grant_type", "client_id", "client_secret", "scope", "resource", "audience", "code", "redirect_uri", "", "scope[]",
    "x",
)  # fmt: skip
VALUES = (
    "", "client_credentials", "password", "cf-nobody", "\0", "ÿ", "\ud7ff", "a b", "*", "organization:read",
    "organization:write", "' OR 1=1--", "%00", "null", "[]", "{}", "true", "client_credentials\0",
)  # fmt: skip


def unusual_texts() -> SearchStrategy[str]:
    """Texts with control characters, other scripts and reserved characters; no lone surrogates."""
    return st.one_of(st.sampled_from(VALUES), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))


def _dropped(pairs: list[Pair], name: str) -> list[Pair]:
    return [pair for pair in pairs if pair[0] != name]


def _with(pairs: list[Pair], name: str, change: Callable[[str], str]) -> list[Pair]:
    return [(each, change(value) if each == name else value) for each, value in pairs]


def _set(pairs: list[Pair], place: float, piece: tuple[str, str]) -> list[Pair]:
    return [*_dropped(pairs, piece[0]), piece]


def _reordered(pairs: list[Pair], place: float, _: object) -> list[Pair]:
    at = max(1, int(place * len(pairs)))
    return [*pairs[at:], *pairs[:at]]


def _every_letter_encoded(pairs: list[Pair], place: float, _: object) -> bytes:
    # Every value, because a secret may have no letter at any certain place.
    return "&".join(f"{name}={percent_encoded(value)}" for name, value in pairs).encode()


def _every_name_encoded(pairs: list[Pair], place: float, _: object) -> bytes:
    return b"&".join(f"{percent_encoded(name)}=".encode() + encoded([("x", value)])[2:] for name, value in pairs)


def _form(make: Callable[[list[Pair], float, Any], list[Pair]]) -> Callable[[list[Pair], float, Any], bytes]:
    return lambda pairs, place, piece: encoded(make(pairs, place, piece))


SECRETS = ["client_secret", "client_id"]
SUFFIXES = [" ", "\0x", "%00", "\n", "x", "é"]
REQUIRED = ["client_secret", "client_id", "grant_type"]
FORM_CHANGES: Table[list[Pair], bytes] = {
    "nothing changed": (Outcome.VALID, _form(lambda pairs, place, piece: pairs)),
    "parameters in another order": (Outcome.VALID, _form(_reordered)),
    "a parameter that nobody knows": (Outcome.VALID, _form(
        lambda pairs, place, piece: [*pairs, (picked(place, ["cf_further", "x", "scope2", "Scope"]), "1")])),
    "an unknown parameter without a value": (Outcome.VALID, lambda pairs, place, piece: encoded(pairs) + b"&cf_empty="),
    "letters percent-encoded": (Outcome.VALID, _every_letter_encoded),
    "names percent-encoded": (Outcome.VALID, _every_name_encoded),
    "a credential altered by a letter": (Outcome.REFUSED, _form(lambda pairs, place, piece: _with(
        pairs, SECRETS[int(place * 20) % 2], lambda value: with_one_changed(value, place)))),
    "a credential with something behind it": (Outcome.REFUSED, _form(lambda pairs, place, piece: _with(
        pairs, SECRETS[int(place * 20) % 2], lambda value: value + picked(place, SUFFIXES)))),
    "a credential cut short": (Outcome.REFUSED, _form(lambda pairs, place, piece: _with(
        pairs, SECRETS[int(place * 20) % 2], lambda value: value[: int(place * len(value))]))),
    "another grant": (Outcome.REFUSED, _form(lambda pairs, place, piece: _with(
        pairs, "grant_type", lambda value: picked(place, ["Client_Credentials", "client_credential", "x", "client"])))),
    "a needed parameter left out": (Outcome.REFUSED, _form(
        lambda pairs, place, piece: _dropped(pairs, picked(place, REQUIRED)))),
    "a parameter of another value": (Outcome.EITHER, _form(_set)),
    "a parameter twice": (Outcome.EITHER, _form(lambda pairs, place, piece: [*pairs, piece])),
    "a parameter before its own": (Outcome.EITHER, _form(lambda pairs, place, piece: [piece, *pairs])),
    "a broken percent-encoding": (Outcome.EITHER, lambda pairs, place, piece: encoded(pairs) + picked(
        place, [b"&x=%", b"&x=%G0", b"&%=1", b"&scope=%FF", b"&x=%C3%28", b"&%00=%00"])),
    "many parameters": (Outcome.EITHER, lambda pairs, place, piece: encoded(pairs) + b"&a=b" * int(place * 3000)),
}  # fmt: skip


FORM_KINDS = each_kind(FORM_CHANGES, ("scope", "x"))


def form_changes() -> SearchStrategy[Change[list[Pair], bytes]]:
    """Changes of a valid form: at least a fifth stay valid, and at least a fifth must be refused."""
    return changes(FORM_CHANGES, st.tuples(st.sampled_from(NAMES), unusual_texts()))


def token_request_bodies() -> SearchStrategy[bytes]:
    """Bodies of token requests: raw bytes, broken percent-encoding, and forms of unusual pairs."""
    pairs = st.lists(st.tuples(st.sampled_from(NAMES), unusual_texts()), max_size=6)
    forms = pairs.map(lambda each: "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in each).encode())
    raw = st.text(st.characters(codec="ascii"), max_size=40).map(
        lambda text: b"grant_type=client_credentials&" + text.encode()
    )
    return st.one_of(
        forms,
        raw,
        st.binary(max_size=80),
        st.binary(max_size=20).map(lambda junk: b"grant_type=" + junk + b"&client_id=%FF"),
    )


def content_types() -> SearchStrategy[str | None]:
    """Content types, correct, similar and wrong; None for no field."""
    return st.sampled_from([
        "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16", "application/json",
        "text/plain", "", "multipart/form-data", "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded;;", "*/*", None,
    ])  # fmt: skip


def authorization_values() -> SearchStrategy[bytes]:
    """Values of an Authorization field: schemes, junk, non-ASCII bytes; no line breaks, which no client sends."""
    field = st.binary(max_size=60).map(lambda raw: bytes(each for each in raw if each >= 0x20 and each != 0x7F).strip())
    schemes = st.sampled_from(
        [b"Basic ", b"basic ", b"Bearer ", b"bearer ", b"Digest ", b"Basic", b"Bearer", b"Negotiate ", b""]
    )
    return st.builds(lambda scheme, rest: (scheme + rest).strip(), schemes, field)


def _basic(change: Callable[[str, float], str]) -> Callable[[Pair, float, Any], bytes]:
    """Change the text of Basic credentials (id, colon, secret) before encoding."""

    def changed(credentials: Pair, place: float, _: object) -> bytes:
        text = change(":".join(credentials), place)
        return (b"Basic " + base64.b64encode(text.encode())).strip()

    return changed


def _recoded(change: Callable[[bytes, float], bytes]) -> Callable[[Pair, float, Any], bytes]:
    """Change the encoded form of Basic credentials."""
    valid = _basic(lambda text, place: text)
    return lambda credentials, place, piece: change(valid(credentials, 0, None), place).strip()


AUTHORIZATION_CHANGES: Table[Pair, bytes] = {
    "nothing changed": (Outcome.VALID, _recoded(lambda value, place: value)),
    "the scheme in other letters": (Outcome.VALID, _recoded(
        lambda value, place: picked(place, [b"basic", b"BASIC", b"bASIC"]) + value[5:])),
    "a letter altered": (Outcome.REFUSED, _basic(with_one_changed)),
    "a letter behind": (Outcome.REFUSED, _basic(lambda text, place: text + picked(place, ["x", "\0x", " ", ":", "é"]))),
    "cut short": (Outcome.REFUSED, _basic(lambda text, place: text[: int(place * len(text))])),
    "the encoding cut short": (Outcome.REFUSED, _recoded(
        lambda value, place: value[: 6 + int(place * (len(value) - 8))])),
    "another scheme": (Outcome.REFUSED, _recoded(
        lambda value, place: picked(place, [b"Bearer", b"Digest", b"Basics", b"Negotiate"]) + value[5:])),
    "not encoded": (Outcome.REFUSED, lambda credentials, place, piece: b"Basic " + ":".join(credentials).encode()),
    "any bytes": (Outcome.REFUSED, lambda credentials, place, piece: piece),
}  # fmt: skip


AUTHORIZATION_KINDS = each_kind(AUTHORIZATION_CHANGES, b"Bearer x")


def authorization_changes() -> SearchStrategy[Change[Pair, bytes]]:
    """Changes of a valid Authorization field: at least a fifth stay valid, at least a third must be refused."""
    return changes(AUTHORIZATION_CHANGES, authorization_values())


def scopes() -> SearchStrategy[str]:
    """Scope values: lists of known and unknown scopes, unusual separators and characters."""
    known = st.sampled_from([
        "organization:read", "project:read", "project:write", "member:read", "Organization:Read", "*", "organization:*",
        "admin", "openid",
    ])  # fmt: skip
    separators = st.sampled_from([" ", "  ", ",", "\t", "\n", "+", "\0", "\u00a0", "%20", ""])
    lists = st.lists(st.tuples(st.one_of(known, unusual_texts()), separators), max_size=5).map(
        lambda parts: "".join(a + b for a, b in parts)
    )
    return st.one_of(known, lists)
