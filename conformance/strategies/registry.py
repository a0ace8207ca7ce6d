"""What to try on a registry: manifests that are not quite ones, tags, digests, queries, ranges."""

from __future__ import annotations

import copy
import json
import string
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.clients.images import MANIFEST_TYPES

ANYTHING: SearchStrategy[Any] = st.recursive(
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
    """Puts a value into a place of a document, or takes out what is there."""
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


class Changes(list[tuple[tuple[str | int, ...], Any]]):
    """Changes to a manifest, made when the manifest is known."""

    def applied(self, document: dict[str, Any]) -> bytes:
        """The document with the changes, as bytes."""
        changed = copy.deepcopy(document)
        for place, value in self:
            _changed(changed, place, value)
        return json.dumps(changed).encode()


def manifest_changes() -> SearchStrategy[Changes]:
    """One to three changes to an image manifest: members taken out, or of another kind, or beyond their range."""
    odd = (
        st.just(REMOVED)
        | ANYTHING
        | st.sampled_from(
            ["", "sha256:", "sha256:" + "0" * 64, -1, 0, 2**63, 1.5, [], {}, [[]], "application/x", "a/b/c", "\ud800"],
        )
    )
    return st.lists(st.tuples(st.sampled_from(PLACES), odd), min_size=1, max_size=3).map(Changes)


def manifest_bodies() -> SearchStrategy[bytes]:
    """Bodies that are no manifest at all: bytes, JSON of any kind, nested deep, members twice."""
    nested = st.integers(1, 4000).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth)
    twice = st.just(b'{"schemaVersion": 2, "schemaVersion": 1, "layers": [], "layers": 1}')
    return st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()) | nested | twice


def manifest_types() -> SearchStrategy[str]:
    """Content-Types of manifests: those that there are, and others."""
    others = ["application/json", "text/plain", "application/vnd.docker.distribution.manifest.v1+json", "a", "/", ";"]
    return st.sampled_from([*MANIFEST_TYPES, *others])


def path_parts() -> SearchStrategy[str]:
    """What may stand where a tag or a digest stands, percent-encoded where it must be."""
    safe = string.ascii_letters + string.digits + "._-:@+~!$"
    encoded = st.binary(min_size=1, max_size=6).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
    digests = st.text("0123456789abcdef", min_size=0, max_size=130).map(lambda text: f"sha256:{text}")
    parts = st.text(safe, min_size=1, max_size=140) | encoded | digests
    # A part of dots alone is another path, which clients and servers may resolve.
    return parts.filter(lambda part: part.strip(".") != "")


def tag_queries() -> SearchStrategy[str]:
    """Queries of a tag list."""
    values = st.text("0123456789abcxyz-+._%20&=", max_size=12) | st.integers(-(2**70), 2**70).map(str)
    names = st.sampled_from(["n", "last", "N", "page", "n[]"])
    return st.lists(st.tuples(names, values), min_size=1, max_size=3).map(
        lambda pairs: "?" + "&".join(f"{name}={value}" for name, value in pairs),
    )


def ranges() -> SearchStrategy[str]:
    """Range and Content-Range values, mostly odd."""
    numbers = st.integers(0, 5000).map(str) | st.sampled_from(["", "-1", "x", "9" * 40])
    units = st.sampled_from(["bytes=", "", "items="])
    return st.builds(lambda unit, first, last: f"{unit}{first}-{last}", units, numbers, numbers)
