"""Defects that break the promise "Repository names, tags and digests follow the specified grammar"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Manifest, Repository
from conformance.reference.support.registry import _RefusedManifestsStored, registry_of
from tests.defects.support.common import server_error_page

LONGEST_ADDRESS = 320

ROWS = (
    row(
        "escapes-in-a-link-escaped",
        "RFC 9110 section 4.2.3: a Link escapes the percent signs of its path again.",
        "registry/name/percent-encoding-is-decoded#list",
        listing_url=lambda original, request, query: f"{request.raw_path.replace('%', '%25')}?{query}",
    ),
    row(
        "long-tag-refused",
        "distribution-spec 1.1, Pulling manifests: a tag of more than 63 characters is refused.",
        "registry/name/valid-tags-are-accepted#128-letters,hexadecimal",
        "registry/referrers/tag-schema-works",
        is_tag=lambda original, text: len(text) < 64 and bool(original(text)),
    ),
    row(
        "tag-without-its-last-dash",
        "distribution-spec 1.1, Pulling manifests: a hyphen at the end of a tag is ignored.",
        "registry/name/similar-tags-are-distinct#or-at-their-end",
        check_reference=lambda original, text: str(original(text)).rstrip("-"),
    ),
)


@defect("registry/name/any-name-is-no-server-error#many-components,too-long,very-long")
def long_name_fails(is_name: Any, text: str) -> bool:
    """API Reference, Error Handling: a long name is answered 500 (distribution #2670)."""
    if len(text) > 255:
        raise Refusal("NAME_INVALID", status=500)
    return bool(is_name(text))


@defect("registry/name/any-name-is-no-server-error#slash-first,slash-last")
def empty_component_fails(is_name: Any, text: str) -> bool:
    """API Reference, Error Handling: a name with an empty component is answered 500."""
    if "" in text.split("/"):
        raise Refusal("NAME_INVALID", status=500)
    return bool(is_name(text))


@defect("registry/name/any-name-is-no-server-error#nothing")
def no_name_fails(request: Request) -> Answer | None:
    """API Reference, Error Handling: a manifest without a repository name is answered 500."""
    return Answer.json(500, {"message": "no name"}) if request.path.startswith("/v2//manifests/") else None


@defect("registry/name/any-reference-is-no-server-error", shortest=1)
def bytes_in_reference_fail(request: Request) -> Answer | None:
    """API Reference, Error Handling: a reference that is not UTF-8 is answered 500."""
    return server_error_page() if request.method == "GET" and "\ufffd" in request.path else None


@defect("registry/name/any-tag-names-its-manifest", shortest=5)
def tag_ending_in_a_separator_refused(is_tag: Any, text: str) -> bool:
    """distribution-spec 1.1, Pulling manifests: a tag that ends in ``.``, ``-`` or ``_`` is refused."""
    return bool(is_tag(text)) and text[-1] not in ".-_"


@defect("registry/name/similar-names-are-distinct#one-letter-components,word-of-a-path")
def blobs_of_names_below(blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Pulling blobs: a blob of ``app/below`` is found in ``app``."""
    for other, stored in registry_of(blob_of).repositories.items():
        if other.startswith(f"{name}/") and digest in stored.blobs:
            return stored.blobs[digest]
    return blob_of(name, digest)


@defect("registry/name/similar-names-are-distinct#longest")
def long_address_refused(request: Request) -> Answer | None:
    """distribution-spec 1.1, Pulling manifests: a long name with a long tag is answered 414."""
    if len(request.path) <= LONGEST_ADDRESS or "/manifests/" not in request.path:
        return None
    return Answer.json(414, {"message": "URI too long"})


class NamesFolded(Defect):
    """distribution-spec 1.1, Pulling manifests: names that differ in a separator are one repository."""

    noticed_by = ("registry/name/similar-names-are-distinct#dashes,dot,two-underscores,underscore",)

    def stored(self, original: Any, name: str) -> Repository:
        return original(self._stored_name(name))

    def opened(self, original: Any, name: str) -> Repository:
        return original(self._stored_name(name))

    def _stored_name(self, name: str) -> str:
        return re.sub("[-._]+", "-", name)


@defect(
    "registry/name/similar-names-are-distinct#one-digit-component",
    "registry/name/any-name-is-no-server-error#empty-component",
)
def one_letter_component_fails(is_name: Any, text: str) -> bool:
    """API Reference, Error Handling: a component of one letter is answered 500."""
    if any(len(each) == 1 for each in text.split("/")):
        raise Refusal("NAME_INVALID", status=500)
    return bool(is_name(text))


@defect("registry/name/similar-names-are-distinct#one-digit-component")
def tags_below_are_listed(tags_of: Any, name: str) -> list[str]:
    """distribution-spec 1.1, Listing Tags: the tags of ``a/b`` are listed for ``a``."""
    below = (each.tags for path, each in registry_of(tags_of).repositories.items() if path.startswith(f"{name}/"))
    return list(dict.fromkeys([*tags_of(name), *(tag for tags in below for tag in tags)]))


@defect("registry/name/percent-encoding-is-decoded#last")
def escapes_in_last_not_decoded(page_answer: Any, request: Request, *page: Any) -> Answer:
    """RFC 9110 section 4.2.3: escapes in ``last`` are not decoded."""
    if "last=%" in request.query_string:
        # No name is before one that begins with a percent sign.
        request = replace(request, query_string=re.sub("last=[^&]*", "last=%25", request.query_string))
    return page_answer(request, *page)


@defect("registry/name/percent-encoding-is-decoded#blob,manifest")
async def escaped_paths_are_none(answer: Any, request: Request) -> Answer:
    """RFC 9110 section 4.2.3: an escaped path is answered 404."""
    if re.search("/(manifests/%61|blobs/[^/]*%)", request.raw_path):
        return Refusal("NAME_UNKNOWN").answer()
    return await answer(request)


@defect("registry/name/app-slugs-are-accepted#dashes")
def name_with_separators_refused(is_name: Any, text: str) -> bool:
    """distribution-spec 1.1, Pulling manifests: a name with ``.``, ``__`` or ``--`` is refused."""
    return bool(is_name(text)) and not any(separator in text for separator in ("__", ".", "--"))


@defect("registry/name/valid-tags-are-accepted#capital", "registry/name/similar-tags-are-distinct")
async def tags_kept_in_small_letters(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Pulling manifests: tags are stored in lower case."""
    await set_tag(name, tag.lower(), digest)


@defect("registry/name/image-naming-of-the-contract")
async def versions_are_numbers(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """API Reference, Docker Registry: the tag v1.0.0 is stored as v1.0."""
    await set_tag(name, tag.removesuffix(".0"), digest)


@defect(
    "registry/name/invalid-name-is-refused#capital,component-of-a-dash,dash-and-underscore,dash-first,dash-last",
    "registry/name/invalid-name-is-refused#dot-and-dash,dot-first,dot-last,not-ascii,plus,three-underscores",
    "registry/name/invalid-name-is-refused#two-dots,underscore-first,underscore-last",
)
def name_grammar_unchecked(is_name: Any, text: str) -> bool:
    """distribution-spec 1.1, Pulling manifests: the grammar of repository names is not checked."""
    return True


class BadTagsSetAllTheSame(_RefusedManifestsStored):
    """distribution-spec 1.1, Pulling manifests: an invalid tag is refused, and set."""

    noticed_by = ("registry/name/invalid-tag-is-refused#129-letters,at,dash-first,line-end,nul",)
    codes = ("TAG_INVALID",)

    def manifest_of(self, original: Any, call: Call) -> Manifest:
        registry = registry_of(original)
        return registry.resolve(call.name, call.reference) or original(call)


@defect("registry/name/invalid-tag-is-refused#129-letters,blank,dot-first,not-ascii,plus")
def tag_grammar_unchecked(is_tag: Any, text: str) -> bool:
    """distribution-spec 1.1, Pulling manifests: the grammar of tags is not checked."""
    return True


@defect("registry/name/similar-tags-are-distinct")
async def tag_like_another_not_set(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Pulling manifests: a tag that differs from another only in case is not set."""
    tags = registry_of(set_tag).stored(name).tags
    if tag in tags or tag.lower() not in map(str.lower, tags):
        await set_tag(name, tag, digest)
