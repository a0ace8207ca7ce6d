"""The keys that a certificate needs: each is a key of the target file, and declared in the contract."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from conformance.contract.catalogue import catalogue
from conformance.target.completeness import missing
from conformance.target.description import Target

ROOT = Path(__file__).parents[2]


def test_only_described_surfaces_and_claimed_features_miss_keys() -> None:
    assert missing({"organization": "acme"}) == {}
    assert set(missing({"webhooks": {"url": "$X"}})) == {"webhooks-core"}
    assert "oauth-jwt" not in missing({"identity": {"url": "x"}})
    assert missing({"identity": {"url": "x"}, "features": ["identity.jwt"]})["oauth-jwt"].keys() == {
        "identity.jwks_path"
    }


def test_every_key_is_one_of_the_target_file() -> None:
    for key in catalogue().declarations:
        annotation: Any = Target
        for part in key.split("."):
            if get_origin(annotation) is dict:
                roles, annotation = get_args(annotation)
                assert part in get_args(roles), f"{key}: {part} is no role"
            else:
                assert part in annotation.model_fields, f"{key}: {part} is no key of {annotation}"
                annotation = _content(annotation.model_fields[part].annotation)


def _content(annotation: Any) -> Any:
    """What stands in ``X | None`` and in ``list[X]``."""
    if get_origin(annotation) is list or type(None) in get_args(annotation):
        return _content(next(each for each in get_args(annotation) if each is not type(None)))
    return annotation


def test_every_key_that_a_check_names_is_declared_in_the_contract() -> None:
    named = set(_keys_named())
    assert len(named) > 15
    # With a default that every check can use.
    assert named - catalogue().declarations.keys() == {"webhooks.content_types"}


def _keys_named() -> Iterator[str]:
    for path in (*(ROOT / "suites").rglob("*.py"), *(ROOT / "conformance").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotDeclared":
                yield from (str(each.value) for each in node.args[1:] if isinstance(each, ast.Constant))
