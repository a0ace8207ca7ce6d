"""Unusual JSON bodies, paths and queries for the organization APIs."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

UNUSUAL = (
    "", " ", "\0", "a\0b", "é", "\u202e", "../..", "' OR 1=1--", "{}", "[]", "null", "-", "--", "a" * 300, "A" * 5000,
    "%00", "<script>", "\ud7ff",
)  # fmt: skip


def unusual_strings() -> SearchStrategy[str]:
    """Strings with control characters, other scripts and reserved characters."""
    return st.one_of(st.sampled_from(UNUSUAL), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


def json_values() -> SearchStrategy[Any]:
    """Values of every type, moderately nested, including numbers far out of range."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False), unusual_strings(),
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(unusual_strings(), inner, max_size=3),
        max_leaves=6,
    )


def raw_bodies() -> SearchStrategy[bytes]:
    """Bodies that are nearly JSON: cut, deeply nested, with NaN, repeated members, other encodings, bytes."""
    fixed = [
        b"", b"{", b"null", b"true", b"7", b'"text"', b"[]", b"[{}]", b'{"a": NaN}', b'{"a": 1e999}',
        b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b'{"a": "\\ud800"}', b'{"a": "\xff"}', "{}".encode("utf-16"),
        b"[" * 5000, b'{"a":' * 2000, b"{} {}", b"{'a': 1}", b"// x\n{}",
    ]  # fmt: skip
    values = json_values() | st.dictionaries(unusual_strings(), json_values(), min_size=1, max_size=3)
    return st.one_of(
        st.sampled_from(fixed), st.binary(max_size=60), values.map(lambda value: json.dumps(value).encode())
    )


def path_segments() -> SearchStrategy[str]:
    """Segments of a path as on the wire: percent-encoded bytes, dots, reserved characters."""
    safe = st.text("abcxyz019-._~!$&'()*+,;=:@%", min_size=4, max_size=20)
    encoded = st.binary(min_size=1, max_size=12).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
    return st.one_of(
        st.sampled_from(
            ["%00", "%FF", "..", ".", "%2e%2e", "%2F", "%", "%zz", "a" * 3000, "-", "A", "a%20b", ";", "*"]
        ),
        safe,
        encoded,
    )


def queries() -> SearchStrategy[str]:
    """Query strings: known paging parameters with unusual values, unusual names, broken encodings."""
    names = st.sampled_from(["limit", "offset", "page", "per_page", "cursor", "q", "sort", "filter", "", "x[]", "%00"])
    numbers = st.sampled_from([
        "-1", "0", "1e9", "99999999999999999999", "NaN", "abc", "", "%00", "%FF", "1;DROP TABLE x", "1,2", "null", "+1",
        " 1",
    ])  # fmt: skip
    pairs = st.tuples(names, st.one_of(numbers, path_segments())).map("=".join)
    return st.lists(pairs, min_size=1, max_size=3).map("&".join).map(lambda text: text.replace(" ", "%20"))
