"""Repository names: the limits of their grammar, and percent-encoding (OCI Distribution 1.1; RFC 9110).

Every name begins with the name of a repository of the run, so that cleanup finds each repository that is created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

import pytest

from conformance.clients.registry.client import NewRepository, Registry, Repository, StoredImage
from conformance.clients.registry.images import image, index
from conformance.clients.registry.tags import stays
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
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success, unlike
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof

# What is no name here: no route, no such name, or no rights on what is no name.
NO_NAME = {400, 401, 403, 404, 405, 414}
# Paths with dots in them are resolved by many servers, which send the caller to what they have resolved.
ELSEWHERE = {301, 302, 307, 308}
LONGEST = 255
"""Characters of registry, slash and name, which many clients keep to."""
LONGEST_TAG = 128
# Those that one behind a slash is like: their blobs are looked for, and catalogs that list what has blobs list them.
WITH_BLOBS = ("a", "a/b/c", "a/0", "a/manifests/c")
PushedTo = Callable[[str], StoredImage | Exchange]
TAGS = "a1", "b2", "c3"


@pytest.fixture
def pushed_to(new_repository: NewRepository, repository_at: NewRepository, once: Once) -> PushedTo:
    """Pushes an image of its own to a name, once for each, which several others may be like; or tells the refusal.

    No blob is pushed where none is looked for and an index of nothing is taken.
    """

    def made(ending: str) -> StoredImage | Exchange:
        parent = once("apart", lambda: new_repository("apart"))
        most = "m" * (LONGEST - len(f"{urlsplit(parent.registry.http.base_url).netloc}/{parent.name}-a"))
        repository = repository_at(f"{parent.name}-{ending.format(most=most)}")
        # The longest name goes with the longest tag: what limits how long an address is takes both.
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
    raise unlike("202 to an upload", pushed, {202})


@verifies("registry/name/app-slugs-are-accepted")
@pytest.mark.parametrize(
    "ending", [case("digits", "a-0"), case("dashes", "a---0"), case("letters", "a"), case("one-digit", "a7")]
)
def test_app_slugs(pushed_to: PushedTo, ending: str) -> None:
    """Purpose: every slug an app may have can be pushed to.
    Method: 1. push an image to a repository whose slug has dashes and digits at its end
            2. expect 2xx; or 2xx to POST of an upload
    """
    expect_accepted(pushed_to(ending))


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
    """Purpose: no two names are one repository, however alike; which names there are is the platform's to say.
    Method: 1. push an image of its own, under one tag, to each of two names of the grammar: expect 2xx; or an upload
               that is opened there to be refused (400 to 405, 414)
            2. GET the tag under each that was taken, and expect exactly its own bytes; of others than these, what a
               third name was given may be read, and both are pushed again before that counts
            3. where one name goes on behind a slash, expect 404 to GET of the other's config, or of its image, and no
               tag of it in the list
    """
    pair = [each for each in (pushed_to(like), pushed_to(ending)) if isinstance(each, StoredImage)]
    try:
        expect_own(pair)
    except NonConformance:
        for each in pair:
            pushed = each.repository.push(each.image, each.tag)
            if not stays(pushed):
                expect_success(pushed, f"under {each.repository.name}")
        expect_own(pair)
    if "/" in ending and len(pair) == 2:
        for each, other in zip(pair, reversed(pair), strict=True):
            its, digest = each.repository, other.image.blobs[0].digest
            there = its.get_blob(digest) if ending.count("/") > 1 else its.get_manifest(other.image.digest)
            expect_not_stored([there])
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
    Method: 1. POST an upload under what is no name
            2. expect a refusal (400, 401, 403, 404 or 405), never 2xx or 5xx; or a session of another name, where
               the path has dots, which a server may resolve before it looks at names (RFC 3986 section 6.2.2.3)
            3. where it is another than 404, GET the tags, and under what is not ASCII a manifest, and expect a refusal
               again
    """
    other = repository.named(repository.name + ending)
    opened = other.post_upload()
    if opened.ok and "/../" in other.name and "/../" not in unquote(opened.headers.get("location") or ""):
        return

    # Where there is no such path there is nothing to read.
    reads = ["tags/list"] if ending.isascii() else ["tags/list", "manifests/v1.0.0"]
    for reply in [opened] if opened.status == 404 else [opened, *(other.send("GET", each) for each in reads)]:
        if reply.status not in NO_NAME | ELSEWHERE:
            proof = Proof(reply.id, statuses=tuple(NO_NAME | ELSEWHERE))
            raise NonConformance(
                "a refusal of what is no name", f"{reply.status} to {reply.method}", reply, proof=proof
            )


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
    """Purpose: no name causes a server error. No clause limits its length, and many servers merge slashes.
    Method: 1. POST an upload under a name that is too long for many, or has an empty component, or none at all
            2. expect an answer that is no 5xx; and where it is no 404, another one to GET of the tags; under no name
               another one to GET of an image
    """
    named = repository.named(form.format(name=repository.name, most="a" * (LONGEST + 1)))
    other = with_a_token(named, repository)
    opened = other.post_upload()

    expect_no_server_error(opened)
    for rest in ["manifests/v1.0.0"] if not form else ["tags/list"] if opened.status != 404 else []:
        expect_no_server_error(other.send("GET", rest))


def with_a_token(other: Repository, repository: Repository) -> Repository:
    """The same; with a token for another repository where the token endpoint takes no address that is so long."""
    presenter = repository.registry.presenter
    try:
        presenter.authorization(other.scopes)
    except Inconclusive:
        return other.presenting(presenter.authorization(repository.scopes))
    return other


@verifies("registry/name/image-naming-of-the-contract")
def test_image_naming(repository: Repository, pushed_to: PushedTo) -> None:
    """Purpose: images are named {registry-domain}/orgs/{org-slug}/{app-slug}:{tag}.
    Method: 1. push an image to orgs/{org-slug}/{app-slug} under a tag such as v1.0.0
            2. expect 2xx, and exactly its bytes from GET of the tag
    """
    if not repository.name.startswith("orgs/") or repository.name.count("/") != 2:
        needs = 'repository = "orgs/{org-slug}/{app-slug}" in [targets.X.registry]'
        raise Inconclusive(f"the target file names {repository.registry.described.repository}", needs)

    expect_own([expect_accepted(pushed_to("a"))])


@verifies("registry/catalog/is-sorted")
@pytest.mark.parametrize("ending", [case("name-below", "a/0")])
def test_catalog_with_names_below(registry: Registry, pushed_to: PushedTo, ending: str) -> None:
    """Purpose: a name that goes on behind a slash stands where its letters do, and not with its folder.
    Method: 1. push images to three names, of which two are the first and more, behind a slash and behind a dash
            2. read the catalog to its end: expect what each page has of them in lexical order
    """
    pushed = [pushed_to(each) for each in ("a", "a-0", ending)]
    own = {each.repository.name for each in pushed if isinstance(each, StoredImage)}
    if len(own) < len(pushed):
        raise NotApplicable("no name goes on behind a slash here")

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
@pytest.mark.parametrize("kind", [case("manifest", "manifest"), case("blob", "blob")])
def test_escaped_is_the_same(tagged_image: StoredImage, kind: str) -> None:
    """Purpose: a client that escapes more than it must gets the same.
    Method: 1. GET a manifest, a letter of its tag escaped, and a blob, the first digit of its digest escaped
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
    Method: 1. GET one of three tags, and those behind the first; follow the Links to the end: nothing is asked of a
               registry where these are not the three, and the other two
            2. the same, a letter of the path and of last escaped: expect the same, each once
    """
    repository, wanted = tagged_image.repository, TAGS[first:]
    listed = [tag for page in pages_from(repository.tags(plain), repository.follow) for tag in strings_of(page, "tags")]
    if sorted(listed) != [*wanted]:
        raise NotApplicable(f"the registry lists {listed} for {plain} as it is")
    reply = repository.registry.fetch("GET", repository.path(rest), scopes=repository.scopes)

    expect_complete(pages_from(reply, repository.follow), "tags", wanted)
