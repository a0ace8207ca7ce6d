"""Inputs for a registry: changed manifests, tags, digests, queries, ranges."""

from __future__ import annotations

import copy
import json
import re
import string
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.clients.registry.images import MANIFEST_TYPES, OCI_MANIFEST, digest_of
from conformance.strategies.changes import Change, Table, changes, each_kind, picked
from conformance.strategies.json_changes import JSON_CHANGES
from conformance.vocabulary.mutation import Mutation, Outcome
from conformance.vocabulary.values import with_one_changed

ANY_JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES: tuple[tuple[str | int, ...], ...] = (
    ("schemaVersion",),
    ("mediaType",),
    ("config",),
    ("config", "digest"),
    ("config", "size"),
    ("config", "mediaType"),
    ("layers",),
    ("layers", 0),
    ("layers", 0, "digest"),
    ("layers", 0, "size"),
    ("layers", 0, "mediaType"),
    ("layers", 0, "urls"),
    ("annotations",),
    ("subject",),
    ("subject", "digest"),
    ("artifactType",),
    ("manifests",),
)
REMOVED = object()


def _changed(document: dict[str, Any], place: tuple[str | int, ...], value: Any) -> None:
    """Set a value at a place of a document, or remove it."""
    container: Any = document
    for step in place[:-1]:
        if isinstance(container, dict):
            container = container.setdefault(step, {})
        elif isinstance(container, list) and container:
            container = container[0]
        if not isinstance(container, dict | list):
            return
    last = place[-1]
    if value is REMOVED:
        if isinstance(container, dict):
            container.pop(last, None)
        elif container:
            container.pop()
    elif isinstance(container, dict):
        container[last] = value
    elif container:
        container[0] = value


def _placed(document: dict[str, Any], _: float, piece: tuple[tuple[str | int, ...], Any]) -> bytes:
    """Return the document with a value set or removed."""
    result = copy.deepcopy(document)
    _changed(result, *piece)
    return json.dumps(result).encode()


def _value_only(make: Callable[[dict[str, Any], float, Any], bytes]) -> Callable[[dict[str, Any], float, Any], bytes]:
    """Adapt a change of any JSON, whose piece is only a value."""
    return lambda document, place, piece: make(document, place, None if piece[1] is REMOVED else piece[1])


def _json(*outcomes: Outcome) -> dict[str, tuple[Outcome, Callable[[dict[str, Any], float, Any], bytes]]]:
    return {kind: (outcome, _value_only(make)) for kind, (outcome, make) in JSON_CHANGES.items() if outcome in outcomes}


def _unpushed(document: dict[str, Any], place: float, _: Any) -> bytes:
    """Return the document with a descriptor (the config's or a layer's) of a missing blob."""
    result = copy.deepcopy(document)
    descriptors = [result["config"], *result["layers"]]
    picked(place, descriptors)["digest"] = f"sha256:{int(place * 2**60):064x}"
    return json.dumps(result).encode()


MISSING_BLOB = "a blob that is not there"
MANIFEST_CHANGES: Table[dict[str, Any], bytes] = {
    **_json(Outcome.VALID),
    # Image Specification 1.1, Considerations: an unknown property MUST be ignored.
    "a property that nobody knows": (Outcome.VALID, lambda document, place, piece: json.dumps(
        {**document, f"cf-{int(place * 1000)}": place}).encode()),
    "an annotation": (Outcome.VALID, lambda document, place, piece: json.dumps(
        {**document, "annotations": {"org.example.place": str(place)}}).encode()),
    **_json(Outcome.REFUSED),
    MISSING_BLOB: (Outcome.REFUSED, _unpushed),
    "a place of another value": (Outcome.EITHER, _placed),
    "a place of another value yet": (Outcome.EITHER, lambda document, place, piece: _placed(
        json.loads(_placed(document, place, (picked(place, list(PLACES)), piece[1]))), place, piece)),
    **_json(Outcome.EITHER),
    # Valid JSON (RFC 8259 section 7), but not every database stores it.
    "NUL in an annotation": (Outcome.EITHER, lambda document, place, piece: json.dumps(
        {**document, "annotations": {"org.example.nul": f"{place}\0"}}).encode()),
}  # fmt: skip


# Covered by registry/manifest/bytes-are-preserved and malformed-body-is-400.
COVERED_MANIFESTS = {
    "nothing changed", "white space between the tokens", "a property that nobody knows", "an annotation",
    "cut short", "single quotes", "an array around it", "another kind of value in its place", "bytes that are no UTF-8",
    "a further member", "a member that names the owner", "members of reserved names",
}  # fmt: skip
MANIFEST_KINDS = each_kind(MANIFEST_CHANGES, (("layers", 0, "size"), -1), COVERED_MANIFESTS)


def manifest_changes() -> SearchStrategy[Change[dict[str, Any], bytes]]:
    """Changes of an image manifest: at least a fifth stay valid, and at least a fifth must be refused.

    ``MISSING_BLOB`` must be refused only if the target claims that feature.
    """
    values = (
        ANY_JSON
        | st.just(REMOVED)
        | st.sampled_from(
            ["", "sha256:", "sha256:" + "0" * 64, -1, 0, 2**63, 1.5, [], {}, [[]], "application/x", "a/b/c", "\ud800"]
        )
    )
    return changes(MANIFEST_CHANGES, st.tuples(st.sampled_from(PLACES), values))


TWICE = b'{"schemaVersion": 2, "schemaVersion": 1, "layers": [], "layers": 1}'


def manifest_bodies() -> SearchStrategy[bytes]:
    """Bodies that are no manifest: bytes, any JSON, deep nesting, repeated members."""
    nested = st.integers(1, 4000).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth)
    return st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode()) | nested | st.just(TWICE)


MANIFEST_BODIES: list[dict[str, Any]] = [
    {"content": content, "media_type": OCI_MANIFEST}
    for content in (b"null", b'{"a":' * 2000 + b"1" + b"}" * 2000, TWICE)
]


def manifest_types() -> SearchStrategy[str]:
    """Content-Types of manifests, and others."""
    others = ["application/json", "text/plain", "application/vnd.docker.distribution.manifest.v1+json", "a", "/", ";"]
    return st.sampled_from([*MANIFEST_TYPES, *others])


def path_parts() -> SearchStrategy[str]:
    """Path segments instead of a tag or digest, percent-encoded if necessary."""
    safe = string.ascii_letters + string.digits + "._-:@+~!$"
    encoded = st.binary(min_size=1, max_size=6).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
    digests = st.text("0123456789abcdef", min_size=0, max_size=130).map(lambda text: f"sha256:{text}")
    parts = st.text(safe, min_size=1, max_size=140) | encoded | digests
    # Clients and servers may resolve a segment of dots.
    return parts.filter(lambda part: part.strip(".") != "")


TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def tags() -> SearchStrategy[Mutation[str]]:
    """Tags: two thirds are valid and must be accepted; a registry may accept the others.

    A third of the valid ones have any permitted character, a third only digits, a third separators after the first.
    """
    first, digits = string.ascii_letters + string.digits + "_", string.digits
    alphabets = st.sampled_from([(first, first + ".-"), (digits, digits), (first, "._-")])
    valid = alphabets.flatmap(
        lambda each: st.builds(lambda one, rest: one + rest, st.sampled_from(each[0]), st.text(each[1], max_size=127))
    )
    invalid = path_parts().filter(lambda part: not TAG.fullmatch(part) and ":" not in part)
    accepted = valid.map(lambda tag: Mutation("a tag of the grammar", Outcome.VALID, tag))
    other = invalid.map(lambda part: Mutation("a tag of another grammar", Outcome.EITHER, part))
    return st.integers(0, 2).flatmap(lambda number: other if number == 2 else accepted)


TAGS: list[dict[str, Mutation[str]]] = [
    {"tag": Mutation("a tag of the grammar", Outcome.VALID, tag)} for tag in ("00123", "v1.", "_-.")
]


def _other_digest(content: bytes, place: float, _: Any) -> str:
    return digest_of(content + str(place).encode())


CLOSING_CHANGES: Table[bytes, str | None] = {
    "its own digest": (Outcome.VALID, lambda content, place, piece: digest_of(content)),
    "a digit altered": (Outcome.REFUSED, lambda content, place, piece: "sha256:" + with_one_changed(
        digest_of(content)[7:], place)),
    "other content's digest": (Outcome.REFUSED, _other_digest),
    "cut short": (Outcome.REFUSED, lambda content, place, piece: digest_of(content)[: int(place * 70)]),
    "a digit more": (Outcome.REFUSED, lambda content, place, piece: digest_of(content) + "0"),
    "another algorithm": (Outcome.REFUSED, lambda content, place, piece: picked(
        place, ["sha512", "sha384", "md5", "sha1", "sha-256"]) + digest_of(content)[6:]),
    "no digest": (Outcome.REFUSED, lambda content, place, piece: None),
    "in capitals": (Outcome.EITHER, lambda content, place, piece: digest_of(content).upper()),
    "any text": (Outcome.EITHER, lambda content, place, piece: piece),
}  # fmt: skip


# Covered by registry/digest/wrong-is-refused, malformed-is-400 and missing-is-400.
COVERED_CLOSINGS = {"its own digest", "a digit altered", "other content's digest", "cut short", "no digest"}
CLOSING_KINDS = each_kind(CLOSING_CHANGES, "sha256:x", COVERED_CLOSINGS)


def closing_digests() -> SearchStrategy[Change[bytes, str | None]]:
    """Digests to close an upload: at least a fifth correct, at least a fifth that must be refused."""
    return changes(CLOSING_CHANGES, st.text(max_size=80))


def _range(change: Callable[[int, int, float], tuple[int, int]]) -> Callable[[tuple[int, int], float, Any], str]:
    return lambda good, place, piece: "{}-{}".format(*change(*good, place))


CONTENT_RANGE_CHANGES: Table[tuple[int, int], str | None] = {
    "as it is": (Outcome.VALID, _range(lambda first, last, place: (first, last))),
    "not told": (Outcome.EITHER, lambda good, place, piece: None),
    "begins early": (Outcome.REFUSED, _range(lambda first, last, place: (int(first * place), last))),
    "begins late": (Outcome.REFUSED, _range(
        lambda first, last, place: (last + int(1 + 50 * place), 2 * last - first + int(1 + 50 * place)))),
    "ends elsewhere": (Outcome.EITHER, _range(lambda first, last, place: (first, last + int(1 + 50 * place)))),
    "ends before it begins": (Outcome.EITHER, _range(lambda first, last, place: (last, first))),
    "any text": (Outcome.EITHER, lambda good, place, piece: piece),
}  # fmt: skip


# By registry/upload/in-chunks, out-of-order-is-416, range-and-length-agree and malformed-content-range-is-refused.
COVERED_CONTENT_RANGES = {"as it is", "begins late", "ends elsewhere", "ends before it begins"}
CONTENT_RANGE_KINDS = each_kind(CONTENT_RANGE_CHANGES, "bytes=x-", COVERED_CONTENT_RANGES)


def content_ranges() -> SearchStrategy[Change[tuple[int, int], str | None]]:
    """Content-Ranges of a chunk: at least a fifth correct, at least a fifth out of order."""
    return changes(CONTENT_RANGE_CHANGES, ranges())


def tag_queries() -> SearchStrategy[str]:
    """Queries of a tag list."""
    texts = st.text("0123456789abcxyz-+._%20&=", max_size=12)
    values = texts | texts.filter(bool) | st.integers(-(2**70), 2**70).map(str)
    names = st.sampled_from(["n", "last", "N", "page", "n[]", "last"])
    return st.lists(st.tuples(names, values), min_size=1, max_size=3).map(
        lambda pairs: "?" + "&".join(f"{name}={value}" for name, value in pairs)
    )


def ranges() -> SearchStrategy[str]:
    """Values of Range and Content-Range, mostly unusual."""
    numbers = st.integers(0, 5000).map(str) | st.sampled_from(["", "-1", "x", "9" * 40])
    units = st.sampled_from(["bytes=", "", "items="])
    return st.builds(lambda unit, first, last: f"{unit}{first}-{last}", units, numbers, numbers)
