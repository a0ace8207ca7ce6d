"""Repository names and tags: the limits of their grammar, and percent-encoding (OCI Distribution 1.1; RFC 9110)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote, urlsplit

import pytest

from conformance.clients.registry.client import NewRepository, Registry, Repository, StoredImage
from conformance.clients.registry.images import Manifest, image, index
from conformance.clients.registry.tags import is_immutable
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import (
    expect_bytes,
    expect_complete,
    expect_not_stored,
    expect_sorted,
    expect_tags,
    pages_from,
    strings_of,
)
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success, unlike
from conformance.sandbox.names import Names
from conformance.sandbox.retry_once import at_second_try
from conformance.strategies.properties import explores
from conformance.strategies.registry import path_parts
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

# Refusals of an invalid name: no clause names a status.
NO_NAME = {*range(400, 500)}
# Many servers resolve the dots in a path and redirect the client to the result.
ELSEWHERE = {301, 302, 307, 308}
LONGEST = 255
"""Characters of registry, slash and name: a limit of many clients."""
LONGEST_TAG = 128
# Names whose blobs a check reads; some catalogs list only repositories with blobs.
WITH_BLOBS = ("a", "a/b/c", "a/0", "a/manifests/c")
PushedTo = Callable[[str], StoredImage | Exchange]
TAGS = "a1", "b2", "c3"


@pytest.fixture
def pushed_to(new_repository: NewRepository, repository_at: NewRepository, once: Once) -> PushedTo:
    """Pushes an image to a name, once for each name, or returns the refusal; no blob if it accepts an empty index."""

    def made(ending: str) -> StoredImage | Exchange:
        parent = once("apart", lambda: new_repository("apart"))
        most = "m" * (LONGEST - len(f"{urlsplit(parent.registry.http.base_url).netloc}/{parent.name}-a"))
        repository = repository_at(f"{parent.name}-{ending.format(most=most)}")
        # The longest name has the longest tag: a limit on the length of an address applies to both.
        tag = "v1.0.0-below" if "/" in ending else "v1.0.0".ljust(LONGEST_TAG if "{most}" in ending else 0, "0")
        alone = index([], annotations={"org.example.name": repository.name})
        if ending not in WITH_BLOBS and repository.push(alone, tag).ok:
            return StoredImage(repository, alone, tag)
        reply = repository.post_upload()
        expect_status(reply, {*range(200, 300)} | NO_NAME, f"under {repository.name}")
        if not reply.ok:
            return reply
        its_own = image(repository.name, layers=0)
        (config,) = its_own.blobs
        created = repository.upload_of(reply).put(config.digest, config.content)
        for pushed in (created, repository.push(its_own, tag)):
            expect_success(pushed, f"under {repository.name}")
        return StoredImage(repository, its_own, tag)

    return lambda ending: once(("apart", ending), lambda: made(ending))


def expect_accepted(pushed: StoredImage | Exchange) -> StoredImage:
    """Expect the name to be accepted."""
    if isinstance(pushed, StoredImage):
        return pushed
    raise unlike("202 for POST of an upload", pushed, {202})


@verifies("registry/name/app-slugs-are-accepted")
@pytest.mark.parametrize(
    "ending", [case("digits", "a-0"), case("dashes", "a---0"), case("letters", "a"), case("one-digit", "a7")]
)
def test_app_slugs(pushed_to: PushedTo, ending: str) -> None:
    """Purpose: every app slug can be pushed to.
    Method: 1. push an image to a repository whose slug contains dashes, or ends in a digit
            2. expect 2xx, and its bytes from a GET of the tag
    """
    expect_own([expect_accepted(pushed_to(ending))])


@verifies("registry/name/similar-names-are-distinct")
@pytest.mark.parametrize(
    ("ending", "like"),
    [
        case("dashes", "a---0", "a-0"),
        case("dot", "a.0", "a-0"),
        case("underscore", "a_0", "a-0"),
        case("two-underscores", "a__0", "a_0"),
        case("one-letter-components", "a/b/c", "a"),
        case("one-digit-component", "a/0", "a"),
        case("word-of-a-path", "a/manifests/c", "a"),
        case("longest", "{most}a", "{most}b"),
    ],
)
def test_each_name_is_its_own(pushed_to: PushedTo, ending: str, like: str) -> None:
    """Purpose: no two names are one repository, however alike they are; the platform decides which names are valid.
    Method: 1. push a different image under one tag to each of two names: expect 2xx, or a 4xx to the upload
            2. GET the tag in each repository: expect exactly its own bytes; pushed and read again if they differ
            3. if one name is the other plus a component, expect 404 for the other's content, and no tag of the other
    """
    pair = [each for each in (pushed_to(like), pushed_to(ending)) if isinstance(each, StoredImage)]
    try:
        expect_own(pair)
    except NonConformance:
        for each in pair:
            pushed = each.repository.push(each.image, each.tag)
            if not is_immutable(pushed):
                expect_success(pushed, f"under {each.repository.name}")
        expect_own(pair)
    if "/" in ending and len(pair) == 2:
        for each, other in zip(pair, reversed(pair), strict=True):
            its, digest = each.repository, other.image.blobs[0].digest
            existing = its.get_blob(digest) if ending.count("/") > 1 else its.get_manifest(other.image.digest)
            expect_not_stored([existing])
        expect_tags(pair[0].repository, [pair[0].tag])


def expect_own(images: Iterable[StoredImage]) -> None:
    """Expect exactly the pushed bytes under each tag."""
    for each in images:
        expect_bytes(each.repository.get_manifest(each.tag), each.image.content)


@verifies("registry/name/invalid-name-is-refused")
@pytest.mark.parametrize(
    "ending",
    [
        case("capital", "App"),
        case("dash-first", "/-app"),
        case("dash-last", "/app-"),
        case("dot-first", "/.app"),
        case("dot-last", "/app."),
        case("underscore-first", "/_app"),
        case("underscore-last", "/app_"),
        case("three-underscores", "a___b"),
        case("two-dots", "a..b"),
        case("dot-and-dash", "a.-b"),
        case("dash-and-underscore", "a-_b"),
        case("component-of-a-dash", "/-/b"),
        case("plus", "a+b"),
        case("not-ascii", "größe"),
        case("blank", "a b"),
        case("dots", "/a/../b"),
    ],
)
def test_no_other_name(repository: Repository, ending: str) -> None:
    """Purpose: an invalid repository name is refused, and never causes a server error.
    Method: 1. POST an upload under an invalid name: expect a 4xx, or for a name with dots an
               upload in the resolved path (RFC 3986 section 6.2.2.3)
            2. unless that is 404, expect the same of the tag list, and of a manifest under a name that is not ASCII
    """
    other = repository.named(repository.name + ending)
    opened = other.post_upload()
    if opened.ok and "/../" in other.name and "/../" not in unquote(opened.headers.get("location") or ""):
        return

    reads = ["tags/list"] if ending.isascii() else ["tags/list", "manifests/v1.0.0"]
    for reply in [opened] if opened.status == 404 else [opened, *(other.send("GET", each) for each in reads)]:
        if reply.status not in NO_NAME | ELSEWHERE:
            raise NonConformance("a refusal of an invalid name", f"{reply.status} to {reply.method}", reply)


@verifies("registry/name/any-name-is-no-server-error")
@pytest.mark.parametrize(
    "form",
    [
        case("too-long", "{name}/{most}"),
        case("very-long", "{name}/" + "a" * 3000),
        case("many-components", "{name}" + "/a" * 120),
        case("empty-component", "{name}//b"),
        case("slash-last", "{name}/"),
        case("slash-first", "/{name}"),
        case("nothing", ""),
    ],
)
def test_any_name(repository: Repository, form: str) -> None:
    """Purpose: no repository name causes a server error. No clause limits its length, and many servers merge slashes.
    Method: 1. POST an upload under a name that is too long, has an empty component, or is empty: expect no 5xx
            2. expect no 5xx from the tag list unless that was 404, and from a manifest under the empty name
    """
    named = repository.named(form.format(name=repository.name, most="a" * (LONGEST + 1)))
    other = with_a_token(named, repository)
    opened = other.post_upload()

    expect_no_server_error(opened)
    for rest in ["manifests/v1.0.0"] if not form else ["tags/list"] if opened.status != 404 else []:
        expect_no_server_error(other.send("GET", rest))


def with_a_token(other: Repository, repository: Repository) -> Repository:
    """Return the repository; with another repository's token if the token endpoint accepts no scope of that length."""
    presenter = repository.registry.presenter
    try:
        presenter.authorization(other.scopes)
    except Inconclusive:
        return other.presenting(presenter.authorization(repository.scopes))
    return other


@verifies("registry/name/image-naming-of-the-contract")
def test_image_naming(repository: Repository, pushed_to: PushedTo) -> None:
    """Purpose: images are named {registry-domain}/orgs/{org-slug}/{app-slug}:{tag}.
    Method: 1. push an image to orgs/{org-slug}/{app-slug} under the tag v1.0.0; 2. expect 2xx, and its bytes from GET
    """
    if not repository.name.startswith("orgs/") or repository.name.count("/") != 2:
        needs = 'repository = "orgs/{org-slug}/{app-slug}" in [targets.X.registry]'
        raise Inconclusive(f"the target file names {repository.registry.described.repository}", needs)

    expect_own([expect_accepted(pushed_to("a"))])


@verifies("registry/catalog/is-sorted#name-below")
def test_catalog_with_names_below(registry: Registry, pushed_to: PushedTo) -> None:
    """Purpose: a name with a further component is sorted by its characters, and not with its folder.
    Method: 1. push images to one name, and to this name followed by a slash and by a dash
            2. read the whole catalog: expect these names in lexical order on each page
    """
    pushed = [pushed_to(each) for each in ("a", "a-0", "a/0")]
    own = {each.repository.name for each in pushed if isinstance(each, StoredImage)}
    if len(own) < len(pushed):
        raise NotApplicable("the registry accepts no name with a further component")

    for page in pages_from(registry.catalog("?n=50"), registry.follow_catalog):
        expect_sorted(page, "repositories", own)


def escaped(text: str, at: int = 0) -> str:
    """Return the text with one character percent-encoded."""
    return f"{text[:at]}%{ord(text[at]):02X}{text[at + 1 :]}"


@pytest.fixture(scope="session")
@at_second_try
def tagged_image(new_repository: NewRepository) -> StoredImage:
    """An image under three tags."""
    repository = new_repository("escaped")
    return StoredImage(repository, repository.given(image(repository.name, layers=0), *TAGS), TAGS[0])


@verifies("registry/name/percent-encoding-is-decoded")
@pytest.mark.parametrize("kind", ["manifest", "blob"])
def test_escaped_is_the_same(tagged_image: StoredImage, kind: str) -> None:
    """Purpose: a client that percent-encodes more than it must gets the same content.
    Method: 1. GET a manifest with one letter of its tag encoded, and a blob with one digit of its digest encoded
            2. expect exactly its bytes
    """
    repository, blob = tagged_image.repository, tagged_image.image.blobs[-1]

    if kind == "manifest":
        expect_bytes(repository.get_manifest(escaped(tagged_image.tag)), tagged_image.image.content)
    else:
        expect_bytes(repository.get_blob(escaped(blob.digest, len("sha256:"))), blob.content)


@verifies("registry/name/percent-encoding-is-decoded")
@pytest.mark.parametrize(
    ("plain", "rest", "first"),
    [
        case("list", "?n=1", f"{escaped('tags/list')}?n=1", 0),
        case("last", f"?last={TAGS[0]}", f"tags/list?last={escaped(TAGS[0])}", 1),
    ],
)
def test_escaped_list_goes_on(tagged_image: StoredImage, plain: str, rest: str, first: int) -> None:
    """Purpose: a percent-encoded address can be paged through like the plain one.
    Method: 1. list tags in pages, and after the first tag: not applicable if the list is wrong
            2. the same with one letter of the path and of last encoded: expect each tag once
    """
    repository, expected = tagged_image.repository, TAGS[first:]
    listed = [tag for page in pages_from(repository.tags(plain), repository.follow) for tag in strings_of(page, "tags")]
    if sorted(listed) != [*expected]:
        raise NotApplicable(f"the registry lists {listed} for the plain {plain}")
    reply = repository.registry.fetch("GET", repository.path(rest), scopes=repository.scopes)

    expect_complete(pages_from(reply, repository.follow), "tags", expected)


@verifies("registry/name/valid-tags-are-accepted")
@pytest.mark.parametrize(
    "tag",
    [
        case("one-letter", "a"),
        case("128-letters", "t" * 128),
        case("underscore-first", "_1"),
        case("capital", "V1.0-RC_2"),
        case("digits", "20261125"),
        case("dots", "1.2.3...4"),
        case("hexadecimal", "0123456789abcdef" * 4),
    ],
)
def test_tags_of_the_grammar(stored: StoredImage, tag: str) -> None:
    """Purpose: every tag of the grammar can be pushed and pulled.
    Method: 1. PUT an image under a tag at a limit of the grammar: expect 2xx; 2. GET the tag: expect exactly its bytes
    """
    repository, manifest = stored.repository, stored.image

    expect_success(repository.put_manifest(tag, manifest.content, manifest.media_type))
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/name/invalid-tag-is-refused")
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
        case("line-end", "v1\n"),
    ],
)
def test_no_other_tag(stored: StoredImage, tag: str) -> None:
    """Purpose: an invalid tag is refused.
    Method: 1. PUT an image under an invalid tag: expect a 4xx; 2. unless that was 404, GET the tag: expect the same
    """
    path = quote(tag, safe="@+")
    repository, manifest = stored.repository, stored.image
    reply = repository.put_manifest(path, manifest.content, manifest.media_type)

    expect_refused(reply, "for an invalid tag")
    if reply.status != 404:
        expect_refused(repository.get_manifest(path), "for an invalid tag")


@pytest.mark.parametrize(
    ("one", "other", "absent"),
    [
        row("registry/name/similar-tags-are-distinct", "-a", "-A", "-A"),
        row("registry/name/similar-tags-are-distinct#or-at-their-end", ".", "-", ""),
    ],
)
def test_similar_tags_are_distinct(
    repository: Repository, names: Names, pair: tuple[Manifest, Manifest], one: str, other: str, absent: str
) -> None:
    """Purpose: tags that differ only in case, or in a dot or dash at the end, are two tags.
    Method: 1. push an image under "…-a", or "….": expect 404 to GET of "…-A", or "…"
            2. push another under "…-A", or "…-": expect the same of "…", and each image under its own tag
    """
    tag = names.new("similar")
    repository.given(pair[0], f"{tag}{one}")
    expect_not_stored([repository.get_manifest(f"{tag}{absent}")])
    repository.given(pair[1], f"{tag}{other}")
    if absent != other:
        expect_not_stored([repository.get_manifest(f"{tag}{absent}")])

    for ending, manifest in zip((one, other), pair, strict=True):
        expect_bytes(repository.get_manifest(f"{tag}{ending}"), manifest.content)


@verifies("registry/name/any-reference-is-no-server-error")
@explores(0.4, {"part": "sha256:0123"}, {"part": "a" * 140}, {"part": "uploads/"}, part=path_parts())
def test_any_reference(stored: StoredImage, part: str) -> None:
    """Purpose: no text instead of a tag or digest causes a server error.
    Method: 1. GET a manifest and a blob under any text; 2. expect no 5xx, and a well-formed error document
    """
    for reply in (stored.repository.get_manifest(part), stored.repository.get_blob(part)):
        expect_no_server_error(reply)
        if 400 <= reply.status < 500:
            expect_error_document(reply)
