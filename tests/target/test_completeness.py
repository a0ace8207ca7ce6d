"""What a target file lacks for a certificate, and that every check which lacks something names a known key."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from conformance.contract.catalogue import catalogue
from conformance.target.completeness import declared, missing
from conformance.target.description import Target

ROOT = Path(__file__).parents[2]
RESOURCE = {"name": "projects", "path": "/projects", "update": {"body": {}, "concurrency": "If-Match"}}


@pytest.mark.parametrize(
    ("target", "key", "found"),
    [
        ({"hooks": {"revoke": "./revoke.sh"}}, "hooks.revoke", True),
        ({"hooks": {"revoke": None}}, "hooks.revoke", False),
        ({}, "hooks.revoke", False),
        ({"storage": {"destructive": False}}, "storage.destructive", False),
        ({"identity": {"resources": [{"name": "a"}, RESOURCE]}}, "identity.resources.update.concurrency", True),
        ({"identity": {"resources": [{"name": "a"}]}}, "identity.resources.update.concurrency", False),
        ({"identity": {"resources": [{"update": None}]}}, "identity.resources.update.concurrency", False),
    ],
)
def test_a_key_is_found_in_tables_and_in_any_entry_of_a_list(target: dict[str, object], key: str, found: bool) -> None:
    assert declared(target, key) is found


def test_only_the_described_surfaces_and_the_claimed_features_lack_anything() -> None:
    assert missing({"organization": "acme"}) == {}
    assert set(missing({"webhooks": {"url": "$X"}})) == {"webhooks-core"}
    assert "oauth-jwt" not in missing({"identity": {"url": "x"}})
    assert missing({"identity": {"url": "x"}, "features": ["identity.jwt"]})["oauth-jwt"].keys() == {
        "identity.jwks_path"
    }


def test_a_role_for_a_limit_is_lacking_only_where_the_limit_is_declared() -> None:
    limited = {"url": "$X", "largest_body": 65536}
    assert "webhooks.limited_url" not in missing({"webhooks": limited})["webhooks-core"]
    stated = {"webhooks": limited, "limits": {"webhook_requests": "5/s"}}
    assert "webhooks.limited_url" in missing(stated)["webhooks-core"]


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
