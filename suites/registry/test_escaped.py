"""Letters and digits that a client escapes: the address is the same (RFC 9110 section 4.2.3)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import NewRepository, StoredImage
from conformance.clients.registry.images import image
from conformance.oracles.registry import expect_bytes, expect_complete, pages_from, strings_of
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable

TAGS = "a1", "b2", "c3"


def escaped(text: str, at: int = 0) -> str:
    """The same with one character as an octet in hexadecimal."""
    return f"{text[:at]}%{ord(text[at]):02X}{text[at + 1 :]}"


@pytest.fixture(scope="session")
@at_second_try
def written(new_repository: NewRepository) -> StoredImage:
    """An image under three tags."""
    repository = new_repository("escaped")
    return StoredImage(repository, repository.given(image(repository.name, layers=0), *TAGS), TAGS[0])


@verifies("registry/name/escaped-is-the-same")
@pytest.mark.parametrize("kind", [case("manifest", "manifest"), case("blob", "blob")])
def test_escaped_is_the_same(written: StoredImage, kind: str) -> None:
    """Purpose: a client that escapes more than it must gets the same.

    Method: 1. GET a manifest, a letter of its tag escaped, and a blob, the first digit of its digest escaped
            2. expect exactly its bytes
    """
    repository, blob = written.repository, written.image.blobs[-1]

    if kind == "manifest":
        expect_bytes(repository.get_manifest(escaped(written.tag)), written.image.content)
    else:
        expect_bytes(repository.get_blob(escaped(blob.digest, len("sha256:"))), blob.content)


@verifies("registry/name/escaped-is-the-same")
@pytest.mark.parametrize(
    ("plain", "rest", "first"),
    [
        case("list", "?n=1", f"{escaped('tags/list')}?n=1", 0),
        case("last", f"?last={TAGS[0]}", f"tags/list?last={escaped(TAGS[0])}", 1),
    ],
)
def test_escaped_list_goes_on(written: StoredImage, plain: str, rest: str, first: int) -> None:
    """Purpose: nor does it lose its way in a list.

    Method: 1. GET one of three tags, and those behind the first; follow the Links to the end: nothing is asked of a
               registry where these are not the three, and the other two
            2. the same, a letter of the path and of last escaped: expect the same, each once
    """
    repository, wanted = written.repository, TAGS[first:]
    listed = [tag for page in pages_from(repository.tags(plain), repository.follow) for tag in strings_of(page, "tags")]
    if sorted(listed) != [*wanted]:
        raise NotApplicable(f"the registry lists {listed} for {plain} as it is")
    reply = repository.registry.fetch("GET", repository.path(rest), scopes=repository.scopes)

    expect_complete(pages_from(reply, repository.follow), "tags", wanted)
