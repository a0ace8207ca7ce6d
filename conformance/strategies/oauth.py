"""Token requests that nobody would write by hand: bodies, Authorization fields and scopes."""

from __future__ import annotations

from urllib.parse import quote_plus

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Pair = tuple[str, str]
NAMES = (
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "audience",
    "code",
    "redirect_uri",
    "",
    "scope[]",
    "x",
)
VALUES = (
    "",
    "client_credentials",
    "password",
    "cf-nobody",
    "\0",
    "ÿ",
    "\ud7ff",
    "a b",
    "*",
    "organization:read",
    "organization:write",
    "' OR 1=1--",
    "%00",
    "null",
    "[]",
    "{}",
    "true",
    "client_credentials\0",
)


def odd_texts() -> SearchStrategy[str]:
    """Texts with control characters, other scripts and reserved characters; no lone surrogates."""
    return st.one_of(st.sampled_from(VALUES), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))


def form_changes() -> SearchStrategy[list[tuple[str, str, str]]]:
    """Changes to a good form: (what to do, parameter, value), what being drop, set, append or prepend."""
    change = st.tuples(st.sampled_from(["drop", "set", "append", "prepend"]), st.sampled_from(NAMES), odd_texts())
    return st.lists(change, min_size=1, max_size=4)


def changed(pairs: list[Pair], changes: list[tuple[str, str, str]]) -> list[Pair]:
    """A form after changes."""
    for what, name, value in changes:
        if what in ("drop", "set"):
            pairs = [pair for pair in pairs if pair[0] != name]
        if what in ("set", "append"):
            pairs = [*pairs, (name, value)]
        if what == "prepend":
            pairs = [(name, value), *pairs]
    return pairs


def token_request_bodies() -> SearchStrategy[bytes]:
    """Bodies of token requests: raw bytes, broken percent-encoding, and forms of odd pairs."""
    pairs = st.lists(st.tuples(st.sampled_from(NAMES), odd_texts()), max_size=6)
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
    """Content types, right, near and wrong; None for no field."""
    return st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/json",
            "text/plain",
            "",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded;;",
            "*/*",
            None,
        ]
    )


def authorization_values() -> SearchStrategy[bytes]:
    """Values of an Authorization field: schemes, junk, bytes beyond ASCII; no line breaks, which no client sends."""
    field = st.binary(max_size=60).map(lambda raw: bytes(each for each in raw if each >= 0x20 and each != 0x7F).strip())
    schemes = st.sampled_from(
        [b"Basic ", b"basic ", b"Bearer ", b"bearer ", b"Digest ", b"Basic", b"Bearer", b"Negotiate ", b""]
    )
    return st.builds(lambda scheme, rest: (scheme + rest).strip(), schemes, field)


def scopes() -> SearchStrategy[str]:
    """Scope values: lists of known and unknown scopes, odd separators, odd characters."""
    known = st.sampled_from(
        [
            "organization:read",
            "project:read",
            "project:write",
            "member:read",
            "Organization:Read",
            "*",
            "organization:*",
            "admin",
            "openid",
        ]
    )
    separators = st.sampled_from([" ", "  ", ",", "\t", "\n", "+", "\0", "\u00a0", "%20", ""])
    lists = st.lists(st.tuples(st.one_of(known, odd_texts()), separators), max_size=5).map(
        lambda parts: "".join(a + b for a, b in parts)
    )
    return st.one_of(known, lists)
