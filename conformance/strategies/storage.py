"""Inputs for an S3 gateway: keys, bodies, ranges, listings, documents, headers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

UNRESERVED = "abcXYZ019-_.~"
HARD = "ab/ +%&=?#<>\"'\\é日🚀:;,@()[]{}|^`~"
NAME_FIELD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)


def bodies(at_least: int = 0, at_most: int = 2000) -> SearchStrategy[bytes]:
    """Bodies of objects, in bytes."""
    return st.binary(min_size=at_least, max_size=at_most)


def plain_bodies(at_least: int = 0, at_most: int = 2000) -> SearchStrategy[bytes]:
    """Bodies that fit on a command line, so that a finding can be pasted."""
    return st.text("0123456789abcdef", min_size=at_least, max_size=at_most).map(str.encode)


def cuts(at_most: int = 4) -> SearchStrategy[list[float]]:
    """Places at which to cut a content, from 0 (start) to 1 (end)."""
    return st.lists(st.floats(0, 1), max_size=at_most)


def object_names() -> SearchStrategy[str]:
    """Names after a prefix: any Unicode that XML can contain, including slashes and difficult characters."""
    wide = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn"))
    return st.one_of(st.text(HARD, min_size=1, max_size=12), st.text(wide, min_size=1, max_size=40))


def flat_names() -> SearchStrategy[str]:
    """Names without slashes, from few letters, so that they collide."""
    return st.text("ab", min_size=1, max_size=3)


def nested_names() -> SearchStrategy[str]:
    """Names with slashes, from few letters, so that they collide and nest."""
    return st.lists(st.sampled_from(["a", "b", "aa"]), min_size=1, max_size=3).map("/".join)


def hard_names() -> SearchStrategy[str]:
    """Short names of difficult characters; without slashes, because empty segments may be refused."""
    return st.text(HARD.replace("/", ""), min_size=1, max_size=3)


def name_sets(names: SearchStrategy[str], at_least: int = 1, at_most: int = 8) -> SearchStrategy[list[str]]:
    """Several different names."""
    return st.lists(names, min_size=at_least, max_size=at_most, unique=True)


# Keys that are prefixes of the next one, and adjacent groups, on pages of one entry.
FLAT_SETS: list[dict[str, Any]] = [{"names": ["a", "aa", "b"], "size": 1}]
NESTED_SETS: list[dict[str, Any]] = [{"names": ["a/a", "aa/a"], "size": 1}, {"names": ["a", "a/a/a"], "size": 2}]
BODIES_IN_PARTS: list[dict[str, Any]] = [{"body": b"\0\0\r\n\r\n\xff\xff", "places": [0.5]}]


def page_sizes() -> SearchStrategy[int]:
    """Values of max-keys."""
    return st.sampled_from([1, 2, 3, 7, 1000])


def metadata_fields() -> SearchStrategy[dict[str, str]]:
    """User metadata of visible ASCII, within 2 KiB, without blanks at the ends, which HTTP removes."""
    values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40).map(str.strip)
    return st.dictionaries(NAME_FIELD.map(lambda name: f"x-amz-meta-{name.strip('-') or 'x'}"), values, max_size=6)


def range_fields() -> SearchStrategy[str]:
    """Values of Range, valid and invalid, without blanks at the ends, which HTTP removes."""
    number = st.integers(0, 3000).map(str) | st.sampled_from(["", "-1", "1e3", "9" * 30, "０", " 1"])
    spec = st.tuples(number, number).map("-".join)
    listed = st.lists(spec, min_size=1, max_size=3).map(",".join)
    return st.tuples(st.sampled_from(["bytes=", "bytes =", "Bytes=", "items=", "", "bytes:"]), listed).map(
        lambda parts: "".join(parts).strip()
    )


def byte_changes() -> SearchStrategy[tuple[str, float, bytes]]:
    """Changes to the bytes of a document: operation (cut, insert, replace, double), place (0 to 1), and bytes."""
    pieces = [
        b"<", b">", b"&", b"&x;", b"&#0;", b"&#xFFFF;", b"]]>", b"<!--", b"<![CDATA[", b"<?x?>", b"\x00", b"\xff\xfe",
        b'"', b"</Key>", b"<Key>", b"<Object>", b"<Part>", b"<PartNumber>-1</PartNumber>", b"<ETag/>", b"<!DOCTYPE a>",
        b"\xc3", b"<a:b/>", b"x" * 300,
    ]  # fmt: skip
    return st.tuples(st.sampled_from(["cut", "insert", "replace", "double"]), st.floats(0, 1), st.sampled_from(pieces))


def corrupted(document: bytes, change: tuple[str, float, bytes]) -> bytes:
    """Apply a byte change to a document."""
    operation, place, piece = change
    at = int(place * len(document))
    head, tail = document[:at], document[at:]
    return {
        "cut": head,
        "insert": head + piece + tail,
        "replace": head + piece + tail[len(piece) :],
        "double": head + head + tail,
    }[operation]


def query_parameters() -> SearchStrategy[dict[str, str]]:
    """Query parameters of a bucket or an object: known and unknown names, any values; none deletes."""
    known = [
        "list-type", "prefix", "delimiter", "max-keys", "marker", "start-after", "continuation-token", "encoding-type",
        "fetch-owner", "partNumber", "uploadId", "versionId", "response-content-type", "response-expires", "x-id",
        "conformance", "key-marker",
    ]  # fmt: skip
    unknown = st.text(UNRESERVED, min_size=1, max_size=6).map(lambda name: f"cf-{name}")
    values = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
        ["0", "-1", "2", "url"]
    )
    return st.dictionaries(st.sampled_from(known) | unknown, values, max_size=4)


REPEATED_PARTS: list[dict[str, list[int]]] = [{"order": [1, 2, 1, 2]}, {"order": [1, 1, 1]}, {"order": [2, 2]}]


def part_orders(at_most: int = 3) -> SearchStrategy[list[int]]:
    """Orders in which parts of an upload are sent; a repeated number replaces a part."""
    return st.lists(st.integers(1, at_most), min_size=2, max_size=2 * at_most)


def tag_sets() -> SearchStrategy[dict[str, str]]:
    """Valid tags: at most ten, of letters, digits, blanks and + - = . _ : / @."""
    letters = st.sampled_from("abcXYZ019 +-=._:/@é日")
    keys = (
        st.text(letters, min_size=1, max_size=20).map(str.strip).filter(lambda key: key and not key.startswith("aws:"))
    )
    return st.dictionaries(keys, st.text(letters, max_size=20).map(str.strip), max_size=10)


SIGNED = ("path", "query", "signature", "date", "scope", "signed-names", "payload-hash", "method", "metadata", "body")
ALTERATIONS_OF_EACH = [{"alteration": (component, 0.1, "0")} for component in SIGNED]


def signed_alterations() -> SearchStrategy[tuple[str, float, str]]:
    """Alterations of a signed request: component, place in it (0 to 1), and new letter."""
    return st.tuples(st.sampled_from(SIGNED), st.floats(0, 0.999), st.sampled_from("0aZ9"))
