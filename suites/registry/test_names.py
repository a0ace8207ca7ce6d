"""Tags and repository names at the limits of their grammar (OCI Distribution 1.1, "Pulling manifests")."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from conformance.clients.images import NewImage, image
from conformance.clients.registry import NewRepository, Repository, StoredImage
from conformance.oracles.registry import expect_bytes
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance

# A name that the grammar does not know: no route, no such name, or no rights on what is no name.
NO_NAME = {400, 401, 403, 404, 405, 414}
# Paths with dots in them are resolved by many servers, which send the caller to what they have resolved.
ELSEWHERE = {301, 302, 307, 308}


@verifies("registry/name/every-tag-of-the-grammar-is-taken")
@pytest.mark.parametrize(
    "tag",
    [
        case("one-letter", "a"),
        case("128-letters", "t" * 128),
        case("underscore-first", "_1"),
        case("capital", "V1.0-RC_2"),
        case("digits", "20261125"),
        case("dots", "1.2.3...4"),
    ],
)
def test_tags_of_the_grammar(stored: StoredImage, tag: str) -> None:
    """Purpose: every tag that the grammar allows can be pushed and pulled.

    Method: 1. PUT an image under a tag at a limit of the grammar: expect 201
            2. GET the tag and expect exactly its bytes
    """
    repository, manifest = stored.repository, stored.image

    expect_status(repository.put_manifest(tag, manifest.content, manifest.media_type), 201)
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/name/no-other-tag-is-taken")
@pytest.mark.parametrize(
    "tag",
    [
        case("129-letters", "t" * 129),
        case("dot-first", ".v1"),
        case("dash-first", "-v1"),
        case("blank", "v 1"),
        case("plus", "v1+2"),
        case("not-ascii", "größe"),
        case("at", "v1@2"),
        case("nul", "v1\0"),
    ],
)
def test_no_other_tag(stored: StoredImage, tag: str) -> None:
    """Purpose: what is no tag is refused.

    Method: 1. PUT an image under what is no tag
            2. expect 400 or 404
            3. expect no such tag: GET is not answered 200
    """
    path = quote(tag, safe="@+")
    repository, manifest = stored.repository, stored.image

    expect_status(repository.put_manifest(path, manifest.content, manifest.media_type), NO_NAME, "for what is no tag")
    expect_status(repository.get_manifest(path), NO_NAME, "for what is no tag")


@verifies("registry/name/every-app-slug-is-taken")
@pytest.mark.parametrize("ending", [case("digits", "-0"), case("dashes", "---x"), case("letters", "app")])
def test_app_slugs(repository: Repository, ending: str) -> None:
    """Purpose: every slug an app may have can be pushed to.

    Method: 1. open an upload to a repository whose slug has dashes and digits at its end
            2. expect 202
    """
    expect_status(repository.named(repository.name + ending).post_upload(), 202)


@verifies("registry/name/no-other-name-is-taken")
@pytest.mark.parametrize(
    "name",
    [
        case("capital", "orgs/{org}/App"),
        case("dash-first", "orgs/{org}/-app"),
        case("dot-last", "orgs/{org}/app."),
        case("three-underscores", "orgs/{org}/a___b"),
        case("not-ascii", "orgs/{org}/größe"),
        case("blank", "orgs/{org}/a b"),
        case("too-long", "orgs/{org}/" + "a" * 256),
        case("very-long", "orgs/{org}/" + "a" * 3000),
        case("dots", "orgs/{org}/a/../b"),
        case("two-dots", "orgs/{org}/a..b"),
    ],
)
def test_no_other_name(repository: Repository, name: str) -> None:
    """Purpose: what is no repository name is refused, and is never the platform's fault.

    Method: 1. POST an upload and GET the tags under what is no name
            2. expect a refusal (400, 401, 403, 404 or 405), never 2xx or 5xx
    """
    organization = repository.name.split("/")[1] if repository.name.count("/") > 1 else "acme"
    name = name.format(org=organization)
    scopes = (repository.registry.scope(name),)

    for method, rest in (("POST", "blobs/uploads/"), ("GET", "tags/list")):
        reply = repository.registry.send(method, f"/v2/{quote(name, safe='/')}/{rest}", scopes=scopes)
        if reply.status not in NO_NAME | ELSEWHERE:
            raise NonConformance("a refusal of what is no name", f"{reply.status} to {method}", reply)


@verifies("registry/name/image-naming-of-the-contract")
def test_image_naming(new_repository: NewRepository, names: Names) -> None:
    """Purpose: images are named {registry-domain}/orgs/{org-slug}/{app-slug}:{tag}.

    Method: 1. push an image to orgs/{org-slug}/{app-slug} under a tag such as v1.0.0
            2. expect 201, and exactly its bytes from GET of the tag
    """
    repository = new_repository("named")
    if not repository.name.startswith("orgs/") or repository.name.count("/") != 2:
        needs = 'repository = "orgs/{org-slug}/{app-slug}" in [targets.X.registry]'
        raise Inconclusive(f"the target file names {repository.registry.described.repository}", needs)
    manifest = image(names.new("named"), layers=0)

    expect_status(repository.push(manifest, "v1.0.0"), 201)
    expect_bytes(repository.get_manifest("v1.0.0"), manifest.content)


@verifies("registry/name/tags-differ-in-case")
def test_tags_differ_in_case(repository: Repository, names: Names, new_image: NewImage) -> None:
    """Purpose: two tags that differ in case are two tags.

    Method: 1. push two images under "…-a" and "…-A"
            2. GET both tags: expect the one and the other
    """
    tag = names.new("case")
    small, capital = new_image(), new_image()
    repository.given(small, f"{tag}-a")
    repository.given(capital, f"{tag}-A")

    expect_bytes(repository.get_manifest(f"{tag}-a"), small.content)
    expect_bytes(repository.get_manifest(f"{tag}-A"), capital.content)
