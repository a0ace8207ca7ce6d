"""What the storage strategies make."""

from __future__ import annotations

import pytest
from hypothesis import given

from conformance.clients.s3.sigv4 import Request
from conformance.strategies.storage import metadata_fields, nested_names, object_names, tag_sets, wounded, xml_wounds
from tests.clients.check_files import checks_of

DOCUMENT = b"<Delete><Object><Key>a</Key></Object></Delete>"


@given(name=object_names())
def test_object_names_can_stand_in_xml(name: str) -> None:
    assert name
    assert not any(ord(letter) < 0x20 for letter in name)
    assert len(name.encode()) < 256


@given(fields=metadata_fields())
def test_metadata_is_within_limits_and_survives_http(fields: dict[str, str]) -> None:
    assert sum(len(name) + len(value) for name, value in fields.items()) < 2048
    assert all(value == value.strip() and value.isascii() for value in fields.values())


@given(tags=tag_sets())
def test_tags_are_within_limits(tags: dict[str, str]) -> None:
    assert len(tags) <= 10
    assert all(key and not key.startswith("aws:") for key in tags)


@given(name=nested_names())
def test_nested_names_have_no_empty_part(name: str) -> None:
    assert all(name.split("/"))


@given(wound=xml_wounds())
def test_any_wound_gives_bytes(wound: tuple[str, float, bytes]) -> None:
    assert isinstance(wounded(DOCUMENT, wound), bytes)


def test_an_altered_list_of_signed_fields_names_others() -> None:
    listed = "host;x-amz-date"
    signed = Request("PUT", "/bucket/key").with_header("Authorization", f"Credential=a, SignedHeaders={listed}, b")
    altered = checks_of("storage", "signatures")._altered
    for place in range(len(listed)):
        made = altered(signed, "signed-names", place / len(listed), "Z").header("authorization")
        assert made != signed.header("authorization") and listed not in made.lower()


@pytest.mark.parametrize(
    ("wound", "expected"),
    [(("cut", 0.5, b"x"), DOCUMENT[:23]), (("insert", 0.0, b"x"), b"x" + DOCUMENT), (("double", 0.0, b"x"), DOCUMENT)],
    ids=["cut", "insert", "double"],
)
def test_wounds(wound: tuple[str, float, bytes], expected: bytes) -> None:
    assert wounded(DOCUMENT, wound) == expected
